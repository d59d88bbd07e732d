/// Cuts text into sentences by rules for English and Chinese, also mixed; every byte but white space at the edges of a
/// sentence keeps its place.
public struct SentenceSplitter: Sendable {
    /// What a line end means.
    public enum LineEnds: String, Sendable, CaseIterable {
        /// Every line end ends a sentence.
        case always
        /// A blank line ends a sentence, and so does the line end before an item of a list.
        case paragraphs
        /// Line ends are white space.
        case never
    }

    /// What a line end means.
    public let lineEnds: LineEnds
    /// Whether the Chinese semicolon ends a sentence.
    public let splitsAtSemicolons: Bool
    private let abbreviations: Set<String>

    /// Makes a splitter.
    ///
    /// - Parameters:
    ///   - lineEnds: What a line end means.
    ///   - splitsAtSemicolons: Whether the Chinese semicolon ends a sentence.
    ///   - abbreviations: More words that are written with a full stop inside a sentence; case does not count.
    public init(
        lineEnds: LineEnds = .always,
        splitsAtSemicolons: Bool = false,
        abbreviations: [String] = []
    ) {
        (self.lineEnds, self.splitsAtSemicolons) = (lineEnds, splitsAtSemicolons)
        self.abbreviations = Set(
            abbreviations.map { word in
                let lowered = word.lowercased()
                return lowered.utf8.last == 0x2E ? String(lowered.dropLast()) : lowered
            }
        )
    }

    /// Cuts a text into sentences.
    ///
    /// - Parameter text: Any text.
    /// - Returns: The sentences without the white space around them.
    public func sentences(in text: String) -> [String] { slices(of: text, ranges(in: text)) }

    /// Finds the sentences of a text.
    ///
    /// - Parameter text: Any text.
    /// - Returns: The places of the sentences in the text's UTF-8 bytes, in order, without white space around them.
    public func ranges(in text: String) -> [Range<Int>] {
        var text = text
        return text.withUTF8 { bytes in
            var scanner = SentenceScanner(bytes, rules: self)
            return scanner.sentences()
        }
    }

    func isAbbreviation(_ word: String) -> Bool { abbreviations.contains(word) }
}

/// One walk over a text.
private struct SentenceScanner {
    private let bytes: UnsafeBufferPointer<UInt8>
    private let rules: SentenceSplitter
    private var start = 0
    private var ranges: [Range<Int>] = []

    init(_ bytes: UnsafeBufferPointer<UInt8>, rules: SentenceSplitter) {
        (self.bytes, self.rules) = (bytes, rules)
    }

    mutating func sentences() -> [Range<Int>] {
        var place = 0
        while place < bytes.count {
            let byte = bytes[place]
            // Only these bytes can begin a stop or a line end.
            guard byte == 0x2E || byte == 0x21 || byte == 0x3F || byte == 0x0A || byte == 0x0D || byte >= 0xE2
            else {
                place += 1
                continue
            }
            if byte == 0x0A || byte == 0x0D {
                place = endOfLines(place)
                continue
            }
            let (value, length) = utf8Scalar(in: bytes, at: place)
            if SentenceRules.isStop(value) {
                place = afterStop(place)
            } else {
                place += length
                if value == 0xFF1B, rules.splitsAtSemicolons { cut(at: closersEnd(place)) }
            }
        }
        cut(at: bytes.count)
        return ranges
    }

    /// Ends the sentence at a place, unless it is empty.
    private mutating func cut(at end: Int) {
        guard end > start else { return }
        var (first, last) = (start, end)
        while first < last {
            let (value, length) = utf8Scalar(in: bytes, at: first)
            guard CharacterUnits.isWhiteSpace(value) else { break }
            first += length
        }
        while last > first {
            var before = last - 1
            while before > first, bytes[before] & 0xC0 == 0x80 { before -= 1 }
            guard CharacterUnits.isWhiteSpace(utf8Scalar(in: bytes, at: before).value) else { break }
            last = before
        }
        if last > first { ranges.append(first..<last) }
        start = end
    }

