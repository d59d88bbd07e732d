import Foundation
import YuyanTasks
import YuyanTestSupport
import YuyanTraining

/// Pairs of small texts that belong together when a word of one stands for a word of the other, and runs on them.
struct PairFolder {
    let folder: ScratchFolder

    /// What is asked, and what answers it.
    static let keys = [
        ("king", "crown"), ("ship", "harbour"), ("bread", "oven"), ("rain", "cloud"), ("雪", "冬天"),
        ("song", "melody"), ("tree", "forest"), ("coin", "purse"),
    ]
    private static let others = ["the", "a", "of", "and", "with", "very", "是", "old", "near"]

    init() throws { folder = try ScratchFolder() }

    /// A text around a word.
    static func text(_ word: String, _ numbers: inout TextNumbers) -> String {
        var words = (0..<Int.random(in: 1...5, using: &numbers)).map { _ in
            others[Int.random(in: 0..<others.count, using: &numbers)]
        }
        words.insert(word, at: Int.random(in: 0...words.count, using: &numbers))
        return words.joined(separator: " ")
    }

    /// Right pairs, one for each key in turn.
    static func pairs(_ count: Int, seed: UInt64) -> [(text: String, pair: String)] {
        var numbers = TextNumbers(seed: seed)
        return (0..<count).map { row in
            let (asked, answer) = keys[row % keys.count]
            return (text(asked, &numbers), text(answer, &numbers))
        }
    }

    /// Questions with one right text and three wrong ones each, beside one another.
    static func labelled(_ questions: Int, seed: UInt64) -> [(text: String, pair: String, label: Int)] {
        var numbers = TextNumbers(seed: seed)
        return (0..<questions).flatMap { number -> [(text: String, pair: String, label: Int)] in
            let question = text(keys[number % keys.count].0, &numbers) + " \(number)"
            return (0..<4).map { place in
                let answer = keys[(number + (place == 2 ? 0 : place + 1)) % keys.count].1
                return (question, text(answer, &numbers), place == 2 ? 1 : 0)
            }
        }
    }

    func write(_ lines: [String], to name: String) throws {
        try folder.write(lines.joined(separator: "\n") + "\n", to: name)
    }

    /// Training rows and others to judge by, as pairs, with labels or with scores.
    func writeParts(_ kind: String) throws {
        for (name, seed) in [("train", UInt64(1)), ("dev", 2)] {
            let count = name == "train" ? 160 : 8
            switch kind {
            case "pairs":
                // Every key once to judge by: the others would be right as well.
                let rows = Self.pairs(count, seed: seed)
                try write(rows.map { "\($0.text)\t\($0.pair)" }, to: "\(name).tsv")
            case "labels":
                try write(
                    Self.labelled(count, seed: seed).map { "\($0.text)\t\($0.pair)\t\($0.label)" },
                    to: "\(name).tsv"
                )
            default:
                try write(
                    Self.labelled(count, seed: seed).map { "\($0.text)\t\($0.pair)\t\($0.label * 5)" },
                    to: "\(name).tsv"
                )
            }
        }
    }

    func recipe(
        _ family: String,
        _ kind: String,
        _ output: String,
        _ settings: [String] = []
    ) throws -> Recipe {
        let column = ["labels": ", label: 2", "scores": ", score: 2"][kind] ?? ""
        let yaml = """
            task: text-embedding
            data: { train: "\(folder.path)/train.tsv", validation: "\(folder.path)/dev.tsv", format: tsv,
                    header: false, columns: { text: 0, text_pair: 1\(column) } }
            model: { family: \(family) }
            training: { output_dir: "\(folder.path)/\(output)", num_train_epochs: 8, seed: 1, tensorboard: false,
                        logging_steps: 4, early_stopping_patience: 0, per_device_train_batch_size: 16 }
            """
        return try Recipe(yaml: yaml, name: "r.yaml", overrides: settings)
    }

    @discardableResult
    func train(_ recipe: Recipe, _ report: @escaping (TaskEvent) -> Void = { _ in }) throws -> TrainingOutcome
    {
        try TaskCatalog.run(recipe, registryFolder: nil, version: "test").train(report: report)
    }

    func evaluate(_ output: String, _ data: String?) throws -> TaskEvaluation {
        let place = "\(folder.path)/\(output)"
        let run = try TaskCatalog.run(try Recipe(modelFolder: place), registryFolder: nil, version: "test")
        let source = EvaluationData(path: data.map { "\(folder.path)/\($0)" })
        return try run.evaluate(folder: place, data: source, report: { _ in })
    }

    /// Word vectors in which a question's word and its answer's are alike.
    func writeWordVectors() throws {
        var lines: [String] = []
        for (number, key) in Self.keys.enumerated() {
            for (word, extra) in [(key.0, 0.1), (key.1, -0.1)] {
                var row = [Double](repeating: 0, count: 10)
                row[number] = 1
                row[8] = extra
                row[9] = 0.3
                lines.append("\(word) \(row.map { "\($0)" }.joined(separator: " "))")
            }
        }
        for word in ["the", "a", "of", "and", "with", "very", "old", "near"] {
            lines.append("\(word) 0 0 0 0 0 0 0 0 0.2 1.5")
        }
        try write(["\(lines.count) 10"] + lines, to: "words.vec")
    }
}
