import Foundation
import Testing
import YuyanDatasets
import YuyanFileFormats
import YuyanTasks
import YuyanTestSupport
import YuyanTraining

/// Semantic roles from recipe to answers, on sentences made here: who does what is told by the words beside a verb.
@Suite(.serialized) struct SemanticRoleRunTests {
    private let folder: ScratchFolder

    init() throws {
        folder = try ScratchFolder()
        try folder.write(Self.conllu(120, seed: 1), to: "train.conllu")
        try folder.write(Self.conllu(40, seed: 2), to: "dev.conllu")
    }

    /// Sentences of one or two clauses «NAME VERB NAME», each verb with its own doer before and thing behind it.
    static func conllu(_ count: Int, seed: UInt64) -> String {
        var numbers = TextNumbers(seed: seed)
        let names = ["Anna", "Bo", "Chen", "Dara", "Eli"], verbs = ["saw", "took", "gave", "met"]
        func draw(_ list: [String]) -> String { list[Int.random(in: 0..<list.count, using: &numbers)] }
        var text = ""
        for _ in 0..<count {
            let clauses = Int.random(in: 1...2, using: &numbers)
            var rows: [(word: String, sense: String, clause: Int, role: String)] = []
            for clause in 0..<clauses {
                if clause > 0 { rows.append(("and", "_", -1, "_")) }
                let verb = draw(verbs)
                rows.append((draw(names), "_", clause, "ARG0"))
                rows.append((verb, "\(verb).01", clause, "V"))
                rows.append((draw(names), "_", clause, "ARG1"))
            }
            for (place, row) in rows.enumerated() {
                var columns = ["\(place + 1)", row.word] + [String](repeating: "_", count: 8) + [row.sense]
                columns[6] = "0"
                columns += (0..<clauses).map { $0 == row.clause ? row.role : "_" }
                text += columns.joined(separator: "\t") + "\n"
            }
            text += "\n"
        }
        return text
    }

    private func recipe(_ settings: [String] = []) throws -> Recipe {
        let yaml = """
            task: semantic-roles
            data: { train: "\(folder.path)/train.conllu", validation: "\(folder.path)/dev.conllu", format: conllu,
                    columns: { predicates: 10, arguments: 11 } }
            model: { family: lstm, embedding_dim: 16, hidden_size: 16, characters: false, dropout: 0.1 }
            training: { output_dir: "\(folder.path)/out", num_train_epochs: 8, seed: 1, tensorboard: false,
                        learning_rate: 1.0e-2, per_device_train_batch_size: 8 }
            """
        return try Recipe(yaml: yaml, name: "r.yaml", overrides: settings)
    }

    private func run(_ recipe: Recipe) throws -> any TaskRun {
        try TaskCatalog.run(recipe, registryFolder: nil, version: "test")
    }

