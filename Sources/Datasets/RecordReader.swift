import YuyanFileFormats

/// What reading came to: rows taken and rows that were malformed.
public struct ReadingReport: Sendable, Hashable {
    /// The rows read.
    public internal(set) var recordCount = 0
    /// The rows left out because they were malformed.
    public internal(set) var malformedCount = 0
    /// The errors of the first malformed rows, each with file and line.
    public internal(set) var errors: [FileFormatError] = []

    /// Nothing read.
    public init() {}

    mutating func add(_ error: FileFormatError, limit: Int) {
        malformedCount += 1
        if errors.count < limit { errors.append(error) }
    }

    /// The report as JSON.
    public var json: JSONValue {
        [
            "records": .integer(recordCount), "malformed": .integer(malformedCount),
            "errors": .array(errors.map { .string($0.description) }),
        ]
    }
}

/// Reads the rows of a list of files, plain or gzip, one at a time.
///
/// Memory stays near the longest record. Only the columns asked for are made into text.
/// Not Sendable: one reader uses it from one thread.
public final class RecordReader {
    /// The rows read and left out so far.
    public private(set) var report = ReadingReport()

    private let settings: DataSettings
    private let selection: FieldSelection
    private let paths: [String]
    private let roles: [(role: String, path: String)]
    private var nextFile = 0
    private var scanner: (any RecordScanner)?

    /// Opens files for rows with all their columns, or, when `settings.columns` names some, with those.
    ///
    /// - Parameters:
    ///   - paths: the files, read one after another.
    ///   - settings: how to read them.
    public convenience init(_ paths: [String], settings: DataSettings = DataSettings()) {
        let entries = settings.columns.sorted { $0.key < $1.key }
            .map { FieldSelection.Entry(role: $0.key, column: $0.value, isRequired: true) }
        self.init(
            paths,
            settings: settings,
            selection: FieldSelection(entries: entries.isEmpty ? nil : entries)
        )
    }

    /// Opens files whose lines belong together: line i of each makes row i.
    ///
    /// Traps when there is no file.
    ///
    /// - Parameters:
    ///   - files: the name of a field and the file that holds it.
    ///   - settings: how to read them; the format is of lines.
    public init(parallel files: [(role: String, path: String)], settings: DataSettings = DataSettings()) {
        require(!files.isEmpty, "RecordReader: parallel files need at least one file")
        self.settings = settings
        selection = FieldSelection(entries: nil)
        (paths, roles) = ([], files)
    }

    /// Opens files for rows with the fields of examples, each from the column that `settings.columns` names, else from
    /// its usual one.
    ///
    /// - Parameters:
    ///   - paths: the files, read one after another.
    ///   - settings: how to read them.
    ///   - roles: the fields; a file must have the columns of those that are required or that settings name.
    ///   - usualColumn: the column of a field, by its name and the format, where settings name none.
    public convenience init(
        _ paths: [String],
        settings: DataSettings,
        roles: [ExampleRole],
        usualColumn: (String, DataFormat) -> ColumnReference
    ) {
        let format = settings.format ?? paths.first.map { DataFormat(path: $0) } ?? .lines
        let entries = roles.map { role in
            FieldSelection.Entry(
                role: role.name,
                column: settings.columns[role.name] ?? usualColumn(role.name, format),
                isRequired: role.isRequired || settings.columns[role.name] != nil
            )
        }
        self.init(paths, settings: settings, selection: FieldSelection(entries: entries))
    }

    private init(_ paths: [String], settings: DataSettings, selection: FieldSelection) {
        self.settings = settings
        self.selection = selection
        (self.paths, roles) = (paths, [])
    }

    /// The next row.
    ///
    /// - Returns: the row, or nil behind the last.
    /// - Throws: `FileFormatError` for a malformed row when the policy is to refuse them, and for files that cannot
    ///   be read on.
    public func next() throws -> Record? {
        while let result = try nextResult() {
            if case .success(let record) = result { return record }
        }
        return nil
    }

    /// The next row, or what is wrong with it where the policy is to leave malformed rows out.
    ///
    /// - Returns: the row or its error, or nil behind the last.
    /// - Throws: `FileFormatError` as `next()` does.
    public func nextResult() throws -> Result<Record, FileFormatError>? {
        while let scanner = try present() {
            let wrong: FileFormatError
            switch try scanner.next() {
            case .end:
                self.scanner = nil
                continue
            case .malformed(let error): wrong = error
            case .record:
                do throws(FileFormatError) {
                    let values = try scanner.values()
                    report.recordCount += 1
                    return .success(Record(names: scanner.names, values: values, place: scanner.place))
                } catch {
                    wrong = scanner.place.stated(error)
                }
            }
            try refuse(wrong)
            return .failure(wrong)
        }
        return nil
    }

    /// Steps over rows without making their values; malformed ones that only their values show count too.
    ///
    /// - Parameter count: how many rows.
    /// - Returns: how many there were.
    /// - Throws: `FileFormatError` as `next()` does.
    public func skip(_ count: Int) throws -> Int {
        var done = 0
        while done < count, let scanner = try present() {
            switch try scanner.next() {
            case .end: self.scanner = nil
            case .malformed(let error): try refuse(error)
            case .record: done += 1
            }
        }
        return done
    }

    /// Counts a malformed row, or throws its error.
    func refuse(_ error: FileFormatError) throws {
        report.add(error, limit: settings.reportedErrors)
        if settings.onError == .refuse { throw error }
    }

