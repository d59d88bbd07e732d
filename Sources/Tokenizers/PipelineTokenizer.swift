import Dispatch
import YuyanFileFormats

/// A tokenizer put together from parts, as `tokenizer.json` describes them: normalizer, pre-tokenizer, model,
/// post-processor and decoder.
///
/// Ids, offsets and texts equal those of Hugging Face's tokenizers; Docs/tokenizers.md lists the few differences.
public final class PipelineTokenizer: Tokenizer {
    /// The added tokens and the roles of some.
    public let addedTokens: AddedTokens
    /// How texts are cut unless a call says otherwise; nil: not at all.
    public let truncation: TokenizerTruncation?
    /// How texts are filled up unless a call says otherwise; nil: not at all.
    public let padding: TokenizerPadding?
    /// One more than the largest id.
    public let vocabularySize: Int
    /// True when what an id stands for depends on the ids around it.
    public let decodesInContext: Bool

    let normalizer: (any TextNormalizer)?
    let preTokenizer: (any PreTokenizer)?
    let model: any SubwordModel
    let postProcessor: (any PostProcessor)?
    let decoder: (any TokenDecoder)?
    /// The way in one pass from text to ids, where the parts allow one.
    let fusedPath: FusedWordPiece?
    /// The same for byte-level pairs and text that the normalizer leaves as it is.
    let bytePairs: BPETokenizer?

    private let matchers: [SpecialTokenHandling: Matchers]
    /// What added tokens are in decoded text where the normalizer changes them.
    private let normalizedTexts: [Int32: [UInt8]]
    /// The spaces at the ends of every token, where offsets are trimmed by them.
    private let spaces: [TokenizedText.Spaces]

    /// What finds added tokens before and after normalisation.
    private struct Matchers: Sendable {
        let plain: TokenMatcher
        let normalized: TokenMatcher
    }

    /// The parts of a tokenizer.
    struct Parts {
        var normalizer: (any TextNormalizer)?
        var preTokenizer: (any PreTokenizer)?
        var model: any SubwordModel
        var postProcessor: (any PostProcessor)?
        var decoder: (any TokenDecoder)?
        var truncation: TokenizerTruncation?
        var padding: TokenizerPadding?
        var addedTokens = AddedTokens()
        /// The same pre-tokenizer and model in one, where they are byte-level pairs.
        var bytePairs: BPETokenizer?
    }

    init(_ parts: Parts) {
        normalizer = parts.normalizer
        preTokenizer = parts.preTokenizer
        model = parts.model
        postProcessor = parts.postProcessor
        decoder = parts.decoder
        truncation = parts.truncation
        padding = parts.padding
        var added = parts.addedTokens
        let frame = Self.frame(parts.postProcessor)
        (added.prefix, added.suffix) = frame
        addedTokens = added
        vocabularySize = max(parts.model.vocabularySize, Int(added.all.last?.id ?? -1) + 1)
        decodesInContext = !(parts.decoder is ByteLevelDecoder)
        var changed: [Int32: [UInt8]] = [:]
        for token in added.all where token.isNormalized {
            var text = AlignedText(token.content)
            parts.normalizer?.normalize(&text)
            if !text.bytes.elementsEqual(token.content.utf8) { changed[token.id] = text.bytes }
        }
        normalizedTexts = changed
        var matchers: [SpecialTokenHandling: Matchers] = [:]
        for handling in [SpecialTokenHandling.asText, .recognized] {
            let tokens = added.all.filter { handling == .recognized || !$0.isSpecial }
            let late = tokens.filter { $0.isNormalized && parts.normalizer != nil }
            let early = tokens.filter { !$0.isNormalized || parts.normalizer == nil }
            matchers[handling] = Matchers(
                plain: TokenMatcher(early),
                normalized: TokenMatcher(late, spelled: late.map { changed[$0.id] ?? Array($0.content.utf8) })
            )
        }
        self.matchers = matchers
        fusedPath = FusedWordPiece(parts)
        bytePairs = parts.bytePairs
        spaces =
            Self.trims(parts.postProcessor)
            ? (0..<Int32(parts.model.vocabularySize)).map { Self.spaces(of: parts.model.token(of: $0) ?? "") }
            : []
    }

    /// What the post-processor puts before and after a single text.
    private static func frame(_ processor: (any PostProcessor)?) -> (prefix: [Int32], suffix: [Int32]) {
        guard let processor else { return ([], []) }
        var probe = TokenizedText()
        probe.append(0, typeId: 0, 0..<0, word: 0, sequence: 0, isSpecial: false)
        let parts = processor.process([probe], addsSpecialTokens: true)
        let ids = parts.flatMap(\.ids)
        let sequences = parts.flatMap(\.sequenceIds)
        guard let first = sequences.firstIndex(of: 0), let last = sequences.lastIndex(of: 0) else {
            return (ids, [])
        }
        return (Array(ids[..<first]), Array(ids[(last + 1)...]))
    }

