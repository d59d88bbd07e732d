/// What quality filters measure on a text; each has a filter of its own, and ``QualityFilter`` joins several.
///
/// The rules follow those published with Gopher (Rae and others, 2021), C4 (Raffel and others, 2020), FineWeb (Penedo
/// and others, 2024) and StarCoder (Li and others, 2023). A word is a run of letters and digits; a Chinese character
/// is a word of its own, but sequences of words are twice as long in text that is mostly Chinese, whose words have about
/// two characters. Shares lie between 0 and 1.
public enum QualityMeasure: String, Sendable, CaseIterable {
    /// The number of Unicode scalars.
    case scalars
    /// The number of words.
    case words
    /// The number of lines that are not blank.
    case lines
    /// The mean number of scalars of a word; not for text that is mostly Chinese.
    case meanWordLength = "mean_word_length"
    /// The mean number of scalars of a line.
    case meanLineLength = "mean_line_length"
    /// The number of scalars of the longest line.
    case longestLine = "longest_line"
    /// Hash signs and ellipses per word.
    case symbolWordRatio = "symbol_word_ratio"
    /// The share of symbols (neither letters, digits, punctuation nor white space).
    case symbolShare = "symbol_share"
    /// The share of digits among scalars that are no white space.
    case digitShare = "digit_share"
    /// The share of punctuation among scalars that are no white space.
    case punctuationShare = "punctuation_share"
    /// The share of capitals among letters that have two cases.
    case uppercaseShare = "uppercase_share"
    /// The share of letters of any script among scalars that are no white space.
    case alphabeticShare = "alphabetic_share"
    /// The share of words that hold a letter, among words and free-standing signs.
    case alphabeticWordShare = "alphabetic_word_share"
    /// The share of Chinese characters among scalars that are no white space.
    case chineseShare = "chinese_share"
    /// The share of lines that begin with a bullet.
    case bulletLineShare = "bullet_line_share"
    /// The share of lines that end in an ellipsis.
    case ellipsisLineShare = "ellipsis_line_share"
    /// The share of lines that end in a full stop, question or exclamation mark or closing quote.
    case terminalLineShare = "terminal_line_share"
    /// The share of lines shorter than 30 scalars (15 when mostly Chinese).
    case shortLineShare = "short_line_share"
    /// The number of stop words.
    case stopWords = "stop_words"
    /// The share of stop words among words.
    case stopWordShare = "stop_word_share"
    /// The share of lines that occurred before.
    case duplicateLineShare = "duplicate_line_share"
    /// The share of scalars in lines that occurred before.
    case duplicateLineScalarShare = "duplicate_line_scalar_share"
    /// The share of paragraphs that occurred before.
    case duplicateParagraphShare = "duplicate_paragraph_share"
    /// The share of scalars in paragraphs that occurred before.
    case duplicateParagraphScalarShare = "duplicate_paragraph_scalar_share"
    /// The share of scalars that the most frequent pair of words takes.
    case top2GramShare = "top_2gram_share"
    /// The share of scalars that the most frequent sequence of 3 words takes.
    case top3GramShare = "top_3gram_share"
    /// The share of scalars that the most frequent sequence of 4 words takes.
    case top4GramShare = "top_4gram_share"
    /// The share of scalars in sequences of 5 words that occurred before.
    case duplicate5GramShare = "duplicate_5gram_share"
    /// The share of scalars in sequences of 6 words that occurred before.
    case duplicate6GramShare = "duplicate_6gram_share"
    /// The share of scalars in sequences of 7 words that occurred before.
    case duplicate7GramShare = "duplicate_7gram_share"
    /// The share of scalars in sequences of 8 words that occurred before.
    case duplicate8GramShare = "duplicate_8gram_share"
    /// The share of scalars in sequences of 9 words that occurred before.
    case duplicate9GramShare = "duplicate_9gram_share"
    /// The share of scalars in sequences of 10 words that occurred before.
    case duplicate10GramShare = "duplicate_10gram_share"
    /// The share of replacement characters (U+FFFD).
    case replacementShare = "replacement_share"
    /// The share of scalars that look like UTF-8 read as Latin-1, Windows-1252 or GBK.
    case mojibakeShare = "mojibake_share"
    /// How often "lorem ipsum" occurs.
    case loremIpsum = "lorem_ipsum"
    /// The number of curly braces per word.
    case braceWordRatio = "brace_word_ratio"
    /// The number of words of a list of the user's.
    case badWords = "bad_words"

    /// What reports call it, such as "mean word length".
    public var label: String { rawValue.replacing("_", with: " ") }

    /// The sequence length of an n-gram measure.
    var gramLength: Int? {
        switch self {
        case .top2GramShare: 2
        case .top3GramShare: 3
        case .top4GramShare: 4
        case .duplicate5GramShare: 5
        case .duplicate6GramShare: 6
        case .duplicate7GramShare: 7
        case .duplicate8GramShare: 8
        case .duplicate9GramShare: 9
        case .duplicate10GramShare: 10
        default: nil
        }
    }
}

