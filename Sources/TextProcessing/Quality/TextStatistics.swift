/// Counts of a text that quality filters judge by.
struct TextStatistics {
    /// Which counts are made; each costs a pass.
    struct Parts: OptionSet {
        let rawValue: UInt8
        static let lines = Parts(rawValue: 1)
        static let words = Parts(rawValue: 2)
        static let mojibake = Parts(rawValue: 4)
        static let repeatedLines = Parts(rawValue: 8)
    }

    var scalars = 0
    var spaces = 0
    var letters = 0
    var han = 0
    var digits = 0
    var punctuation = 0
    var capitals = 0
    var smallLetters = 0
    var hashes = 0
    var ellipses = 0
    var braces = 0
    var replacements = 0
    var mojibake = 0
    /// Words and Chinese characters, and the scalars in them; the share that is Latin and the like.
    var words = 0
    var otherWords = 0
    var otherWordScalars = 0
    var alphabeticWords = 0
    /// Tokens between white space that hold neither a letter nor a digit.
    var signWords = 0
    var stopWords = 0
    /// The hash and the scalars of each word.
    var units: [(hash: UInt64, scalars: Int)] = []
    var lines = LineStatistics()

    /// Scalars that are no white space, at least 1.
    var visible: Double { Double(max(scalars - spaces, 1)) }
    var isMostlyHan: Bool { 2 * han > letters }

    /// Counts.
    ///
    /// - Parameters:
    ///   - bytes: The text.
    ///   - parts: What is counted besides scalars.
    init(_ bytes: UnsafeBufferPointer<UInt8>, _ parts: Parts) {
        countScalars(bytes)
        if parts.contains(.words) { countWords(bytes) }
        if parts.contains(.mojibake) { mojibake = Mojibake.count(bytes, han: han) }
        if !parts.isDisjoint(with: [.lines, .repeatedLines]) {
            lines = LineStatistics(
                bytes,
                shorterThan: isMostlyHan ? 15 : 30,
                findsRepetition: parts.contains(.repeatedLines)
            )
        }
    }

    private mutating func countScalars(_ bytes: UnsafeBufferPointer<UInt8>) {
        var classes = [Int](repeating: 0, count: 8)
        var place = 0
        Self.asciiClasses.withUnsafeBufferPointer { table in
            while place < bytes.count {
                let byte = bytes[place]
                if byte < 0x80 {
                    classes[Int(table[Int(byte)])] += 1
                    place += 1
                    continue
                }
                let (value, length) = scalar(in: bytes, at: place)
                place += length
                countWide(value)
            }
        }
        (spaces, digits) = (spaces + classes[1], digits + classes[2])
        (capitals, smallLetters) = (capitals + classes[3], smallLetters + classes[4])
        letters += classes[3] + classes[4]
        hashes = classes[6]
        braces = classes[7]
        punctuation += classes[5] + classes[6] + classes[7]
        scalars += classes.reduce(0, +)
        var dots = 0
        for byte in bytes {
            dots = byte == UInt8(ascii: ".") ? dots + 1 : 0
            if dots == 3 { ellipses += 1 }
        }
    }

    @inline(__always)
    private mutating func countWide(_ value: UInt32) {
        scalars += 1
        if Characters.isHan(value) {
            han += 1
            letters += 1
        } else if Characters.isWhitespace(value) {
            spaces += 1
        } else if 0xFF10...0xFF19 ~= value {
            digits += 1
        } else if Characters.isWidePunctuation(value) {
            punctuation += 1
            if value == 0x2026 { ellipses += 1 }
        } else if value == 0xFFFD {
            replacements += 1
        } else if let properties = Unicode.Scalar(value)?.properties, properties.isAlphabetic {
            letters += 1
            if properties.isUppercase { capitals += 1 } else if properties.isLowercase { smallLetters += 1 }
        }
    }

    /// 0 symbol or control, 1 space, 2 digit, 3 capital, 4 small letter, 5 punctuation, 6 hash sign, 7 brace.
    private static let asciiClasses: [UInt8] = (UInt8(0)..<0x80).map { byte in
        switch byte {
        case UInt8(ascii: "#"): 6
        case UInt8(ascii: "{"), UInt8(ascii: "}"): 7
        case _ where Characters.isSpace(byte): 1
        case _ where Characters.isDigit(byte): 2
        case 0x41...0x5A: 3
        case 0x61...0x7A: 4
        case UInt8(ascii: "$"), UInt8(ascii: "+"), UInt8(ascii: "<"), UInt8(ascii: "="), UInt8(ascii: ">"),
            UInt8(ascii: "^"), UInt8(ascii: "`"), UInt8(ascii: "|"), UInt8(ascii: "~"):
            0
        case 0x21...0x7E: 5
        default: 0
        }
    }

    private mutating func countWords(_ bytes: UnsafeBufferPointer<UInt8>) {
        units.reserveCapacity(bytes.count / 5)
        var place = 0
        var (isToken, hasContent) = (false, false)
        func isApostrophe(_ value: UInt32) -> Bool { value == 0x27 || value == 0x2019 }
        while place < bytes.count {
            let (value, length) = scalar(in: bytes, at: place)
            if Characters.isHan(value) {
                let hash = Self.mix(UInt64(value) | 1 << 40)
                units.append((hash, 1))
                (words, alphabeticWords) = (words + 1, alphabeticWords + 1)
                if StopCharacters.chinese.contains(value) { stopWords += 1 }
                (isToken, hasContent) = (true, true)
                place += length
            } else if Self.isWordScalar(value) {
                let start = place
                var (count, hash, hasLetter) = (0, UInt64(0xCBF2_9CE4_8422_2325), false)
                while place < bytes.count {
                    let (next, width) = scalar(in: bytes, at: place)
                    guard Self.isWordScalar(next) && !Characters.isHan(next) || isApostrophe(next) else {
                        break
                    }
                    hash = (hash ^ UInt64(next)) &* 0x100_0000_01B3
                    hasLetter = hasLetter || !(0x30...0x39 ~= next) && !isApostrophe(next)
                    count += 1
                    place += width
                }
                noteWord(bytes, start..<place, count, Self.mix(hash), hasLetter)
                (isToken, hasContent) = (true, true)
            } else {
                if Characters.isWhitespace(value) {
                    if isToken, !hasContent { signWords += 1 }
                    (isToken, hasContent) = (false, false)
                } else {
                    isToken = true
                }
                place += length
            }
        }
        if isToken, !hasContent { signWords += 1 }
    }

