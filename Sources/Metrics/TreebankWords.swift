/// Returns the words of a text between Chinese characters, cut as the Penn Treebank does (and NLTK, with which CMRC
/// 2018's script is written).
///
/// Marks stand alone, except a full stop inside the text, commas and colons before digits and apostrophes inside words;
/// `'s`, `'m`, `'d`, `'ll`, `'re`, `'ve` and `n't` are cut off. Texts are taken for one sentence: NLTK would look for
/// ends of sentences first, which only matters for a full stop before a space.
func treebankWords(_ text: ArraySlice<UInt32>) -> [ArraySlice<UInt32>] {
    var words: [ArraySlice<UInt32>] = []
    var rest = text[...]
    while let start = rest.firstIndex(where: { !isSpace($0) }) {
        rest = rest[start...]
        let end = rest.firstIndex(where: isSpace) ?? rest.endIndex
        let isLast = !rest[end...].contains { !isSpace($0) }
        cutTreebankRun(rest[..<end], isLast: isLast, into: &words)
        rest = rest[end...]
    }
    return words
}

/// Cuts a run without spaces.
private func cutTreebankRun(_ run: ArraySlice<UInt32>, isLast: Bool, into words: inout [ArraySlice<UInt32>]) {
    var start = run.startIndex
    var place = run.startIndex
    func flush(to end: Int) { if end > start { cutContraction(run[start..<end], into: &words) } }
    while place < run.endIndex {
        let next = markLength(run, at: place, isLast: isLast)
        if next > 0 {
            flush(to: place)
            words.append(run[place..<place + next])
            place += next
            start = place
        } else {
            place += 1
        }
    }
    flush(to: run.endIndex)
}

/// Returns how many scalars at a place are a word of their own; 0 where a word goes on.
private func markLength(_ run: ArraySlice<UInt32>, at place: Int, isLast: Bool) -> Int {
    let next = place + 1 < run.endIndex ? run[place + 1] : nil
    switch run[place] {
    case 0x2E:
        var end = place
        while end < run.endIndex, run[end] == 0x2E { end += 1 }
        if end - place > 1 { return end - place }
        if place > run.startIndex, run[place - 1] == 0x2E { return 0 }
        let closes = run[(place + 1)...].allSatisfy {
            [0x5D, 0x29, 0x7D, 0x3E, 0x22, 0x27, 0xBB, 0x201D].contains($0)
        }
        return isLast && closes && place > run.startIndex ? 1 : 0
    case 0x2C, 0x3A: return next.map { isASCIIDigit($0) } ?? false ? 0 : 1
    // ; @ # $ % & ? ! ( ) [ ] { } < > "
    case 0x3B, 0x40, 0x23, 0x24, 0x25, 0x26, 0x3F, 0x21, 0x28, 0x29, 0x5B, 0x5D, 0x7B, 0x7D, 0x3C, 0x3E, 0x22,
        0xAB, 0xBB, 0x2018, 0x201E:
        return 1
    default: return 0
    }
}

/// Cuts a contracted ending or a closing apostrophe off a word.
private func cutContraction(_ word: ArraySlice<UInt32>, into words: inout [ArraySlice<UInt32>]) {
    let endings: [[UInt32]] = [
        [0x27, 0x6C, 0x6C], [0x27, 0x72, 0x65], [0x27, 0x76, 0x65], [0x6E, 0x27, 0x74], [0x27, 0x73],
        [0x27, 0x6D], [0x27, 0x64], [0x27],
    ]
    for ending in endings where word.count > ending.count && word.suffix(ending.count).elementsEqual(ending) {
        words.append(word.dropLast(ending.count))
        words.append(word.suffix(ending.count))
        return
    }
    words.append(word)
}
