/// How spans are written as one tag for each token.
public enum TagScheme: String, Sendable, CaseIterable {
    /// I inside a span; B only where a span follows another of its type at once.
    case iob1
    /// B at the first token of every span, I at the others (BIO).
    case iob2
    /// I inside a span; E only where another of its type follows at once.
    case ioe1
    /// E at the last token of every span, I at the others.
    case ioe2
    /// B, I, E, and S for spans of one token (BIOES, IOBES).
    case iobes
    /// B, I, L, and U for spans of one token.
    case bilou

    /// The letters that tags of the scheme begin with.
    public var letters: String {
        switch self {
        case .iob1, .iob2: "BIO"
        case .ioe1, .ioe2: "IOE"
        case .iobes: "BIOES"
        case .bilou: "BILOU"
        }
    }
}

/// How tags become spans.
public enum TagReading: Sendable, Equatable {
    /// As the CoNLL scripts do: any sequence of B, I, E, S and O gives spans; a type that changes begins a new one.
    /// For IOB1, IOB2, IOE1, IOE2 and IOBES alike.
    case lenient
    /// Only what the scheme allows counts as a span; letters outside it are errors.
    case strict(TagScheme)
}

/// A labelled run of tokens.
public struct LabelledSpan: Sendable, Hashable, Comparable {
    /// The type; "_" for tags without one.
    public let label: String
    /// The first token.
    public let start: Int
    /// The token after the last one.
    public let end: Int

    /// Creates a span.
    ///
    /// - Parameters:
    ///   - label: the type.
    ///   - start: the first token.
    ///   - end: the token after the last one.
    public init(label: String, start: Int, end: Int) {
        self.label = label
        self.start = start
        self.end = end
    }

    /// Orders spans by their first token, then the last, then the type.
    ///
    /// - Parameters:
    ///   - first: a span.
    ///   - second: another.
    /// - Returns: whether the first comes before the second.
    public static func < (first: LabelledSpan, second: LabelledSpan) -> Bool {
        (first.start, first.end, first.label) < (second.start, second.end, second.label)
    }
}

/// What a tag begins with; L is read as E and U as S.
enum TagPrefix: UInt8, Sendable {
    case outside = 0
    case begin
    case inside
    case end
    case single
}

/// A tag taken apart.
struct ParsedTag: Sendable, Equatable {
    let prefix: TagPrefix
    /// The type's number in the table; that of "_" for tags without a type.
    let type: Int32

    func same(_ other: ParsedTag) -> Bool { type == other.type }
}

/// A run of tokens with a type's number.
struct NumberedSpan: Sendable, Equatable {
    let type: Int32
    let start: Int32
    let end: Int32
}

/// Takes tags apart and numbers their types as they are met.
struct TagTable: Sendable {
    let letters: String
    /// Whether a type is cut as the strict reading does it: all hyphens around it go.
    let trimsHyphens: Bool
    private(set) var types: [String] = ["_"]
    private var numbers: [String: Int32] = ["_": 0]
    private var known: [String: ParsedTag] = [:]

    init(_ reading: TagReading) {
        switch reading {
        case .lenient: (letters, trimsHyphens) = ("BIOES", false)
        case .strict(let scheme): (letters, trimsHyphens) = (scheme.letters, true)
        }
    }

    init(letters: String) {
        self.letters = letters
        trimsHyphens = false
    }

    /// Returns the parts of a tag.
    mutating func parse(_ tag: String, sentence: Int, token: Int) throws(MetricError) -> ParsedTag {
        if let found = known[tag] { return found }
        guard let prefix = Self.prefix(of: tag, letters: letters) else {
            let wanted = letters.map { $0 == "O" ? "O" : "\($0)-TYPE" }.joined(separator: ", ")
            throw .invalidTag(tag, sentence: sentence, token: token, wanted: wanted)
        }
        let parsed = ParsedTag(prefix: prefix, type: number(of: typeName(Array(tag.utf8.dropFirst()))))
        known[tag] = parsed
        return parsed
    }

    private static func prefix(of tag: String, letters: String) -> TagPrefix? {
        guard let first = tag.utf8.first, letters.utf8.contains(first) else { return nil }
        switch Unicode.Scalar(first) {
        case "B": return .begin
        case "I": return .inside
        case "E", "L": return .end
        case "S", "U": return .single
        default: return .outside
        }
    }

    private func typeName(_ rest: [UInt8]) -> String {
        let hyphen = UInt8(ascii: "-")
        var name = rest[...]
        if trimsHyphens {
            while name.first == hyphen { name.removeFirst() }
            while name.last == hyphen { name.removeLast() }
        } else if let cut = name.firstIndex(of: hyphen) {
            name = name[(cut + 1)...]
        }
        return name.isEmpty ? "_" : String(decoding: name, as: UTF8.self)
    }

    mutating func number(of type: String) -> Int32 {
        if let number = numbers[type] { return number }
        let number = Int32(types.count)
        types.append(type)
        numbers[type] = number
        return number
    }
}

