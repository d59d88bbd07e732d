import Foundation

/// A language with the probability that a text is written in it.
public struct LanguageGuess: Sendable, Equatable {
    /// A language tag (BCP 47) such as `de`, `zh-Hans` or `sr`; `code` for program text, `unknown` for text in none
    /// of the known languages.
    public let language: String
    /// A probability in 0 … 1.
    public let probability: Double

    /// A guess.
    ///
    /// - Parameters:
    ///   - language: A language tag, `code` or `unknown`.
    ///   - probability: A probability in 0 … 1.
    public init(language: String, probability: Double) {
        (self.language, self.probability) = (language, probability)
    }
}

/// What is wrong with the bytes of a stored identifier.
public struct LanguageModelError: Error, Equatable, CustomStringConvertible {
    /// What is wrong and what would be right.
    public let description: String
}

/// Tells the language of a text.
///
/// It is a linear softmax classifier over hashed runs of 1 to 4 letters (Joulin and others 2017), whose 32,768 × 16
/// weights have four bits each.
/// Time does not depend on the number of languages but for one small product; a long text is judged by 4 KB of it.
public struct LanguageIdentifier: Sendable {
    /// The identifier that comes with the house; `Tools/languages` says how it was made.
    public static let shared: LanguageIdentifier = {
        do {
            return try LanguageIdentifier(bytes: LanguageWeights.decoded())
        } catch {
            fatalError("LanguageIdentifier: the weights in the program are damaged: \(error)")
        }
    }()

    /// The name of the answer for text that is in no known language.
    public static let unknown = "unknown"

    /// The languages that can be told, `code` and `unknown` among them.
    public let languages: [String]
    let features: LanguageFeatures
    /// For each block of 128 scalars below U+10000, whether training text had letters in it.
    let knownBlocks: [UInt8]
    private let embeddings: [SIMD16<Int8>]
    private let outputs: [SIMD16<Float>]
    private let biases: [Float]

    init(
        languages: [String],
        ideographClasses: [UInt8],
        knownBlocks: [UInt8],
        embeddings: [SIMD16<Int8>],
        outputs: [SIMD16<Float>],
        biases: [Float]
    ) {
        self.languages = languages
        self.features = LanguageFeatures(ideographClasses: ideographClasses)
        self.knownBlocks = knownBlocks
        (self.embeddings, self.outputs, self.biases) = (embeddings, outputs, biases)
    }

    /// The most probable language of a text.
    ///
    /// - Parameter text: Any text.
    /// - Returns: The language; `unknown` with probability 1 for text without letters of a known script.
    public func identify(_ text: String) -> LanguageGuess {
        guard let hidden = hidden(of: text) else {
            return LanguageGuess(language: Self.unknown, probability: 1)
        }
        let probabilities = probabilities(hidden)
        var best = 0
        for index in 1..<probabilities.count where probabilities[index] > probabilities[best] { best = index }
        return LanguageGuess(language: languages[best], probability: Double(probabilities[best]))
    }

    /// The most probable languages of a text.
    ///
    /// - Parameters:
    ///   - text: Any text.
    ///   - count: The most guesses to return.
    /// - Returns: Guesses, the most probable first; equally probable ones by name.
    public func guesses(_ text: String, count: Int = 3) -> [LanguageGuess] {
        guard let hidden = hidden(of: text) else {
            return count > 0 ? [LanguageGuess(language: Self.unknown, probability: 1)] : []
        }
        let all = zip(languages, probabilities(hidden)).map {
            LanguageGuess(language: $0, probability: Double($1))
        }
        let sorted = all.sorted { ($1.probability, $0.language) < ($0.probability, $1.language) }
        return Array(sorted.prefix(max(count, 0)))
    }

    /// The mean of the embeddings of a text's features; nil when its letters are of no known script.
    private func hidden(of text: String) -> SIMD16<Float>? {
        var text = text
        return text.withUTF8 { bytes -> SIMD16<Float>? in
            var (sum, count) = (SIMD16<Int32>(repeating: 0), 0)
            var (letters, known) = (0, 0)
            embeddings.withUnsafeBufferPointer { embeddings in
                knownBlocks.withUnsafeBufferPointer { blocks in
                    features.scan(bytes) { bucket in
                        sum &+= SIMD16<Int32>(truncatingIfNeeded: embeddings[bucket])
                        count += 1
                    } letter: { scalar in
                        letters += 1
                        known +=
                            scalar < 0x10000
                            ? Int(blocks[Int(scalar >> 10)] >> UInt8(scalar >> 7 & 7) & 1)
                            : scalar >= 0x20000 ? 1 : 0
                    }
                }
            }
            guard count > 0, letters > 0, known * 2 > letters else { return nil }
            return SIMD16<Float>(sum) / Float(count)
        }
    }

