/// Tests on the eight bytes of a word at a time; an answer has the top bit of every byte that passes.
enum ByteLanes {
    static let tops: UInt64 = 0x8080_8080_8080_8080
    private static let lows: UInt64 = 0x7F7F_7F7F_7F7F_7F7F

    /// Eight bytes of a text, the first one lowest.
    @inline(__always)
    static func load(_ bytes: UnsafePointer<UInt8>) -> UInt64 {
        UInt64(littleEndian: UnsafeRawPointer(bytes).loadUnaligned(as: UInt64.self))
    }

    /// A to Z and a to z.
    @inline(__always)
    static func letters(_ word: UInt64) -> UInt64 { lowercase(word | 0x2020_2020_2020_2020) }

    /// a to z: adding 0x1F sets the top bit from "a" on, adding 5 from behind "z" on.
    @inline(__always)
    static func lowercase(_ word: UInt64) -> UInt64 {
        let low = word & lows
        return (low &+ 0x1F1F_1F1F_1F1F_1F1F) & ~(low &+ 0x0505_0505_0505_0505) & ~word & tops
    }

    /// A to Z.
    @inline(__always)
    static func uppercase(_ word: UInt64) -> UInt64 {
        let low = word & lows
        return (low &+ 0x3F3F_3F3F_3F3F_3F3F) & ~(low &+ 0x2525_2525_2525_2525) & ~word & tops
    }

    /// Spaces.
    @inline(__always)
    static func spaces(_ word: UInt64) -> UInt64 {
        let difference = word ^ 0x2020_2020_2020_2020
        return ~((difference & lows) &+ lows | difference) & tops
    }

    /// How many bytes from the first on pass.
    @inline(__always)
    static func run(_ passing: UInt64) -> Int { (~passing & tops).trailingZeroBitCount >> 3 }
}
