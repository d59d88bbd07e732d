import YuyanFileFormats

/// A tokenizer of SentencePiece (Kudo and Richardson 2018): normalised text, its white space written as U+2581, cut into
/// pieces by a unigram model, by merging, by characters or by words.
///
/// Ids, byte ranges and decoded text are those of SentencePiece's `Encode` and `Decode`, with these differences: ids outside
/// the vocabulary decode to nothing instead of an error; a control piece that a character or word model meets in text is given
/// as its id (SentencePiece refuses the text); files that SentencePiece cannot use (a score that is not a number or larger than
/// 1e20, more than 4,194,304 pieces, a piece longer than 8,192 bytes) are refused when they are read.
public final class SentencePieceTokenizer: Tokenizer {
    private enum Model: Sendable {
        case unigram(UnigramModel)
        case merging(SentencePieceMerging)

        @inline(__always)
        func encode(_ text: UnsafePointer<UInt8>, _ count: Int, _ scratch: WordScratch) {
            switch self {
            case .unigram(let model): model.encode(text, count, scratch)
            case .merging(let model): model.encode(text, count, scratch)
            }
        }
    }

    /// The pieces and their settings.
    public let file: SentencePieceFile
    /// The control pieces and the unknown piece, all special, and the roles of some.
    public let addedTokens: AddedTokens
    private let model: Model
    private let normalizer: SentencePieceNormalizer
    private let denormalizer: SentencePieceNormalizer?
    private let ids: [[UInt8]: Int32]
    private let kinds: [SentencePieceFile.Kind]
    private let unknownSurface: [UInt8]
    private let pool = WordScratchPool()

    private static let space: [UInt8] = [0xE2, 0x96, 0x81]

    /// Sets up the tokenizer of a file.
    ///
    /// - Parameters:
    ///   - file: The pieces and their settings.
    ///   - path: The file's name, for errors.
    /// - Throws: `FileFormatError` when pieces are empty, doubled or missing, or the rules of normalisation are wrong.
    public init(_ file: SentencePieceFile, path: String? = nil) throws(FileFormatError) {
        let vocabulary: SentencePieceVocabulary
        do throws(FileFormatError) {
            vocabulary = try SentencePieceVocabulary(file)
            switch file.trainer.modelType {
            case .unigram:
                model = .unigram(
                    try UnigramModel(
                        pieces: file.pieces.map(\.bytes),
                        scores: file.pieces.map { Double($0.score) },
                        roles: file.pieces.map { piece in
                            piece.kind == .normal
                                ? .normal : (piece.kind == .userDefined ? .userDefined : .hidden)
                        },
                        unknown: vocabulary.unknown,
                        byteIDs: vocabulary.byteIDs,
                        rounding: .single
                    )
                )
            case .bpe, .char, .word:
                model = .merging(
                    try SentencePieceMerging(
                        file,
                        symbols: vocabulary.symbols,
                        special: vocabulary.special,
                        unknown: vocabulary.unknown,
                        byteIDs: vocabulary.byteIDs
                    )
                )
            }
            normalizer = try SentencePieceNormalizer(
                file.normalizer,
                whitespaceIsSuffix: file.trainer.treatsWhitespaceAsSuffix,
                symbols: vocabulary.symbols,
                path: path
            )
            if let spec = file.denormalizer, !spec.precompiledCharsmap.isEmpty {
                denormalizer = try SentencePieceNormalizer(
                    spec,
                    whitespaceIsSuffix: false,
                    symbols: nil,
                    path: path
                )
            } else {
                denormalizer = nil
            }
        } catch {
            throw error.inFile(path)
        }
        self.file = file
        ids = vocabulary.ids
        kinds = vocabulary.kinds
        addedTokens = vocabulary.addedTokens(file)
        unknownSurface = Array((file.trainer.unknownSurface ?? " \u{2047} ").utf8.prefix { $0 != 0 })
    }

    /// Reads a `.model` file.
    ///
    /// - Parameter path: The file.
    /// - Throws: `FileFormatError` with the place of what is wrong.
    public convenience init(contentsOf path: String) throws(FileFormatError) {
        try self.init(SentencePieceFile(contentsOf: path), path: path)
    }

