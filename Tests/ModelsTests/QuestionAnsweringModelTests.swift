import Foundation
import Testing
import YuyanModels
import YuyanTestSupport

/// What holds for models of every family that answers questions.
@Suite struct QuestionAnsweringModelTests {
    private static let families: [JSONValue] = [
        [
            "model_type": "encoder", "vocab_size": 20, "hidden_size": 8, "num_attention_heads": 2,
            "intermediate_size": 12, "max_position_embeddings": 24, "norm_placement": "pre",
            "type_vocab_size": 3, "hidden_dropout_prob": 0, "attention_probs_dropout_prob": 0,
        ],
        ["model_type": "reader", "vocab_size": 20, "embedding_dim": 6, "hidden_size": 5, "dropout": 0],
    ]
    private let questions: [[Int32]] = [[5, 6, 7], [8], [9, 10]]
    private let contexts: [[Int32]] = [[11, 6, 12, 13], [14, 15, 16, 8, 17, 18, 6], [19]]

    private func model(_ family: JSONValue) throws -> QuestionAnsweringModel {
        var random = RandomSource(seed: 5)
        let model = QuestionAnsweringModel(
            try QuestionAnsweringModel.configuration(ConfigurationReader(family)),
            random: &random
        )
        for item in model.namedParameters() {
            let noise = Tensor.normal(item.parameter.shape, standardDeviation: 0.3, random: &random)
            item.parameter.assign(item.parameter.value + noise)
        }
        return model
    }

    private func batch(_ rows: [Int], _ model: QuestionAnsweringModel) -> QuestionBatch {
        QuestionBatch(
            questions: rows.map { questions[$0] },
            contexts: rows.map { contexts[$0] },
            frame: ([1], [2]),
            marksOverlap: model.configuration.marksOverlap
        )
    }

    @Test func layout() {
        let batch = QuestionBatch(
            questions: [[5, 6], [7]],
            contexts: [[6, 9, 5], [8]],
            frame: ([1], [2]),
            marksOverlap: true
        )
        #expect(batch.framed.ids == [1, 5, 6, 2, 6, 9, 5, 2, 1, 7, 2, 8, 2, 0, 0, 0])
        #expect(batch.framed.typeIDs == [0, 0, 0, 0, 2, 1, 2, 1, 0, 0, 0, 1, 1, 0, 0, 0])
        #expect(batch.places == [0, 4, 5, 6, 0, 3, 0, 0])
        #expect(batch.matches == [1, 0, 1, 0, 0, 0])
    }

    @Test(arguments: families) func paddingChangesNothing(family: JSONValue) throws {
        let model = try model(family)
        let (start, end) = model.logits(batch([0, 1, 2], model))
        let width = 8
        for row in contexts.indices {
            let alone = model.logits(batch([row], model))
            for (own, all) in [(alone.start, start), (alone.end, end)] {
                let length = 1 + contexts[row].count
                let padded = Array(all.doubles()[row * width..<row * width + length])
                expectClose(actual: padded, expected: own.doubles(), absolute: 2e-5)
            }
            let beyond = start.doubles()[row * width + 1 + contexts[row].count..<(row + 1) * width]
            #expect(beyond.allSatisfy { $0 < -1e8 })
        }
    }

    @Test(arguments: families) func gradientsReachEveryParameter(family: JSONValue) throws {
        let model = try model(family)
        let tape = Tape()
        let loss = tape.record {
            model.loss(batch([0, 1, 2], model), spans: [(1, 3), (7, 7), (0, 0)], scale: 1)
        }
        tape.backward(from: loss)
        for named in model.namedParameters() {
            #expect(named.parameter.gradient?.doubles().contains { $0 != 0 } == true, "\(named.name)")
        }
    }

    /// A token of the text that the question has, too, is seen as such.
    @Test(arguments: families) func overlapIsSeen(family: JSONValue) throws {
        let model = try model(family)
        func scores(_ question: [Int32]) -> [Double] {
            let batch = QuestionBatch(
                questions: [question],
                contexts: [[11, 6, 12]],
                frame: ([1], [2]),
                marksOverlap: model.configuration.marksOverlap
            )
            #expect(batch.matches == (question == [6] ? [0, 1, 0] : [0, 0, 0]))
            return model.logits(batch).start.doubles()
        }
        #expect(scores([6]) != scores([7]))
    }

    @Test(arguments: families) func foldersGiveTheSameModelBack(family: JSONValue) throws {
        let folder = try ScratchFolder()
        let model = try model(family)
        try model.save(to: folder.path)
        let read = try QuestionAnsweringModel(folder: folder.path)
        let (one, two) = (model.logits(batch([0, 1], model)), read.logits(batch([0, 1], read)))
        #expect(one.start.floats() == two.start.floats() && one.end.floats() == two.end.floats())
    }

    @Test func wrongFieldsAreNamed() {
        let unknown = #expect(throws: FileFormatError.self) {
            try QuestionAnsweringModel.configuration(ConfigurationReader(["model_type": "text-cnn"]))
        }
        #expect(unknown?.description.contains("encoder, bert, reader") == true)
        let layers = #expect(throws: FileFormatError.self) {
            try QuestionAnsweringModel.configuration(
                ConfigurationReader(["model_type": "reader", "vocab_size": 9, "num_layers": 65])
            )
        }
        #expect(layers?.description.contains("num_layers") == true)
    }
}
