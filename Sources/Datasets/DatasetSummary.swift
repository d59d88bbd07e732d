import YuyanFileFormats
import YuyanTextProcessing

/// What a data set is, for the record of a run: the hashes of its files and the settings it was read with.
public struct DatasetFingerprint: Sendable, Hashable {
    /// A file of the data set.
    public struct File: Sendable, Hashable {
        /// The path as given; the fingerprint does not depend on it.
        public let path: String
        /// The size in bytes.
        public let byteCount: Int
        /// The SHA-256 of the stored bytes.
        public let sha256: String
    }

    /// The files as given.
    public let files: [File]
    /// The SHA-256 over the settings and the files' hashes.
    public let sha256: String

    /// Hashes files.
    ///
    /// - Parameters:
    ///   - paths: the files.
    ///   - settings: how they are read.
    ///   - ignoresOrder: whether the same files in another order have the same fingerprint.
    /// - Throws: `FileFormatError` when a file cannot be read.
    public init(
        _ paths: [String],
        settings: DataSettings = DataSettings(),
        ignoresOrder: Bool = false
    ) throws(FileFormatError) {
        var files: [File] = []
        for path in paths {
            let size = try MappedFile(path: path).count
            files.append(File(path: path, byteCount: size, sha256: try SHA256.hex(ofFile: path)))
        }
        let hashes = files.map(\.sha256)
        let document: JSONValue = [
            "settings": settings.json,
            "files": .array((ignoresOrder ? hashes.sorted() : hashes).map { .string($0) }),
        ]
        self.files = files
        sha256 = SHA256.hex(of: document.printedBytes(indent: nil))
    }

    /// The fingerprint as JSON.
    public var json: JSONValue {
        [
            "sha256": .string(sha256),
            "files": .array(
                files.map {
                    ["path": .string($0.path), "bytes": .integer($0.byteCount), "sha256": .string($0.sha256)]
                }
            ),
        ]
    }
}

/// What a data set holds: counts, labels, lengths, repeated texts and malformed rows.
public struct DatasetSummary: Sendable {
    /// What it is.
    public let fingerprint: DatasetFingerprint?
    /// The rows read and left out.
    public private(set) var report = ReadingReport()
    /// How often each label occurs.
    public private(set) var labelCounts: [String: Int] = [:]
    /// The lengths of the texts of an example together, in UTF-8 bytes.
    public private(set) var byteLengths = LengthStatistics()
    /// The lengths of the texts of an example together, in Unicode scalars.
    public private(set) var scalarLengths = LengthStatistics()
    /// The number of examples whose texts occurred before.
    public private(set) var duplicateCount = 0
    /// The number of examples whose texts occurred before with other labels.
    public private(set) var conflictCount = 0
    /// The number of examples without any text.
    public private(set) var emptyCount = 0
    /// The labels with which each text occurred first.
    private var seen: [TextFingerprint: UInt64] = [:]

    /// An empty summary, to which examples are added.
    ///
    /// - Parameter fingerprint: what the data set is.
    public init(fingerprint: DatasetFingerprint? = nil) { self.fingerprint = fingerprint }

    /// Reads files and sums them up.
    ///
    /// - Parameters:
    ///   - type: the kind of examples.
    ///   - paths: the files.
    ///   - settings: how to read them.
    /// - Throws: `FileFormatError` as the reader does.
    public init<Example: DatasetExample>(
        _ type: Example.Type,
        of paths: [String],
        settings: DataSettings = DataSettings()
    ) throws {
        self.init(fingerprint: try DatasetFingerprint(paths, settings: settings))
        let reader = try ExampleReader<Example>(paths, settings: settings)
        while let example = try reader.next() { add(example) }
        report = reader.report
    }

    /// Counts an example.
    ///
    /// - Parameter example: an example.
    public mutating func add(_ example: some DatasetExample) {
        report.recordCount += 1
        for label in example.labels { labelCounts[label, default: 0] += 1 }
        let texts = example.texts
        let bytes = texts.reduce(0) { $0 + $1.utf8.count }
        byteLengths.add(bytes)
        scalarLengths.add(texts.reduce(0) { $0 + $1.unicodeScalars.count })
        if bytes == 0 { emptyCount += 1 }
        let labels = TextFingerprint(example.labels.joined(separator: "\u{1F}")).high
        guard let first = seen.updateValue(labels, forKey: TextFingerprint(texts.joined(separator: "\u{1F}")))
        else {
            return
        }
        duplicateCount += 1
        if first != labels { conflictCount += 1 }
    }

    /// The labels by frequency.
    public var vocabulary: LabelVocabulary { LabelVocabulary(counts: labelCounts) }

    /// The summary as JSON.
    public var json: JSONValue {
        let vocabulary = vocabulary
        var labels = JSONObject()
        for (label, count) in zip(vocabulary.labels, vocabulary.counts).prefix(1000) {
            labels[label] = .integer(count)
        }
        return [
            "fingerprint": fingerprint?.json ?? .null, "reading": report.json, "labels": .object(labels),
            "label_count": .integer(vocabulary.count), "balance": vocabulary.balance.json,
            "bytes": byteLengths.json, "scalars": scalarLengths.json, "duplicates": .integer(duplicateCount),
            "conflicting_duplicates": .integer(conflictCount), "empty": .integer(emptyCount),
        ]
    }
}
