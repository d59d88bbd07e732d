import Foundation
import Testing
import YuyanCheckpoints
import YuyanFileFormats
import YuyanModels
import YuyanTestSupport

/// Shares of words in the scores of tags, and of tokens in those of answers.
@Suite struct TagAttributionTests {
    private func recurrent(_ type: String, crf: Bool, marks: Int = 0) throws -> TaggerModel {
        let object: JSONValue = [
            "model_type": .string(type), "vocab_size": 12, "embedding_dim": 6, "embedding_init": "normal",
            "character_vocab_size": 9, "character_dim": 4, "character_filters": 5, "hidden_size": 7,
            "mark_dim": .integer(marks), "crf": .bool(crf),
        ]
        var random = RandomSource(seed: 3)
        let configuration = try TaggerConfiguration(ConfigurationReader(object))
        let model = TaggerModel(configuration, labelCount: 3, random: &random)
        model.setTraining(false)
        return model
    }

    private func encoder(crf: Bool) throws -> EncoderTagger {
        let object: JSONValue = [
            "model_type": "encoder", "vocab_size": 20, "hidden_size": 12, "num_hidden_layers": 2,
            "num_attention_heads": 3, "max_position_embeddings": 12, "crf": .bool(crf),
            "norm_placement": "post", "initializer_range": 0.3,
        ]
        var random = RandomSource(seed: 3)
        let configuration = try EncoderTaggerConfiguration(ConfigurationReader(object))
        let model = EncoderTagger(configuration, labelCount: 3, random: &random)
        model.setTraining(false)
        for parameter in model.parameters() { parameter.convert(to: .f64) }
        return model
    }

    private let sentence: [Int32] = [1, 2, 3, 4]
    private let spelling: [[Int32]] = [[1, 2], [3], [4, 5, 6, 7], []]

    private func copies(_ count: Int, marked: Bool = false) -> TaggerBatch {
        TaggerBatch(
            [[Int32]](repeating: sentence, count: count),
            spellings: [[[Int32]]](repeating: spelling, count: count),
            predicates: marked ? [Int](repeating: 2, count: count) : nil
        )
    }

    /// Two windows of unequal length, which share a word.
    private let windows = [
        PieceBatch.Window(pieces: [1, 13, 14, 15, 5, 2], firsts: [1, 2, 4]),
        PieceBatch.Window(pieces: [1, 5, 16, 17, 2], firsts: [2, 3]),
    ]

    private func expectComplete(_ found: TokenAttribution, within tolerance: Double, _ name: String) {
        let size = max(1, abs(found.score - found.baseline))
        #expect(abs(found.gap) < tolerance * size, "\(name): \(found)")
        #expect(found.values.contains { abs($0) > 1e-4 }, "\(name): \(found)")
    }

    @Test(arguments: TaggerConfiguration.modelTypes, [true, false])
    func sharesOfWordsSumToTheDifference(type: String, crf: Bool) throws {
        for marks in [0, 3] {
            let model = try recurrent(type, crf: crf, marks: marks)
            for targets in [[LabelledPlace(1, 2)], [LabelledPlace(2, 0), LabelledPlace(3, 1)]] {
                let found = model.integratedGradients(
                    of: { copies($0, marked: marks > 0) },
                    targets: targets,
                    steps: 200
                )
                #expect(found.values.count == 4)
                expectComplete(found, within: 2e-3, "\(type) \(crf) \(marks)")
                let emissions = model.emissions(copies(1, marked: marks > 0))
                let score = model.scores(of: targets, emissions: emissions).doubles()[0]
                #expect(abs(score - found.score) < 1e-4)
            }
            // Nothing is left behind.
            #expect(model.parameters().allSatisfy { $0.gradient == nil })
        }
    }

