import YuyanDatasets
import YuyanFileFormats
import YuyanModels

/// The words and characters that a tagger knows; number 0 stands for all others.
struct TaggerVocabulary: Equatable {
    /// Words as they are looked up, by number less one.
    let words: [String]
    /// Characters (scalars), by number less one.
    let characters: [String]
    /// Whether capitals count as small letters in words.
    let lowercases: Bool
    /// Whether the training's tokens are mostly single characters, as in Chinese data.
    let isOfCharacters: Bool
    private let wordNumbers: [String: Int32]
    private let characterNumbers: [String: Int32]

    /// The file that keeps it in a model folder.
    static let file = "vocabulary.json"
    /// The most characters of a word that are looked at.
    private static let mostCharacters = 32

    private init(words: [String], characters: [String], lowercases: Bool, isOfCharacters: Bool) {
        (self.words, self.characters) = (words, characters)
        (self.lowercases, self.isOfCharacters) = (lowercases, isOfCharacters)
        func numbers(_ list: [String]) -> [String: Int32] {
            Dictionary(list.enumerated().map { ($1, Int32($0 + 1)) }, uniquingKeysWith: { first, _ in first })
        }
        (wordNumbers, characterNumbers) = (numbers(words), numbers(characters))
    }

    /// Learns from sentences.
    ///
    /// - Parameters:
    ///   - sentences: The training part.
    ///   - minFrequency: How often a word must occur to be known.
    ///   - lowercases: Whether capitals count as small letters in words.
    init(_ sentences: some Sequence<[String]>, minFrequency: Int, lowercases: Bool) {
        var (counts, seen): ([String: Int], [String: Int]) = ([:], [:])
        for sentence in sentences {
            for token in sentence {
                counts[Self.key(token, lowercases), default: 0] += 1
                for scalar in token.unicodeScalars { seen[String(scalar), default: 0] += 1 }
            }
        }
        func ordered(_ counts: [String: Int], least: Int) -> [String] {
            counts.filter { $0.value >= least }.sorted { one, two in
                one.value != two.value
                    ? one.value > two.value : one.key.utf8.lexicographicallyPrecedes(two.key.utf8)
            }.map(\.key)
        }
        self.init(
            words: ordered(counts, least: max(minFrequency, 1)),
            characters: ordered(seen, least: 1),
            lowercases: lowercases,
            isOfCharacters: CharacterTokens.areUsual(in: sentences)
        )
    }

    /// Reads the file of a model folder.
    init(folder: String) throws {
        let path = "\(folder)/\(Self.file)"
        let value = try JSONValue(contentsOf: path)
        func list(_ key: String) throws -> [String] {
            guard let items = value[key]?.arrayValue, items.allSatisfy({ $0.stringValue != nil }) else {
                throw FileFormatError(.malformed, path: path, at: .key(key), "a list of texts is needed")
            }
            return items.compactMap(\.stringValue)
        }
        self.init(
            words: try list("words"),
            characters: try list("characters"),
            lowercases: value["lowercase"]?.boolValue ?? true,
            isOfCharacters: value["of_characters"]?.boolValue ?? false
        )
    }

    func write(to folder: String) throws {
        let value: JSONValue = [
            "lowercase": .bool(lowercases), "of_characters": .bool(isOfCharacters),
            "words": .array(words.map { .string($0) }), "characters": .array(characters.map { .string($0) }),
        ]
        try value.write(to: "\(folder)/\(Self.file)", indent: nil)
    }

    /// A word as it is looked up: every digit is a 0, capitals are small letters where they count as such.
    private static func key(_ token: String, _ lowercases: Bool) -> String {
        let lowered = lowercases ? token.lowercased() : token
        var bytes = Array(lowered.utf8)
        for place in bytes.indices where (48...57).contains(bytes[place]) { bytes[place] = 48 }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// The numbers of a sentence's words.
    func numbers(_ tokens: [String]) -> [Int32] { tokens.map { wordNumbers[Self.key($0, lowercases)] ?? 0 } }

    /// The numbers of the characters of a sentence's words; of long words the first and last ones.
    func spellings(_ tokens: [String]) -> [[Int32]] {
        tokens.map { token in
            let all = token.unicodeScalars.map { characterNumbers[String($0)] ?? 0 }
            let half = Self.mostCharacters / 2
            return all.count <= Self.mostCharacters ? all : Array(all.prefix(half) + all.suffix(half))
        }
    }
}
