/// A linear-chain conditional random field on top of emissions: the loss of a tagger and its best label sequences.
///
/// Parameters have pytorch-crf's names (`start_transitions`, `end_transitions`, `transitions`); `transitions[i, j]`
/// scores a step from label i to label j. All begin uniform within 0.1. Source: Lafferty, McCallum, Pereira, 2001;
/// on recurrent taggers Huang, Xu, Yu, 2015.
public final class ConditionalRandomField: ParameterNaming {
    /// What a step from the row's label to the column's scores [L, L].
    public let transitions: Parameter
    /// What paths that begin in a label score [L].
    public let start: Parameter
    /// What paths that end in a label score [L].
    public let end: Parameter

    /// Makes a field.
    ///
    /// Traps when there are no labels.
    ///
    /// - Parameters:
    ///   - labels: The number of labels L.
    ///   - random: Where the draws come from; advances.
    public init(labels: Int, random: inout RandomSource) {
        require(labels > 0, "ConditionalRandomField: the number of labels \(labels) must be positive")
        let initializer = Initializer.uniform(bound: 0.1)
        start = Parameter(initializer.tensor([labels], random: &random))
        end = Parameter(initializer.tensor([labels], random: &random))
        transitions = Parameter(initializer.tensor([labels, labels], random: &random))
    }

    /// The number of labels L.
    public var labels: Int { transitions.shape[0] }

    /// The parameters by pytorch-crf's names.
    public var ownParameters: [NamedParameter] {
        [
            NamedParameter(name: "start_transitions", parameter: start),
            NamedParameter(name: "end_transitions", parameter: end),
            NamedParameter(name: "transitions", parameter: transitions),
        ]
    }

    private var weights: LinearChainWeights {
        LinearChainWeights(transitions: transitions.tensor(), start: start.tensor(), end: end.tensor())
    }

    /// The negative log-likelihood of the right labels.
    ///
    /// Traps when shapes do not fit, a length lies outside 0...T or a label outside 0..<L.
    ///
    /// - Parameters:
    ///   - emissions: What each label scores at each position [B, T, L].
    ///   - targets: The right labels i32 [B, T]; those beyond a length are not read.
    ///   - lengths: The lengths i32 [B]; nil when all are T.
    ///   - reduction: How the losses of the sequences become one number.
    /// - Returns: A scalar, or the losses [B]; f32 (f64 for f64 emissions).
    public func loss(
        _ emissions: Tensor,
        targets: Tensor,
        lengths: Tensor? = nil,
        reduction: LossReduction = .mean
    ) -> Tensor {
        reduction(linearChainLoss(emissions, weights: weights, targets: targets, lengths: lengths))
    }

    /// The logarithm of the sum of e^score over all label sequences.
    ///
    /// - Parameters:
    ///   - emissions: What each label scores at each position [B, T, L].
    ///   - lengths: The lengths i32 [B]; nil when all are T.
    /// - Returns: [B], f32 (f64 for f64 emissions).
    public func logPartition(_ emissions: Tensor, lengths: Tensor? = nil) -> Tensor {
        linearChainLoss(emissions, weights: weights, lengths: lengths)
    }

    /// The best label sequence of each row.
    ///
    /// - Parameters:
    ///   - emissions: What each label scores at each position [B, T, L].
    ///   - lengths: The lengths i32 [B]; nil when all are T.
    /// - Returns: The labels i32 [B, T], −1 from a length on, and their scores [B].
    public func decode(_ emissions: Tensor, lengths: Tensor? = nil) -> (labels: Tensor, scores: Tensor) {
        Tape.withoutRecording { linearChainDecode(emissions, weights: weights, lengths: lengths) }
    }
}
