/// The kinds of model file of this module.
enum ModelKind: UInt32 {
    /// A part-of-speech tagger.
    case tagger = 1
    /// A character model of word boundaries.
    case segmenter = 2
}

/// Writes a model file: magic, version, kind, the content and a fingerprint of all of it, little-endian.
struct ModelWriter {
    static let magic: [UInt8] = Array("YUYANSEG".utf8)
    static let version: UInt32 = 1

    private(set) var bytes: [UInt8]

    init(kind: ModelKind) {
        bytes = Self.magic
        write(Self.version)
        write(kind.rawValue)
    }

    mutating func write<Number: FixedWidthInteger>(_ number: Number) {
        withUnsafeBytes(of: number.littleEndian) { bytes.append(contentsOf: $0) }
    }

    mutating func write(_ text: String) {
        write(UInt32(text.utf8.count))
        bytes.append(contentsOf: text.utf8)
    }

    mutating func write<Number: FixedWidthInteger>(_ numbers: [Number]) {
        write(UInt32(numbers.count))
        bytes.reserveCapacity(bytes.count + numbers.count * MemoryLayout<Number>.size)
        for number in numbers { write(number) }
    }

    /// The whole file.
    func finished() -> [UInt8] {
        var file = self
        let print = bytes.withUnsafeBytes { TextFingerprint(bytes: $0) }
        file.write(print.high)
        file.write(print.low)
        return file.bytes
    }
}

/// Reads a model file; every count is held against the bytes that are left before it is believed.
struct ModelReader {
    private let bytes: [UInt8]
    private let end: Int
    private var offset = 0

    /// Checks magic, version, kind and fingerprint.
    init(_ bytes: [UInt8], kind: ModelKind) throws(SegmentationError) {
        (self.bytes, end) = (bytes, bytes.count - 16)
        guard bytes.count >= ModelWriter.magic.count + 24 else {
            throw SegmentationError(.truncated, "\(bytes.count) bytes are too few for a segmentation model")
        }
        guard bytes.starts(with: ModelWriter.magic) else {
            throw SegmentationError(.malformed, at: "byte 0", "this is no segmentation model of Yuyan")
        }
        offset = ModelWriter.magic.count
        let version: UInt32 = try number()
        guard version == ModelWriter.version else {
            throw SegmentationError(
                .unsupported,
                at: "byte 8",
                "version \(version) of the format; \(ModelWriter.version) is read: train the model again"
            )
        }
        let found: UInt32 = try number()
        guard found == kind.rawValue else {
            let name = ModelKind(rawValue: found).map { "a \($0)" } ?? "kind \(found)"
            throw SegmentationError(.unsupported, at: "byte 12", "the file holds \(name), not a \(kind)")
        }
        let print = bytes.withUnsafeBytes {
            TextFingerprint(bytes: UnsafeRawBufferPointer(rebasing: $0[..<end]))
        }
        var tail = self
        tail.offset = end
        let (high, low) = (tail.unchecked(UInt64.self), tail.unchecked(UInt64.self))
        guard print == TextFingerprint(high: high, low: low) else {
            throw SegmentationError(.malformed, "the file is damaged: its content is not what was written")
        }
    }

    /// The bytes that are left.
    var remaining: Int { end - offset }

    /// The place reached, for errors.
    var place: String { "byte \(offset)" }

    mutating func number<Number: FixedWidthInteger>(
        _ type: Number.Type = Number.self
    ) throws(SegmentationError) -> Number {
        guard remaining >= MemoryLayout<Number>.size else {
            throw SegmentationError(.truncated, at: place, "the file ends in the middle of a number")
        }
        return unchecked(type)
    }

    /// A list of at most `limit` numbers.
    mutating func list<Number: FixedWidthInteger>(
        _ type: Number.Type = Number.self,
        limit: Int = Int(UInt32.max)
    ) throws(SegmentationError) -> [Number] {
        let count = Int(try number(UInt32.self))
        guard count <= limit else {
            throw SegmentationError(.limitExceeded, at: place, "\(count) entries; at most \(limit) fit here")
        }
        guard count <= remaining / MemoryLayout<Number>.size else {
            throw SegmentationError(
                .truncated,
                at: place,
                "\(count) entries are announced, the file ends before"
            )
        }
        return (0..<count).map { _ in unchecked(type) }
    }

    /// A text of at most `limit` bytes.
    mutating func text(limit: Int = 1 << 16) throws(SegmentationError) -> String {
        let raw: [UInt8] = try list(limit: limit)
        guard let text = String(validating: raw, as: UTF8.self) else {
            throw SegmentationError(.malformed, at: place, "a name is not valid UTF-8")
        }
        return text
    }

    /// Checks that nothing is left over.
    func finish() throws(SegmentationError) {
        guard remaining == 0 else {
            throw SegmentationError(.malformed, at: place, "\(remaining) bytes are left over")
        }
    }

    private mutating func unchecked<Number: FixedWidthInteger>(_ type: Number.Type) -> Number {
        let at = offset
        offset += MemoryLayout<Number>.size
        return bytes.withUnsafeBytes { Number(littleEndian: $0.loadUnaligned(fromByteOffset: at, as: type)) }
    }
}
