import CByteMasks

/// The borders of all pieces in 64 bytes of plain ASCII, found side by side with operations on bits.
///
/// A window begins where a piece begins. Each function answers with one bit for every place in the window where another
/// piece begins for certain: before the first byte that is not ASCII, and not so near to it or to the end of the window
/// that more would have to be known. No bit means that a scanner must find the end of the first piece.
enum WindowScanner {
    /// How many bytes from the beginning of a window on are read, those of a piece at its end included.
    static let readBytes = 80

    /// ` ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+`, contractions and white space.
    @inline(__always)
    static func gpt2(_ bytes: UnsafePointer<UInt8>) -> UInt64 {
        let kinds = Kinds(bytes)
        let (letters, numbers, symbols) = (kinds.letters, kinds.numbers, kinds.symbols)
        let space = kinds.space
        let wordStarts = letters & ~((letters | kinds.blanks) << 1)
        let numberStarts = numbers & ~((numbers | kinds.blanks) << 1)
        let symbolStarts = symbols & ~((symbols | kinds.blanks) << 1)
        var starts = wordStarts | numberStarts | symbolStarts | space & ~(space << 1) | space & ~(space >> 1)
        var apostrophes = kinds.apostrophes & symbolStarts & letters >> 1
        while apostrophes != 0 {
            let place = apostrophes.trailingZeroBitCount
            let count = contraction(bytes + place, foldingCase: false)
            if count > 0 { starts = starts & ~(2 << UInt64(place)) | 1 << UInt64(place + count) }
            apostrophes &= apostrophes - 1
        }
        return certain(starts, limit: kinds.lastCertain)
    }

    /// `[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,digits}| ?[^\s\p{L}\p{N}]+[\r\n]*`, contractions and white space.
    @inline(__always)
    static func cl100k(_ bytes: UnsafePointer<UInt8>, digits: Int) -> UInt64 {
        let kinds = Kinds(bytes)
        let letters = kinds.letters
        let symbolStarts = kinds.symbols & ~((kinds.symbols | kinds.blanks) << 1)
        let prefixes = symbolStarts & ~(kinds.symbols >> 1)
        var limit = kinds.lastCertain
        var starts = symbolStarts | letters & ~((letters | prefixes | kinds.inLine) << 1)
        starts |= numberStarts(kinds.numbers, digits) | spaceStarts(kinds, &limit)
        var apostrophes = kinds.apostrophes & prefixes & letters >> 1
        while apostrophes != 0 {
            let place = apostrophes.trailingZeroBitCount
            let count = contraction(bytes + place, foldingCase: true)
            if count > 0 { starts |= 1 << UInt64(place + count) }
            apostrophes &= apostrophes - 1
        }
        return certain(starts, limit: limit)
    }

    /// As `cl100k`, with words that are cut before capitals and keep their contractions, and symbols that keep slashes
    /// behind the ends of lines.
    @inline(__always)
    static func o200k(_ bytes: UnsafePointer<UInt8>) -> UInt64 {
        let kinds = Kinds(bytes)
        let letters = kinds.letters
        let symbolStarts = kinds.symbols & ~((kinds.symbols | kinds.blanks) << 1)
        let prefixes = symbolStarts & ~(kinds.symbols >> 1)
        var limit = kinds.lastCertain
        var starts = symbolStarts | letters & ~((letters | prefixes | kinds.inLine) << 1)
        starts |= kinds.uppercase & kinds.lowercase << 1
        starts |= numberStarts(kinds.numbers, 3) | spaceStarts(kinds, &limit)
        var apostrophes = kinds.apostrophes & letters << 1 & letters >> 1
        while apostrophes != 0 {
            let place = apostrophes.trailingZeroBitCount
            let count = contraction(bytes + place, foldingCase: true)
            if count > 0 {
                let end = place + count
                starts = starts & ~((1 << UInt64(end)) &- (1 << UInt64(place))) | 1 << UInt64(end)
                // The next one does not end the same word.
                if bytes[end] == UInt8(ascii: "'") { limit = min(limit, end) }
            }
            apostrophes &= apostrophes - 1
        }
        let taken = kinds.lineEnds & kinds.symbols << 1
        var behindLines = (kinds.lineEnds &+ taken) & kinds.symbols
        while behindLines != 0 {
            let place = behindLines.trailingZeroBitCount
            if bytes[place] == UInt8(ascii: "/") { limit = min(limit, place - 1) }
            behindLines &= behindLines - 1
        }
        return certain(starts, limit: limit)
    }

