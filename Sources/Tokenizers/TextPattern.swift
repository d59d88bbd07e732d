import YuyanFileFormats

/// What `Split` and `Replace` look for.
enum TextPattern: Sendable {
    /// These bytes, not empty.
    case literal([UInt8])
    /// The pieces of a known rule for byte-level vocabularies; they cover every text.
    case rule(SplitRule)
    /// A regular expression of the plain kind.
    case expression(PlainExpression)

    /// The leftmost matches from left to right, without overlap; none is empty.
    func matches(in bytes: UnsafeBufferPointer<UInt8>) -> [Range<Int>] {
        guard let base = bytes.baseAddress else { return [] }
        var result: [Range<Int>] = []
        var position = 0
        switch self {
        case .literal(let wanted):
            while position + wanted.count <= bytes.count {
                if wanted.indices.allSatisfy({ bytes[position + $0] == wanted[$0] }) {
                    result.append(position..<position + wanted.count)
                    position += wanted.count
                } else {
                    position += 1
                }
            }
        case .rule(let rule):
            let text = ScannedText(base, end: bytes.count)
            while position < bytes.count {
                let end = rule.endOfPiece(text, from: position)
                result.append(position..<end)
                position = end
            }
        case .expression(let expression):
            while position < bytes.count {
                if let end = expression.match(bytes, at: position) {
                    result.append(position..<end)
                    position = end
                } else {
                    position += UTF8Text.length(of: bytes[position])
                }
            }
        }
        return result
    }

    /// The pattern as tokenizer files hold it.
    func document() -> JSONValue {
        switch self {
        case .literal(let bytes): ["String": .string(String(decoding: bytes, as: UTF8.self))]
        case .rule(let rule): ["Regex": .string(rule.pattern ?? SplitRule.gpt2Expression)]
        case .expression(let expression): ["Regex": .string(expression.source)]
        }
    }
}

extension SplitRule {
    /// GPT-2's rule as a regular expression, for files that hold it under `Split`.
    static let gpt2Expression =
        #"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"#
}

/// A regular expression of the plain kind: alternatives, each a sequence of sets of scalars with counts, which may be bound
/// to the beginning and the end of a line.
///
/// Every count must be followed by a set that shares no scalar with the one it counts. Then taking as many as there are is
/// always right, matching never goes back, and its time is linear.
struct PlainExpression: Sendable {
    /// A set of scalars and how many of them.
    struct Item: Sendable {
        var set: ScalarSet
        var minimum: Int
        var maximum: Int
    }

    /// A sequence of counted sets, and whether it must stand at the beginning (`^`) or the end (`$`) of a line.
    struct Alternative: Sendable {
        var items: [Item] = []
        var beginsLine = false
        var endsLine = false
    }

    /// The expression as written.
    let source: String
    private let alternatives: [Alternative]

    /// Understands an expression.
    ///
    /// - Parameter source: The expression.
    /// - Throws: A word about what is not understood.
    init(_ source: String) throws(PlainExpressionError) {
        self.source = source
        var parser = PlainExpressionParser(source)
        alternatives = try parser.parse()
        for alternative in alternatives {
            guard alternative.items.contains(where: { $0.minimum > 0 }) else {
                throw PlainExpressionError("matches the empty text")
            }
            try Self.checkDeterminism(alternative.items)
        }
    }

    private static func checkDeterminism(_ items: [Item]) throws(PlainExpressionError) {
        for (index, item) in items.enumerated() where item.minimum != item.maximum {
            for next in items[(index + 1)...] {
                if item.set.overlaps(next.set) {
                    throw PlainExpressionError("a count is followed by a set that shares scalars with it")
                }
                if next.minimum > 0 { break }
            }
        }
    }

    /// The end of the match that begins at a position; nil when none does.
    func match(_ bytes: UnsafeBufferPointer<UInt8>, at start: Int) -> Int? {
        for alternative in alternatives {
            if alternative.beginsLine, start > 0, bytes[start - 1] != 10 { continue }
            guard let end = Self.match(alternative.items, bytes, at: start) else { continue }
            if alternative.endsLine, end < bytes.count, bytes[end] != 10 { continue }
            return end
        }
        return nil
    }

    private static func match(_ items: [Item], _ bytes: UnsafeBufferPointer<UInt8>, at start: Int) -> Int? {
        var position = start
        for item in items {
            var count = 0
            while count < item.maximum, position < bytes.count {
                var next = position
                guard item.set.contains(UTF8Text.scalar(bytes, at: &next)) else { break }
                position = next
                count += 1
            }
            if count < item.minimum { return nil }
        }
        return position > start ? position : nil
    }
}

/// Why an expression is not understood.
struct PlainExpressionError: Error {
    let message: String

    init(_ message: String) { self.message = message }
}

/// A set of scalars: ranges, general categories and classes, or all others.
struct ScalarSet: Sendable {
    /// One part of the set.
    enum Part: Sendable {
        case range(UInt32, UInt32)
        /// General categories as bits of their raw numbers, or all others.
        case categories(UInt32, isNegated: Bool)
        case whitespace(isNegated: Bool)
        case word(isNegated: Bool)
    }

