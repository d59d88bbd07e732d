/// How BLEU cuts texts into tokens, with the rules of sacreBLEU.
public enum BLEUTokenization: String, Sendable, CaseIterable {
    /// At white space only.
    case none
    /// The rules of `mteval-v13a`, the usual ones for Western languages.
    case thirteenA = "13a"
    /// Each Chinese character by itself, the rest as `13a`.
    case zh
    /// Each character.
    case char
    /// The rules of `mteval-v14` with Unicode's punctuation and symbols.
    case intl
}

/// Cuts texts into tokens; keeps its buffers between texts.
struct BLEUTokenizer: Sendable {
    let kind: BLEUTokenization
    let lowercased: Bool
    /// The scalars of the last text, with spaces between tokens.
    private(set) var scalars: [UInt32] = []
    /// The tokens of the last text, as runs of ``scalars``.
    private(set) var words: [Range<Int>] = []
    private var other: [UInt32] = []

    init(_ kind: BLEUTokenization, lowercased: Bool) {
        self.kind = kind
        self.lowercased = lowercased
    }

    /// Cuts a text.
    mutating func cut(_ text: String) {
        decode(text, lowercased: lowercased, into: &scalars)
        while let last = scalars.last, isSpace(last) { scalars.removeLast() }
        switch kind {
        case .none: break
        case .char:
            words.removeAll(keepingCapacity: true)
            for (index, scalar) in scalars.enumerated() where !isSpace(scalar) {
                words.append(index..<index + 1)
            }
            return
        case .thirteenA:
            unescape()
            scalars.insert(0x20, at: 0)
            scalars.append(0x20)
            separateMarks()
        case .zh:
            let start = scalars.firstIndex { !isSpace($0) } ?? scalars.count
            pass { from, to in
                for scalar in from[start...] { Self.append(scalar, apart: isChinese(scalar), to: &to) }
            }
            separateMarks()
        case .intl: separateByCategory()
        }
        splitWords(scalars, into: &words)
    }

    /// Rewrites the scalars by a function from old to new ones.
    @inline(__always)
    private mutating func pass(_ rewrite: ([UInt32], inout [UInt32]) -> Void) {
        other.removeAll(keepingCapacity: true)
        rewrite(scalars, &other)
        swap(&scalars, &other)
    }

    @inline(__always)
    private static func append(_ scalar: UInt32, apart: Bool, to scalars: inout [UInt32]) {
        if apart { scalars.append(0x20) }
        scalars.append(scalar)
        if apart { scalars.append(0x20) }
    }

    /// Takes out `<skipped>`, joins words hyphenated over lines and resolves four entities.
    private mutating func unescape() {
        if scalars.contains(0x3C) { replace("<skipped>", by: nil) }
        if scalars.contains(0x0A) {
            replace("-\n", by: nil)
            replace("\n", by: 0x20)
        }
        if scalars.contains(0x26) {
            replace("&quot;", by: 0x22)
            replace("&amp;", by: 0x26)
            replace("&lt;", by: 0x3C)
            replace("&gt;", by: 0x3E)
        }
    }

    private mutating func replace(_ old: StaticString, by new: UInt32?) {
        old.withUTF8Buffer { old in
            pass { from, to in
                var index = 0
                while index < from.count {
                    var length = 0
                    while length < old.count, index + length < from.count,
                        from[index + length] == UInt32(old[length])
                    { length += 1 }
                    if length == old.count {
                        if let new { to.append(new) }
                        index += length
                    } else {
                        to.append(from[index])
                        index += 1
                    }
                }
            }
        }
    }

    /// Sets marks apart, but for full stops, commas and hyphens within numbers.
    private mutating func separateMarks() {
        pass { from, to in
            for scalar in from { Self.append(scalar, apart: Self.isSeparate(scalar), to: &to) }
        }
        let isPoint = { (scalar: UInt32) in scalar == 0x2E || scalar == 0x2C }
        separate(pair: { !isASCIIDigit($0) && isPoint($1) }, around: (0, 1, 1))
        separate(pair: { isPoint($0) && !isASCIIDigit($1) }, around: (1, 1, 0))
        separate(pair: { isASCIIDigit($0) && $1 == 0x2D }, around: (0, 1, 1))
    }