/// Appends the spans of a sentence, read leniently.
func appendLenientSpans(_ tags: [ParsedTag], to spans: inout [NumberedSpan]) {
    var previous = ParsedTag(prefix: .outside, type: 0)
    var start = 0
    for position in 0...tags.count {
        let tag = position < tags.count ? tags[position] : ParsedTag(prefix: .outside, type: 0)
        let typeChanges = !tag.same(previous)
        let closes: Bool
        switch previous.prefix {
        case .outside: closes = false
        case .end, .single: closes = true
        case .begin, .inside:
            closes =
                tag.prefix == .begin || tag.prefix == .single || tag.prefix == .outside || typeChanges
        }
        if closes {
            spans.append(
                NumberedSpan(type: previous.type, start: Int32(start), end: Int32(position))
            )
        }
        let opens: Bool
        switch tag.prefix {
        case .outside: opens = false
        case .begin, .single: opens = true
        case .inside, .end:
            opens =
                previous.prefix == .end || previous.prefix == .single || previous.prefix == .outside
                || typeChanges
        }
        if opens { start = position }
        previous = tag
    }
}

/// When a tag starts, continues or ends a span, by the prefixes of the previous tag and its own.
///
/// Each set holds (previous, current) pairs as bits, once for equal types and once for different ones.
struct StrictRules: Sendable {
    private var starts = PairSets()
    private var insides = PairSets()
    private var ends = PairSets()

    private struct PairSets: Sendable {
        var same: UInt32 = 0
        var different: UInt32 = 0

        mutating func insert(_ previous: TagPrefix, _ current: TagPrefix, same: Bool, different: Bool) {
            let bit: UInt32 = 1 << UInt32(previous.rawValue * 5 + current.rawValue)
            if same { self.same |= bit }
            if different { self.different |= bit }
        }

        func contains(_ previous: ParsedTag, _ current: ParsedTag) -> Bool {
            let bit = UInt32(previous.prefix.rawValue * 5 + current.prefix.rawValue)
            return (previous.same(current) ? same : different) >> bit & 1 == 1
        }
    }

    init(_ scheme: TagScheme) {
        switch scheme {
        case .iob1: beginWhereNeeded()
        case .iob2: beginAlways()
        case .ioe1: endWhereNeeded()
        case .ioe2: endAlways()
        case .iobes, .bilou: beginAndEnd()
        }
    }

    private static let all: [TagPrefix] = [.outside, .begin, .inside, .end, .single]

    private mutating func beginWhereNeeded() {
        starts.insert(.outside, .inside, same: true, different: true)
        starts.insert(.inside, .inside, same: false, different: true)
        starts.insert(.begin, .inside, same: true, different: true)
        starts.insert(.inside, .begin, same: true, different: false)
        starts.insert(.begin, .begin, same: true, different: false)
        insides.insert(.begin, .inside, same: true, different: false)
        insides.insert(.inside, .inside, same: true, different: false)
        ends.insert(.inside, .inside, same: false, different: true)
        ends.insert(.inside, .outside, same: true, different: true)
        ends.insert(.inside, .begin, same: true, different: true)
        ends.insert(.begin, .outside, same: true, different: true)
        ends.insert(.begin, .inside, same: false, different: true)
        ends.insert(.begin, .begin, same: true, different: false)
    }

    private mutating func beginAlways() {
        for previous in Self.all { starts.insert(previous, .begin, same: true, different: true) }
        for previous in [TagPrefix.begin, .inside] {
            insides.insert(previous, .inside, same: true, different: false)
            ends.insert(previous, .outside, same: true, different: true)
            ends.insert(previous, .inside, same: false, different: true)
            ends.insert(previous, .begin, same: true, different: true)
        }
    }

    private mutating func endWhereNeeded() {
        starts.insert(.outside, .inside, same: true, different: true)
        starts.insert(.inside, .inside, same: false, different: true)
        starts.insert(.end, .inside, same: true, different: true)
        starts.insert(.end, .end, same: true, different: false)
        insides.insert(.inside, .inside, same: true, different: false)
        insides.insert(.inside, .end, same: true, different: false)
        ends.insert(.inside, .inside, same: false, different: true)
        ends.insert(.inside, .outside, same: true, different: true)
        ends.insert(.inside, .end, same: false, different: true)
        ends.insert(.end, .inside, same: true, different: false)
        ends.insert(.end, .end, same: true, different: false)
    }

    private mutating func endAlways() {
        for current in [TagPrefix.inside, .end] {
            starts.insert(.outside, current, same: true, different: true)
            starts.insert(.end, current, same: true, different: true)
            starts.insert(.inside, current, same: false, different: true)
            insides.insert(.inside, current, same: true, different: false)
        }
        for current in Self.all { ends.insert(.end, current, same: true, different: true) }
    }

    private mutating func beginAndEnd() {
        for other in Self.all {
            starts.insert(other, .begin, same: true, different: true)
            starts.insert(other, .single, same: true, different: true)
            ends.insert(.single, other, same: true, different: true)
            ends.insert(.end, other, same: true, different: true)
        }
        for previous in [TagPrefix.begin, .inside] {
            insides.insert(previous, .inside, same: true, different: false)
            insides.insert(previous, .end, same: true, different: false)
        }
    }

    /// Appends the spans of a sentence that the scheme allows.
    func appendSpans(_ tags: [ParsedTag], to spans: inout [NumberedSpan]) {
        let outside = ParsedTag(prefix: .outside, type: 0)
        func tag(_ position: Int) -> ParsedTag { position < tags.count ? tags[position] : outside }
        var (position, previous) = (0, outside)
        while position <= tags.count {
            let current = tag(position)
            if starts.contains(previous, current) {
                var end = position + 1
                while insides.contains(tag(end - 1), tag(end)) { end += 1 }
                if ends.contains(tag(end - 1), tag(end)) {
                    spans.append(
                        NumberedSpan(type: current.type, start: Int32(position), end: Int32(end))
                    )
                }
                position = end
            } else {
                position += 1
            }
            previous = tag(position - 1)
        }
    }
}
