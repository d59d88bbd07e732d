import Foundation
import Testing
import YuyanCheckpoints
import YuyanFileFormats
import YuyanModels
import YuyanTestSupport

@Suite struct TaggerModelTests {
    private func model(_ type: String, crf: Bool, characters: Int = 9) throws -> TaggerModel {
        let object: JSONValue = [
            "model_type": .string(type), "vocab_size": 12, "embedding_dim": 6,
            "character_vocab_size": .integer(characters), "character_dim": 4, "character_filters": 5,
            "hidden_size": 7, "num_layers": 2, "crf": .bool(crf),
        ]
        var random = RandomSource(seed: 3)
        let configuration = try TaggerConfiguration(ConfigurationReader(object))
        return TaggerModel(configuration, labelCount: 4, random: &random)
    }

    private let sentences: [[Int32]] = [[1, 2, 3, 4, 5], [6, 7], [8]]
    private let spellings: [[[Int32]]] = [
        [[1, 2], [3], [4, 5, 6, 7], [], [1, 2]], [[8, 8], [2]], [[5, 4, 3]],
    ]
    private let labels: [[Int32]] = [[0, 1, 2, 3, 0], [1, 1], [2]]

    @Test(arguments: TaggerConfiguration.modelTypes, [true, false])
    func paddingChangesNothing(type: String, crf: Bool) throws {
        let model = try model(type, crf: crf)
        let together = model.labels(TaggerBatch(sentences, spellings: spellings))
        #expect(together.map(\.count) == [5, 2, 1])
        var sum = 0.0
        for row in sentences.indices {
            let alone = TaggerBatch([sentences[row]], spellings: [spellings[row]])
            #expect(model.labels(alone) == [together[row]])
            sum += model.loss(alone, labels: [labels[row]], scale: 1).item()
        }
        let whole = model.loss(TaggerBatch(sentences, spellings: spellings), labels: labels, scale: 1).item()
        #expect(abs(whole - sum) < 1e-4 * abs(sum), "\(whole) and \(sum)")
    }

    /// Smoothing s mixes the cross-entropy with the mean of the losses of all labels, for the words that are there.
    @Test func smoothingIsWorkedOut() throws {
        let model = try model("gru-tagger", crf: false)
        let batch = TaggerBatch(sentences, spellings: spellings)
        let scores = model.emissions(batch)
        let values = scores.doubles()
        var expected = 0.0
        for (row, own) in labels.enumerated() {
            for (place, label) in own.enumerated() {
                let first = (row * 5 + place) * 4
                let sum = log(values[first..<first + 4].reduce(0) { $0 + exp($1) })
                let losses = values[first..<first + 4].map { sum - $0 }
                expected += 0.8 * losses[Int(label)] + 0.2 * losses.reduce(0, +) / 4
            }
        }
        let smoothed = model.loss(batch, emissions: scores, labels: labels, scale: 0.5, smoothing: 0.2).item()
        #expect(abs(smoothed - expected / 2) < 1e-5 * expected, "\(smoothed), not \(expected / 2)")
        let plain = model.loss(batch, emissions: scores, labels: labels, scale: 0.5).item()
        #expect(plain != smoothed)
    }

    @Test func charactersTellWordsApart() throws {
        let model = try model("lstm-tagger", crf: false)
        let one = model.emissions(TaggerBatch([[1]], spellings: [[[1, 2]]])).doubles()
        let two = model.emissions(TaggerBatch([[1]], spellings: [[[2, 1]]])).doubles()
        #expect(one != two)
    }

    @Test(arguments: TaggerConfiguration.modelTypes) func gradientsReachEveryParameter(type: String) throws {
        for crf in [true, false] {
            let model = try model(type, crf: crf)
            let tape = Tape()
            let loss = tape.record {
                model.loss(TaggerBatch(sentences, spellings: spellings), labels: labels, scale: 1)
            }
            tape.backward(from: loss)
            for named in model.namedParameters() {
                let gradient = named.parameter.gradient?.doubles() ?? []
                #expect(gradient.contains { $0 != 0 }, "\(type) \(crf): \(named.name)")
            }
        }
    }

    @Test func foldersGiveTheSameModelBack() throws {
        let folder = try ScratchFolder()
        let model = try model("gru-tagger", crf: true)
        try model.save(to: folder.path, labels: ["A", "B", "C", "D"])
        let written = try ConfigurationReader(contentsOf: "\(folder.path)/config.json")
        #expect(try written.object("id2label")?.object["3"]?.stringValue == "D")
        #expect(try written.object("label2id")?.object["D"]?.integerValue == 3)
        let read = try TaggerModel(folder: folder.path)
        #expect(read.configuration == model.configuration)
        for (one, two) in zip(model.namedParameters(), read.namedParameters()) {
            #expect(one.name == two.name && one.parameter.value.doubles() == two.parameter.value.doubles())
        }
    }

    /// Tags depend on the predicate, which padding does not move, and gradients reach what tells of it.
    @Test(arguments: [true, false]) func predicatesAreMarked(crf: Bool) throws {
        let object: JSONValue = [
            "model_type": "lstm-tagger", "vocab_size": 12, "embedding_dim": 6, "hidden_size": 7,
            "mark_dim": 3, "crf": .bool(crf),
        ]
        var random = RandomSource(seed: 4)
        let configuration = try TaggerConfiguration(ConfigurationReader(object))
        let model = TaggerModel(configuration, labelCount: 4, random: &random)
        let predicates = [3, 0, 0]
        let together = model.emissions(TaggerBatch(sentences, predicates: predicates)).doubles()
        for (row, sentence) in sentences.enumerated() {
            let alone = model.emissions(TaggerBatch([sentence], predicates: [predicates[row]])).doubles()
            let padded = Array(together[row * 20..<row * 20 + alone.count])
            expectClose(actual: padded, expected: alone, absolute: 1e-5)
            #expect(Set(alone.map { Float($0) }).count > 1)
        }
        let other = model.emissions(TaggerBatch([sentences[0]], predicates: [1])).doubles()
        #expect(other != Array(together[0..<20]))
        let tape = Tape()
        let loss = tape.record {
            model.loss(TaggerBatch(sentences, predicates: predicates), labels: labels, scale: 1)
        }
        tape.backward(from: loss)
        for named in model.namedParameters() {
            #expect(named.parameter.gradient?.doubles().contains { $0 != 0 } == true, "\(named.name)")
        }
        let folder = try ScratchFolder()
        try model.save(to: folder.path, labels: ["A", "B", "C", "D"])
        let read = try TaggerModel(folder: folder.path)
        #expect(read.emissions(TaggerBatch(sentences, predicates: predicates)).doubles() == together)
    }

    @Test func wrongFieldsAreNamed() throws {
        let object: JSONValue = ["model_type": "lstm-tagger", "vocab_size": 4, "character_window": 4]
        let error = #expect(throws: ConfigurationError.self) {
            try TaggerConfiguration(ConfigurationReader(object))
        }
        #expect(error?.field == "character_window")
        let missing = #expect(throws: FileFormatError.self) {
            try TaggerConfiguration(ConfigurationReader(["vocab_size": 4], path: "c.json"))
        }
        let text = missing.map { "\($0)" } ?? "-"
        #expect(text.contains("model_type") && text.contains("is missing; one of 'rnn-tagger', "), "\(text)")
    }
}
