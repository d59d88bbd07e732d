import YuyanFileFormats

/// How many bytes a token takes in a shard.
public enum TokenWidth: String, Sendable, CaseIterable, Codable {
    /// Two bytes, for vocabularies of at most 65,535 entries.
    case uint16
    /// Four bytes.
    case uint32

    /// The width that a vocabulary needs.
    ///
    /// - Parameter vocabularySize: the number of entries V.
    public init(vocabularySize: Int) { self = vocabularySize > 65_535 ? .uint32 : .uint16 }

    /// The number of bytes.
    public var byteCount: Int { self == .uint16 ? 2 : 4 }
}

/// A file of tokens, mapped into memory: little-endian numbers and nothing else, as nanoGPT's `.bin`.
///
/// Beside it an index file may say where documents begin: little-endian 64-bit offsets counted in tokens, one for
/// each document and the total at the end.
public final class TokenShard: Sendable {
    /// The file.
    public let path: String
    /// The bytes of one token.
    public let width: TokenWidth
    /// The number of tokens.
    public let count: Int
    /// The number of documents; 1 without an index (0 when there are no tokens).
    public let documentCount: Int

    private let tokens: MappedFile
    private let index: MappedFile?

    /// Opens a shard and checks its index.
    ///
    /// - Parameters:
    ///   - path: the file of tokens.
    ///   - width: the bytes of one token.
    ///   - indexPath: the file of document offsets; nil takes everything as one document.
    /// - Throws: `FileFormatError` when a file cannot be read, has a size that is no multiple of its numbers', or
    ///   the offsets do not rise from 0 to the number of tokens.
    public init(path: String, width: TokenWidth, indexPath: String? = nil) throws {
        self.path = path
        self.width = width
        tokens = try MappedFile(path: path)
        guard tokens.count.isMultiple(of: width.byteCount) else {
            throw FileFormatError(
                .malformed,
                path: path,
                "\(tokens.count) bytes are no whole number of \(width.rawValue) tokens; the file was cut short"
            )
        }
        count = tokens.count / width.byteCount
        guard let indexPath else {
            index = nil
            documentCount = count > 0 ? 1 : 0
            return
        }
        let offsets = try MappedFile(path: indexPath)
        index = offsets
        documentCount = max(offsets.count / 8 - 1, 0)
        try Self.check(offsets, tokenCount: count)
    }

    private static func check(_ offsets: MappedFile, tokenCount: Int) throws {
        guard offsets.count >= 8, offsets.count.isMultiple(of: 8) else {
            throw FileFormatError(
                .malformed,
                path: offsets.path,
                "\(offsets.count) bytes are no list of 64-bit offsets with at least one entry"
            )
        }
        let entries = offsets.count / 8
        var previous: UInt64 = 0
        for entry in 0..<entries {
            let value = offsets.number(UInt64.self, at: entry)
            let isRight = entry == 0 ? value == 0 : value > previous
            guard isRight, value <= UInt64(tokenCount) else {
                throw FileFormatError(
                    .malformed,
                    path: offsets.path,
                    at: .offset(entry * 8),
                    "offset \(value) after \(previous): offsets must rise from 0 to the \(tokenCount) tokens"
                )
            }
            previous = value
        }
        guard previous == UInt64(tokenCount) else {
            throw FileFormatError(
                .mismatch,
                path: offsets.path,
                at: .offset((entries - 1) * 8),
                "the last offset is \(previous), but there are \(tokenCount) tokens"
            )
        }
    }

    /// Copies tokens.
    ///
    /// Traps when the range leaves the shard or does not fit the target.
    ///
    /// - Parameters:
    ///   - range: positions of tokens.
    ///   - target: room for as many tokens.
    public func copy(_ range: Range<Int>, to target: UnsafeMutableBufferPointer<Int32>) {
        require(
            range.lowerBound >= 0 && range.upperBound <= count && target.count >= range.count,
            "TokenShard: tokens \(range) of \(count) into room for \(target.count)"
        )
        let size = width.byteCount
        tokens.withBytes(in: range.lowerBound * size..<range.upperBound * size) { bytes in
            switch width {
            case .uint16:
                for place in 0..<range.count {
                    let token = bytes.loadUnaligned(fromByteOffset: place * 2, as: UInt16.self)
                    target[place] = Int32(UInt16(littleEndian: token))
                }
            case .uint32:
                for place in 0..<range.count {
                    let token = bytes.loadUnaligned(fromByteOffset: place * 4, as: UInt32.self)
                    target[place] = Int32(bitPattern: UInt32(littleEndian: token))
                }
            }
        }
    }

    /// Returns a copy of some tokens.
    ///
    /// Traps when the range leaves the shard.
    ///
    /// - Parameter range: positions of tokens.
    public subscript(range: Range<Int>) -> [Int32] {
        [Int32](unsafeUninitializedCapacity: range.count) { buffer, filled in
            copy(range, to: buffer)
            filled = range.count
        }
    }

    /// Returns where a document lies.
    ///
    /// Traps when `document` lies outside 0 ..< documentCount.
    ///
    /// - Parameter document: its number.
    /// - Returns: the positions of its tokens.
    public func range(ofDocument document: Int) -> Range<Int> {
        require(
            (0..<documentCount).contains(document),
            "TokenShard: document \(document) lies outside 0 ..< \(documentCount)"
        )
        guard let index else { return 0..<count }
        return Int(index.number(UInt64.self, at: document))..<Int(index.number(UInt64.self, at: document + 1))
    }

    /// Returns the number of the first document that begins at or after a position.
    ///
    /// - Parameter position: a position of a token.
    /// - Returns: the document's number; `documentCount` when none begins there or later.
    public func firstDocument(from position: Int) -> Int {
        if position <= 0 { return 0 }
        guard let index else { return documentCount }
        var (low, high) = (0, documentCount)
        while low < high {
            let middle = (low + high) / 2
            if Int(index.number(UInt64.self, at: middle)) < position {
                low = middle + 1
            } else {
                high = middle
            }
        }
        return low
    }

    /// Checks that every token belongs to a vocabulary, so that no table is read beyond its end.
    ///
    /// - Parameter vocabularySize: the number of entries V.
    /// - Throws: `FileFormatError` naming the first token that is V or larger.
    public func checkTokens(below vocabularySize: Int) throws {
        var buffer = [Int32](repeating: 0, count: 1 << 16)
        var start = 0
        while start < count {
            let range = start..<min(start + buffer.count, count)
            buffer.withUnsafeMutableBufferPointer { copy(range, to: $0) }
            for place in 0..<range.count where buffer[place] < 0 || Int(buffer[place]) >= vocabularySize {
                throw FileFormatError(
                    .mismatch,
                    path: path,
                    at: .offset((start + place) * width.byteCount),
                    "token \(UInt32(bitPattern: buffer[place])) is outside a vocabulary of \(vocabularySize); "
                        + "was the shard made with another tokenizer or another width?"
                )
            }
            start = range.upperBound
        }
    }
}

extension MappedFile {
    /// Reads the little-endian number at a place of a file that is a list of such numbers.
    func number<Number: FixedWidthInteger>(_ type: Number.Type, at place: Int) -> Number {
        let size = MemoryLayout<Number>.size
        return withBytes(in: place * size..<(place + 1) * size) { bytes in
            Number(littleEndian: bytes.loadUnaligned(as: Number.self))
        }
    }
}