    private(set) var parts: [Part] = []
    var isNegated = false
    private var ascii: (UInt64, UInt64) = (0, 0)

    init(_ parts: [Part], isNegated: Bool = false) {
        self.parts = parts
        self.isNegated = isNegated
        for scalar in 0..<UInt32(128) where computed(scalar) {
            if scalar < 64 { ascii.0 |= 1 << UInt64(scalar) } else { ascii.1 |= 1 << UInt64(scalar - 64) }
        }
    }

    func contains(_ scalar: UInt32) -> Bool {
        if scalar < 64 { return ascii.0 >> UInt64(scalar) & 1 != 0 }
        if scalar < 128 { return ascii.1 >> UInt64(scalar - 64) & 1 != 0 }
        return computed(scalar)
    }

    private func computed(_ scalar: UInt32) -> Bool {
        parts.contains { Self.contains($0, scalar) } != isNegated
    }

    private static func contains(_ part: Part, _ scalar: UInt32) -> Bool {
        switch part {
        case .range(let low, let high): scalar >= low && scalar <= high
        case .categories(let bits, let isNegated): (bits >> category(scalar) & 1 != 0) != isNegated
        case .whitespace(let isNegated):
            UnicodeProperties.has(scalar, UnicodeProperties.whitespace) != isNegated
        case .word(let isNegated): UnicodeProperties.has(scalar, UnicodeProperties.word) != isNegated
        }
    }

    /// Whether two sets share a scalar.
    func overlaps(_ other: ScalarSet) -> Bool {
        (0..<UInt32(0x110000)).contains { contains($0) && other.contains($0) }
    }

    /// The names of general categories by their numbers.
    static let categoryNames = [
        "Lu", "Ll", "Lt", "Lm", "Lo", "Mn", "Mc", "Me", "Nd", "Nl", "No", "Pc", "Pd", "Ps", "Pe", "Pi", "Pf",
        "Po", "Sm", "Sc", "Sk", "So", "Zs", "Zl", "Zp", "Cc", "Cf", "Cs", "Co", "Cn",
    ]

    private static func category(_ scalar: UInt32) -> UInt32 {
        guard let scalar = Unicode.Scalar(scalar) else { return 27 }
        return switch scalar.properties.generalCategory {
        case .uppercaseLetter: 0
        case .lowercaseLetter: 1
        case .titlecaseLetter: 2
        case .modifierLetter: 3
        case .otherLetter: 4
        case .nonspacingMark: 5
        case .spacingMark: 6
        case .enclosingMark: 7
        case .decimalNumber: 8
        case .letterNumber: 9
        case .otherNumber: 10
        case .connectorPunctuation: 11
        case .dashPunctuation: 12
        case .openPunctuation: 13
        case .closePunctuation: 14
        case .initialPunctuation: 15
        case .finalPunctuation: 16
        case .otherPunctuation: 17
        case .mathSymbol: 18
        case .currencySymbol: 19
        case .modifierSymbol: 20
        case .otherSymbol: 21
        case .spaceSeparator: 22
        case .lineSeparator: 23
        case .paragraphSeparator: 24
        case .control: 25
        case .format: 26
        case .surrogate: 27
        case .privateUse: 28
        case .unassigned: 29
        @unknown default: 29
        }
    }
}

/// Reads a plain expression.
struct PlainExpressionParser {
    private static let maximumCount = 1 << 20
    private let scalars: [UInt32]
    private var position = 0

    init(_ source: String) { scalars = source.unicodeScalars.map(\.value) }

    private func character(_ text: StaticString) -> UInt32 { UInt32(text.utf8Start.pointee) }

    mutating func parse() throws(PlainExpressionError) -> [PlainExpression.Alternative] {
        guard !scalars.isEmpty, scalars.count <= 4096 else {
            throw PlainExpressionError("must hold 1 to 4096 scalars")
        }
        var alternatives = [PlainExpression.Alternative()]
        while position < scalars.count {
            let last = alternatives.count - 1
            if scalars[position] == character("|") {
                position += 1
                alternatives.append(.init())
                continue
            }
            if scalars[position] == character("^"), alternatives[last].items.isEmpty {
                position += 1
                alternatives[last].beginsLine = true
                continue
            }
            if scalars[position] == character("$"),
                position + 1 == scalars.count || scalars[position + 1] == character("|")
            {
                position += 1
                alternatives[last].endsLine = true
                continue
            }
            let set = try atom()
            let (minimum, maximum) = try count()
            alternatives[last].items.append(.init(set: set, minimum: minimum, maximum: maximum))
        }
        return alternatives
    }

