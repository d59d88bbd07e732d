import YuyanFileFormats

/// A token found in the text as a whole, before any splitting or merging.
public struct AddedToken: Sendable, Hashable {
    /// The text of the token.
    public let content: String
    /// Its id.
    public let id: Int32
    /// Whether it steers the model rather than being text: left out of plain decoding, and recognised in text only on
    /// request.
    public let isSpecial: Bool
    /// Whether it also takes the white space before it.
    public let stripsLeft: Bool
    /// Whether it also takes the white space after it.
    public let stripsRight: Bool
    /// Whether it is recognised only when no letter, digit or underscore stands beside it.
    public let isSingleWord: Bool
    /// Whether it is looked for in the text after normalisation, and normalised itself for that.
    public let isNormalized: Bool

    /// Describes a token.
    ///
    /// - Parameters:
    ///   - content: The text of the token; not empty.
    ///   - id: Its id.
    ///   - isSpecial: Whether it steers the model rather than being text.
    ///   - stripsLeft: Whether it also takes the white space before it.
    ///   - stripsRight: Whether it also takes the white space after it.
    ///   - isSingleWord: Whether it is recognised only as a word of its own.
    ///   - isNormalized: Whether it is looked for in the text after normalisation.
    public init(
        _ content: String,
        id: Int32,
        isSpecial: Bool = true,
        stripsLeft: Bool = false,
        stripsRight: Bool = false,
        isSingleWord: Bool = false,
        isNormalized: Bool = false
    ) {
        self.content = content
        self.id = id
        self.isSpecial = isSpecial
        self.stripsLeft = stripsLeft
        self.stripsRight = stripsRight
        self.isSingleWord = isSingleWord
        self.isNormalized = isNormalized
    }
}

/// What encoding does with the text of special tokens.
public enum SpecialTokenHandling: Sendable, Hashable {
    /// "<|endoftext|>" in the text is ordinary characters: right for text from people and files.
    case asText
    /// "<|endoftext|>" in the text becomes the special token: right for templates that the program wrote.
    case recognized
}

/// The added tokens of a tokenizer and what some of them are for.
public struct AddedTokens: Sendable {
    /// The tokens in order of id.
    public let all: [AddedToken]
    /// The token between documents, and the one that ends an answer.
    public var endOfText: Int32?
    /// The token that begins a text.
    public var beginningOfText: Int32?
    /// The token that fills batches.
    public var padding: Int32?
    /// The token for what the vocabulary lacks.
    public var unknown: Int32?
    /// What the model expects before every text; `encode` leaves it out, `encodeFramed` puts it there.
    public var prefix: [Int32] = []
    /// What the model expects after every text.
    public var suffix: [Int32] = []

    private let byId: [Int32: Int]
    private let lowest: Int32
    private let highest: Int32
    private let everything: TokenMatcher
    private let ordinary: TokenMatcher

    /// Collects tokens; none has a role unless given.
    ///
    /// Traps on an empty token and on two tokens with one id.
    ///
    /// - Parameter tokens: The tokens in any order.
    public init(_ tokens: [AddedToken] = []) {
        all = tokens.sorted { $0.id < $1.id }
        var byId: [Int32: Int] = [:]
        for (index, token) in all.enumerated() {
            guard !token.content.isEmpty, byId.updateValue(index, forKey: token.id) == nil else {
                fatalError("AddedTokens: '\(token.content)' is empty or shares the id \(token.id)")
            }
        }
        self.byId = byId
        lowest = all.first?.id ?? .max
        highest = all.last?.id ?? -1
        everything = TokenMatcher(all)
        ordinary = TokenMatcher(all.filter { !$0.isSpecial })
    }

    /// The token with an id.
    ///
    /// - Parameter id: Any id.
    /// - Returns: nil when no added token has it.
    public func token(_ id: Int32) -> AddedToken? {
        guard id >= lowest, id <= highest else { return nil }
        return byId[id].map { all[$0] }
    }

