#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// What is wrong with a training of word vectors or a question to them.
public struct WordVectorError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The kinds of failures.
    public enum Code: Sendable, Hashable {
        /// The options contradict themselves.
        case invalidOptions
        /// There is not enough to learn from.
        case tooLittleText
        /// A word has no vector.
        case unknownWord
        /// A saved training belongs to another corpus or other options.
        case otherTraining
    }

    /// The kind of failure.
    public let code: Code
    /// What is wrong and what would be right.
    public let description: String

    init(_ code: Code, _ description: String) { (self.code, self.description) = (code, description) }

    /// Options that contradict themselves.
    package static func invalid(_ description: String) -> WordVectorError {
        WordVectorError(.invalidOptions, description)
    }
}

/// Powers in double.
enum Power {
    static func of(_ base: Double, _ exponent: Double) -> Double { pow(base, exponent) }
}

/// Counts words and losses between reports.
struct WordVectorMeter {
    private let every: Double
    private let start = ContinuousClock.now
    private var last = 0.0
    private var words = 0
    private var loss = 0.0
    private var pairs = 0.0

    init(_ every: Double) { self.every = every }

    mutating func add(words: Int, loss: Double, pairs: Double) {
        self.words += words
        self.loss += loss
        self.pairs += pairs
    }

    /// What to report, when it is time.
    mutating func progress(epoch: Int, share: Double, rate: Double, isLast: Bool) -> WordVectorProgress? {
        let elapsed = ContinuousClock.now - start
        let seconds = Double(elapsed.components.seconds) + Double(elapsed.components.attoseconds) * 1e-18
        guard isLast || seconds - last >= every else { return nil }
        last = seconds
        defer { (loss, pairs) = (0, 0) }
        return WordVectorProgress(
            epoch: epoch,
            share: share,
            words: words,
            seconds: seconds,
            loss: pairs > 0 ? loss / pairs : 0,
            learningRate: rate
        )
    }
}
