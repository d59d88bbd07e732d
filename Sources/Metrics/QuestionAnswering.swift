/// Whose rules compare an answer with the right ones.
public enum AnswerStandard: String, Sendable, CaseIterable {
    /// SQuAD 1.1: every question has an answer; words without case, ASCII's marks and articles.
    case squad1 = "squad-1.1"
    /// SQuAD 2.0: the same words; a question without right answers asks for an empty one.
    case squad2 = "squad-2.0"
    /// CMRC 2018: Chinese characters and words without case and some marks; the F1 of their longest common run.
    case cmrc2018 = "cmrc-2018"
}

/// Exact match and F1 of answers, with the rules of the official scripts; takes questions one at a time.
public struct QuestionAnsweringScorer: Sendable {
    /// Whose rules compare answers.
    public let standard: AnswerStandard
    /// Exact match, F1, whether the question has an answer and whether one was given (1 or 0), for each question.
    public private(set) var statistics = ExampleStatistics(width: 4)

    /// Creates a scorer of nothing.
    ///
    /// - Parameter standard: whose rules compare answers.
    public init(_ standard: AnswerStandard = .squad2) { self.standard = standard }

    /// Adds one more question.
    ///
    /// - Parameters:
    ///   - prediction: the answer to judge; empty for "no answer".
    ///   - answers: the right answers; none (SQuAD 2.0 only) when the text holds no answer.
    /// - Returns: exact match (0 or 1) and F1 against the best of the answers.
    /// - Throws: ``MetricError`` when a standard other than SQuAD 2.0 has no answer.
    @discardableResult
    public mutating func add(
        prediction: String,
        answers: [String]
    ) throws(MetricError) -> (exactMatch: Double, f1: Double) {
        if answers.isEmpty, standard != .squad2 {
            throw .missing(what: "right answer", index: statistics.count)
        }
        let comparison = AnswerComparison(standard)
        let predicted = comparison.normalize(prediction)
        var right = answers.map(comparison.normalize)
        if standard == .squad2 {
            right.removeAll { $0.isEmpty }
            if right.isEmpty { right = [NormalizedAnswer()] }
        }
        var (exactMatch, f1) = (0.0, 0.0)
        for answer in right {
            exactMatch = max(exactMatch, answer.text == predicted.text ? 1 : 0)
            f1 = max(f1, comparison.f1(predicted, answer))
        }
        statistics.append([exactMatch, f1, answers.isEmpty ? 0 : 1, prediction.isEmpty ? 0 : 1])
        return (exactMatch, f1)
    }

    /// Adds the questions that another scorer saw after this one's.
    ///
    /// Traps when the standards differ.
    ///
    /// - Parameter other: a scorer of the next part of the questions.
    public mutating func merge(_ other: QuestionAnsweringScorer) {
        require(other.standard == standard, "QuestionAnsweringScorer: standards differ")
        statistics.merge(other.statistics)
    }

    /// The share of answers that match exactly, 0 … 1; NaN for no questions.
    public var exactMatch: Double { share(0) { _ in true } }

    /// The mean F1, 0 … 1; NaN for no questions.
    public var f1: Double { share(1) { _ in true } }

    /// Exact match and F1 over the questions that have an answer; NaN for none.
    public var answerable: (exactMatch: Double, f1: Double) {
        (share(0) { $0 == 1 }, share(1) { $0 == 1 })
    }

    /// The share of the questions without an answer that got none; NaN for no such questions.
    public var unanswerable: Double { share(0) { $0 == 0 } }