    /// Handles line ends and the white space around them; says where to go on.
    private mutating func endOfLines(_ place: Int) -> Int {
        var (next, count) = (place, 0)
        while next < bytes.count, bytes[next] <= 0x20 {
            if bytes[next] == 0x0A
                || (bytes[next] == 0x0D && (next + 1 == bytes.count || bytes[next + 1] != 0x0A))
            {
                count += 1
            }
            next += 1
        }
        switch rules.lineEnds {
        case .always: cut(at: place)
        case .paragraphs: if count > 1 || isListItem(next) { cut(at: place) }
        case .never: break
        }
        return next
    }

    /// Whether an item of a list begins: a bullet, or a number or letter with a stop or bracket, and white space.
    private func isListItem(_ place: Int) -> Bool {
        guard place < bytes.count else { return false }
        let (value, length) = utf8Scalar(in: bytes, at: place)
        var next = place + length
        switch value {
        case 0x2A, 0x2B, 0x2D, 0xB7, 0x2022, 0x25CF, 0x25AA, 0x2013: break
        case 0x30...0x39:
            while next < bytes.count, (0x30...0x39).contains(bytes[next]), next - place < 3 { next += 1 }
            guard next < bytes.count, bytes[next] == 0x2E || bytes[next] == 0x29 else { return false }
            next += 1
        default: return false
        }
        return next < bytes.count && (bytes[next] == 0x20 || bytes[next] == 0x09)
    }

    /// Behind the quotes and brackets that close at a place.
    private func closersEnd(_ place: Int) -> Int {
        var end = place
        while end < bytes.count {
            let (value, length) = utf8Scalar(in: bytes, at: end)
            guard SentenceRules.isCloser(value) else { break }
            end += length
        }
        return end
    }

    /// Behind a face such as :-) that follows at a place, white space before it; the place itself when none does.
    private func faceEnd(_ place: Int) -> Int {
        guard place + 2 < bytes.count, bytes[place] == 0x20, bytes[place + 1] < 0x41 else { return place }
        for face in EnglishWords.emoticons where place + 1 + face.count <= bytes.count {
            let end = place + 1 + face.count
            guard bytes[place + 1..<end].elementsEqual(face) else { continue }
            return end == bytes.count || bytes[end] <= 0x20 ? end : place
        }
        return place
    }

    /// Decides about a cluster of stops; says where to go on.
    private mutating func afterStop(_ place: Int) -> Int {
        var (end, isWide, hasMark, dots) = (place, false, false, 0)
        var endsWithFullStop = false
        while end < bytes.count {
            let (value, length) = utf8Scalar(in: bytes, at: end)
            guard SentenceRules.isStop(value) else { break }
            isWide = isWide || SentenceRules.isWideStop(value)
            hasMark =
                hasMark || value == 0x21 || value == 0x3F || value == 0x203C
                || (0x2047...0x2049).contains(value)
            if value == 0x2E { dots += 1 }
            if value == 0x2026 { dots += 2 }
            endsWithFullStop = value == 0x3002
            end += length
        }
        let closed = faceEnd(closersEnd(end))
        if isWide {
            if endsWideSentence(end, closed, endsWithFullStop) { cut(at: closed) }
            return closed
        }
        if closed >= bytes.count { return closed }
        // A quote with a space before it opens what follows.
        let (next, nextLength) = utf8Scalar(in: bytes, at: closed)
        if !CharacterUnits.isWhiteSpace(next) {
            if isBoundaryWithoutSpace(
                next,
                before: place,
                hasMark: hasMark,
                dots: dots,
                isClosed: closed > end
            ) {
                cut(at: closed)
            }
            return closed
        }
        if endsSentence(stop: place, closed: closed, after: closed + nextLength, hasMark: hasMark, dots: dots)
        {
            cut(at: closed)
        }
        return closed
    }