    /// The id of a token's text, compared by bytes.
    ///
    /// - Parameter content: The text.
    /// - Returns: nil when it is no added token.
    public func id(of content: String) -> Int32? {
        all.first { $0.content.utf8.elementsEqual(content.utf8) }?.id
    }

    func matcher(_ handling: SpecialTokenHandling) -> TokenMatcher {
        handling == .recognized ? everything : ordinary
    }
}

/// Finds added tokens in text: leftmost first, the longest of those.
struct TokenMatcher: Sendable {
    struct Match {
        let start: Int
        let end: Int
        let id: Int32
    }

    private struct Node: Sendable {
        var children: [UInt8: Int32] = [:]
        var token: Int32 = -1
    }

    private let tokens: [AddedToken]
    private var nodes: [Node] = [Node()]
    private var begins = [Bool](repeating: false, count: 256)

    var isEmpty: Bool { tokens.isEmpty }

    init(_ tokens: [AddedToken]) { self.init(tokens, spelled: tokens.map { Array($0.content.utf8) }) }

    /// Finds tokens by other texts than their own, such as the normalised ones; empty texts are never found.
    init(_ tokens: [AddedToken], spelled texts: [[UInt8]]) {
        self.tokens = tokens
        for (index, text) in texts.enumerated() where !text.isEmpty {
            var node = 0
            for (position, byte) in text.enumerated() {
                if position == 0 { begins[Int(byte)] = true }
                if let child = nodes[node].children[byte] {
                    node = Int(child)
                } else {
                    nodes[node].children[byte] = Int32(nodes.count)
                    node = nodes.count
                    nodes.append(Node())
                }
            }
            nodes[node].token = Int32(index)
        }
    }

    /// The first match that begins at `start` or later; white space taken by the match stays right of `start`.
    func next(_ text: ScannedText, from start: Int) -> Match? {
        begins.withUnsafeBufferPointer { begins in
            var position = start
            while position < text.end {
                if begins[Int(text.bytes[position])], let (index, end) = longest(text, position) {
                    if let match = checked(index, text, start, position, end) { return match }
                    position = end
                } else {
                    position += 1
                }
            }
            return nil
        }
    }

    private func longest(_ text: ScannedText, _ start: Int) -> (token: Int, end: Int)? {
        var node = 0
        var position = start
        var found: (Int, Int)?
        while position < text.end, let child = nodes[node].children[text.bytes[position]] {
            node = Int(child)
            position += 1
            if nodes[node].token >= 0 { found = (Int(nodes[node].token), position) }
        }
        return found
    }

    private func checked(_ index: Int, _ text: ScannedText, _ floor: Int, _ start: Int, _ end: Int) -> Match?
    {
        let token = tokens[index]
        var start = start
        var end = end
        if token.isSingleWord, isWord(text, before: start) || isWord(text, at: end) { return nil }
        if token.stripsLeft {
            while start > floor, let before = scalarStart(text, before: start), before >= floor,
                text.scalar(at: before).kind == ScalarClass.whitespace
            {
                start = before
            }
        }
        if token.stripsRight { end = text.endOfRun(.whitespace, from: end) }
        return Match(start: start, end: end, id: token.id)
    }

    private func scalarStart(_ text: ScannedText, before position: Int) -> Int? {
        guard position > 0 else { return nil }
        var start = position - 1
        while start > 0, position - start < 4, text.bytes[start] & 0xC0 == 0x80 { start -= 1 }
        return start
    }

    private func isWord(_ text: ScannedText, before position: Int) -> Bool {
        guard let start = scalarStart(text, before: position) else { return false }
        return isWord(text, at: start)
    }

    private func isWord(_ text: ScannedText, at position: Int) -> Bool {
        guard position < text.end else { return false }
        let step = UTF8Validation.decode(text.bytes, at: position, end: text.end)
        return !step.isInvalid && UnicodeProperties.has(step.scalar, UnicodeProperties.word)
    }
}
