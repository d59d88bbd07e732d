import YuyanDatasets
import YuyanFileFormats
import YuyanMetrics

/// A sentence to tag; with a predicate, whose arguments the tags are.
struct TaggerInput: Sendable, Hashable {
    let tokens: [String]
    /// The values of the further columns that a tagger looks at, in its order.
    let columns: [[String]]
    /// The place of the predicate among the tokens.
    var predicate: Int?

    init(_ tokens: [String], columns: [[String]] = [], predicate: Int? = nil) {
        (self.tokens, self.columns, self.predicate) = (tokens, columns, predicate)
    }
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

    /// Whether all labels are `O` or a letter of a scheme, a hyphen and a type, as `B-PER` is: BIO, BIOES or BILOU.
    static func marksSpans(_ labels: [String]) -> Bool {
        let inside = labels.filter { $0 != "O" }
        let letters = Set(inside.compactMap { mark(of: $0) })
        return !inside.isEmpty && inside.allSatisfy { mark(of: $0) != nil }
            && (letters.isSubset(of: "BIES".utf8) || letters.isSubset(of: "BILU".utf8))
    }

    /// The letter before the hyphen and type of a tag; nil for other tags.
    private static func mark(of tag: String) -> UInt8? {
        let bytes = tag.utf8
        return bytes.count > 2 && bytes.dropFirst().first == 0x2D ? bytes.first : nil
    }

    /// Tags as scorers of spans read them: `L-` and `U-` of BILOU as `E-` and `S-`, a tag of no scheme as a span of one
    /// token, `_` as none.
    static func readable(_ tags: [String]) -> [String] {
        tags.map { tag in
            if tag == "O" || tag == "_" { return "O" }
            switch mark(of: tag) {
            case UInt8(ascii: "L"): return "E" + Substring(tag.utf8.dropFirst())
            case UInt8(ascii: "U"): return "S" + Substring(tag.utf8.dropFirst())
            case UInt8(ascii: "B"), UInt8(ascii: "I"), UInt8(ascii: "E"), UInt8(ascii: "S"): return tag
            default: return "S-" + tag
            }
        }
    }

    /// Whether spans are marked.
    var marksSpans: Bool { self == .entities || self == .argumentSpans }

    /// The most tags that a note lists.
    private static let listedTags = 12

    /// What the user should know of a model that does not give all tags of the data it is judged by.
    ///
    /// - Parameters:
    ///   - items: The data.
    ///   - tags: The tags that the model gives.
    ///   - name: What the items are called.
    /// - Returns: Notes; none where the model gives all.
    func notes(on items: [TaggingItem], by tags: [String], name: String) -> [String] {
        func label(_ tag: String) -> Substring {
            Self.mark(of: tag) == nil ? tag[...] : Substring(tag.utf8.dropFirst(2))
        }
        let (known, labels) = (Set(tags), Set(tags.map(label)))
        var (missing, otherwise): (Set<String>, Set<String>) = ([], [])
        var (missingCount, otherwiseCount) = (0, 0)
        for item in items {
            let strange = Set(item.tags).subtracting(known)
            let lost = marksSpans ? strange.filter { !labels.contains(label($0)) } : strange
            missing.formUnion(lost)
            otherwise.formUnion(strange.subtracting(lost))
            missingCount += lost.isEmpty ? 0 : 1
            otherwiseCount += strange.count > lost.count ? 1 : 0
        }
        func list(_ tags: Set<String>) -> String {
            let all = tags.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
            let rest = all.count - Self.listedTags
            return all.prefix(Self.listedTags).joined(separator: ", ") + (rest > 0 ? " and \(rest) more" : "")
        }
        var notes: [String] = []
        if !missing.isEmpty {
            notes.append(
                "warning: \(missingCount) of \(items.count) \(name) have tags that the model cannot give "
                    + "(\(list(missing))); no prediction of those can be right; label_map gives all tags other names"
            )
        }
        if !otherwise.isEmpty {
            notes.append(
                "\(otherwiseCount) of \(items.count) \(name) have tags that the model does not give, of types that it "
                    + "knows (\(list(otherwise))): spans are compared whatever the scheme, but the accuracy counts "
                    + "these tags as wrong"
            )
        }
        return notes
    }
}

/// What sentences are tagged for: the two tasks that share taggers.
enum TaggingKind: Sendable {
    /// A tag for every token.
    case tokens
    /// The roles that tokens have for a predicate.
    case roles

    var dataKind: DataKind { self == .tokens ? .tagging : .semanticRoles }

    /// What the things are called that are tagged one by one.
    var itemName: String { self == .tokens ? "sentences" : "predicates" }

    func scoring(_ labels: [String]) -> TagScoring {
        let marksSpans = TagScoring.marksSpans(labels)
        switch self {
        case .tokens: return marksSpans ? .entities : .single
        case .roles: return marksSpans ? .argumentSpans : .argumentHeads
        }
    }

    static func sentences(_ examples: [TaggingExample]) -> [TaggingItem] {
        examples.enumerated().map { number, example in
            TaggingItem(
                input: TaggerInput(example.tokens, columns: example.columns),
                tags: example.tags,
                sentence: number
            )
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
    func sentences(
        of recipe: Recipe,
        toJudgeBy path: String?,
        report: (TaskEvent) -> Void
    ) throws -> [TaggingItem] {
        func found<Example: DatasetExample>() throws -> JudgedExamples<Example> {
            try recipe.examples(toJudgeBy: path, isStratified: false, rowName: "sentences", report: report)
        }
        let (sentences, name): ([TaggingItem], String)
        switch self {
        case .tokens:
            let judged: JudgedExamples<TaggingExample> = try found()
            (sentences, name) = (Self.sentences(judged.examples), judged.name)
        case .roles:
            let judged: JudgedExamples<SemanticRoleExample> = try found()
            (sentences, name) = (Self.sentences(judged.examples), judged.name)
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
    let malformed: MalformedRows

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
        (fingerprint, malformed) = (parts.fingerprint, parts.malformed)
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
        let name = kind.itemName
        var notes = [
            "\(training.count) \(name) (\(words) words) to learn from, \(validation.count) to judge by, "
                + "\(labels.count) tags"
        ]
        if let warning = parts.malformed.warning("sentences") { notes.append(warning) }
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
