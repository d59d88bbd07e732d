/// Strips suffixes of English words (Porter 1980), with the departures that NLTK makes and ROUGE is computed with.
///
/// They are: a list of irregular words; `-ies` and `-ied` of four-letter words keep their `e`; `y` becomes `i` after any
/// consonant that is not the first letter; `-alli` is taken twice; `-bli`, `-fulli` and `-logi` are suffixes; a vowel
/// and a consonant alone count as ending in consonant, vowel, consonant.
struct PorterStemmer: Sendable {
    private var word: [UInt8] = []

    /// Returns the stem of a word of lowercase ASCII letters and digits.
    mutating func stem(_ text: [UInt8]) -> [UInt8] {
        if let irregular = Self.irregular[String(decoding: text, as: UTF8.self)] {
            return Array(irregular.utf8)
        }
        if text.count <= 2 { return text }
        word = text
        stripPlural()
        stripPast()
        turnY()
        shorten()
        apply(Self.adjectives) { $0.measure($1) > 0 }
        stripSuffix()
        stripFinalE()
        if ends("ll"), measure(word.count - 1) > 1 { word.removeLast() }
        return word
    }

    private static let irregular = [
        "sky": "sky", "skies": "sky", "dying": "die", "lying": "lie", "tying": "tie", "news": "news",
        "innings": "inning", "inning": "inning", "outings": "outing", "outing": "outing",
        "cannings": "canning", "canning": "canning", "howe": "howe", "proceed": "proceed",
        "exceed": "exceed", "succeed": "succeed",
    ]

    private typealias Rule = (suffix: StaticString, replacement: StaticString)

    private static let nouns: [Rule] = [
        ("ational", "ate"), ("tional", "tion"), ("enci", "ence"), ("anci", "ance"), ("izer", "ize"),
        ("bli", "ble"), ("alli", "al"), ("entli", "ent"), ("eli", "e"), ("ousli", "ous"),
        ("ization", "ize"), ("ation", "ate"), ("ator", "ate"), ("alism", "al"), ("iveness", "ive"),
        ("fulness", "ful"), ("ousness", "ous"), ("aliti", "al"), ("iviti", "ive"), ("biliti", "ble"),
        ("fulli", "ful"),
    ]

    private static let adjectives: [Rule] = [
        ("icate", "ic"), ("ative", ""), ("alize", "al"), ("iciti", "ic"), ("ical", "ic"), ("ful", ""),
        ("ness", ""),
    ]

    private static let residues: [Rule] = [
        ("al", ""), ("ance", ""), ("ence", ""), ("er", ""), ("ic", ""), ("able", ""), ("ible", ""),
        ("ant", ""), ("ement", ""), ("ment", ""), ("ent", ""), ("ion", ""), ("ou", ""), ("ism", ""),
        ("ate", ""), ("iti", ""), ("ous", ""), ("ive", ""), ("ize", ""),
    ]

    private func ends(_ suffix: StaticString) -> Bool {
        suffix.withUTF8Buffer { suffix in
            guard word.count >= suffix.count else { return false }
            let start = word.count - suffix.count
            for index in 0..<suffix.count where word[start + index] != suffix[index] { return false }
            return true
        }
    }

    private mutating func replace(last count: Int, by replacement: StaticString) {
        word.removeLast(count)
        replacement.withUTF8Buffer { word.append(contentsOf: $0) }
    }

    /// Applies the first rule whose suffix fits, if the stem before it meets the condition.
    private mutating func apply(_ rules: [Rule], where isMet: (Self, _ stem: Int) -> Bool) {
        for rule in rules where ends(rule.suffix) {
            let count = rule.suffix.utf8CodeUnitCount
            if isMet(self, word.count - count) { replace(last: count, by: rule.replacement) }
            return
        }
    }

    private static func isVowelLetter(_ letter: UInt8) -> Bool {
        switch Unicode.Scalar(letter) {
        case "a", "e", "i", "o", "u": true
        default: false
        }
    }

    private func isConsonant(_ index: Int) -> Bool {
        let y = UInt8(ascii: "y")
        if word[index] != y { return !Self.isVowelLetter(word[index]) }
        // In a run of y they alternate, beginning with what the letter before asks for.
        var (start, isConsonant) = (index, true)
        while start > 0, word[start] == y {
            isConsonant.toggle()
            start -= 1
        }
        return Self.isVowelLetter(word[start]) ? !isConsonant : isConsonant
    }

