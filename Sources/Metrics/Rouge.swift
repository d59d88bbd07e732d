/// A form of ROUGE.
public enum RougeFigure: Sendable, Hashable {
    /// Shared n-grams of this n.
    case ngrams(Int)
    /// The longest common subsequence of the whole texts (ROUGE-L).
    case longestSubsequence
    /// The union of longest common subsequences over lines (ROUGE-Lsum).
    case summaryLevel
}

/// How ROUGE cuts texts into tokens.
public enum RougeTokenization: String, Sendable, CaseIterable {
    /// Lowercased runs of a … z and 0 … 9, all else left out, as the `rouge-score` package does.
    case words
    /// The same runs with the suffixes of words of more than three letters stripped (Porter).
    case stems
    /// Each Chinese character, kana or Hangul syllable by itself; lowercased runs of other letters and digits.
    case characters
}

/// Precision, recall and F1 of one text.
public struct RougeScore: Sendable, Equatable {
    /// The share of the prediction found in the reference.
    public let precision: Double
    /// The share of the reference found in the prediction.
    public let recall: Double

    /// The harmonic mean of both; 0 when both are 0.
    public var f1: Double {
        precision + recall > 0 ? 2 * precision * recall / (precision + recall) : 0
    }
}

/// Compares summaries with references by ROUGE; takes texts one at a time.
///
/// Lin 2004, with the conventions of the `rouge-score` package. A corpus's figure is the mean over its texts.
public struct RougeScorer: Sendable {
    /// The figures, in the order of the scores.
    public let figures: [RougeFigure]
    /// How texts are cut into tokens.
    public let tokenization: RougeTokenization
    /// Precision, recall and F1 of each figure for each text.
    public private(set) var statistics: ExampleStatistics
    private var tokenizer: RougeTokenizer
    private var words = WordNumbers()
    private var matcher = NGramMatcher()
    private var subsequence = CommonSubsequence()

    /// A text's lines of tokens.
    private typealias Lines = [[Int32]]

    /// Creates a scorer of nothing.
    ///
    /// Traps when no figure is named or an n lies outside 1 … 16.
    ///
    /// - Parameters:
    ///   - figures: the figures wanted.
    ///   - tokenization: how to cut texts into tokens.
    public init(
        _ figures: [RougeFigure] = [.ngrams(1), .ngrams(2), .longestSubsequence, .summaryLevel],
        tokenization: RougeTokenization = .words
    ) {
        require(!figures.isEmpty, "RougeScorer: at least one figure is needed")
        for case .ngrams(let order) in figures {
            require((1...16).contains(order), "RougeScorer: n must lie in 1 … 16, not \(order)")
        }
        self.figures = figures
        self.tokenization = tokenization
        statistics = ExampleStatistics(width: 3 * figures.count)
        tokenizer = RougeTokenizer(tokenization)
    }

    /// Adds one more text.
    ///
    /// Of several references the one with the best F1 counts, for each figure by itself.
    ///
    /// - Parameters:
    ///   - prediction: the text to judge; lines are its sentences for the summary level.
    ///   - references: right texts, at least one.
    /// - Returns: the scores of the text in the order of ``figures``.
    /// - Throws: ``MetricError`` when there is no reference or lines are too long to be compared.
    @discardableResult
    public mutating func add(
        prediction: String,
        references: [String]
    ) throws(MetricError) -> [RougeScore] {
        if references.isEmpty { throw .missing(what: "reference", index: statistics.count) }
        words.reset(capacity: prediction.utf8.count / 4)
        let predicted = tokenizer.lines(prediction, &words)
        var best: [RougeScore] = []
        for text in references {
            let reference = tokenizer.lines(text, &words)
            for (index, figure) in figures.enumerated() {
                let score = try score(figure, predicted, reference)
                if index == best.count {
                    best.append(score)
                } else if score.f1 > best[index].f1 {
                    best[index] = score
                }
            }
        }
        statistics.append(best.flatMap { [$0.precision, $0.recall, $0.f1] })
        return best
    }

    /// Adds the texts that another scorer saw after this one's.
    ///
    /// Traps when the figures or the tokenization differ.
    ///
    /// - Parameter other: a scorer of the next part of the corpus.
    public mutating func merge(_ other: RougeScorer) {
        require(
            other.figures == figures && other.tokenization == tokenization,
            "RougeScorer: scores of different forms cannot be joined"
        )
        statistics.merge(other.statistics)
    }

    /// The means over texts of precision, recall and F1, in the order of ``figures``; NaN for no texts.
    public var means: [(precision: Double, recall: Double, f1: Double)] {
        let totals = statistics.totals.map { statistics.count == 0 ? .nan : $0 / Double(statistics.count) }
        return figures.indices.map { (totals[3 * $0], totals[3 * $0 + 1], totals[3 * $0 + 2]) }
    }

    /// Returns the mean F1 of each figure with a bootstrap interval over texts.
    ///
    /// Traps when `resamples` < 1 or `confidence` lies outside 0 … 1.
    ///
    /// - Parameters:
    ///   - resamples: how many times to draw.
    ///   - confidence: 0.95 for 95 %.
    ///   - seed: seed of the draws.
    ///   - method: how to turn resampled means into intervals.
    /// - Returns: an interval for each of ``figures``.
    public func intervals(
        resamples: Int = 2000,
        confidence: Double = 0.95,
        seed: UInt64 = 1,
        method: BootstrapMethod = .percentile
    ) -> [ConfidenceInterval] {
        bootstrapIntervals(
            of: statistics,
            resamples: resamples,
            confidence: confidence,
            seed: seed,
            method: method
        ) { sums, count in figures.indices.map { sums[3 * $0 + 2] / Double(count) } }
    }