    /// The kinds of bytes in a window as the rules know them.
    private struct Kinds {
        let uppercase: UInt64
        let lowercase: UInt64
        let numbers: UInt64
        /// The space alone, which stands before words and symbols.
        let blanks: UInt64
        /// All white space.
        let space: UInt64
        let lineEnds: UInt64
        let apostrophes: UInt64
        let wide: UInt64

        @inline(__always)
        init(_ bytes: UnsafePointer<UInt8>) {
            let kinds = yuyan_kinds_of_bytes(bytes)
            (uppercase, lowercase, numbers) = (kinds.uppercase, kinds.lowercase, kinds.digits)
            (blanks, space, lineEnds) = (kinds.spaces, kinds.spaces | kinds.controls, kinds.line_ends)
            (apostrophes, wide) = (kinds.apostrophes, kinds.wide)
        }

        var letters: UInt64 { uppercase | lowercase }
        /// White space that does not end a line.
        var inLine: UInt64 { space & ~lineEnds }
        /// ASCII that is none of the others.
        var symbols: UInt64 { ~(uppercase | lowercase | numbers | space | wide) }

        /// The last place of which is certain whether a piece begins: one byte more is known, and where white space
        /// begins that may go on.
        var lastCertain: Int {
            let known = wide.trailingZeroBitCount
            let seen = ~space & ((1 << UInt64(known)) &- 1)
            return min(known - 2, 64 - seen.leadingZeroBitCount)
        }
    }

    /// The places of `starts` up to `limit` but the first, where the window begins.
    @inline(__always)
    private static func certain(_ starts: UInt64, limit: Int) -> UInt64 {
        limit > 0 ? starts & ((2 &<< UInt64(limit)) &- 2) : 0
    }

    /// Where groups of digits begin.
    @inline(__always)
    private static func numberStarts(_ numbers: UInt64, _ digits: Int) -> UInt64 {
        var starts = numbers & ~(numbers << 1)
        // Digits with as many digits before them as a group has.
        var later = numbers
        for count in 1...max(digits, 1) { later &= numbers << UInt64(count) }
        var next = starts << UInt64(max(digits, 1)) & later
        while next != 0 {
            starts |= next
            next = next << UInt64(max(digits, 1)) & later
        }
        return starts
    }

    /// Where pieces of white space begin.
    ///
    /// That is at the first byte of it, behind the last end of a line, and at the last byte unless it ends a line, where
    /// words and symbols take it. Ends of lines right behind symbols are theirs.
    @inline(__always)
    private static func spaceStarts(_ kinds: Kinds, _ limit: inout Int) -> UInt64 {
        let (space, lineEnds, inLine) = (kinds.space, kinds.lineEnds, kinds.inLine)
        let behindLines = inLine & lineEnds << 1
        // Adding carries from the beginning of a run to the place behind it.
        let notLast = (inLine &+ behindLines) & lineEnds
        if notLast != 0 {
            // Two ends of lines with spaces between them: only where all this begins is certain.
            let before = ~space & ((1 << UInt64(notLast.trailingZeroBitCount)) &- 1)
            limit = min(limit, 64 - before.leadingZeroBitCount)
        }
        let starts = space & ~(space << 1) & ~(lineEnds & kinds.symbols << 1)
        return starts | behindLines | inLine & ~(space >> 1)
    }

    /// How long the contraction at an apostrophe that a letter follows is; 0 when there is none.
    @inline(__always)
    private static func contraction(_ bytes: UnsafePointer<UInt8>, foldingCase: Bool) -> Int {
        let fold: UInt8 = foldingCase ? 0x20 : 0
        switch bytes[1] | fold {
        case UInt8(ascii: "s"), UInt8(ascii: "t"), UInt8(ascii: "m"), UInt8(ascii: "d"): return 2
        case UInt8(ascii: "r"), UInt8(ascii: "v"): return bytes[2] | fold == UInt8(ascii: "e") ? 3 : 0
        case UInt8(ascii: "l"): return bytes[2] | fold == UInt8(ascii: "l") ? 3 : 0
        default: return 0
        }
    }
}
