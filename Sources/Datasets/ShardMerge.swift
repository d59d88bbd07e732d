import YuyanFileFormats
import YuyanTextProcessing
import YuyanTokenizers

/// One document of a finished preparation.
struct DocumentEntry: Sendable {
    /// The number of its first segment, over all parts.
    var firstSegment: Int
    /// The place of its first token, over all parts.
    var start: Int
    var tokens = 0
    var bytes = 0
    var characters = 0
    var fingerprint: TextFingerprint
    /// The script of its first segment.
    let script: WritingSystem
    /// The language of its first segment, see ``SegmentRecord/language``.
    let language: Int
    /// The number of the corpus's source that it came from.
    let origin: Int
    /// What the split goes by besides the text, see ``SplitKey/Value``.
    let key: SplitKey.Value
    /// Whether its file was named for validation.
    let isGivenForValidation: Bool
    var isDropped = false
    var isInvalid = false
}

/// The finished parts of a preparation, read as one.
///
/// Memory stays near one part: going on to another gives the pages of the one before back. Not Sendable: one owner uses
/// it from one thread.
final class PartReader {
    private let tokenFiles: [MappedFile]
    private let segmentFiles: [MappedFile]
    /// The place of each part's first token, and the end of all.
    private let starts: [Int]
    private let width: TokenWidth
    /// The part whose tokens were lent last.
    private var current = 0

    init(_ log: PreparationLog, width: TokenWidth) throws {
        self.width = width
        tokenFiles = try log.parts.indices.map { try MappedFile(path: log.tokensPath($0)) }
        segmentFiles = try log.parts.indices.map { try MappedFile(path: log.segmentsPath($0)) }
        starts = log.parts.reduce(into: [0]) { $0.append($0[$0.count - 1] + $1.tokens) }
    }

    /// Every segment in order.
    func forEachSegment(_ body: (SegmentRecord) throws -> Void) rethrows {
        for file in segmentFiles {
            for place in 0..<file.count / SegmentRecord.byteCount { try body(SegmentRecord(file, at: place)) }
            file.releasePages()
        }
    }

    /// Lends the packed tokens of a range, in as many pieces as parts hold it.
    func withTokens(_ range: Range<Int>, _ body: (UnsafeRawBufferPointer) throws -> Void) throws {
        var place = range.lowerBound
        // The last part that begins at or before the place.
        var (low, high) = (0, tokenFiles.count)
        while low < high {
            let middle = (low + high) / 2
            if starts[middle + 1] <= place { low = middle + 1 } else { high = middle }
        }
        while place < range.upperBound, low < tokenFiles.count {
            let end = min(range.upperBound, starts[low + 1])
            let size = width.byteCount
            if low != current {
                tokenFiles[current].releasePages()
                current = low
            }
            try tokenFiles[low].withBytes(in: (place - starts[low]) * size..<(end - starts[low]) * size, body)
            place = end
            low += 1
        }
    }

    /// The documents of all parts, their segments joined.
    func documents(sources: [TextSource]) -> [DocumentEntry] {
        var documents: [DocumentEntry] = []
        var (segment, start) = (0, 0)
        forEachSegment { record in
            if record.startsDocument {
                documents.append(
                    DocumentEntry(
                        firstSegment: segment,
                        start: start,
                        fingerprint: record.fingerprint,
                        script: record.script,
                        language: record.language,
                        origin: sources[record.source].origin,
                        key: SplitKey.Value(bits: record.key, isDate: record.isDated),
                        isGivenForValidation: sources[record.source].isValidation
                    )
                )
                documents[documents.count - 1].isDropped = record.isDropped
            } else {
                let last = documents.count - 1
                documents[last].fingerprint = documents[last].fingerprint.joined(with: record.fingerprint)
            }
            let last = documents.count - 1
            documents[last].tokens += record.tokens
            documents[last].bytes += record.bytes
            documents[last].characters += record.characters
            if record.isInvalid { documents[last].isInvalid = true }
            segment += 1
            start += record.tokens
        }
        return documents
    }
}

/// Decides which documents go where.
struct DocumentSplit {
    /// The documents to keep, in order.
    private(set) var kept: [DocumentEntry] = []
    /// Whether each kept document is for validation.
    var isValidation: [Bool] = []
    private(set) var counts = DatasetDescription.DocumentCounts()
    var method = DatasetDescription.SplitMethod.none

    /// Leaves out what is invalid, dropped or empty, and documents equal to an earlier one.
    init(_ documents: [DocumentEntry], removesDuplicates: Bool) {
        var filter = DuplicateFilter()
        counts.read = documents.count
        for document in documents {
            if document.isInvalid {
                counts.invalid += 1
            } else if document.isDropped {
                counts.dropped += 1
            } else if document.bytes == 0 {
                counts.empty += 1
            } else if removesDuplicates, !filter.admits(document.fingerprint) {
                counts.duplicates += 1
            } else {
                kept.append(document)
            }
        }
        counts.kept = kept.count
    }

    /// Leaves out the documents that are near-duplicates of others; the clusters number the kept documents.
    mutating func removeNearDuplicates(_ clusters: DuplicateClusters) {
        kept = kept.indices.filter { clusters.isKept($0) }.map { kept[$0] }
        counts.nearDuplicates = counts.kept - kept.count
        counts.kept = kept.count
    }
}

/// Writes one side of the split: tokens and the places where documents begin.
struct ShardWriter {
    private(set) var part = DatasetDescription.Part()
    private let tokens: AtomicFile
    private let index: AtomicFile
    private let width: TokenWidth
    private let endOfText: [UInt8]
    private var hash = SHA256()
    private var pendingTokens: [UInt8] = []
    private var pendingIndex: [UInt8] = []

    init(folder: String, name: String, width: TokenWidth, endOfText: Int32?) throws {
        tokens = try AtomicFile(path: "\(folder)/\(name).bin")
        index = try AtomicFile(path: "\(folder)/\(name).idx")
        self.width = width
        self.endOfText = width.pack(endOfText.map { [$0] } ?? [])
    }

    /// Adds packed tokens to the document at hand.
    mutating func append(_ packed: UnsafeRawBufferPointer) throws {
        pendingTokens.append(contentsOf: packed)
        part.tokens += packed.count / width.byteCount
        if pendingTokens.count >= 1 << 20 { try flush() }
    }

    /// Begins a document.
    mutating func beginDocument() throws { appendIndex(part.tokens) }

    /// Ends the document at hand.
    mutating func endDocument(bytes: Int, characters: Int) throws {
        try endOfText.withUnsafeBytes { try append($0) }
        part.documents += 1
        part.bytes += bytes
        part.characters += characters
    }

    /// Makes both files safe and gives them their names.
    mutating func finish() throws -> DatasetDescription.Part {
        appendIndex(part.tokens)
        try flush()
        try tokens.commit()
        try index.commit()
        part.sha256 = hash.hexDigest()
        return part
    }

    private mutating func appendIndex(_ offset: Int) {
        withUnsafeBytes(of: UInt64(offset).littleEndian) { pendingIndex.append(contentsOf: $0) }
    }

    private mutating func flush() throws {
        hash.update(pendingTokens)
        try pendingTokens.withUnsafeBytes { try tokens.append($0) }
        try pendingIndex.withUnsafeBytes { try index.append($0) }
        pendingTokens.removeAll(keepingCapacity: true)
        pendingIndex.removeAll(keepingCapacity: true)
    }
}