    /// Sets punctuation apart that does not stand between digits, and all symbols.
    private mutating func separateByCategory() {
        separate(pair: { !isNumber($0) && isPunctuation($1) }, around: (0, 1, 1))
        separate(pair: { isPunctuation($0) && !isNumber($1) }, around: (1, 1, 0))
        pass { from, to in
            for scalar in from { Self.append(scalar, apart: isSymbol(scalar), to: &to) }
        }
    }

    /// Puts spaces before, between and after pairs of neighbours; pairs do not overlap.
    @inline(__always)
    private mutating func separate(
        pair isPair: (UInt32, UInt32) -> Bool,
        around spaces: (before: Int, between: Int, after: Int)
    ) {
        pass { from, to in
            var index = 0
            while index < from.count {
                if index + 1 < from.count, isPair(from[index], from[index + 1]) {
                    if spaces.before > 0 { to.append(0x20) }
                    to.append(from[index])
                    if spaces.between > 0 { to.append(0x20) }
                    to.append(from[index + 1])
                    if spaces.after > 0 { to.append(0x20) }
                    index += 2
                } else {
                    to.append(from[index])
                    index += 1
                }
            }
        }
    }

    /// Whether `13a` sets a scalar apart wherever it stands: ASCII's marks except ' , - and the full stop.
    @inline(__always)
    private static func isSeparate(_ scalar: UInt32) -> Bool {
        isASCIIPunctuation(scalar) && scalar != 0x27 && scalar != 0x2C && scalar != 0x2D && scalar != 0x2E
    }
}

/// Whether sacreBLEU's `zh` rules take a scalar for Chinese: ideographs of the Basic Multilingual Plane, marks and
/// full-width forms, and (by a slip of those rules that scores depend on) U+2001 … U+2A6D.
private func isChinese(_ scalar: UInt32) -> Bool {
    switch scalar {
    case 0x3400...0x4DB5, 0x4E00...0x9FBB, 0xF900...0xFA2D, 0xFA30...0xFA6A, 0xFA70...0xFAD9,
        0xFF00...0xFFEF, 0x2E80...0x2EFF, 0x3000...0x303F, 0x31C0...0x31EF, 0x2F00...0x2FDF,
        0x2FF0...0x2FFF, 0x3100...0x312F, 0x31A0...0x31BF, 0xFE10...0xFE1F, 0xFE30...0xFE4F,
        0x2001...0x2A6D, 0x3200...0x33FF:
        true
    default: false
    }
}

private func isPunctuation(_ scalar: UInt32) -> Bool {
    if scalar < 0x80 { return isASCIIPunctuation(scalar) && !isASCIISymbol(scalar) }
    switch Unicode.Scalar(scalar)?.properties.generalCategory {
    case .connectorPunctuation, .dashPunctuation, .openPunctuation, .closePunctuation, .initialPunctuation,
        .finalPunctuation, .otherPunctuation:
        return true
    default: return false
    }
}

private func isSymbol(_ scalar: UInt32) -> Bool {
    if scalar < 0x80 { return isASCIISymbol(scalar) }
    switch Unicode.Scalar(scalar)?.properties.generalCategory {
    case .mathSymbol, .currencySymbol, .modifierSymbol, .otherSymbol: return true
    default: return false
    }
}

/// Whether a scalar is one of $ + < = > ^ ` | and ~.
private func isASCIISymbol(_ scalar: UInt32) -> Bool {
    switch scalar {
    case 0x24, 0x2B, 0x3C, 0x3D, 0x3E, 0x5E, 0x60, 0x7C, 0x7E: true
    default: false
    }
}

private func isNumber(_ scalar: UInt32) -> Bool {
    if scalar < 0x80 { return isASCIIDigit(scalar) }
    switch Unicode.Scalar(scalar)?.properties.generalCategory {
    case .decimalNumber, .letterNumber, .otherNumber: return true
    default: return false
    }
}

/// Returns the tokens that BLEU sees in a text.
///
/// - Parameters:
///   - text: the text.
///   - tokenization: how to cut it.
///   - lowercased: whether to lowercase it first.
/// - Returns: the tokens.
public func bleuTokens(
    _ text: String,
    _ tokenization: BLEUTokenization = .thirteenA,
    lowercased: Bool = false
) -> [String] {
    var tokenizer = BLEUTokenizer(tokenization, lowercased: lowercased)
    tokenizer.cut(text)
    return tokenizer.words.map { word in
        var token = String.UnicodeScalarView()
        for value in tokenizer.scalars[word] { token.append(Unicode.Scalar(value) ?? "\u{FFFD}") }
        return String(token)
    }
}
