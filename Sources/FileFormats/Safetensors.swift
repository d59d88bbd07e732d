/// The element types a safetensors file may hold here.
public enum SafetensorsDType: String, Sendable, Hashable, CaseIterable {
    /// 64-bit floating point.
    case f64 = "F64"
    /// 32-bit floating point.
    case f32 = "F32"
    /// IEEE half precision.
    case f16 = "F16"
    /// bfloat16.
    case bf16 = "BF16"
    /// Signed 64-bit integer.
    case i64 = "I64"
    /// Signed 32-bit integer.
    case i32 = "I32"
    /// Signed 16-bit integer.
    case i16 = "I16"
    /// Signed 8-bit integer.
    case i8 = "I8"
    /// Unsigned 64-bit integer.
    case u64 = "U64"
    /// Unsigned 32-bit integer.
    case u32 = "U32"
    /// Unsigned 16-bit integer.
    case u16 = "U16"
    /// Unsigned 8-bit integer.
    case u8 = "U8"
    /// One byte per truth value, 0 or 1.
    case bool = "BOOL"

    /// The size of one element in bytes.
    public var byteCount: Int {
        switch self {
        case .f64, .i64, .u64: 8
        case .f32, .i32, .u32: 4
        case .f16, .bf16, .i16, .u16: 2
        case .i8, .u8, .bool: 1
        }
    }

    /// The place among types in a file laid out by this module: wider elements come first, so that every tensor is
    /// aligned to its element.
    var layoutRank: Int {
        let order: [SafetensorsDType] = [
            .u64, .i64, .f64, .f32, .u32, .i32, .bf16, .f16, .u16, .i16, .i8, .u8, .bool,
        ]
        return order.firstIndex(of: self) ?? order.count
    }
}

/// What a safetensors file says about one tensor.
public struct SafetensorsEntry: Sendable, Hashable {
    /// The element type.
    public let dtype: SafetensorsDType
    /// The sizes of the axes, row-major; empty for a scalar.
    public let shape: [Int]
    /// The tensor's bytes, as offsets from the beginning of the file.
    public let byteRange: Range<Int>

    /// The number of elements.
    public var elementCount: Int { byteRange.count / dtype.byteCount }
}

/// A safetensors file, mapped into memory; tensors are read when touched.
///
/// The reader is strict: the header is at most 100 MB and a JSON object without duplicate keys, every shape times its
/// element size is computed without overflow and equals its range, and the ranges tile the data exactly.
public final class SafetensorsFile: Sendable {
    /// The longest header accepted, in bytes.
    public static let maximumHeaderLength = 100_000_000

    /// The file.
    public let path: String
    /// The tensors by name.
    public let tensors: [String: SafetensorsEntry]
    /// The tensors' names in the order of their data.
    public let names: [String]
    /// The free-form `__metadata__`.
    public let metadata: [String: String]
    private let file: MappedFile

    /// Opens a file and checks its header.
    ///
    /// - Parameter path: The file.
    /// - Throws: `FileFormatError` with the path and the tensor's name or byte offset.
    public init(path: String) throws(FileFormatError) {
        let file = try MappedFile(path: path)
        let header = try SafetensorsHeader(file: file)
        self.file = file
        self.path = path
        tensors = header.tensors
        names = header.names
        metadata = header.metadata
    }

    /// The entry of a tensor that must be there.
    ///
    /// - Parameter name: The tensor's name.
    /// - Returns: Its entry.
    /// - Throws: `FileFormatError` when the file has no such tensor.
    public func entry(_ name: String) throws(FileFormatError) -> SafetensorsEntry {
        guard let entry = tensors[name] else {
            throw FileFormatError(
                .missing,
                path: path,
                at: .key(name),
                "no tensor of this name; the file has \(names.count)"
            )
        }
        return entry
    }

    /// Checks that a tensor is there and has a shape.
    ///
    /// - Parameters:
    ///   - shape: The shape that it must have.
    ///   - name: The tensor's name.
    ///   - makers: What that shape follows from, for the error.
    /// - Throws: `FileFormatError` when the tensor is missing or has another shape.
    package func expect(_ shape: [Int], of name: String, from makers: String) throws(FileFormatError) {
        let entry = try entry(name)
        guard entry.shape == shape else {
            throw FileFormatError(
                .mismatch,
                path: path,
                at: .key(name),
                "has the shape \(entry.shape); \(makers) make \(shape)"
            )
        }
    }

