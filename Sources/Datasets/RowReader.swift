import YuyanFileFormats

/// The columns of rows that a corpus asks for.
struct RowColumns: Sendable, Hashable {
    /// The column of the text.
    var text: String
    /// The column that the split goes by.
    var key: String?

    /// A column by its name, or by its number where it is one.
    static func reference(_ column: String) -> ColumnReference {
        Int(column).map { .number($0) } ?? .name(column)
    }
}

/// Reads the rows of a table, or the objects of a JSON file, as documents.
///
/// Not Sendable: one reader uses it from one thread.
final class RowReader {
    /// A row.
    struct Row {
        let text: String
        let key: String?
        let place: RecordPlace
    }

    private let buffer: InputBuffer
    private let scanner: any RecordScanner

    /// Opens a file, and reads its header.
    init(_ source: TextSource, columns: RowColumns, limit: Int) throws {
        var settings = DataSettings()
        settings.format = source.format.rows
        settings.maximumRecordBytes = limit
        var entries = [
            FieldSelection.Entry(
                role: "text",
                column: RowColumns.reference(source.textColumn ?? columns.text),
                isRequired: true
            )
        ]
        if let key = columns.key {
            entries.append(
                FieldSelection.Entry(role: "key", column: RowColumns.reference(key), isRequired: true)
            )
        }
        buffer = try InputBuffer(path: source.path, limit: limit, hashes: true)
        scanner = try makeScanner(buffer, settings: settings, selection: FieldSelection(entries: entries))
    }

    /// The SHA-256 of the stored bytes, after the last row.
    var digest: String? { buffer.digest }
    /// The stored bytes read so far.
    var storedByteCount: Int { buffer.storedByteCount }

    /// The next row, or nil after the last.
    func next() throws -> Row? {
        switch try scanner.next() {
        case .end: return nil
        case .malformed(let error): throw scanner.place.stated(error)
        case .record: break
        }
        let place = scanner.place
        do throws(FileFormatError) {
            let record = Record(names: scanner.names, values: try scanner.values(), place: place)
            return Row(text: try record.requiredText("text"), key: try record.text("key"), place: place)
        } catch {
            throw place.stated(error)
        }
    }

    /// Passes over rows.
    func skip(_ count: Int) throws {
        for _ in 0..<count {
            switch try scanner.next() {
            case .record: continue
            case .malformed(let error): throw scanner.place.stated(error)
            case .end:
                throw FileFormatError(
                    .truncated,
                    path: scanner.place.path,
                    "the file has fewer rows than when it was read before"
                )
            }
        }
    }
}
