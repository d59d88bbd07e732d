import Foundation

extension Characters {
    /// The first place of a byte; nil when it does not occur.
    @inline(__always)
    static func find(_ byte: UInt8, in bytes: UnsafeBufferPointer<UInt8>, from start: Int) -> Int? {
        guard let base = bytes.baseAddress, start < bytes.count,
            let found = memchr(base + start, Int32(byte), bytes.count - start)
        else { return nil }
        return UnsafePointer(found.assumingMemoryBound(to: UInt8.self)) - base
    }

    /// The first place of a short sequence of bytes; nil when it does not occur.
    static func find(_ needle: StaticString, in bytes: UnsafeBufferPointer<UInt8>, from start: Int) -> Int? {
        let count = needle.utf8CodeUnitCount
        var place = start
        while let found = find(needle.utf8Start[0], in: bytes, from: place), found + count <= bytes.count {
            if (1..<count).allSatisfy({ bytes[found + $0] == needle.utf8Start[$0] }) { return found }
            place = found + 1
        }
        return nil
    }

    /// Whether a sequence of ASCII stands at `place`, letters in either case; `word` is in lower case.
    @inline(__always)
    static func matches(_ word: StaticString, in bytes: UnsafeBufferPointer<UInt8>, at place: Int) -> Bool {
        let count = word.utf8CodeUnitCount
        guard place >= 0, place + count <= bytes.count else { return false }
        for index in 0..<count where lowercased(bytes[place + index]) != word.utf8Start[index] {
            return false
        }
        return true
    }
}

/// A set of bytes that is looked up fast.
struct ByteSet: Sendable {
    private let low: (UInt64, UInt64, UInt64, UInt64)

    init(_ members: some Sequence<UInt8>) {
        var words: [UInt64] = [0, 0, 0, 0]
        for member in members { words[Int(member >> 6)] |= 1 << UInt64(member & 63) }
        low = (words[0], words[1], words[2], words[3])
    }

    @inline(__always)
    func contains(_ byte: UInt8) -> Bool {
        let word =
            byte < 128 ? (byte < 64 ? low.0 : low.1) : (byte < 192 ? low.2 : low.3)
        return word >> UInt64(byte & 63) & 1 != 0
    }
}
