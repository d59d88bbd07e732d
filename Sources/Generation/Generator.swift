import YuyanModels
import YuyanTokenizers

/// Why a text ended.
public enum FinishReason: Sendable, Hashable {
    /// The model chose a token that ends texts.
    case stopToken(Int32)
    /// A stop string appeared.
    case stopString(String)
    /// The most new tokens were generated.
    case length
    /// The context is full.
    case contextFull
    /// The receiver of updates asked to stop.
    case cancelled
}

/// A generated text.
public struct GeneratedText: Sendable, Hashable {
    /// The number of its prompt.
    public let index: Int
    /// The number of tokens of the prompt.
    public let promptTokenCount: Int
    /// The new tokens; those that spell a stop string are among them, a stop token is not.
    public let tokenIDs: [Int32]
    /// The new text, without stop strings and special tokens; empty without a tokenizer.
    public let text: String
    /// Why the text ended.
    public let finishReason: FinishReason
    /// The log probability of each new token under the bare model, when asked for.
    public let logProbabilities: [Double]
}

/// A new token of a text.
public struct GenerationUpdate: Sendable, Hashable {
    /// The number of the prompt.
    public let index: Int
    /// The token; nil at the end, when text that was held back is handed out.
    public let tokenID: Int32?
    /// The text that is now certain: whole characters, never part of a stop string; often empty.
    public let text: String
}

/// Continues prompts with a model: many at a time, each as if it were alone.
///
/// The random numbers of a text depend on the seed, the text's own stream and the number of the token. A prompt's stream
/// is its number among the prompts unless streams are given; a text then is the same whatever prompts stand beside it,
/// and in any order. Slots that become free take up waiting prompts.
///
/// Not Sendable: belongs to the thread (or actor) that uses the model.
public final class Generator {
    /// The model.
    public let model: any GenerativeModel
    /// The tokenizer for text; nil when only ids are wanted.
    public let tokenizer: (any Tokenizer)?
    /// The most texts at a time.
    public let maximumBatchSize: Int
    private var sampler = Sampler()
    private var row: [Float] = []

    /// Makes a generator.
    ///
    /// Traps when the batch size is not positive.
    ///
    /// - Parameters:
    ///   - model: The model; set to evaluation by the caller.
    ///   - tokenizer: The tokenizer for text.
    ///   - maximumBatchSize: The most texts at a time.
    public init(model: any GenerativeModel, tokenizer: (any Tokenizer)? = nil, maximumBatchSize: Int = 16) {
        require(maximumBatchSize > 0, "Generator: the batch size \(maximumBatchSize) must be positive")
        self.model = model
        self.tokenizer = tokenizer
        self.maximumBatchSize = maximumBatchSize
    }

    /// Continues a text.
    ///
    /// - Parameters:
    ///   - prompt: The text; special tokens in it are ordinary characters.
    ///   - options: How to go on.
    ///   - onUpdate: Called for each new token; false ends the text.
    /// - Returns: The continuation.
    /// - Throws: ``GenerationError`` when options or prompt cannot be used, or the model's logits are no numbers.
    public func generate(
        _ prompt: String,
        options: GenerationOptions = GenerationOptions(),
        onUpdate: (GenerationUpdate) -> Bool = { _ in true }
    ) throws(GenerationError) -> GeneratedText {
        guard let tokenizer else {
            throw .invalidOption(
                field: "tokenizer",
                "a text prompt needs a tokenizer; give token ids instead"
            )
        }
        let ids = tokenizer.encode(prompt)
        return try generate([ids], options: options, onUpdate: onUpdate)[0]
    }

