import YuyanDatasets
import YuyanModels
import YuyanTokenizers

/// Which tokens of a sequence are hidden from a masked-language model.
///
/// Words are chosen by chance; of their tokens eight in ten become the mask, one in ten another token, one in ten stays.
/// Source: Devlin et al., «BERT», 2019, section 3.1; whole words as in its later release.
struct TokenMasking {
    /// A sequence with hidden tokens.
    struct Masked: Equatable {
        var ids: [Int32]
        var places: [Int] = []
        /// The tokens that stand at the places.
        var tokens: [Int32] = []
    }

    /// The token that hides another.
    let mask: Int32
    /// The share of words that are hidden.
    let probability: Double
    /// The tokens that may stand for another: all but special ones.
    private let ordinary: [Int32]
    private let isSpecial: [Bool]
    /// Whether a token goes on with the word before it; nil when every token is hidden by itself.
    private let continues: [Bool]?

    /// Looks through a vocabulary.
    ///
    /// - Parameters:
    ///   - tokenizer: The tokenizer.
    ///   - probability: The share of words that are hidden.
    ///   - wholeWords: Whether the tokens of a word are hidden together.
    /// - Throws: ``RecipeError`` when the tokenizer has no token for hiding others.
    init(_ tokenizer: any Tokenizer, probability: Double, wholeWords: Bool) throws {
        guard let mask = Self.mask(of: tokenizer) else {
            throw RecipeError(
                "the tokenizer has no token [MASK] or <mask>, which hides others; tokenizer.type wordpiece has one"
            )
        }
        (self.mask, self.probability) = (mask, probability)
        let ids = 0..<Int32(tokenizer.vocabularySize)
        isSpecial = ids.map { tokenizer.addedTokens.token($0)?.isSpecial == true }
        ordinary = ids.filter { [isSpecial] id in !isSpecial[Int(id)] && tokenizer.token(of: id) != nil }
        guard wholeWords else {
            continues = nil
            return
        }
        let spellings = ids.map { tokenizer.token(of: $0) ?? "" }
        // A vocabulary marks either what goes on with a word (##ing) or what begins one (Ġthe, ▁the).
        if spellings.contains(where: { $0.hasPrefix("##") }) {
            continues = spellings.map { $0.hasPrefix("##") }
        } else {
            continues = spellings.map { spelling in
                guard let first = spelling.unicodeScalars.first else { return false }
                return first.properties.isAlphabetic && !first.properties.isIdeographic
                    && !["\u{120}", "\u{2581}"].contains(first)
            }
        }
    }

    /// The token that hides others.
    static func mask(of tokenizer: any Tokenizer) -> Int32? {
        tokenizer.id(of: "[MASK]") ?? tokenizer.id(of: "<mask>")
    }

    /// Hides tokens of a sequence, the same ones for the same stream.
    ///
    /// - Parameters:
    ///   - sequence: The tokens.
    ///   - random: Draws of this sequence's own.
    /// - Returns: The sequence with hidden tokens; at least one is hidden where there is an ordinary one.
    func hide(_ sequence: [Int32], _ random: CounterRandom) -> Masked {
        var words: [Range<Int>] = []
        for (place, id) in sequence.enumerated() {
            if isSpecial[Int(id)] { continue }
            if let last = words.last, last.upperBound == place, continues?[Int(id)] == true {
                words[words.count - 1] = last.lowerBound..<place + 1
            } else {
                words.append(place..<place + 1)
            }
        }
        guard !words.isEmpty else { return Masked(ids: sequence) }
        func share(_ position: Int) -> Double { Double(random.words(at: UInt64(position))[0]) / 4294967296 }
        var chosen = words.indices.filter { share($0) < probability }
        if chosen.isEmpty { chosen = [random.index(at: UInt64(words.count), below: words.count)] }
        var result = Masked(ids: sequence)
        // Draws for tokens lie behind those for words.
        let base = UInt64(sequence.count + 1)
        for place in chosen.flatMap({ words[$0] }) {
            result.places.append(place)
            result.tokens.append(sequence[place])
            let draw = random.words(at: base + UInt64(place))
            let kind = Double(draw[0]) / 4294967296
            if kind < 0.8 {
                result.ids[place] = mask
            } else if kind < 0.9 {
                result.ids[place] = ordinary[Int(draw[1]) % ordinary.count]
            }
        }
        return result
    }
}