    /// Whether a Chinese stop with what closes behind it ends a sentence.
    private func endsWideSentence(_ stop: Int, _ closed: Int, _ isFullStop: Bool) -> Bool {
        guard closed > stop, closed < bytes.count else { return true }
        let (closer, _) = utf8Scalar(in: bytes, at: stop)
        let (next, _) = utf8Scalar(in: bytes, at: closed)
        // A stop in the name of a work belongs to the name.
        if closer == 0x300B || closer == 0x3009 { return CharacterUnits.isWhiteSpace(next) }
        switch next {
        case 0xFF0C, 0x3001, 0xFF1B, 0xFF1A, 0x2C, 0x3B, 0x3A, 0x2014, 0x7684: return false
        default: break
        }
        // “去吗？”他问 is one sentence, “我去。”他走了 is two.
        return isFullStop || !CharacterUnits.kind(of: next).isIdeographic
    }

    /// Whether a stop that something follows at once ends a sentence: before Chinese, and after "word.Next".
    private func isBoundaryWithoutSpace(
        _ next: UInt32,
        before stop: Int,
        hasMark: Bool,
        dots: Int,
        isClosed: Bool
    ) -> Bool {
        if CharacterUnits.kind(of: next).isIdeographic {
            // An ellipsis joins as often as it ends; a mark before Chinese ends.
            return hasMark && !isClosed
        }
        if next >= 0x1F300, next <= 0x1FAFF { return false }
        guard (0x41...0x5A).contains(next), stop > start else { return false }
        if hasMark { return !isInsideToken(stop) }
        let word = wordBefore(stop)
        return dots == 1 && word.count > 2 && word.allSatisfy { (0x61...0x7A).contains($0) }
            && !isInsideToken(stop)
    }

    /// Whether the run of ASCII without white space around a place looks like an address.
    private func isInsideToken(_ place: Int) -> Bool {
        var (left, right) = (place, place)
        while left > start, (0x21..<0x80).contains(bytes[left - 1]), place - left < 200 { left -= 1 }
        while right < bytes.count, (0x21..<0x80).contains(bytes[right]), right - place < 200 { right += 1 }
        let token = bytes[left..<right]
        return token.contains(0x2F) || token.contains(0x40) || token.contains(0x5F) || token.contains(0x3D)
    }

    /// The letters, digits and inner stops before a place.
    private func wordBefore(_ place: Int) -> ArraySlice<UInt8> {
        var first = place
        while first > start, place - first < 24 {
            var before = first - 1
            let byte = bytes[before]
            if byte >= 0x80 {
                while before > start, bytes[before] & 0xC0 == 0x80 { before -= 1 }
                if CharacterUnits.isWhiteSpace(utf8Scalar(in: bytes, at: before).value) { break }
            } else {
                let isWord = (byte | 0x20) >= 0x61 && (byte | 0x20) <= 0x7A || (0x30...0x39).contains(byte)
                guard isWord || byte == 0x2E || byte == 0x27 else { break }
            }
            first = before
        }
        return Array(bytes[first..<place])[...]
    }

    /// The next word, without what opens before it.
    private func wordAfter(_ place: Int) -> (word: ArraySlice<UInt8>, first: UInt32) {
        var next = place
        while next < bytes.count {
            let (value, length) = utf8Scalar(in: bytes, at: next)
            guard SentenceRules.isOpener(value) || CharacterUnits.isWhiteSpace(value) else { break }
            next += length
        }
        guard next < bytes.count else { return ([], 0) }
        var end = next
        while end < bytes.count, end - next < 24 {
            let byte = bytes[end]
            guard (byte | 0x20) >= 0x61 && (byte | 0x20) <= 0x7A || byte >= 0x80 || byte == 0x27 else {
                break
            }
            end += 1
        }
        return (Array(bytes[next..<end])[...], utf8Scalar(in: bytes, at: next).value)
    }

