import YuyanCheckpoints
import YuyanFileFormats
import YuyanTensorCore

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// How much each word's vector counts in that of a text.
public enum WordWeighting: String, Sendable, Hashable, CaseIterable {
    /// All alike.
    case uniform
    /// ln((1 + N) / (1 + n)) + 1, where n of N texts hold the word.
    case idf
    /// a / (a + p), where p is the word's share of all words: smooth inverse frequency.
    case sif
}

/// Vectors of texts as weighted means of the vectors of their words, without the directions that all texts share.
///
/// Source: Arora, Liang, Ma, «A simple but tough-to-beat baseline for sentence embeddings», 2017.
public struct AveragedWordVectors: Sendable {
    /// The words' vectors.
    public let words: WordVectors
    /// The weight of each word.
    public let weights: [Float]
    /// The weight of words that are not in the table and have a vector from their n-grams.
    public let unknownWeight: Float
    /// Directions of length 1 that are taken out of texts' vectors, row-major: [components, D].
    public private(set) var components: [Float] = []

    /// The width of a vector D.
    public var dimension: Int { words.dimension }

    /// What is known of the texts that weights and directions come from.
    public struct Counts: Sendable {
        /// How often each word occurs.
        public var occurrences: [String: Int] = [:]
        /// How many texts hold each word.
        public var texts: [String: Int] = [:]
        /// The number of texts.
        public var textCount = 0

        /// Nothing.
        public init() {}

        /// Adds a text.
        ///
        /// - Parameter words: Its words.
        public mutating func add(_ words: [String]) {
            textCount += 1
            for word in words { occurrences[word, default: 0] += 1 }
            for word in Set(words) { texts[word, default: 0] += 1 }
        }
    }

    /// Weighs words; no direction is taken out yet.
    ///
    /// The shares of words are those of the text that the vectors were learned from, where it is known, otherwise those
    /// of `counts`.
    ///
    /// - Parameters:
    ///   - words: The words' vectors.
    ///   - weighting: How much each word counts.
    ///   - smoothing: a of ``WordWeighting/sif``.
    ///   - counts: What is known of texts.
    public init(_ words: WordVectors, weighting: WordWeighting, smoothing: Double, counts: Counts) {
        self.words = words
        switch weighting {
        case .uniform: (weights, unknownWeight) = ([Float](repeating: 1, count: words.count), 1)
        case .idf:
            func weight(_ holding: Int) -> Float {
                Float(log(Double(1 + counts.textCount) / Double(1 + holding)) + 1)
            }
            weights = words.words.map { weight(counts.texts[$0] ?? 0) }
            unknownWeight = weight(0)
        case .sif:
            let own = words.counts.isEmpty ? words.words.map { counts.occurrences[$0] ?? 0 } : words.counts
            let total = Double(
                words.counts.isEmpty ? counts.occurrences.values.reduce(0, +) : own.reduce(0, +)
            )
            weights = own.map { Float(smoothing / (smoothing + Double($0) / max(total, 1))) }
            unknownWeight = 1
        }
    }

    private init(_ words: WordVectors, weights: [Float], unknownWeight: Float, components: [Float]) {
        (self.words, self.weights, self.unknownWeight) = (words, weights, unknownWeight)
        self.components = components
    }

    /// The vector of a text, not brought to length 1.
    ///
    /// - Parameter text: Its words; those without a vector are passed over.
    /// - Returns: The vector; zeros where no word has one.
    public func vector(of text: [String]) -> [Float] {
        var sum = [Double](repeating: 0, count: dimension)
        var known = 0
        for word in text {
            if let place = words.place(of: word) {
                let weight = Double(weights[place])
                for column in 0..<dimension {
                    sum[column] += weight * Double(words.vectors[place * dimension + column])
                }
            } else if let vector = words.subwords?.vector(of: word) {
                for column in 0..<dimension { sum[column] += Double(unknownWeight) * Double(vector[column]) }
            } else {
                continue
            }
            known += 1
        }
        guard known > 0 else { return [Float](repeating: 0, count: dimension) }
        for column in 0..<dimension { sum[column] /= Double(known) }
        for start in stride(from: 0, to: components.count, by: dimension) {
            let direction = components[start..<start + dimension]
            let share = zip(sum, direction).reduce(0.0) { $0 + $1.0 * Double($1.1) }
            for (column, value) in direction.enumerated() { sum[column] -= share * Double(value) }
        }
        return sum.map { Float($0) }
    }

