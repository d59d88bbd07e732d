/// Stacked recurrent layers in one or two directions: LSTM, GRU, or a plain recurrent network.
///
/// Parameters have PyTorch's names (`weight_ih_l0`, `weight_hh_l0`, `bias_ih_l0`, `bias_hh_l0`, `…_reverse`) and
/// layouts, so that state dictionaries of `nn.LSTM`, `nn.GRU` and `nn.RNN` fit as they are. All begin uniform within
/// 1/√H.
///
/// Sequences of unequal length give what PyTorch gives for packed ones: outputs beyond a length are zeros, final states
/// are those at the last real position, and the reversed direction begins there. Padding belongs behind a sequence.
public final class RecurrentNetwork: RandomizedModule, ParameterNaming {
    /// How values are dropped between layers.
    public enum DropoutKind: String, Sendable, CaseIterable {
        /// Each position draws for itself, as in PyTorch.
        case perPosition
        /// A sequence drops the same features at all positions. Source: Gal, Ghahramani, 2016.
        case variational
    }

    /// The sizes and options of a network.
    public struct Options: Sendable {
        /// The cell.
        public var cell: RecurrentCell
        /// The width of the input D.
        public var inputWidth: Int
        /// The number of units H of a layer and direction.
        public var width: Int
        /// The number of layers.
        public var layers = 1
        /// Whether every layer runs in both directions.
        public var isBidirectional = false
        /// Whether there are biases.
        public var hasBias = true
        /// The probability of dropping a value between two layers in training.
        public var dropout: Float = 0
        /// How values are dropped between layers.
        public var dropoutKind = DropoutKind.perPosition
        /// The probability of dropping a recurrent weight in training, the same for all positions of a batch.
        ///
        /// Source: Merity, Keskar, Socher, «Regularizing and optimizing LSTM language models», 2018.
        public var weightDropout: Float = 0

        /// One layer in one direction with biases, without dropout.
        ///
        /// - Parameters:
        ///   - cell: The cell.
        ///   - inputWidth: The width of the input D.
        ///   - width: The number of units H.
        public init(cell: RecurrentCell, inputWidth: Int, width: Int) {
            self.cell = cell
            self.inputWidth = inputWidth
            self.width = width
        }
    }

    /// The sizes and options.
    public let options: Options
    /// Whether anything is dropped.
    public var isTraining = false
    /// Where the draws begin.
    public var random = RandomSource(seed: 0)
    /// The parameters of each layer and direction, layer by layer.
    private let scans: [RecurrentParameters]

    /// Makes a network.
    ///
    /// Traps when an extent is not positive or a probability lies outside 0..<1.
    ///
    /// - Parameters:
    ///   - options: Sizes and options.
    ///   - random: Where the draws come from; advances.
    public init(_ options: Options, random: inout RandomSource) {
        require(
            options.inputWidth > 0 && options.width > 0 && options.layers > 0,
            "RecurrentNetwork: \(options.layers) layers \(options.inputWidth) → \(options.width); all must be positive"
        )
        require(
            (0..<1).contains(options.dropout) && (0..<1).contains(options.weightDropout),
            "RecurrentNetwork: the probabilities \(options.dropout) and \(options.weightDropout) must lie in 0..<1"
        )
        self.options = options
        let directions = options.isBidirectional ? 2 : 1
        var scans: [RecurrentParameters] = []
        for layer in 0..<options.layers {
            let inputWidth = layer == 0 ? options.inputWidth : options.width * directions
            for direction in 0..<directions {
                scans.append(
                    RecurrentParameters(
                        options,
                        inputWidth: inputWidth,
                        suffix: "_l\(layer)" + (direction == 1 ? "_reverse" : ""),
                        random: &random
                    )
                )
            }
        }
        self.scans = scans
    }

    /// The number of directions, 1 or 2.
    public var directions: Int { options.isBidirectional ? 2 : 1 }
    /// The width of the output: directions · H.
    public var outputWidth: Int { directions * options.width }
    /// The values of the matrices of all layers and directions: the multiplications of a position.
    public var matrixElementCount: Int {
        scans.reduce(0) { $0 + $1.input.shape.elementCount + $1.recurrent.shape.elementCount }
    }
    /// The parameters by PyTorch's names, in PyTorch's order.
    public var ownParameters: [NamedParameter] { scans.flatMap(\.named) }

