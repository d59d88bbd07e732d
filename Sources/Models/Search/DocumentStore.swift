import YuyanFileFormats
import YuyanTensorCore

/// Texts with their names, as they stand beside an index.
public final class DocumentStore: Sendable {
    /// The number of texts N.
    public let count: Int
    private let idBytes: NumberStorage<UInt8>
    private let idEnds: NumberStorage<Int64>
    private let textBytes: NumberStorage<UInt8>
    private let textEnds: NumberStorage<Int64>

    private static let format = "yuyan-documents 1"

    /// Keeps texts.
    ///
    /// Traps when there are not as many names as texts.
    ///
    /// - Parameters:
    ///   - ids: The name of each.
    ///   - texts: The texts.
    public init(ids: [String], texts: [String]) {
        require(ids.count == texts.count, "DocumentStore: \(ids.count) names for \(texts.count) texts")
        func packed(_ strings: [String]) -> (NumberStorage<UInt8>, NumberStorage<Int64>) {
            var bytes: [UInt8] = []
            var ends: [Int64] = [0]
            for string in strings {
                bytes.append(contentsOf: string.utf8)
                ends.append(Int64(bytes.count))
            }
            return (.memory(bytes), .memory(ends))
        }
        count = ids.count
        (idBytes, idEnds) = packed(ids)
        (textBytes, textEnds) = packed(texts)
    }

    /// Opens a file that ``write(to:)`` made.
    ///
    /// - Parameter path: The file.
    /// - Throws: `FileFormatError` that says what is wrong in it.
    public init(contentsOf path: String) throws {
        let file = try SafetensorsFile(path: path)
        guard file.metadata["format"] == Self.format else {
            throw FileFormatError(.unsupported, path: path, at: .key("format"), "'\(Self.format)' is needed")
        }
        func list(_ name: String, _ kind: String) throws -> (NumberStorage<UInt8>, NumberStorage<Int64>, Int)
        {
            let (bytes, ends) = (try file.entry("\(name)_bytes").shape, try file.entry("\(name)_ends").shape)
            let numbers = try NumberStorage<Int64>(file, "\(name)_ends", .i64, shape: ends)
            let text = try NumberStorage<UInt8>(file, "\(name)_bytes", .u8, shape: bytes)
            let isWhole = try numbers.withNumbers { numbers in
                bytes.count == 1 && ends.count == 1 && numbers.count >= 1 && numbers[0] == 0
                    && numbers[numbers.count - 1] == Int64(bytes[0])
                    && zip(numbers, numbers.dropFirst()).allSatisfy { $0 <= $1 }
            }
            guard isWhole else {
                throw FileFormatError(
                    .malformed,
                    path: path,
                    at: .key("\(name)_ends"),
                    "the \(kind) do not tile their bytes; the file is damaged"
                )
            }
            return (text, numbers, ends[0] - 1)
        }
        let (ids, idPlaces, idCount) = try list("id", "names")
        let (texts, textPlaces, textCount) = try list("text", "texts")
        guard idCount == textCount else {
            throw FileFormatError(
                .mismatch,
                path: path,
                at: .key("id_ends"),
                "\(idCount) names for \(textCount) texts"
            )
        }
        count = idCount
        (idBytes, idEnds, textBytes, textEnds) = (ids, idPlaces, texts, textPlaces)
    }

    /// Writes the texts to a safetensors file, which appears whole or not at all.
    ///
    /// - Parameter path: The file.
    /// - Throws: `FileFormatError` when the disk refuses.
    public func write(to path: String) throws {
        let writer = try SafetensorsWriter(
            path: path,
            metadata: ["format": Self.format],
            entries: [
                .init("id_bytes", .u8, [try idBytes.withNumbers(\.count)]),
                .init("id_ends", .i64, [count + 1]),
                .init("text_bytes", .u8, [try textBytes.withNumbers(\.count)]),
                .init("text_ends", .i64, [count + 1]),
            ]
        )
        for name in writer.names {
            switch name {
            case "id_bytes": try idBytes.withNumbers { try writer.write(.init($0), to: name) }
            case "id_ends": try idEnds.withNumbers { try writer.write(.init($0), to: name) }
            case "text_bytes": try textBytes.withNumbers { try writer.write(.init($0), to: name) }
            default: try textEnds.withNumbers { try writer.write(.init($0), to: name) }
            }
        }
        try writer.finish()
    }

    /// The name of a text.
    ///
    /// Traps when there is no such text.
    ///
    /// - Parameter row: The text, counted from 0.
    /// - Returns: Its name.
    /// - Throws: When the file cannot be read.
    public func id(_ row: Int) throws -> String { try string(row, idBytes, idEnds) }

    /// A text.
    ///
    /// Traps when there is no such text.
    ///
    /// - Parameter row: The text, counted from 0.
    /// - Returns: The text.
    /// - Throws: When the file cannot be read.
    public func text(_ row: Int) throws -> String { try string(row, textBytes, textEnds) }

    private func string(
        _ row: Int,
        _ bytes: NumberStorage<UInt8>,
        _ ends: NumberStorage<Int64>
    ) throws -> String {
        require(row >= 0 && row < count, "DocumentStore: text \(row) of \(count)")
        let range = try ends.withNumbers { Int($0[row])..<Int($0[row + 1]) }
        return try bytes.withNumbers { String(decoding: $0[range], as: UTF8.self) }
    }
}
