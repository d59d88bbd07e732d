import YuyanFileFormats

/// One step of pre-tokenization: cuts pieces into smaller ones, and may rewrite them.
///
/// Pre-tokenizers are immutable and may be used from any number of threads at once.
package protocol PreTokenizer: Sendable {
    /// Cuts every piece that is not yet a token.
    ///
    /// - Parameter list: The text and its pieces.
    func apply(to list: inout PieceList)

    /// The pre-tokenizer as an entry of a `tokenizer.json` in the Hugging Face layout.
    func document() -> JSONValue
}

/// Normalised text cut into pieces, some of which may already be tokens.
package struct PieceList: Sendable {
    /// A piece.
    package struct Piece: Sendable, Hashable {
        /// Offsets into the bytes of the text.
        package var start: Int
        /// The offset after the last byte.
        package var end: Int
        /// Where the piece began in the original when it was cut off.
        package var origin: Int32
        /// The id of the added token that the piece is; -1 for a piece of text.
        package var token: Int32 = -1
    }

    /// The text; pieces without order in it are never made.
    package var text = AlignedText()
    /// The pieces from left to right.
    package var pieces: [Piece] = []

    /// No pieces.
    package init() {}

    /// What splitting does with the matches of its pattern.
    enum Behavior: String {
        case removed = "Removed"
        case isolated = "Isolated"
        case mergedWithPrevious = "MergedWithPrevious"
        case mergedWithNext = "MergedWithNext"
        case contiguous = "Contiguous"
    }

    /// A stretch of a piece, and whether the pattern found it.
    struct Stretch {
        var start: Int
        var end: Int
        var isMatch: Bool
    }

    /// Cuts every piece of text.
    ///
    /// - Parameters:
    ///   - behavior: What becomes of the matches.
    ///   - find: Appends the stretches of a piece in order, offsets within it; together they must cover it.
    mutating func split(_ behavior: Behavior, _ find: (UnsafeBufferPointer<UInt8>, inout [Stretch]) -> Void) {
        var result: [Piece] = []
        result.reserveCapacity(pieces.count * 2)
        var stretches: [Stretch] = []
        text.bytes.withUnsafeBufferPointer { bytes in
            for piece in pieces {
                guard piece.token < 0 else {
                    result.append(piece)
                    continue
                }
                stretches.removeAll(keepingCapacity: true)
                find(UnsafeBufferPointer(rebasing: bytes[piece.start..<piece.end]), &stretches)
                Self.merge(&stretches, behavior)
                for stretch in stretches where stretch.end > stretch.start {
                    if behavior == .removed, stretch.isMatch { continue }
                    let start = piece.start + stretch.start
                    result.append(
                        Piece(start: start, end: piece.start + stretch.end, origin: text.spans[start].start)
                    )
                }
            }
        }
        pieces = result
    }

    /// Cuts every piece of text at scalars of a kind, each a match of its own.
    mutating func split(_ behavior: Behavior, at isMatch: (UInt32) -> Bool) {
        split(behavior) { bytes, stretches in
            var position = 0
            var open = 0
            while position < bytes.count {
                let start = position
                guard isMatch(UTF8Text.scalar(bytes, at: &position)) else { continue }
                if start > open { stretches.append(Stretch(start: open, end: start, isMatch: false)) }
                stretches.append(Stretch(start: start, end: position, isMatch: true))
                open = position
            }
            if open < bytes.count { stretches.append(Stretch(start: open, end: bytes.count, isMatch: false)) }
        }
    }

    /// Rewrites every piece of text.
    ///
    /// - Parameter rewrite: Takes a piece alone, and changes it.
    mutating func rewrite(_ rewrite: (inout AlignedText, Piece) -> Void) {
        var whole = AlignedText()
        var result: [Piece] = []
        result.reserveCapacity(pieces.count)
        for var piece in pieces {
            let start = whole.count
            if piece.token >= 0 {
                whole.append(text, piece.start..<piece.end)
            } else {
                var part = text.slice(piece.start..<piece.end)
                rewrite(&part, piece)
                whole.append(part, 0..<part.count)
            }
            (piece.start, piece.end) = (start, whole.count)
            if piece.end > start || piece.token >= 0 { result.append(piece) }
        }
        text = whole
        pieces = result
    }

    /// Joins matches to their neighbours as a behaviour asks.
    private static func merge(_ stretches: inout [Stretch], _ behavior: Behavior) {
        switch behavior {
        case .removed, .isolated: return
        case .contiguous:
            fold(&stretches) { isMatch, previous in isMatch == previous }
        case .mergedWithPrevious:
            fold(&stretches) { isMatch, previous in isMatch && !previous }
        case .mergedWithNext:
            stretches.reverse()
            fold(&stretches) { isMatch, previous in isMatch && !previous }
            stretches.reverse()
        }
    }

    private static func fold(_ stretches: inout [Stretch], _ joins: (Bool, Bool) -> Bool) {
        var result: [Stretch] = []
        var previous = false
        for stretch in stretches {
            if joins(stretch.isMatch, previous), let last = result.last {
                result[result.count - 1] = Stretch(
                    start: min(last.start, stretch.start),
                    end: max(last.end, stretch.end),
                    isMatch: false
                )
            } else {
                result.append(Stretch(start: stretch.start, end: stretch.end, isMatch: false))
            }
            previous = stretch.isMatch
        }
        stretches = result
    }
}

/// Several pre-tokenizers, one after the other.
struct PreTokenizerSequence: PreTokenizer {
    let steps: [any PreTokenizer]

    func apply(to list: inout PieceList) { for step in steps { step.apply(to: &list) } }

    func document() -> JSONValue {
        ["type": "Sequence", "pretokenizers": .array(steps.map { $0.document() })]
    }
}