    /// Returns how often a vowel is followed by a consonant in the first letters.
    private func measure(_ count: Int) -> Int {
        var (result, wasConsonant) = (0, true)
        for index in 0..<count {
            let isConsonant = isConsonant(index, first: index == 0, afterConsonant: wasConsonant)
            if !wasConsonant, isConsonant { result += 1 }
            wasConsonant = isConsonant
        }
        return result
    }

    private func hasVowel(_ count: Int) -> Bool {
        var wasConsonant = true
        for index in 0..<count {
            wasConsonant = isConsonant(index, first: index == 0, afterConsonant: wasConsonant)
            if !wasConsonant { return true }
        }
        return false
    }

    /// Whether a letter is a consonant, when it is known what the letter before it is.
    private func isConsonant(_ index: Int, first: Bool, afterConsonant: Bool) -> Bool {
        if word[index] == UInt8(ascii: "y") { return first || !afterConsonant }
        return !Self.isVowelLetter(word[index])
    }

    private func endsConsonantVowelConsonant(_ count: Int) -> Bool {
        if count == 2 { return !isConsonant(0) && isConsonant(1) }
        guard count >= 3, isConsonant(count - 3), !isConsonant(count - 2), isConsonant(count - 1) else {
            return false
        }
        return word[count - 1] != UInt8(ascii: "w") && word[count - 1] != UInt8(ascii: "x")
            && word[count - 1] != UInt8(ascii: "y")
    }

    private mutating func stripPlural() {
        if ends("sses") || (ends("ies") && word.count != 4) {
            word.removeLast(2)
        } else if ends("ies") || (ends("s") && !ends("ss")) {
            word.removeLast()
        }
    }

    private mutating func stripPast() {
        if ends("ied") {
            word.removeLast(word.count == 4 ? 1 : 2)
            return
        }
        if ends("eed") {
            if measure(word.count - 3) > 0 { word.removeLast() }
            return
        }
        if ends("ed"), hasVowel(word.count - 2) {
            word.removeLast(2)
        } else if ends("ing"), hasVowel(word.count - 3) {
            word.removeLast(3)
        } else {
            return
        }
        let count = word.count
        if ends("at") || ends("bl") || ends("iz") {
            word.append(UInt8(ascii: "e"))
        } else if count >= 2, word[count - 1] == word[count - 2], isConsonant(count - 1) {
            if !ends("l"), !ends("s"), !ends("z") { word.removeLast() }
        } else if measure(count) == 1, endsConsonantVowelConsonant(count) {
            word.append(UInt8(ascii: "e"))
        }
    }

    private mutating func turnY() {
        let count = word.count
        if ends("y"), count > 2, isConsonant(count - 2) { word[count - 1] = UInt8(ascii: "i") }
    }

    private mutating func shorten() {
        if ends("alli"), measure(word.count - 4) > 0 { replace(last: 4, by: "al") }
        if Self.nouns.contains(where: { ends($0.suffix) }) {
            apply(Self.nouns) { $0.measure($1) > 0 }
        } else if ends("logi"), measure(word.count - 3) > 0 {
            word.removeLast()
        }
    }

    private mutating func stripSuffix() {
        apply(Self.residues) { stemmer, stem in
            if stemmer.measure(stem) <= 1 { return false }
            if !stemmer.ends("ion") { return true }
            return stemmer.word[stem - 1] == UInt8(ascii: "s") || stemmer.word[stem - 1] == UInt8(ascii: "t")
        }
    }

    private mutating func stripFinalE() {
        guard ends("e") else { return }
        let measure = measure(word.count - 1)
        if measure > 1 || (measure == 1 && !endsConsonantVowelConsonant(word.count - 1)) { word.removeLast() }
    }
}

/// Returns the stem of an English word, as NLTK's Porter stemmer and ROUGE with stemming see it.
///
/// - Parameter word: a word of lowercase ASCII letters and digits; ROUGE leaves words of up to three letters as they are.
/// - Returns: the stem, the word itself up to three letters.
public func porterStem(_ word: String) -> String {
    var stemmer = PorterStemmer()
    let letters = Array(word.utf8)
    return letters.count > 3 ? String(decoding: stemmer.stem(letters), as: UTF8.self) : word
}
