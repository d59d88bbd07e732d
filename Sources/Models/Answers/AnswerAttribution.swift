import YuyanNeuralNetworks

/// A value for each token of a question and of its text.
public struct AnswerTokenValues: Sendable, Hashable {
    /// Those of the question's tokens.
    public let question: [Double]
    /// Those of the text's tokens.
    public let context: [Double]
    /// The sum of those of other tokens, which stand around question and text.
    public let rest: Double
}

/// The two ends of an answer.
public enum AnswerEnd: String, Sendable, CaseIterable {
    /// Its first token.
    case start
    /// Its last token.
    case end
}

extension QuestionAnsweringModel {
    /// Integrated gradients of what a place scores as an end of the answer, by the tokens' vectors along the straight line
    /// from vectors of zeros; positions, segments and marks of overlap stay as they are.
    ///
    /// Traps when there are several questions, `place` lies outside 0...C or `steps` < 1.
    ///
    /// - Parameters:
    ///   - batch: One question and its text, as many times as it is told.
    ///   - end: Which end of the answer.
    ///   - place: Its place; 0 for «no answer here».
    ///   - steps: The number of stretches of the line.
    /// - Returns: The tokens' shares, in the order of the network's vectors, which its `sorted` puts in place.
    public func integratedGradients(
        of batch: (_ copies: Int) -> QuestionBatch,
        _ end: AnswerEnd,
        at place: Int,
        steps: Int = 64
    ) -> TokenAttribution {
        let one = batch(1)
        require(
            one.rows == 1 && (0...one.contexts.lengths[0]).contains(place),
            "integratedGradients: place \(place) of \(one.rows) questions' texts of \(one.contexts.lengths)"
        )
        let column = end == .start ? 0 : 1
        let vectors = Tape.withoutRecording { network.tokenVectors(one) }
        return IntegratedGradients(model: self, vectors: vectors).attribution(steps: steps) {
            vectors,
            copies in
            network.scores(batch(copies), tokenVectors: vectors.map { $0.tensor() })
                .slice(axis: 1, place..<place + 1).slice(axis: 2, column..<column + 1)
                .sum(axis: 2).sum(axis: 1)
        }
    }
}
