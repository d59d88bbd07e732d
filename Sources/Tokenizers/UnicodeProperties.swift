/// What normalizers and pre-tokenizers know about scalars, unpacked once from `UnicodePropertyData.swift`.
///
/// The properties are those of Hugging Face's tokenizers, which mix several versions of Unicode.
enum UnicodeProperties {
    /// White space, as `WhitespaceSplit` and `\s` see it.
    static let whitespace: UInt8 = 1
    /// Controls, formats, private and unassigned scalars, which BERT's cleaning removes.
    static let other: UInt8 = 2
    /// Punctuation, as BERT sees it.
    static let punctuation: UInt8 = 4
    /// Marks without width (Mn).
    static let nonspacingMark: UInt8 = 8
    /// Marks (M).
    static let mark: UInt8 = 16
    /// Numbers (N).
    static let numeric: UInt8 = 32
    /// Letters, marks, digits and connectors: `\w`.
    static let word: UInt8 = 64

    /// Flags by scalar value, 0x110000 entries, never changed after this line.
    nonisolated(unsafe) static let flags: UnsafePointer<UInt8> = {
        let table = UnsafeMutablePointer<UInt8>.allocate(capacity: 0x110000)
        table.initialize(repeating: 0, count: 0x110000)
        var (scalar, length, kind) = (0, 0, -1)
        func endRun() {
            guard kind >= 0 else { return }
            let count = min(max(length, 1), 0x110000 - scalar)
            (table + scalar).update(repeating: flagKinds[kind], count: count)
            scalar += count
        }
        flagRuns.withUTF8Buffer { text in
            for byte in text {
                if byte >= UInt8(ascii: "a") {
                    endRun()
                    (kind, length) = (Int(byte - UInt8(ascii: "a")), 0)
                } else {
                    length = length * 32 + digit(byte)
                }
            }
        }
        endRun()
        return UnsafePointer(table)
    }()

    /// The flags of a scalar value.
    @inline(__always)
    static func flags(_ scalar: UInt32) -> UInt8 { scalar < 0x110000 ? flags[Int(scalar)] : 0 }

    /// Whether a scalar has one of some flags.
    @inline(__always)
    static func has(_ scalar: UInt32, _ mask: UInt8) -> Bool { flags(scalar) & mask != 0 }

    /// Whether BERT puts spaces around a scalar: the ideographs, without kana and Hangul.
    static func isIdeograph(_ scalar: UInt32) -> Bool {
        switch scalar {
        case 0x4E00...0x9FFF, 0x3400...0x4DBF, 0xF900...0xFAFF, 0x20000...0x2A6DF, 0x2A700...0x2B73F,
            0x2B740...0x2B81F, 0x2B920...0x2CEAF, 0x2F800...0x2FA1F:
            true
        default: false
        }
    }

    private static func digit(_ byte: UInt8) -> Int {
        Int(byte >= UInt8(ascii: "A") ? byte - UInt8(ascii: "A") + 10 : byte - UInt8(ascii: "0"))
    }

    /// The numbers of a table written in base 32.
    static func numbers(_ text: StaticString) -> [Int] {
        var result: [Int] = []
        var value = 0
        var isOpen = false
        text.withUTF8Buffer { bytes in
            for byte in bytes {
                if byte == UInt8(ascii: " ") {
                    if isOpen { result.append(value) }
                    (value, isOpen) = (0, false)
                } else {
                    value = value * 32 + digit(byte)
                    isOpen = true
                }
            }
        }
        if isOpen { result.append(value) }
        return result
    }

    /// Lower case by scalar value up to the last scalar that has another; 0 for what stays as it is.
    static let lowercase: [UInt32] = {
        let data = numbers(lowercaseMap)
        var table: [UInt32] = []
        var scalar = 0
        for index in stride(from: 0, to: data.count - 1, by: 2) {
            scalar += data[index]
            let zigzag = data[index + 1]
            let distance = zigzag & 1 == 0 ? zigzag / 2 : -(zigzag + 1) / 2
            table.append(contentsOf: repeatElement(0, count: scalar - table.count))
            table.append(UInt32(scalar + distance))
        }
        return table
    }()

    /// The lower case of a scalar as one scalar; U+0130 alone has a second one after it, U+0307.
    @inline(__always)
    static func lowercased(_ scalar: UInt32) -> UInt32 {
        if scalar == 0x130 { return 0x69 }
        guard Int(scalar) < lowercase.count else { return scalar }
        let lower = lowercase[Int(scalar)]
        return lower == 0 ? scalar : lower
    }

    /// The number of a scalar's script; 0 for what joins any script.
    static func script(_ scalar: UInt32) -> Int {
        var (low, high) = (0, scripts.count)
        while high - low > 1 {
            let middle = (low + high) / 2
            if scripts[middle].first <= scalar { low = middle } else { high = middle }
        }
        return scripts[low].script
    }

    private static let scripts: [(first: UInt32, script: Int)] = {
        let data = numbers(scriptRuns)
        var runs: [(first: UInt32, script: Int)] = []
        var scalar = 0
        for index in stride(from: 0, to: data.count - 1, by: 2) {
            runs.append((UInt32(scalar), data[index + 1]))
            scalar += data[index]
        }
        return runs
    }()
}