    /// Returns exact match and F1 with bootstrap intervals over questions.
    ///
    /// Traps when `resamples` < 1 or `confidence` lies outside 0 … 1.
    ///
    /// - Parameters:
    ///   - resamples: how many times to draw.
    ///   - confidence: 0.95 for 95 %.
    ///   - seed: seed of the draws.
    ///   - method: how to turn resampled means into intervals.
    /// - Returns: the intervals of exact match and of F1.
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
        ) { sums, count in [sums[0] / Double(count), sums[1] / Double(count)] }
    }

    /// Returns the figures of questions with and without an answer, with bootstrap intervals over all questions.
    ///
    /// Traps when `resamples` < 1 or `confidence` lies outside 0 … 1.
    ///
    /// - Parameters:
    ///   - resamples: how many times to draw.
    ///   - confidence: 0.95 for 95 %.
    ///   - seed: seed of the draws.
    ///   - method: how to turn resampled means into intervals.
    /// - Returns: the intervals of exact match and F1 of ``answerable`` and of ``unanswerable``; NaN where there are no
    ///   such questions.
    public func partIntervals(
        resamples: Int = 2000,
        confidence: Double = 0.95,
        seed: UInt64 = 1,
        method: BootstrapMethod = .percentile
    ) -> [ConfidenceInterval] {
        // Exact match and F1 of questions with an answer, their number, exact match of the others.
        var parts = ExampleStatistics(width: 4)
        for row in stride(from: 0, to: statistics.values.count, by: 4) {
            let (exact, f1) = (statistics.values[row], statistics.values[row + 1])
            let hasAnswer = statistics.values[row + 2] == 1
            parts.append(hasAnswer ? [exact, f1, 1, 0] : [0, 0, 0, exact])
        }
        return bootstrapIntervals(
            of: parts,
            resamples: resamples,
            confidence: confidence,
            seed: seed,
            method: method
        ) { sums, count in
            let others = Double(count) - sums[2]
            return [
                sums[2] > 0 ? sums[0] / sums[2] : .nan, sums[2] > 0 ? sums[1] / sums[2] : .nan,
                others > 0 ? sums[3] / others : .nan,
            ]
        }
    }

    /// Returns the best figure that refusing improbable answers could reach, and the threshold for it (SQuAD 2.0).
    ///
    /// Answers stand where the probability of "no answer" is at most the threshold.
    ///
    /// - Parameters:
    ///   - noAnswerProbabilities: the probability that each question has no answer.
    ///   - exact: whether to look at exact match instead of F1.
    /// - Returns: the figure, 0 … 1, and the threshold; NaN for no questions.
    /// - Throws: ``MetricError`` when there is not one number for each question or one is NaN.
    public func bestThreshold(
        noAnswerProbabilities: [Double],
        exact: Bool = false
    ) throws(MetricError) -> (figure: Double, threshold: Double) {
        try checkLengths("probabilities", noAnswerProbabilities.count, statistics.count)
        for (index, probability) in noAnswerProbabilities.enumerated() where probability.isNaN {
            throw .invalidNumber(probability, index: index, wanted: "a probability")
        }
        if statistics.count == 0 { return (.nan, .nan) }
        let rows = statistics.values
        var current = Double(statistics.count) - statistics.totals[2]
        var (best, threshold) = (current, 0.0)
        for entry in ascendingOrder(noAnswerProbabilities) {
            let row = 4 * entry.index
            if rows[row + 2] == 1 {
                current += rows[row + (exact ? 0 : 1)]
            } else if rows[row + 3] == 1 {
                current -= 1
            }
            if current > best { (best, threshold) = (current, noAnswerProbabilities[entry.index]) }
        }
        return (best / Double(statistics.count), threshold)
    }

    private func share(_ column: Int, where isMeant: (_ hasAnswer: Double) -> Bool) -> Double {
        let rows = stride(from: 0, to: statistics.values.count, by: 4)
        return mean(rows.filter { isMeant(statistics.values[$0 + 2]) }.map { statistics.values[$0 + column] })
    }
}

/// An answer in the form that is compared.
struct NormalizedAnswer {
    /// What exact match compares.
    var text: [UInt32] = []
    /// What F1 compares.
    var tokens: [ArraySlice<UInt32>] = []

    var isEmpty: Bool { text.isEmpty }
}

/// The rules of one standard.
struct AnswerComparison {
    let standard: AnswerStandard

    init(_ standard: AnswerStandard) { self.standard = standard }

    func normalize(_ answer: String) -> NormalizedAnswer {
        var scalars: [UInt32] = []
        decode(answer, lowercased: true, into: &scalars)
        return standard == .cmrc2018 ? normalizeChinese(scalars) : normalizeEnglish(scalars)
    }

    /// Leaves out ASCII's marks, then the words a, an and the, then extra spaces.
    private func normalizeEnglish(_ scalars: [UInt32]) -> NormalizedAnswer {
        let kept = scalars.filter { !isASCIIPunctuation($0) }
        var plain: [UInt32] = []
        var start = 0
        for end in 0...kept.count where end == kept.count || !isWordScalar(kept[end]) {
            let word = kept[start..<end]
            let isArticle =
                word.elementsEqual([0x61]) || word.elementsEqual([0x61, 0x6E])
                || word.elementsEqual([0x74, 0x68, 0x65])
            if isArticle { plain.append(0x20) } else { plain.append(contentsOf: word) }
            if end < kept.count { plain.append(kept[end]) }
            start = end + 1
        }
        var words: [Range<Int>] = []
        splitWords(plain, into: &words)
        var answer = NormalizedAnswer()
        for word in words {
            if !answer.text.isEmpty { answer.text.append(0x20) }
            answer.text.append(contentsOf: plain[word])
            answer.tokens.append(plain[word])
        }
        return answer
    }

