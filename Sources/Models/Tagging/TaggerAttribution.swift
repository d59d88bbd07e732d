import YuyanNeuralNetworks

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// A label at a word.
public struct LabelledPlace: Sendable, Hashable {
    /// The word.
    public let place: Int
    /// The label.
    public let label: Int

    /// Names a label at a word.
    ///
    /// - Parameters:
    ///   - place: The word.
    ///   - label: The label.
    public init(_ place: Int, _ label: Int) { (self.place, self.label) = (place, label) }
}

extension WordLabeller {
    /// What speaks for labels at words of a sentence: with a field the logarithm of the probability that it gives all
    /// of them together, whatever the other words' labels are; else the sum of what they score.
    ///
    /// The probability is the share of the label sequences that have them in the sum over all sequences.
    ///
    /// Traps when a word or label does not exist, or a word is named twice.
    ///
    /// - Parameters:
    ///   - targets: The labels, at least one.
    ///   - emissions: What each label scores at each word [B, T, L], of B copies of the sentence.
    /// - Returns: [B].
    public func scores(of targets: [LabelledPlace], emissions: Tensor) -> Tensor {
        check(targets, length: emissions.shape[1])
        guard let crf else { return picked(targets, emissions) }
        return crf.logPartition(emissions + hiding(targets, emissions)) - crf.logPartition(emissions)
    }

    /// How probable labels at words of a sentence are together: as the field has it, else each by itself.
    ///
    /// Traps as ``scores(of:emissions:)`` does.
    ///
    /// - Parameters:
    ///   - targets: The labels, at least one.
    ///   - batch: The sentence.
    /// - Returns: The probability.
    public func probability(of targets: [LabelledPlace], in batch: Batch) -> Double {
        Tape.withoutRecording {
            let emissions = emissions(batch)
            guard crf == nil else {
                return exp(min(scores(of: targets, emissions: emissions).doubles()[0], 0))
            }
            check(targets, length: emissions.shape[1])
            return exp(picked(targets, logSoftmax(emissions)).doubles()[0])
        }
    }

    /// Integrated gradients of ``scores(of:emissions:)`` by the vectors of what the network reads, along the straight line
    /// from vectors of zeros; positions and marks of predicates stay as they are.
    ///
    /// Traps as ``scores(of:emissions:)`` does, and when `steps` < 1.
    ///
    /// - Parameters:
    ///   - batch: One sentence, as many times as it is told.
    ///   - targets: The labels, at least one.
    ///   - steps: The number of stretches of the line.
    /// - Returns: A share for each row and place of ``tokenVectors(_:)``.
    public func integratedGradients(
        of batch: (_ copies: Int) -> Batch,
        targets: [LabelledPlace],
        steps: Int = 64
    ) -> TokenAttribution {
        let vectors = Tape.withoutRecording { tokenVectors(batch(1)) }
        return IntegratedGradients(model: self, vectors: [vectors]).attribution(steps: steps) {
            vectors,
            copies in
            scores(
                of: targets,
                emissions: emissions(batch(copies), tokenVectors: vectors[0].tensor())
            )
        }
    }

    private func check(_ targets: [LabelledPlace], length: Int) {
        require(
            !targets.isEmpty && Set(targets.map(\.place)).count == targets.count
                && targets.allSatisfy {
                    (0..<length).contains($0.place) && (0..<labelCount).contains($0.label)
                },
            "WordLabeller: \(targets) in a sentence of \(length) words with \(labelCount) labels"
        )
    }

    /// The sum of the targets' values in [B, T, L].
    private func picked(_ targets: [LabelledPlace], _ values: Tensor) -> Tensor {
        var mask = [Double](repeating: 0, count: values.shape[1] * labelCount)
        for target in targets { mask[target.place * labelCount + target.label] = 1 }
        let picks = Tensor(mask, shape: [1, values.shape[1], labelCount], dtype: values.dtype)
        return (values * picks).sum(axis: 2).sum(axis: 1)
    }

    /// What is added to emissions so that no other label can stand at the targets' words [1, T, L].
    private func hiding(_ targets: [LabelledPlace], _ emissions: Tensor) -> Tensor {
        var mask = [Double](repeating: 0, count: emissions.shape[1] * labelCount)
        for target in targets {
            for label in 0..<labelCount where label != target.label {
                mask[target.place * labelCount + label] = Self.never
            }
        }
        return Tensor(mask, shape: [1, emissions.shape[1], labelCount], dtype: emissions.dtype)
    }

    /// A score whose exponential is nothing beside that of any other.
    private static var never: Double { -1e5 }
}
