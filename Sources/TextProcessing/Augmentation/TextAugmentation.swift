import YuyanFileFormats

/// Draws by counter: each is a function of the seed, the stream and the position, and of nothing else.
struct CounterDraws {
    private let key: UInt64
    private var position: UInt64 = 0

    init(seed: UInt64, stream: UInt64) {
        key = Self.mix(seed &+ 0x9E37_79B9_7F4A_7C15) ^ Self.mix(stream &+ 0xD1B5_4A32_D192_ED03)
    }

    /// A number drawn evenly from 0 ..< bound; 0 when the bound is not positive.
    mutating func index(below bound: Int) -> Int {
        bound > 0 ? Int(next().multipliedFullWidth(by: UInt64(bound)).high) : 0
    }

    /// Whether an event of this probability happens.
    mutating func happens(_ probability: Double) -> Bool {
        Double(next() >> 11) * 0x1p-53 < probability
    }

    private mutating func next() -> UInt64 {
        position += 1
        return Self.mix(key &+ position &* 0x9E37_79B9_7F4A_7C15)
    }

    private static func mix(_ value: UInt64) -> UInt64 {
        var mixed = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}

/// Words that can stand for others.
public struct Synonyms: Sendable {
    private let lookUp: @Sendable (String) -> [String]

    /// Synonyms given by a function, such as the neighbours of a word in an embedding.
    ///
    /// - Parameter lookUp: the words that can stand for a word; none when it knows none. It must always answer
    ///   alike, or results are not repeatable.
    public init(_ lookUp: @escaping @Sendable (String) -> [String]) { self.lookUp = lookUp }

    /// Synonyms from a table; letter case does not count when a word is looked up.
    ///
    /// - Parameter table: the words that can stand for each word.
    public init(_ table: [String: [String]]) {
        let lower = Dictionary(table.map { ($0.key.lowercased(), $0.value) }, uniquingKeysWith: +)
        self.init { lower[$0.lowercased()] ?? [] }
    }

    /// Synonyms from a file: on each line a word and what can stand for it, set apart by tabs.
    ///
    /// - Parameter path: the file; empty lines and those that begin with `#` are passed over.
    /// - Throws: `FileFormatError` when it cannot be read, is not UTF-8 or has a line without a tab.
    public init(path: String) throws {
        let reader = try LineReader(path: path, maximumLineLength: 1 << 20)
        var table: [String: [String]] = [:]
        while let line = try reader.nextLine() {
            if line.isEmpty || line.utf8.first == UInt8(ascii: "#") { continue }
            let words = line.split(separator: "\t").map(String.init)
            guard words.count > 1 else {
                throw FileFormatError(
                    .malformed,
                    path: path,
                    at: .line(reader.lineNumber, column: nil),
                    "a line holds a word and its synonyms, set apart by tabs"
                )
            }
            table[words[0], default: []] += words.dropFirst()
        }
        self.init(table)
    }

    /// The words that can stand for a word.
    ///
    /// - Parameter word: any word.
    /// - Returns: its synonyms without the word itself.
    public func of(_ word: String) -> [String] { lookUp(word).filter { $0 != word && !$0.isEmpty } }
}

/// One way to make a new text from another.
public enum AugmentationMethod: Sendable {
    /// Replaces a share of the words that are no stop words by synonyms (EDA).
    case synonymReplacement(share: Double, Synonyms)
    /// Inserts synonyms of a share of the words at random places (EDA).
    case randomInsertion(share: Double, Synonyms)
    /// Swaps two random words, for a share of the words (EDA).
    case randomSwap(share: Double)
    /// Deletes each word with a probability; one always stays (EDA).
    case randomDeletion(probability: Double)
    /// Misspells: deletes, doubles or swaps characters, or strikes the next key, each with a probability.
    case characterNoise(probability: Double)
    /// Replaces each word by a mask with a probability.
    case masking(probability: Double, mask: String)
    /// Replaces the text by another of the same meaning, such as its translation there and back.
    case paraphrase(@Sendable (String) throws -> String)
}

/// Makes new texts from others, the same for the same seed.
///
/// The methods on words are those of EDA (Wei and Zou, 2019, "EDA: Easy Data Augmentation Techniques for Boosting
/// Performance on Text Classification Tasks").
public struct TextAugmentation: Sendable {
    /// What is moved, replaced and deleted.
    public enum Unit: String, Sendable, CaseIterable {
        /// What stands between white space: English words, or Chinese ones cut apart.
        case words
        /// Chinese characters and signs one by one; words and numbers of other scripts stay whole.
        case characters
    }