    /// Continues prompts of token ids.
    ///
    /// - Parameters:
    ///   - prompts: The prompts, each of one token or more.
    ///   - options: How to go on.
    ///   - streams: The random stream of each prompt; its number when nil.
    ///   - onUpdate: Called for each new token in the order they are made; false ends that text.
    /// - Returns: The continuations in the order of the prompts.
    /// - Throws: ``GenerationError`` when options or a prompt cannot be used, or the model's logits are no numbers.
    public func generate(
        _ prompts: [[Int32]],
        options: GenerationOptions = GenerationOptions(),
        streams: [UInt64]? = nil,
        onUpdate: (GenerationUpdate) -> Bool = { _ in true }
    ) throws(GenerationError) -> [GeneratedText] {
        let prepared = try prepare(prompts, options)
        if prepared.isEmpty { return [] }
        require(
            streams.map { $0.count == prompts.count } ?? true,
            "Generator: \(streams?.count ?? 0) streams were given for \(prompts.count) prompts"
        )
        let longest = prepared.reduce(0) { max($0, $1.count) }
        let slots = min(prepared.count, maximumBatchSize)
        let session = model.makeSession(
            slots: slots,
            capacity: min(model.contextLength, longest + options.maxNewTokens)
        )
        var waiting = prepared.indices.map { index in
            RunningText(
                index: index,
                prompt: prepared[index],
                promptCount: prompts[index].count,
                stream: streams?[index] ?? UInt64(index),
                stopText: tokenizer.map { TextStream(tokenizer: $0, stopStrings: options.stopStrings) }
            )
        }[...]
        var running: [RunningText] = []
        var free = Array((0..<slots).reversed())
        var finished: [GeneratedText] = []
        while true {
            while let slot = free.last, var text = waiting.popFirst() {
                text.slot = slot
                let logits = session.begin(text.prompt, slot: slot)
                try advance(&text, logits, row: 0, options, onUpdate)
                if let result = text.result {
                    finished.append(result)
                } else {
                    running.append(text)
                    free.removeLast()
                }
            }
            if running.isEmpty { break }
            try step(&running, session, options, onUpdate)
            for text in running {
                guard let result = text.result else { continue }
                finished.append(result)
                free.append(text.slot)
            }
            running.removeAll { $0.result != nil }
        }
        return finished.sorted { $0.index < $1.index }
    }

    /// One more token for every text: together where the context has room, anew for those whose window slides.
    private func step(
        _ running: inout [RunningText],
        _ session: any DecodingSession,
        _ options: GenerationOptions,
        _ onUpdate: (GenerationUpdate) -> Bool
    ) throws(GenerationError) {
        var batch: [Int] = []
        for place in running.indices {
            if running[place].held < session.capacity {
                batch.append(place)
                continue
            }
            let kept = windowLength(options)
            let window = Array((running[place].prompt + running[place].tokens).suffix(kept))
            let logits = session.begin(window, slot: running[place].slot)
            running[place].held = window.count
            try advance(&running[place], logits, row: 0, options, onUpdate)
        }
        if batch.isEmpty { return }
        let logits = session.step(
            batch.map { running[$0].tokens.last ?? 0 },
            slots: batch.map { running[$0].slot }
        )
        for (row, place) in batch.enumerated() {
            running[place].held += 1
            try advance(&running[place], logits, row: row, options, onUpdate)
        }
    }

    /// Chooses a text's next token and sees whether the text ends with it.
    private func advance(
        _ text: inout RunningText,
        _ logits: Tensor,
        row number: Int,
        _ options: GenerationOptions,
        _ onUpdate: (GenerationUpdate) -> Bool
    ) throws(GenerationError) {
        guard options.maxNewTokens > 0 else {
            text.end(.length)
            return
        }
        let ends = options.stopTokenIDs.union(options.stopsAtEndTokens ? model.endTokens : [])
        let token = try choose(&text, logits, row: number, options, ends)
        if ends.contains(token) {
            text.end(.stopToken(token), onUpdate)
            return
        }
        text.tokens.append(token)
        text.history.add(token)
        let piece = text.stream.map { _ in text.stream?.append(token) ?? "" } ?? ""
        let goesOn = onUpdate(GenerationUpdate(index: text.index, tokenID: token, text: piece))
        if let stop = text.stream?.stop {
            text.end(.stopString(options.stopStrings[stop]), onUpdate)
        } else if !goesOn {
            text.end(.cancelled, onUpdate)
        } else if text.tokens.count == options.maxNewTokens {
            text.end(.length, onUpdate)
        } else if text.prompt.count + text.tokens.count > model.contextLength, !options.slides {
            text.end(.contextFull, onUpdate)
        }
    }

