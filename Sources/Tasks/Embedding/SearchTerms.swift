import YuyanMetrics
import YuyanTextProcessing

/// How texts become the terms of a lexical index.
///
/// By default words in small letters, and pairs of neighbouring characters where a text is Chinese, Japanese or Korean (a
/// character that stands alone is itself a term). A segmenter finds the words of such texts instead.
public struct SearchTerms: Sendable {
    private let segmenter: (any WordSegmenter)?
    private let stems: Bool

    /// Makes the rules.
    ///
    /// - Parameters:
    ///   - segmenter: What finds words; nil for the default.
    ///   - stems: Whether English words are cut to their stems by Porter's rules.
    public init(segmenter: (any WordSegmenter)? = nil, stems: Bool = false) {
        (self.segmenter, self.stems) = (segmenter, stems)
    }

    /// The terms of a text in order.
    ///
    /// - Parameter text: The text.
    /// - Returns: The terms; marks are none.
    public func callAsFunction(_ text: String) -> [String] {
        let lowered = text.lowercased()
        guard let segmenter else { return runs(lowered) }
        return segmenter.words(in: lowered).filter { word in
            word.unicodeScalars.contains { Self.isLetter($0) }
        }.map(stem)
    }

    private func stem(_ word: String) -> String {
        stems && word.utf8.allSatisfy { $0 >= 0x61 && $0 <= 0x7A } ? porterStem(word) : word
    }

    /// Words of letters and digits, and pairs of characters of writing without spaces.
    private func runs(_ text: String) -> [String] {
        var terms: [String] = []
        var word = String.UnicodeScalarView()
        var last: Unicode.Scalar?
        var isAlone = false
        func endWord() {
            if !word.isEmpty { terms.append(stem(String(word))) }
            word = String.UnicodeScalarView()
        }
        func endRun() {
            if let last, isAlone { terms.append(String(last)) }
            (last, isAlone) = (nil, false)
        }
        for scalar in text.unicodeScalars {
            if Self.isDense(scalar) {
                endWord()
                if let last {
                    terms.append(String(last) + String(scalar))
                    isAlone = false
                } else {
                    isAlone = true
                }
                last = scalar
            } else {
                endRun()
                if Self.isLetter(scalar) { word.append(scalar) } else { endWord() }
            }
        }
        endRun()
        endWord()
        return terms
    }

    private static func isLetter(_ scalar: Unicode.Scalar) -> Bool {
        if scalar.value < 0x80 {
            let low = scalar.value | 0x20
            return low >= 0x61 && low <= 0x7A || scalar.value >= 0x30 && scalar.value <= 0x39
        }
        let properties = scalar.properties
        return properties.isAlphabetic || properties.numericType != nil
            || properties.generalCategory == .nonspacingMark
    }

    /// Whether a scalar belongs to a writing without spaces between words, or with long words: Han, kana, hangul.
    private static func isDense(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0x3041...0x30FF, 0x3400...0x4DBF, 0x4E00...0x9FFF, 0xAC00...0xD7A3, 0xF900...0xFAFF,
            0x20000...0x323AF:
            scalar.properties.isAlphabetic
        default: false
        }
    }
}