    /// The seed.
    public let seed: UInt64
    /// What is moved, replaced and deleted.
    public let unit: Unit
    /// The methods, applied one after another.
    public let methods: [AugmentationMethod]
    /// Words that are not replaced by synonyms.
    public let stopWords: StopWords

    /// Creates an augmentation.
    ///
    /// - Parameters:
    ///   - methods: the methods, applied one after another.
    ///   - unit: what is moved, replaced and deleted.
    ///   - seed: any number; another seed gives other texts.
    ///   - stopWords: words that are not replaced by synonyms.
    public init(
        _ methods: [AugmentationMethod],
        unit: Unit = .words,
        seed: UInt64 = 0,
        stopWords: StopWords = StopWords.english.union(.chinese)
    ) {
        for method in methods { Self.check(method) }
        (self.methods, self.unit, self.seed, self.stopWords) = (methods, unit, seed, stopWords)
    }

    private static func check(_ method: AugmentationMethod) {
        switch method {
        case .synonymReplacement(let share, _), .randomInsertion(let share, _), .randomSwap(let share),
            .randomDeletion(let share), .characterNoise(let share), .masking(let share, _):
            guard 0...1 ~= share else { fatalError("TextAugmentation: \(share) is outside 0 to 1") }
        case .paraphrase: break
        }
    }

    /// EDA: four augmentations, each with one of its four operations.
    ///
    /// - Parameters:
    ///   - share: the share of words that are changed (α).
    ///   - synonyms: what can stand for a word.
    ///   - unit: what is moved, replaced and deleted.
    ///   - seed: any number.
    /// - Returns: synonym replacement, random insertion, random swap and random deletion.
    public static func eda(
        share: Double = 0.1,
        synonyms: Synonyms,
        unit: Unit = .words,
        seed: UInt64 = 0
    ) -> [TextAugmentation] {
        let methods: [AugmentationMethod] = [
            .synonymReplacement(share: share, synonyms), .randomInsertion(share: share, synonyms),
            .randomSwap(share: share), .randomDeletion(probability: share),
        ]
        return methods.map { TextAugmentation([$0], unit: unit, seed: seed) }
    }

    /// Makes a new text.
    ///
    /// - Parameters:
    ///   - text: a text.
    ///   - document: the number of the document; another number gives other draws.
    ///   - copy: which of several new texts of the document is made.
    /// - Returns: the new text; the text itself where nothing could be changed.
    /// - Throws: what a paraphrase throws.
    public func augmented(_ text: String, document: UInt64, copy: UInt64 = 0) throws -> String {
        var current = text
        for (step, method) in methods.enumerated() {
            let stream =
                document &* 0xA24B_AED4_963E_E407 ^ copy &* 0x9FB2_1C65_1E98_DF25 ^ UInt64(step) << 56
            var draws = CounterDraws(seed: seed, stream: stream)
            if case .paraphrase(let paraphrase) = method {
                current = try paraphrase(current)
                continue
            }
            var tokens = unit == .words ? Self.words(current) : Self.characters(current)
            if tokens.isEmpty { continue }
            let before = tokens
            apply(method, to: &tokens, &draws)
            if tokens != before { current = tokens.joined(separator: unit == .words ? " " : "") }
        }
        return current
    }

    private func apply(_ method: AugmentationMethod, to tokens: inout [String], _ draws: inout CounterDraws) {
        switch method {
        case .synonymReplacement(let share, let synonyms): replace(&tokens, share, synonyms, &draws)
        case .randomInsertion(let share, let synonyms): insert(into: &tokens, share, synonyms, &draws)
        case .randomSwap(let share):
            guard tokens.count > 1, share > 0 else { return }
            for _ in 0..<Self.count(share, of: tokens) {
                let first = draws.index(below: tokens.count)
                let other = draws.index(below: tokens.count - 1)
                tokens.swapAt(first, other < first ? other : other + 1)
            }
        case .randomDeletion(let probability):
            let spare = draws.index(below: tokens.count)
            let kept = tokens.indices.filter { _ in !draws.happens(probability) }
            tokens = kept.isEmpty ? [tokens[spare]] : kept.map { tokens[$0] }
        case .characterNoise(let probability):
            for index in tokens.indices { tokens[index] = Self.misspelt(tokens[index], probability, &draws) }
            tokens.removeAll(where: \.isEmpty)
        case .masking(let probability, let mask):
            for index in tokens.indices where !Self.isSpace(tokens[index]) && draws.happens(probability) {
                tokens[index] = mask
            }
        case .paraphrase: break
        }
    }

