import YuyanDatasets
import YuyanFileFormats

/// Two texts, and where the data say so whether the second answers the first, or how alike they are.
public struct SimilarityExample: DatasetExample {
    /// The first text: a sentence or a question.
    public let text: String
    /// The second text: a sentence or an answer.
    public let textPair: String
    /// Whether the second text belongs to the first.
    public let isRight: Bool?
    /// How alike the texts are.
    public let score: Double?

    /// Makes an example.
    ///
    /// - Parameters:
    ///   - text: The first text.
    ///   - textPair: The second text.
    ///   - isRight: Whether the second text belongs to the first.
    ///   - score: How alike the texts are.
    public init(text: String, textPair: String, isRight: Bool? = nil, score: Double? = nil) {
        (self.text, self.textPair, self.isRight, self.score) = (text, textPair, isRight, score)
    }

    /// `text`, `text_pair` and, where there is one, `label` or `score`.
    public static var roles: [ExampleRole] {
        [
            ExampleRole("text"), ExampleRole("text_pair"), ExampleRole("label", isRequired: false),
            ExampleRole("score", isRequired: false),
        ]
    }
    /// The first text: what belongs to it stays with it.
    public var splitGroup: String? { text }
    /// Both texts.
    public var texts: [String] { [text, textPair] }
    /// `1` or `0` where the data say which.
    public var labels: [String] { isRight.map { [$0 ? "1" : "0"] } ?? [] }

    /// Makes the example of a row.
    ///
    /// - Parameters:
    ///   - record: A row.
    ///   - settings: How the data set is read: `labelMap`.
    /// - Returns: One example.
    /// - Throws: `FileFormatError` when a text is missing, the label neither 1 nor 0 or the score no number.
    public static func examples(
        from record: Record,
        settings: DataSettings
    ) throws(FileFormatError) -> [Result<SimilarityExample, FileFormatError>] {
        let (text, pair) = (try record.requiredText("text"), try record.requiredText("text_pair"))
        var isRight: Bool?
        if let label = try record.text("label") {
            let known = settings.labelMap[label] ?? label
            switch known {
            case "1", "1.0", "true", "True": isRight = true
            case "0", "0.0", "false", "False": isRight = false
            default:
                let shown = String(String.UnicodeScalarView(known.unicodeScalars.prefix(40)))
                throw FileFormatError(
                    .mismatch,
                    at: .key("label"),
                    "'\(shown)' where 1 or 0 is needed; data.label_map can name them, as { yes: 1, no: 0 }, "
                        + "and columns.score takes numbers of other kinds"
                )
            }
        }
        let score = try record.number("score")
        return [.success(SimilarityExample(text: text, textPair: pair, isRight: isRight, score: score))]
    }
}