    private static func trims(_ processor: (any PostProcessor)?) -> Bool {
        switch processor {
        case let sequence as PostProcessorSequence: sequence.steps.contains { trims($0) }
        case let level as ByteLevelProcessor: level.trimsOffsets
        case let roberta as RobertaProcessor: roberta.trimsOffsets
        default: false
        }
    }

    private static func spaces(of token: String) -> TokenizedText.Spaces {
        func isSpace(_ scalar: Unicode.Scalar) -> Bool {
            scalar.value == 0x120 || UnicodeProperties.has(scalar.value, UnicodeProperties.whitespace)
        }
        return TokenizedText.Spaces(
            leading: Int32(token.unicodeScalars.prefix(while: isSpace).count),
            trailing: Int32(token.unicodeScalars.reversed().prefix(while: isSpace).count)
        )
    }

    // MARK: Text to tokens

    /// Encodes UTF-8 bytes; every ill-formed piece counts as U+FFFD.
    ///
    /// - Parameters:
    ///   - bytes: The text.
    ///   - specialTokens: What to do with the text of special tokens.
    /// - Returns: The ids, without what a template puts around them.
    public func encode(bytes: UnsafeRawBufferPointer, specialTokens: SpecialTokenHandling) -> [Int32] {
        if let fusedPath, let ids = fusedPath.encode(bytes, matcher(specialTokens)) { return ids }
        if let bytePairs, leavesAlone(bytes) {
            return bytePairs.encode(bytes: bytes, specialTokens: specialTokens)
        }
        return encodeComposed(bytes: bytes, specialTokens: specialTokens)
    }

    /// Whether the normalizer surely changes nothing: there is none, or it is a normal form and the text is ASCII.
    private func leavesAlone(_ bytes: UnsafeRawBufferPointer) -> Bool {
        if normalizer == nil { return true }
        return normalizer is NormalFormNormalizer && !bytes.contains { $0 >= 0x80 }
    }

    /// Encodes step by step, as the parts say: what the faster ways are held against.
    ///
    /// - Parameters:
    ///   - bytes: The text.
    ///   - specialTokens: What to do with the text of special tokens.
    /// - Returns: The ids, without what a template puts around them.
    package func encodeComposed(
        bytes: UnsafeRawBufferPointer,
        specialTokens: SpecialTokenHandling
    ) -> [Int32] {
        let list = pieces(of: bytes, specialTokens)
        var ids: [Int32] = []
        var tokens: [SubwordToken] = []
        list.text.bytes.withUnsafeBufferPointer { text in
            for piece in list.pieces {
                if piece.token >= 0 {
                    ids.append(piece.token)
                    continue
                }
                tokens.removeAll(keepingCapacity: true)
                model.encode(UnsafeBufferPointer(rebasing: text[piece.start..<piece.end]), into: &tokens)
                for token in tokens { ids.append(token.id) }
            }
        }
        return ids
    }

    /// What finds added tokens in raw text.
    private func matcher(_ handling: SpecialTokenHandling) -> TokenMatcher? {
        guard let matchers = matchers[handling], matchers.normalized.isEmpty else { return nil }
        return matchers.plain
    }

    /// Added tokens found, text normalised and cut.
    private func pieces(of bytes: UnsafeRawBufferPointer, _ handling: SpecialTokenHandling) -> PieceList {
        var list = PieceList()
        guard let base = bytes.baseAddress?.assumingMemoryBound(to: UInt8.self),
            let matchers = matchers[handling]
        else { return list }
        let text = ScannedText(base, end: bytes.count)
        var position = 0
        while position < bytes.count {
            let match = matchers.plain.isEmpty ? nil : matchers.plain.next(text, from: position)
            let end = match?.start ?? bytes.count
            if end > position {
                var part = AlignedText(
                    UnsafeBufferPointer(start: base + position, count: end - position),
                    at: position
                )
                normalizer?.normalize(&part)
                Self.append(part, matchers.normalized, to: &list)
            }
            guard let match else { break }
            let token = UnsafeBufferPointer(start: base + match.start, count: match.end - match.start)
            Self.append(AlignedText(token, at: match.start), token: match.id, to: &list)
            position = match.end
        }
        preTokenizer?.apply(to: &list)
        return list
    }

