/// The element types read from and written to npy files.
public enum NPYDType: String, Sendable, Hashable, CaseIterable {
    /// 32-bit floating point.
    case f32 = "<f4"
    /// 64-bit floating point.
    case f64 = "<f8"
    /// Signed 32-bit integer.
    case i32 = "<i4"
    /// Signed 64-bit integer.
    case i64 = "<i8"
    /// Unsigned 8-bit integer.
    case u8 = "|u1"

    /// The size of one element in bytes.
    public var byteCount: Int {
        switch self {
        case .f64, .i64: 8
        case .f32, .i32: 4
        case .u8: 1
        }
    }
}

/// A NumPy array file (`.npy`, versions 1 and 2), little-endian and row-major, mapped into memory.
public final class NPYFile: Sendable {
    /// The file.
    public let path: String
    /// The element type.
    public let dtype: NPYDType
    /// The sizes of the axes; empty for a scalar.
    public let shape: [Int]
    private let dataStart: Int
    private let file: MappedFile

    /// The number of elements.
    public var elementCount: Int { (file.count - dataStart) / dtype.byteCount }

    /// Opens a file and checks its header.
    ///
    /// - Parameter path: The file.
    /// - Throws: `FileFormatError` when the file is no npy file of a supported kind or its size does not fit its shape.
    public init(path: String) throws(FileFormatError) {
        let file = try MappedFile(path: path)
        let header = try file.withBytes { bytes throws(FileFormatError) in try NPYHeader(bytes, path: path) }
        let expected = try header.byteCount(path: path)
        let found = file.count - header.dataStart
        guard found == expected else {
            throw FileFormatError(
                found < expected ? .truncated : .malformed,
                path: path,
                at: .offset(header.dataStart),
                "shape \(header.shape) needs \(expected) bytes of data, the file has \(found)"
            )
        }
        self.path = path
        self.file = file
        dtype = header.dtype
        shape = header.shape
        dataStart = header.dataStart
    }

    /// Lends the elements' bytes.
    ///
    /// - Parameter body: Reads the bytes; the pointer must not leave it.
    /// - Returns: What `body` returns.
    /// - Throws: What `body` throws.
    public func withBytes<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result {
        try file.withBytes(in: dataStart..<file.count, body)
    }

    /// A copy of the elements.
    ///
    /// - Parameters:
    ///   - dtype: The element type the file must have.
    ///   - type: A type of the same size, such as `Float.self` for `f32`.
    /// - Returns: The elements, row-major.
    /// - Throws: `FileFormatError` when the file holds another type.
    public func elements<Element: BitwiseCopyable>(
        dtype: NPYDType,
        as type: Element.Type
    ) throws(FileFormatError) -> [Element] {
        guard dtype == self.dtype, MemoryLayout<Element>.stride == dtype.byteCount else {
            throw FileFormatError(
                .mismatch,
                path: path,
                "holds \(self.dtype.rawValue), asked for \(dtype.rawValue) as \(Element.self)"
            )
        }
        return withBytes { bytes in
            [Element](unsafeUninitializedCapacity: elementCount) { buffer, count in
                UnsafeMutableRawBufferPointer(buffer).copyMemory(from: bytes)
                count = elementCount
            }
        }
    }

    /// Writes an array, version 1 (version 2 when the header is long), atomically.
    ///
    /// Traps when the number of elements does not fit the shape.
    ///
    /// - Parameters:
    ///   - elements: The elements, row-major, little-endian.
    ///   - dtype: The element type.
    ///   - shape: The sizes of the axes.
    ///   - path: The file to make or replace.
    /// - Throws: `FileFormatError` when the disk refuses.
    public static func write<Element: BitwiseCopyable>(
        _ elements: [Element],
        dtype: NPYDType,
        shape: [Int],
        to path: String
    ) throws(FileFormatError) {
        guard MemoryLayout<Element>.stride == dtype.byteCount, shape.reduce(1, *) == elements.count else {
            fatalError(
                "NPYFile.write: \(elements.count) × \(Element.self) do not fit \(dtype.rawValue) \(shape)"
            )
        }
        let file = try AtomicFile(path: path)
        let header = NPYHeader.bytes(dtype: dtype, shape: shape)
        try header.lendBytes { raw throws(FileFormatError) in try file.append(raw) }
        try elements.lendBytes { raw throws(FileFormatError) in try file.append(raw) }
        try file.commit()
    }
}

/// The header of an npy file: a Python dictionary with three fixed keys.
struct NPYHeader {
    let dtype: NPYDType
    let shape: [Int]
    let dataStart: Int

    init(_ bytes: UnsafeRawBufferPointer, path: String) throws(FileFormatError) {
        let magic: [UInt8] = [0x93] + Array("NUMPY".utf8)
        guard bytes.count >= 10, bytes.prefix(6).elementsEqual(magic) else {
            throw FileFormatError(
                .malformed,
                path: path,
                at: .offset(0),
                "no npy file: it must begin with \\x93NUMPY"
            )
        }
        let version = bytes[6]
        guard version == 1 || version == 2 else {
            throw FileFormatError(
                .unsupported,
                path: path,
                at: .offset(6),
                "npy version \(version); 1 and 2 are read"
            )
        }
        let prefix = version == 1 ? 10 : 12
        guard bytes.count >= prefix else {
            throw FileFormatError(.truncated, path: path, at: .offset(bytes.count), "the header is cut short")
        }
        let length = (8..<prefix).reversed().reduce(0) { $0 << 8 | Int(bytes[$1]) }
        guard length <= bytes.count - prefix else {
            throw FileFormatError(
                .truncated,
                path: path,
                at: .offset(8),
                "the header of \(length) bytes is cut short"
            )
        }
        dataStart = prefix + length
        var parser = NPYDictionaryParser(text: Array(bytes[prefix..<dataStart]), base: prefix, path: path)
        (dtype, shape) = try parser.parse()
    }

