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

    /// 0 to 9.
    @inline(__always)
    static func digits(_ word: UInt64) -> UInt64 {
        let low = word & lows
        return (low &+ 0x5050_5050_5050_5050) & ~(low &+ 0x4646_4646_4646_4646) & ~word & tops
    }

    /// What is seen of ASCII: "!" to "~".
    @inline(__always)
    static func visible(_ word: UInt64) -> UInt64 {
        let low = word & lows
        return (low &+ 0x5F5F_5F5F_5F5F_5F5F) & ~(low &+ 0x0101_0101_0101_0101) & ~word & tops
    }

    /// Tabs, line feeds and the like, carriage returns: 9 to 13.
    @inline(__always)
    static func controls(_ word: UInt64) -> UInt64 {
        let low = word & lows
        return (low &+ 0x7777_7777_7777_7777) & ~(low &+ 0x7272_7272_7272_7272) & ~word & tops
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

    /// Line feeds and carriage returns.
    @inline(__always)
    static func lineEnds(_ word: UInt64) -> UInt64 {
        equal(word, to: 0x0A0A_0A0A_0A0A_0A0A) | equal(word, to: 0x0D0D_0D0D_0D0D_0D0D)
    }

    /// How many bytes from the first on pass.
    @inline(__always)
    static func run(_ passing: UInt64) -> Int { (~passing & tops).trailingZeroBitCount >> 3 }
}
