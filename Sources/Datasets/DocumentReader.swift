import YuyanFileFormats

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// The bounds within which a reader holds text in memory.
struct ReaderLimits: Sendable, Hashable {
    /// The size at which a plain file is cut into segments, in bytes.
    var segmentBytes = 1 << 20
    /// The longest line of a file of lines, in bytes.
    var lineBytes = 64 << 20
}

/// A document as stored, or one part of a long plain file.
struct RawSegment: Sendable {
    /// The number of its source.
    let source: Int
    /// The bytes: text, or a line of JSON.
    let bytes: [UInt8]
    /// What the row holds in the column that the split goes by, where rows are found by a scanner.
    var key: String?
    /// Whether a document begins here.
    let startsDocument: Bool
    /// Whether the document ends here.
    let endsDocument: Bool
    /// The offset of the first byte in the unpacked file.
    let offset: Int
    /// The line of the first byte, counted from 1.
    let line: Int
}

/// Where a reader stands: between two segments.
struct ReaderPosition: Sendable, Hashable {
    /// The number of the source to read from.
    var source = 0
    /// The offset in the unpacked file; of rows that a scanner finds, their number.
    var offset = 0
    /// The line, counted from 1.
    var line = 1
    /// Whether a document goes on here.
    var isInsideDocument = false
}

/// Reads the documents of a list of files one after another with bounded memory.
///
/// A plain file longer than a segment comes in parts, cut where a line begins with a visible character (the rules
/// by which byte-pair tokenizers split text end a piece there, so tokens do not change), or failing that before a
/// space, or between two scalars. Cuts depend on the file's content only.
struct DocumentReader {
    /// Where the next segment begins.
    private(set) var position: ReaderPosition
    /// The SHA-256 of each source that was read to its end by this reader.
    private(set) var digests: [(source: Int, digest: String)] = []
    /// The stored bytes read from the sources so far, skipped parts included.
    var storedByteCount: Int { finishedBytes + (stream?.storedByteCount ?? rows?.storedByteCount ?? 0) }

    private let sources: [TextSource]
    private let limits: ReaderLimits
    private let columns: RowColumns
    private var stream: ByteStream?
    private var rows: RowReader?
    private var buffer: [UInt8] = []
    private var bufferStart = 0
    private var isAtEnd = false
    private var finishedBytes = 0

    init(
        sources: [TextSource],
        limits: ReaderLimits,
        columns: RowColumns,
        from position: ReaderPosition = ReaderPosition()
    ) {
        self.sources = sources
        self.limits = limits
        self.columns = columns
        self.position = position
        finishedBytes = sources[..<min(position.source, sources.count)].reduce(0) { $0 + $1.byteCount }
    }

    /// The next segment, or nil after the last source.
    mutating func next() throws -> RawSegment? {
        while position.source < sources.count {
            if stream == nil, rows == nil { try open() }
            let segment: RawSegment?
            switch sources[position.source].format {
            case .plain: segment = try nextPlain()
            case .jsonLines: segment = try nextLine()
            case .csv, .tsv, .json: segment = try nextRow()
            }
            if let segment { return segment }
            try finishSource()
        }
        return nil
    }

    private mutating func open() throws {
        if sources[position.source].format.rows != nil {
            let opened = try RowReader(sources[position.source], columns: columns, limit: limits.lineBytes)
            try opened.skip(position.offset)
            rows = opened
            return
        }
        let opened = try ByteStream(path: sources[position.source].path, hashes: true)
        stream = opened
        buffer = []
        bufferStart = 0
        isAtEnd = false
        if position.offset == 0 {
            // A byte order mark is no part of the text.
            while buffer.count < 3, try readMore(atMost: 3 - buffer.count) {}
            if buffer == [0xEF, 0xBB, 0xBF] {
                buffer = []
                position.offset = 3
            }
        } else {
            try skip(position.offset)
        }
    }

    private mutating func skip(_ count: Int) throws {
        var left = count
        var waste = [UInt8](repeating: 0, count: min(count, 1 << 17))
        while left > 0 {
            let room = min(left, waste.count)
            let read = try waste.withUnsafeMutableBytes {
                try stream?.read(into: UnsafeMutableRawBufferPointer(rebasing: $0[..<room])) ?? 0
            }
            guard read > 0 else {
                throw FileFormatError(
                    .truncated,
                    path: sources[position.source].path,
                    at: .offset(count - left),
                    "the file became shorter since it was read before"
                )
            }
            left -= read
        }
    }

    private mutating func finishSource() throws {
        if let digest = stream?.digest ?? rows?.digest { digests.append((position.source, digest)) }
        finishedBytes += sources[position.source].byteCount
        (stream, rows) = (nil, nil)
        position = ReaderPosition(source: position.source + 1)
    }

