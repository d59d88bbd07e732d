/// A text, or a pair of texts, as a model takes it: ids with all that is known about each.
///
/// All arrays have one entry per token.
public struct TokenizedText: Sendable, Hashable {
    /// The ids.
    public internal(set) var ids: [Int32] = []
    /// The segment of each token: 0 for the first text, 1 for the second, or as the template says.
    public internal(set) var typeIds: [Int32] = []
    /// The bytes of the original text that each token came from; empty for tokens that stand for none.
    public var offsets: [Range<Int>] { zip(rawOffsets, spaces).map { Self.trimmed($0, $1) } }
    /// The number of the word, counted per text, that each token is part of; -1 for none.
    public internal(set) var wordIds: [Int32] = []
    /// Which of the texts each token belongs to: 0, 1, or -1 for neither.
    public internal(set) var sequenceIds: [Int32] = []
    /// 1 for tokens that a template or padding put in.
    public internal(set) var specialTokensMask: [UInt8] = []
    /// 1 for tokens to be looked at, 0 for padding.
    public internal(set) var attentionMask: [UInt8] = []
    /// What truncation cut off, in pieces of the same form.
    public internal(set) var overflowing: [TokenizedText] = []

    /// The bytes that each token came from, with the spaces at its ends.
    var rawOffsets: [Range<Int>] = []
    /// The spaces at the ends of each token, and whether offsets leave them out.
    var spaces: [Spaces] = []

    /// Spaces at the ends of a token.
    struct Spaces: Sendable, Hashable {
        var leading: Int32 = 0
        var trailing: Int32 = 0
        var isTrimmed = false
    }

    /// A range without spaces at its ends, where they are to be left out; in bytes or scalars, of which a space is one.
    private static func trimmed(_ range: Range<Int>, _ spaces: Spaces) -> Range<Int> {
        guard spaces.isTrimmed else { return range }
        let start = min(range.lowerBound + Int(spaces.leading), range.upperBound)
        guard spaces.trailing > 0, range.upperBound >= spaces.trailing else {
            return start..<range.upperBound
        }
        return start..<max(range.upperBound - Int(spaces.trailing), start)
    }

    /// The number of tokens.
    public var count: Int { ids.count }

    /// No tokens.
    public init() {}

    mutating func append(
        _ id: Int32,
        typeId: Int32,
        _ offset: Range<Int>,
        word: Int32,
        sequence: Int32,
        isSpecial: Bool,
        isAttended: Bool = true,
        spaces: Spaces = Spaces()
    ) {
        ids.append(id)
        typeIds.append(typeId)
        rawOffsets.append(offset)
        wordIds.append(word)
        sequenceIds.append(sequence)
        specialTokensMask.append(isSpecial ? 1 : 0)
        attentionMask.append(isAttended ? 1 : 0)
        self.spaces.append(spaces)
    }

    /// Appends another's tokens, and joins the pieces cut off from both in every combination.
    mutating func merge(_ other: TokenizedText) {
        var pieces: [TokenizedText] = []
        for mine in overflowing {
            pieces.append(mine.joined(other.alone))
            for theirs in other.overflowing { pieces.append(mine.joined(theirs)) }
        }
        let me = alone
        for theirs in other.overflowing { pieces.append(me.joined(theirs)) }
        appendTokens(of: other)
        overflowing = pieces
    }

    private func joined(_ other: TokenizedText) -> TokenizedText {
        var result = self
        result.appendTokens(of: other)
        return result
    }

    /// The same without the pieces cut off.
    private var alone: TokenizedText {
        var result = self
        result.overflowing = []
        return result
    }

    private mutating func appendTokens(of other: TokenizedText) {
        ids += other.ids
        typeIds += other.typeIds
        rawOffsets += other.rawOffsets
        wordIds += other.wordIds
        sequenceIds += other.sequenceIds
        specialTokensMask += other.specialTokensMask
        attentionMask += other.attentionMask
        spaces += other.spaces
    }

    private func part(_ range: Range<Int>) -> TokenizedText {
        var result = TokenizedText()
        result.ids = Array(ids[range])
        result.typeIds = Array(typeIds[range])
        result.rawOffsets = Array(rawOffsets[range])
        result.wordIds = Array(wordIds[range])
        result.sequenceIds = Array(sequenceIds[range])
        result.specialTokensMask = Array(specialTokensMask[range])
        result.attentionMask = Array(attentionMask[range])
        result.spaces = Array(spaces[range])
        return result
    }