    /// Runs all layers in x's dtype.
    ///
    /// Traps when shapes do not fit or a length lies outside 0...T.
    ///
    /// - Parameters:
    ///   - x: The input [B, T, D].
    ///   - lengths: The lengths i32 [B], each in 0...T; nil when all are T.
    ///   - initial: The states before the first steps [layers·directions, B, H], the directions of a layer side by
    ///     side; zeros when nil.
    /// - Returns: The last layer's hidden states [B, T, directions·H], and the final states of all layers
    ///   [layers·directions, B, H].
    public func callAsFunction(
        _ x: Tensor,
        lengths: Tensor? = nil,
        initial: RecurrentState? = nil
    ) -> RecurrentResult {
        let states: Shape = [options.layers * directions, x.shape[0], options.width]
        require(
            initial.map { $0.hidden.shape == states && ($0.cell?.shape ?? states) == states } ?? true,
            "RecurrentNetwork: the initial state \(initial?.hidden.shape.description ?? "") must be \(states)"
        )
        var output = x
        var hidden: [Tensor] = []
        var cells: [Tensor] = []
        for layer in 0..<options.layers {
            let result = run(layer: layer, output, lengths: lengths, initial: initial)
            output = result.output
            hidden.append(result.state.hidden)
            if let cell = result.state.cell { cells.append(cell) }
        }
        let state = RecurrentState(
            hidden: options.layers == 1 ? hidden[0] : concatenate(hidden, axis: 0),
            cell: cells.isEmpty ? nil : options.layers == 1 ? cells[0] : concatenate(cells, axis: 0)
        )
        return RecurrentResult(output: output, state: state)
    }

    /// The last layer's hidden states at each sequence's last real position: `output[:, length − 1]`, the same numbers as
    /// in the output of a whole run.
    ///
    /// Only what they depend on is computed. The last layer's reversed direction begins at that position, so that one step of
    /// it is enough; who wants its final state, which has read the whole sequence, takes a whole run's.
    ///
    /// Traps when shapes do not fit, there is no position, or a length lies outside 0...T.
    ///
    /// - Parameters:
    ///   - x: The input [B, T, D].
    ///   - lengths: The lengths i32 [B], each in 0...T; nil when all are T.
    /// - Returns: [B, directions·H]; zeros for a sequence of length 0.
    public func lastOutput(_ x: Tensor, lengths: Tensor? = nil) -> Tensor {
        require(
            x.rank == 3 && x.shape[1] > 0,
            "RecurrentNetwork: \(x.shape) has no last position; [B, T, D] is wanted"
        )
        let (rows, positions, last) = (x.shape[0], x.shape[1], options.layers - 1)
        var input = x
        for layer in 0..<last { input = run(layer: layer, input, lengths: lengths).output }
        input = dropped(input, layer: last)
        let number = last * directions
        var found = [run(number..<number + 1, input, lengths: lengths).state.hidden]
        if options.isBidirectional {
            let counts = lengths?.integers()
            var ends = input.slice(axis: 1, positions - 1..<positions)
            if let counts {
                let places = counts.enumerated().map { Int32($0 * positions) + max($1 - 1, 0) }
                let table = input.reshaped(rows * positions, input.shape[2])
                ends = embedding(Tensor(places, shape: [rows, 1]), table: table)
            }
            let steps = counts.map { Tensor($0.map { min($0, 1) }, shape: [rows]) }
            found.append(run(number + 1..<number + 2, ends, lengths: steps).state.hidden)
        }
        return concatenate(found, axis: 2).reshaped(rows, outputWidth)
    }

    /// Runs a layer on what the one below it gave.
    private func run(
        layer: Int,
        _ x: Tensor,
        lengths: Tensor?,
        initial: RecurrentState? = nil
    ) -> RecurrentResult {
        let own = layer * directions..<(layer + 1) * directions
        return run(
            own,
            dropped(x, layer: layer),
            lengths: lengths,
            initial: initial.map {
                RecurrentState(hidden: $0.hidden.slice(axis: 0, own), cell: $0.cell?.slice(axis: 0, own))
            }
        )
    }