    private func choose(
        _ text: inout RunningText,
        _ logits: Tensor,
        row number: Int,
        _ options: GenerationOptions,
        _ ends: Set<Int32>
    ) throws(GenerationError) -> Int32 {
        let count = model.vocabularySize
        if row.count != count { row = [Float](repeating: 0, count: count) }
        let address = logits.view.address + number * count * MemoryLayout<Float>.stride
        let step = text.tokens.count
        var random = RandomSource(
            seed: options.sampling.seed,
            stream: text.randomStream,
            position: UInt64(2 * step)
        )
        var sampler = self.sampler
        self.sampler = Sampler()
        let history = text.history
        let (token, logProbability) = row.withUnsafeMutableBufferPointer { buffer in
            logits.backend.download(to: UnsafeMutableRawBufferPointer(buffer), from: address)
            var copy: [Float] = []
            if options.reportsLogProbabilities { copy = Array(buffer) }
            let token = sampler.choose(
                buffer,
                options: options.sampling,
                history: history,
                banned: step < options.minNewTokens ? ends : [],
                draw: { random.nextDouble() }
            )
            guard let token, options.reportsLogProbabilities else { return (token, 0.0) }
            return (token, copy.withUnsafeMutableBufferPointer { Sampler.logProbability(of: token, $0) })
        }
        self.sampler = sampler
        guard let token else { throw .nonFiniteLogits(index: text.index, step: step) }
        if options.reportsLogProbabilities && !ends.contains(token) {
            text.logProbabilities.append(logProbability)
        }
        return token
    }

    /// Checks prompts and cuts those down that the overflow policy allows to.
    private func prepare(
        _ prompts: [[Int32]],
        _ options: GenerationOptions
    ) throws(GenerationError) -> [[Int32]] {
        try options.check()
        if !options.stopStrings.isEmpty && tokenizer == nil {
            throw .invalidOption(field: "stop", "stop strings need a tokenizer; give stop_token_ids instead")
        }
        var result: [[Int32]] = []
        for (index, prompt) in prompts.enumerated() {
            if prompt.isEmpty { throw .emptyPrompt(index: index) }
            if let bad = prompt.first(where: { $0 < 0 || Int($0) >= model.vocabularySize }) {
                throw .unknownToken(index: index, token: bad, vocabularySize: model.vocabularySize)
            }
            switch options.overflow {
            case .error:
                let limit = model.contextLength - options.maxNewTokens
                if prompt.count > limit {
                    throw .promptTooLong(index: index, tokens: prompt.count, limit: max(limit, 0))
                }
                result.append(prompt)
            case .stop:
                if prompt.count > model.contextLength {
                    throw .promptTooLong(index: index, tokens: prompt.count, limit: model.contextLength)
                }
                result.append(prompt)
            case .slidingWindow:
                let fits = prompt.count <= model.contextLength
                result.append(fits ? prompt : Array(prompt.suffix(windowLength(options))))
            }
        }
        return result
    }

    private func windowLength(_ options: GenerationOptions) -> Int {
        guard case .slidingWindow(let kept) = options.overflow else { return model.contextLength }
        return min(max(kept ?? model.contextLength / 2, 1), model.contextLength)
    }
}

extension GenerationOptions {
    fileprivate var slides: Bool {
        if case .slidingWindow = overflow { true } else { false }
    }
}

/// A text in the making.
private struct RunningText {
    let index: Int
    let prompt: [Int32]
    let promptCount: Int
    let randomStream: UInt64
    var slot = 0
    /// The number of positions in the slot.
    var held: Int
    var tokens: [Int32] = []
    var history: TokenHistory
    var stream: TextStream?
    var logProbabilities: [Double] = []
    var result: GeneratedText?

    init(index: Int, prompt: [Int32], promptCount: Int, stream: UInt64, stopText: TextStream?) {
        self.index = index
        self.prompt = prompt
        self.promptCount = promptCount
        randomStream = stream
        held = prompt.count
        history = TokenHistory(prompt: prompt)
        self.stream = stopText
    }

    mutating func end(_ reason: FinishReason, _ onUpdate: (GenerationUpdate) -> Bool = { _ in true }) {
        let rest = stream.map { _ in stream?.finish() ?? "" } ?? ""
        if !rest.isEmpty { _ = onUpdate(GenerationUpdate(index: index, tokenID: nil, text: rest)) }
        result = GeneratedText(
            index: index,
            promptTokenCount: promptCount,
            tokenIDs: tokens,
            text: stream?.text ?? "",
            finishReason: reason,
            logProbabilities: logProbabilities
        )
    }
}
