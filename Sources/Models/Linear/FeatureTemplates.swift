import YuyanFileFormats

/// Which properties of words, their neighbours and further columns a tagger looks at, as a list of templates.
///
/// A template is a property and the words that it is looked at of, counted from the present one: `word@-1..1`,
/// `suffix2..3`, `pos@+1`. Without `@` that is the present word. Several with `/` between them make one feature of their
/// values together: `pos@-1/pos@0`. `default` stands for what the other options of ``TaggingFeatureOptions`` say.
public struct FeatureTemplates: Sendable, Hashable {
    /// The template that stands for what the other options say.
    public static let standard = "default"

    /// The templates as they were written.
    public let texts: [String]
    /// The further columns that are looked at, in the order in which they come first.
    public let columns: [String]
    /// Whether `default` is among them.
    public let includesStandard: Bool
    private let properties: [WordProperty]
    private let features: [TemplateReader.Feature]

    /// Reads templates.
    ///
    /// - Parameters:
    ///   - texts: the templates.
    ///   - known: the further columns that there are.
    /// - Throws: `LinearModelError` naming the template, what is wrong with it and what would be right.
    public init(_ texts: [String], columns known: [String] = []) throws(LinearModelError) {
        guard !texts.isEmpty else {
            throw LinearModelError("there is no template; '\(Self.standard)' is the usual one")
        }
        for column in known where column == Self.standard || WordProperty.isName(column) {
            throw LinearModelError("the column '\(column)' has the name of a template; give it another one")
        }
        var (reader, includesStandard) = (TemplateReader(known: known), false)
        for text in texts {
            if text == Self.standard { includesStandard = true } else { try reader.read(text) }
        }
        (self.texts, self.includesStandard) = (texts, includesStandard)
        (columns, properties, features) = (reader.columns, reader.properties, reader.features)
    }

    /// Adds the features of every token to those that are there.
    func add(to found: inout [[String]], words: [String], plain: [String], columns: [[String]]) {
        let all = properties.map { property in
            words.indices.map { place -> [String] in
                if case .column(let column) = property { return [columns[column][place]] }
                return property.values(words[place], plain[place])
            }
        }
        func values(_ part: TemplateReader.Part, _ place: Int) -> [String] {
            let other = place + part.offset
            if words.indices.contains(other) { return all[part.property][other] }
            guard properties[part.property].marksEnds else { return [] }
            // One mark beyond an end is enough.
            return other == -1 ? ["<s>"] : other == words.count ? ["</s>"] : []
        }
        for place in words.indices {
            for feature in features {
                if feature.parts.count == 1, !properties[feature.parts[0].property].isFlag {
                    found[place] += values(feature.parts[0], place).map { "\(feature.name)=\($0)" }
                    continue
                }
                var together: [String] = []
                let isWhole = feature.parts.allSatisfy { part in
                    guard let value = values(part, place).first else { return false }
                    if !properties[part.property].isFlag { together.append(value) }
                    return true
                }
                guard isWhole else { continue }
                let end = together.isEmpty ? "" : "=" + together.joined(separator: "|")
                found[place].append(feature.name + end)
            }
        }
    }
}

extension FeatureTemplates: CustomStringConvertible {
    /// The templates as they were written: the state of a training names them, in every process alike.
    public var description: String { texts.description }
}

/// What a template looks at of a word.
private enum WordProperty: Sendable, Hashable {
    case word, lower, shape
    case prefix(Int), suffix(Int), ngram(Int)
    case title, upper, digit, hasDigit, hasHyphen, punctuation
    /// A further column, by its place.
    case column(Int)

    /// Those without a length.
    static let plain: [(name: String, property: WordProperty)] = [
        ("word", .word), ("lower", .lower), ("shape", .shape), ("title", .title), ("upper", .upper),
        ("digit", .digit), ("has-digit", .hasDigit), ("has-hyphen", .hasHyphen),
        ("punctuation", .punctuation),
    ]
    /// Those whose name has a length at its end.
    static let long: [(name: String, property: @Sendable (Int) -> WordProperty)] = [
        ("prefix", { .prefix($0) }), ("suffix", { .suffix($0) }), ("ngram", { .ngram($0) }),
    ]

