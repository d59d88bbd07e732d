import YuyanFileFormats

/// The offsets of a file's records, so that rows can be read in any order: 8 bytes a row, mapped into memory.
///
/// The index file begins with 40 bytes: `YYRECIDX`, the version, the number of records, the size of the data file
/// and the offset behind the last record, all little-endian; the offset of each record follows.
public struct RecordIndex: Sendable {
    private static let magic: [UInt8] = Array("YYRECIDX".utf8)
    private static let headerBytes = 40

    /// The number of records.
    public let count: Int
    /// The size of the data file when the index was made.
    public let dataByteCount: Int
    private let end: Int
    private let file: MappedFile

    /// Writes the index of a plain (not gzip) file.
    ///
    /// - Parameters:
    ///   - path: the data file.
    ///   - settings: how it is read; rows of another width than usual are left out, or refused, by its policy.
    ///   - indexPath: the index file to make or replace.
    /// - Returns: what was counted.
    /// - Throws: `FileFormatError` when a file cannot be read or written, or is gzip.
    @discardableResult
    public static func build(
        for path: String,
        settings: DataSettings = DataSettings(),
        to indexPath: String
    ) throws -> ReadingReport {
        guard try !ByteStream(path: path, hashes: false, bufferSize: 16).isCompressed else {
            throw FileFormatError(
                .unsupported,
                path: path,
                "a gzip file has no places to jump to; unpack it to index it"
            )
        }
        let dataByteCount = try MappedFile(path: path).count
        let buffer = try InputBuffer(path: path, limit: settings.maximumRecordBytes)
        let scanner = try makeScanner(buffer, settings: settings, selection: FieldSelection(entries: nil))
        let output = try AtomicFile(path: indexPath)
        var (report, pending) = (ReadingReport(), [UInt8](repeating: 0, count: headerBytes))
        func flush() throws {
            try pending.withUnsafeBytes { try output.append($0) }
            pending.removeAll(keepingCapacity: true)
        }
        scan: while true {
            switch try scanner.next() {
            case .end: break scan
            case .malformed(let error):
                report.add(error, limit: settings.reportedErrors)
                if settings.onError == .refuse { throw error }
            case .record:
                report.recordCount += 1
                append(scanner.place.offset, to: &pending)
                if pending.count >= 1 << 16 { try flush() }
            }
        }
        try flush()
        var header = magic
        for number in [1, report.recordCount, dataByteCount, dataByteCount] { append(number, to: &header) }
        try header.withUnsafeBytes { try output.write($0, at: 0) }
        try output.commit()
        return report
    }

    private static func append(_ number: Int, to bytes: inout [UInt8]) {
        withUnsafeBytes(of: UInt64(number).littleEndian) { bytes.append(contentsOf: $0) }
    }

    /// Opens an index.
    ///
    /// - Parameter path: the index file.
    /// - Throws: `FileFormatError` when it is no index or damaged.
    public init(path: String) throws {
        file = try MappedFile(path: path)
        guard file.count >= Self.headerBytes, file.withBytes({ $0.prefix(8).elementsEqual(Self.magic) })
        else {
            throw FileFormatError(
                .malformed,
                path: path,
                at: .offset(0),
                "no index of records; build it again"
            )
        }
        let numbers = file.withBytes { bytes in
            (1...4).map { UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: 8 * $0, as: UInt64.self)) }
        }
        guard numbers[0] == 1, numbers[1] <= UInt64(Int32.max) << 16, numbers[2] <= UInt64(Int.max),
            file.count == Self.headerBytes + 8 * Int(numbers[1]), numbers[3] <= numbers[2]
        else {
            throw FileFormatError(
                .malformed,
                path: path,
                at: .offset(8),
                "the index is damaged; build it again"
            )
        }
        (count, dataByteCount, end) = (Int(numbers[1]), Int(numbers[2]), Int(numbers[3]))
    }

    /// The bytes of a record, up to the next one.
    ///
    /// Traps when `record` lies outside 0 ..< count.
    ///
    /// - Parameter record: the number of the record.
    /// - Returns: its range in the data file.
    /// - Throws: `FileFormatError` when the index is damaged.
    public func range(of record: Int) throws -> Range<Int> {
        require((0..<count).contains(record), "RecordIndex: record \(record) lies outside 0 ..< \(count)")
        let (first, next) = file.withBytes { bytes in
            func offset(_ number: Int) -> UInt64 {
                guard number < count else { return UInt64(end) }
                let place = Self.headerBytes + 8 * number
                return UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: place, as: UInt64.self))
            }
            return (offset(record), offset(record + 1))
        }
        guard first < next, next <= UInt64(dataByteCount) else {
            let place = Self.headerBytes + 8 * record
            throw FileFormatError(
                .malformed,
                path: file.path,
                at: .offset(place),
                "the index is damaged; build it again"
            )
        }
        return Int(first)..<Int(next)
    }
}