    /// Appends normalised text, cut at the added tokens that are found in it.
    private static func append(_ part: AlignedText, _ matcher: TokenMatcher, to list: inout PieceList) {
        guard !matcher.isEmpty else { return append(part, token: -1, to: &list) }
        part.bytes.withUnsafeBufferPointer { bytes in
            guard let base = bytes.baseAddress else { return }
            let text = ScannedText(base, end: bytes.count)
            var position = 0
            while position < bytes.count {
                let match = matcher.next(text, from: position)
                append(part.slice(position..<(match?.start ?? bytes.count)), token: -1, to: &list)
                guard let match else { return }
                append(part.slice(match.start..<match.end), token: match.id, to: &list)
                position = match.end
            }
        }
    }

    private static func append(_ part: AlignedText, token: Int32, to list: inout PieceList) {
        guard let first = part.spans.first else { return }
        let start = list.text.count
        list.text.append(part, 0..<part.count)
        list.pieces.append(.init(start: start, end: list.text.count, origin: first.start, token: token))
    }

    /// One text with all that is known about its tokens.
    private func tokenized(_ text: String, sequence: Int32, _ handling: SpecialTokenHandling) -> TokenizedText
    {
        var text = text
        let list = text.withUTF8 { pieces(of: UnsafeRawBufferPointer($0), handling) }
        var result = TokenizedText()
        var tokens: [SubwordToken] = []
        list.text.bytes.withUnsafeBufferPointer { bytes in
            for (word, piece) in list.pieces.enumerated() {
                tokens.removeAll(keepingCapacity: true)
                if piece.token >= 0 {
                    let length = Int32(piece.end - piece.start)
                    tokens.append(SubwordToken(id: piece.token, start: 0, end: length))
                } else {
                    model.encode(UnsafeBufferPointer(rebasing: bytes[piece.start..<piece.end]), into: &tokens)
                }
                for token in tokens {
                    result.append(
                        token.id,
                        typeId: sequence,
                        Self.original(token, piece, list.text),
                        word: Int32(word),
                        sequence: sequence,
                        isSpecial: false,
                        spaces: spaces(of: token, piece, bytes)
                    )
                }
            }
        }
        return result
    }

    /// The bytes of the original that a token came from.
    private static func original(
        _ token: SubwordToken,
        _ piece: PieceList.Piece,
        _ text: AlignedText
    ) -> Range<Int> {
        let start = piece.start + Int(token.start)
        let end = piece.start + Int(token.end)
        guard start < end, end <= piece.end else {
            let start = Int(piece.origin + token.start)
            return start..<max(start, Int(piece.origin + token.end))
        }
        let span = text.original(start..<end)
        return Int(span.start)..<Int(max(span.start, span.end))
    }

    private func spaces(
        of token: SubwordToken,
        _ piece: PieceList.Piece,
        _ bytes: UnsafeBufferPointer<UInt8>
    ) -> TokenizedText.Spaces {
        guard !spaces.isEmpty else { return TokenizedText.Spaces() }
        if piece.token >= 0 {
            return Self.spaces(of: String(decoding: bytes[piece.start..<piece.end], as: UTF8.self))
        }
        return Int(token.id) < spaces.count ? spaces[Int(token.id)] : TokenizedText.Spaces()
    }

    // MARK: Whole texts

    /// Encodes a text, or a pair of texts, with all that a model or a task may want to know.
    ///
    /// - Parameters:
    ///   - text: The text.
    ///   - second: The second text of a pair.
    ///   - options: Special tokens, truncation and padding.
    /// - Returns: The tokens, with the template's around them.
    /// - Throws: `TokenizationError` when the texts cannot be cut as asked.
    public func tokenize(
        _ text: String,
        _ second: String? = nil,
        options: TokenizationOptions = TokenizationOptions()
    ) throws(TokenizationError) -> TokenizedText {
        var texts = [tokenized(text, sequence: 0, options.specialTokens)]
        if let second { texts.append(tokenized(second, sequence: 1, options.specialTokens)) }
        if let truncation = options.truncation.value(or: truncation) {
            let added =
                options.addsSpecialTokens ? postProcessor?.addedTokens(isPair: texts.count > 1) ?? 0 : 0
            try truncation.apply(to: &texts, addedTokens: added)
        }
        if let postProcessor {
            texts = postProcessor.process(texts, addsSpecialTokens: options.addsSpecialTokens)
        }
        var result = texts.first ?? TokenizedText()
        for text in texts.dropFirst() { result.merge(text) }
        guard let padding = options.padding.value(or: padding) else { return result }
        var padded = [result]
        padding.apply(to: &padded)
        return padded[0]
    }