    private func normalizeChinese(_ scalars: [UInt32]) -> NormalizedAnswer {
        let isInside = { (scalar: UInt32) in !isSpace(scalar) }
        guard let first = scalars.firstIndex(where: isInside), let last = scalars.lastIndex(where: isInside)
        else { return NormalizedAnswer() }
        var answer = NormalizedAnswer()
        answer.text = scalars[first...last].filter { !Self.isLeftOut($0) }
        var start = 0
        for end in 0...answer.text.count {
            let isCut = end == answer.text.count || (answer.text[end] >= 0x4E00 && answer.text[end] <= 0x9FA5)
            if !isCut { continue }
            if end > start { answer.tokens += treebankWords(answer.text[start..<end]) }
            if end < answer.text.count { answer.tokens.append(answer.text[end..<end + 1]) }
            start = end + 1
        }
        return answer
    }

    /// The marks that CMRC 2018's script leaves out.
    private static func isLeftOut(_ scalar: UInt32) -> Bool {
        switch scalar {
        // - : _ * ^ / \ ~ ` + =
        case 0x2D, 0x3A, 0x5F, 0x2A, 0x5E, 0x2F, 0x5C, 0x7E, 0x60, 0x2B, 0x3D: true
        // ， 。 ： ？ ！ “ ” ； ’ 《 》 · 、 「 」 （ ） － ～ 『 』
        // The script's list has …… as well, two characters, which no character is equal to.
        case 0xFF0C, 0x3002, 0xFF1A, 0xFF1F, 0xFF01, 0x201C, 0x201D, 0xFF1B, 0x2019, 0x300A, 0x300B, 0xB7,
            0x3001, 0x300C, 0x300D, 0xFF08, 0xFF09, 0xFF0D, 0xFF5E, 0x300E, 0x300F:
            true
        default: false
        }
    }

    func f1(_ prediction: NormalizedAnswer, _ answer: NormalizedAnswer) -> Double {
        let shared: Int
        if standard == .cmrc2018 {
            shared = longestRun(prediction.tokens, answer.tokens)
        } else {
            if standard == .squad2, prediction.tokens.isEmpty || answer.tokens.isEmpty {
                return prediction.tokens.isEmpty && answer.tokens.isEmpty ? 1 : 0
            }
            shared = sharedTokens(prediction.tokens, answer.tokens)
        }
        if shared == 0 { return 0 }
        let precision = Double(shared) / Double(prediction.tokens.count)
        let recall = Double(shared) / Double(answer.tokens.count)
        return 2 * precision * recall / (precision + recall)
    }

    /// Counts the tokens that both have, each as often as in the text that has fewer of it.
    private func sharedTokens(_ first: [ArraySlice<UInt32>], _ second: [ArraySlice<UInt32>]) -> Int {
        var shared = 0
        if first.count * second.count <= 2048 {
            var used = [Bool](repeating: false, count: second.count)
            for token in first {
                for (place, other) in second.enumerated()
                where !used[place] && token.count == other.count && token.elementsEqual(other) {
                    used[place] = true
                    shared += 1
                    break
                }
            }
            return shared
        }
        var available: [ArraySlice<UInt32>: Int] = [:]
        for token in second { available[token, default: 0] += 1 }
        for token in first {
            guard let left = available[token], left > 0 else { continue }
            available[token] = left - 1
            shared += 1
        }
        return shared
    }

    /// Returns the length of the longest run of tokens that both have.
    private func longestRun(_ first: [ArraySlice<UInt32>], _ second: [ArraySlice<UInt32>]) -> Int {
        var best = 0
        var before = [Int](repeating: 0, count: second.count + 1)
        for token in first {
            var diagonal = 0
            for (place, other) in second.enumerated() {
                let length = token == other ? diagonal + 1 : 0
                diagonal = before[place + 1]
                before[place + 1] = length
                best = max(best, length)
            }
        }
        return best
    }
}
