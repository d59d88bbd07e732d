import Foundation
import Testing
import YuyanModels
import YuyanTestSupport

/// Toy decoders of transformers, Llama with factors on its branches (ReZero) among them, with its norms and without.
///
/// Logits, loss, every gradient and ten losses of training, element by element.
@Suite struct DecoderParityTests {
    static let names = ["gpt2", "llama", "llama-tied", "rezero", "rezero-without-norms"]

    struct Golden {
        let file: ModelGolden
        let model: DecoderModel
        let ids: Tensor
        let targets: Tensor
        let scale: Float

        init(_ name: String) throws {
            file = try ModelGolden("decoder/\(name)")
            model = try DecoderModel(folder: file.folder)
            let shape = Shape(try file.shape("input_ids"))
            ids = Tensor(try file.integers("input_ids"), shape: shape)
            let numbers = try file.integers("targets")
            targets = Tensor(numbers, shape: shape)
            scale = 1 / Float(numbers.filter { $0 != -100 }.count)
        }

        func loss() -> Tensor { model.loss(inputIDs: ids, targets: targets, scale: scale) }

        func useDoublePrecision() {
            for parameter in model.parameters() { parameter.convert(to: .f64) }
        }

        func compareGradients(relative: Double) throws {
            try file.compareGradients(of: model, model.configuration.keyMap, relative: relative)
        }
    }

    @Test(arguments: names) func matchesInSinglePrecision(name: String) throws {
        let golden = try Golden(name)
        let logits = try golden.file.values("logits")
        expectClose(
            actual: golden.model.logits(golden.ids).doubles(),
            expected: logits,
            relative: 1e-5,
            absolute: 2e-5,
            "logits"
        )
        let tape = Tape()
        let loss = tape.record { golden.loss() }
        expectClose(actual: [loss.item()], expected: try golden.file.values("loss"), relative: 2e-6, "loss")
        tape.backward(from: loss)
        try golden.compareGradients(relative: 2e-5)
    }

    /// The files hold f32, so that nothing tighter than its rounding can be asked of logits and gradients.
    @Test(arguments: names) func matchesInDoublePrecision(name: String) throws {
        let golden = try Golden(name)
        golden.useDoublePrecision()
        // Angles and their sines are f32 in transformers' rotary positions.
        let tolerance = name == "gpt2" ? 1e-7 : 2e-6
        expectClose(
            actual: golden.model.logits(golden.ids).doubles(),
            expected: try golden.file.values("logits"),
            relative: tolerance,
            absolute: tolerance,
            "logits"
        )
        let tape = Tape()
        let loss = tape.record { golden.loss() }
        expectClose(
            actual: [loss.item()],
            expected: try golden.file.values("loss"),
            relative: name == "gpt2" ? 1e-7 : 1e-6,
            "loss"
        )
        tape.backward(from: loss)
        try golden.compareGradients(relative: tolerance)
    }

    @Test(arguments: names, [false, true]) func trainsAlike(name: String, checkpointing: Bool) throws {
        let golden = try Golden(name)
        golden.model.checkpointsActivations = checkpointing
        let losses = try ModelGolden.train(golden.model, steps: 10) { golden.loss() }
        expectClose(actual: losses, expected: try golden.file.values("adamw_losses"), relative: 2e-5)
    }

    @Test(arguments: ["llama", "llama-tied"]) func frequenciesMatch(name: String) throws {
        let golden = try Golden(name)
        let frequencies = try #require(golden.model.rotaryFrequencies)
        expectClose(
            actual: frequencies.doubles(),
            expected: try golden.file.values("frequencies"),
            relative: 2e-7
        )
    }

    /// What is written holds the same tensors under the same keys, bit for bit, as what transformers wrote.
    @Test(arguments: names) func filesAreThoseOfTransformers(name: String) throws {
        let golden = try Golden(name)
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString).path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try golden.model.save(to: folder)
        try golden.file.compareFiles(folder)
        let theirs = try ConfigurationReader(contentsOf: "\(golden.file.folder)/config.json").object
        let ours = try ConfigurationReader(contentsOf: "\(folder)/config.json").object
        for (key, value) in ours where theirs[key] != nil && key != "n_inner" {
            #expect(theirs[key]?.isNull == true || same(theirs[key], value), "\(key)")
        }
    }

    /// Equal values; a number may be written with or without a fraction.
    private func same(_ a: JSONValue?, _ b: JSONValue) -> Bool {
        if let a = a?.objectValue, let b = b.objectValue {
            return a.count == b.count
                && a.allSatisfy { key, value in b[key].map { same($0, value) } ?? false }
        }
        return a == b || (a?.numberValue != nil && a?.numberValue == b.numberValue)
    }

    /// bf16 keeps eight bits: the loss stays close, and the gradients point the same way.
    @Test(arguments: names) func bfloat16StaysClose(name: String) throws {
        let golden = try Golden(name)
        golden.model.computeDType = .bf16
        let tape = Tape()
        let loss = tape.record { golden.loss() }
        expectClose(actual: [loss.item()], expected: try golden.file.values("loss"), relative: 5e-3, "loss")
        tape.backward(from: loss)
        try golden.compareGradients(relative: 0.06)
    }
}
