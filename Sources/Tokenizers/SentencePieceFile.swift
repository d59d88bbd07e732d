import YuyanFileFormats

/// The content of a SentencePiece `.model` file (`tokenizer.model`, `spiece.model`): pieces, how they were trained, how text
/// is normalised.
///
/// The layout is that of `sentencepiece_model.proto`. Fields that mean nothing here (and those of later versions) are kept
/// as they stand and written back.
public struct SentencePieceFile: Sendable, Hashable {
    /// What a piece is.
    public enum Kind: Int, Sendable, Hashable {
        /// A piece of text.
        case normal = 1
        /// What stands for text that no piece covers.
        case unknown = 2
        /// A symbol that never comes from text, such as `<s>`.
        case control = 3
        /// A piece that is always kept whole.
        case userDefined = 4
        /// A piece that is not used.
        case unused = 5
        /// One byte, `<0x00>` to `<0xFF>`, of text that no piece covers.
        case byte = 6
    }

    /// A piece.
    public struct Piece: Sendable, Hashable {
        /// The text, usually UTF-8; the white space in it is U+2581.
        public var bytes: [UInt8]
        /// The log probability (unigram) or minus the rank of the merge (BPE).
        public var score: Float
        /// What the piece is.
        public var kind: Kind

        /// A piece.
        ///
        /// - Parameters:
        ///   - bytes: The text.
        ///   - score: The log probability or minus the rank of the merge.
        ///   - kind: What the piece is.
        public init(_ bytes: [UInt8], score: Float, kind: Kind = .normal) {
            (self.bytes, self.score, self.kind) = (bytes, score, kind)
        }

        /// The text; U+FFFD for what is ill-formed.
        public var text: String { String(decoding: bytes, as: UTF8.self) }
    }

    /// How pieces are found in text.
    public enum ModelType: Int, Sendable, Hashable {
        /// The most probable segmentation.
        case unigram = 1
        /// Merges, best first.
        case bpe = 2
        /// Whole words.
        case word = 3
        /// Single characters.
        case char = 4
    }

    /// The members of `TrainerSpec` that decide how text is encoded and decoded, and those that name special pieces.
    public struct TrainerSpec: Sendable, Hashable {
        /// How pieces are found in text.
        public var modelType = ModelType.unigram
        /// The number of pieces.
        public var vocabularySize = 8000
        /// Whether text that no piece covers becomes bytes.
        public var byteFallback = false
        /// Whether white space belongs to the end of a word instead of its beginning.
        public var treatsWhitespaceAsSuffix = false
        /// What the unknown piece decodes to; nil for " ⁇ ".
        public var unknownSurface: String?
        /// The spelling of the unknown piece.
        public var unknownPiece = "<unk>"
        /// The spelling of the piece that begins a text.
        public var beginPiece = "<s>"
        /// The spelling of the piece that ends a text.
        public var endPiece = "</s>"
        /// The spelling of the piece that fills batches.
        public var paddingPiece = "<pad>"
        /// The id of the unknown piece.
        public var unknownID = 0
        /// The id of the piece that begins a text; negative for none.
        public var beginID = 1
        /// The id of the piece that ends a text; negative for none.
        public var endID = 2
        /// The id of the piece that fills batches; negative for none.
        public var paddingID = -1
        /// The other fields, as they stand in the file.
        public var otherFields: [UInt8] = []

        /// The defaults of SentencePiece.
        public init() {}
    }

    /// The members of `NormalizerSpec`.
    public struct NormalizerSpec: Sendable, Hashable {
        /// The name of the rules, such as `nmt_nfkc`.
        public var name = ""
        /// The rules: a double array and the strings that it points to; empty for none.
        public var precompiledCharsmap: [UInt8] = []
        /// Whether white space is put before a text.
        public var addsDummyPrefix = true
        /// Whether white space at both ends goes and runs of it become one.
        public var removesExtraWhitespace = true
        /// Whether white space becomes U+2581.
        public var escapesWhitespace = true
        /// The other fields, as they stand in the file.
        public var otherFields: [UInt8] = []

