import YuyanCheckpoints
import YuyanNeuralNetworks

/// A network that makes one vector of every text: what classifiers and rankers build on.
public protocol TextEncoder: Module {
    /// The width of the vectors D.
    var outputWidth: Int { get }
    /// The parameters that are rows looked up by token, which matrix optimizers leave to others.
    var tables: [Parameter] { get }
    /// The table that gives every token a vector of its own, by which attributions differentiate; nil where there is
    /// none, as in bags of n-grams.
    var tokenTable: Embedding? { get }
    /// The beginnings of the paths of what makes one vector of a text's states, which models with another pooling lack.
    var poolingPaths: [String] { get }
    /// The tables of what texts of the same length have in common whatever their tokens: positions and segments.
    var placeTables: [Parameter] { get }

    /// The vectors of texts; a text without tokens has one, too.
    ///
    /// - Parameter batch: The texts' tokens.
    /// - Returns: [B, D], f32 (f64 on the reference path).
    func callAsFunction(_ batch: TokenBatch) -> Tensor

    /// Floating-point operations of the matrix products of a forward pass, for speeds.
    ///
    /// - Parameter length: The tokens T of a text.
    /// - Returns: Operations per text, a multiplication and an addition counting as two.
    func forwardFlops(length: Int) -> Double

    /// Floating-point operations of a training step's products, forward and backward.
    ///
    /// - Parameter length: The tokens T of a text.
    /// - Returns: Operations per text.
    func trainingFlops(length: Int) -> Double
}

extension TextEncoder {
    /// None.
    public var tokenTable: Embedding? { nil }
    /// None.
    public var poolingPaths: [String] { [] }
    /// None.
    public var placeTables: [Parameter] { [] }

    /// Three times those of a forward pass: a product has two gradients.
    ///
    /// - Parameter length: The tokens T of a text.
    /// - Returns: Operations per text.
    public func trainingFlops(length: Int) -> Double { 3 * forwardFlops(length: length) }
}

/// A network that makes a vector of every token, in the light of the others: what taggers build on.
public protocol SequenceEncoder: TextEncoder {
    /// The width of the tokens' vectors D.
    var stateWidth: Int { get }

    /// The vectors of tokens.
    ///
    /// - Parameter batch: The texts' tokens.
    /// - Returns: [B, T, D]; what stands beyond a length means nothing.
    func states(_ batch: TokenBatch) -> Tensor
}

/// The sizes and choices of a family of text encoders.
public protocol TextEncoderConfiguration: Sendable {
    /// What `model_type` of a `config.json` may say.
    static var modelTypes: [String] { get }
    /// What `model_type` says of this configuration.
    var modelType: String { get }

    /// Reads the fields of a configuration; those that are missing have their usual values.
    ///
    /// - Parameter reader: The fields.
    /// - Throws: `FileFormatError` or ``ConfigurationError`` that names the field.
    init(_ reader: ConfigurationReader) throws

    /// The fields as they are written.
    var fields: [(String, JSONValue)] { get }
    /// Where each parameter lies in weight files; the encoder's paths begin with `encoder.`, the head's with `classifier.`.
    var keyMap: KeyMap { get }
    /// The most tokens of a text; longer ones are cut.
    var maxLength: Int { get }
    /// Whether texts carry what the tokenizer puts around them.
    var isFramed: Bool { get }
    /// How a linear layer on the encoder's vectors begins.
    var headInitializer: Initializer { get }

    /// Makes the network with initial weights.
    ///
    /// - Parameter random: Where the draws come from; advances.
    /// - Returns: The network.
    func makeEncoder(random: inout RandomSource) -> any TextEncoder
}

extension TextEncoderConfiguration {
    /// The family's only one.
    public var modelType: String { Self.modelTypes[0] }
    /// Files name parameters by their paths.
    public var keyMap: KeyMap { .identity }
    /// Texts are their tokens alone.
    public var isFramed: Bool { false }
    /// As PyTorch's linear layers.
    public var headInitializer: Initializer { .linearDefault }
}

/// The largest extent that a configuration may name.
private let largestExtent = 1 << 28

extension ConfigurationReader {
    /// A positive whole number within the bounds of extents.
    func extent(_ key: String, default usual: Int) throws -> Int {
        let value = try integer(key) ?? usual
        guard value >= 1, value <= largestExtent else {
            throw ConfigurationError(key, "\(value) must lie in 1...\(largestExtent)")
        }
        return value
    }

    /// A whole number of 0 or more within the bounds of extents.
    func count(_ key: String, default usual: Int) throws -> Int {
        let value = try integer(key) ?? usual
        guard value >= 0, value <= largestExtent else {
            throw ConfigurationError(key, "\(value) must lie in 0...\(largestExtent)")
        }
        return value
    }

    /// A list of positive whole numbers; one number stands for a list of it alone.
    func extents(_ key: String, default usual: [Int], most: Int) throws -> [Int] {
        let values = object[key].map { $0.isNull } ?? true ? usual : try integers(key)
        guard values.count <= 64, values.allSatisfy({ $0 >= 1 && $0 <= most }) else {
            throw ConfigurationError(key, "\(values) must be at most 64 numbers in 1...\(most)")
        }
        return values
    }

    /// A probability below 1.
    func probability(_ key: String, default usual: Double) throws -> Double {
        let value = try number(key) ?? usual
        guard value >= 0, value < 1 else { throw ConfigurationError(key, "\(value) must lie in 0..<1") }
        return value
    }

    /// One of the words of an enumeration.
    func word<Choice: RawRepresentable & CaseIterable>(
        _ key: String,
        default usual: Choice
    ) throws -> Choice where Choice.RawValue == String {
        guard let text = try string(key) else { return usual }
        guard let choice = Choice(rawValue: text) else {
            let known = Choice.allCases.map(\.rawValue).joined(separator: ", ")
            throw ConfigurationError(key, "'\(text)' is not known; known are \(known)")
        }
        return choice
    }
}