    /// Cuts to a length; the rest goes into `overflowing`, each piece beginning with `stride` tokens of the one before.
    ///
    /// - Parameters:
    ///   - length: The length.
    ///   - stride: Less than `length`, or anything when that is 0.
    ///   - side: Where the cut is made.
    mutating func truncate(to length: Int, stride: Int, side: TokenizerSide) {
        guard length < count else { return }
        guard length > 0 else {
            let all = self
            self = TokenizedText()
            overflowing = [all]
            return
        }
        var parts: [Range<Int>] = []
        if side == .right {
            var start = 0
            while true {
                let end = min(start + length, count)
                parts.append(start..<end)
                if end == count { break }
                start += length - stride
            }
        } else {
            var end = count
            while true {
                let start = max(end - length, 0)
                parts.append(start..<end)
                if start == 0 { break }
                end -= length - stride
            }
        }
        let pieces = parts.map { part($0) }
        self = pieces[0]
        overflowing = Array(pieces.dropFirst())
    }

    /// Fills up to a length.
    mutating func pad(to length: Int, id: Int32, typeId: Int32, side: TokenizerSide) {
        for index in overflowing.indices {
            overflowing[index].pad(to: length, id: id, typeId: typeId, side: side)
        }
        guard count < length else { return }
        var padding = TokenizedText()
        for _ in count..<length {
            padding.append(
                id,
                typeId: typeId,
                0..<0,
                word: -1,
                sequence: -1,
                isSpecial: true,
                isAttended: false
            )
        }
        let pieces = overflowing
        overflowing = []
        if side == .right {
            appendTokens(of: padding)
        } else {
            padding.appendTokens(of: self)
            self = padding
        }
        overflowing = pieces
    }

    /// The offsets counted in Unicode scalars instead of bytes, as Hugging Face's Python interface gives them.
    ///
    /// - Parameters:
    ///   - first: The first text.
    ///   - second: The second text of a pair.
    /// - Returns: One range per token.
    public func scalarOffsets(in first: String, _ second: String = "") -> [Range<Int>] {
        let maps = [Self.scalarIndices(first), Self.scalarIndices(second)]
        return ids.indices.map { index in
            let range = rawOffsets[index]
            let map = maps[Int(max(0, min(sequenceIds[index], 1)))]
            guard sequenceIds[index] >= 0, range.upperBound < map.count else { return range }
            let start = map[range.lowerBound]
            // A border inside a scalar counts as the end of that scalar on the right.
            let end = range.isEmpty ? start : max(start, map[range.upperBound - 1] + 1)
            return Self.trimmed(start..<end, spaces[index])
        }
    }

    /// For every byte, and for the end, the number of the scalar that it is part of.
    private static func scalarIndices(_ text: String) -> [Int] {
        var result: [Int] = []
        var index = -1
        for byte in text.utf8 {
            if byte & 0xC0 != 0x80 { index += 1 }
            result.append(index)
        }
        result.append(index + 1)
        return result
    }
}

/// The end of a text at which something happens.
public enum TokenizerSide: String, Sendable, Hashable {
    /// The beginning.
    case left = "Left"
    /// The end.
    case right = "Right"
}

/// How texts that are too long are cut.
public struct TokenizerTruncation: Sendable, Hashable {
    /// Which text of a pair is cut.
    public enum Strategy: String, Sendable, Hashable {
        /// The longer one, until both together fit.
        case longestFirst = "LongestFirst"
        /// The first one.
        case onlyFirst = "OnlyFirst"
        /// The second one.
        case onlySecond = "OnlySecond"
    }

    /// The most tokens, with those of the template.
    public var maximumLength: Int
    /// How many tokens each piece cut off shares with the piece before.
    public var stride: Int
    /// Which text of a pair is cut.
    public var strategy: Strategy
    /// Where it is cut.
    public var side: TokenizerSide

    /// Describes how to cut.
    ///
    /// - Parameters:
    ///   - maximumLength: The most tokens, with those of the template.
    ///   - stride: How many tokens each piece cut off shares with the piece before.
    ///   - strategy: Which text of a pair is cut.
    ///   - side: Where it is cut.
    public init(
        maximumLength: Int,
        stride: Int = 0,
        strategy: Strategy = .longestFirst,
        side: TokenizerSide = .right
    ) {
        self.maximumLength = maximumLength
        self.stride = stride
        self.strategy = strategy
        self.side = side
    }
}