        /// The defaults of SentencePiece.
        public init() {}
    }

    /// The largest file read, in bytes.
    public static let largestFile = 1 << 28
    /// The most pieces read.
    public static let mostPieces = 1 << 22
    /// The longest piece read, in bytes.
    public static let longestPiece = 8192

    /// The pieces by id.
    public var pieces: [Piece] = []
    /// How the pieces were trained.
    public var trainer = TrainerSpec()
    /// How text is normalised.
    public var normalizer = NormalizerSpec()
    /// How decoded text is changed, if at all.
    public var denormalizer: NormalizerSpec?
    /// The other fields, as they stand in the file.
    public var otherFields: [UInt8] = []

    /// A file without pieces and with the defaults of SentencePiece.
    public init() {}

    /// Reads a file.
    ///
    /// - Parameter path: The file.
    /// - Throws: `FileFormatError` with the offset of what is wrong.
    public init(contentsOf path: String) throws(FileFormatError) {
        try self.init(bytes: SafeFile.read(path, limit: Self.largestFile), path: path)
    }

    /// Reads the content of a file.
    ///
    /// - Parameters:
    ///   - bytes: The content.
    ///   - path: The file's name, for errors.
    /// - Throws: `FileFormatError` with the offset of what is wrong.
    public init(bytes: [UInt8], path: String? = nil) throws(FileFormatError) {
        guard bytes.count <= Self.largestFile else {
            throw FileFormatError(
                .limitExceeded,
                path: path,
                "\(bytes.count) bytes; at most \(Self.largestFile) are read here"
            )
        }
        let result = bytes.withUnsafeBytes { raw -> Result<SentencePieceFile, FileFormatError> in
            Result { () throws(FileFormatError) in try Self.parse(raw, path) }
        }
        self = try result.get()
    }

    private static func parse(_ raw: UnsafeRawBufferPointer, _ path: String?) throws(FileFormatError) -> Self
    {
        var file = SentencePieceFile()
        var reader = ProtobufReader(raw, in: 0..<raw.count, path: path)
        while let field = try reader.next() {
            switch field.number {
            case 1:
                guard file.pieces.count < mostPieces else {
                    throw reader.error(
                        .limitExceeded,
                        field.range.lowerBound,
                        "more than \(mostPieces) pieces"
                    )
                }
                file.pieces.append(try piece(reader, try reader.bytes(field)))
            case 2: try file.trainer.merge(reader, try reader.bytes(field))
            case 3: try file.normalizer.merge(reader, try reader.bytes(field))
            case 5:
                var spec = file.denormalizer ?? NormalizerSpec()
                try spec.merge(reader, try reader.bytes(field))
                file.denormalizer = spec
            default: file.otherFields += raw[field.range]
            }
        }
        return file
    }

    private static func piece(_ outer: ProtobufReader, _ range: Range<Int>) throws(FileFormatError) -> Piece {
        var piece = Piece([], score: 0)
        var reader = ProtobufReader(outer.bytes, in: range, path: outer.path)
        while let field = try reader.next() {
            switch field.number {
            case 1:
                let text = try reader.bytes(field)
                guard text.count <= longestPiece else {
                    throw reader.error(
                        .limitExceeded,
                        field.range.lowerBound,
                        "a piece of \(text.count) bytes; at most \(longestPiece) are read here"
                    )
                }
                piece.bytes = Array(reader.bytes[text])
            case 2: piece.score = try reader.float(field)
            case 3: piece.kind = Kind(rawValue: try reader.integer(field)) ?? .normal
            default: break
            }
        }
        guard piece.score.magnitude <= UnigramModel.largestScore else {
            throw reader.error(
                .malformed,
                range.lowerBound,
                "the score \(piece.score) is not between -\(UnigramModel.largestScore) and \(UnigramModel.largestScore)"
            )
        }
        return piece
    }