    /// How many words a share is, at least one.
    private static func count(_ share: Double, of tokens: [String]) -> Int {
        max(1, Int(share * Double(tokens.count)))
    }

    private func replace(
        _ tokens: inout [String],
        _ share: Double,
        _ synonyms: Synonyms,
        _ draws: inout CounterDraws
    ) {
        guard share > 0 else { return }
        var candidates = tokens.indices.filter {
            !stopWords.contains(tokens[$0]) && !synonyms.of(tokens[$0]).isEmpty
        }
        var left = Self.count(share, of: tokens)
        while left > 0, !candidates.isEmpty {
            let index = candidates.remove(at: draws.index(below: candidates.count))
            let choices = synonyms.of(tokens[index])
            if choices.isEmpty { continue }
            tokens[index] = choices[draws.index(below: choices.count)]
            left -= 1
        }
    }

    private func insert(
        into tokens: inout [String],
        _ share: Double,
        _ synonyms: Synonyms,
        _ draws: inout CounterDraws
    ) {
        guard share > 0 else { return }
        let choices = tokens.filter { !stopWords.contains($0) }.map(synonyms.of).filter { !$0.isEmpty }
        guard !choices.isEmpty else { return }
        for _ in 0..<Self.count(share, of: tokens) {
            let words = choices[draws.index(below: choices.count)]
            tokens.insert(words[draws.index(below: words.count)], at: draws.index(below: tokens.count + 1))
        }
    }

    private static let neighbours: [Unicode.Scalar: [Unicode.Scalar]] = {
        let rows = ["qwertyuiop", "asdfghjkl", "zxcvbnm", "1234567890"].map { Array($0.unicodeScalars) }
        var table: [Unicode.Scalar: [Unicode.Scalar]] = [:]
        for row in rows {
            for (index, key) in row.enumerated() {
                table[key] = [index - 1, index + 1].filter(row.indices.contains).map { row[$0] }
            }
        }
        return table
    }()

    private static func misspelt(_ word: String, _ probability: Double, _ draws: inout CounterDraws) -> String
    {
        let scalars = Array(word.unicodeScalars)
        var output = String.UnicodeScalarView()
        var index = 0
        while index < scalars.count {
            let scalar = scalars[index]
            index += 1
            guard draws.happens(probability) else {
                output.append(scalar)
                continue
            }
            switch draws.index(below: 4) {
            case 0: break
            case 1: output.append(contentsOf: [scalar, scalar])
            case 2 where index < scalars.count:
                output.append(contentsOf: [scalars[index], scalar])
                index += 1
            default:
                let keys = neighbours[scalar] ?? [scalar]
                output.append(keys[draws.index(below: keys.count)])
            }
        }
        return String(output)
    }

    // MARK: - Tokens

    private static func isSpace(_ token: String) -> Bool {
        token.unicodeScalars.allSatisfy { Characters.isWhitespace($0.value) }
    }

    private static func words(_ text: String) -> [String] {
        text.unicodeScalars.split { Characters.isWhitespace($0.value) }.map { String($0) }
    }

    /// Chinese characters and signs one by one; runs of letters and digits of other scripts whole.
    private static func characters(_ text: String) -> [String] {
        var tokens: [String] = []
        var run = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            let isRun =
                !Characters.isHan(scalar.value)
                && (Characters.isLetter(scalar.value) || scalar.properties.numericType != nil)
            if isRun {
                run.append(scalar)
                continue
            }
            if !run.isEmpty { tokens.append(String(run)) }
            run = String.UnicodeScalarView()
            tokens.append(String(scalar))
        }
        if !run.isEmpty { tokens.append(String(run)) }
        return tokens
    }
}
