import YuyanFileFormats

/// How the tokens of a vocabulary are spelled in an ARPA file, where words are divided by white space.
///
/// A token is spelled as its tokenizer does, with `\xHH` for the bytes of white space, of control characters and of
/// backslashes. The beginning of a text is `<s>`, and the token that ends texts `</s>`; a token that merely looks like one
/// of these begins with `\x3C`. A number without a
/// token, or with an empty one, is `\idN`.
public struct ARPAWords: Sendable {
    /// The word of each token.
    let words: [[UInt8]]
    private let numbers: [[UInt8]: Int32]
    /// The token that ends a text.
    let endOfText: Int32?
    /// The token that stands for unknown words.
    let unknown: Int32?

    static let begin = Array("<s>".utf8)
    static let end = Array("</s>".utf8)
    static let unknownWord = Array("<unk>".utf8)

    /// Spells a vocabulary.
    ///
    /// - Parameters:
    ///   - spellings: The tokens by number as their tokenizer spells them; nil for a number without a token.
    ///   - endOfText: The token that ends a text.
    ///   - unknown: The token that stands for unknown words.
    /// - Throws: ``NGramError`` when two tokens are spelled alike.
    public init(_ spellings: [String?], endOfText: Int32?, unknown: Int32?) throws {
        var numbers: [[UInt8]: Int32] = [:]
        numbers.reserveCapacity(spellings.count)
        words = try spellings.enumerated().map { number, spelling in
            var word = Int32(number) == endOfText ? Self.end : Self.escaped(spelling ?? "")
            if word.isEmpty { word = Array("\\id\(number)".utf8) }
            if let other = numbers.updateValue(Int32(number), forKey: word) {
                throw NGramError(
                    "tokens \(other) and \(number) are both spelled '\(String(decoding: word, as: UTF8.self))', "
                        + "and an ARPA file tells n-grams apart by their spelling"
                )
            }
            return word
        }
        (self.numbers, self.endOfText) = (numbers, endOfText)
        self.unknown = numbers[Self.unknownWord] ?? unknown
    }

    private static func escaped(_ spelling: String) -> [UInt8] {
        var word: [UInt8] = []
        for scalar in spelling.unicodeScalars {
            let isPlain = !scalar.properties.isWhitespace && scalar.value > 32 && scalar.value != 127
            if isPlain, scalar != "\\" {
                word.append(contentsOf: UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter)
            } else {
                for byte in UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter {
                    append(byte, to: &word)
                }
            }
        }
        if word == begin || word == end {
            var escaped: [UInt8] = []
            append(word[0], to: &escaped)
            return escaped + word.dropFirst()
        }
        return word
    }

    private static func append(_ byte: UInt8, to word: inout [UInt8]) {
        let digits = Array("0123456789ABCDEF".utf8)
        word += [UInt8(ascii: "\\"), UInt8(ascii: "x"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
    }

    /// The symbol of a word: its token, the number of tokens V for the beginning of a text; nil when there is none.
    func symbol(_ word: [UInt8]) -> UInt32? {
        if word == Self.begin { return UInt32(words.count) }
        if word == Self.unknownWord, let unknown { return UInt32(bitPattern: unknown) }
        return numbers[word].map { UInt32(bitPattern: $0) }
    }
}