    private func probabilities(_ hidden: SIMD16<Float>) -> [Float] {
        let logits = zip(outputs, biases).map { ($0 * hidden).sum() + $1 }
        return Self.softmax(logits)
    }

    static func softmax(_ logits: [Float]) -> [Float] {
        let highest = logits.max() ?? 0
        let powers = logits.map { Foundation.exp($0 - highest) }
        let sum = powers.reduce(0, +)
        return powers.map { $0 / sum }
    }
}

// MARK: - Storage

extension LanguageIdentifier {
    private static let magic = Array("YLID\u{1}".utf8)

    /// The identifier as bytes: a mark, the languages, the classes of ideographs, the blocks, the weights.
    ///
    /// - Returns: About 280 KB.
    public func serialized() -> [UInt8] {
        let names = Array(languages.joined(separator: " ").utf8)
        var bytes = Self.magic
        func append(_ value: UInt32) { withUnsafeBytes(of: value.littleEndian) { bytes += $0 } }
        append(UInt32(names.count))
        bytes += names
        append(UInt32(features.ideographClasses.count))
        bytes += features.ideographClasses
        bytes += knownBlocks
        for (row, bias) in zip(outputs, biases) {
            for index in 0..<16 { append(row[index].bitPattern) }
            append(bias.bitPattern)
        }
        for row in embeddings {
            for index in stride(from: 0, to: 16, by: 2) {
                bytes.append(UInt8(row[index] + 8) | UInt8(row[index + 1] + 8) << 4)
            }
        }
        return bytes
    }

    /// Reads an identifier.
    ///
    /// - Parameter bytes: What ``serialized()`` gave.
    /// - Throws: `LanguageModelError` when the bytes are something else or too few.
    public init(bytes: [UInt8]) throws(LanguageModelError) {
        var offset = 0
        func take(_ count: Int) throws(LanguageModelError) -> ArraySlice<UInt8> {
            guard count >= 0, count <= bytes.count - offset else {
                throw LanguageModelError(description: "language model: \(bytes.count) bytes are too few")
            }
            defer { offset += count }
            return bytes[offset..<(offset + count)]
        }
        func number() throws(LanguageModelError) -> UInt32 {
            try take(4).reversed().reduce(0) { $0 << 8 | UInt32($1) }
        }
        guard try Array(take(Self.magic.count)) == Self.magic else {
            throw LanguageModelError(description: "language model: the bytes do not begin as one")
        }
        let names = String(decoding: try take(Int(number())), as: UTF8.self).split(separator: " ").map(
            String.init
        )
        guard (2...1000).contains(names.count), Set(names).count == names.count else {
            throw LanguageModelError(description: "language model: \(names.count) languages, or one twice")
        }
        let classes = Array(try take(Int(number())))
        let blocks = Array(try take(64))
        var (outputs, biases): ([SIMD16<Float>], [Float]) = ([], [])
        for _ in names {
            var row = SIMD16<Float>()
            for index in 0..<16 { row[index] = Float(bitPattern: try number()) }
            outputs.append(row)
            biases.append(Float(bitPattern: try number()))
        }
        guard zip(outputs, biases).allSatisfy({ $0.sum().isFinite && $1.isFinite }) else {
            throw LanguageModelError(description: "language model: a weight is not a finite number")
        }
        var embeddings: [SIMD16<Int8>] = []
        embeddings.reserveCapacity(LanguageFeatures.bucketCount)
        for _ in 0..<LanguageFeatures.bucketCount {
            var (row, lane) = (SIMD16<Int8>(), 0)
            for byte in try take(8) {
                (row[lane], row[lane + 1]) = (Int8(byte & 15) - 8, Int8(byte >> 4) - 8)
                lane += 2
            }
            embeddings.append(row)
        }
        guard offset == bytes.count else {
            throw LanguageModelError(
                description: "language model: \(bytes.count - offset) bytes are left over"
            )
        }
        self.init(
            languages: names,
            ideographClasses: classes,
            knownBlocks: blocks,
            embeddings: embeddings,
            outputs: outputs,
            biases: biases
        )
    }
}
