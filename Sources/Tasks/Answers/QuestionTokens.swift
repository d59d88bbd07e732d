import YuyanDatasets
import YuyanFileFormats
import YuyanModels
import YuyanTokenizers

/// A question, its text and where the text answers it, in tokens.
struct TokenizedQuestion {
    /// The question's tokens, cut to the most that are looked at.
    let question: [Int32]
    /// The bytes of the question that each of its tokens came from, those that are cut off included.
    let questionOffsets: [Range<Int>]
    /// Whether the question has more tokens than those.
    let isCut: Bool
    /// The text's tokens.
    let context: [Int32]
    /// The bytes of the text that each token came from.
    let offsets: [Range<Int>]
    /// The tokens of the first right answer that stands in the text; nil when none does.
    let answer: ClosedRange<Int>?
    /// Whether the data say that the text holds no answer.
    let isImpossible: Bool
}

/// A stretch of a text beside its question.
struct QuestionWindow {
    /// The question.
    let question: Int
    /// The tokens of the text.
    let range: Range<Int>
    /// The places of the first and last token of the answer, counted from 1; (0, 0) where it does not stand here.
    let span: (first: Int, last: Int)
}

/// How questions and texts become what a model sees.
struct QuestionTokens {
    /// The lengths that a recipe says.
    struct Limits {
        /// The most tokens of a question; further ones are cut off.
        let question: Int
        /// How many tokens later the next window begins.
        let stride: Int

        init(_ recipe: Recipe) throws {
            question = recipe.model.network["max_question_length"]?.integerValue ?? 64
            stride = recipe.model.network["doc_stride"]?.integerValue ?? 128
            for (key, value) in [("max_question_length", question), ("doc_stride", stride)] {
                try Self.check(value, key)
            }
        }

        /// The most tokens of what a question and an answer may be.
        private static let most = 1 << 20

        /// Checks a number of tokens.
        static func check(_ value: Int, _ key: String) throws {
            guard (1...most).contains(value) else {
                throw RecipeError("model.\(key) is \(value); it must be from 1 to \(most)")
            }
        }
    }

    let frame: (prefix: [Int32], separator: [Int32])
    private let tokenizer: PipelineTokenizer
    private let configuration: any AnswerNetworkConfiguration
    private let limits: Limits

    init(
        _ tokenizer: any Tokenizer,
        _ configuration: any AnswerNetworkConfiguration,
        _ recipe: Recipe
    ) throws {
        self.tokenizer = try TokenizerFiles.loadPipeline(
            tokenizer.tokenizerDocument(),
            path: "tokenizer.json"
        )
        self.configuration = configuration
        limits = try Limits(recipe)
        let (before, after) = (tokenizer.addedTokens.prefix, tokenizer.addedTokens.suffix)
        let end = [tokenizer.endOfText ?? 0]
        frame = (before.isEmpty ? end : before, after.isEmpty ? end : after)
        let room = configuration.contextRoom(beside: limits.question + frameCount)
        guard room >= 16 else {
            throw RecipeError(
                "model.max_position_embeddings leaves \(max(room, 0)) tokens for a text beside a question of "
                    + "max_question_length \(limits.question); at least 16 are needed"
            )
        }
    }

    private var frameCount: Int { frame.prefix.count + 2 * frame.separator.count }

    /// Tokenizes questions; texts that are asked about several times are tokenized once.
    func questions(_ examples: [QuestionAnsweringExample]) throws -> [TokenizedQuestion] {
        var options = TokenizationOptions()
        (options.addsSpecialTokens, options.truncation, options.padding) = (false, .off, .off)
        var last: (text: String, tokens: TokenizedText)?
        return try examples.map { example in
            let tokens: TokenizedText
            if let last, last.text == example.context {
                tokens = last.tokens
            } else {
                tokens = try tokenizer.tokenize(example.context, options: options)
                last = (example.context, tokens)
            }
            let offsets = tokens.offsets
            let place = example.answers.lazy.compactMap(\.bytes).first
            let asked = try tokenizer.tokenize(example.question, options: options)
            return TokenizedQuestion(
                question: Array(asked.ids.prefix(limits.question)),
                questionOffsets: asked.offsets,
                isCut: asked.ids.count > limits.question,
                context: tokens.ids,
                offsets: offsets,
                answer: place.flatMap { Self.tokens(of: $0, offsets) },
                isImpossible: example.isImpossible
            )
        }
    }

    /// The tokens that lie, in whole or in part, within bytes.
    private static func tokens(of bytes: Range<Int>, _ offsets: [Range<Int>]) -> ClosedRange<Int>? {
        guard let first = offsets.firstIndex(where: { $0.upperBound > bytes.lowerBound && !$0.isEmpty }),
            let last = offsets.lastIndex(where: { $0.lowerBound < bytes.upperBound && !$0.isEmpty }),
            first <= last
        else { return nil }
        return first...last
    }

    /// The windows of a question's text, at least one.
    func windows(_ question: TokenizedQuestion, number: Int) -> [QuestionWindow] {
        let room = configuration.contextRoom(beside: question.question.count + frameCount)
        let count = question.context.count
        var (windows, start): ([QuestionWindow], Int) = ([], 0)
        while true {
            let range = start..<min(start + room, count)
            var span = (first: 0, last: 0)
            if let answer = question.answer, range.contains(answer.lowerBound),
                range.contains(answer.upperBound)
            {
                span = (answer.lowerBound - start + 1, answer.upperBound - start + 1)
            }
            windows.append(QuestionWindow(question: number, range: range, span: span))
            if range.upperBound == count { return windows }
            start += min(limits.stride, room)
        }
    }

    /// Windows side by side.
    func batch(_ windows: [QuestionWindow], of questions: [TokenizedQuestion]) -> QuestionBatch {
        QuestionBatch(
            questions: windows.map { questions[$0.question].question },
            contexts: windows.map { Array(questions[$0.question].context[$0.range]) },
            frame: frame,
            marksOverlap: configuration.marksOverlap
        )
    }
}
