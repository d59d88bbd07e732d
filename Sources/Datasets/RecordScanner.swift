import YuyanFileFormats

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// What a scanner found.
enum ScanStep {
    /// A record; its values may be asked for until the next step.
    case record
    /// A piece that breaks the rules of the format; scanning can go on behind it.
    case malformed(FileFormatError)
    /// Nothing more.
    case end
}

/// The fields that a reader wants: roles and the columns that hold them.
struct FieldSelection {
    /// A role and where it is found.
    struct Entry {
        let role: String
        let column: ColumnReference
        /// Whether a file without the column is wrong.
        let isRequired: Bool
    }

    /// The entries in the order of the record's fields; nil means all columns under their own names.
    var entries: [Entry]?
    var names: [String] { entries?.map(\.role) ?? [] }

    /// Refuses one column for both tokens and tags: the words would be learned as their own tags.
    ///
    /// `places` are the columns of the entries in a row of `width` columns.
    func checkTags(_ places: [Int?], width: Int) throws(FileFormatError) {
        func place(_ role: String) -> Int? {
            (entries?.firstIndex { $0.role == role }).flatMap { places[$0] }
        }
        guard let column = place("tokens"), place("tags") == column else { return }
        let columns = width == 1 ? "1 column" : "\(width) columns"
        throw FileFormatError(
            .mismatch,
            "column \(column) of \(columns) would be both the tokens and their tags; write the tag behind each "
                + "token, or choose columns.tokens and columns.tags (is the delimiter right?)"
        )
    }
}

/// Finds the records of one file, and their values when asked.
protocol RecordScanner: AnyObject {
    /// Where the present record stands.
    var place: RecordPlace { get }
    /// The names of the present record's fields.
    var names: [String] { get }
    /// Goes to the next record. Throws what cannot be gone on from.
    func next() throws -> ScanStep
    /// The present record's values, one per name.
    func values() throws(FileFormatError) -> [FieldValue?]
}

/// Lines as records with one field, and fastText lines with two.
final class LineScanner: RecordScanner {
    private(set) var place: RecordPlace
    let names: [String]
    private let buffer: InputBuffer
    private let isFastText: Bool
    private let needsLabel: Bool
    private var line = UnsafeBufferPointer<UInt8>(start: nil, count: 0)

    init(_ buffer: InputBuffer, isFastText: Bool, needsLabel: Bool) {
        self.buffer = buffer
        (self.isFastText, self.needsLabel) = (isFastText, needsLabel)
        names = isFastText ? ["label", "text"] : ["text"]
        place = RecordPlace(path: buffer.path, line: 0)
    }

    func next() throws -> ScanStep {
        while true {
            let (number, offset) = (buffer.line, buffer.offset)
            guard let found = try buffer.nextLine() else { return .end }
            line = found
            place = RecordPlace(path: buffer.path, line: number, offset: offset)
            // fastText passes over empty lines; a file of texts means them.
            if isFastText, found.allSatisfy({ $0 == 0x20 || $0 == 0x09 }) { continue }
            return .record
        }
    }

    func values() throws(FileFormatError) -> [FieldValue?] {
        guard isFastText else { return [.text(try ByteSearch.text(line))] }
        let prefix = Array("__label__".utf8)
        var (labels, words): ([String], [UInt8]) = ([], [])
        for word in line.split(whereSeparator: { $0 == 0x20 || $0 == 0x09 }) {
            if word.starts(with: prefix) {
                let label = UnsafeBufferPointer(rebasing: word.dropFirst(prefix.count))
                guard !label.isEmpty else {
                    throw FileFormatError(.malformed, "'__label__' without a label behind it")
                }
                labels.append(try ByteSearch.text(label))
            } else {
                if !words.isEmpty { words.append(0x20) }
                words.append(contentsOf: word)
            }
        }
        let text = try words.withUnsafeBufferPointer { bytes -> Result<String, FileFormatError> in
            do throws(FileFormatError) { return .success(try ByteSearch.text(bytes)) } catch {
                return .failure(error)
            }
        }.get()
        guard !labels.isEmpty || !needsLabel else {
            throw FileFormatError(
                .malformed,
                "no word begins with '__label__'; every fastText line needs a label, unless multi_label is true"
            )
        }
        return [.list(labels), .text(text)]
    }
}

/// Files read line by line side by side: line i of each makes record i.
final class ParallelScanner: RecordScanner {
    private(set) var place: RecordPlace
    let names: [String]
    private let buffers: [InputBuffer]
    private var lines: [UnsafeBufferPointer<UInt8>] = []

    init(_ files: [(role: String, buffer: InputBuffer)]) {
        names = files.map(\.role)
        buffers = files.map(\.buffer)
        place = RecordPlace(path: buffers[0].path, line: 0)
    }

    func next() throws -> ScanStep {
        place = RecordPlace(path: buffers[0].path, line: buffers[0].line, offset: buffers[0].offset)
        let found = try buffers.map { try $0.nextLine() }
        lines = found.compactMap { $0 }
        if lines.isEmpty { return .end }
        if let short = found.firstIndex(where: { $0 == nil }),
            let long = found.firstIndex(where: { $0 != nil })
        {
            throw FileFormatError(
                .mismatch,
                path: buffers[short].path,
                at: .line(buffers[short].line, column: nil),
                "the file ends where '\(buffers[long].path)' has a further line; parallel files need as many lines"
            )
        }
        return .record
    }

    func values() throws(FileFormatError) -> [FieldValue?] {
        var values: [FieldValue?] = []
        for (line, buffer) in zip(lines, buffers) {
            do throws(FileFormatError) {
                values.append(.text(try ByteSearch.text(line)))
            } catch {
                throw RecordPlace(path: buffer.path, line: place.line).stated(error)
            }
        }
        return values
    }
}
