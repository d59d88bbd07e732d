import YuyanTensorCore

/// Which properties of words and their neighbours a tagger looks at.
///
/// The defaults are those that users of CRFsuite start from, with shapes and prefixes added.
public struct TaggingFeatureOptions: Sendable, Hashable {
    /// How far to each side words are looked at.
    public var window = 2
    /// The longest beginnings and ends of a word, in scalars; 0 for none.
    public var affixLength = 3
    /// Whether a word's shape is looked at: capitals, small letters, digits and others.
    public var usesShapes = true
    /// Whether pairs of neighbouring words are looked at, as is usual where every character is a token.
    public var usesPairs = false
    /// Whether capitals count as small letters, except for shapes.
    public var lowercases = true
    /// Whether every character is a token, and so texts are cut into them.
    public var isOfCharacters = false
    /// What is looked at beside or instead of what the other options say; nil for these alone.
    public var templates: FeatureTemplates?

    /// The defaults, for words.
    public init() {}

    /// Options for text in which every character is a token, such as Chinese.
    public static var characters: TaggingFeatureOptions {
        var options = TaggingFeatureOptions()
        (options.affixLength, options.usesPairs, options.isOfCharacters) = (0, true, true)
        return options
    }

    /// What is wrong with the options, or nil.
    public var problem: String? {
        if window < 0 || window > 16 { return "the window is \(window); it must be from 0 to 16" }
        return affixLength < 0 || affixLength > 16
            ? "affixes of \(affixLength); they must have from 0 to 16" : nil
    }

    /// The further columns that are looked at.
    public var columns: [String] { templates?.columns ?? [] }

    /// The features of every token of a sentence.
    ///
    /// Traps when there are not the columns that are looked at, each with a value for every token.
    ///
    /// - Parameters:
    ///   - words: the tokens.
    ///   - columns: the values of the further columns.
    /// - Returns: for each token its features, none twice.
    public func features(of words: [String], columns: [[String]] = []) -> [[String]] {
        require(
            columns.count == self.columns.count && columns.allSatisfy { $0.count == words.count },
            "TaggingFeatureOptions: \(words.count) words need as many values of the columns \(self.columns)"
        )
        let plain = lowercases ? words.map { $0.lowercased() } : words
        guard let templates else { return usualFeatures(words, plain) }
        var found =
            templates.includesStandard ? usualFeatures(words, plain) : words.map { _ in [Self.always] }
        templates.add(to: &found, words: words, plain: plain, columns: columns)
        return found
    }

    /// What every token has.
    private static let always = "bias"

    private func usualFeatures(_ words: [String], _ plain: [String]) -> [[String]] {
        let shapes = usesShapes ? words.map { Self.shape($0) } : []
        return words.indices.map { place in
            var found = [Self.always]
            func at(_ offset: Int) -> String {
                let other = place + offset
                return other < 0 ? "<s>" : other >= words.count ? "</s>" : plain[other]
            }
            for offset in -window...window {
                let other = place + offset
                // One mark beyond an end is enough.
                guard other >= -1, other <= words.count else { continue }
                found.append("w\(offset)=\(at(offset))")
                if usesShapes, words.indices.contains(other), abs(offset) <= 1 {
                    found.append("s\(offset)=\(shapes[other])")
                }
                if usesPairs, offset < window, other < words.count {
                    found.append("p\(offset)=\(at(offset))|\(at(offset + 1))")
                }
            }
            if affixLength > 0 { addAffixes(plain[place], &found) }
            return found
        }
    }

    private func addAffixes(_ word: String, _ found: inout [String]) {
        let scalars = Array(word.unicodeScalars)
        for length in 1...affixLength where length <= scalars.count {
            found.append("b\(length)=\(Self.text(scalars.prefix(length)))")
            found.append("e\(length)=\(Self.text(scalars.suffix(length)))")
        }
    }

    private static func text(_ scalars: ArraySlice<Unicode.Scalar>) -> String {
        String(String.UnicodeScalarView(scalars))
    }

    /// Capitals as X, other letters as x, digits as d, all else as it is; runs of more than two as two.
    static func shape(_ word: String) -> String {
        var shape = String.UnicodeScalarView()
        var (last, run): (Unicode.Scalar?, Int) = (nil, 0)
        for scalar in word.unicodeScalars {
            let kind: Unicode.Scalar
            switch scalar.properties.generalCategory {
            case .uppercaseLetter, .titlecaseLetter: kind = "X"
            case .lowercaseLetter, .otherLetter, .modifierLetter: kind = "x"
            case .decimalNumber: kind = "d"
            default: kind = scalar
            }
            run = kind == last ? run + 1 : 1
            last = kind
            if run <= 2 { shape.append(kind) }
        }
        return String(shape)
    }
}
