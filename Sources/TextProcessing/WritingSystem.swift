/// The script that a text is written in, as far as statistics need it.
public enum WritingSystem: UInt8, Sendable, CaseIterable {
    /// Digits, punctuation, symbols and spaces, which belong to no script.
    case common
    /// Latin letters.
    case latin
    /// Chinese characters.
    case han
    /// Hiragana and katakana, and Chinese characters among them: Japanese.
    case kana
    /// Korean.
    case hangul
    /// Greek.
    case greek
    /// Cyrillic.
    case cyrillic
    /// Armenian.
    case armenian
    /// Georgian.
    case georgian
    /// Hebrew.
    case hebrew
    /// Arabic, Persian, Urdu and others.
    case arabic
    /// Devanagari: Hindi, Marathi, Nepali.
    case devanagari
    /// Bengali and Assamese.
    case bengali
    /// Gurmukhi: Panjabi.
    case gurmukhi
    /// Gujarati.
    case gujarati
    /// Tamil.
    case tamil
    /// Telugu.
    case telugu
    /// Kannada.
    case kannada
    /// Malayalam.
    case malayalam
    /// Sinhala.
    case sinhala
    /// Thai.
    case thai
    /// Lao.
    case lao
    /// Tibetan.
    case tibetan
    /// Burmese.
    case myanmar
    /// Khmer.
    case khmer
    /// Ethiopic: Amharic, Tigrinya.
    case ethiopic
    /// Mongolian script.
    case mongolian
    /// Any other letters.
    case other

    /// The script's name in English, in lower case.
    public var name: String { "\(self)" }

    /// The script that most letters of a text belong to.
    ///
    /// Japanese is told by its kana: a text whose Chinese characters and kana are at least a twentieth kana counts as
    /// kana.
    ///
    /// - Parameters:
    ///   - bytes: Valid UTF-8.
    ///   - limit: How many bytes from the beginning are looked at.
    /// - Returns: The script; `common` for a text without letters.
    public static func dominant(in bytes: UnsafeBufferPointer<UInt8>, limit: Int = 4096) -> WritingSystem {
        var counts = [Int](repeating: 0, count: allCases.count)
        var place = 0
        let end = min(bytes.count, limit)
        while place < end {
            let byte = bytes[place]
            if byte < 0x80 {
                if byte | 0x20 >= 0x61, byte | 0x20 <= 0x7A { counts[Int(WritingSystem.latin.rawValue)] += 1 }
                place += 1
                continue
            }
            let (value, length) = scalar(in: bytes, at: place)
            counts[Int(of(value).rawValue)] += 1
            place += length
        }
        let (han, kana) = (counts[Int(WritingSystem.han.rawValue)], counts[Int(WritingSystem.kana.rawValue)])
        if kana > 0, kana * 20 >= han + kana {
            counts[Int(WritingSystem.kana.rawValue)] += han
            counts[Int(WritingSystem.han.rawValue)] = 0
        }
        counts[Int(WritingSystem.common.rawValue)] = 0
        guard let most = counts.max(), most > 0, let index = counts.firstIndex(of: most) else {
            return .common
        }
        return WritingSystem(rawValue: UInt8(index)) ?? .other
    }

    /// The script of a scalar, by Unicode's blocks.
    ///
    /// - Parameter value: The scalar's value.
    /// - Returns: The script; `common` for what belongs to none.
    public static func of(_ value: UInt32) -> WritingSystem {
        switch value {
        case 0x41...0x5A, 0x61...0x7A, 0xAA, 0xBA, 0xC0...0xD6, 0xD8...0xF6, 0xF8...0x2AF, 0x1E00...0x1EFF,
            0x2C60...0x2C7F, 0xA720...0xA7FF, 0xFB00...0xFB06, 0xFF21...0xFF3A, 0xFF41...0xFF5A:
            .latin
        case 0..<0x300: .common
        case 0x370...0x3FF, 0x1F00...0x1FFF: .greek
        case 0x400...0x52F, 0x1C80...0x1C8F, 0x2DE0...0x2DFF, 0xA640...0xA69F: .cyrillic
        case 0x531...0x58F, 0xFB13...0xFB17: .armenian
        case 0x591...0x5FF, 0xFB1D...0xFB4F: .hebrew
        case 0x600...0x6FF, 0x750...0x77F, 0x8A0...0x8FF, 0xFB50...0xFDFF, 0xFE70...0xFEFC: .arabic
        case 0x900...0x97F: .devanagari
        case 0x980...0x9FF: .bengali
        case 0xA00...0xA7F: .gurmukhi
        case 0xA80...0xAFF: .gujarati
        case 0xB80...0xBFF: .tamil
        case 0xC00...0xC7F: .telugu
        case 0xC80...0xCFF: .kannada
        case 0xD00...0xD7F: .malayalam
        case 0xD80...0xDFF: .sinhala
        case 0xE00...0xE7F: .thai
        case 0xE80...0xEFF: .lao
        case 0xF00...0xFFF: .tibetan
        case 0x1000...0x109F: .myanmar
        case 0x10A0...0x10FF, 0x1C90...0x1CBF: .georgian
        case 0x1100...0x11FF, 0x3130...0x318F, 0xAC00...0xD7AF: .hangul
        case 0x1200...0x139F: .ethiopic
        case 0x1780...0x17FF: .khmer
        case 0x1800...0x18AF: .mongolian
        case 0x3041...0x30FF, 0x31F0...0x31FF, 0xFF66...0xFF9F: .kana
        case 0x2E80...0x2FDF, 0x3005...0x3007, 0x3400...0x4DBF, 0x4E00...0x9FFF, 0xF900...0xFAFF,
            0x20000...0x323AF:
            .han
        case 0x300...0x36F, 0x2000...0x2BFF, 0x3000...0x303F, 0xFE00...0xFE6F, 0xFF00...0xFFEF,
            0x1F000...0x1FAFF, 0xE000...0xF8FF, 0xE0000...0x10FFFF:
            .common
        default: .other
        }
    }
}
