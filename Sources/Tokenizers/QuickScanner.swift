/// The ends of pieces of plain ASCII, found by eight bytes at a time.
///
/// Each function needs `lookAhead` bytes from the position on and returns 0 where the scanner must decide: where a piece
/// is long, or what follows it is no ASCII.
enum QuickScanner {
    /// How many bytes are looked at without asking for the end.
    static let lookAhead = 16

    /// ` ?\p{L}+` and the rest.
    @inline(__always)
    static func gpt2(_ text: ScannedText, _ start: Int) -> Int {
        let word = ByteLanes.load(text.bytes + start)
        let letters = ByteLanes.letters(word)
        let skip = word & 0xFF == 0x20 ? 1 : 0
        let run = ByteLanes.run(letters &>> UInt64(8 &* skip))
        if run == 0 { return gpt2Rest(text, start, word, letters, skip) }
        return text.endOfLetters(start &+ skip &+ run, isComplete: skip &+ run < 8)
    }

    /// `[^\r\n\p{L}\p{N}]?\p{L}+` and the rest; not at an apostrophe.
    @inline(__always)
    static func cl100k(_ text: ScannedText, _ start: Int, digits: Int) -> Int {
        let word = ByteLanes.load(text.bytes + start)
        let letters = ByteLanes.letters(word)
        let skip = letters & 0x80 == 0 ? 1 : 0
        let run = ByteLanes.run(letters &>> UInt64(8 &* skip))
        let first = UInt8(truncatingIfNeeded: word)
        if run == 0 || skip == 1 && first != 0x20 && (first == 0x27 || !isPrefix(first)) {
            return first == 0x27 ? 0 : rest(text, start, word, letters, digits: digits, takingSlash: false)
        }
        return text.endOfLetters(start &+ skip &+ run, isComplete: skip &+ run < 8)
    }

    /// The first two alternatives of o200k and the rest.
    @inline(__always)
    static func o200k(_ text: ScannedText, _ start: Int) -> Int {
        let word = ByteLanes.load(text.bytes + start)
        let upper = ByteLanes.uppercase(word)
        let lower = ByteLanes.lowercase(word)
        let skip = (upper | lower) & 0x80 == 0 ? 1 : 0
        let capitals = ByteLanes.run(upper &>> UInt64(8 &* skip))
        let small = ByteLanes.run(lower &>> UInt64(8 &* (skip &+ capitals)))
        let count = skip &+ capitals &+ small
        let first = UInt8(truncatingIfNeeded: word)
        if count == skip || skip == 1 && first != 0x20 && !isPrefix(first) {
            return rest(text, start, word, upper | lower, digits: 3, takingSlash: true)
        }
        // All eight bytes taken by capitals: whether small letters follow is for the scanner to find out.
        if skip &+ capitals > 7 { return 0 }
        var end = start &+ count
        if count > 7 { end = text.endOfLowercase(end) }
        guard end < text.end, text.bytes[end] < 0x80 else { return 0 }
        return text.bytes[end] == 0x27 ? Scanner.endOfContraction(text, end, foldingCase: true) : end
    }

    /// `[^\r\n\p{L}\p{N}]` for ASCII that is no letter.
    @inline(__always)
    private static func isPrefix(_ byte: UInt8) -> Bool {
        byte < 0x80 && byte != 10 && byte != 13 && byte &- 0x30 > 9
    }

    /// What is no word under cl100k's and o200k's rule: a number, ` ?[^\s\p{L}\p{N}]+[\r\n]*`, or white space.
    @inline(__always)
    private static func rest(
        _ text: ScannedText,
        _ start: Int,
        _ word: UInt64,
        _ letters: UInt64,
        digits: Int,
        takingSlash: Bool
    ) -> Int {
        let numbers = ByteLanes.digits(word)
        if numbers & 0x80 != 0 {
            let run = ByteLanes.run(numbers)
            if run >= digits { return start &+ digits }
            return run < 8 && text.bytes[start &+ run] < 0x80 ? start &+ run : 0
        }
        let symbols = ByteLanes.visible(word) & ~(numbers | letters)
        let skip = word & 0xFF == 0x20 ? 1 : 0
        let run = ByteLanes.run(symbols &>> UInt64(8 &* skip))
        guard run > 0 else { return space(text, start, word, endingAtLines: true) }
        guard skip &+ run < 8 else { return 0 }
        var end = start &+ skip &+ run
        guard isSeen(text.bytes[end]) || isSpace(text.bytes[end]) else { return 0 }
        while end < text.end, isLineEnd(text.bytes[end]) || takingSlash && text.bytes[end] == 0x2F {
            end &+= 1
        }
        return end
    }

    /// What is no word under GPT-2's rule: numbers and symbols behind a space or none, or white space.
    @inline(__always)
    private static func gpt2Rest(
        _ text: ScannedText,
        _ start: Int,
        _ word: UInt64,
        _ letters: UInt64,
        _ skip: Int
    ) -> Int {
        let digits = ByteLanes.digits(word)
        let symbols = ByteLanes.visible(word) & ~(digits | letters)
        let shift = UInt64(8 &* skip)
        let run = max(ByteLanes.run(digits &>> shift), ByteLanes.run(symbols &>> shift))
        guard run > 0 else { return space(text, start, word, endingAtLines: false) }
        guard skip &+ run < 8, word & 0xFF != 0x27 else { return 0 }
        let end = start &+ skip &+ run
        return isSeen(text.bytes[end]) || isSpace(text.bytes[end]) ? end : 0
    }

    /// `\s*[\r\n]+|\s+(?!\S)|\s+`, the first only where a piece ends at the ends of lines; something to be seen follows.
    @inline(__always)
    private static func space(_ text: ScannedText, _ start: Int, _ word: UInt64, endingAtLines: Bool) -> Int {
        let run = ByteLanes.run(ByteLanes.spaces(word) | ByteLanes.controls(word))
        guard run &- 1 < 7, run > 0, isSeen(text.bytes[start &+ run]) else { return 0 }
        if endingAtLines {
            let lines = ByteLanes.lineEnds(word) & ((1 &<< UInt64(8 &* run)) &- 1)
            if lines != 0 { return start &+ 8 &- lines.leadingZeroBitCount >> 3 }
        }
        return start &+ max(run &- 1, 1)
    }

    @inline(__always)
    private static func isSeen(_ byte: UInt8) -> Bool { byte &- 0x21 < 0x5E }

    @inline(__always)
    private static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || byte &- 9 < 5 }

    @inline(__always)
    private static func isLineEnd(_ byte: UInt8) -> Bool { byte == 10 || byte == 13 }
}