    /// Finds the directions in which the vectors of texts are longest together: the first right singular vectors.
    ///
    /// - Parameters:
    ///   - count: How many directions are taken out from here on.
    ///   - texts: The words of texts.
    public mutating func removeComponents(_ count: Int, of texts: some Sequence<[String]>) {
        components = []
        guard count > 0 else { return }
        var products = [Double](repeating: 0, count: dimension * dimension)
        for text in texts {
            let vector = vector(of: text)
            for row in 0..<dimension where vector[row] != 0 {
                for column in row..<dimension {
                    products[row * dimension + column] += Double(vector[row]) * Double(vector[column])
                }
            }
        }
        for row in 0..<dimension {
            for column in 0..<row { products[row * dimension + column] = products[column * dimension + row] }
        }
        for _ in 0..<min(count, dimension) {
            guard let direction = Self.strongest(&products, dimension) else { break }
            components += direction.map { Float($0) }
        }
    }

    /// The eigenvector of the greatest eigenvalue, which is then taken out of the matrix; nil for a matrix of zeros.
    private static func strongest(_ matrix: inout [Double], _ width: Int) -> [Double]? {
        let largest = (0..<width).max { matrix[$0 * width + $0] < matrix[$1 * width + $1] } ?? 0
        guard matrix[largest * width + largest] > 1e-12 else { return nil }
        var vector = Array(matrix[largest * width..<(largest + 1) * width])
        var value = 0.0
        for _ in 0..<10_000 {
            let length = vector.reduce(0) { $0 + $1 * $1 }.squareRoot()
            guard length > 0 else { return nil }
            for place in 0..<width { vector[place] /= length }
            let next = (0..<width).map { row in
                (0..<width).reduce(0.0) { $0 + matrix[row * width + $1] * vector[$1] }
            }
            value = zip(vector, next).reduce(0) { $0 + $1.0 * $1.1 }
            let gap = zip(vector, next).reduce(0.0) { $0 + ($1.1 - value * $1.0) * ($1.1 - value * $1.0) }
            if gap.squareRoot() <= 1e-11 * value { break }
            vector = next
        }
        let length = vector.reduce(0) { $0 + $1 * $1 }.squareRoot()
        for place in 0..<width { vector[place] /= length }
        for row in 0..<width {
            for column in 0..<width { matrix[row * width + column] -= value * vector[row] * vector[column] }
        }
        return vector
    }
}

extension AveragedWordVectors {
    /// What `config.json` calls a folder of these.
    public static let modelType = "averaged-word-vectors"
    /// The folder of the words' vectors inside the folder.
    public static let wordFolder = "words"

    /// Writes `weights.safetensors` and `config.json`, and the words' vectors into the folder `words`.
    ///
    /// Both folders must exist.
    ///
    /// - Parameter folder: The folder.
    /// - Throws: `FileFormatError` when the disk refuses.
    public func save(to folder: String) throws(FileFormatError) {
        try words.save(to: "\(folder)/\(Self.wordFolder)")
        let rows = components.count / dimension
        var entries: [SafetensorsWriter.Entry] = [.init("weights", .f32, [weights.count])]
        if rows > 0 { entries.append(.init("components", .f32, [rows, dimension])) }
        let writer = try SafetensorsWriter(path: "\(folder)/weights.safetensors", entries: entries)
        try writer.write(elements: weights, to: "weights")
        if rows > 0 { try writer.write(elements: components, to: "components") }
        try writer.finish()
        let value: JSONValue = [
            "model_type": .string(Self.modelType), "dimension": .integer(dimension),
            "components": .integer(rows), "unknown_weight": .number(Double(unknownWeight)),
        ]
        try value.write(to: "\(folder)/config.json")
    }

    /// Reads a folder that ``save(to:)`` wrote.
    ///
    /// - Parameter folder: The folder.
    /// - Throws: `FileFormatError` naming the file and what is wrong in it.
    public init(folder: String) throws {
        let reader = try ConfigurationReader(contentsOf: "\(folder)/config.json")
        try reader.expectModelType(Self.modelType)
        let words = try WordVectors(path: "\(folder)/\(Self.wordFolder)")
        let file = try SafetensorsFile(path: "\(folder)/weights.safetensors")
        let rows = try reader.requiredInteger("components")
        let shape = file.tensors["components"]?.shape ?? [0, words.dimension]
        guard try file.entry("weights").shape == [words.count], shape == [rows, words.dimension] else {
            throw FileFormatError(
                .mismatch,
                path: file.path,
                at: .key("weights"),
                "weights and directions do not fit \(words.count) words of dimension \(words.dimension)"
            )
        }
        self.init(
            words,
            weights: try file.elements(of: "weights", dtype: .f32, as: Float.self),
            unknownWeight: Float(try reader.number("unknown_weight") ?? 1),
            components: rows == 0 ? [] : try file.elements(of: "components", dtype: .f32, as: Float.self)
        )
    }
}
