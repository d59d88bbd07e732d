import Foundation
import YuyanTasks
import YuyanTestSupport
import YuyanTraining

/// Small labelled texts whose label a few words give away, and runs on them.
struct LabelledFolder {
    let folder: ScratchFolder

    /// Words that tell the labels; the others say nothing.
    static let telling = [
        "good": ["fine", "bright", "lovely", "好"], "bad": ["dull", "grim", "awful", "坏"],
        "plain": ["grey", "flat", "even", "平"],
    ]
    private static let others = ["the", "a", "film", "plot", "was", "and", "with", "very", "scene", "电", "影"]

    init() throws {
        folder = try ScratchFolder()
    }

    /// Rows of a text and its labels.
    static func rows(
        _ count: Int,
        seed: UInt64,
        labels: [String] = ["bad", "good"]
    ) -> [(text: String, label: String)] {
        var numbers = TextNumbers(seed: seed)
        return (0..<count).map { row in
            let label = labels[row % labels.count]
            var words = (0..<Int.random(in: 2...9, using: &numbers)).map { _ in
                others[Int.random(in: 0..<others.count, using: &numbers)]
            }
            let own = telling[label] ?? []
            for _ in 0..<2 {
                let place = Int.random(in: 0...words.count, using: &numbers)
                words.insert(own[Int.random(in: 0..<own.count, using: &numbers)], at: place)
            }
            return (words.joined(separator: " "), label)
        }
    }

    func write(_ rows: [(text: String, label: String)], to name: String) throws {
        try folder.write(rows.map { "\($0.text)\t\($0.label)\n" }.joined(), to: name)
    }

    /// Training rows and others to judge by.
    func writeParts(labels: [String] = ["bad", "good"]) throws {
        try write(Self.rows(120, seed: 1, labels: labels), to: "train.tsv")
        try write(Self.rows(40, seed: 2, labels: labels), to: "dev.tsv")
    }

    func recipe(_ family: String, _ output: String, _ settings: [String] = []) throws -> Recipe {
        let yaml = """
            task: text-classification
            data: { train: "\(folder.path)/train.tsv", validation: "\(folder.path)/dev.tsv", format: tsv,
                    header: false, columns: { text: 0, label: 1 } }
            model: { family: \(family) }
            training: { output_dir: "\(folder.path)/\(output)", num_train_epochs: 6, seed: 1, tensorboard: false,
                        logging_steps: 4, early_stopping_patience: 0, per_device_train_batch_size: 16 }
            """
        return try Recipe(yaml: yaml, name: "r.yaml", overrides: settings)
    }

    @discardableResult
    func train(_ recipe: Recipe, _ report: @escaping (TaskEvent) -> Void = { _ in }) throws -> TrainingOutcome
    {
        try TaskCatalog.run(recipe, registryFolder: nil, version: "test").train(report: report)
    }

    func evaluate(_ output: String, _ data: String?, _ overrides: [String] = []) throws -> TaskEvaluation {
        let place = "\(folder.path)/\(output)"
        let run = try TaskCatalog.run(try Recipe(modelFolder: place), registryFolder: nil, version: "test")
        let source = EvaluationData(path: data.map { "\(folder.path)/\($0)" })
        return try run.evaluate(folder: place, data: source, report: { _ in })
    }
}

/// Random numbers that depend on a seed alone.
struct TextNumbers: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