    /// Lends the bytes of a tensor, little-endian, row-major.
    ///
    /// The address has no promised alignment.
    ///
    /// - Parameters:
    ///   - name: The tensor's name.
    ///   - body: Reads the bytes, which stay where they are as long as the file object lives.
    /// - Returns: What `body` returns.
    /// - Throws: `FileFormatError` when the file has no such tensor, and what `body` throws.
    public func withBytes<Result>(
        of name: String,
        _ body: (UnsafeRawBufferPointer) throws -> Result
    ) throws -> Result {
        try file.withBytes(in: try entry(name).byteRange, body)
    }

    /// A copy of a tensor's elements.
    ///
    /// - Parameters:
    ///   - name: The tensor's name.
    ///   - dtype: The element type the tensor must have.
    ///   - type: A type of the same size, such as `Float.self` for `f32`.
    /// - Returns: The elements, row-major.
    /// - Throws: `FileFormatError` when the tensor is missing or has another element type.
    public func elements<Element: BitwiseCopyable>(
        of name: String,
        dtype: SafetensorsDType,
        as type: Element.Type
    ) throws -> [Element] {
        let entry = try entry(name)
        guard entry.dtype == dtype, MemoryLayout<Element>.stride == dtype.byteCount else {
            throw FileFormatError(
                .mismatch,
                path: path,
                at: .key(name),
                "holds \(entry.dtype.rawValue), asked for \(dtype.rawValue) as \(Element.self)"
            )
        }
        return file.withBytes(in: entry.byteRange) { bytes in
            [Element](unsafeUninitializedCapacity: entry.elementCount) { buffer, count in
                UnsafeMutableRawBufferPointer(buffer).copyMemory(from: bytes)
                count = entry.elementCount
            }
        }
    }
}

/// The parsed and checked header.
struct SafetensorsHeader {
    private(set) var tensors: [String: SafetensorsEntry] = [:]
    private(set) var names: [String] = []
    private(set) var metadata: [String: String] = [:]
    private let path: String

    init(file: MappedFile) throws(FileFormatError) {
        path = file.path
        let length = try Self.headerLength(of: file)
        let header = try file.withBytes(in: 8..<8 + length) { bytes throws(FileFormatError) in
            guard bytes[0] == UInt8(ascii: "{") else {
                throw FileFormatError(
                    .malformed,
                    path: file.path,
                    at: .offset(8),
                    "the header must begin with '{'"
                )
            }
            do throws(FileFormatError) {
                return try JSONValue(parsing: bytes, path: file.path)
            } catch {
                throw FileFormatError(
                    error.code,
                    path: file.path,
                    at: error.location,
                    "in the header: \(error.message)"
                )
            }
        }
        guard case .object(let members) = header else {
            throw fail("__header__", "the header must be a JSON object")
        }
        let dataStart = 8 + length
        for (name, value) in members {
            if name == "__metadata__" {
                try readMetadata(value)
            } else {
                // Two spellings of one name that Swift's strings take for equal would hide one of the tensors.
                let entry = try readEntry(name, value, dataStart: dataStart, fileCount: file.count)
                guard tensors.updateValue(entry, forKey: name) == nil else {
                    throw fail(
                        name,
                        "a name equal to this one up to Unicode normalisation occurs already",
                        .duplicate
                    )
                }
            }
        }
        try checkTiling(dataStart: dataStart, fileCount: file.count)
    }

    private static func headerLength(of file: MappedFile) throws(FileFormatError) -> Int {
        guard file.count >= 8 else {
            throw FileFormatError(
                .truncated,
                path: file.path,
                at: .offset(file.count),
                "a safetensors file begins with 8 bytes of header length; this one has \(file.count) bytes"
            )
        }
        let raw = file.withBytes { UInt64(littleEndian: $0.loadUnaligned(as: UInt64.self)) }
        guard raw <= UInt64(SafetensorsFile.maximumHeaderLength) else {
            throw FileFormatError(
                .limitExceeded,
                path: file.path,
                at: .offset(0),
                "header length \(raw) exceeds \(SafetensorsFile.maximumHeaderLength) bytes; is this a safetensors file?"
            )
        }
        let length = Int(raw)
        guard length >= 2, length <= file.count - 8 else {
            throw FileFormatError(
                length < 2 ? .malformed : .truncated,
                path: file.path,
                at: .offset(0),
                "header length \(length) does not fit the file of \(file.count) bytes"
            )
        }
        return length
    }

