import YuyanFileFormats

/// A unigram language model over pieces: the segmentation with the highest sum of scores (Kudo 2018, "Subword
/// Regularization").
///
/// The Viterbi search walks a double array from every character and keeps one state per byte, only as far back as some
/// piece still reaches: where no piece crosses, the tokens before are final. Time is linear in the text, memory does not grow
/// with it (but for the output).
///
/// Sums are rounded as the reference does, so that also near ties are decided alike: to 32 bits after every piece
/// (SentencePiece) or not at all (Hugging Face). Words are remembered with their segmentation and with how large a sum may be
/// before rounding could change it.
package final class UnigramModel: SubwordModel, Sendable {
    /// How sums of scores are rounded.
    package enum Rounding: Sendable {
        /// To 32 bits after every piece, as SentencePiece does.
        case single
        /// In 64 bits, as Hugging Face does.
        case double
    }

    /// What a piece is to the search.
    package enum Role: Sendable {
        /// A piece with its score.
        case normal
        /// A piece that is always kept whole: its score is 0.1 less than the best one times its length.
        case userDefined
        /// A piece that the search never finds: control, unknown, byte and unused pieces.
        case hidden
    }

    /// The largest magnitude of a score; sums of that many stay finite in 32 bits.
    package static let largestScore: Float = 1e20
    /// Where SentencePiece begins to count sums anew.
    static let lowestSum = -100_000.0
    /// The id of unknown text until all of it is known.
    static let deferred: Int32 = -2
    /// What an unknown character costs beyond the lowest score.
    static let unknownPenalty: Float = 10

    let pieces: [[UInt8]]
    let scores: [Double]
    let roles: [Role]
    /// The id of unknown text.
    let unknown: Int32?
    /// The ids of the 256 bytes, when text that no piece covers becomes bytes.
    let byteIDs: [Int32]?
    let rounding: Rounding
    /// Whether unknown characters side by side become one token.
    let fusesUnknown: Bool
    let cuts: WordCuts
    let trie: PieceTrie
    let searchScores: [Double]
    let unknownScore: Double
    /// Sums before a word from which no state in the word can fall below `lowestSum`.
    private let lowestRecalled: Double
    private let ids: [[UInt8]: Int32]
    private let pool = WordScratchPool()

    /// Builds the search.
    ///
    /// - Parameters:
    ///   - pieces: The pieces by id; those with a zero byte are never found, as in SentencePiece.
    ///   - scores: Their scores; finite, at most `largestScore` in magnitude.
    ///   - roles: What they are; nil for all normal (Hugging Face, where special pieces are found in text, too).
    ///   - unknown: The id of unknown text.
    ///   - byteIDs: The ids of the 256 bytes, for byte fallback.
    ///   - rounding: How sums are rounded.
    ///   - fusesUnknown: Whether unknown characters side by side become one token.
    /// - Throws: `FileFormatError` when a score is not finite or too large, a piece empty or doubled, or the trie too large.
    package init(
        pieces: [[UInt8]],
        scores: [Double],
        roles: [Role]? = nil,
        unknown: Int32?,
        byteIDs: [Int32]? = nil,
        rounding: Rounding,
        fusesUnknown: Bool = true
    ) throws(FileFormatError) {
        let roles = roles ?? [Role](repeating: .normal, count: pieces.count)
        self.pieces = pieces
        self.scores = scores
        self.roles = roles
        self.unknown = unknown
        self.byteIDs = byteIDs
        self.rounding = rounding
        self.fusesUnknown = fusesUnknown
        var ids: [[UInt8]: Int32] = [:]
        ids.reserveCapacity(pieces.count)
        var lowest = Double.infinity
        var highest = Double(Float.leastNormalMagnitude)
        for (id, piece) in pieces.enumerated() {
            guard scores[id].magnitude <= Double(Self.largestScore) else {
                throw FileFormatError(
                    .malformed,
                    at: .key("pieces[\(id)]"),
                    "the score \(scores[id]) is too large"
                )
            }
            // Of equals SentencePiece takes the special one, Hugging Face the last.
            if ids[piece] == nil || rounding == .double || roles[id] == .hidden { ids[piece] = Int32(id) }
            guard roles[id] == .normal else { continue }
            lowest = min(lowest, scores[id])
            highest = max(highest, scores[id])
        }
        self.ids = ids
        let found = pieces.indices.filter { id in
            rounding == .single
                ? roles[id] != .hidden && !pieces[id].contains(0)
                : !pieces[id].isEmpty && ids[pieces[id]] == Int32(id)
        }
        trie = try Self.trie(pieces, found)
        unknownScore =
            rounding == .single
            ? Double(Float(lowest == .infinity ? Double(Float.greatestFiniteMagnitude) / 1e10 : lowest) - 10)
            : (lowest == .infinity ? 0 : lowest) - Double(Self.unknownPenalty)
        lowestRecalled =
            rounding == .single
            ? Self.lowestSum + Double(WordScratch.longestWord + 1) * unknownScore.magnitude : -.infinity
        searchScores = pieces.indices.map { id in
            guard roles[id] == .userDefined else { return scores[id] }
            return Double(Float(pieces[id].count) * Float(highest)) - 0.1
        }
        cuts = WordCuts(found.map { pieces[$0] })
    }

    private static func trie(_ pieces: [[UInt8]], _ found: [Int]) throws(FileFormatError) -> PieceTrie {
        let sorted = found.sorted { pieces[$0].lexicographicallyPrecedes(pieces[$1]) }
        for (index, id) in sorted.enumerated() {
            let isDoubled = index > 0 && pieces[sorted[index - 1]] == pieces[id]
            if isDoubled || pieces[id].isEmpty {
                let what =
                    isDoubled ? "'\(String(decoding: pieces[id], as: UTF8.self))' occurs twice" : "is empty"
                throw FileFormatError(.duplicate, at: .key("pieces[\(id)]"), what)
            }
        }
        guard let trie = PieceTrie(sorted: sorted.map { (pieces[$0][...], Int32($0)) }) else {
            throw FileFormatError(.limitExceeded, "the pieces need more than \(PieceTrie.mostUnits) units")
        }
        return trie
    }

    /// One more than the largest id.
    package var vocabularySize: Int { pieces.count }

    /// The id of a token.
    ///
    /// - Parameter token: The piece.
    /// - Returns: nil when there is none.
    package func id(of token: String) -> Int32? { ids[Array(token.utf8)] }

    /// A token.
    ///
    /// - Parameter id: The id.
    /// - Returns: The piece; nil when no token has the id.
    package func token(of id: Int32) -> String? {
        pieces.indices.contains(Int(id)) ? String(decoding: pieces[Int(id)], as: UTF8.self) : nil
    }

    /// The member `model` of a `tokenizer.json`.
    ///
    /// - Returns: The object.
    package func document() -> JSONValue {
        let vocabulary: [JSONValue] = pieces.indices.map { id in
            .array([.string(String(decoding: pieces[id], as: UTF8.self)), .number(scores[id])])
        }
        return [
            "type": "Unigram", "unk_id": unknown.map { .integer(Int($0)) } ?? .null,
            "vocab": .array(vocabulary),
            "byte_fallback": .bool(byteIDs != nil),
        ]
    }

    /// Appends the tokens of a piece of text.
    ///
    /// - Parameters:
    ///   - piece: UTF-8 bytes.
    ///   - output: Where the tokens go.
    package func encode(_ piece: UnsafeBufferPointer<UInt8>, into output: inout [SubwordToken]) {
        guard let base = piece.baseAddress else { return }
        pool.with { scratch in
            encode(base, piece.count, scratch)
            var previous = (start: Int32(0), end: Int32(0))
            for index in 0..<scratch.count {
                let token = scratch.tokens[index]
                let start = token.end == previous.end ? previous.start : previous.end
                if token.id == Self.deferred {
                    appendDeferred(base, SubwordToken(id: 0, start: start, end: token.end), &output)
                } else {
                    output.append(SubwordToken(id: token.id, start: start, end: token.end))
                }
                previous = (start, token.end)
            }
            scratch.clear()
        }
    }

    /// Appends unknown text as Hugging Face does: all its bytes, each with the place of the whole, or else one token.
    private func appendDeferred(
        _ text: UnsafePointer<UInt8>,
        _ token: SubwordToken,
        _ output: inout [SubwordToken]
    ) {
        let bytes = UnsafeBufferPointer(start: text + Int(token.start), count: Int(token.end - token.start))
        if let byteIDs, bytes.allSatisfy({ byteIDs[Int($0)] >= 0 }) {
            output += bytes.map { SubwordToken(id: byteIDs[Int($0)], start: token.start, end: token.end) }
        } else if let unknown {
            output.append(SubwordToken(id: unknown, start: token.start, end: token.end))
        }
    }

    /// Appends the tokens of a text to a scratch: cut into words, each looked up or searched.
    func encode(_ text: UnsafePointer<UInt8>, _ count: Int, _ scratch: WordScratch) {
        var sum = 0.0
        var start = 0
        scratch.wasUnknown = false
        while start < count {
            let end = cuts.endOfWord(text, start, count)
            if end - start <= WordScratch.longestWord {
                let entry = scratch.entry(text + start, end - start, count - start)
                if entry.pointee.ends.w > 0, Float(sum).magnitude < entry.pointee.limit, sum > lowestRecalled
                {
                    recall(entry, Int32(truncatingIfNeeded: start), scratch, &sum)
                    start = end
                    continue
                }
                let first = scratch.count
                let before = sum
                let margin = search(text, start, end, scratch, &sum)
                remember(entry, first, start, before, sum, margin, scratch)
            } else {
                _ = search(text, start, end, scratch, &sum)
            }
            start = end
        }
    }

    /// Appends the tokens of a remembered word.
    @inline(__always)
    private func recall(
        _ entry: UnsafeMutablePointer<WordScratch.Word>,
        _ start: Int32,
        _ scratch: WordScratch,
        _ sum: inout Double
    ) {
        let count = Int(entry.pointee.ends.w)
        scratch.reserve(4)
        let tokens = scratch.tokens + scratch.count
        entry.pointee.write(to: tokens, start)
        scratch.count += count
        scratch.wasUnknown = false
        if rounding == .single {
            var total = Float(sum)
            let scores = entry.pointee.scores
            total += scores.x
            if count > 1 { total += scores.y }
            if count > 2 { total += scores.z }
            if count > 3 { total += scores.w }
            sum = Double(total)
        }
    }

    /// Remembers a word just searched, when its tokens fit and none of them is unknown or user-defined.
    private func remember(
        _ entry: UnsafeMutablePointer<WordScratch.Word>,
        _ first: Int,
        _ start: Int,
        _ before: Double,
        _ after: Double,
        _ margin: Double,
        _ scratch: WordScratch
    ) {
        let count = scratch.count - first
        guard count >= 1, count <= 4, scratch.isClean else { return }
        var word = entry.pointee
        for index in 0..<count {
            let token = scratch.tokens[first + index]
            word.ids[index] = token.id
            if index < 3 { word.ends[index] = UInt8(truncatingIfNeeded: Int(token.end) - start) }
            word.scores[index] = Float(searchScores[Int(token.id)])
        }
        word.ends.w = UInt8(count)
        // A sum s is rounded by at most |s| / 2^24; both sides of a comparison have at most 24 pieces, so decisions stand
        // while 48 |s| / 2^24 is less than the margin. The margin itself was measured with that error; half is for safety.
        let largest = max(before.magnitude, after.magnitude)
        let bound = (margin - 48 * largest / 8_388_608) * 174_762 - (after - before).magnitude
        word.limit = rounding == .double ? .infinity : Float(bound)
        entry.pointee = word
    }
    /// Runs a body with working memory of this model.
    func withScratch<Result>(_ body: (WordScratch) -> Result) -> Result { pool.with(body) }
}
