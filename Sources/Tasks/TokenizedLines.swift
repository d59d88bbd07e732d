import Dispatch
import Foundation
import Synchronization
import YuyanFileFormats
import YuyanTokenizers

/// Turns files of lines into files of lines: text into ids and back, many lines at once, in bounded memory.
public struct TokenizedLines: Sendable {
    /// The tokenizer.
    public let tokenizer: any Tokenizer
    /// The number of threads.
    public var threads: Int
    /// Whether ids get what the model expects around a text, and decoding leaves special tokens out.
    public var framesTexts = true
    /// Whether the text of special tokens becomes their ids; else it is text like any other.
    public var parsesSpecialTokens = false
    /// Whether decoded texts are written as JSON strings, so that a text with line ends stays one line.
    public var writesJSONStrings = false

    /// About how much text is worked on at once, in bytes.
    private static let batchBytes = 8 << 20

    /// A converter.
    ///
    /// - Parameters:
    ///   - tokenizer: The tokenizer.
    ///   - threads: The number of threads; at least one.
    public init(_ tokenizer: any Tokenizer, threads: Int) {
        self.tokenizer = tokenizer
        self.threads = max(threads, 1)
    }

    /// What was done.
    public struct Counts: Sendable, Equatable {
        /// Lines read.
        public var lines = 0
        /// Ids written or read.
        public var tokens = 0
        /// Bytes of text read or written, line ends not counted.
        public var bytes = 0
    }

    /// Writes one JSON array of ids for every line of text.
    ///
    /// A line ends at LF; a CR before it does not belong to the text.
    ///
    /// - Parameters:
    ///   - reader: The text; it must be UTF-8.
    ///   - write: Takes the output piece by piece.
    ///   - isCancelled: Asked now and then; true stops with `CancellationError`.
    /// - Returns: What was done.
    /// - Throws: `FileFormatError` that names file, line and column; what `write` throws.
    public func encode(
        _ reader: LineReader,
        write: (UnsafeRawBufferPointer) throws -> Void,
        isCancelled: () -> Bool = { false }
    ) throws -> Counts {
        try convert(reader, write: write, isCancelled: isCancelled) { line, out throws(LineProblem) in
            if let place = UTF8Validation.firstInvalidByte(in: line) {
                throw LineProblem(column: place + 1, "not valid UTF-8; convert the file to UTF-8")
            }
            var ids = tokenizer.encode(
                bytes: line,
                specialTokens: parsesSpecialTokens ? .recognized : .asText
            )
            if framesTexts { ids = tokenizer.addedTokens.prefix + ids + tokenizer.addedTokens.suffix }
            Self.append(ids, to: &out)
            return (tokens: ids.count, bytes: line.count)
        }
    }

    /// Writes one line of text for every JSON array of ids.
    ///
    /// - Parameters:
    ///   - reader: The ids.
    ///   - write: Takes the output piece by piece.
    ///   - isCancelled: Asked now and then; true stops with `CancellationError`.
    /// - Returns: What was done.
    /// - Throws: `FileFormatError` that names file and line of anything that is no array of ids of the tokenizer; what
    ///   `write` throws.
    public func decode(
        _ reader: LineReader,
        write: (UnsafeRawBufferPointer) throws -> Void,
        isCancelled: () -> Bool = { false }
    ) throws -> Counts {
        try convert(reader, write: write, isCancelled: isCancelled) { line, out throws(LineProblem) in
            let ids = try Self.ids(line, below: tokenizer.vocabularySize)
            let text = tokenizer.decode(ids, skippingSpecialTokens: framesTexts)
            if writesJSONStrings {
                out += JSONValue.string(text).printedBytes(indent: nil)
            } else {
                out += text.utf8
            }
            return (tokens: ids.count, bytes: text.utf8.count)
        }
    }

    // MARK: Batches

    /// What is wrong with a line.
    private struct LineProblem: Error {
        let column: Int?
        let message: String

        init(column: Int? = nil, _ message: String) { (self.column, self.message) = (column, message) }
    }

    private typealias Conversion = (UnsafeRawBufferPointer, inout [UInt8]) throws(LineProblem) -> (
        tokens: Int, bytes: Int
    )

    /// Reads lines, converts groups of them on all threads, and writes in the order of reading.
    private func convert(
        _ reader: LineReader,
        write: (UnsafeRawBufferPointer) throws -> Void,
        isCancelled: () -> Bool,
        _ conversion: Conversion
    ) throws -> Counts {
        var counts = Counts()
        while let batch = try Batch(reader, bytes: Self.batchBytes) {
            if isCancelled() { throw CancellationError() }
            for group in convert(batch, conversion) {
                try group.output.withUnsafeBytes(write)
                if let (line, problem) = group.problem {
                    throw FileFormatError(
                        .malformed,
                        path: reader.path,
                        at: .line(batch.firstLine + line, column: problem.column),
                        problem.message
                    )
                }
                counts.tokens += group.tokens
                counts.bytes += group.bytes
            }
            counts.lines += batch.ends.count
        }
        return counts
    }