/// How texts are filled up to equal length.
public struct TokenizerPadding: Sendable, Hashable {
    /// The length that is filled up to.
    public enum Length: Sendable, Hashable {
        /// That of the longest text of a batch.
        case longest
        /// So many tokens.
        case fixed(Int)
    }

    /// The length that is filled up to.
    public var length: Length
    /// The length becomes a multiple of this number; 0 and 1 change nothing.
    public var multiple: Int
    /// The id that fills.
    public var id: Int32
    /// The segment of what fills.
    public var typeId: Int32
    /// The token that fills, as files spell it.
    public var token: String
    /// Where it is put.
    public var side: TokenizerSide

    /// Describes how to fill.
    ///
    /// - Parameters:
    ///   - length: The length that is filled up to.
    ///   - multiple: The length becomes a multiple of this number.
    ///   - id: The id that fills.
    ///   - typeId: The segment of what fills.
    ///   - token: The token that fills, as files spell it.
    ///   - side: Where it is put.
    public init(
        length: Length = .longest,
        multiple: Int = 0,
        id: Int32 = 0,
        typeId: Int32 = 0,
        token: String = "[PAD]",
        side: TokenizerSide = .right
    ) {
        self.length = length
        self.multiple = multiple
        self.id = id
        self.typeId = typeId
        self.token = token
        self.side = side
    }

    /// Fills texts up to one length.
    func apply(to texts: inout [TokenizedText]) {
        var wanted =
            switch length {
            case .fixed(let count): count
            case .longest: texts.reduce(0) { max($0, $1.count) }
            }
        if multiple > 1, wanted % multiple != 0 { wanted += multiple - wanted % multiple }
        for index in texts.indices { texts[index].pad(to: wanted, id: id, typeId: typeId, side: side) }
    }
}

/// Why texts cannot be encoded as asked.
public struct TokenizationError: Error, Sendable, Hashable, CustomStringConvertible {
    /// What is wrong and what would be right.
    public let description: String

    init(_ description: String) { self.description = description }
}

extension TokenizerTruncation {
    /// Cuts a text or a pair.
    ///
    /// - Parameters:
    ///   - texts: One or two texts.
    ///   - added: How many tokens the template will add.
    /// - Throws: `TokenizationError` when the texts cannot be made to fit.
    func apply(to texts: inout [TokenizedText], addedTokens added: Int) throws(TokenizationError) {
        guard maximumLength >= added else {
            throw TokenizationError(
                "a maximum length of \(maximumLength) leaves no room for the \(added) tokens of the template"
            )
        }
        let limit = maximumLength - added
        let total = texts.reduce(0) { $0 + $1.count }
        guard limit > 0 else {
            for index in texts.indices { texts[index].truncate(to: 0, stride: stride, side: side) }
            return
        }
        guard total > limit else { return }
        switch strategy {
        case .longestFirst where texts.count > 1:
            var shorter = texts[0].count
            var longer = texts[1].count
            let isSwapped = shorter > longer
            if isSwapped { swap(&shorter, &longer) }
            longer = shorter > limit ? shorter : max(shorter, limit - shorter)
            if shorter + longer > limit {
                shorter = limit / 2
                longer = shorter + limit % 2
            }
            if isSwapped { swap(&shorter, &longer) }
            try cut(&texts[0], to: shorter)
            try cut(&texts[1], to: longer)
        case .longestFirst: try cut(&texts[0], to: limit)
        case .onlyFirst, .onlySecond:
            let index = strategy == .onlyFirst ? 0 : 1
            guard index < texts.count else {
                throw TokenizationError("only the second text may be cut, and there is none")
            }
            let excess = total - limit
            guard texts[index].count > excess else {
                throw TokenizationError(
                    "the text that may be cut has \(texts[index].count) tokens, and \(excess) must go"
                )
            }
            try cut(&texts[index], to: texts[index].count - excess)
        }
    }

    private func cut(_ text: inout TokenizedText, to length: Int) throws(TokenizationError) {
        guard length >= text.count || length == 0 || stride >= 0 && stride < length else {
            throw TokenizationError("the stride \(stride) must be less than the \(length) tokens of a piece")
        }
        text.truncate(to: length, stride: stride, side: side)
    }
}