    /// Whether no piece crosses the beginning of white space.
    var splitsAtSpace: Bool {
        switch model {
        case .unigram(let model): model.cuts.beforeSpace
        case .merging(let model): model.type == .word || model.cuts.beforeSpace
        }
    }

    /// The number of pieces.
    public var vocabularySize: Int { file.pieces.count }

    /// True: white space at the beginning of a text and byte pieces decode by what stands around them.
    public var decodesInContext: Bool { true }

    /// Encodes UTF-8 bytes.
    ///
    /// Between recognised special tokens every stretch is encoded as if it stood alone.
    ///
    /// - Parameters:
    ///   - bytes: The text; every byte that is not part of well-formed UTF-8 counts as U+FFFD.
    ///   - specialTokens: What to do with the text of special tokens.
    /// - Returns: The ids.
    public func encode(bytes: UnsafeRawBufferPointer, specialTokens: SpecialTokenHandling) -> [Int32] {
        let text = bytes.assumingMemoryBound(to: UInt8.self)
        guard let base = text.baseAddress else { return [] }
        let matcher = addedTokens.matcher(specialTokens)
        return pool.with { scratch in
            if matcher.isEmpty { return encodePlain(text, scratch) }
            var result: [Int32] = []
            var position = 0
            let scanned = ScannedText(base, end: text.count)
            while let match = matcher.next(scanned, from: position) {
                result += encodePlain(UnsafeBufferPointer(rebasing: text[position..<match.start]), scratch)
                result.append(match.id)
                position = match.end
            }
            result += encodePlain(UnsafeBufferPointer(rebasing: text[position...]), scratch)
            return result
        }
    }

    private func encodePlain(_ text: UnsafeBufferPointer<UInt8>, _ scratch: WordScratch) -> [Int32] {
        normalizer.normalize(text, into: scratch.text, tracksOrigins: false)
        model.encode(scratch.text.bytes, scratch.text.count, scratch)
        let count = scratch.count
        let ids = [Int32](unsafeUninitializedCapacity: count) { buffer, initialized in
            for index in 0..<count { buffer[index] = scratch.tokens[index].id }
            initialized = count
        }
        scratch.clear()
        return ids
    }

    /// Encodes text and tells which bytes of it each token covers.
    ///
    /// - Parameter bytes: The text.
    /// - Returns: The ids and, for each, the bytes that SentencePiece gives: none for all but the last of the byte pieces of a
    ///   character.
    public func encodeWithRanges(bytes: UnsafeRawBufferPointer) -> [(id: Int32, range: Range<Int>)] {
        pool.with { scratch in
            normalizer.normalize(
                bytes.assumingMemoryBound(to: UInt8.self),
                into: scratch.text,
                tracksOrigins: true
            )
            model.encode(scratch.text.bytes, scratch.text.count, scratch)
            let origins = scratch.text.origins
            var start = 0
            let result = (0..<scratch.count).map { index -> (id: Int32, range: Range<Int>) in
                let token = scratch.tokens[index]
                defer { start = Int(token.end) }
                return (token.id, Int(origins[start])..<Int(origins[Int(token.end)]))
            }
            scratch.clear()
            return result
        }
    }

    /// Encodes text and tells which bytes of it each token covers.
    ///
    /// - Parameter text: The text.
    /// - Returns: The ids and, for each, its bytes in UTF-8.
    public func encodeWithRanges(_ text: String) -> [(id: Int32, range: Range<Int>)] {
        var text = text
        return text.withUTF8 { encodeWithRanges(bytes: UnsafeRawBufferPointer($0)) }
    }

    /// The text as the model sees it: normalised, with U+2581 for white space.
    ///
    /// - Parameter text: The text.
    /// - Returns: The normalised text.
    public func normalized(_ text: String) -> String {
        var text = text
        return text.withUTF8 { bytes in
            pool.with { scratch in
                normalizer.normalize(bytes, into: scratch.text, tracksOrigins: false)
                defer { scratch.clear() }
                return String(
                    decoding: UnsafeBufferPointer(start: scratch.text.bytes, count: scratch.text.count),
                    as: UTF8.self
                )
            }
        }
    }