    private func fail(
        _ key: String,
        _ message: String,
        _ code: FileFormatError.Code = .malformed
    ) -> FileFormatError {
        FileFormatError(code, path: path, at: .key(key), message)
    }

    private mutating func readMetadata(_ value: JSONValue) throws(FileFormatError) {
        guard case .object(let members) = value else {
            throw fail("__metadata__", "must be an object of strings, found \(value.kindName)")
        }
        for (key, value) in members {
            guard case .string(let text) = value else {
                throw fail("__metadata__.\(key)", "must be a string, found \(value.kindName)")
            }
            metadata[key] = text
        }
    }

    private func readEntry(
        _ name: String,
        _ value: JSONValue,
        dataStart: Int,
        fileCount: Int
    ) throws(FileFormatError) -> SafetensorsEntry {
        guard case .object(let members) = value else {
            throw fail(name, "must be an object, found \(value.kindName)")
        }
        for (key, _) in members where !["dtype", "shape", "data_offsets"].contains(key) {
            throw fail(name, "unknown key '\(key)'; only dtype, shape and data_offsets belong here")
        }
        guard let typeName = members["dtype"]?.stringValue else {
            throw fail(name, "'dtype' must be a string")
        }
        guard let dtype = SafetensorsDType(rawValue: typeName) else {
            let known = SafetensorsDType.allCases.map(\.rawValue).joined(separator: ", ")
            throw fail(name, "dtype '\(typeName)' is not supported; known are \(known)", .unsupported)
        }
        let shape = try sizes(name, "shape", members["shape"])
        let offsets = try sizes(name, "data_offsets", members["data_offsets"])
        guard offsets.count == 2, offsets[0] <= offsets[1] else {
            throw fail(name, "data_offsets must be two numbers [begin, end] with begin ≤ end")
        }
        guard offsets[1] <= fileCount - dataStart else {
            throw fail(
                name,
                "data_offsets \(offsets) leave the \(fileCount - dataStart) bytes of data; is the file cut short?",
                .truncated
            )
        }
        var bytes = dtype.byteCount
        for size in shape {
            let (product, overflow) = bytes.multipliedReportingOverflow(by: size)
            guard !overflow else { throw fail(name, "the size of shape \(shape) overflows 64 bits") }
            bytes = product
        }
        guard bytes == offsets[1] - offsets[0] else {
            throw fail(
                name,
                "shape \(shape) of \(dtype.rawValue) needs \(bytes) bytes, data_offsets hold \(offsets[1] - offsets[0])"
            )
        }
        return SafetensorsEntry(
            dtype: dtype,
            shape: shape,
            byteRange: dataStart + offsets[0]..<dataStart + offsets[1]
        )
    }

    private func sizes(_ name: String, _ key: String, _ value: JSONValue?) throws(FileFormatError) -> [Int] {
        guard case .array(let values)? = value else { throw fail(name, "'\(key)' must be an array of sizes") }
        var result: [Int] = []
        for value in values {
            guard case .integer(let size) = value, size >= 0 else {
                throw fail(name, "'\(key)' must hold integers from 0 up")
            }
            result.append(size)
        }
        return result
    }

    private mutating func checkTiling(dataStart: Int, fileCount: Int) throws(FileFormatError) {
        let ordered = tensors.sorted { left, right in
            let one = left.value.byteRange
            let two = right.value.byteRange
            return (one.lowerBound, one.upperBound, left.key) < (two.lowerBound, two.upperBound, right.key)
        }
        var end = dataStart
        for (name, entry) in ordered {
            let start = entry.byteRange.lowerBound
            guard start == end else {
                throw fail(
                    name,
                    start < end
                        ? "its bytes overlap those of another tensor by \(end - start)"
                        : "\(start - end) bytes before it belong to no tensor"
                )
            }
            end = entry.byteRange.upperBound
        }
        guard end == fileCount else {
            throw FileFormatError(
                .malformed,
                path: path,
                at: .offset(end),
                "\(fileCount - end) bytes at the end belong to no tensor"
            )
        }
        names = ordered.map(\.key)
    }
}
