import YuyanDatasets
import YuyanModels
import YuyanTextProcessing
import YuyanTokenizers

/// Which tokens of a sequence are hidden from a masked-language model.
///
/// Words are chosen by chance; of their tokens eight in ten become the mask, one in ten another token, one in ten stays.
/// Sources: Devlin et al., «BERT», 2019, section 3.1; whole words as in its later release, of Chinese as in Cui et al.,
/// «Pre-training with whole word masking for Chinese BERT», 2021.
package struct TokenMasking {
    /// A sequence with hidden tokens.
    package struct Masked: Equatable {
        package var ids: [Int32]
        package var places: [Int] = []
        /// The tokens that stand at the places.
        package var tokens: [Int32] = []
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
    /// What finds words in rows of tokens that are characters of Chinese; nil when each is a word.
    private let segmenter: (any WordSegmenter)?
    /// The character that a token is, where it is one of Chinese and nothing else.
    private let characters: [Unicode.Scalar?]

    /// Looks through a vocabulary.
    ///
    /// - Parameters:
    ///   - tokenizer: The tokenizer.
    ///   - probability: The share of words that are hidden.
    ///   - wholeWords: Whether the tokens of a word are hidden together.
    ///   - segmenter: What finds the words of Chinese, whose tokens are characters; nil when each is a word.
    /// - Throws: ``RecipeError`` when the tokenizer has no token for hiding others.
    package init(
        _ tokenizer: any Tokenizer,
        probability: Double,
        wholeWords: Bool,
        segmenter: (any WordSegmenter)? = nil
    ) throws {
        guard let mask = Self.mask(of: tokenizer) else {
            throw RecipeError(
                "the tokenizer has no token [MASK] or <mask>, which hides others; tokenizer.type wordpiece has one"
            )
        }
        (self.mask, self.probability) = (mask, probability)
        let ids = 0..<Int32(tokenizer.vocabularySize)
        isSpecial = ids.map { tokenizer.addedTokens.token($0)?.isSpecial == true }
        ordinary = ids.filter { [isSpecial] id in !isSpecial[Int(id)] && tokenizer.token(of: id) != nil }
        let spellings = ids.map { tokenizer.token(of: $0) ?? "" }
        self.segmenter = segmenter
        characters = segmenter == nil ? [] : spellings.map(Self.character)
        guard wholeWords else {
            continues = nil
            return
        }
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

    /// The character of Chinese that a token is, whether it stands at the beginning of a word or not.
    private static func character(_ spelling: String) -> Unicode.Scalar? {
        let scalars = (spelling.hasPrefix("##") ? spelling.dropFirst(2) : spelling[...]).unicodeScalars
        guard scalars.count == 1, let scalar = scalars.first, scalar.properties.isIdeographic else {
            return nil
        }
        return scalar
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
    package func hide(_ sequence: [Int32], _ random: CounterRandom) -> Masked {
        let words = words(of: sequence)
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

    /// The places of the words of a sequence; special tokens belong to none.
    private func words(of sequence: [Int32]) -> [Range<Int>] {
        var words: [Range<Int>] = []
        var place = 0
        while place < sequence.count {
            let id = Int(sequence[place])
            if let run = characterRun(sequence, from: place) {
                words += run
                place = words[words.count - 1].upperBound
                continue
            }
            place += 1
            if isSpecial[id] { continue }
            if let last = words.last, last.upperBound == place - 1, continues?[id] == true {
                words[words.count - 1] = last.lowerBound..<place
            } else {
                words.append(place - 1..<place)
            }
        }
        return words
    }

    /// The words of the Chinese characters that stand side by side from a place on; nil where none stands.
    private func characterRun(_ sequence: [Int32], from start: Int) -> [Range<Int>]? {
        guard let segmenter else { return nil }
        var (text, ends): (String, [Int]) = ("", [])
        for id in sequence[start...] {
            guard let character = characters[Int(id)] else { break }
            text.unicodeScalars.append(character)
            ends.append(text.utf8.count)
        }
        guard !ends.isEmpty else { return nil }
        var (words, place): ([Range<Int>], Int) = ([], 0)
        for found in segmenter.ranges(in: text) {
            let first = place
            while place < ends.count, ends[place] <= found.upperBound { place += 1 }
            if first < place { words.append(start + first..<start + place) }
        }
        // A segmenter leaves nothing out but space.
        return words + (place..<ends.count).map { start + $0..<start + $0 + 1 }
    }
}
