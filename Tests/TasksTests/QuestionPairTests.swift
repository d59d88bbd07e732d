import Foundation
import Testing
import YuyanFileFormats
import YuyanTasks
import YuyanTestSupport
import YuyanTraining

/// Two models that answer questions, compared; and models of questions that begin with word vectors.
@Suite(.serialized) struct QuestionPairTests {
    private let asked: QuestionFolder

    init() throws {
        asked = try QuestionFolder()
        try asked.write(QuestionFolder.articles(20, seed: 1), to: "train.json")
        try asked.write(QuestionFolder.articles(8, seed: 2), to: "dev.json")
    }

    private func train(
        _ family: String,
        _ name: String,
        _ settings: [String],
        _ report: @escaping (TaskEvent) -> Void = { _ in }
    ) throws {
        let recipe = try asked.recipe(family, settings + ["output_dir=\(asked.folder.path)/\(name)"])
        _ = try TaskCatalog.run(recipe, registryFolder: nil, version: "test").train(report: report)
    }

    private func evaluate(_ name: String) throws -> TaskEvaluation {
        let place = "\(asked.folder.path)/\(name)"
        let run = try TaskCatalog.run(try Recipe(modelFolder: place), registryFolder: nil, version: "test")
        return try run.evaluate(folder: place, data: EvaluationData(), report: { _ in })
    }

    @Test func answersAreCompared() throws {
        try train("reader", "one", ["num_train_epochs=4"])
        try train("reader", "two", ["num_train_epochs=1"])
        let (one, two) = (try evaluate("one"), try evaluate("two"))
        let comparison = try TaskComparison((one, "one"), (two, "two"), task: "question-answering")
        let figures = try #require(comparison.json["figures"]?.objectValue)
        #expect(figures.map { $0.key } == ["exact_match", "f1"])
        for (name, test) in [("exact_match", "mcnemar_exact"), ("f1", "approximate_randomization")] {
            let figure = try #require(figures[name])
            #expect(figure["test"]?.stringValue == test)
            for (key, evaluation) in [("first", one), ("second", two)] {
                let own = try #require(evaluation.figures.first { $0.name == name }?.value)
                let value = try #require(figure[key]?.numberValue)
                #expect(abs(value - own) < 1e-9, "\(name)")
            }
        }
        #expect(comparison.json["examples"]?.integerValue == 24)
    }

    @Test(arguments: ["reader", "encoder"]) func tablesBeginWithWordVectors(family: String) throws {
        let path = "\(asked.folder.path)/v.txt"
        try asked.folder.write("2 4\nred 1 0 0 0.5\nblue -1 0 0 0.5\n", to: "v.txt")
        let sizes = family == "encoder" ? ["hidden_size=4", "num_attention_heads=2"] : []
        var notes: [String] = []
        try train(family, "out", sizes + ["vectors=\(path)", "max_steps=1"]) { event in
            if case .note(let note) = event { notes.append(note) }
        }
        #expect(notes.contains { $0.hasPrefix("2 of ") }, "\(notes)")
    }
}