    /// The id of a piece.
    ///
    /// - Parameter token: The piece, with U+2581 for white space.
    /// - Returns: nil when the vocabulary lacks it.
    public func id(of token: String) -> Int32? { ids[Array(token.utf8)] }

    /// A piece.
    ///
    /// - Parameter id: The id.
    /// - Returns: nil when no piece has it.
    public func token(of id: Int32) -> String? {
        file.pieces.indices.contains(Int(id)) ? file.pieces[Int(id)].text : nil
    }

    /// Appends the bytes that an id stands for in the middle of a text.
    ///
    /// - Parameters:
    ///   - id: The id; control pieces and ids without piece add nothing.
    ///   - bytes: Where the bytes go.
    public func appendBytes(of id: Int32, to bytes: inout [UInt8]) {
        guard file.pieces.indices.contains(Int(id)) else { return }
        let piece = file.pieces[Int(id)].bytes
        switch kinds[Int(id)] {
        case .control: break
        case .unknown: bytes += unknownSurface
        case .byte: bytes += SentencePieceVocabulary.byte(piece).map { [$0] } ?? piece
        case .normal, .userDefined, .unused: Self.appendUnescaped(piece[...], to: &bytes)
        }
    }

    private static func appendUnescaped(_ piece: ArraySlice<UInt8>, to bytes: inout [UInt8]) {
        var index = piece.startIndex
        while index < piece.endIndex {
            if piece[index] == 0xE2, piece[index...].starts(with: space) {
                bytes.append(32)
                index += 3
            } else {
                bytes.append(piece[index])
                index += 1
            }
        }
    }

    /// The bytes that ids stand for, as SentencePiece decodes: without the white space put before the text, and with U+FFFD
    /// for every byte piece that is no part of a character.
    ///
    /// - Parameters:
    ///   - ids: The ids.
    ///   - skippingSpecialTokens: Whether unknown pieces add nothing; control pieces never add anything.
    /// - Returns: The bytes.
    public func decodeBytes(_ ids: some Sequence<Int32>, skippingSpecialTokens: Bool) -> [UInt8] {
        var text: [UInt8] = []
        var run: [UInt8] = []
        let spec = file.normalizer
        var strips = spec.addsDummyPrefix || spec.removesExtraWhitespace
        var wasStripped = false
        for id in ids where file.pieces.indices.contains(Int(id)) {
            let kind = kinds[Int(id)]
            let piece = file.pieces[Int(id)].bytes
            if kind == .byte, let byte = SentencePieceVocabulary.byte(piece) {
                run.append(byte)
                continue
            }
            if skippingSpecialTokens, kind == .unknown { continue }
            Self.appendCharacters(&run, to: &text)
            if wasStripped || !text.isEmpty { strips = false }
            wasStripped = false
            switch kind {
            case .control, .unknown: appendBytes(of: id, to: &text)
            case .normal, .userDefined, .unused, .byte:
                let begins = strips && piece.starts(with: Self.space)
                Self.appendUnescaped(piece.dropFirst(begins ? 3 : 0), to: &text)
                wasStripped = begins && !spec.removesExtraWhitespace
            }
        }
        Self.appendCharacters(&run, to: &text)
        guard let denormalizer else { return text }
        return pool.with { scratch in
            text.withUnsafeBufferPointer {
                denormalizer.normalize($0, into: scratch.text, tracksOrigins: false)
            }
            defer { scratch.clear() }
            return Array(UnsafeBufferPointer(start: scratch.text.bytes, count: scratch.text.count))
        }
    }

    /// Moves the bytes of a run of byte pieces, with U+FFFD for each that is no part of a character.
    private static func appendCharacters(_ run: inout [UInt8], to text: inout [UInt8]) {
        guard !run.isEmpty else { return }
        run.withUnsafeBufferPointer { bytes in
            guard let base = bytes.baseAddress else { return }
            var position = 0
            while position < bytes.count {
                let step = UTF8Validation.decode(base, at: position, end: bytes.count)
                if step.isInvalid {
                    text += [0xEF, 0xBF, 0xBD]
                    position += 1
                } else {
                    text += bytes[position..<position + step.count]
                    position += step.count
                }
            }
        }
        run.removeAll(keepingCapacity: true)
    }
}

