import Foundation
import Testing
import YuyanModels
import YuyanTestSupport

/// Toy BertForMaskedLM, BertForQuestionAnswering and BertForTokenClassification of transformers: logits, loss and every gradient; their files.
@Suite struct EncoderHeadParityTests {
    private func compare(
        _ loss: Tensor,
        _ tape: Tape,
        _ model: some Module,
        _ map: KeyMap,
        with golden: ModelGolden
    ) throws {
        expectClose(actual: [loss.item()], expected: try golden.values("loss"), relative: 2e-7, "loss")
        tape.backward(from: loss)
        // A key's bias moves no softmax: its gradient is rounding around zero.
        try golden.compareGradients(of: model, map, relative: 2e-7) { $0.hasSuffix("key.bias") ? 1e-7 : 1e-8 }
    }

    @Test func maskedLanguageModel() throws {
        let golden = try ModelGolden("encoder/masked")
        let model = try MaskedLanguageModel(folder: golden.folder)
        for parameter in model.parameters() { parameter.convert(to: .f64) }
        let batch = TokenBatch(try golden.rows("input_ids", lengths: "lengths"))
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
        try compare(loss, tape, model, model.keyMap, with: golden)
    }

    /// Smoothing s mixes the cross-entropy with the mean of the losses of all tokens of the vocabulary.
    @Test func maskedLanguageModelSmoothed() throws {
        let golden = try ModelGolden("encoder/masked")
        let model = try MaskedLanguageModel(folder: golden.folder)
        for parameter in model.parameters() { parameter.convert(to: .f64) }
        let batch = TokenBatch(try golden.rows("input_ids", lengths: "lengths"))
        let places = try golden.integers("places").map { Int($0) }
        let tokens = try golden.integers("tokens")
        let logits = try golden.values("logits")
        let width = logits.count / places.count
        var expected = 0.0
        for (row, token) in tokens.enumerated() {
            let own = logits[row * width..<(row + 1) * width]
            let sum = log(own.reduce(0) { $0 + exp($1) })
            let mean = own.reduce(0) { $0 + sum - $1 } / Double(width)
            expected += 0.75 * (sum - own[row * width + Int(token)]) + 0.25 * mean
        }
        let loss = model.loss(batch, places: places, tokens: tokens, scale: 1, smoothing: 0.25).item()
        #expect(abs(loss - expected) < 1e-6 * expected, "\(loss), not \(expected)")
    }

    @Test func questionAnswering() throws {
        let golden = try ModelGolden("encoder/answers")
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
        try compare(loss, tape, model, model.configuration.keyMap, with: golden)
    }

    @Test func tokenClassification() throws {
        let golden = try ModelGolden("encoder/tagger")
        let model = try EncoderTagger(folder: golden.folder)
        for parameter in model.parameters() { parameter.convert(to: .f64) }
        let batch = PieceBatch([
            [PieceBatch.Window(pieces: [1, 5, 6, 7, 8, 9, 10, 11, 2], firsts: [1, 3, 4, 7])],
            [PieceBatch.Window(pieces: [1, 12, 2], firsts: [1])],
            [PieceBatch.Window(pieces: [1, 13, 14, 15, 2], firsts: [1, 2])],
        ])
        let all = model.emissions(batch).doubles()
        let own = batch.wordCounts.enumerated().flatMap { row, count in all[row * 16..<row * 16 + count * 4] }
        expectClose(
            actual: own,
            expected: try golden.values("logits"),
            relative: 2e-7,
            absolute: 2e-7
        )
        let tape = Tape()
        let loss = tape.record { model.loss(batch, labels: [[0, 1, 2, 3], [1], [3, 0]], scale: 1 / 7) }
        try compare(loss, tape, model, model.configuration.keyMap, with: golden)
    }

    /// What is written holds the same tensors under the same keys, bit for bit, as what transformers wrote.
    @Test func filesAreThoseOfTransformers() throws {
        let folder = try ScratchFolder()
        func compare(_ golden: ModelGolden, architecture: String) throws {
            try golden.compareFiles(folder.path)
            let written = try JSONValue(contentsOf: "\(folder.path)/config.json")
            #expect(written["model_type"]?.stringValue == "bert")
            #expect(written["architectures"]?.arrayValue?.first?.stringValue == architecture)
        }
        let (masked, answers) = (try ModelGolden("encoder/masked"), try ModelGolden("encoder/answers"))
        try MaskedLanguageModel(folder: masked.folder).save(to: folder.path)
        try compare(masked, architecture: "BertForMaskedLM")
        try QuestionAnsweringModel(folder: answers.folder).save(to: folder.path)
        try compare(answers, architecture: "BertForQuestionAnswering")
        let tagger = try ModelGolden("encoder/tagger")
        try EncoderTagger(folder: tagger.folder).save(to: folder.path, labels: ["a", "b", "c", "d"])
        try compare(tagger, architecture: "BertForTokenClassification")
    }

    /// An encoder trained on one thing begins another; the heads beside it are passed over.
    @Test func encodersMoveBetweenHeads() throws {
        let (masked, answers) = (try ModelGolden("encoder/masked"), try ModelGolden("encoder/answers"))
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