    /// Appends at most so many bytes to the buffer; false at the end of the file.
    private mutating func readMore(atMost count: Int) throws -> Bool {
        if isAtEnd { return false }
        let old = buffer.count
        let count = min(count, 1 << 18)
        buffer.append(contentsOf: repeatElement(0, count: count))
        let read = try buffer.withUnsafeMutableBytes {
            try stream?.read(into: UnsafeMutableRawBufferPointer(rebasing: $0[old...])) ?? 0
        }
        buffer.removeLast(count - read)
        isAtEnd = read == 0
        return !isAtEnd
    }

    private mutating func nextPlain() throws -> RawSegment? {
        // One byte more than a segment tells whether anything follows it.
        while buffer.count <= limits.segmentBytes,
            try readMore(atMost: limits.segmentBytes + 1 - buffer.count)
        {}
        let ends = buffer.count <= limits.segmentBytes
        let cut = ends ? buffer.count : Self.cut(buffer)
        let segment = RawSegment(
            source: position.source,
            bytes: Array(buffer[..<cut]),
            startsDocument: !position.isInsideDocument,
            endsDocument: ends,
            offset: position.offset,
            line: position.line
        )
        buffer.removeFirst(cut)
        position.offset += cut
        position.line += segment.bytes.withUnsafeBytes { bytes in bytes.count { $0 == 0x0A } }
        position.isInsideDocument = !ends
        if ends { try finishSource() }
        return segment
    }

    /// Where to cut a full buffer: somewhere in its second half, with at least one byte left after the cut.
    static func cut(_ bytes: [UInt8]) -> Int {
        let half = max(bytes.count / 2, 1)
        var beforeSpace: Int?
        for place in stride(from: bytes.count - 1, through: half, by: -1) {
            let (before, after) = (bytes[place - 1], bytes[place])
            if before == 0x0A, isVisibleStart(after) { return place }
            if beforeSpace == nil, after == 0x20, place + 1 < bytes.count, isVisibleStart(bytes[place + 1]),
                before > 0x20, before < 0x7F
            {
                beforeSpace = place
            }
        }
        if let beforeSpace { return beforeSpace }
        // Between two scalars, and not inside CR LF.
        var place = bytes.count - 1
        while place > half, bytes[place] & 0xC0 == 0x80 || bytes[place - 1] == 0x0D { place -= 1 }
        return place
    }

    /// Whether a byte begins a character that is no white space, as far as one byte can tell.
    private static func isVisibleStart(_ byte: UInt8) -> Bool {
        // C2, E1, E2 and E3 begin the white space beyond ASCII, among other characters.
        byte > 0x20 && byte < 0x7F || byte >= 0xC3 && byte <= 0xF4 && !(0xE1...0xE3).contains(byte)
    }

    private mutating func nextLine() throws -> RawSegment? {
        while let line = try takeLine() {
            let (offset, number) = (position.offset, position.line)
            position.offset += line.count
            position.line += 1
            let isBlank = line.allSatisfy { $0 == 0x0A || $0 == 0x0D || $0 == 0x20 || $0 == 0x09 }
            if isBlank { continue }
            return RawSegment(
                source: position.source,
                bytes: line,
                startsDocument: true,
                endsDocument: true,
                offset: offset,
                line: number
            )
        }
        return nil
    }

    private mutating func nextRow() throws -> RawSegment? {
        guard let row = try rows?.next() else { return nil }
        position.offset += 1
        position.line = row.place.line ?? position.line
        return RawSegment(
            source: position.source,
            bytes: Array(row.text.utf8),
            key: row.key,
            startsDocument: true,
            endsDocument: true,
            offset: row.place.offset,
            line: position.line
        )
    }

    /// The next line with its end, or nil at the end of the file.
    private mutating func takeLine() throws -> [UInt8]? {
        var searched = bufferStart
        while true {
            let found = buffer.withUnsafeBytes { bytes -> Int? in
                guard let base = bytes.baseAddress, searched < bytes.count else { return nil }
                return memchr(base + searched, 0x0A, bytes.count - searched).map {
                    UnsafeRawPointer($0) - base + 1
                }
            }
            let length = (found ?? buffer.count) - bufferStart
            guard length <= limits.lineBytes else {
                throw FileFormatError(
                    .limitExceeded,
                    path: sources[position.source].path,
                    at: .line(position.line, column: nil),
                    "the line is longer than \(limits.lineBytes) bytes; put one JSON object on each line"
                )
            }
            if let found {
                let line = Array(buffer[bufferStart..<found])
                bufferStart = found
                return line
            }
            if bufferStart > 0 {
                buffer.removeFirst(bufferStart)
                bufferStart = 0
            }
            searched = buffer.count
            if try !readMore(atMost: 1 << 18) {
                if buffer.isEmpty { return nil }
                let line = buffer
                buffer = []
                return line
            }
        }
    }
}
