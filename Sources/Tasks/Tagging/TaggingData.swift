import YuyanDatasets
import YuyanFileFormats
import YuyanMetrics

/// A sentence to tag; with a predicate, whose arguments the tags are.
struct TaggerInput: Sendable, Hashable {
    let tokens: [String]
    /// The place of the predicate among the tokens.
    var predicate: Int?

    init(_ tokens: [String], predicate: Int? = nil) { (self.tokens, self.predicate) = (tokens, predicate) }
}

/// A sentence with its tags.
struct TaggingItem: Sendable, Hashable {
    let input: TaggerInput
    let tags: [String]
    /// The number of the sentence in the data; the predicates of a sentence share it.
    let sentence: Int
}

/// What tags say, and so how they are judged.
enum TagScoring: Sendable {
    /// Every tag is a decision by itself.
    case single
    /// Tags mark spans: entities.
    case entities
    /// Tags mark spans: the arguments of a predicate.
    case argumentSpans
    /// A tag is the role of the word that heads an argument; `_` is none.
    case argumentHeads

    /// Whether all labels are `O` or a letter of a scheme, a hyphen and a type, as `B-PER` is.
    static func marksSpans(_ labels: [String]) -> Bool {
        let inside = labels.filter { $0 != "O" }
        return !inside.isEmpty
            && inside.allSatisfy { label in
                let bytes = Array(label.utf8)
                return bytes.count > 2 && bytes[1] == 45 && "BIES".utf8.contains(bytes[0])
            }
    }

    /// Whether spans are marked.
    var marksSpans: Bool { self == .entities || self == .argumentSpans }
}

/// What sentences are tagged for: the two tasks that share taggers.
enum TaggingKind: Sendable {
    /// A tag for every token.
    case tokens
    /// The roles that tokens have for a predicate.
    case roles

    var dataKind: DataKind { self == .tokens ? .tagging : .semanticRoles }

    func scoring(_ labels: [String]) -> TagScoring {
        let marksSpans = TagScoring.marksSpans(labels)
        switch self {
        case .tokens: return marksSpans ? .entities : .single
        case .roles: return marksSpans ? .argumentSpans : .argumentHeads
        }
    }

    static func sentences(_ examples: [TaggingExample]) -> [TaggingItem] {
        examples.enumerated().map { number, example in
            TaggingItem(input: TaggerInput(example.tokens), tags: example.tags, sentence: number)
        }
    }

    /// One sentence for each predicate.
    static func sentences(_ examples: [SemanticRoleExample]) -> [TaggingItem] {
        examples.enumerated().flatMap { number, example in
            example.predicates.map { predicate in
                TaggingItem(
                    input: TaggerInput(example.tokens, predicate: predicate.token),
                    tags: predicate.roles,
                    sentence: number
                )
            }
        }
    }

    /// The sentences to judge a model by.
    func sentences(of recipe: Recipe, toJudgeBy path: String?) throws -> [TaggingItem] {
        let (sentences, name): ([TaggingItem], String)
        switch self {
        case .tokens:
            let found: ([TaggingExample], String) = try recipe.examples(toJudgeBy: path, isStratified: false)
            (sentences, name) = (Self.sentences(found.0), found.1)
        case .roles:
            let found: ([SemanticRoleExample], String) =
                try recipe.examples(toJudgeBy: path, isStratified: false)
            (sentences, name) = (Self.sentences(found.0), found.1)
        }
        guard !sentences.isEmpty else { throw RecipeError("\(name) has no predicate") }
        return sentences
    }
}

/// The parts of a recipe's data, whatever their examples are.
private struct TaggingParts {
    let training: [TaggingItem]
    let validation: [TaggingItem]
    let fingerprint: String
    let malformedCount: Int
    let errors: [FileFormatError]

    init(_ recipe: Recipe, _ kind: TaggingKind) throws {
        switch kind {
        case .tokens:
            let parts = try ExampleParts<TaggingExample>(recipe, isStratified: false)
            self.init(parts, TaggingKind.sentences)
        case .roles:
            let parts = try ExampleParts<SemanticRoleExample>(recipe, isStratified: false)
            self.init(parts, TaggingKind.sentences)
            for (name, part) in [("data.train", training), ("data.validation", validation)]
            where part.isEmpty {
                throw RecipeError("\(name): no sentence has a predicate; is columns.predicates right?")
            }
        }
    }

    private init<Example>(_ parts: ExampleParts<Example>, _ sentences: ([Example]) -> [TaggingItem]) {
        (training, validation) = (sentences(parts.training), sentences(parts.validation))
        (fingerprint, malformedCount, errors) = (parts.fingerprint, parts.malformedCount, parts.errors)
    }
}

/// Sentences with tags to learn from and to judge by.
struct TaggingData {
    let training: [TaggingItem]
    let validation: [TaggingItem]
    let trainingLabels: [[Int32]]
    /// The labels of each sentence; nil where the training part lacks one of its tags.
    let validationLabels: [[Int32]?]
    let labels: LabelVocabulary
    let scoring: TagScoring
    let fingerprint: String
    /// Things that the user should know.
    let notes: [String]

    /// Beyond so many, a column of tags is rather one of words.
    private static let mostLabels = 2000

    /// Reads the files that a recipe names.
    init(_ recipe: Recipe, _ kind: TaggingKind) throws {
        let parts = try TaggingParts(recipe, kind)
        training = parts.training.filter { !$0.tags.isEmpty }
        validation = parts.validation
        var counts: [String: Int] = [:]
        for example in training { for tag in example.tags { counts[tag, default: 0] += 1 } }
        labels = LabelVocabulary(counts: counts, order: .name)
        guard labels.count >= 2 else {
            throw RecipeError(
                "data.train: every token has the tag '\(labels.labels.first ?? "")'; are the columns right?"
            )
        }
        guard labels.count <= Self.mostLabels else {
            throw RecipeError(
                "data.train: there are \(labels.count) different tags, more than \(Self.mostLabels); is columns.tags right?"
            )
        }
        let numbers = Dictionary(uniqueKeysWithValues: labels.labels.enumerated().map { ($1, Int32($0)) })
        trainingLabels = training.map { $0.tags.compactMap { numbers[$0] } }
        validationLabels = validation.map { example in
            let own = example.tags.compactMap { numbers[$0] }
            return own.count == example.tags.count ? own : nil
        }
        scoring = kind.scoring(labels.labels)
        fingerprint = parts.fingerprint
        let words = training.reduce(0) { $0 + $1.tags.count }
        let name = kind == .tokens ? "sentences" : "predicates"
        var notes = [
            "\(training.count) \(name) (\(words) words) to learn from, \(validation.count) to judge by, "
                + "\(labels.count) tags"
        ]
        if parts.malformedCount > 0 {
            notes.append(
                "warning: \(parts.malformedCount) malformed sentences left out; the first: \(parts.errors[0])"
            )
        }
        let strange = validationLabels.count { $0 == nil }
        if strange > 0 {
            notes.append(
                "warning: \(strange) validation \(name) have tags that the training part lacks; no prediction of those "
                    + "can be right, and the loss leaves them out"
            )
        }
        self.notes = notes
    }
}