/// The pieces of a file, checked as SentencePiece checks them.
struct SentencePieceVocabulary {
    var ids: [[UInt8]: Int32] = [:]
    /// Control, unknown and byte pieces.
    var special: [[UInt8]: Int32] = [:]
    /// What pieces are when they are looked up by their text, as decoding does.
    var kinds: [SentencePieceFile.Kind]
    var unknown: Int32 = -1
    var byteIDs: [Int32]?
    /// The user-defined pieces.
    var symbols: PieceTrie?

    init(_ file: SentencePieceFile) throws(FileFormatError) {
        kinds = file.pieces.map(\.kind)
        var bytes = [Int32](repeating: -1, count: 256)
        var userDefined: [(bytes: ArraySlice<UInt8>, value: Int32)] = []
        ids.reserveCapacity(file.pieces.count)
        for (index, piece) in file.pieces.enumerated() {
            func wrong(_ code: FileFormatError.Code, _ message: String) -> FileFormatError {
                FileFormatError(code, at: .key("pieces[\(index)]"), message)
            }
            guard !piece.bytes.isEmpty else { throw wrong(.malformed, "the piece is empty") }
            let id = Int32(index)
            let isSpecial = piece.kind == .control || piece.kind == .unknown || piece.kind == .byte
            let taken =
                isSpecial
                ? special.updateValue(id, forKey: piece.bytes) : ids.updateValue(id, forKey: piece.bytes)
            guard taken == nil else { throw wrong(.duplicate, "'\(piece.text)' occurs twice") }
            switch piece.kind {
            case .unknown:
                guard unknown < 0 else { throw wrong(.duplicate, "a second unknown piece; one is right") }
                unknown = id
            case .byte:
                guard file.trainer.byteFallback, let byte = Self.byte(piece.bytes) else {
                    throw wrong(.malformed, "'\(piece.text)' is no byte piece of a model with byte_fallback")
                }
                bytes[Int(byte)] = id
            case .userDefined: userDefined.append((piece.bytes[...], id))
            case .normal, .unused, .control: break
            }
        }
        guard unknown >= 0 else { throw FileFormatError(.missing, "no unknown piece; one is right") }
        if file.trainer.byteFallback {
            guard !bytes.contains(-1) else {
                throw FileFormatError(.missing, "byte_fallback without all 256 byte pieces")
            }
            byteIDs = bytes
        }
        for (piece, id) in special {
            if let other = ids.updateValue(id, forKey: piece) { kinds[Int(other)] = kinds[Int(id)] }
        }
        if !userDefined.isEmpty {
            userDefined.sort { $0.bytes.lexicographicallyPrecedes($1.bytes) }
            symbols = PieceTrie(sorted: userDefined)
        }
    }

    /// The byte that a piece such as "<0x41>" stands for.
    static func byte(_ piece: [UInt8]) -> UInt8? {
        guard piece.count == 6, piece.starts(with: "<0x".utf8), piece[5] == UInt8(ascii: ">") else {
            return nil
        }
        func digit(_ byte: UInt8) -> UInt8? {
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
            case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
            default: nil
            }
        }
        guard let high = digit(piece[3]), let low = digit(piece[4]) else { return nil }
        return high << 4 | low
    }

    /// The control pieces and the unknown piece with their roles.
    func addedTokens(_ file: SentencePieceFile) -> AddedTokens {
        let special = file.pieces.indices.filter { file.pieces[$0].kind == .control || $0 == Int(unknown) }
        var added = AddedTokens(special.map { AddedToken(file.pieces[$0].text, id: Int32($0)) })
        func role(_ piece: String) -> Int32? {
            guard let id = ids[Array(piece.utf8)], file.pieces[Int(id)].kind == .control else { return nil }
            return id
        }
        added.unknown = unknown
        added.beginningOfText = role(file.trainer.beginPiece)
        added.endOfText = role(file.trainer.endPiece)
        added.padding = role(file.trainer.paddingPiece)
        return added
    }
}
