/// How word vectors are trained by word2vec; the defaults are those that gensim and word2vec share.
///
/// Sources: Mikolov and others, "Efficient estimation of word representations in vector space", 2013, and "Distributed
/// representations of words and phrases and their compositionality", 2013.
public struct Word2VecOptions: Sendable, Hashable {
    /// Which way words are predicted.
    public enum Architecture: String, Sendable, Hashable, CaseIterable {
        /// Each word of the context together with the middle word.
        case skipGram = "skip-gram"
        /// The middle word from the mean of its context.
        case cbow
    }

    /// Which way words are predicted.
    public var architecture = Architecture.skipGram
    /// The number of words drawn for each right one; 0 for hierarchical softmax.
    public var negatives = 5
    /// The power of the counts by which they are drawn.
    public var samplingExponent = 0.75
    /// The width of the vectors.
    public var dimension = 100
    /// The most words of context on each side; the reach is drawn evenly from 1 up to it.
    public var window = 5
    /// Whether the reach is drawn; else it is always `window`.
    public var windowIsDynamic = true
    /// The relative frequency above which occurrences are left out; 0 keeps all.
    public var subsampling = 1e-3
    /// How often the corpus is gone through.
    public var epochs = 5
    /// The learning rate at the beginning.
    public var learningRate = 0.025
    /// The learning rate at the end; between them it falls evenly.
    public var finalLearningRate = 1e-4
    /// The n-grams of words that have vectors too; nil for none.
    public var subwords: SubwordOptions?
    /// The seed.
    public var seed: UInt64 = 1
    /// The number of places of the corpus that are gone through side by side: a part of what is computed, and the most
    /// threads that can share the work.
    public var streams = 8

    /// The defaults.
    public init() {}

    /// What is wrong with the options, or nil.
    public var problem: String? {
        if dimension < 1 || dimension > 65_536 {
            return "dimension is \(dimension); it must be from 1 to 65536"
        }
        if window < 1 || window > 512 { return "window is \(window); it must be from 1 to 512" }
        if negatives < 0 || negatives > 1000 { return "negatives is \(negatives); it must be from 0 to 1000" }
        if epochs < 1 { return "epochs is \(epochs); it must be 1 or more" }
        if streams < 1 || streams > 1024 { return "streams is \(streams); it must be from 1 to 1024" }
        if !(learningRate > 0 && learningRate < 100) {
            return "learning rate is \(learningRate); it must be above 0 and below 100"
        }
        if !(finalLearningRate >= 0 && finalLearningRate <= learningRate) {
            return "final learning rate is \(finalLearningRate); it must be from 0 to the learning rate"
        }
        if !(subsampling >= 0 && subsampling <= 1) {
            return "subsampling is \(subsampling); it must be from 0 to 1"
        }
        if !samplingExponent.isFinite {
            return "sampling exponent is \(samplingExponent); it must be a number"
        }
        if let subwords {
            if subwords.minimumLength < 1 || subwords.maximumLength < subwords.minimumLength {
                return
                    "n-grams have \(subwords.minimumLength) to \(subwords.maximumLength) scalars; the least must be 1 "
                    + "or more, the most not below it"
            }
            if subwords.bucketCount < 1 || subwords.bucketCount > 1 << 30 {
                return "buckets are \(subwords.bucketCount); they must be from 1 to \(1 << 30)"
            }
        }
        return nil
    }
}