    /// Encodes many texts or pairs, on several threads.
    ///
    /// - Parameters:
    ///   - texts: The texts, each with the second text of a pair or nil.
    ///   - options: Special tokens, truncation and padding; padding to the longest looks at all of them.
    /// - Returns: One result per text, in order.
    /// - Throws: `TokenizationError` when a text cannot be cut as asked.
    public func tokenize(
        batch texts: [(first: String, second: String?)],
        options: TokenizationOptions = TokenizationOptions()
    ) throws(TokenizationError) -> [TokenizedText] {
        typealias Outcome = Result<TokenizedText, TokenizationError>
        let outcomes = [Outcome](unsafeUninitializedCapacity: texts.count) { buffer, count in
            let slots = Slots(base: buffer.baseAddress)
            DispatchQueue.concurrentPerform(iterations: (texts.count + 63) / 64) { chunk in
                for index in chunk * 64..<min(chunk * 64 + 64, texts.count) {
                    let outcome = Outcome { () throws(TokenizationError) in
                        try tokenize(texts[index].first, texts[index].second, options: options)
                    }
                    slots.initialize(index, outcome)
                }
            }
            count = texts.count
        }
        var results: [TokenizedText] = []
        results.reserveCapacity(texts.count)
        for outcome in outcomes { results.append(try outcome.get()) }
        options.padding.value(or: padding)?.apply(to: &results)
        return results
    }

    /// Places for results; every thread writes its own.
    private struct Slots<Value>: @unchecked Sendable {
        let base: UnsafeMutablePointer<Value>?
        func initialize(_ index: Int, _ value: Value) { base.map { ($0 + index).initialize(to: value) } }
    }

    /// Encodes text with what the template puts around it, neither cut nor filled up.
    ///
    /// - Parameters:
    ///   - text: The text.
    ///   - specialTokens: What to do with the text of special tokens.
    /// - Returns: The ids.
    public func encodeFramed(_ text: String, specialTokens: SpecialTokenHandling) -> [Int32] {
        addedTokens.prefix + encode(text, specialTokens: specialTokens) + addedTokens.suffix
    }

    // MARK: Tokens to text

    /// The id of a token as tokenizer files spell it.
    ///
    /// - Parameter token: The spelling.
    /// - Returns: nil when the vocabulary lacks it.
    public func id(of token: String) -> Int32? { addedTokens.id(of: token) ?? model.id(of: token) }

    /// A token as tokenizer files spell it.
    ///
    /// - Parameter id: The id.
    /// - Returns: nil when no token has it.
    public func token(of id: Int32) -> String? { addedTokens.token(id)?.content ?? model.token(of: id) }

    /// Appends the bytes that an id stands for between others; an id without token adds nothing.
    ///
    /// - Parameters:
    ///   - id: The id.
    ///   - bytes: Where the bytes go.
    public func appendBytes(of id: Int32, to bytes: inout [UInt8]) {
        guard let text = decodedText(of: id) else { return }
        // Alone such a byte is no character, for which decoding would put U+FFFD.
        if let decoder, Self.fallsBackToBytes(decoder), let byte = ByteFallbackDecoder.byte(of: text) {
            bytes.append(byte)
            return
        }
        let place = DecodedPlace(isBeginning: false, isEnd: false)
        let parts = decoder?.decode([text], place) ?? [[32], text]
        for part in parts { bytes.append(contentsOf: part) }
    }

    /// Whether a decoder makes bytes of tokens such as <0xE4>.
    private static func fallsBackToBytes(_ decoder: any TokenDecoder) -> Bool {
        (decoder as? DecoderSequence)?.steps.contains(where: fallsBackToBytes)
            ?? (decoder is ByteFallbackDecoder)
    }

    /// The bytes of the text that ids stand for; without a decoder, the tokens with spaces between.
    ///
    /// - Parameters:
    ///   - ids: The ids.
    ///   - skippingSpecialTokens: Whether special tokens add nothing.
    /// - Returns: The bytes; not always well-formed UTF-8.
    public func decodeBytes(_ ids: some Sequence<Int32>, skippingSpecialTokens: Bool) -> [UInt8] {
        var tokens: [[UInt8]] = []
        for id in ids {
            // A special token that the normalizer changes is not known as one here, as in the reference.
            let isSpecial = addedTokens.token(id)?.isSpecial == true && normalizedTexts[id] == nil
            if skippingSpecialTokens, isSpecial { continue }
            if let text = decodedText(of: id) { tokens.append(text) }
        }
        guard let decoder else { return Array(tokens.joined(separator: [32])) }
        return Array(decoder.decode(tokens, DecodedPlace()).joined())
    }

    /// What decoding begins with for an id.
    private func decodedText(of id: Int32) -> [UInt8]? {
        normalizedTexts[id] ?? token(of: id).map { Array($0.utf8) }
    }

    /// The tokens of a result, as tokenizer files spell them.
    ///
    /// - Parameter text: A result.
    /// - Returns: One spelling per token.
    public func tokens(of text: TokenizedText) -> [String] { text.ids.map { token(of: $0) ?? "" } }
}