    /// Some lines, their bytes one after another.
    private struct Batch {
        let firstLine: Int
        private(set) var text: [UInt8] = []
        private(set) var ends: [Int] = []

        /// Reads lines until there are so many bytes; nil at the end of the file.
        init?(_ reader: LineReader, bytes: Int) throws {
            firstLine = reader.lineNumber + 1
            while text.count + ends.count < bytes,
                try reader.withNextLine({ text.append(contentsOf: $0) }) != nil
            {
                ends.append(text.count)
            }
            if ends.isEmpty { return nil }
        }

        func range(_ line: Int) -> Range<Int> { (line == 0 ? 0 : ends[line - 1])..<ends[line] }
    }

    /// The output of neighbouring lines.
    private struct Group: Sendable {
        var output: [UInt8] = []
        var tokens = 0
        var bytes = 0
        /// The line inside the batch that could not be converted; later ones are left out.
        var problem: (line: Int, LineProblem)?
    }

    private func convert(_ batch: Batch, _ conversion: Conversion) -> [Group] {
        // More groups than threads, so that an uneven one does not leave the others waiting.
        let wanted = threads == 1 ? 1 : threads * 8
        let size = max((batch.ends.count + wanted - 1) / wanted, 1)
        let count = (batch.ends.count + size - 1) / size
        let results = Mutex([Group](repeating: Group(), count: count))
        batch.text.withUnsafeBytes { text in
            withoutActuallyEscaping(conversion) { conversion in
                // The work only reads what it shares: the text, the ends and the tokenizer.
                nonisolated(unsafe) let (text, conversion) = (text, conversion)
                let next = Atomic<Int>(0)
                DispatchQueue.concurrentPerform(iterations: min(threads, count)) { _ in
                    while true {
                        let number = next.add(1, ordering: .relaxed).oldValue
                        guard number < count else { return }
                        var group = Group()
                        for line in number * size..<min((number + 1) * size, batch.ends.count) {
                            do throws(LineProblem) {
                                let bytes = UnsafeRawBufferPointer(rebasing: text[batch.range(line)])
                                let done = try conversion(bytes, &group.output)
                                group.output.append(0x0A)
                                group.tokens += done.tokens
                                group.bytes += done.bytes
                            } catch {
                                group.problem = (line, error)
                                break
                            }
                        }
                        results.withLock { $0[number] = group }
                    }
                }
            }
        }
        return results.withLock { $0 }
    }

    // MARK: Ids as JSON

    private static func append(_ ids: [Int32], to out: inout [UInt8]) {
        out.append(UInt8(ascii: "["))
        for (place, id) in ids.enumerated() {
            if place > 0 { out.append(UInt8(ascii: ",")) }
            var (digits, value) = ((UInt64(0), 0), UInt32(bitPattern: id))
            repeat {
                digits = (digits.0 << 8 | UInt64(UInt8(ascii: "0") + UInt8(value % 10)), digits.1 + 1)
                value /= 10
            } while value > 0 && digits.1 < 8
            // Ids below 10^8 fill at most eight digits; the reader of tokenizers allows no larger ones.
            for _ in 0..<digits.1 {
                out.append(UInt8(truncatingIfNeeded: digits.0))
                digits.0 >>= 8
            }
        }
        out.append(UInt8(ascii: "]"))
    }

    private static func ids(_ line: UnsafeRawBufferPointer, below limit: Int) throws(LineProblem) -> [Int32] {
        let wanted = "a line must be a JSON array of ids such as [464,3290]"
        var (ids, place): ([Int32], Int) = ([], 0)
        func skipSpaces() {
            while place < line.count, line[place] == 0x20 || line[place] == 0x09 { place += 1 }
        }
        skipSpaces()
        guard place < line.count, line[place] == UInt8(ascii: "[") else {
            throw LineProblem(column: place + 1, wanted)
        }
        place += 1
        skipSpaces()
        if place < line.count, line[place] == UInt8(ascii: "]") {
            place += 1
        } else {
            while true {
                skipSpaces()
                let start = place
                var value = 0
                while place < line.count, (0x30...0x39).contains(line[place]), value < 1 << 40 {
                    value = value * 10 + Int(line[place] - 0x30)
                    place += 1
                }
                guard place > start else { throw LineProblem(column: place + 1, wanted) }
                guard value < limit, let id = Int32(exactly: value) else {
                    throw LineProblem(
                        column: start + 1,
                        "the tokenizer has no id \(value); its ids are 0 to \(limit - 1)"
                    )
                }
                ids.append(id)
                skipSpaces()
                guard place < line.count else { throw LineProblem(column: place + 1, "the array has no end") }
                place += 1
                if line[place - 1] == UInt8(ascii: "]") { break }
                guard line[place - 1] == UInt8(ascii: ",") else { throw LineProblem(column: place, wanted) }
            }
        }
        skipSpaces()
        guard place == line.count else { throw LineProblem(column: place + 1, wanted) }
        return ids
    }
}
