import YuyanFileFormats

/// How a file holds word vectors.
public enum WordVectorFormat: String, Sendable, Hashable, CaseIterable {
    /// A line with the numbers of words and of columns, then a word and its numbers on each line, with spaces between
    /// them: the text of word2vec and gensim, and fastText's `.vec`.
    case text
    /// The same without the first line: GloVe.
    case glove
    /// The first line, then each word, a space and its numbers as 32-bit floats: word2vec's `-binary 1`.
    case binary

    /// The format for a file's name: binary for `.bin`, GloVe for names that hold "glove", else text.
    ///
    /// - Parameter path: the file's name.
    public init(path: String) {
        let name = (path.split(separator: "/").last.map(String.init) ?? path).lowercased()
        self = name.hasSuffix(".bin") ? .binary : name.contains("glove") ? .glove : .text
    }
}

extension WordVectors {
    /// The widest vectors that are read.
    public static let maximumDimension = 1 << 16

    /// Reads a file of vectors.
    ///
    /// Text is read with or without its first line. Where a word comes again, its first vector counts, as in gensim.
    ///
    /// - Parameters:
    ///   - path: the file.
    ///   - format: how it holds them; nil tells it by the name.
    ///   - limit: reads only so many words from the first on; nil for all.
    /// - Throws: `FileFormatError` with line or offset.
    public init(contentsOf path: String, format: WordVectorFormat? = nil, limit: Int? = nil) throws {
        switch format ?? WordVectorFormat(path: path) {
        case .text, .glove: self = try WordVectorTextReader(path: path, limit: limit).read()
        case .binary: self = try WordVectorBinaryReader(path: path, limit: limit).read()
        }
    }

    /// Writes the words and their vectors; n-grams are not among them.
    ///
    /// The file appears under its name when it is complete.
    ///
    /// - Parameters:
    ///   - path: the file.
    ///   - format: how it holds them; nil tells it by the name.
    /// - Throws: `FileFormatError` when a word cannot be written in the format or the disk refuses.
    public func write(to path: String, format: WordVectorFormat? = nil) throws(FileFormatError) {
        let format = format ?? WordVectorFormat(path: path)
        let file = try AtomicFile(path: path)
        var buffer: [UInt8] = []
        if format != .glove { buffer.append(contentsOf: "\(count) \(dimension)\n".utf8) }
        for (place, word) in words.enumerated() {
            // GloVe's words may hold spaces: its readers count the numbers from the end.
            let isWritable = word.utf8.allSatisfy { $0 > 0x20 || ($0 == 0x20 && format == .glove) }
            guard isWritable, !word.isEmpty else {
                throw FileFormatError(
                    .unsupported,
                    path: path,
                    "the word '\(word)' holds white space, by which this format tells words from numbers"
                )
            }
            buffer.append(contentsOf: word.utf8)
            let row = vectors[place * dimension..<(place + 1) * dimension]
            if format == .binary {
                buffer.append(0x20)
                for value in row {
                    withUnsafeBytes(of: value.bitPattern.littleEndian) { buffer.append(contentsOf: $0) }
                }
            } else {
                for value in row {
                    buffer.append(0x20)
                    buffer.append(contentsOf: value.description.utf8)
                }
            }
            buffer.append(0x0A)
            if buffer.count > 1 << 20 {
                try append(buffer, to: file)
                buffer.removeAll(keepingCapacity: true)
            }
        }
        try append(buffer, to: file)
        try file.commit()
    }

    private func append(_ bytes: [UInt8], to file: AtomicFile) throws(FileFormatError) {
        do {
            try bytes.withUnsafeBytes { try file.append($0) }
        } catch let error as FileFormatError {
            throw error
        } catch {
            throw FileFormatError(.inputOutput, path: file.path, "\(error)")
        }
    }
}

/// Words and numbers as they are read.
private struct WordVectorRows {
    private(set) var words: [String] = []
    private(set) var values: [Float] = []
    private var seen: Set<String> = []

    /// Whether the word is new; its numbers must follow.
    mutating func add(_ word: String) -> Bool {
        guard seen.insert(word).inserted else { return false }
        words.append(word)
        return true
    }

    mutating func append(_ value: Float) { values.append(value) }

    func vectors(_ dimension: Int) -> WordVectors {
        WordVectors(words: words, dimension: dimension, vectors: values)
    }
}

/// The numbers of words and columns in a first line, or nil when it is none.
private func header(_ line: UnsafeRawBufferPointer) -> (words: Int, dimension: Int)? {
    let fields = line.split(separator: 0x20)
    guard fields.count == 2, let words = Int(String(decoding: fields[0], as: UTF8.self)),
        let dimension = Int(String(decoding: fields[1], as: UTF8.self)), words >= 0
    else { return nil }
    return (words, dimension)
}