    private mutating func atom() throws(PlainExpressionError) -> ScalarSet {
        let scalar = scalars[position]
        position += 1
        switch scalar {
        case character("["): return try set()
        case character("\\"): return ScalarSet([try escape()])
        case character("."): return ScalarSet([.range(10, 10)], isNegated: true)
        case character("("), character(")"), character("*"), character("+"), character("?"), character("{"),
            character("^"), character("$"):
            throw PlainExpressionError("'\(String(Unicode.Scalar(UInt8(scalar))))' is not understood here")
        default: return ScalarSet([.range(scalar, scalar)])
        }
    }

    /// The counts after an atom; 1 when there are none.
    private mutating func count() throws(PlainExpressionError) -> (Int, Int) {
        guard position < scalars.count else { return (1, 1) }
        let counts: (Int, Int)
        switch scalars[position] {
        case character("?"): counts = (0, 1)
        case character("*"): counts = (0, Int.max)
        case character("+"): counts = (1, Int.max)
        case character("{"):
            position += 1
            let minimum = number()
            var maximum = minimum
            if position < scalars.count, scalars[position] == character(",") {
                position += 1
                maximum = number() ?? Int.max
            }
            guard let minimum, let maximum, minimum <= maximum, maximum > 0, position < scalars.count,
                scalars[position] == character("}")
            else { throw PlainExpressionError("a count in braces is not understood") }
            counts = (minimum, maximum)
        default: return (1, 1)
        }
        position += 1
        if position < scalars.count,
            scalars[position] == character("?") || scalars[position] == character("+")
        {
            // A possessive count is the same thing here; a reluctant one is not.
            guard scalars[position] == character("+") else {
                throw PlainExpressionError("reluctant counts are not understood")
            }
            position += 1
        }
        return counts
    }

    private mutating func number() -> Int? {
        var value: Int?
        while position < scalars.count, scalars[position] >= 48, scalars[position] < 58 {
            value = min((value ?? 0) * 10 + Int(scalars[position] - 48), Self.maximumCount)
            position += 1
        }
        return value
    }

    private mutating func set() throws(PlainExpressionError) -> ScalarSet {
        var parts: [ScalarSet.Part] = []
        var isNegated = false
        if position < scalars.count, scalars[position] == character("^") {
            isNegated = true
            position += 1
        }
        while position < scalars.count, scalars[position] != character("]") {
            let first = try member()
            guard case .range(let low, _) = first, position + 1 < scalars.count,
                scalars[position] == character("-"), scalars[position + 1] != character("]")
            else {
                parts.append(first)
                continue
            }
            position += 1
            guard case .range(let high, _) = try member(), high >= low else {
                throw PlainExpressionError("a range in brackets is not understood")
            }
            parts.append(.range(low, high))
        }
        guard position < scalars.count, !parts.isEmpty else {
            throw PlainExpressionError("a bracket is never closed")
        }
        position += 1
        return ScalarSet(parts, isNegated: isNegated)
    }

    private mutating func member() throws(PlainExpressionError) -> ScalarSet.Part {
        let scalar = scalars[position]
        position += 1
        if scalar == character("\\") { return try escape() }
        let isDoubled = position < scalars.count && scalars[position] == scalar
        guard scalar != character("["), !(scalar == character("&") && isDoubled) else {
            throw PlainExpressionError("sets within sets are not understood")
        }
        return .range(scalar, scalar)
    }

    private mutating func escape() throws(PlainExpressionError) -> ScalarSet.Part {
        guard position < scalars.count else { throw PlainExpressionError("ends in a backslash") }
        let scalar = scalars[position]
        position += 1
        switch scalar {
        case character("s"): return .whitespace(isNegated: false)
        case character("S"): return .whitespace(isNegated: true)
        case character("w"): return .word(isNegated: false)
        case character("W"): return .word(isNegated: true)
        case character("d"): return .categories(1 << 8, isNegated: false)
        case character("D"): return .categories(1 << 8, isNegated: true)
        case character("n"): return .range(10, 10)
        case character("r"): return .range(13, 13)
        case character("t"): return .range(9, 9)
        case character("p"), character("P"): return try category(isNegated: scalar == character("P"))
        case 48..<58, 65..<91, 97..<123: throw PlainExpressionError("an escape is not understood")
        default: return .range(scalar, scalar)
        }
    }

    private mutating func category(isNegated: Bool) throws(PlainExpressionError) -> ScalarSet.Part {
        var name = ""
        if position < scalars.count, scalars[position] == character("{") {
            position += 1
            while position < scalars.count, scalars[position] != character("}"), name.utf8.count < 8 {
                name.unicodeScalars.append(Unicode.Scalar(scalars[position]) ?? " ")
                position += 1
            }
            position += 1
        }
        var bits: UInt32 = 0
        for (index, category) in ScalarSet.categoryNames.enumerated()
        where category == name || name.utf8.count == 1 && category.hasPrefix(name) {
            bits |= 1 << UInt32(index)
        }
        guard bits != 0 else { throw PlainExpressionError("'\\p{\(name)}' is not understood") }
        return .categories(bits, isNegated: isNegated)
    }
}