    /// The content of the file.
    ///
    /// - Returns: Bytes that `init(bytes:path:)` and SentencePiece read.
    public func serialized() -> [UInt8] {
        var writer = ProtobufWriter()
        for piece in pieces {
            var inner = ProtobufWriter()
            inner.append(1, bytes: piece.bytes)
            inner.append(2, float: piece.score)
            if piece.kind != .normal { inner.append(3, integer: piece.kind.rawValue) }
            writer.append(1, bytes: inner.bytes)
        }
        writer.append(2, bytes: trainer.serialized())
        writer.append(3, bytes: normalizer.serialized())
        if let denormalizer { writer.append(5, bytes: denormalizer.serialized()) }
        writer.append(raw: otherFields)
        return writer.bytes
    }

    /// Writes the file so that a crash leaves the old content or the new one.
    ///
    /// - Parameter path: The file to make or replace.
    /// - Throws: `FileFormatError` when the disk refuses.
    public func write(to path: String) throws(FileFormatError) {
        try SafeFile.write(serialized(), to: path)
    }
}

extension SentencePieceFile.TrainerSpec {
    fileprivate mutating func merge(
        _ outer: ProtobufReader,
        _ range: Range<Int>
    ) throws(FileFormatError) {
        var reader = ProtobufReader(outer.bytes, in: range, path: outer.path)
        while let field = try reader.next() {
            switch field.number {
            case 3:
                let value = try reader.integer(field)
                guard let type = SentencePieceFile.ModelType(rawValue: value) else {
                    throw reader.error(
                        .unsupported,
                        field.range.lowerBound,
                        "model type \(value); 1 (unigram), 2 (bpe), 3 (word) and 4 (char) are known"
                    )
                }
                modelType = type
            case 4: vocabularySize = try reader.integer(field)
            case 24: treatsWhitespaceAsSuffix = try reader.bool(field)
            case 35: byteFallback = try reader.bool(field)
            case 40: unknownID = try reader.integer(field)
            case 41: beginID = try reader.integer(field)
            case 42: endID = try reader.integer(field)
            case 43: paddingID = try reader.integer(field)
            case 44: unknownSurface = try reader.string(field)
            case 45: unknownPiece = try reader.string(field)
            case 46: beginPiece = try reader.string(field)
            case 47: endPiece = try reader.string(field)
            case 48: paddingPiece = try reader.string(field)
            default: otherFields += reader.bytes[field.range]
            }
        }
    }

    fileprivate func serialized() -> [UInt8] {
        var writer = ProtobufWriter()
        writer.append(3, integer: modelType.rawValue)
        writer.append(4, integer: vocabularySize)
        writer.append(24, bool: treatsWhitespaceAsSuffix)
        writer.append(35, bool: byteFallback)
        writer.append(40, integer: unknownID)
        writer.append(41, integer: beginID)
        writer.append(42, integer: endID)
        writer.append(43, integer: paddingID)
        if let unknownSurface { writer.append(44, string: unknownSurface) }
        writer.append(45, string: unknownPiece)
        writer.append(46, string: beginPiece)
        writer.append(47, string: endPiece)
        writer.append(48, string: paddingPiece)
        writer.append(raw: otherFields)
        return writer.bytes
    }
}

extension SentencePieceFile.NormalizerSpec {
    fileprivate mutating func merge(
        _ outer: ProtobufReader,
        _ range: Range<Int>
    ) throws(FileFormatError) {
        var reader = ProtobufReader(outer.bytes, in: range, path: outer.path)
        while let field = try reader.next() {
            switch field.number {
            case 1: name = try reader.string(field)
            case 2: precompiledCharsmap = try reader.array(field)
            case 3: addsDummyPrefix = try reader.bool(field)
            case 4: removesExtraWhitespace = try reader.bool(field)
            case 5: escapesWhitespace = try reader.bool(field)
            default: otherFields += reader.bytes[field.range]
            }
        }
    }

    fileprivate func serialized() -> [UInt8] {
        var writer = ProtobufWriter()
        writer.append(1, string: name)
        writer.append(2, bytes: precompiledCharsmap)
        writer.append(3, bool: addsDummyPrefix)
        writer.append(4, bool: removesExtraWhitespace)
        writer.append(5, bool: escapesWhitespace)
        writer.append(raw: otherFields)
        return writer.bytes
    }
}
