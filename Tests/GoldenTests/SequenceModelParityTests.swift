import Testing
import YuyanGeneration
import YuyanTestSupport

/// Toy models from sequences to sequences: MarianMTModel and T5 of transformers, and in PyTorch recurrent ones and
/// Transformers with norms before the branches.
///
/// Logits, losses, every gradient and thirty losses of training, element by element.
@Suite struct SequenceModelParityTests {
    static let names = [
        "marian", "t5", "additive", "multiplicative", "input-feeding", "sinusoidal", "rotary",
        "rotary-rezero",
    ]

    struct Golden {
        let file: ModelGolden
        let model: any SequenceToSequenceModel
        let batch: SequenceBatch

        init(_ name: String) throws {
            file = try ModelGolden("sequence/\(name)")
            model = try SequenceModels.load(folder: file.folder)
            batch = SequenceBatch(
                sources: try file.rows("source", lengths: "source_lengths"),
                targets: try file.rows("target", lengths: "target_lengths"),
                start: model.startToken
            )
        }

        var map: KeyMap { (model as? EncoderDecoderModel)?.configuration.keyMap ?? .identity }

        func loss(smoothing: Float = 0) -> Tensor {
            model.loss(batch, scale: 1 / Float(batch.targetCount), smoothing: smoothing)
        }

        /// The logits at places within a target, and the same of the reference.
        func comparedLogits() throws -> (own: [Double], theirs: [Double]) {
            let (own, theirs) = (model.logits(batch).doubles(), try file.values("logits"))
            let width = model.vocabularySize
            func counting(_ all: [Double]) -> [Double] {
                batch.labels.indices.filter { batch.labels[$0] >= 0 }.flatMap {
                    all[$0 * width..<($0 + 1) * width]
                }
            }
            return (counting(own), counting(theirs))
        }
    }

    @Test(arguments: names, [DType.f32, .f64]) func matches(name: String, dtype: DType) throws {
        let golden = try Golden(name)
        for parameter in golden.model.parameters() { parameter.convert(to: dtype) }
        // T5's norms are f32 in transformers whatever the rest is.
        let tolerance = dtype == .f64 ? (name == "t5" ? 2e-6 : 3e-7) : 2e-5
        let (own, theirs) = try golden.comparedLogits()
        expectClose(actual: own, expected: theirs, relative: tolerance, absolute: tolerance, "logits")
        expectClose(
            actual: [golden.loss(smoothing: 0.1).item()],
            expected: try golden.file.values("smoothed_loss"),
            relative: tolerance,
            "smoothed loss"
        )
        let tape = Tape()
        let loss = tape.record { golden.loss() }
        expectClose(
            actual: [loss.item()],
            expected: try golden.file.values("loss"),
            relative: tolerance,
            "loss"
        )
        tape.backward(from: loss)
        // A key's bias moves no softmax: its gradient is rounding around zero.
        try golden.file.compareGradients(of: golden.model, golden.map, relative: tolerance) {
            $0.hasSuffix("k_proj.bias") ? 1e-7 : 0
        }
    }

    @Test(arguments: names) func trainsAlike(name: String) throws {
        let golden = try Golden(name)
        let losses = try ModelGolden.train(golden.model, steps: 30, learningRate: 1e-2) { golden.loss() }
        let expected = try golden.file.values("adamw_losses")
        expectClose(actual: losses, expected: expected, relative: 2e-3, absolute: 2e-4)
    }

    /// What transformers writes after those steps: greedily, with beams, with powers of the length, without repeats.
    @Test(arguments: ["marian", "t5"]) func writesAlike(name: String) throws {
        let golden = try Golden(name)
        _ = try ModelGolden.train(golden.model, steps: 30, learningRate: 1e-2) { golden.loss() }
        let sources = try golden.file.rows("source", lengths: "source_lengths")
        for (key, options) in [
            ("greedy", BeamSearchOptions(maxNewTokens: 10)),
            ("beams", BeamSearchOptions(numBeams: 4, maxNewTokens: 10)),
            ("long", BeamSearchOptions(numBeams: 3, lengthPenalty: 3, maxNewTokens: 10)),
            ("short", BeamSearchOptions(numBeams: 3, lengthPenalty: 0, maxNewTokens: 10)),
            ("no_repeats", BeamSearchOptions(numBeams: 2, maxNewTokens: 10, noRepeatNgramSize: 2)),
        ] {
            let found = try #require(try BeamSearch(golden.model, options)(sources))
            let (all, width) = (
                try golden.file.integers("generated.\(key)"), try golden.file.shape("generated.\(key)")[1]
            )
            let expected = (0..<3).map { row in all[row * width..<(row + 1) * width].filter { $0 >= 0 } }
            #expect(found.map { $0.tokenIDs + ($0.isFinished ? [1] : []) } == expected, "\(key)")
            if key == "greedy" { continue }
            expectClose(
                actual: found.map(\.score),
                expected: try golden.file.values("scores.\(key)"),
                relative: 5e-3,
                absolute: 1e-4,
                key
            )
        }
    }

    /// What is written holds the same tensors under the same keys as what the reference wrote, and reads back.
    @Test(arguments: names) func filesAreThoseOfTheReference(name: String) throws {
        let golden = try Golden(name)
        let folder = try ScratchFolder()
        try golden.model.save(to: folder.path)
        try golden.file.compareFiles(folder.path, ignoring: ["final_logits_bias"])
        let again = try SequenceModels.load(folder: folder.path)
        #expect(again.logits(golden.batch).floats() == golden.model.logits(golden.batch).floats())
        let (own, theirs) = (
            try JSONValue(contentsOf: "\(folder.path)/config.json"),
            try JSONValue(contentsOf: "\(golden.file.folder)/config.json")
        )
        for (key, value) in own.objectValue ?? JSONObject() {
            guard let other = theirs[key], !other.isNull else { continue }
            #expect(value == other || value.numberValue == other.numberValue, "\(key)")
        }
    }

    /// A projection with a bias cannot be left out silently.
    @Test func biasOfTheProjectionIsRefused() throws {
        let golden = try Golden("marian")
        let folder = try ScratchFolder()
        try golden.model.save(to: folder.path)
        let files = try WeightFiles(path: folder.path)
        let tensors =
            try files.names.map { ($0, try files.tensor($0)) } + [("final_logits_bias", .ones([1, 41]))]
        let writer = try SafetensorsWriter(
            path: "\(folder.path)/model.safetensors",
            metadata: ["format": "pt"],
            entries: tensors.map { .init($0.0, .f32, $0.1.shape.dimensions) }
        )
        for (name, tensor) in tensors { try writer.write(elements: tensor.floats(), to: name) }
        try writer.finish()
        let error = #expect(throws: FileFormatError.self) { try SequenceModels.load(folder: folder.path) }
        #expect("\(error.map { "\($0)" } ?? "")".contains("final_logits_bias"))
    }
}
