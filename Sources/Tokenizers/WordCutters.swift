/// Ways of cutting text into words that are not rules of byte-pair encoding.
extension WordCounter {
    /// Words between white space, which belongs to none.
    public static let atWhitespace: Cutter = { text, emit in
        guard let base = text.baseAddress else { return }
        let scanned = ScannedText(base, end: text.count)
        var position = 0
        while position < text.count {
            let (kind, count) = scanned.scalar(at: position)
            guard kind != ScalarClass.whitespace else {
                position += count
                continue
            }
            var end = position + count
            while end < text.count {
                let next = scanned.scalar(at: end)
                if next.kind == ScalarClass.whitespace { break }
                end += next.count
            }
            emit(position..<end)
            position = end
        }
    }

    /// Words that begin at each space (U+0020): SentencePiece's words, with the space still in its own form.
    public static let beforeSpaces: Cutter = { text, emit in
        var start = 0
        for position in text.indices where text[position] == 32 && position > start {
            emit(start..<position)
            start = position
        }
        if start < text.count { emit(start..<text.count) }
    }
}
