import YuyanNeuralNetworks

/// Sentences side by side as a tagger's network takes them.
///
/// Axes: B sequences, T words.
public protocol WordBatch: Sendable {
    /// The words of each sentence.
    var wordCounts: [Int] { get }
    /// The tokens that the network reads, padding included where it computes with it.
    var inputCount: Int { get }
}

extension WordBatch {
    /// The words of the longest sentence T, at least 1.
    var wordLength: Int { max(wordCounts.max() ?? 0, 1) }

    /// The words of each sentence i32 [B]; nil when all have T.
    var wordCountTensor: Tensor? {
        let length = wordLength
        return wordCounts.allSatisfy { $0 == length }
            ? nil : Tensor(wordCounts.map { Int32($0) }, shape: [wordCounts.count])
    }
}

/// A network that labels every word of a sentence, with or without a conditional random field on top.
public protocol WordLabeller: Module {
    /// What it reads.
    associatedtype Batch: WordBatch
    /// The number of labels L.
    var labelCount: Int { get }
    /// The choice of the labels of a sentence together; nil when each is chosen by itself.
    var crf: ConditionalRandomField? { get }
    /// The parameters that are rows looked up by number, which matrix optimizers leave to others.
    var tables: [Parameter] { get }

    /// The vectors of what the network reads, by which attributions differentiate.
    ///
    /// - Parameter batch: The sentences.
    /// - Returns: [R, P, D]: R rows of P words or pieces of words.
    func tokenVectors(_ batch: Batch) -> Tensor

    /// What each label scores at each word.
    ///
    /// - Parameters:
    ///   - batch: The sentences.
    ///   - vectors: What stands for ``tokenVectors(_:)`` of them.
    /// - Returns: [B, T, L]; what stands beyond a sentence's words means nothing.
    func emissions(_ batch: Batch, tokenVectors vectors: Tensor) -> Tensor

    /// Floating-point operations of the matrix products of a forward pass, for speeds.
    ///
    /// - Parameter length: The tokens that the network reads of a sentence.
    /// - Returns: Operations per sentence, a multiplication and an addition counting as two.
    func forwardFlops(length: Int) -> Double
}

extension WordLabeller {
    /// What each label scores at each word.
    ///
    /// Traps when the batch lacks what the model looks at, or has more of it than the model has places for.
    ///
    /// - Parameter batch: The sentences.
    /// - Returns: [B, T, L]; what stands beyond a sentence's words means nothing.
    public func emissions(_ batch: Batch) -> Tensor { emissions(batch, tokenVectors: tokenVectors(batch)) }

    /// The loss of sentences, summed over words and multiplied by `scale`: with a field the negative logarithm of the
    /// probability of all labels together, else the cross-entropy of each.
    ///
    /// Traps when a label lies outside 0..<L or a sentence has another number of labels than words.
    ///
    /// - Parameters:
    ///   - batch: The sentences.
    ///   - scores: What ``emissions(_:)`` gave for them; nil to ask it.
    ///   - labels: The labels of each sentence's words.
    ///   - scale: The factor on the sum.
    ///   - smoothing: Label smoothing of the cross-entropy; none with a field.
    /// - Returns: A scalar.
    public func loss(
        _ batch: Batch,
        emissions scores: Tensor? = nil,
        labels: [[Int32]],
        scale: Float,
        smoothing: Float = 0
    ) -> Tensor {
        require(
            labels.map(\.count) == batch.wordCounts,
            "WordLabeller: \(labels.map(\.count)) labels for sentences of \(batch.wordCounts) words"
        )
        require(
            smoothing == 0 || crf == nil,
            "WordLabeller: label smoothing \(smoothing) with a field, whose loss has none"
        )
        let (rows, length) = (batch.wordCounts.count, batch.wordLength)
        let unread: Int32 = crf == nil ? -100 : 0
        var targets = [Int32](repeating: unread, count: rows * length)
        for (row, own) in labels.enumerated() {
            for (place, label) in own.enumerated() { targets[row * length + place] = label }
        }
        let scores = scores ?? emissions(batch)
        guard let crf else {
            return crossEntropy(
                scores.reshaped(rows * length, labelCount),
                targets: Tensor(targets, shape: [rows * length]),
                scale: scale,
                smoothing: smoothing
            )
        }
        let loss = crf.loss(
            scores,
            targets: Tensor(targets, shape: [rows, length]),
            lengths: batch.wordCountTensor,
            reduction: .sum
        )
        return loss * Double(scale)
    }

    /// The likeliest labels of each sentence's words: together with a field, else each by itself.
    ///
    /// - Parameters:
    ///   - batch: The sentences.
    ///   - scores: What ``emissions(_:)`` gave for them; nil to ask it.
    /// - Returns: The labels of each sentence.
    public func labels(_ batch: Batch, emissions scores: Tensor? = nil) -> [[Int32]] {
        let scores = scores ?? emissions(batch)
        let (rows, length) = (batch.wordCounts.count, batch.wordLength)
        let all =
            crf.map { $0.decode(scores, lengths: batch.wordCountTensor).labels.integers() }
            ?? scores.reshaped(rows * length, labelCount).argmax().integers()
        return batch.wordCounts.enumerated().map { row, count in
            Array(all[row * length..<row * length + count])
        }
    }
}