    @inline(__always)
    private static func isWordScalar(_ value: UInt32) -> Bool {
        if value < 0x80 { return Characters.isAlphanumeric(UInt8(value)) }
        guard let properties = Unicode.Scalar(value)?.properties else { return false }
        return properties.isAlphabetic || properties.numericType != nil
            || properties.generalCategory == .nonspacingMark || properties.generalCategory == .spacingMark
    }

    private mutating func noteWord(
        _ bytes: UnsafeBufferPointer<UInt8>,
        _ range: Range<Int>,
        _ count: Int,
        _ hash: UInt64,
        _ hasLetter: Bool
    ) {
        units.append((hash, count))
        (words, otherWords, otherWordScalars) = (words + 1, otherWords + 1, otherWordScalars + count)
        if hasLetter { alphabeticWords += 1 }
        if range.count <= 12,
            StopCharacters.english.contains(
                String(decoding: UnsafeBufferPointer(rebasing: bytes[range]), as: UTF8.self)
            )
        {
            stopWords += 1
        }
    }

    @inline(__always)
    static func mix(_ value: UInt64) -> UInt64 {
        var mixed = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}

/// Function words that show that a text is prose.
private enum StopCharacters {
    static let english = StopWords.english
    static let chinese = Set(
        "的了和是在有我你他她们这那不也都就而及与或之其以于为因但对到从被把让很更最又还着过吗呢吧這們與於為對從還過嗎".unicodeScalars.map(\.value)
    )
}

/// Counts of the lines and paragraphs of a text.
struct LineStatistics {
    var count = 0
    var scalars = 0
    var longest = 0
    var bullets = 0
    var ellipses = 0
    var terminals = 0
    var short = 0
    var repeated = (lines: 0, lineScalars: 0, paragraphs: 0, paragraphScalars: 0)
    var paragraphs = 0

    init() {}

    /// Counts lines.
    ///
    /// - Parameters:
    ///   - bytes: The text.
    ///   - shorterThan: How many scalars a line needs not to be short.
    ///   - findsRepetition: Whether repeated lines and paragraphs are counted.
    init(_ bytes: UnsafeBufferPointer<UInt8>, shorterThan: Int, findsRepetition: Bool) {
        var lines = Set<TextFingerprint>()
        var known = Set<TextFingerprint>()
        var paragraph: TextFingerprint?
        var paragraphScalars = 0
        func close(_ statistics: inout LineStatistics) {
            guard let print = paragraph else { return }
            statistics.paragraphs += 1
            if !known.insert(print).inserted {
                statistics.repeated.paragraphs += 1
                statistics.repeated.paragraphScalars += paragraphScalars
            }
            (paragraph, paragraphScalars) = (nil, 0)
        }
        var start = 0
        while start < bytes.count {
            let end = Characters.endOfLine(bytes, from: start)
            var content = start..<end
            while let byte = content.first.map({ bytes[$0] }), Characters.isSpace(byte) {
                content.removeFirst()
            }
            while let byte = content.last.map({ bytes[$0] }), Characters.isSpace(byte) {
                content.removeLast()
            }
            start = end + 1
            if content.isEmpty {
                if findsRepetition { close(&self) }
                continue
            }
            let line = UnsafeBufferPointer(rebasing: bytes[content])
            let length = line.reduce(0) { $0 + ($1 & 0xC0 != 0x80 ? 1 : 0) }
            note(line, length, shorterThan)
            if findsRepetition {
                let print = TextFingerprint(bytes: UnsafeRawBufferPointer(line))
                if !lines.insert(print).inserted {
                    repeated.lines += 1
                    repeated.lineScalars += length
                }
                paragraph = paragraph?.joined(with: print) ?? print
                paragraphScalars += length
            }
        }
        if findsRepetition { close(&self) }
    }

    private mutating func note(_ line: UnsafeBufferPointer<UInt8>, _ length: Int, _ shorterThan: Int) {
        count += 1
        scalars += length
        longest = max(longest, length)
        if length < shorterThan { short += 1 }
        let first = scalar(in: line, at: 0).value
        switch first {
        case 0x2022, 0x2023, 0x25B6, 0x25C0, 0x25E6, 0x25A0, 0x25A1, 0x25AA, 0x25AB, 0x2013, 0x25CF, 0x25CB,
            0x00B7:
            bullets += 1
        case 0x2A, 0x2D: if line.count > 1, line[1] == 0x20 { bullets += 1 }
        default: break
        }
        let last = Characters.scalar(before: line.count, in: line) ?? 0
        switch last {
        case 0x2026: ellipses += 1
        case 0x2E where line.count >= 3 && line[line.count - 2] == 0x2E && line[line.count - 3] == 0x2E:
            ellipses += 1
        case 0x2E, 0x21, 0x3F, 0x22, 0x3002, 0xFF01, 0xFF1F, 0xFF1B, 0x201D, 0x2019, 0x300D, 0x300F, 0xFF02:
            terminals += 1
        default: break
        }
    }
}