    /// Whether stops with white space behind them end a sentence.
    private func endsSentence(stop: Int, closed: Int, after: Int, hasMark: Bool, dots: Int) -> Bool {
        let (word, first) = wordAfter(after)
        guard first != 0 else { return true }
        let isLower =
            (0x61...0x7A).contains(first)
            || (first >= 0x80 && (Unicode.Scalar(first)?.properties.isLowercase ?? false))
        // Stops with spaces between them end where the last one ends.
        if first == 0x2C || first == 0x3B || first == 0x29 || first == 0x5D || SentenceRules.isStop(first) {
            return false
        }
        if hasMark {
            // "What?" he said: a quote goes on in lower case.
            return !(isLower && closed - stop > 1 && SentenceRules.isCloser(UInt32(bytes[closed - 1])))
                && !(isLower && isQuoteOrBracket(closed))
        }
        let before = wordBefore(stop)
        if isLower {
            return dots == 1 && bytes[closed - 1] == 0x2E && isPlainWord(before) && word.first != 0x27
        }
        if dots > 1 { return true }
        if closed > stop + 1 { return true }
        return isEndAfterWord(before, stop: stop, next: word, first)
    }

    private func isQuoteOrBracket(_ closed: Int) -> Bool {
        closed >= 3 && bytes[closed - 3] == 0xE2 && bytes[closed - 2] == 0x80 && bytes[closed - 1] == 0x9D
    }

    /// Whether a single full stop behind a word ends a sentence.
    private func isEndAfterWord(
        _ before: ArraySlice<UInt8>,
        stop: Int,
        next: ArraySlice<UInt8>,
        _ first: UInt32
    ) -> Bool {
        guard let last = before.last else { return true }
        let lowered = Self.lowered(before)
        let following = Self.lowered(next)
        let startsOften = SentenceRules.starters.contains(following.replacingTypographicApostrophe)
        let isCapital = before.first.map { (0x41...0x5A).contains($0) } ?? false
        if rules.isAbbreviation(lowered) { return false }
        if before.count == 1, (0x30...0x39).contains(last) || isCapital {
            // The number of an item at the beginning of a sentence, or an initial.
            if isAtStart(stop - before.count) { return false }
            return isCapital ? startsOften && following != "a" : true
        }
        if (0x30...0x39).contains(last), before.count < 4, before.allSatisfy({ (0x30...0x39).contains($0) }) {
            return !isAtStart(stop - before.count)
        }
        if SentenceRules.leading.contains(lowered) {
            // "No." and the like are words too: they are abbreviations before a digit alone.
            return SentenceRules.numbered.contains(lowered) && !(0x30...0x39).contains(first)
        }
        if SentenceRules.trailing.contains(lowered) { return startsOften || lowered == "etc" }
        // Initials with inner stops: "J.R. Smith", "the U.S. Army".
        if before.contains(0x2E), isInitials(before) { return startsOften }
        return true
    }

    /// Whether a word is no known abbreviation, so that a stop behind it ends a sentence even before a small letter.
    private func isPlainWord(_ word: ArraySlice<UInt8>) -> Bool {
        guard word.count > 1, word.allSatisfy({ (0x61...0x7A).contains($0 | 0x20) }) else { return false }
        let lowered = Self.lowered(word)
        return !rules.isAbbreviation(lowered) && !SentenceRules.leading.contains(lowered)
            && !SentenceRules.trailing.contains(lowered)
    }

    private static func lowered(_ word: ArraySlice<UInt8>) -> String {
        String(decoding: word.map { (0x41...0x5A).contains($0) ? $0 | 0x20 : $0 }, as: UTF8.self)
    }

    /// Whether letters and stops alternate.
    private func isInitials(_ word: ArraySlice<UInt8>) -> Bool {
        for (offset, byte) in word.enumerated() where (byte == 0x2E) != (offset % 2 == 1) { return false }
        return true
    }

    /// Whether the sentence begins at a place, white space and what opens left out.
    private func isAtStart(_ wanted: Int) -> Bool {
        var place = start
        while place < wanted {
            let (value, size) = utf8Scalar(in: bytes, at: place)
            guard CharacterUnits.isWhiteSpace(value) || SentenceRules.isOpener(value) else { break }
            place += size
        }
        return place == wanted
    }
}

extension String {
    fileprivate var replacingTypographicApostrophe: String {
        utf8.contains(0xE2) ? replacing("\u{2019}", with: "'") : self
    }
}