private func checkDimension(_ dimension: Int, _ path: String) throws(FileFormatError) {
    guard (1...WordVectors.maximumDimension).contains(dimension) else {
        throw FileFormatError(
            .limitExceeded,
            path: path,
            at: .line(1, column: nil),
            "vectors of \(dimension) numbers; they must have from 1 to \(WordVectors.maximumDimension)"
        )
    }
}

/// Reads lines of a word and its numbers.
private struct WordVectorTextReader {
    let path: String
    let limit: Int?

    func read() throws -> WordVectors {
        let lines = try LineReader(path: path)
        var (rows, dimension, announced): (WordVectorRows, Int?, Int?) = (WordVectorRows(), nil, nil)
        var count = 0
        while count < limit ?? .max,
            let _ = try lines.withNextLine({ line in
                if lines.lineNumber == 1, let header = header(line) {
                    try checkDimension(header.dimension, path)
                    (dimension, announced) = (header.dimension, header.words)
                    return
                }
                if line.allSatisfy({ $0 == 0x20 || $0 == 0x09 }) { return }
                let width = try dimension ?? columns(line)
                dimension = width
                try read(line, width, lines.lineNumber, &rows)
                count += 1
            })
        {}
        if let announced, announced != count, limit.map({ count < $0 }) ?? true {
            throw FileFormatError(
                count < announced ? .truncated : .mismatch,
                path: path,
                at: .line(1, column: nil),
                "the first line announces \(announced) words, but \(count) follow"
            )
        }
        guard let dimension, count > 0 else {
            throw FileFormatError(.missing, path: path, "there is no word")
        }
        return rows.vectors(dimension)
    }

    /// The numbers of a first line without a header.
    private func columns(_ line: UnsafeRawBufferPointer) throws(FileFormatError) -> Int {
        let fields = line.split(whereSeparator: { $0 == 0x20 || $0 == 0x09 }).count
        try checkDimension(fields - 1, path)
        return fields - 1
    }

    private func read(
        _ line: UnsafeRawBufferPointer,
        _ width: Int,
        _ number: Int,
        _ rows: inout WordVectorRows
    ) throws {
        // Numbers are counted from the end: a word may hold spaces.
        var (end, starts) = (line.count, [Int](repeating: 0, count: width))
        while end > 0, isSpace(line[end - 1]) { end -= 1 }
        var place = end
        for column in stride(from: width - 1, through: 0, by: -1) {
            while place > 0, !isSpace(line[place - 1]) { place -= 1 }
            guard place > 0 else {
                throw malformed(
                    number,
                    1,
                    "a word and \(width) numbers are needed, not \(width - 1 - column)"
                )
            }
            starts[column] = place
            while place > 0, isSpace(line[place - 1]) { place -= 1 }
        }
        guard place > 0 else { throw malformed(number, 1, "the word is missing before its \(width) numbers") }
        guard let word = String(validating: line[..<place], as: UTF8.self) else {
            throw malformed(number, 1, "the word is not valid UTF-8; convert the file to UTF-8")
        }
        guard rows.add(word) else { return }
        for start in starts {
            var stop = start
            while stop < end, !isSpace(line[stop]) { stop += 1 }
            guard let value = DecimalNumber.parse(line[start..<stop]) else {
                let text = String(decoding: line[start..<min(stop, start + 40)], as: UTF8.self)
                throw malformed(number, start + 1, "'\(text)' is no finite number")
            }
            rows.append(value)
        }
    }

    private func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }

    private func malformed(_ line: Int, _ column: Int, _ message: String) -> FileFormatError {
        FileFormatError(.malformed, path: path, at: .line(line, column: column), message)
    }
}

/// Numbers in decimal, as files of vectors hold them.
private enum DecimalNumber {
    private static let powers: [Double] = (0...22).map { (0..<$0).reduce(1.0) { power, _ in power * 10 } }