    func byteCount(path: String) throws(FileFormatError) -> Int {
        var count = dtype.byteCount
        for size in shape {
            let (product, overflow) = count.multipliedReportingOverflow(by: size)
            guard !overflow else {
                throw FileFormatError(
                    .malformed,
                    path: path,
                    at: .key("shape"),
                    "the size of \(shape) overflows 64 bits"
                )
            }
            count = product
        }
        return count
    }

    /// The header's bytes, padded so that the data begin at a multiple of 64.
    static func bytes(dtype: NPYDType, shape: [Int]) -> [UInt8] {
        let sizes =
            shape.count == 1 ? "(\(shape[0]),)" : "(\(shape.map(String.init).joined(separator: ", ")))"
        let text = Array("{'descr': '\(dtype.rawValue)', 'fortran_order': False, 'shape': \(sizes), }".utf8)
        let version: UInt8 = text.count + 75 > 65535 ? 2 : 1
        let prefix = version == 1 ? 10 : 12
        let total = (prefix + text.count + 1 + 63) / 64 * 64
        let length = total - prefix
        var bytes: [UInt8] = [0x93] + Array("NUMPY".utf8) + [version, 0]
        for index in 0..<(prefix - 8) { bytes.append(UInt8(truncatingIfNeeded: length >> (8 * index))) }
        bytes += text
        bytes += [UInt8](repeating: 32, count: length - text.count - 1)
        return bytes + [10]
    }
}

/// Reads exactly the dictionary literals that NumPy writes.
struct NPYDictionaryParser {
    let text: [UInt8]
    let base: Int
    let path: String
    private var position = 0

    init(text: [UInt8], base: Int, path: String) {
        self.text = text
        self.base = base
        self.path = path
    }

    mutating func parse() throws(FileFormatError) -> (NPYDType, [Int]) {
        var dtype: NPYDType?
        var shape: [Int]?
        var hasOrder = false
        try expect("{")
        while !accept("}") {
            let key = try string()
            try expect(":")
            switch key {
            case "descr" where dtype == nil: dtype = try type(named: string())
            case "shape" where shape == nil: shape = try tuple()
            case "fortran_order" where !hasOrder:
                hasOrder = true
                guard accept("False") else {
                    throw error(
                        "column-major arrays are not read; save with numpy.ascontiguousarray",
                        .unsupported
                    )
                }
            default: throw error("unknown or repeated key '\(key)' in the header")
            }
            if !accept(",") {
                try expect("}")
                break
            }
        }
        skipSpace()
        guard position == text.count else { throw error("text after the header's '}'") }
        guard let dtype, let shape, hasOrder else {
            throw error("the header needs descr, fortran_order and shape")
        }
        return (dtype, shape)
    }

    private func error(_ message: String, _ code: FileFormatError.Code = .malformed) -> FileFormatError {
        FileFormatError(code, path: path, at: .offset(base + position), message)
    }

    private mutating func skipSpace() {
        while position < text.count, text[position] == 32 || text[position] == 10 { position += 1 }
    }

    private mutating func accept(_ word: String) -> Bool {
        skipSpace()
        guard text[position...].starts(with: word.utf8) else { return false }
        position += word.utf8.count
        return true
    }

    private mutating func expect(_ word: String) throws(FileFormatError) {
        guard accept(word) else { throw error("expected '\(word)' in the header") }
    }

    private mutating func string() throws(FileFormatError) -> String {
        skipSpace()
        guard position < text.count, text[position] == 39 || text[position] == 34 else {
            throw error("expected a quoted string in the header")
        }
        let quote = text[position]
        let start = position + 1
        guard let end = text[start...].firstIndex(of: quote) else {
            throw error("the string is never closed", .truncated)
        }
        position = end + 1
        return String(decoding: text[start..<end], as: UTF8.self)
    }

    private func type(named name: String) throws(FileFormatError) -> NPYDType {
        if let dtype = NPYDType(rawValue: name == "<u1" ? "|u1" : name) { return dtype }
        let known = NPYDType.allCases.map(\.rawValue).joined(separator: ", ")
        throw error("element type '\(name)' is not read; known are \(known)", .unsupported)
    }

    private mutating func tuple() throws(FileFormatError) -> [Int] {
        try expect("(")
        var sizes: [Int] = []
        while !accept(")") {
            skipSpace()
            let start = position
            while position < text.count, text[position] &- 48 < 10 { position += 1 }
            guard let size = Int(String(decoding: text[start..<position], as: UTF8.self)) else {
                throw error("expected a size in the shape")
            }
            sizes.append(size)
            if !accept(",") {
                try expect(")")
                break
            }
        }
        return sizes
    }
}
