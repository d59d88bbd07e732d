import Foundation
import Testing
import YuyanModels
import YuyanOptimizers
import YuyanTestSupport

/// Toy decoders of transformers: logits, loss, every gradient and ten losses of training, element by element.
@Suite struct DecoderParityTests {
    static let names = ["gpt2", "llama", "llama-tied"]

    struct Golden {
        let folder: String
        let model: DecoderModel
        let files: WeightFiles
        let ids: Tensor
        let targets: Tensor
        let scale: Float

        init(_ name: String) throws {
            folder =
                URL(fileURLWithPath: #filePath).deletingLastPathComponent()
                .appendingPathComponent("../../Fixtures/decoder/\(name)").standardizedFileURL.path
            model = try DecoderModel(folder: folder)
            let path = "\(folder)/golden.safetensors"
            files = try WeightFiles(path: path)
            let raw = try SafetensorsFile(path: path)
            let shape = Shape(try raw.entry("input_ids").shape)
            ids = Tensor(try raw.elements(of: "input_ids", dtype: .i32, as: Int32.self), shape: shape)
            let numbers = try raw.elements(of: "targets", dtype: .i32, as: Int32.self)
            targets = Tensor(numbers, shape: shape)
            scale = 1 / Float(numbers.filter { $0 != -100 }.count)
        }

        func loss() -> Tensor { model.loss(inputIDs: ids, targets: targets, scale: scale) }

        func values(_ name: String) throws -> [Double] { try files.tensor(name, dtype: .f64).doubles() }

        func useDoublePrecision() {
            for parameter in model.parameters() { parameter.convert(to: .f64) }
        }

        /// Compares all gradients, each against its largest element.
        func compareGradients(relative: Double) throws {
            let map = model.configuration.keyMap
            for item in model.namedParameters() {
                let mapping = try #require(map.mapping(of: item.name))
                let gradient = try #require(item.parameter.gradient)
                var parts = [mapping.isTransposed ? gradient.transposed() : gradient]
                if !mapping.rows.isEmpty { parts = gradient.split(axis: 0, mapping.rows) }
                for (key, part) in zip(mapping.keys, parts) {
                    let expected = try values("gradient." + key)
                    let largest = expected.reduce(0) { max($0, abs($1)) }
                    expectClose(
                        actual: part.doubles(),
                        expected: expected,
                        absolute: relative * largest,
                        "gradient of \(key)"
                    )
                }
            }
        }
    }

    @Test(arguments: names) func matchesInSinglePrecision(name: String) throws {
        let golden = try Golden(name)
        let logits = try golden.values("logits")
        expectClose(
            actual: golden.model.logits(golden.ids).doubles(),
            expected: logits,
            relative: 1e-5,
            absolute: 2e-5,
            "logits"
        )
        let tape = Tape()
        let loss = tape.record { golden.loss() }
        expectClose(actual: [loss.item()], expected: try golden.values("loss"), relative: 2e-6, "loss")
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
            expected: try golden.values("logits"),
            relative: tolerance,
            absolute: tolerance,
            "logits"
        )
        let tape = Tape()
        let loss = tape.record { golden.loss() }
        expectClose(
            actual: [loss.item()],
            expected: try golden.values("loss"),
            relative: name == "gpt2" ? 1e-7 : 1e-6,
            "loss"
        )
        tape.backward(from: loss)
        try golden.compareGradients(relative: tolerance)
    }

    @Test(arguments: names, [false, true]) func trainsAlike(name: String, checkpointing: Bool) throws {
        let golden = try Golden(name)
        golden.model.checkpointsActivations = checkpointing
        let parameters = golden.model.namedParameters()
        let rule = UpdateRule.adam(Adam(beta1: 0.9, beta2: 0.95, epsilon: 1e-8, decoupled: true))
        let group = ParameterGroup(name: "all", parameters: parameters, rule: rule, weightDecay: 0.1)
        let optimizer = try Optimizer(groups: [group], of: parameters)
        var losses: [Double] = []
        for _ in 0..<10 {
            let tape = Tape()
            let loss = tape.record { golden.loss() }
            tape.backward(from: loss)
            optimizer.step(learningRate: 3e-3)
            optimizer.clearGradients()
            losses.append(loss.item())
        }
        expectClose(actual: losses, expected: try golden.values("adamw_losses"), relative: 2e-5)
    }

    @Test(arguments: ["llama", "llama-tied"]) func frequenciesMatch(name: String) throws {
        let golden = try Golden(name)
        let frequencies = try #require(golden.model.rotaryFrequencies)
        expectClose(
            actual: frequencies.doubles(),
            expected: try golden.values("frequencies"),
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
        let written = try SafetensorsFile(path: "\(folder)/model.safetensors")
        let expected = try SafetensorsFile(path: "\(golden.folder)/model.safetensors")
        #expect(Set(written.names) == Set(expected.names))
        for name in expected.names where written.tensors[name] != nil {
            #expect(try written.entry(name).shape == expected.entry(name).shape)
            let bytes = try written.withBytes(of: name) { Array($0) }
            let same = try expected.withBytes(of: name) { Array($0) } == bytes
            #expect(same, "\(name)")
        }
        let theirs = try ConfigurationReader(contentsOf: "\(golden.folder)/config.json").object
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
        expectClose(actual: [loss.item()], expected: try golden.values("loss"), relative: 5e-3, "loss")
        tape.backward(from: loss)
        try golden.compareGradients(relative: 0.06)
    }
}
