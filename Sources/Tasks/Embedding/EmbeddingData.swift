import YuyanDatasets
import YuyanFileFormats

/// What pairs of texts tell.
enum SimilarityKind: String {
    /// Pairs that belong together.
    case pairs
    /// Pairs that do and pairs that do not.
    case labels
    /// Pairs with a score of their likeness.
    case scores
}

/// What a sentence encoder learns by.
enum EmbeddingLoss: String, CaseIterable {
    /// The right partner among those of the whole batch.
    case contrastive
    /// Cosines near to scores.
    case cosine
    /// Cosines in the order of scores.
    case cosent
}

/// Pairs of texts, every text once.
struct SimilarityPairs {
    /// The texts.
    private(set) var texts: [String] = []
    /// The texts of each pair.
    private(set) var first: [Int] = []
    private(set) var second: [Int] = []
    /// The score of each pair: as the data have it, 1 or 0 of a label, 1 where there is neither.
    private(set) var scores: [Double] = []
    /// The second texts that belong to each first text.
    private(set) var right: [Int: [Int]] = [:]
    /// The second texts that do not.
    private(set) var wrong: [Int: [Int]] = [:]

    var count: Int { first.count }

    init(_ examples: [SimilarityExample], _ kind: SimilarityKind) {
        var numbers: [String: Int] = [:]
        func number(_ text: String) -> Int {
            if let known = numbers[text] { return known }
            numbers[text] = texts.count
            texts.append(text)
            return texts.count - 1
        }
        for example in examples {
            let (one, two) = (number(example.text), number(example.textPair))
            first.append(one)
            second.append(two)
            let score = kind == .scores ? example.score ?? 0 : (example.isRight ?? true) ? 1 : 0
            scores.append(score)
            guard kind != .scores else { continue }
            if score > 0 {
                if right[one]?.contains(two) != true { right[one, default: []].append(two) }
            } else {
                wrong[one, default: []].append(two)
            }
        }
    }

    /// The first texts in the order of their first pairs.
    var questions: [Int] {
        var seen: Set<Int> = []
        return first.filter { seen.insert($0).inserted }
    }
}

/// What a sentence encoder learns from and is judged by.
struct EmbeddingData {
    let training: SimilarityPairs
    let validation: SimilarityPairs
    let kind: SimilarityKind
    let fingerprint: String
    /// Things that the user should know.
    let notes: [String]

    /// Reads the files that a recipe names.
    init(_ recipe: Recipe) throws {
        let parts = try ExampleParts<SimilarityExample>(recipe, isStratified: false)
        kind = try Self.kind(parts.training, "data.train")
        guard try Self.kind(parts.validation, "data.validation") == kind else {
            throw RecipeError("data.validation has other columns than data.train, which has \(kind.rawValue)")
        }
        training = SimilarityPairs(parts.training, kind)
        validation = SimilarityPairs(parts.validation, kind)
        if kind == .scores, recipe.training.metricForBestModel != "eval_loss",
            let score = validation.scores.first, validation.scores.allSatisfy({ $0 == score })
        {
            let shown = Int(exactly: score).map { "\($0)" } ?? "\(score)"
            throw RecipeError(
                "data.validation: all scores are \(shown); there is no order to judge by"
            )
        }
        fingerprint = parts.fingerprint
        var notes = [
            "\(training.count) pairs (\(kind.rawValue)) to learn from, \(validation.count) to judge by"
        ]
        if let warning = parts.malformed.warning() { notes.append(warning) }
        let empty = training.texts.count { $0.utf8.isEmpty }
        if empty > 0 { notes.append("warning: a training text is empty") }
        self.notes = notes
    }

    /// What examples tell: scores before labels, which all or none must have.
    static func kind(_ examples: [SimilarityExample], _ name: String) throws -> SimilarityKind {
        func all(_ has: (SimilarityExample) -> Bool, _ column: String) throws -> Bool {
            let count = examples.count(where: has)
            guard count == 0 || count == examples.count else {
                throw RecipeError(
                    "\(name): \(examples.count - count) of \(examples.count) rows have no \(column)"
                )
            }
            return count > 0
        }
        if try all({ $0.score != nil }, "score") { return .scores }
        return try all({ $0.isRight != nil }, "label") ? .labels : .pairs
    }
}

extension Recipe {
    /// What the model learns by, chosen by the data where the recipe does not say.
    func embeddingLoss(_ kind: SimilarityKind) throws -> EmbeddingLoss {
        let name = model.network["loss"]?.stringValue ?? "auto"
        guard let loss = EmbeddingLoss(rawValue: name) else {
            return kind == .scores ? .cosent : .contrastive
        }
        if loss == .contrastive, kind == .scores {
            throw RecipeError("model.loss is contrastive, which needs pairs or labels; the data have scores")
        }
        if loss != .contrastive, kind == .pairs {
            throw RecipeError(
                "model.loss is \(name), which needs labels or scores; the data have pairs alone"
            )
        }
        return loss
    }

    /// The figure that says which model is best, where the recipe names none.
    func embeddingMetric(_ kind: SimilarityKind) -> String {
        switch kind {
        case .scores: "eval_spearman"
        case .labels: "eval_map"
        case .pairs: "eval_mrr"
        }
    }
}
