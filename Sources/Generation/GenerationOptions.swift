@_exported import YuyanModels
@_exported import YuyanTokenizers

/// How the next token is chosen from the logits.
///
/// The steps run in the order of transformers: bias and penalties, temperature, top-k, top-p, min-p.
public struct SamplingOptions: Sendable, Hashable {
    /// The divisor of the logits; 0 takes the largest logit always (greedy).
    public var temperature: Double
    /// Only the k largest logits remain (more where some are equal); 0 for no limit.
    public var topK: Int
    /// Only the smallest set of tokens whose probability reaches p remains; 1 for no limit.
    public var topP: Double
    /// Only tokens of at least this share of the largest probability remain; 0 for no limit.
    public var minP: Double
    /// Logits of tokens that occurred, in the prompt too, are divided by this when positive, multiplied when negative.
    public var repetitionPenalty: Double
    /// Subtracted from the logits of tokens that were generated.
    public var presencePenalty: Double
    /// Subtracted from the logits of tokens that were generated, once for each time.
    public var frequencyPenalty: Double
    /// Added to the logits of single tokens.
    public var logitBias: [Int32: Double]
    /// Chooses the random numbers.
    public var seed: UInt64

    /// Plain sampling unless told otherwise.
    ///
    /// - Parameters:
    ///   - temperature: The divisor of the logits; 0 for greedy.
    ///   - topK: The number of logits that remain; 0 for no limit.
    ///   - topP: The probability that remains; 1 for no limit.
    ///   - minP: The least share of the largest probability; 0 for no limit.
    ///   - seed: Chooses the random numbers.
    public init(temperature: Double = 1, topK: Int = 0, topP: Double = 1, minP: Double = 0, seed: UInt64 = 0)
    {
        self.temperature = temperature
        self.topK = topK
        self.topP = topP
        self.minP = minP
        self.seed = seed
        repetitionPenalty = 1
        presencePenalty = 0
        frequencyPenalty = 0
        logitBias = [:]
    }

    /// Always the largest logit.
    public static let greedy = SamplingOptions(temperature: 0)

    /// Whether the choice depends on what was generated before.
    var needsHistory: Bool { repetitionPenalty != 1 || presencePenalty != 0 || frequencyPenalty != 0 }

    func check() throws(GenerationError) {
        let ranges: [(String, Double, ClosedRange<Double>)] = [
            ("temperature", temperature, 0...100), ("top_p", topP, 0...1), ("min_p", minP, 0...1),
            ("repetition_penalty", repetitionPenalty, 0.01...100),
            ("presence_penalty", presencePenalty, -100...100),
            ("frequency_penalty", frequencyPenalty, -100...100),
        ]
        for (field, value, range) in ranges where !range.contains(value) {
            throw .invalidOption(field: field, "\(value) must lie in \(range)")
        }
        if topK < 0 { throw .invalidOption(field: "top_k", "\(topK) must not be negative") }
        if topP == 0 {
            throw .invalidOption(field: "top_p", "0 leaves no token; take a small number or greedy")
        }
        for (token, bias) in logitBias where !bias.isFinite {
            throw .invalidOption(field: "logit_bias", "the bias \(bias) of token \(token) must be finite")
        }
    }
}

/// What happens when a text grows beyond the positions that the model has.
public enum ContextOverflow: Sendable, Hashable {
    /// Refuses prompts that could grow too long: prompt and new tokens together.
    case error
    /// Ends a text that has filled the context; refuses prompts that leave no room.
    case stop
    /// Keeps the last tokens, encodes them anew from position 0 and goes on; half of the context when nil.
    case slidingWindow(keeping: Int?)
}

/// How texts are generated.
public struct GenerationOptions: Sendable, Hashable {
    /// How tokens are chosen.
    public var sampling: SamplingOptions
    /// The most new tokens of a text.
    public var maxNewTokens: Int
    /// The fewest new tokens: end tokens cannot be chosen before.
    public var minNewTokens: Int
    /// Tokens that end a text beside the model's own; they are not part of the result.
    public var stopTokenIDs: Set<Int32>
    /// Whether the model's own end tokens end a text.
    public var stopsAtEndTokens: Bool
    /// Strings that end a text; the text ends before them.
    public var stopStrings: [String]
    /// What happens when the context is full.
    public var overflow: ContextOverflow
    /// Whether the log probability of each chosen token (before temperature and filters) is reported.
    public var reportsLogProbabilities: Bool

    /// Sampling without stop strings unless told otherwise.
    ///
    /// - Parameters:
    ///   - sampling: How tokens are chosen.
    ///   - maxNewTokens: The most new tokens of a text.
    ///   - stopStrings: Strings that end a text.
    ///   - overflow: What happens when the context is full.
    public init(
        sampling: SamplingOptions = SamplingOptions(),
        maxNewTokens: Int = 128,
        stopStrings: [String] = [],
        overflow: ContextOverflow = .stop
    ) {
        self.sampling = sampling
        self.maxNewTokens = maxNewTokens
        self.stopStrings = stopStrings
        self.overflow = overflow
        minNewTokens = 0
        stopTokenIDs = []
        stopsAtEndTokens = true
        reportsLogProbabilities = false
    }

    /// Makes sure that every option has a value that makes sense.
    ///
    /// - Throws: ``GenerationError/invalidOption(field:_:)`` for the first that does not.
    public func check() throws(GenerationError) {
        try sampling.check()
        if maxNewTokens < 0 || maxNewTokens > 1 << 28 {
            throw .invalidOption(field: "max_new_tokens", "\(maxNewTokens) must lie in 0...\(1 << 28)")
        }
        if minNewTokens < 0 || minNewTokens > maxNewTokens {
            throw .invalidOption(
                field: "min_new_tokens",
                "\(minNewTokens) must lie in 0...max_new_tokens, \(maxNewTokens)"
            )
        }
        if stopStrings.contains("") {
            throw .invalidOption(field: "stop", "an empty stop string would end every text at once")
        }
    }
}

/// Why texts cannot be generated.
public enum GenerationError: Error, Sendable, Hashable, CustomStringConvertible {
    /// An option has a value that makes no sense.
    case invalidOption(field: String, String)
    /// A prompt has no tokens, so there is nothing to go on from.
    case emptyPrompt(index: Int)
    /// A prompt does not fit the context.
    case promptTooLong(index: Int, tokens: Int, limit: Int)
    /// A prompt holds a token that the model does not have.
    case unknownToken(index: Int, token: Int32, vocabularySize: Int)
    /// The model answered with logits that are no numbers.
    case nonFiniteLogits(index: Int, step: Int)

    /// The reason in words, with what would be right.
    public var description: String {
        switch self {
        case .invalidOption(let field, let message): "\(field): \(message)"
        case .emptyPrompt(let index): "prompt \(index) has no tokens; begin with the model's first token"
        case .promptTooLong(let index, let tokens, let limit):
            "prompt \(index) has \(tokens) tokens, at most \(limit) fit"
        case .unknownToken(let index, let token, let size):
            "prompt \(index) holds the token \(token); the model's tokens are 0..<\(size)"
        case .nonFiniteLogits(let index, let step):
            "the model answered prompt \(index) at new token \(step) with logits that are no numbers"
        }
    }
}