    @Test(arguments: [true, false]) func sharesOfPiecesSumToTheDifference(crf: Bool) throws {
        let model = try encoder(crf: crf)
        let targets = [LabelledPlace(1, 0), LabelledPlace(2, 2), LabelledPlace(3, 1)]
        let found = model.integratedGradients(
            of: { PieceBatch([[PieceBatch.Window]](repeating: windows, count: $0)) },
            targets: targets,
            steps: 300
        )
        // Two rows of six pieces; the last of the second is padding, which means nothing.
        #expect(found.values.count == 12 && found.values[11] == 0)
        expectComplete(found, within: 1e-3, "\(crf)")
        // A word that is read in the first window alone does not look at the second.
        let first = model.integratedGradients(
            of: { PieceBatch([[PieceBatch.Window]](repeating: windows, count: $0)) },
            targets: [LabelledPlace(0, 1)],
            steps: 5
        )
        #expect(first.values[..<6].contains { $0 != 0 })
        if !crf { #expect(first.values[6...].allSatisfy { $0 == 0 }) }
    }

    /// With a field the score is the logarithm of the share of the paths that have the labels.
    @Test func scoresAreThoseOfAllPaths() throws {
        let model = try recurrent("gru-tagger", crf: true)
        let field = try #require(model.crf)
        let emissions = model.emissions(copies(1)).doubles()
        let (transitions, start, end) = (
            field.transitions.value.doubles(), field.start.value.doubles(), field.end.value.doubles()
        )
        func weight(_ path: [Int]) -> Double {
            var sum = start[path[0]] + end[path[3]]
            for (place, label) in path.enumerated() {
                sum += emissions[place * 3 + label]
                if place > 0 { sum += transitions[path[place - 1] * 3 + label] }
            }
            return exp(sum)
        }
        var paths: [[Int]] = [[]]
        for _ in 0..<4 { paths = paths.flatMap { path in (0..<3).map { path + [$0] } } }
        let whole = paths.reduce(0) { $0 + weight($1) }
        for targets in [[LabelledPlace(0, 2)], [LabelledPlace(1, 0), LabelledPlace(2, 1)]] {
            let own = paths.filter { path in targets.allSatisfy { path[$0.place] == $0.label } }
            let expected = own.reduce(0) { $0 + weight($1) } / whole
            #expect(abs(model.probability(of: targets, in: copies(1)) - expected) < 1e-5)
            let score = model.scores(of: targets, emissions: model.emissions(copies(2))).doubles()
            #expect(score.count == 2 && score.allSatisfy { abs($0 - log(expected)) < 1e-4 })
        }
    }

    /// Without a field the score is what the label scores, and the probability that of a softmax.
    @Test func scoresWithoutFieldAreEmissions() throws {
        let model = try recurrent("lstm-tagger", crf: false)
        let emissions = model.emissions(copies(1)).doubles()
        let targets = [LabelledPlace(0, 2), LabelledPlace(3, 1)]
        let score = model.scores(of: targets, emissions: model.emissions(copies(1))).doubles()[0]
        #expect(abs(score - emissions[2] - emissions[10]) < 1e-5)
        func share(_ place: Int, _ label: Int) -> Double {
            exp(emissions[place * 3 + label]) / (0..<3).reduce(0) { $0 + exp(emissions[place * 3 + $1]) }
        }
        let probability = model.probability(of: targets, in: copies(1))
        #expect(abs(probability - share(0, 2) * share(3, 1)) < 1e-5)
    }

    /// Attention followed from some tokens is the mean of that from each, and sums to 1.
    @Test func rolloutBeginsWhereItIsTold() throws {
        let encoder = try encoder(crf: false).encoder
        let batch = TokenBatch([[1, 4, 9, 6, 2]])
        let (one, other) = (
            encoder.attentionRollout(batch, from: [1]), encoder.attentionRollout(batch, from: [3])
        )
        let both = encoder.attentionRollout(batch, from: [1, 3])
        #expect(abs(one.reduce(0, +) - 1) < 1e-9 && one != other)
        // In each of the two layers a token keeps half of itself.
        #expect(one[1] >= 0.25 && other[3] >= 0.25)
        expectClose(actual: both, expected: zip(one, other).map { ($0 + $1) / 2 }, absolute: 1e-9)
        let whole = encoder.attentionRollout(batch)
        let all = encoder.attentionRollout(batch, from: [0, 1, 2, 3, 4])
        expectClose(actual: whole, expected: all, absolute: 1e-9)
    }

    private static let readers: [JSONValue] = [
        [
            "model_type": "encoder", "vocab_size": 20, "hidden_size": 8, "num_attention_heads": 2,
            "intermediate_size": 12, "max_position_embeddings": 24, "norm_placement": "pre",
            "type_vocab_size": 3, "initializer_range": 0.3,
        ],
        [
            "model_type": "reader", "vocab_size": 20, "embedding_dim": 6, "hidden_size": 5,
            "embedding_init": "normal",
        ],
    ]

    @Test(arguments: readers) func sharesOfQuestionAndTextSumToTheDifference(family: JSONValue) throws {
        var random = RandomSource(seed: 5)
        let model = QuestionAnsweringModel(
            try QuestionAnsweringModel.configuration(ConfigurationReader(family)),
            random: &random
        )
        model.setTraining(false)
        func batch(_ copies: Int) -> QuestionBatch {
            QuestionBatch(
                questions: [[Int32]](repeating: [5, 6, 7], count: copies),
                contexts: [[Int32]](repeating: [11, 6, 12, 13], count: copies),
                frame: ([1], [2]),
                marksOverlap: model.configuration.marksOverlap
            )
        }
        let logits = model.logits(batch(1))
        for (end, place) in [(AnswerEnd.start, 2), (.end, 4), (.start, 0)] {
            let found = model.integratedGradients(of: batch, end, at: place, steps: 300)
            let expected = (end == .start ? logits.start : logits.end).doubles()[place]
            #expect(abs(found.score - expected) < 1e-4)
            expectComplete(found, within: 5e-3, "\(end) \(place)")
            let own = model.network.sorted(found.values, batch(1))
            #expect(own.question.count == 3 && own.context.count == 4)
            let sum = own.question.reduce(0, +) + own.context.reduce(0, +) + own.rest
            #expect(abs(sum - found.values.reduce(0, +)) < 1e-9)
        }
        // The values go to the tokens that they are of.
        let isReader = family["model_type"]?.stringValue == "reader"
        let numbers = isReader ? [1, 2, 3, 4, 10, 20, 30] : [100, 10, 20, 30, 200, 1, 2, 3, 4, 300]
        let own = model.network.sorted(numbers.map { Double($0) }, batch(1))
        #expect(own.question == [10, 20, 30] && own.context == [1, 2, 3, 4])
        #expect(own.rest == (isReader ? 0 : 600))
    }
}
