/// Cuts English text into words as treebanks do: clitics, punctuation, numbers with units, addresses and faces.
///
/// The rules are those of the Penn Treebank ("do n't", "$ 5", "John 's"), or those of Universal Dependencies' English
/// treebanks, which also cut at hyphens and slashes. Chinese in the text comes out in whole runs.
public struct EnglishTokenizer: WordSegmenter {
    /// Which treebanks are followed.
    public enum Style: String, Sendable, CaseIterable {
        /// The Penn Treebank: "15-year" and "and/or" are one word.
        case penn
        /// Universal Dependencies: "15 - year", "and / or".
        case universalDependencies = "universal_dependencies"
    }

    /// Which treebanks are followed.
    public let style: Style

    /// Makes a tokenizer.
    ///
    /// - Parameter style: Which treebanks are followed.
    public init(style: Style = .universalDependencies) { self.style = style }

    /// Finds the words of a text.
    ///
    /// - Parameter text: Any text.
    /// - Returns: The places of the words in the text's UTF-8 bytes, in order; they hold every character but white
    ///   space.
    public func ranges(in text: String) -> [Range<Int>] {
        var text = text
        return text.withUTF8 { bytes in
            var cutter = EnglishChunkCutter(bytes, style)
            var place = 0
            while place < bytes.count {
                let (value, length) = utf8Scalar(in: bytes, at: place)
                if CharacterUnits.isWhiteSpace(value) {
                    place += length
                    continue
                }
                var end = place + length
                while end < bytes.count {
                    let (next, size) = utf8Scalar(in: bytes, at: end)
                    if CharacterUnits.isWhiteSpace(next) { break }
                    end += size
                }
                cutter.cut(place..<end)
                place = end
            }
            return cutter.words
        }
    }
}

/// Cuts what stands between white space.
private struct EnglishChunkCutter {
    private let bytes: UnsafeBufferPointer<UInt8>
    private let style: EnglishTokenizer.Style
    private(set) var words: [Range<Int>] = []

    init(_ bytes: UnsafeBufferPointer<UInt8>, _ style: EnglishTokenizer.Style) {
        (self.bytes, self.style) = (bytes, style)
        words.reserveCapacity(bytes.count / 5)
    }

    mutating func cut(_ chunk: Range<Int>) {
        // Most chunks are plain words.
        if chunk.allSatisfy({ isLetter(bytes[$0]) }) { return core(chunk) }
        if isAddress(chunk) {
            let end = addressEnd(chunk)
            let start = addressStart(chunk.lowerBound..<end)
            symbols(chunk.lowerBound..<start)
            words.append(start..<end)
            return symbols(end..<chunk.upperBound)
        }
        var place = chunk.lowerBound
        while place < chunk.upperBound {
            let end = wordEnd(place, chunk.upperBound)
            if end > place {
                core(place..<end)
                place = end
            } else {
                place = symbol(place, chunk.upperBound)
            }
        }
    }

    // MARK: Kinds of bytes