    /// The nearest float, or nil when the bytes are no finite number.
    static func parse(_ bytes: Slice<UnsafeRawBufferPointer>) -> Float? {
        var (place, digits, scale) = (bytes.startIndex, UInt64(0), 0)
        let isNegative = place < bytes.endIndex && bytes[place] == UInt8(ascii: "-")
        if isNegative { place += 1 }
        let first = place
        var point: Int?
        while place < bytes.endIndex {
            let byte = bytes[place]
            if byte == UInt8(ascii: "."), point == nil {
                point = place
            } else if byte >= 0x30, byte <= 0x39, digits < 100_000_000_000_000 {
                digits = digits * 10 + UInt64(byte - 0x30)
            } else {
                break
            }
            place += 1
        }
        if let point { scale = point + 1 - place }
        guard place > first + (point == nil ? 0 : 1) else { return slow(bytes) }
        if place < bytes.endIndex {
            // An exponent of two digits at most; anything else is left to the general way.
            guard bytes[place] | 0x20 == UInt8(ascii: "e"), let exponent = exponent(bytes[(place + 1)...])
            else {
                return slow(bytes)
            }
            scale += exponent
        }
        guard abs(scale) <= 22 else { return slow(bytes) }
        let size = scale < 0 ? Double(digits) / powers[-scale] : Double(digits) * powers[scale]
        return Float(isNegative ? -size : size)
    }

    private static func exponent(_ bytes: Slice<UnsafeRawBufferPointer>) -> Int? {
        guard bytes.count >= 1, bytes.count <= 3 else { return nil }
        return Int(String(decoding: bytes, as: UTF8.self))
    }

    private static func slow(_ bytes: Slice<UnsafeRawBufferPointer>) -> Float? {
        guard bytes.count <= 512, let first = bytes.first, first != UInt8(ascii: "+") || bytes.count > 1,
            bytes.allSatisfy({ $0 >= 0x2B && $0 <= 0x39 || $0 | 0x20 == 0x65 })
        else { return nil }
        guard let value = Double(String(decoding: bytes, as: UTF8.self)) else { return nil }
        let narrow = Float(value)
        return narrow.isFinite ? narrow : nil
    }
}

/// Reads words followed by numbers of four bytes.
private struct WordVectorBinaryReader {
    let path: String
    let limit: Int?
    private static let longestWord = 1 << 16

    func read() throws -> WordVectors {
        let file = try MappedFile(path: path)
        return try file.withBytes { bytes in
            guard let lineEnd = bytes.prefix(64).firstIndex(of: 0x0A),
                let header = header(UnsafeRawBufferPointer(rebasing: bytes[..<lineEnd]))
            else {
                throw malformed(0, "the numbers of words and columns are needed in the first line")
            }
            try checkDimension(header.dimension, path)
            let least = header.words.multipliedReportingOverflow(by: 4 * header.dimension + 2)
            guard !least.overflow, least.partialValue <= bytes.count - lineEnd else {
                throw FileFormatError(
                    .truncated,
                    path: path,
                    at: .offset(0),
                    "\(header.words) words of \(header.dimension) numbers do not fit into \(bytes.count) bytes"
                )
            }
            var (rows, place) = (WordVectorRows(), lineEnd + 1)
            for _ in 0..<min(header.words, limit ?? .max) {
                try readWord(bytes, &place, header.dimension, &rows)
            }
            guard !rows.words.isEmpty else { throw FileFormatError(.missing, path: path, "there is no word") }
            return rows.vectors(header.dimension)
        }
    }

    private func readWord(
        _ bytes: UnsafeRawBufferPointer,
        _ place: inout Int,
        _ dimension: Int,
        _ rows: inout WordVectorRows
    ) throws {
        while place < bytes.count, bytes[place] == 0x0A { place += 1 }
        let start = place
        while place < bytes.count, bytes[place] != 0x20, place - start <= Self.longestWord { place += 1 }
        guard place < bytes.count, bytes[place] == 0x20, place > start else {
            throw malformed(start, "a word and a space are needed")
        }
        guard bytes.count - place - 1 >= 4 * dimension else {
            throw FileFormatError(
                .truncated,
                path: path,
                at: .offset(place + 1),
                "\(dimension) numbers of four bytes are needed, \(bytes.count - place - 1) bytes are left"
            )
        }
        let word = bytes[start..<place]
        guard !word.contains(where: { $0 <= 0x20 }), let text = String(validating: word, as: UTF8.self) else {
            throw malformed(start, "the word is not valid UTF-8 or holds control characters")
        }
        let isNew = rows.add(text)
        for column in 0..<dimension {
            let offset = place + 1 + 4 * column
            let bits = UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self))
            let value = Float(bitPattern: bits)
            guard value.isFinite else { throw malformed(offset, "the number is not finite") }
            if isNew { rows.append(value) }
        }
        place += 1 + 4 * dimension
    }

    private func malformed(_ offset: Int, _ message: String) -> FileFormatError {
        FileFormatError(.malformed, path: path, at: .offset(offset), message)
    }
}
