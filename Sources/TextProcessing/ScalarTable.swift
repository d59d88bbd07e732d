/// What kind of scalar a text is cut by.
enum ScalarKind: UInt8 {
    /// Space, punctuation, symbols, controls, emoji: stands between items.
    case separator
    /// A letter, mark or digit of a script that writes spaces between words.
    case word
    /// A letter of a script without spaces (Han, kana, Thai, Lao, Khmer, Myanmar, Tibetan): an item of its own.
    case unspaced
}

/// Kinds and lower-case forms of all scalars below U+10000, looked up in one step.
struct ScalarTable: Sendable {
    /// The only table.
    static let shared = ScalarTable()

    private let kinds: [UInt8]
    private let lower: [UInt16]

    private init() {
        var kinds = [UInt8](repeating: 0, count: 0x10000)
        var lower = [UInt16](repeating: 0, count: 0x10000)
        for value in 0..<UInt32(0x10000) {
            lower[Int(value)] = UInt16(value)
            guard let scalar = Unicode.Scalar(value) else { continue }
            kinds[Int(value)] = Self.classify(scalar).rawValue
            guard scalar.properties.changesWhenLowercased else { continue }
            let mapped = scalar.properties.lowercaseMapping.unicodeScalars
            if mapped.count == 1, let only = mapped.first, only.value < 0x10000 {
                lower[Int(value)] = UInt16(only.value)
            }
        }
        (self.kinds, self.lower) = (kinds, lower)
    }

    /// The kind of a scalar.
    @inline(__always)
    func kind(_ value: UInt32) -> UInt8 {
        if value < 0x10000 { return kinds.withUnsafeBufferPointer { $0[Int(value)] } }
        return Unicode.Scalar(value).map { Self.classify($0).rawValue } ?? 0
    }

    /// The lower-case form of a scalar, where it is a single scalar.
    @inline(__always)
    func lowercased(_ value: UInt32) -> UInt32 {
        value < 0x10000 ? UInt32(lower.withUnsafeBufferPointer { $0[Int(value)] }) : value
    }

    private static func classify(_ scalar: Unicode.Scalar) -> ScalarKind {
        switch scalar.properties.generalCategory {
        case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter,
            .nonspacingMark, .spacingMark, .enclosingMark, .decimalNumber, .letterNumber:
            isUnspaced(scalar.value) ? .unspaced : .word
        default: .separator
        }
    }

    /// Whether a letter belongs to a script that writes no spaces between words.
    private static func isUnspaced(_ value: UInt32) -> Bool {
        switch value {
        case 0x0E00...0x0FFF,  // Thai, Lao, Tibetan
            0x1000...0x109F, 0xA9E0...0xA9FF, 0xAA60...0xAA7F,  // Myanmar
            0x1780...0x17FF, 0x19E0...0x19FF,  // Khmer
            0x2E80...0x2FDF, 0x3005...0x3007, 0x3021...0x30FF, 0x3100...0x312F, 0x31A0...0x31FF,
            0x3400...0x4DBF, 0x4E00...0x9FFF, 0xF900...0xFAFF, 0xFF66...0xFF9F,
            0x1AFF0...0x1B16F, 0x20000...0x3FFFF:
            true
        default: false
        }
    }
}

/// Decodes one scalar of valid UTF-8 and moves on.
@inline(__always)
func nextScalar(_ bytes: UnsafeBufferPointer<UInt8>, _ offset: inout Int) -> UInt32 {
    let first = UInt32(bytes[offset])
    if first < 0x80 {
        offset += 1
        return first
    }
    // A String's UTF-8 is valid, so the length that the first byte announces is there.
    let length = first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4
    guard offset + length <= bytes.count else {
        offset = bytes.count
        return 0xFFFD
    }
    var value = first & (0x7F >> UInt32(length))
    for step in 1..<length { value = value << 6 | UInt32(bytes[offset + step] & 0x3F) }
    offset += length
    return value
}

/// SplitMix64's finaliser (Steele, Lea and Flood 2014): spreads every bit of the input over the whole output.
@inline(__always)
func mixed(_ value: UInt64) -> UInt64 {
    var mixed = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
}