    /// Whether a name, with a length or without, is one of a property.
    static func isName(_ name: String) -> Bool {
        plain.contains { $0.name == name }
            || long.contains { name.hasPrefix($0.name) && Int(name.dropFirst($0.name.count)) != nil }
    }

    /// Whether it holds or does not hold, and has no value besides.
    var isFlag: Bool {
        switch self {
        case .title, .upper, .digit, .hasDigit, .hasHyphen, .punctuation: true
        default: false
        }
    }

    /// Whether the ends of a sentence have a value.
    var marksEnds: Bool {
        switch self {
        case .word, .lower, .column: true
        default: false
        }
    }

    /// The values of a word, none twice; `plain` is the word in small letters where those count as capitals.
    func values(_ word: String, _ plain: String) -> [String] {
        switch self {
        case .word: [word]
        case .lower: [word.lowercased()]
        case .shape: [TaggingFeatureOptions.shape(word)]
        case .prefix(let length): Self.ends(plain, length).map { [$0.first] } ?? []
        case .suffix(let length): Self.ends(plain, length).map { [$0.last] } ?? []
        case .ngram(let length): Self.ngrams(plain, length)
        case .title, .upper, .digit, .hasDigit, .hasHyphen, .punctuation: holds(word) ? [""] : []
        case .column: []
        }
    }

    private func holds(_ word: String) -> Bool {
        let scalars = word.unicodeScalars
        switch self {
        case .title:
            return scalars.first.map(Self.isCapital) == true
                && !scalars.dropFirst().contains(where: Self.isCapital)
        case .upper:
            return scalars.contains(where: Self.isCapital)
                && !scalars.contains { $0.properties.generalCategory == .lowercaseLetter }
        case .digit: return !scalars.isEmpty && scalars.allSatisfy(Self.isDigit)
        case .hasDigit: return scalars.contains(where: Self.isDigit)
        case .hasHyphen: return scalars.contains("-")
        case .punctuation:
            return !scalars.isEmpty
                && !scalars.contains { $0.properties.isAlphabetic || $0.properties.numericType != nil }
        default: return false
        }
    }

    private static func isCapital(_ scalar: Unicode.Scalar) -> Bool {
        let category = scalar.properties.generalCategory
        return category == .uppercaseLetter || category == .titlecaseLetter
    }

    private static func isDigit(_ scalar: Unicode.Scalar) -> Bool {
        scalar.properties.generalCategory == .decimalNumber
    }

    /// The beginning and the end of so many scalars; nil for a shorter word.
    private static func ends(_ word: String, _ length: Int) -> (first: String, last: String)? {
        let scalars = word.unicodeScalars
        guard scalars.count >= length else { return nil }
        return (
            String(String.UnicodeScalarView(scalars.prefix(length))),
            String(String.UnicodeScalarView(scalars.suffix(length)))
        )
    }

    private static func ngrams(_ word: String, _ length: Int) -> [String] {
        let scalars = Array(word.unicodeScalars)
        guard scalars.count >= length else { return [] }
        var (found, seen): ([String], Set<String>) = ([], [])
        for start in 0...scalars.count - length {
            let part = String(String.UnicodeScalarView(scalars[start..<start + length]))
            if seen.insert(part).inserted { found.append(part) }
        }
        return found
    }
}

/// Reads templates one after another.
private struct TemplateReader {
    /// A property of a word at some distance.
    struct Part: Sendable, Hashable {
        /// The place among the properties.
        let property: Int
        let offset: Int
    }

    /// What has one value, or one of several, at a word.
    struct Feature: Sendable, Hashable {
        let name: String
        let parts: [Part]
    }

    private static let farthest = 16
    private static let longest = 16
    private static let mostParts = 8
    private static let mostFeatures = 4096

    let known: [String]
    private(set) var columns: [String] = []
    private(set) var properties: [WordProperty] = []
    private(set) var features: [Feature] = []
    private var names: Set<String> = []

    init(known: [String]) { self.known = known }

    mutating func read(_ text: String) throws(LinearModelError) {
        let pieces = text.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
        guard pieces.count <= Self.mostParts else {
            throw LinearModelError(
                "'\(text)' has \(pieces.count) parts; at most \(Self.mostParts) go together"
            )
        }
        var parts: [[Feature]] = []
        for piece in pieces { parts.append(try single(piece, text)) }
        if parts.count == 1 {
            for feature in parts[0] { try add(feature) }
            return
        }
        var together: [Part] = []
        for part in parts {
            guard part.count == 1, !hasSeveralValues(part[0].parts[0]) else {
                throw LinearModelError(
                    "'\(text)': what goes together by '/' is no n-gram and no range; write a template for each"
                )
            }
            together += part[0].parts
        }
        try add(Feature(name: parts.map { $0[0].name }.joined(separator: "/"), parts: together))
    }

