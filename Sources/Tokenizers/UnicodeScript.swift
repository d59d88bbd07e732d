/// The scripts of scalars, as far as learning pieces cares.
enum UnicodeScript {
    static let common: UInt8 = 0
    static let inherited: UInt8 = 1
    static let han: UInt8 = 2
    private static let hiragana: UInt8 = 3
    private static let katakana: UInt8 = 4

    /// The first scalar of every run, and its script.
    private static let table: (starts: [UInt32], scripts: [UInt8]) = {
        var starts: [UInt32] = []
        var scripts: [UInt8] = []
        var scalar: UInt32 = 0
        var letters = 0
        var length: UInt32 = 0
        runs.withUTF8Buffer { text in
            for byte in text {
                guard byte >= UInt8(ascii: "a") else {
                    let digit =
                        byte >= UInt8(ascii: "A") ? byte - UInt8(ascii: "A") + 10 : byte - UInt8(ascii: "0")
                    length = length * 32 + UInt32(digit)
                    continue
                }
                letters += 1
                if letters % 2 == 1 {
                    if letters > 1 { scalar += max(length, 1) }
                    length = 0
                    starts.append(scalar)
                    scripts.append((byte - UInt8(ascii: "a")) * 26)
                } else {
                    scripts[scripts.count - 1] += byte - UInt8(ascii: "a")
                }
            }
        }
        return (starts, scripts)
    }()

    /// The script of a scalar; Hiragana, Katakana and the long vowel sign count as Han, as in SentencePiece.
    static func script(_ scalar: UInt32) -> UInt8 {
        if scalar == 0x30FC { return han }
        let (starts, scripts) = table
        var low = 0
        var high = starts.count
        while high - low > 1 {
            let middle = (low + high) / 2
            if starts[middle] <= scalar { low = middle } else { high = middle }
        }
        let script = scripts[low]
        return script == hiragana || script == katakana ? han : script
    }
}