    private mutating func score(
        _ figure: RougeFigure,
        _ predicted: Lines,
        _ reference: Lines
    ) throws(MetricError) -> RougeScore {
        let (prediction, target) = (predicted.flatMap(\.self), reference.flatMap(\.self))
        switch figure {
        case .ngrams(let order):
            matcher.reset(tokens: target.count, orders: order)
            matcher.allow(target, orders: order)
            var matches = [Int](repeating: 0, count: order)
            matcher.match(prediction, orders: order, into: &matches)
            let shared = Double(matches[order - 1])
            return RougeScore(
                precision: shared / Double(max(prediction.count - order + 1, 1)),
                recall: shared / Double(max(target.count - order + 1, 1))
            )
        case .longestSubsequence:
            let shared = subsequence.length(target, prediction, tokenCount: words.count)
            return Self.share(shared, prediction.count, target.count)
        case .summaryLevel:
            let shared = try unionLength(target: reference, prediction: predicted)
            return Self.share(shared, prediction.count, target.count)
        }
    }

    private static func share(_ shared: Int, _ predicted: Int, _ labelled: Int) -> RougeScore {
        if predicted == 0 || labelled == 0 { return RougeScore(precision: 0, recall: 0) }
        return RougeScore(
            precision: Double(shared) / Double(predicted),
            recall: Double(shared) / Double(labelled)
        )
    }

    /// Counts the tokens of the target's lines that any of the prediction's lines shares in order; no token counts more
    /// often than either text has it.
    private mutating func unionLength(target: Lines, prediction: Lines) throws(MetricError) -> Int {
        var available = [Int](repeating: 0, count: words.count)
        var wanted = available
        for token in prediction.joined() { available[Int(token)] += 1 }
        for token in target.joined() { wanted[Int(token)] += 1 }
        var shared = 0
        for line in target {
            var marks = [Bool](repeating: false, count: line.count)
            for other in prediction {
                let (cells, overflow) = line.count.multipliedReportingOverflow(by: other.count)
                if overflow || cells > 1 << 33 {
                    throw .inconsistent(
                        "lines of \(line.count) and \(other.count) tokens are too long",
                        index: statistics.count
                    )
                }
                subsequence.mark(line, other, tokenCount: words.count, in: &marks)
            }
            for (place, token) in line.enumerated() where marks[place] {
                if available[Int(token)] > 0, wanted[Int(token)] > 0 {
                    shared += 1
                    available[Int(token)] -= 1
                    wanted[Int(token)] -= 1
                }
            }
        }
        return shared
    }
}

/// Cuts texts into lines of tokens.
struct RougeTokenizer: Sendable {
    let kind: RougeTokenization
    private var scalars: [UInt32] = []
    private var stemmer = PorterStemmer()

    init(_ kind: RougeTokenization) { self.kind = kind }

    /// Returns the tokens of each line that has any.
    mutating func lines(_ text: String, _ words: inout WordNumbers) -> [[Int32]] {
        decode(text, lowercased: true, into: &scalars)
        var lines: [[Int32]] = [[]]
        var start = 0
        for end in 0...scalars.count {
            let scalar = end < scalars.count ? scalars[end] : 0x0A
            if isLetter(scalar) { continue }
            if end > start { add(start..<end, &words, to: &lines[lines.count - 1]) }
            start = end + 1
            if kind == .characters, isWrittenAlone(scalar) {
                lines[lines.count - 1].append(words.number(scalars, end..<end + 1))
            } else if scalar == 0x0A, !lines[lines.count - 1].isEmpty {
                lines.append([])
            }
        }
        if lines.last?.isEmpty == true { lines.removeLast() }
        return lines
    }

    private func isLetter(_ scalar: UInt32) -> Bool {
        if scalar < 0x80 { return isASCIIDigit(scalar) || (scalar >= 0x61 && scalar <= 0x7A) }
        return kind == .characters && !isWrittenAlone(scalar) && isWordScalar(scalar)
    }

    private mutating func add(_ run: Range<Int>, _ words: inout WordNumbers, to line: inout [Int32]) {
        if kind == .stems, run.count > 3 {
            let stem = stemmer.stem(scalars[run].map { UInt8(truncatingIfNeeded: $0) })
            if !stem.isEmpty { line.append(words.number(stem.map(UInt32.init), 0..<stem.count)) }
        } else {
            line.append(words.number(scalars, run))
        }
    }
}

/// Whether a scalar is a word of its own in texts without spaces: an ideograph, kana or Hangul syllable.
func isWrittenAlone(_ scalar: UInt32) -> Bool {
    switch scalar {
    case 0x3040...0x30FF, 0x3400...0x4DBF, 0x4E00...0x9FFF, 0xAC00...0xD7AF, 0xF900...0xFAFF,
        0x2_0000...0x3_FFFF:
        true
    default: false
    }
}

/// Whether a scalar belongs to words: a letter, a digit or another number, or the underscore.
func isWordScalar(_ scalar: UInt32) -> Bool {
    if scalar < 0x80 {
        let lower = scalar | 0x20
        return (lower >= 0x61 && lower <= 0x7A) || isASCIIDigit(scalar) || scalar == 0x5F
    }
    if scalar >= 0x4E00 && scalar <= 0x9FFF { return true }
    switch Unicode.Scalar(scalar)?.properties.generalCategory {
    case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter, .decimalNumber,
        .letterNumber, .otherNumber:
        return true
    default: return false
    }
}