    private func hasSeveralValues(_ part: Part) -> Bool {
        if case .ngram = properties[part.property] { return true }
        return false
    }

    /// Adds a feature unless it is there.
    private mutating func add(_ feature: Feature) throws(LinearModelError) {
        guard names.insert(feature.name).inserted else { return }
        features.append(feature)
        guard features.count <= Self.mostFeatures else {
            throw LinearModelError("there are more than \(Self.mostFeatures) features; make ranges smaller")
        }
    }

    /// The features of a piece: one for each of its lengths and offsets.
    private mutating func single(
        _ piece: Substring.UTF8View,
        _ text: String
    ) throws(LinearModelError) -> [Feature] {
        let halves = piece.split(
            separator: UInt8(ascii: "@"),
            maxSplits: 1,
            omittingEmptySubsequences: false
        )
        var offsets = 0...0
        if halves.count == 2 {
            guard let range = Self.range(halves[1]), range.lowerBound >= -Self.farthest,
                range.upperBound <= Self.farthest
            else {
                throw LinearModelError(
                    "'\(text)': after '@' stands a place, or two, from -\(Self.farthest) to \(Self.farthest), as in "
                        + "word@-1 or word@-2..2"
                )
            }
            offsets = range
        }
        var found: [Feature] = []
        for (name, property) in try named(Self.trimmed(halves[0]), text) {
            let number = properties.firstIndex(of: property) ?? properties.count
            if number == properties.count { properties.append(property) }
            for offset in offsets {
                found.append(
                    Feature(name: "\(name)@\(offset)", parts: [Part(property: number, offset: offset)])
                )
            }
        }
        return found
    }

    /// The properties that a name stands for.
    private mutating func named(
        _ name: String,
        _ text: String
    ) throws(LinearModelError) -> [(name: String, property: WordProperty)] {
        if let found = WordProperty.plain.first(where: { $0.name == name }) { return [found] }
        if known.contains(name) {
            let place = columns.firstIndex(of: name) ?? columns.count
            if place == columns.count { columns.append(name) }
            return [(name, .column(place))]
        }
        for (kind, make) in WordProperty.long where name.hasPrefix(kind) {
            guard let lengths = Self.range(Substring(name.dropFirst(kind.count)).utf8),
                lengths.lowerBound >= 1,
                lengths.upperBound <= Self.longest
            else {
                throw LinearModelError(
                    "'\(text)': \(kind) needs a length, or two, from 1 to \(Self.longest), as in \(kind)3 or \(kind)1..3"
                )
            }
            return lengths.map { ("\(kind)\($0)", make($0)) }
        }
        let all =
            [FeatureTemplates.standard] + WordProperty.plain.map(\.name)
            + WordProperty.long.map { "\($0.name)3" }
        let near = NameSuggestion.words(for: name, among: all + known)
        let there = known.isEmpty ? "there is none" : known.joined(separator: ", ")
        throw LinearModelError(
            "'\(text)': '\(name)' is neither a template (\(all.joined(separator: ", "))) nor a further column of "
                + "data.columns (\(there))\(near)"
        )
    }

    /// A whole number, or two with `..` between them.
    private static func range(_ text: Substring.UTF8View) -> ClosedRange<Int>? {
        let dot = UInt8(ascii: ".")
        guard let first = text.firstIndex(of: dot) else { return Int(trimmed(text)).map { $0...$0 } }
        let second = text.index(after: first)
        guard second < text.endIndex, text[second] == dot, let low = Int(trimmed(text[..<first])),
            let high = Int(trimmed(text[text.index(after: second)...])), low <= high
        else { return nil }
        return low...high
    }

    /// Without spaces at its ends.
    private static func trimmed(_ text: Substring.UTF8View) -> String {
        var text = text
        while text.first == UInt8(ascii: " ") { text = text.dropFirst() }
        while text.last == UInt8(ascii: " ") { text = text.dropLast() }
        return String(Substring(text))
    }
}
