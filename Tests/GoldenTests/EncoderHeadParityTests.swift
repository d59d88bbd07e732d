import Foundation
import Testing
import YuyanModels
import YuyanTestSupport

/// Toy BertForMaskedLM and BertForQuestionAnswering of transformers: logits, loss and every gradient; their files.
@Suite struct EncoderHeadParityTests {
    private struct Golden {
        let folder: String
        private let files: WeightFiles
        private let raw: SafetensorsFile

        init(_ name: String) throws {
            folder =
                URL(fileURLWithPath: #filePath).deletingLastPathComponent()
                .appendingPathComponent("../../Fixtures/encoder/\(name)").standardizedFileURL.path
            files = try WeightFiles(path: "\(folder)/golden.safetensors")
            raw = try SafetensorsFile(path: "\(folder)/golden.safetensors")
        }

        func values(_ name: String) throws -> [Double] { try files.tensor(name, dtype: .f64).doubles() }

        func integers(_ name: String) throws -> [Int32] {
            try raw.elements(of: name, dtype: .i32, as: Int32.self)
        }

        func compare(_ loss: Tensor, _ tape: Tape, _ model: any Module, _ map: KeyMap) throws {
            expectClose(actual: [loss.item()], expected: try values("loss"), relative: 2e-7, "loss")
            tape.backward(from: loss)
            for item in model.namedParameters() {
                let mapping = try #require(map.mapping(of: item.name))
                let gradient = try #require(item.parameter.gradient, "\(item.name)")
                let parts = mapping.rows.isEmpty ? [gradient] : gradient.split(axis: 0, mapping.rows)
                for (key, part) in zip(mapping.keys, parts) {
                    let expected = try values("gradient." + key)
                    let largest = expected.reduce(0) { max($0, abs($1)) }
                    expectClose(
                        actual: part.doubles(),
                        expected: expected,
                        absolute: max(2e-7 * largest, 1e-8),
                        "gradient of \(key)"
                    )
                }
            }
        }
    }

    @Test func maskedLanguageModel() throws {
        let golden = try Golden("masked")
        let model = try MaskedLanguageModel(folder: golden.folder)
        for parameter in model.parameters() { parameter.convert(to: .f64) }
        let lengths = try golden.integers("lengths").map { Int($0) }
        let ids = try golden.integers("input_ids")
        let width = ids.count / lengths.count
        let batch = TokenBatch(lengths.indices.map { Array(ids[$0 * width..<$0 * width + lengths[$0]]) })
        let places = try golden.integers("places").map { Int($0) }
        expectClose(
            actual: model.logits(batch, at: places).doubles(),
            expected: try golden.values("logits"),
            relative: 2e-7,
            absolute: 2e-7
        )
        let tape = Tape()
        let loss = tape.record {
            model.loss(
                batch,
                places: places,
                tokens: (try? golden.integers("tokens")) ?? [],
                scale: 1 / Float(places.count)
            )
        }
        try golden.compare(loss, tape, model, model.keyMap)
    }

    @Test func questionAnswering() throws {
        let golden = try Golden("answers")
        let model = try QuestionAnsweringModel(folder: golden.folder)
        for parameter in model.parameters() { parameter.convert(to: .f64) }
        let batch = QuestionBatch(
            questions: [[7, 9, 5], [11], [8, 9]],
            contexts: [[5, 30, 31, 9, 6], [12, 13, 14, 15, 16, 17, 18], [20]],
            frame: ([1], [2]),
            marksOverlap: model.configuration.marksOverlap
        )
        let logits = model.logits(batch)
        for (name, found) in [("start", logits.start), ("end", logits.end)] {
            // Hidden places are 0 in the file and very small here.
            expectClose(
                actual: found.doubles().map { $0 < -1e8 ? 0 : $0 },
                expected: try golden.values(name),
                relative: 2e-7,
                absolute: 2e-7
            )
        }
        let tape = Tape()
        let loss = tape.record { model.loss(batch, spans: [(2, 4), (7, 7), (0, 0)], scale: 1) }
        try golden.compare(loss, tape, model, model.configuration.keyMap)
    }

    /// What is written holds the same tensors under the same keys, bit for bit, as what transformers wrote.
    @Test func filesAreThoseOfTransformers() throws {
        let folder = try ScratchFolder()
        func compare(_ golden: Golden, architecture: String) throws {
            let (theirs, ours) = (
                try WeightFiles(path: golden.folder), try WeightFiles(path: folder.path)
            )
            #expect(theirs.names == ours.names)
            for name in theirs.names {
                #expect(try theirs.tensor(name).floats() == ours.tensor(name).floats(), "\(name)")
            }
            let written = try JSONValue(contentsOf: "\(folder.path)/config.json")
            #expect(written["model_type"]?.stringValue == "bert")
            #expect(written["architectures"]?.arrayValue?.first?.stringValue == architecture)
        }
        let (masked, answers) = (try Golden("masked"), try Golden("answers"))
        try MaskedLanguageModel(folder: masked.folder).save(to: folder.path)
        try compare(masked, architecture: "BertForMaskedLM")
        try QuestionAnsweringModel(folder: answers.folder).save(to: folder.path)
        try compare(answers, architecture: "BertForQuestionAnswering")
    }

    /// An encoder trained on one thing begins another; the heads beside it are passed over.
    @Test func encodersMoveBetweenHeads() throws {
        let (masked, answers) = (try Golden("masked"), try Golden("answers"))
        var random = RandomSource(seed: 1)
        let reader = try ConfigurationReader(contentsOf: "\(answers.folder)/config.json")
        let model = QuestionAnsweringModel(try QuestionAnsweringModel.configuration(reader), random: &random)
        try model.loadEncoder(folder: masked.folder)
        let encoder = try #require(model.network as? AnswerEncoder).encoder
        let source = try MaskedLanguageModel(folder: masked.folder).encoder
        for (one, two) in zip(encoder.namedParameters(), source.namedParameters()) {
            #expect(one.parameter.value.floats() == two.parameter.value.floats(), "\(one.name)")
        }
    }
}
