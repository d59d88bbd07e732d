import YuyanFileFormats

/// Several normalizers, one after the other.
struct NormalizerSequence: TextNormalizer {
    let steps: [any TextNormalizer]

    func normalize(_ text: inout AlignedText) { for step in steps { step.normalize(&text) } }

    func document() -> JSONValue { ["type": "Sequence", "normalizers": .array(steps.map { $0.document() })] }
}

/// The normalisation of BERT: cleaning, spaces around ideographs, accents, lower case.
struct BertTextNormalizer: TextNormalizer, Hashable {
    /// Whether controls go and all white space becomes the plain space.
    let cleansText: Bool
    /// Whether ideographs get a space on both sides.
    let separatesIdeographs: Bool
    /// Whether accents go; nil: as `lowercases`.
    let stripsAccents: Bool?
    /// Whether letters become lower case.
    let lowercases: Bool

    /// Whether accents go in the end.
    var dropsAccents: Bool { stripsAccents ?? lowercases }

    func normalize(_ text: inout AlignedText) {
        if cleansText { text.mapScalars(Self.cleaned) }
        if separatesIdeographs { separateIdeographs(&text) }
        if dropsAccents {
            NormalFormNormalizer(form: .nfd).normalize(&text)
            text.mapScalars { UnicodeProperties.has($0, UnicodeProperties.nonspacingMark) ? nil : $0 }
        }
        if lowercases { LowercaseNormalizer().normalize(&text) }
    }

    /// A scalar after cleaning; nil when it goes.
    static func cleaned(_ scalar: UInt32) -> UInt32? {
        // These three are white space and controls at once; as controls they go.
        if scalar == 0xB || scalar == 0xC || scalar == 0x85 { return nil }
        if UnicodeProperties.has(scalar, UnicodeProperties.whitespace) { return 32 }
        if scalar == 0 || scalar == 0xFFFD || UnicodeProperties.has(scalar, UnicodeProperties.other) {
            return nil
        }
        return scalar
    }

    private func separateIdeographs(_ text: inout AlignedText) {
        var changes: [AlignedText.Change] = []
        var isChanged = false
        text.forEachScalar { scalar, _ in
            if UnicodeProperties.isIdeograph(scalar) {
                changes.append(contentsOf: [.init(32, 0), .init(scalar, 1), .init(32, 1)])
                isChanged = true
            } else {
                changes.append(.init(scalar, 0))
            }
        }
        if isChanged { text.transform(changes) }
    }

    func document() -> JSONValue {
        [
            "type": "BertNormalizer", "clean_text": .bool(cleansText),
            "handle_chinese_chars": .bool(separatesIdeographs),
            "strip_accents": stripsAccents.map { .bool($0) } ?? nil, "lowercase": .bool(lowercases),
        ]
    }
}

/// Lower case, scalar by scalar: without regard to what stands around it.
struct LowercaseNormalizer: TextNormalizer {
    func normalize(_ text: inout AlignedText) {
        var changes: [AlignedText.Change] = []
        changes.reserveCapacity(text.count)
        var isChanged = false
        text.forEachScalar { scalar, _ in
            let lower = UnicodeProperties.lowercased(scalar)
            isChanged = isChanged || lower != scalar
            changes.append(.init(lower, 0))
            if scalar == 0x130 { changes.append(.init(0x307, 1)) }
        }
        if isChanged { text.transform(changes) }
    }

    func document() -> JSONValue { ["type": "Lowercase"] }
}

/// Removes marks; they stand apart from their letters only in decomposed text.
struct StripAccentsNormalizer: TextNormalizer {
    func normalize(_ text: inout AlignedText) {
        text.mapScalars { UnicodeProperties.has($0, UnicodeProperties.mark) ? nil : $0 }
    }

    func document() -> JSONValue { ["type": "StripAccents"] }
}

/// Removes white space at the ends.
struct StripNormalizer: TextNormalizer {
    let stripsLeft: Bool
    let stripsRight: Bool

    func normalize(_ text: inout AlignedText) {
        var start = 0
        var end = 0
        var isBeginning = true
        text.forEachScalar { scalar, range in
            let isSpace = UnicodeProperties.has(scalar, UnicodeProperties.whitespace)
            if isBeginning, isSpace { start = range.upperBound }
            isBeginning = isBeginning && isSpace
            if !isSpace { end = range.upperBound }
        }
        let first = stripsLeft ? start : 0
        let last = stripsRight ? max(end, first) : text.count
        guard first > 0 || last < text.count else { return }
        var kept = text
        kept.replace([last..<text.count], with: [])
        kept.replace([0..<first], with: [])
        text = kept
    }

    func document() -> JSONValue {
        ["type": "Strip", "strip_left": .bool(stripsLeft), "strip_right": .bool(stripsRight)]
    }
}

/// Puts a text in front of every text that is not empty.
struct PrependNormalizer: TextNormalizer {
    let content: String

    func normalize(_ text: inout AlignedText) { text.prepend(Array(content.utf8)) }

    func document() -> JSONValue { ["type": "Prepend", "prepend": .string(content)] }
}

/// Replaces what a pattern finds.
struct ReplaceNormalizer: TextNormalizer {
    let pattern: TextPattern
    let content: String

    func normalize(_ text: inout AlignedText) {
        let ranges = text.bytes.withUnsafeBufferPointer { pattern.matches(in: $0) }
        text.replace(ranges, with: Array(content.utf8))
    }

    func document() -> JSONValue {
        ["type": "Replace", "pattern": pattern.document(), "content": .string(content)]
    }
}

/// The cleaning of controls and spaces that neural machine translation toolkits share.
struct NmtNormalizer: TextNormalizer {
    func normalize(_ text: inout AlignedText) {
        text.mapScalars { scalar in
            switch scalar {
            case 1...8, 0xB, 0xE...0x1F, 0x7F, 0x8F, 0x9F: nil
            case 9, 0xA, 0xC, 0xD, 0x1680, 0x200B...0x200F, 0x2028, 0x2029, 0x2581, 0xFEFF, 0xFFFD: 32
            default: scalar
            }
        }
    }

    func document() -> JSONValue { ["type": "Nmt"] }
}

/// Spells every byte with its printable stand-in.
struct ByteLevelNormalizer: TextNormalizer {
    func normalize(_ text: inout AlignedText) { text = Self.spelled(text, 0..<text.count) }

    /// The stand-ins of some bytes.
    static func spelled(_ text: AlignedText, _ range: Range<Int>) -> AlignedText {
        var result = text.slice(0..<0)
        for index in range {
            result.append(scalar: ByteAlphabet.scalars[Int(text.bytes[index])].value, text.spans[index])
        }
        return result
    }

    func document() -> JSONValue { ["type": "ByteLevel"] }
}
