import YuyanFileFormats

/// Where the SentencePiece family comes in: the parts of `tokenizer.json` that belong to it, and its own model files.
enum SentencePieceHooks {
    /// The model `Unigram` of a `tokenizer.json`.
    static func unigram(_ node: TokenizerNode) throws(FileFormatError) -> any SubwordModel {
        let entries = try node.member("vocab").elements()
        var (pieces, scores): ([[UInt8]], [Double]) = ([], [])
        var ids: [String: Int32] = [:]
        pieces.reserveCapacity(entries.count)
        scores.reserveCapacity(entries.count)
        for (id, entry) in entries.enumerated() {
            let pair = try entry.elements()
            guard pair.count == 2, let score = pair[1].value.numberValue else {
                throw entry.fail("must be a piece and its score")
            }
            let piece = try pair[0].string()
            pieces.append(Array(piece.utf8))
            scores.append(score)
            ids[piece] = Int32(id)
        }
        let unknown = node.member("unk_id")
        let unknownID =
            unknown.value.isNull ? nil : Int32(try unknown.integer(0...max(pieces.count - 1, 0)))
        var bytes: [Int32]?
        if try node.member("byte_fallback").bool(default: false) {
            // As the reference: with one byte missing, none is used.
            let found = (0..<256).compactMap { ids[BPESubwordModel.byteToken($0)] }
            if found.count == 256 { bytes = found }
        }
        do throws(FileFormatError) {
            return try UnigramModel(
                pieces: pieces,
                scores: scores,
                unknown: unknownID,
                byteIDs: bytes,
                rounding: .double
            )
        } catch {
            throw node.fail("vocab", error.message, error.code)
        }
    }

    /// The normalizer `Precompiled` of a `tokenizer.json`.
    static func precompiled(_ node: TokenizerNode) throws(FileFormatError) -> any TextNormalizer {
        let rules = node.member("precompiled_charsmap")
        var bytes: [UInt8] = []
        guard Array(try rules.string().utf8).withUnsafeBytes({ Base64.decode($0, into: &bytes) }) else {
            throw rules.fail("must be base64")
        }
        do throws(FileFormatError) {
            return PrecompiledNormalizer(rules: try PrecompiledCharsmap(bytes, path: node.path), blob: bytes)
        } catch {
            throw rules.fail(error.message, error.code)
        }
    }

    /// A `tokenizer.model` file.
    static func tokenizer(modelFile path: String) throws(FileFormatError) -> any Tokenizer {
        try SentencePieceTokenizer(contentsOf: path)
    }
}

/// SentencePiece's replacements as Hugging Face applies them: a grapheme cluster of fewer than six bytes as a whole where a
/// rule begins it, else scalar by scalar, each by the rule of its shortest beginning.
struct PrecompiledNormalizer: TextNormalizer {
    let rules: PrecompiledCharsmap
    let blob: [UInt8]

    func normalize(_ text: inout AlignedText) {
        var changes: [AlignedText.Change] = []
        var isChanged = false
        func replacement(_ bytes: UnsafeBufferPointer<UInt8>) -> ArraySlice<UInt8>? {
            rules.replacementOfShortestMatch(bytes)
        }
        func append(_ new: ArraySlice<UInt8>, replacing oldCount: Int) {
            isChanged = true
            let scalars = String(decoding: new, as: UTF8.self).unicodeScalars
            let start = changes.count
            changes.append(contentsOf: scalars.lazy.map { AlignedText.Change($0.value, 0) })
            let difference = changes.count - start - oldCount
            if difference > 0 {
                for index in changes.indices.suffix(difference) { changes[index].change = 1 }
            } else if difference < 0, let last = changes.indices.last {
                changes[last].change += difference
            }
        }
        // The reference walks grapheme clusters here, so this does.
        for cluster in String(decoding: text.bytes, as: UTF8.self) {
            let bytes = Array(cluster.utf8)
            bytes.withUnsafeBufferPointer { whole in
                if whole.count < 6, let new = replacement(whole) {
                    append(new, replacing: cluster.unicodeScalars.count)
                    return
                }
                var position = 0
                for scalar in cluster.unicodeScalars {
                    let width = UTF8.width(scalar)
                    let part = UnsafeBufferPointer(rebasing: whole[position..<position + width])
                    if let new = replacement(part) {
                        append(new, replacing: 1)
                    } else {
                        changes.append(AlignedText.Change(scalar.value, 0))
                    }
                    position += width
                }
            }
        }
        if isChanged { text.transform(changes) }
    }

    func document() -> JSONValue {
        ["type": "Precompiled", "precompiled_charsmap": .string(Base64.encode(blob))]
    }
}