    /// The scanner of the present file, opening the next when it ended.
    private func present() throws -> (any RecordScanner)? {
        if let scanner { return scanner }
        if !roles.isEmpty {
            guard nextFile == 0 else { return nil }
            nextFile = 1
            let buffers = try roles.map {
                ($0.role, try InputBuffer(path: $0.path, limit: settings.maximumRecordBytes))
            }
            scanner = ParallelScanner(buffers)
            return scanner
        }
        guard nextFile < paths.count else { return nil }
        let path = paths[nextFile]
        nextFile += 1
        let buffer = try InputBuffer(path: path, limit: settings.maximumRecordBytes)
        scanner = try makeScanner(buffer, settings: settings, selection: selection)
        return scanner
    }
}

/// The scanner of a file's format.
func makeScanner(
    _ buffer: InputBuffer,
    settings: DataSettings,
    selection: FieldSelection
) throws -> any RecordScanner {
    let format = settings.format ?? DataFormat(path: buffer.path)
    switch format {
    case .csv, .tsv: return try TableScanner(buffer, settings: settings, format: format, selection: selection)
    case .jsonl: return try JSONScanner(buffer, lines: true, recordsKey: nil, selection: selection)
    case .json:
        return try JSONScanner(buffer, lines: false, recordsKey: settings.recordsKey, selection: selection)
    case .conll: return ConllScanner(buffer, settings: settings, selection: selection)
    case .conllu: return try ConlluScanner(buffer, settings: settings, selection: selection)
    case .lines, .fasttext:
        let scanner = LineScanner(
            buffer,
            isFastText: format == .fasttext,
            needsLabel: !settings.allowsSeveralLabels
        )
        guard let entries = selection.entries else { return scanner }
        return try RenamingScanner(scanner, entries)
    }
}

/// Gives the fields of a scanner whose fields are fixed the names of roles.
final class RenamingScanner: RecordScanner {
    let names: [String]
    private let scanner: any RecordScanner
    private let places: [Int?]

    init(_ scanner: any RecordScanner, _ entries: [FieldSelection.Entry]) throws {
        self.scanner = scanner
        names = entries.map(\.role)
        let there = scanner.names
        places = try entries.map { entry in
            let place = there.firstIndex(of: entry.column.description) ?? entry.column.place(in: there.count)
            if place == nil, entry.isRequired {
                let fields = there.map { "'\($0)'" }.joined(separator: ", ")
                throw FileFormatError(
                    .missing,
                    path: scanner.place.path,
                    "there is no field '\(entry.column)' for '\(entry.role)'; the fields are \(fields) "
                        + "(is the format of the file another one than lines?)"
                )
            }
            return place
        }
    }

    var place: RecordPlace { scanner.place }

    func next() throws -> ScanStep { try scanner.next() }

    func values() throws(FileFormatError) -> [FieldValue?] {
        let values = try scanner.values()
        return places.map { $0.flatMap { values[$0] } }
    }
}

/// Reads typed examples from files, one at a time.
///
/// Not Sendable: one reader uses it from one thread.
public final class ExampleReader<Example: DatasetExample> {
    /// The examples read and rows left out so far.
    public var report: ReadingReport {
        var report = records.report
        report.recordCount = exampleCount
        return report
    }

    private let records: RecordReader
    private let settings: DataSettings
    private var exampleCount = 0
    private var pending: ArraySlice<Result<Example, FileFormatError>> = []
    /// Where the row of the last example stands.
    public private(set) var place = RecordPlace(path: "", line: nil)

    /// Opens files.
    ///
    /// - Parameters:
    ///   - paths: the files, read one after another.
    ///   - settings: how to read them.
    /// - Throws: `FileFormatError` when `columns` names a role that these examples do not have.
    public init(_ paths: [String], settings: DataSettings = DataSettings()) throws {
        var settings = settings
        settings.recordsKey = settings.recordsKey ?? Example.recordsKey
        self.settings = settings
        let further = Example.takesFurtherRoles ? settings.furtherRoles.map { ExampleRole($0) } : []
        let roles = Example.roles + further
        let known = roles.map(\.name)
        for role in settings.columns.keys.sorted() where !known.contains(role) {
            let near = NameSuggestion.words(for: role, among: known)
            let names = known.map { "'\($0)'" }.joined(separator: ", ")
            throw FileFormatError(
                .unsupported,
                at: .key("columns.\(role)"),
                "unknown role; the roles are \(names)\(near)"
            )
        }
        records = RecordReader(
            paths,
            settings: settings,
            roles: roles,
            usualColumn: Example.usualColumn(_:in:)
        )
    }

    /// Opens files whose lines belong together: line i of each makes example i.
    ///
    /// - Parameters:
    ///   - files: a role and the file that holds it.
    ///   - settings: how to read them; the format is of lines.
    public init(parallel files: [(role: String, path: String)], settings: DataSettings = DataSettings()) {
        self.settings = settings
        records = RecordReader(parallel: files, settings: settings)
    }

    /// The next example.
    ///
    /// - Returns: the example, or nil behind the last.
    /// - Throws: `FileFormatError` for a malformed row when the policy is to refuse them, and for files that cannot
    ///   be read on.
    public func next() throws -> Example? {
        while true {
            if let result = pending.popFirst() {
                switch result {
                case .success(let example):
                    exampleCount += 1
                    return example
                case .failure(let error):
                    try records.refuse(place.stated(error))
                    continue
                }
            }
            guard let record = try records.next() else { return nil }
            place = record.place
            do throws(FileFormatError) {
                pending = try Example.examples(from: record, settings: settings)[...]
            } catch {
                try records.refuse(place.stated(error))
            }
        }
    }

    /// All examples that are left.
    ///
    /// - Returns: the examples in the order of the files.
    /// - Throws: `FileFormatError` as `next()` does.
    public func readAll() throws -> [Example] {
        var examples: [Example] = []
        while let example = try next() { examples.append(example) }
        return examples
    }
}
