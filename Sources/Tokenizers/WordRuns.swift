import YuyanFileFormats

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// A nameless temporary file: removed from its folder as soon as it is open, so nothing is left whatever happens.
final class TemporaryFile: @unchecked Sendable {
    // Unchecked because it is handed from thread to thread, and only one ever uses it.
    private let folder: String
    private let descriptor: Int32
    private(set) var byteCount = 0

    init(folder: String) throws(FileFormatError) {
        self.folder = folder
        var template = Array("\(folder)/yuyan-words-XXXXXX".utf8CString)
        descriptor = mkstemp(&template)
        guard descriptor >= 0 else { throw Self.failure("create a temporary file in", folder) }
        unlink(template)
    }

    deinit { close(descriptor) }

    private static func failure(_ action: String, _ folder: String) -> FileFormatError {
        FileFormatError(
            .inputOutput,
            path: folder,
            "cannot \(action) the folder: \(String(cString: strerror(errno)))"
        )
    }

    func append(_ bytes: UnsafeRawBufferPointer) throws(FileFormatError) {
        var done = 0
        while done < bytes.count {
            let rest = UnsafeRawBufferPointer(rebasing: bytes[done...])
            let written = pwrite(descriptor, rest.baseAddress, rest.count, off_t(byteCount))
            guard written > 0 else {
                if written < 0, errno == EINTR { continue }
                throw Self.failure("write \(rest.count) bytes to a temporary file in", folder)
            }
            done += written
            byteCount += written
        }
    }

    /// Reads bytes at a position; fewer only at the end of the file.
    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) throws(FileFormatError) -> Int {
        var done = 0
        while done < buffer.count {
            let rest = UnsafeMutableRawBufferPointer(rebasing: buffer[done...])
            let count = pread(descriptor, rest.baseAddress, rest.count, off_t(offset + done))
            if count == 0 { break }
            guard count > 0 else {
                if errno == EINTR { continue }
                throw Self.failure("read a temporary file in", folder)
            }
            done += count
        }
        return done
    }
}

/// Writes a run: words in order of their bytes, each as its length, its bytes and its count.
struct WordRunWriter {
    let file: TemporaryFile
    private var buffer: [UInt8] = []
    private static let bufferSize = 1 << 18

    init(folder: String) throws(FileFormatError) { file = try TemporaryFile(folder: folder) }

    mutating func append(_ word: UnsafeBufferPointer<UInt8>, count: Int) throws(FileFormatError) {
        append(number: word.count)
        buffer.append(contentsOf: word)
        append(number: count)
        if buffer.count >= Self.bufferSize { try flush() }
    }

    private mutating func append(number: Int) {
        var rest = UInt(bitPattern: number)
        while rest >= 0x80 {
            buffer.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        buffer.append(UInt8(rest))
    }

    mutating func flush() throws(FileFormatError) {
        let full = buffer
        buffer.removeAll(keepingCapacity: true)
        var failure: FileFormatError?
        full.withUnsafeBytes { raw in
            do throws(FileFormatError) { try file.append(raw) } catch { failure = error }
        }
        if let failure { throw failure }
    }
}

/// Reads a run from the beginning.
final class WordRunReader {
    private let file: TemporaryFile
    private var buffer = [UInt8](repeating: 0, count: 1 << 16)
    private var position = 0
    private var filled = 0
    private var offset = 0
    /// The present word and its count.
    private(set) var word: [UInt8] = []
    private(set) var count = 0

    init(_ file: TemporaryFile) { self.file = file }

    /// Goes to the next word.
    ///
    /// - Returns: false at the end of the run.
    func advance() throws(FileFormatError) -> Bool {
        guard position < filled || offset < file.byteCount else { return false }
        var length = try readNumber()
        word.removeAll(keepingCapacity: true)
        while length > 0 {
            if position == filled { try refill() }
            let part = min(length, filled - position)
            word.append(contentsOf: buffer[position..<position + part])
            position += part
            length -= part
        }
        count = try readNumber()
        return true
    }

    private func readNumber() throws(FileFormatError) -> Int {
        var value: UInt = 0
        var shift: UInt = 0
        while true {
            if position == filled { try refill() }
            let byte = buffer[position]
            position += 1
            value |= UInt(byte & 0x7F) << shift
            if byte < 0x80 { return Int(bitPattern: value) }
            shift += 7
        }
    }

    private func refill() throws(FileFormatError) {
        var read = 0
        var failure: FileFormatError?
        buffer.withUnsafeMutableBytes { raw in
            do throws(FileFormatError) { read = try file.read(into: raw, at: offset) } catch {
                failure = error
            }
        }
        if let failure { throw failure }
        guard read > 0 else {
            throw FileFormatError(.truncated, at: .offset(offset), "a temporary file of words ends too early")
        }
        offset += read
        (position, filled) = (0, read)
    }
}

/// Merges sorted runs into one order, adding the counts of equal words.
struct WordRunMerger {
    /// A binary heap of the readers, the one with the first word on top.
    private var heap: [WordRunReader] = []

    init(_ files: [TemporaryFile]) throws(FileFormatError) {
        for file in files {
            let reader = WordRunReader(file)
            guard try reader.advance() else { continue }
            heap.append(reader)
        }
        for index in stride(from: heap.count / 2 - 1, through: 0, by: -1) { sink(index) }
    }

    private mutating func sink(_ start: Int) {
        var parent = start
        while true {
            var child = 2 * parent + 1
            guard child < heap.count else { return }
            if child + 1 < heap.count, heap[child + 1].word.lexicographicallyPrecedes(heap[child].word) {
                child += 1
            }
            guard heap[child].word.lexicographicallyPrecedes(heap[parent].word) else { return }
            heap.swapAt(parent, child)
            parent = child
        }
    }

    /// Calls `body` with every distinct word and its whole count, in order.
    mutating func forEach(
        _ body: (UnsafeBufferPointer<UInt8>, Int) throws(FileFormatError) -> Void
    ) throws(FileFormatError) {
        var word: [UInt8] = []
        var total = 0
        while let first = heap.first {
            if total > 0, first.word != word {
                try word.withUnsafeBufferPointer { bytes throws(FileFormatError) in try body(bytes, total) }
                total = 0
            }
            if total == 0 { word = first.word }
            total += first.count
            if try first.advance() {
                sink(0)
            } else {
                heap[0] = heap[heap.count - 1]
                heap.removeLast()
                if !heap.isEmpty { sink(0) }
            }
        }
        guard total > 0 else { return }
        try word.withUnsafeBufferPointer { bytes throws(FileFormatError) in try body(bytes, total) }
    }
}
