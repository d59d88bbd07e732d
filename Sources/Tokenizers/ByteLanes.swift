/// Tests on the eight bytes of a word at a time; an answer has the top bit of every byte that passes.
enum ByteLanes {
    static let tops: UInt64 = 0x8080_8080_8080_8080
    private static let lows: UInt64 = 0x7F7F_7F7F_7F7F_7F7F

    /// Eight bytes of a text, the first one lowest.
    @inline(__always)
    static func load(_ bytes: UnsafePointer<UInt8>) -> UInt64 {
        UInt64(littleEndian: UnsafeRawPointer(bytes).loadUnaligned(as: UInt64.self))
    }

    /// A byte that is given eight times over.
    @inline(__always)
    static func equal(_ word: UInt64, to repeated: UInt64) -> UInt64 {
        let difference = word ^ repeated
        return ~((difference & lows) &+ lows | difference) & tops
    }

    /// Spaces.
    @inline(__always)
    static func spaces(_ word: UInt64) -> UInt64 { equal(word, to: 0x2020_2020_2020_2020) }

    /// How many bytes from the first on pass.
    @inline(__always)
    static func run(_ passing: UInt64) -> Int { (~passing & tops).trailingZeroBitCount >> 3 }
}