    /// The two predicates of a sentence have their own arguments: only the mark tells them apart.
    @Test func learnsJudgesAndAnswers() throws {
        let outcome = try run(recipe()).train { _ in }
        #expect((outcome.metrics["eval_f1"] ?? 0) > 0.95, "\(outcome.metrics)")
        let place = "\(folder.path)/out"
        let trained = try run(Recipe(modelFolder: place))
        let evaluation = try trained.evaluate(
            folder: place,
            data: EvaluationData(path: "\(folder.path)/dev.conllu"),
            report: { _ in }
        )
        let figures = Dictionary(uniqueKeysWithValues: evaluation.figures.map { ($0.name, $0.value) })
        #expect(figures["f1"] == outcome.metrics["eval_f1"])
        #expect(figures["sentences"] == 40 && (figures["predicates"] ?? 0) > 40)
        #expect((figures["unlabelled_f1"] ?? 0) >= (figures["f1"] ?? 1))
        for name in ["unlabelled_f1", "macro_f1"] {
            #expect(evaluation.json["\(name)_interval"]?.arrayValue?.count == 2, "\(name)")
        }
        // The predicate's own tag is no argument.
        #expect(evaluation.document["types"]?["V"] == nil)
        let row = Record(
            names: ["tokens"],
            values: [.text("Anna [saw] Bo and Chen [met] Eli")],
            place: RecordPlace(path: "-", line: nil)
        )
        let answer = try trained.predictor(folder: place).predict([row])[0]
        let predicates = try #require(answer["predicates"]?.arrayValue)
        #expect(predicates.map { $0["text"]?.stringValue } == ["saw", "met"])
        let arguments = predicates.map { ($0["arguments"]?.arrayValue ?? []).map { $0["text"]?.stringValue } }
        #expect(arguments == [["Anna", "Bo"], ["Chen", "Eli"]])
        // Arguments are explained, and the predicates themselves are none.
        let why = try trained.explainer(folder: place)
            .explain(ExplanationRequest("Anna [saw] Bo and Chen [met] Eli"))
        #expect(why.explanations.map(\.label) == ["ARG0", "ARG1", "ARG0", "ARG1"])
        // A sentence whose column marks no predicate has none; one that says nothing of predicates is a mistake.
        let none = Record(
            names: ["tokens", "predicates"],
            values: [.list(["Anna", "saw"]), .list(["_", "_"])],
            place: RecordPlace(path: "-", line: nil)
        )
        let empty = try trained.predictor(folder: place).predict([none])[0]
        #expect(empty["predicates"]?.arrayValue?.isEmpty == true && empty["tokens"]?.arrayValue?.count == 2)
    }

    /// Tags that mark spans are judged as spans.
    @Test func spans() throws {
        for name in ["train", "dev"] {
            let rows = Self.conllu(60, seed: name == "train" ? 3 : 4)
                .replacing("\tARG", with: "\tB-ARG").replacing("\tV", with: "\tB-V")
                .split(separator: "\n", omittingEmptySubsequences: false).map { line in
                    let columns = line.split(separator: "\t", omittingEmptySubsequences: false)
                    guard columns.count > 11 else { return String(line) }
                    return (columns.prefix(11) + columns.dropFirst(11).map { $0 == "_" ? "O" : $0 })
                        .joined(separator: "\t")
                }
            try folder.write(rows.joined(separator: "\n"), to: "\(name).conllu")
        }
        let outcome = try run(recipe()).train { _ in }
        #expect((outcome.metrics["eval_f1"] ?? 0) > 0.9, "\(outcome.metrics)")
        let place = "\(folder.path)/out"
        let evaluation = try run(Recipe(modelFolder: place)).evaluate(
            folder: place,
            data: EvaluationData(),
            report: { _ in }
        )
        #expect(evaluation.json["perfect_predicates"]?.numberValue ?? 0 > 0.8)
        #expect(evaluation.json["perfect_predicates_interval"]?.arrayValue?.count == 2)
    }

    @Test func mistakesAreNamed() throws {
        let none = Self.conllu(20, seed: 5).split(separator: "\n", omittingEmptySubsequences: false)
            .map { $0.split(separator: "\t").prefix(10).joined(separator: "\t") + ($0.isEmpty ? "" : "\t_") }
        try folder.write(none.joined(separator: "\n"), to: "train.conllu")
        let error = #expect(throws: RecipeError.self) { try run(recipe()).train { _ in } }
        #expect(error?.description.contains("no sentence has a predicate") == true)
        try folder.write(Self.conllu(20, seed: 6), to: "train.conllu")
        _ = try run(recipe(["max_steps=2"])).train { _ in }
        let place = "\(folder.path)/out"
        let row = Record(
            names: ["tokens"],
            values: [.text("Anna saw Bo")],
            place: RecordPlace(path: "x", line: 7)
        )
        let unmarked = #expect(throws: RecipeError.self) {
            try run(Recipe(modelFolder: place)).predictor(folder: place).predict([row])
        }
        #expect(unmarked?.description.contains("in brackets") == true, "\(unmarked.map { "\($0)" } ?? "")")
        let family = #expect(throws: RecipeError.self) { try recipe(["model.family=crf"]) }
        #expect(family?.description.contains("lstm, gru, rnn") == true)
    }
}
