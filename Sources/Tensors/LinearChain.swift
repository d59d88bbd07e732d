// Linear-chain conditional random fields.

/// The parameters of a linear chain over L labels.
public struct LinearChainWeights: Sendable {
    /// What a step from the row's label to the column's scores [L, L].
    public let transitions: Tensor
    /// What paths that begin in a label score [L]; nil for zeros.
    public let start: Tensor?
    /// What paths that end in a label score [L]; nil for zeros.
    public let end: Tensor?

    /// Parameters.
    public init(transitions: Tensor, start: Tensor? = nil, end: Tensor? = nil) {
        self.transitions = transitions
        self.start = start
        self.end = end
    }
}

/// The negative log-likelihood of each label sequence under a linear chain; without targets the log-partition.
///
/// - Parameters:
///   - emissions: What each label scores at each position [B, T, L].
///   - weights: The chain's parameters.
///   - targets: The right labels i32 [B, T], any beyond a length; nil for the log-partition.
///   - lengths: The lengths i32 [B], each in 0...T; nil when all are T.
/// - Returns: [B], f32 (f64 for f64 emissions); 0 for a sequence of length 0.
///
/// Traps when shapes do not fit, a length lies outside 0...T or a target outside 0..<L. Source: Lafferty, McCallum,
/// Pereira, 2001.
public func linearChainLoss(
    _ emissions: Tensor,
    weights: LinearChainWeights,
    targets: Tensor? = nil,
    lengths: Tensor? = nil
) -> Tensor {
    let chain = ChainTensors(emissions, weights, targets, lengths)
    let losses = chain.wide([emissions.shape[0]])
    chain.backend.linearChainLosses(losses.view, chain.view)
    let parameters = [weights.transitions, weights.start, weights.end]
    return recorded(.linearChain, inputs: [emissions] + parameters.compactMap { $0 }, output: losses) {
        { pull in chain.pull(pull) }
    }
}

/// The best label sequence of each row under a linear chain (Viterbi's algorithm), and its score.
///
/// - Parameters:
///   - emissions: What each label scores at each position [B, T, L], L ≥ 1.
///   - weights: The chain's parameters.
///   - lengths: The lengths i32 [B], each in 0...T; nil when all are T.
/// - Returns: The labels i32 [B, T], −1 from a length on, and the scores [B], f32 (f64 for f64 emissions).
///
/// Traps when shapes do not fit or a length lies outside 0...T.
public func linearChainDecode(
    _ emissions: Tensor,
    weights: LinearChainWeights,
    lengths: Tensor? = nil
) -> (labels: Tensor, scores: Tensor) {
    let chain = ChainTensors(emissions, weights, nil, lengths)
    let labels = Tensor.uninitialized(
        [emissions.shape[0], emissions.shape[1]],
        dtype: .i32,
        backend: chain.backend
    )
    let scores = chain.wide([emissions.shape[0]])
    chain.backend.linearChainDecode(paths: labels.view, scores: scores.view, chain.view)
    return (labels, scores)
}

/// The tensors of a call, off any tape.
private struct ChainTensors {
    let emissions: Tensor
    let transitions: Tensor
    let start: Tensor?
    let end: Tensor?
    let targets: Tensor?
    let lengths: Tensor?

    init(_ emissions: Tensor, _ weights: LinearChainWeights, _ targets: Tensor?, _ lengths: Tensor?) {
        require(
            emissions.rank == 3 && emissions.dtype.isFloatingPoint,
            "linear chain: the emissions are \(emissions.dtype) \(emissions.shape); a floating [B, T, L] is wanted"
        )
        self.emissions = emissions.detached().contiguous()
        transitions = weights.transitions.detached().contiguous()
        start = weights.start?.detached().contiguous()
        end = weights.end?.detached().contiguous()
        self.targets = targets?.contiguous()
        self.lengths = lengths?.contiguous()
    }

    var backend: any Backend { emissions.backend }

    var view: LinearChain {
        var chain = LinearChain(
            emissions: emissions.view,
            transitions: transitions.view,
            targets: targets?.view
        )
        chain.start = start?.view
        chain.end = end?.view
        chain.lengths = lengths?.view
        return chain
    }

    /// Memory for results that are f32, or f64 for f64 emissions.
    func wide(_ shape: Shape) -> Tensor {
        .uninitialized(shape, dtype: emissions.dtype.accumulation, backend: backend)
    }

    /// Inputs are the emissions, the transitions and, where given, start and end.
    func pull(_ pull: Pullback) {
        let labels = emissions.shape[2]
        var wanted = LinearChainGradient(weights: pull.gradient.view)
        func made(_ input: Int, _ tensor: Tensor) -> Tensor? { pull.wants(input) ? tensor : nil }
        let first = made(0, Tensor.uninitialized(emissions.shape, dtype: emissions.dtype, backend: backend))
        let second = made(1, wide([labels, labels]))
        let third = start.flatMap { _ in made(2, wide([labels])) }
        let endInput = start == nil ? 2 : 3
        let fourth = end.flatMap { _ in made(endInput, wide([labels])) }
        (wanted.emissions, wanted.transitions) = (first?.view, second?.view)
        (wanted.start, wanted.end) = (third?.view, fourth?.view)
        backend.linearChainGradient(wanted, view)
        for (input, gradient) in [(0, first), (1, second), (2, third), (endInput, fourth)] {
            if let gradient { pull.add(gradient, to: input, isFresh: true) }
        }
    }
}
