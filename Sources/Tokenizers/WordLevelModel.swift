import YuyanFileFormats

/// A vocabulary of whole pieces; every other piece is unknown.
package struct WordLevelModel: SubwordModel {
    let vocabulary: TokenVocabulary
    let unknownToken: String
    private let unknown: Int32

    /// A model; nil when the vocabulary lacks the unknown token.
    ///
    /// - Parameters:
    ///   - vocabulary: The pieces.
    ///   - unknownToken: What every other piece becomes.
    package init?(vocabulary: TokenVocabulary, unknownToken: String) {
        guard let unknown = vocabulary.id(of: unknownToken) else { return nil }
        self.vocabulary = vocabulary
        self.unknownToken = unknownToken
        self.unknown = unknown
    }

    package var vocabularySize: Int { vocabulary.size }

    package func encode(_ piece: UnsafeBufferPointer<UInt8>, into output: inout [SubwordToken]) {
        let id = vocabulary.id(of: piece) ?? unknown
        output.append(SubwordToken(id: id, start: 0, end: Int32(piece.count)))
    }

    package func id(of token: String) -> Int32? { vocabulary.id(of: token) }
    package func token(of id: Int32) -> String? { vocabulary.token(of: id) }

    package func document() -> JSONValue {
        ["type": "WordLevel", "vocab": vocabulary.document(), "unk_token": .string(unknownToken)]
    }
}
