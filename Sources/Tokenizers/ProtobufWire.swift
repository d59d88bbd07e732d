import YuyanFileFormats

/// Reads the wire format of Protocol Buffers field by field, as https://protobuf.dev/programming-guides/encoding describes.
///
/// Nothing is copied, and no count in the data decides how much memory is taken.
struct ProtobufReader {
    /// The value of a field.
    enum Value {
        case varint(UInt64)
        case fixed32(UInt32)
        case fixed64(UInt64)
        case bytes(Range<Int>)
    }

    /// A field: its number, its value, and where it stands, tag included.
    struct Field {
        let number: Int
        let value: Value
        let range: Range<Int>
    }

    let bytes: UnsafeRawBufferPointer
    let path: String?
    private(set) var position: Int
    private let end: Int

    init(_ bytes: UnsafeRawBufferPointer, in range: Range<Int>, path: String?) {
        self.bytes = bytes
        self.path = path
        position = range.lowerBound
        end = range.upperBound
    }

    /// The next field; nil at the end of the message.
    mutating func next() throws(FileFormatError) -> Field? {
        guard position < end else { return nil }
        let start = position
        let tag = try varint()
        let number = Int(truncatingIfNeeded: tag >> 3)
        guard tag >> 3 > 0, tag >> 3 < 1 << 29 else {
            throw error(.malformed, start, "the field number \(tag >> 3) is not between 1 and 536870911")
        }
        let value: Value
        switch tag & 7 {
        case 0: value = .varint(try varint())
        case 1: value = .fixed64(try fixed(8))
        case 2:
            let count = try varint()
            guard count <= UInt64(end - position) else {
                throw error(
                    .truncated,
                    start,
                    "field \(number) announces \(count) bytes; \(end - position) are left"
                )
            }
            value = .bytes(position..<position + Int(count))
            position += Int(count)
        case 5: value = .fixed32(UInt32(truncatingIfNeeded: try fixed(4)))
        default:
            throw error(
                .unsupported,
                start,
                "field \(number) has the wire type \(tag & 7); 0, 1, 2 and 5 are read"
            )
        }
        return Field(number: number, value: value, range: start..<position)
    }

    private mutating func varint() throws(FileFormatError) -> UInt64 {
        let start = position
        var value: UInt64 = 0
        var shift: UInt64 = 0
        while position < end, shift < 64 {
            let byte = bytes[position]
            position += 1
            value |= UInt64(byte & 0x7F) << shift
            if byte < 0x80 { return value }
            shift += 7
        }
        if shift >= 64 { throw error(.malformed, start, "a number of more than ten bytes") }
        throw error(.truncated, start, "the message ends inside a number")
    }

    private mutating func fixed(_ count: Int) throws(FileFormatError) -> UInt64 {
        guard end - position >= count else {
            throw error(.truncated, position, "the message ends inside a number of \(count) bytes")
        }
        var value: UInt64 = 0
        for index in 0..<count { value |= UInt64(bytes[position + index]) << UInt64(8 * index) }
        position += count
        return value
    }

    func error(_ code: FileFormatError.Code, _ offset: Int, _ message: String) -> FileFormatError {
        FileFormatError(code, path: path, at: .offset(offset), message)
    }

    // The accessors below throw when a field has another wire type than its definition says.

    func bytes(_ field: Field) throws(FileFormatError) -> Range<Int> {
        if case .bytes(let range) = field.value { return range }
        throw error(.malformed, field.range.lowerBound, "field \(field.number) should hold bytes")
    }

    func array(_ field: Field) throws(FileFormatError) -> [UInt8] { Array(bytes[try bytes(field)]) }

    func string(_ field: Field) throws(FileFormatError) -> String {
        String(decoding: bytes[try bytes(field)], as: UTF8.self)
    }

    func integer(_ field: Field) throws(FileFormatError) -> Int {
        if case .varint(let value) = field.value { return Int(truncatingIfNeeded: Int64(bitPattern: value)) }
        throw error(.malformed, field.range.lowerBound, "field \(field.number) should hold a whole number")
    }

    func bool(_ field: Field) throws(FileFormatError) -> Bool { try integer(field) != 0 }

    func float(_ field: Field) throws(FileFormatError) -> Float {
        if case .fixed32(let value) = field.value { return Float(bitPattern: value) }
        throw error(
            .malformed,
            field.range.lowerBound,
            "field \(field.number) should hold a number of 32 bits"
        )
    }
}

/// Writes the wire format of Protocol Buffers.
struct ProtobufWriter {
    private(set) var bytes: [UInt8] = []

    mutating func append(raw: [UInt8]) { bytes += raw }

    mutating func append(_ number: Int, integer: Int) {
        varint(UInt64(number) << 3)
        varint(UInt64(bitPattern: Int64(integer)))
    }

    mutating func append(_ number: Int, bool: Bool) { append(number, integer: bool ? 1 : 0) }

    mutating func append(_ number: Int, float: Float) {
        varint(UInt64(number) << 3 | 5)
        for shift in stride(from: UInt32(0), to: 32, by: 8) {
            bytes.append(UInt8(truncatingIfNeeded: float.bitPattern >> shift))
        }
    }

    mutating func append(_ number: Int, bytes content: [UInt8]) {
        varint(UInt64(number) << 3 | 2)
        varint(UInt64(content.count))
        bytes += content
    }

    mutating func append(_ number: Int, string: String) { append(number, bytes: Array(string.utf8)) }

    private mutating func varint(_ value: UInt64) {
        var value = value
        while value >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: value) | 0x80)
            value >>= 7
        }
        bytes.append(UInt8(value))
    }
}