    /// Runs some directions of a layer side by side.
    private func run(
        _ numbers: Range<Int>,
        _ x: Tensor,
        lengths: Tensor?,
        initial: RecurrentState? = nil
    ) -> RecurrentResult {
        recurrent(
            x,
            cell: options.cell,
            directions: numbers.map { weights(scans[$0], number: $0, dtype: x.dtype) },
            lengths: lengths,
            initial: initial
        )
    }

    /// The words that the draws of one layer may use.
    private static let wordsPerLayer = 1 << 28

    private func weights(_ own: RecurrentParameters, number: Int, dtype: DType) -> RecurrentWeights {
        var recurrent = own.recurrent.tensor(as: dtype)
        if isTraining && options.weightDropout > 0 {
            let source = random.advanced(by: (2 * number + 1) * RecurrentNetwork.wordsPerLayer)
            recurrent = YuyanTensors.dropout(recurrent, probability: options.weightDropout, random: source)
        }
        return RecurrentWeights(
            input: own.input.tensor(as: dtype),
            recurrent: recurrent,
            inputBias: own.inputBias?.tensor(),
            recurrentBias: own.recurrentBias?.tensor(),
            isReversed: options.isBidirectional && number % 2 == 1
        )
    }

    /// What a layer reads: nothing is dropped before the first one.
    private func dropped(_ x: Tensor, layer: Int) -> Tensor {
        if !isTraining || options.dropout == 0 || layer == 0 { return x }
        let source = random.advanced(by: 2 * layer * RecurrentNetwork.wordsPerLayer)
        switch options.dropoutKind {
        case .perPosition: return dropout(x, probability: options.dropout, random: source)
        case .variational: return variationalDropout(x, probability: options.dropout, random: source)
        }
    }
}

/// Inverted dropout that drops the same features of a sequence at all of its positions.
///
/// Source: Gal, Ghahramani, «A theoretically grounded application of dropout in recurrent neural networks», 2016.
///
/// Traps when x has no three axes or the probability lies outside 0..<1.
///
/// - Parameters:
///   - x: Sequences [B, T, D].
///   - probability: The probability that a feature becomes zero.
///   - random: Where the draws begin: feature d of sequence b uses word b·D + d.
/// - Returns: A tensor of the same shape and dtype.
public func variationalDropout(_ x: Tensor, probability: Float, random: RandomSource) -> Tensor {
    require(x.rank == 3, "variationalDropout: \(x.shape) is no batch of sequences [B, T, D]")
    let ones = Tensor.ones([x.shape[0], 1, x.shape[2]], dtype: x.dtype, backend: x.backend)
    return x * dropout(ones, probability: probability, random: random)
}

/// The parameters of one layer and direction.
private struct RecurrentParameters {
    let suffix: String
    let input: Parameter
    let recurrent: Parameter
    let inputBias: Parameter?
    let recurrentBias: Parameter?

    init(
        _ options: RecurrentNetwork.Options,
        inputWidth: Int,
        suffix: String,
        random: inout RandomSource
    ) {
        self.suffix = suffix
        let rows = options.cell.gateCount * options.width
        let initializer = Initializer.uniform(bound: 1 / Double(options.width).squareRoot())
        input = Parameter(initializer.tensor([rows, inputWidth], random: &random))
        recurrent = Parameter(initializer.tensor([rows, options.width], random: &random))
        inputBias = options.hasBias ? Parameter(initializer.tensor([rows], random: &random)) : nil
        recurrentBias = options.hasBias ? Parameter(initializer.tensor([rows], random: &random)) : nil
    }

    /// The parameters by PyTorch's names.
    var named: [NamedParameter] {
        let pairs: [(String, Parameter?)] = [
            ("weight_ih", input), ("weight_hh", recurrent), ("bias_ih", inputBias),
            ("bias_hh", recurrentBias),
        ]
        return pairs.compactMap { name, parameter in
            parameter.map { NamedParameter(name: name + suffix, parameter: $0) }
        }
    }
}