/// The least and the greatest value of a measure that a document may have.
public struct QualityLimit: Sendable, Equatable {
    /// The least value; minus infinity for none.
    public var minimum: Double
    /// The greatest value; infinity for none.
    public var maximum: Double

    /// Creates a limit.
    ///
    /// - Parameters:
    ///   - minimum: the least value.
    ///   - maximum: the greatest value.
    public init(minimum: Double = -.infinity, maximum: Double = .infinity) {
        (self.minimum, self.maximum) = (minimum, maximum)
    }
}

/// Sets of limits by name.
public enum QualityPreset: String, Sendable, CaseIterable {
    /// Gopher's rules, and no broken encodings; for any language.
    case standard = "default"
    /// Also the rules of C4 and FineWeb on lines.
    case strict
    /// For source code.
    case code
    /// For Chinese text.
    case chinese

    /// The limits of the preset.
    public var limits: [QualityMeasure: QualityLimit] {
        switch self {
        case .standard: Self.gopher
        case .strict:
            Self.gopher.merging(
                [
                    .words: QualityLimit(minimum: 50, maximum: 100_000),
                    .lines: QualityLimit(minimum: 3),
                    .terminalLineShare: QualityLimit(minimum: 0.12),
                    .shortLineShare: QualityLimit(maximum: 0.67),
                    .duplicateLineScalarShare: QualityLimit(maximum: 0.1),
                    .digitShare: QualityLimit(maximum: 0.2), .uppercaseShare: QualityLimit(maximum: 0.4),
                    .punctuationShare: QualityLimit(maximum: 0.25),
                    .braceWordRatio: QualityLimit(maximum: 0.02), .badWords: QualityLimit(maximum: 2),
                ]
            ) { $1 }
        case .code:
            [
                .scalars: QualityLimit(minimum: 100, maximum: 1_000_000),
                .meanLineLength: QualityLimit(maximum: 100), .longestLine: QualityLimit(maximum: 1000),
                .alphabeticShare: QualityLimit(minimum: 0.25), .digitShare: QualityLimit(maximum: 0.5),
                .replacementShare: QualityLimit(maximum: 0.001), .loremIpsum: QualityLimit(maximum: 0),
                .duplicateLineScalarShare: QualityLimit(maximum: 0.6),
            ]
        case .chinese:
            Self.broken.merging(Self.repetition) { $1 }.merging(
                [
                    .scalars: QualityLimit(minimum: 100, maximum: 1_000_000),
                    .chineseShare: QualityLimit(minimum: 0.5), .digitShare: QualityLimit(maximum: 0.2),
                    .punctuationShare: QualityLimit(minimum: 0.01, maximum: 0.3),
                    .symbolShare: QualityLimit(maximum: 0.1), .stopWordShare: QualityLimit(minimum: 0.05),
                    .bulletLineShare: QualityLimit(maximum: 0.9),
                    .ellipsisLineShare: QualityLimit(maximum: 0.3),
                    .shortLineShare: QualityLimit(maximum: 0.8), .badWords: QualityLimit(maximum: 2),
                ]
            ) { $1 }
        }
    }

    private static let broken: [QualityMeasure: QualityLimit] = [
        .replacementShare: QualityLimit(maximum: 0.001), .mojibakeShare: QualityLimit(maximum: 0.02),
        .loremIpsum: QualityLimit(maximum: 0),
    ]

    private static let repetition: [QualityMeasure: QualityLimit] = [
        .duplicateLineShare: QualityLimit(maximum: 0.3),
        .duplicateLineScalarShare: QualityLimit(maximum: 0.2),
        .duplicateParagraphShare: QualityLimit(maximum: 0.3),
        .duplicateParagraphScalarShare: QualityLimit(maximum: 0.2),
        .top2GramShare: QualityLimit(maximum: 0.2), .top3GramShare: QualityLimit(maximum: 0.18),
        .top4GramShare: QualityLimit(maximum: 0.16), .duplicate5GramShare: QualityLimit(maximum: 0.15),
        .duplicate6GramShare: QualityLimit(maximum: 0.14), .duplicate7GramShare: QualityLimit(maximum: 0.13),
        .duplicate8GramShare: QualityLimit(maximum: 0.12), .duplicate9GramShare: QualityLimit(maximum: 0.11),
        .duplicate10GramShare: QualityLimit(maximum: 0.1),
    ]

    private static let gopher: [QualityMeasure: QualityLimit] = broken.merging(repetition) { $1 }.merging(
        [
            .words: QualityLimit(minimum: 50, maximum: 100_000),
            .meanWordLength: QualityLimit(minimum: 3, maximum: 10),
            .symbolWordRatio: QualityLimit(maximum: 0.1),
            .bulletLineShare: QualityLimit(maximum: 0.9), .ellipsisLineShare: QualityLimit(maximum: 0.3),
            .alphabeticWordShare: QualityLimit(minimum: 0.8), .stopWords: QualityLimit(minimum: 2),
        ]
    ) { $1 }
}
