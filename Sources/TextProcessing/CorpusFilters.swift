import Foundation

/// Keeps texts in some languages.
public struct LanguageFilter: TextOperator {
    /// The languages that stay; `zh` stands for both scripts of Chinese.
    public let keep: [String]
    /// Texts whose language is less probable than this are dropped.
    public let minimumProbability: Double
    private let kept: Set<String>

    /// Creates the operator.
    ///
    /// - Parameters:
    ///   - keep: The languages that stay, as ``LanguageIdentifier/languages`` names them; `zh` stands for both
    ///     scripts of Chinese.
    ///   - minimumProbability: Texts whose language is less probable than this are dropped.
    public init(keep: [String], minimumProbability: Double = 0) {
        (self.keep, self.minimumProbability) = (keep.sorted(), minimumProbability)
        kept = Set(keep.flatMap { $0 == "zh" ? ["zh-Hans", "zh-Hant"] : [$0] })
    }

    /// The operator's name.
    public var name: String { "language_filter" }
    /// The languages and the least probability.
    public var settings: String { "keep \(keep.joined(separator: " ")), probability \(minimumProbability)" }
    /// It decides.
    public var kind: TextOperatorKind { .filter }

    /// Drops text in other languages.
    ///
    /// - Parameter text: any text.
    /// - Returns: dropped as "language de", or as "language uncertain".
    public func apply(to text: String) -> TextOutcome {
        let guess = LanguageIdentifier.shared.identify(text)
        guard kept.contains(guess.language) else { return .dropped(reason: "language \(guess.language)") }
        return guess.probability < minimumProbability ? .dropped(reason: "language uncertain") : .unchanged
    }
}

/// Drops text that is unlike a reference text.
public struct PerplexityFilter: TextOperator {
    /// The model of the reference text.
    public let model: CharacterModel
    /// Text with a higher perplexity is dropped.
    public let maximum: Double
    /// Text with a lower perplexity (the same again and again) is dropped.
    public let minimum: Double
    private let identity: String

    /// Creates the operator.
    ///
    /// - Parameters:
    ///   - model: The model of the reference text.
    ///   - maximum: Text with a higher perplexity for each character is dropped.
    ///   - minimum: Text with a lower one is dropped.
    public init(model: CharacterModel, maximum: Double, minimum: Double = 0) {
        (self.model, self.maximum, self.minimum) = (model, maximum, minimum)
        let fingerprint = model.serialized().withUnsafeBytes { TextFingerprint(bytes: $0) }
        identity = String(fingerprint.high, radix: 16)
    }

    /// The operator's name.
    public var name: String { "perplexity_filter" }
    /// The bounds and the model's fingerprint.
    public var settings: String { "\(minimum) to \(maximum), model \(identity)" }
    /// It decides.
    public var kind: TextOperatorKind { .filter }

    /// Drops text outside the bounds.
    ///
    /// - Parameter text: any text.
    /// - Returns: dropped as "perplexity above 30" or "perplexity below 2", or unchanged.
    public func apply(to text: String) -> TextOutcome {
        let perplexity = model.perplexity(of: text)
        if perplexity > maximum { return .dropped(reason: "perplexity above \(Self.plain(maximum))") }
        if perplexity < minimum { return .dropped(reason: "perplexity below \(Self.plain(minimum))") }
        return .unchanged
    }

    private static func plain(_ number: Double) -> String {
        Int(exactly: number).map(String.init) ?? String(number)
    }
}

/// How many texts and bytes a corpus has in each language.
public struct LanguageCounts: Sendable, Equatable {
    /// The number of texts by language.
    public private(set) var texts: [String: Int] = [:]
    /// The number of UTF-8 bytes by language.
    public private(set) var bytes: [String: Int] = [:]

    /// Counts of nothing.
    public init() {}

    /// Counts a text.
    ///
    /// - Parameter text: Any text.
    /// - Returns: Its language.
    @discardableResult
    public mutating func add(_ text: String) -> LanguageGuess {
        let guess = LanguageIdentifier.shared.identify(text)
        texts[guess.language, default: 0] += 1
        bytes[guess.language, default: 0] += text.utf8.count
        return guess
    }

    /// Adds other counts.
    ///
    /// - Parameter other: The counts of other texts.
    public mutating func add(_ other: LanguageCounts) {
        texts.merge(other.texts, uniquingKeysWith: +)
        bytes.merge(other.bytes, uniquingKeysWith: +)
    }

    /// The languages with the number of texts, the most frequent first.
    public var ranking: [(language: String, texts: Int)] {
        texts.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.map { ($0.key, $0.value) }
    }
}

extension OperatorCatalog {
    /// The operators of this file.
    static let corpusEntries = [
        OperatorEntry("language_filter", "keeps languages (keep: [en, zh], minimum_probability: 0)") {
            parameters in
            let known = LanguageIdentifier.shared.languages + ["zh"]
            let keep = try parameters.list("keep", oneOf: known)
            let least = try parameters.number("minimum_probability", default: 0, in: 0...1)
            guard let keep, !keep.isEmpty else {
                throw OperatorError("language_filter", key: "keep", "must list the languages that stay")
            }
            return LanguageFilter(keep: keep, minimumProbability: least)
        },
        OperatorEntry(
            "perplexity_filter",
            "drops text unlike a reference (model: a file of CharacterModel, maximum, minimum: 0)"
        ) { parameters in
            let path = try parameters.text("model")
            let maximum = try parameters.number("maximum", default: .infinity, in: 1...Double.infinity)
            let minimum = try parameters.number("minimum", default: 0, in: 0...Double.infinity)
            guard let path else {
                throw OperatorError(
                    "perplexity_filter",
                    key: "model",
                    "must name the file of a character model"
                )
            }
            guard maximum.isFinite || minimum > 0 else {
                throw OperatorError(
                    "perplexity_filter",
                    key: "maximum",
                    "must say which perplexity is too high"
                )
            }
            return PerplexityFilter(
                model: try CharacterModel(contentsOf: path),
                maximum: maximum,
                minimum: minimum
            )
        },
    ]
}
