import Foundation
import YuyanDatasets
import YuyanFileFormats
import YuyanModels

/// An answer that a model found.
struct FoundAnswer: Equatable {
    /// Its bytes in the text; nil for «the text does not answer».
    let bytes: Range<Int>?
    /// How probable it is among all stretches that could be the answer.
    let probability: Double

    /// The answer as it stands in the text; empty where there is none.
    func text(in context: String) -> String {
        guard let bytes else { return "" }
        let text = Array(context.utf8)
        // Tokens of bytes may end inside a character, which then belongs to the answer.
        var (start, end) = (bytes.lowerBound, bytes.upperBound)
        while start > 0, text[start] & 0xC0 == 0x80 { start -= 1 }
        while end < text.count, text[end] & 0xC0 == 0x80 { end += 1 }
        return String(decoding: text[start..<end], as: UTF8.self)
    }
}

/// Finds answers with a model, windows of like length together.
struct AnswerFinder {
    private let model: QuestionAnsweringModel
    private let tokens: QuestionTokens
    private let rows: Int
    private let longest: Int
    /// Whether a question may have no answer.
    private let allowsNone: Bool

    /// Makes a finder.
    ///
    /// - Parameters:
    ///   - model: The model.
    ///   - tokens: How questions and texts become tokens.
    ///   - recipe: Says the batch size and the longest answer.
    ///   - allowsNone: Whether a question may have no answer.
    /// - Throws: ``RecipeError`` for a length that is none.
    init(
        _ model: QuestionAnsweringModel,
        _ tokens: QuestionTokens,
        _ recipe: Recipe,
        allowsNone: Bool
    ) throws {
        (self.model, self.tokens, self.allowsNone) = (model, tokens, allowsNone)
        longest = recipe.model.network["max_answer_length"]?.integerValue ?? 30
        try QuestionTokens.Limits.check(longest, "max_answer_length")
        rows = recipe.training.evaluationRows(atLeast: 32)
    }

    /// The best stretch of a question's text so far, and the sum over all stretches that is needed for its probability.
    private struct Best {
        var score = -Double.infinity
        var span: ClosedRange<Int>?
        /// The window that it was read in.
        var window: QuestionWindow?
        /// The largest exponent that ``sum`` is relative to.
        var top = -Double.infinity
        var sum = 0.0

        mutating func take(_ value: Double) {
            if value > top {
                sum = sum * exp(top - value) + 1
                top = value
            } else {
                sum += exp(value - top)
            }
        }
    }

    /// The answers to questions.
    ///
    /// - Parameters:
    ///   - questions: The questions.
    ///   - progress: Told of windows done and to do; false stops with `CancellationError`.
    /// - Returns: An answer for each.
    /// - Throws: `CancellationError`.
    func answers(
        to questions: [TokenizedQuestion],
        progress: (Int, Int) -> Bool
    ) throws -> [FoundAnswer] {
        zip(questions, try search(questions, progress: progress)).map(answer)
    }

    /// The answer to a question, and the window that it was read in; no window for a text without tokens.
    ///
    /// Where there is no answer, the window is the one that speaks most for one.
    ///
    /// - Parameters:
    ///   - question: The question.
    ///   - progress: Told of windows done and to do; false stops with `CancellationError`.
    /// - Returns: The answer, the window and the places in it of the answer's ends.
    /// - Throws: `CancellationError`.
    func place(
        of question: TokenizedQuestion,
        progress: (Int, Int) -> Bool
    ) throws -> (answer: FoundAnswer, window: QuestionWindow?, ends: (first: Int, last: Int)) {
        let best = try search([question], progress: progress)[0]
        let answer = answer(question, best)
        guard answer.bytes != nil, let span = best.span, let window = best.window else {
            return (answer, best.window, (0, 0))
        }
        let before = window.range.lowerBound - 1
        return (answer, window, (span.lowerBound - before, span.upperBound - before))
    }

    private func search(
        _ questions: [TokenizedQuestion],
        progress: (Int, Int) -> Bool
    ) throws -> [Best] {
        let windows = questions.enumerated().flatMap { tokens.windows($1, number: $0) }
        let order = windows.indices.sorted {
            (windows[$0].range.count, $0) < (windows[$1].range.count, $1)
        }
        var best = [Best](repeating: Best(), count: questions.count)
        for start in stride(from: 0, to: order.count, by: rows) {
            let members = order[start..<min(start + rows, order.count)].map { windows[$0] }
            let batch = tokens.batch(members, of: questions)
            let (first, last) = Tape.withoutRecording { () -> ([Double], [Double]) in
                let logits = model.logits(batch)
                return (logits.start.doubles(), logits.end.doubles())
            }
            let width = 1 + batch.contexts.length
            for (row, window) in members.enumerated() {
                judge(
                    window,
                    first[row * width..<(row + 1) * width],
                    last[row * width..<(row + 1) * width],
                    &best[window.question]
                )
            }
            if !progress(start + members.count, order.count) { throw CancellationError() }
        }
        return best
    }

    /// Looks at all stretches of a window; scores are relative to the window's «no answer», so that windows compare.
    private func judge(
        _ window: QuestionWindow,
        _ first: ArraySlice<Double>,
        _ last: ArraySlice<Double>,
        _ best: inout Best
    ) {
        let (firsts, lasts) = (first.startIndex, last.startIndex)
        let absence = first[firsts] + last[lasts]
        for start in 0..<window.range.count {
            for end in start..<min(start + longest, window.range.count) {
                let score = first[firsts + 1 + start] + last[lasts + 1 + end] - absence
                best.take(score)
                if score > best.score {
                    (best.score, best.window) = (score, window)
                    best.span = window.range.lowerBound + start...window.range.lowerBound + end
                }
            }
        }
    }

    private func answer(_ question: TokenizedQuestion, _ best: Best) -> FoundAnswer {
        var best = best
        if allowsNone || best.span == nil { best.take(0) }
        guard let span = best.span, !allowsNone || best.score > 0 else {
            return FoundAnswer(bytes: nil, probability: exp(-best.top) / best.sum)
        }
        let bytes =
            question.offsets[span.lowerBound]
            .lowerBound..<max(
                question.offsets[span.upperBound].upperBound,
                question.offsets[span.lowerBound].lowerBound
            )
        return FoundAnswer(bytes: bytes, probability: exp(best.score - best.top) / best.sum)
    }
}