    @inline(__always)
    private func isLetter(_ byte: UInt8) -> Bool { (0x61...0x7A).contains(byte | 0x20) }
    @inline(__always)
    private func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }

    /// Whether a letter, digit or mark on a letter stands at a place, and its length.
    @inline(__always)
    private func wordScalar(_ place: Int) -> (kind: UnitKind, length: Int) {
        let byte = bytes[place]
        if byte < 0x80 { return (isLetter(byte) ? .letter : isDigit(byte) ? .digit : .other, 1) }
        let (value, length) = utf8Scalar(in: bytes, at: place)
        let kind = CharacterUnits.kind(of: value)
        if kind != .other { return (kind, length) }
        // Other scripts' letters and marks.
        guard let properties = Unicode.Scalar(value)?.properties else { return (.other, length) }
        return (properties.isAlphabetic ? .letter : .other, length)
    }

    private func lowered(_ range: Range<Int>) -> String {
        String(decoding: bytes[range].map { isLetter($0) ? $0 | 0x20 : $0 }, as: UTF8.self)
    }

    private func apostrophe(_ place: Int) -> Int {
        if bytes[place] == 0x27 { return 1 }
        return place + 2 < bytes.count && bytes[place] == 0xE2 && bytes[place + 1] == 0x80
            && bytes[place + 2] == 0x99
            ? 3 : 0
    }

    // MARK: Addresses

    /// Whether a chunk holds an address of the net, of a mailbox or of a file.
    private func isAddress(_ chunk: Range<Int>) -> Bool {
        guard chunk.count > 4 else { return false }
        var (at, dots, slashes) = (0, 0, 0)
        for place in chunk {
            switch bytes[place] {
            case 0x40: at += place > chunk.lowerBound && place + 1 < chunk.upperBound ? 1 : 0
            case 0x2E: dots += 1
            case 0x2F: slashes += 1
            default: break
            }
        }
        if at > 0 { return isLetter(bytes[chunk.lowerBound]) || dots > 0 }
        if has(["http://", "https://", "ftp://", "www."], in: chunk) { return true }
        return dots > 0 && hasKnownEnding(chunk)
    }

    private func has(_ needles: [StaticString], in chunk: Range<Int>) -> Bool {
        needles.contains { needle in
            let count = needle.utf8CodeUnitCount
            guard chunk.count > count else { return false }
            return (chunk.lowerBound...min(chunk.lowerBound + 2, chunk.upperBound - count)).contains {
                start in
                (0..<count).allSatisfy { offset in
                    let byte = bytes[start + offset]
                    return (isLetter(byte) ? byte | 0x20 : byte) == needle.utf8Start[offset]
                }
            }
        }
    }

    /// Whether a chunk ends, apart from punctuation or a path, as a name of the net or a file does.
    private func hasKnownEnding(_ chunk: Range<Int>) -> Bool {
        let end = addressEnd(chunk)
        var tail = end
        while tail > chunk.lowerBound, isLetter(bytes[tail - 1]) || isDigit(bytes[tail - 1]) { tail -= 1 }
        guard tail > chunk.lowerBound + 1, bytes[tail - 1] == 0x2E,
            isLetter(bytes[tail - 2]) || isDigit(bytes[tail - 2])
        else { return false }
        let ending = lowered(tail..<end)
        return Self.endings.contains(ending)
    }

    private static let endings: Set<String> = [
        "com", "org", "net", "edu", "gov", "mil", "info", "biz", "io", "uk", "ca", "de", "fr", "jp", "cn",
        "au", "ru", "eu",
        "htm", "html", "php", "asp", "aspx", "jsp", "doc", "docx", "xls", "xlsx", "pdf", "txt", "ppt", "pptx",
        "jpg",
        "jpeg", "gif", "png", "mp3", "mp4", "zip", "exe", "csv", "xml", "json", "wav", "avi", "mpg",
    ]

    private func addressEnd(_ chunk: Range<Int>) -> Int {
        var end = chunk.upperBound
        while end > chunk.lowerBound {
            switch bytes[end - 1] {
            case 0x2E, 0x2C, 0x3B, 0x3A, 0x21, 0x3F, 0x22, 0x27, 0x5D, 0x3E, 0x7D, 0x29: end -= 1
            case 0x9D where end > chunk.lowerBound + 2 && bytes[end - 3] == 0xE2: end -= 3
            default: return end
            }
        }
        return end
    }

    private func addressStart(_ chunk: Range<Int>) -> Int {
        var start = chunk.lowerBound
        while start < chunk.upperBound {
            switch bytes[start] {
            case 0x22, 0x27, 0x28, 0x5B, 0x3C, 0x7B: start += 1
            case 0xE2 where start + 3 < chunk.upperBound: start += 3
            default: return start
            }
        }
        return start
    }

    private mutating func symbols(_ range: Range<Int>) {
        var place = range.lowerBound
        while place < range.upperBound { place = symbol(place, range.upperBound) }
    }

    // MARK: Symbols

    /// Adds the mark, run of marks or face at a place; says where it ends.
    private mutating func symbol(_ place: Int, _ limit: Int) -> Int {
        for face in EnglishWords.emoticons where place + face.count <= limit {
            guard (0..<face.count).allSatisfy({ bytes[place + $0] == face[$0] }) else { continue }
            let end = place + face.count
            if end < limit, wordScalar(end).kind != .other { continue }
            words.append(place..<end)
            return end
        }
        let byte = bytes[place]
        var end = place + 1
        switch byte {
        case 0x2E, 0x21, 0x3F:
            // "?!" and "..." are words, "...?" is two.
            let isMark = byte != 0x2E
            while end < limit, isMark ? bytes[end] == 0x21 || bytes[end] == 0x3F : bytes[end] == 0x2E {
                end += 1
            }
        case 0x27:
            if end < limit, bytes[end] == 0x27 { end += 1 }
        case 0x2D, 0x2A, 0x3D, 0x5F, 0x7E, 0x23, 0x2B, 0x3C, 0x3E, 0x60:
            while end < limit, bytes[end] == byte { end += 1 }
        case 0..<0x80: break
        default: end = min(symbolEnd(place, limit), limit)
        }
        words.append(place..<end)
        return end
    }

    /// Behind a mark outside ASCII: repeated ellipses and dashes, and everything that makes up one emoji.
    private func symbolEnd(_ place: Int, _ limit: Int) -> Int {
        let (value, length) = utf8Scalar(in: bytes, at: place)
        var end = place + length
        var (last, flags) = (value, isFlag(value) ? 1 : 0)
        while end < limit {
            let (next, size) = utf8Scalar(in: bytes, at: end)
            let isSame =
                (value == 0x2026 || value == 0x2014 || value == 0x2013 || value == 0x2019) && next == value
            let isModifier =
                next == 0xFE0F || next == 0x200D || (0x1F3FB...0x1F3FF).contains(next) || next == 0x20E3
            let isTag = (0xE0020...0xE007F).contains(next)
            let isPair = flags == 1 && isFlag(next)
            guard isSame || isModifier || isTag || isPair || last == 0x200D else { break }
            flags += isPair ? 1 : 0
            (last, end) = (next, end + size)
        }
        return end
    }

    private func isFlag(_ value: UInt32) -> Bool { (0x1F1E6...0x1F1FF).contains(value) }

    // MARK: Words

    /// Where the word that begins at a place ends: letters and digits with what may stand inside a word.
    private func wordEnd(_ start: Int, _ limit: Int) -> Int {
        var (place, last) = (start, UnitKind.other)
        // '90s and 'em begin with their apostrophe.
        let opening = apostrophe(start)
        if opening > 0 {
            let rest = start + opening
            guard rest < limit, isShortened(rest, limit) else { return start }
            place = rest
        }
        while place < limit {
            let (kind, length) = wordScalar(place)
            if kind != .other {
                // Chinese and other words do not mix.
                if last != .other, last.isIdeographic != kind.isIdeographic { break }
                (last, place) = (kind, place + length)
                continue
            }
            guard last != .other, let inner = innerMark(place, last, limit, start) else { break }
            place += inner
        }
        return place
    }

    /// Whether digits and an s, or a clitic that can stand alone, follow an apostrophe.
    private func isShortened(_ place: Int, _ limit: Int) -> Bool {
        var end = place
        while end < limit, isLetter(bytes[end]) || isDigit(bytes[end]) { end += 1 }
        let word = lowered(place..<end)
        if ["s", "m", "re", "ve", "ll", "d", "em", "til", "n", "cause", "tis", "twas"].contains(word) {
            return true
        }
        return end - place >= 2 && end - place <= 3 && isDigit(bytes[place]) && isDigit(bytes[place + 1])
    }

    /// The length of a mark that joins what stands on either side into one word.
    private func innerMark(_ place: Int, _ last: UnitKind, _ limit: Int, _ start: Int) -> Int? {
        let mark = apostrophe(place)
        let length = mark > 0 ? mark : 1
        let next = place + length < limit ? wordScalar(place + length).kind : .other
        if mark > 0 { return next != .other && !next.isIdeographic ? mark : nil }
        switch bytes[place] {
        case 0x2E:
            return stopIsInside(place, next, limit, start) ? 1 : nil
        case 0x2C, 0x3A:
            return last == .digit && next == .digit ? 1 : nil
        case 0x2F:
            if last == .digit, next == .digit { return 1 }
            return style == .penn && next != .other ? 1 : nil
        case 0x2D:
            return hyphenIsInside(place, last, next, limit, start) ? 1 : nil
        case 0x26, 0x5F:
            return next != .other ? 1 : nil
        case 0x40, 0x23, 0x2B: return nil
        default: return nil
        }
    }

    /// Whether a full stop belongs to the word before it.
    private func stopIsInside(_ place: Int, _ next: UnitKind, _ limit: Int, _ start: Int) -> Bool {
        if next == .digit, isDigit(bytes[place - 1]) { return true }
        if next == .letter {
            // Initials and short forms go on: U.S., e.g., p.m.
            var letters = 0
            while place - letters > start, isLetter(bytes[place - 1 - letters]) { letters += 1 }
            if letters == 1 || (letters == 2 && isAfterStopOrShort(place + 1, limit)) { return true }
            return false
        }
        if next != .other { return false }
        if place + 1 < limit, bytes[place + 1] == 0x2E { return false }
        let before = bytes[start..<place]
        if before.contains(0x2E) {
            return before.allSatisfy { isLetter($0) || $0 == 0x2E } && isShortParts(before)
        }
        guard before.count < 8, EnglishWords.abbreviations.contains(lowered(start..<place)) else {
            return false
        }
        if before.count == 1 { return (0x41...0x5A).contains(bytes[start]) && bytes[start] != 0x49 }
        return true
    }

    private func isShortParts(_ word: Slice<UnsafeBufferPointer<UInt8>>) -> Bool {
        word.split(separator: 0x2E).allSatisfy { $0.count <= 2 }
    }

    private func isAfterStopOrShort(_ place: Int, _ limit: Int) -> Bool {
        place + 1 < limit && bytes[place + 1] == 0x2E
    }

    /// Whether a hyphen joins: always in Penn's style, otherwise behind a prefix and inside a telephone number.
    private func hyphenIsInside(
        _ place: Int,
        _ last: UnitKind,
        _ next: UnitKind,
        _ limit: Int,
        _ start: Int
    ) -> Bool {
        guard next != .other, !next.isIdeographic, !last.isIdeographic else { return false }
        if style == .penn { return true }
        if last == .digit, next == .digit {
            // 713-853-3989 and 646-8420, but 1999-2000 and 3-4 are ranges.
            var right = place + 1
            while right < limit, right - place < 16, isDigit(bytes[right]) { right += 1 }
            let goesOn = right + 1 < limit && bytes[right] == 0x2D && isDigit(bytes[right + 1])
            return goesOn || bytes[start..<place].contains(0x2D) || (place - start == 3 && right - place == 5)
        }
        guard last == .letter, next == .letter else { return false }
        let word = lowered(start..<place)
        return EnglishWords.prefixes.contains(word)
    }

    /// Adds a word, its clitics cut off.
    private mutating func core(_ word: Range<Int>) {
        if let unit = unitStart(word) {
            words.append(word.lowerBound..<unit)
            words.append(unit..<word.upperBound)
            return
        }
        if word.count <= 8, word.count > 1, let cuts = EnglishWords.cuts[lowered(word)] {
            var start = word.lowerBound
            for cut in cuts + [word.count] {
                words.append(start..<word.lowerBound + cut)
                start = word.lowerBound + cut
            }
            return
        }
        var (end, clitics) = (word.upperBound, [Range<Int>]())
        while clitics.count < 3, let cut = cliticStart(word.lowerBound..<end), cut > word.lowerBound {
            clitics.append(cut..<end)
            end = cut
        }
        words.append(word.lowerBound..<end)
        words.append(contentsOf: clitics.reversed())
    }

    /// Where a unit begins behind a number: 5pm, 10km, 3.5GB; ordinals and decades stay whole.
    private func unitStart(_ word: Range<Int>) -> Int? {
        guard word.count > 2, word.count < 12, isDigit(bytes[word.lowerBound]) else { return nil }
        var place = word.lowerBound
        while place < word.upperBound, !isLetter(bytes[place]), bytes[place] < 0x80, bytes[place] != 0x27 {
            place += 1
        }
        guard place < word.upperBound, isDigit(bytes[place - 1]) else { return nil }
        let unit = lowered(place..<word.upperBound)
        return Self.units.contains(unit) ? place : nil
    }

    private static let units: Set<String> = [
        "am", "pm", "a.m.", "p.m.", "a.m", "p.m", "hrs", "hr", "mins", "min", "km", "kg", "mm", "cm", "ft",
        "lb", "lbs", "oz",
        "mph", "kmh", "mg", "ml", "mb", "gb", "tb", "kb", "ghz", "mhz", "hz", "yr", "yrs", "yo", "cc", "mw",
        "kw", "x",
        "mil", "bn", "k", "m", "b", "miles", "years", "pc", "in",
    ]

    /// Where a clitic at the end of a word begins: n't, 's, 're, 've, 'll, 'm, 'd.
    private func cliticStart(_ word: Range<Int>) -> Int? {
        var (mark, length, place) = (-1, 0, word.upperBound - 1)
        while place > word.lowerBound, word.upperBound - place <= 5 {
            let found = apostrophe(place)
            if found > 0 {
                (mark, length) = (place, found)
                break
            }
            place -= 1
        }
        guard mark > word.lowerBound else { return nil }
        let tail = bytes[mark + length..<word.upperBound].map { $0 | 0x20 }
        switch tail {
        case [0x73], [0x6D], [0x64], [0x72, 0x65], [0x76, 0x65], [0x6C, 0x6C]:
            // 1990's and the like are plurals of numbers.
            return isDigit(bytes[mark - 1]) && tail == [0x73] ? nil : mark
        case [0x74]:
            return bytes[mark - 1] | 0x20 == 0x6E && mark - 1 > word.lowerBound ? mark - 1 : nil
        default: return nil
        }
    }
}