/// The rows of an indexed file in any order.
///
/// Not Sendable: one reader uses it from one thread; several may share an index.
public final class IndexedRecords {
    /// The index.
    public let index: RecordIndex
    private let settings: DataSettings
    private let selection: FieldSelection
    private let data: MappedFile
    private let format: DataFormat
    /// The scanner that read the header.
    private let table: TableScanner?

    /// Opens a file and its index.
    ///
    /// - Parameters:
    ///   - path: the data file, plain.
    ///   - indexPath: its index.
    ///   - settings: how to read it; `columns` chooses the fields as in `RecordReader`.
    /// - Throws: `FileFormatError` when a file cannot be read or the data file changed its size.
    public init(_ path: String, indexPath: String, settings: DataSettings = DataSettings()) throws {
        index = try RecordIndex(path: indexPath)
        data = try MappedFile(path: path)
        guard data.count == index.dataByteCount else {
            throw FileFormatError(
                .mismatch,
                path: indexPath,
                "made for \(index.dataByteCount) bytes, but '\(path)' has \(data.count); build the index again"
            )
        }
        self.settings = settings
        format = settings.format ?? DataFormat(path: path)
        let entries = settings.columns.sorted { $0.key < $1.key }
            .map { FieldSelection.Entry(role: $0.key, column: $0.value, isRequired: true) }
        selection = FieldSelection(entries: entries.isEmpty ? nil : entries)
        if format.isTable {
            let buffer = try InputBuffer(path: path, limit: settings.maximumRecordBytes)
            let scanner = try TableScanner(buffer, settings: settings, format: format, selection: selection)
            // Without a header the first row tells the width.
            if !settings.header { while case .malformed = try scanner.next() {} }
            table = scanner
        } else {
            table = nil
        }
    }

    /// The number of rows.
    public var count: Int { index.count }

    /// Reads a row.
    ///
    /// Traps when `number` lies outside 0 ..< count.
    ///
    /// - Parameter number: the row, in the order of the file.
    /// - Returns: the row; its place has an offset and no line.
    /// - Throws: `FileFormatError` when the row is malformed.
    public func record(_ number: Int) throws -> Record {
        let range = try index.range(of: number)
        let buffer = InputBuffer(mapping: data, limit: settings.maximumRecordBytes)
        buffer.move(to: range)
        let scanner: any RecordScanner
        if let table {
            scanner = TableScanner(buffer, like: table)
        } else if format == .json {
            scanner = try JSONScanner(
                buffer,
                lines: false,
                recordsKey: nil,
                selection: selection,
                single: true
            )
        } else {
            scanner = try makeScanner(buffer, settings: settings, selection: selection)
        }
        let place = RecordPlace(path: data.path, line: nil, offset: range.lowerBound)
        switch try scanner.next() {
        case .record:
            do throws(FileFormatError) {
                let values = try scanner.values()
                return Record(names: scanner.names, values: values, place: place)
            } catch {
                throw FileFormatError(error.code, path: data.path, at: place.location, error.message)
            }
        case .malformed(let error):
            throw FileFormatError(error.code, path: data.path, at: place.location, error.message)
        case .end:
            throw FileFormatError(
                .malformed,
                path: data.path,
                at: place.location,
                "there is no row; build the index again"
            )
        }
    }
}
