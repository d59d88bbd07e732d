// Recurrent layers over sequences.

/// The weights of one direction of a recurrent layer, in PyTorch's layout.
public struct RecurrentWeights: Sendable {
    /// The weight of the input [G·H, D], x's dtype.
    public let input: Tensor
    /// The weight of the hidden state [G·H, H], x's dtype.
    public let recurrent: Tensor
    /// The bias of the input [G·H], or nil.
    public let inputBias: Tensor?
    /// The bias of the hidden state [G·H], or nil.
    ///
    /// Only the GRU tells it apart from the other.
    public let recurrentBias: Tensor?
    /// Whether the direction runs from a sequence's last position to its first.
    public let isReversed: Bool

    /// Weights of a direction.
    public init(
        input: Tensor,
        recurrent: Tensor,
        inputBias: Tensor? = nil,
        recurrentBias: Tensor? = nil,
        isReversed: Bool = false
    ) {
        self.input = input
        self.recurrent = recurrent
        self.inputBias = inputBias
        self.recurrentBias = recurrentBias
        self.isReversed = isReversed
    }
}

/// The state of a recurrent layer between two positions.
public struct RecurrentState: Sendable {
    /// The hidden states [directions, B, H].
    public let hidden: Tensor
    /// The cell states [directions, B, H] of an LSTM, nil for other cells.
    public let cell: Tensor?

    /// A state.
    public init(hidden: Tensor, cell: Tensor? = nil) {
        self.hidden = hidden
        self.cell = cell
    }
}

/// What a recurrent layer gives.
public struct RecurrentResult: Sendable {
    /// The hidden states of all positions [B, T, directions·H]; zeros from a sequence's length on.
    public let output: Tensor
    /// The state after each sequence's last step: hidden in x's dtype, cell in f32 (f64 for f64).
    public let state: RecurrentState

    /// A result.
    public init(output: Tensor, state: RecurrentState) {
        self.output = output
        self.state = state
    }
}

/// A recurrent layer over a batch of sequences, in one or more directions side by side.
///
/// Sequences may be of unequal lengths: positions from a length on give zeros and take no part; the reversed direction
/// begins at the last real position. A sequence of length 0 ends in its initial state.
///
/// - Parameters:
///   - x: The input [B, T, D].
///   - cell: What is computed at each position.
///   - directions: The weights of each direction, all of one H.
///   - lengths: The lengths i32 [B], each in 0...T; nil when all are T.
///   - initial: The states before the first steps; nil for zeros.
/// - Returns: The hidden states of all positions, the directions side by side in the last axis, and the final states.
///
/// Traps when shapes or dtypes do not fit, or a length lies outside 0...T.
public func recurrent(
    _ x: Tensor,
    cell: RecurrentCell,
    directions: [RecurrentWeights],
    lengths: Tensor? = nil,
    initial: RecurrentState? = nil
) -> RecurrentResult {
    let layer = RecurrentLayer(x, cell, directions, lengths, initial)
    let inputs = layer.inputs(x, directions, initial)
    let recording = Tape.current.map { tape in inputs.contains(where: tape.holds) } ?? false
    let pass = layer.run(keepsGates: recording)
    let outputs = recorded(.recurrent, inputs: inputs, outputs: pass.outputs) {
        { pull in layer.pull(pull, pass) }
    }
    let state = RecurrentState(hidden: outputs[1], cell: outputs.count > 2 ? outputs[2] : nil)
    return RecurrentResult(output: outputs[0], state: state)
}

/// The sizes and values of a call, off any tape.
struct RecurrentLayer {
    let cell: RecurrentCell
    let x: Tensor
    let directions: [RecurrentWeights]
    let lengths: Tensor?
    let initial: RecurrentState?
    let width: Int
    /// The dtype of gates and cell states.
    let wide: DType
    var backend: any Backend { x.backend }
    var batch: Int { x.shape[0] }
    var positions: Int { x.shape[1] }
    var gates: Int { cell.gateCount * width }

    init(
        _ x: Tensor,
        _ cell: RecurrentCell,
        _ directions: [RecurrentWeights],
        _ lengths: Tensor?,
        _ initial: RecurrentState?
    ) {
        require(
            x.rank == 3 && x.dtype.isFloatingPoint && !directions.isEmpty,
            "recurrent: x is \(x.dtype) \(x.shape) with \(directions.count) directions; a floating [B, T, D] and at "
                + "least one are wanted"
        )
        self.cell = cell
        self.x = x.detached().contiguous()
        width = directions[0].recurrent.shape[-1]
        wide = x.dtype.accumulation
        self.directions = directions.map(\.detached)
        self.lengths = lengths?.contiguous()
        self.initial = initial?.detached
        let rows = cell.gateCount * width
        for direction in directions {
            require(
                direction.input.shape == [rows, x.shape[2]] && direction.recurrent.shape == [rows, width]
                    && direction.input.dtype == x.dtype && direction.recurrent.dtype == x.dtype,
                "recurrent: weights \(direction.input.dtype) \(direction.input.shape) and \(direction.recurrent.dtype) "
                    + "\(direction.recurrent.shape) do not fit x \(x.dtype) \(x.shape); \(cell) takes [\(cell.gateCount)·H, "
                    + "\(x.shape[2])] and [\(cell.gateCount)·H, H] of x's dtype"
            )
            for bias in [direction.inputBias, direction.recurrentBias] {
                require(
                    bias.map { $0.shape == [rows] } ?? true,
                    "recurrent: a bias \(bias?.shape.description ?? "") does not fit; [\(rows)] is wanted"
                )
            }
        }
        require(
            lengths.map { $0.dtype == .i32 && $0.shape == [x.shape[0]] } ?? true,
            "recurrent: lengths \(lengths?.shape.description ?? "") must be i32 [\(x.shape[0])]"
        )
        let shape: Shape = [directions.count, x.shape[0], width]
        require(
            initial.map {
                $0.hidden.shape == shape && ($0.cell != nil) == cell.hasCellState
                    && ($0.cell?.shape ?? shape) == shape
            } ?? true,
            "recurrent: the initial state \(initial?.hidden.shape.description ?? "") does not fit; \(shape) is wanted, "
                + "and a cell state of that shape exactly for an LSTM"
        )
    }

    /// What gradients can flow to: x, the initial states where given, then each direction's tensors where given.
    func inputs(_ x: Tensor, _ directions: [RecurrentWeights], _ initial: RecurrentState?) -> [Tensor] {
        [x] + [initial?.hidden, initial?.cell].compactMap { $0 }
            + directions.flatMap {
                [$0.input, $0.recurrent, $0.inputBias, $0.recurrentBias].compactMap { $0 }
            }
    }

    func tensor(_ shape: Shape, _ dtype: DType) -> Tensor {
        .uninitialized(shape, dtype: dtype, backend: backend)
    }

    /// A direction's part of states [directions, B, H].
    func part(_ states: Tensor, _ direction: Int) -> TensorView {
        let count = batch * width
        return states.view.advanced(by: direction * count, shape: [batch, width], strides: [width, 1])
    }

    /// A direction's columns of [B, T, directions·H].
    func columns(_ output: Tensor, _ direction: Int) -> TensorView {
        output.view.advanced(
            by: direction * width,
            shape: [batch, positions, width],
            strides: [positions * directions.count * width, directions.count * width, 1]
        )
    }

    /// What a forward pass leaves: the call, the gates of all directions side by side [B, T, directions·G·H], the results.
    struct Pass {
        let forward: RecurrentForward
        let gates: Tensor
        let outputs: [Tensor]
    }

    /// The columns of a direction's gates.
    func gateColumns(_ number: Int) -> Range<Int> { number * gates..<(number + 1) * gates }

    /// The forward pass: one product with the input, then the scans of all directions together.
    func run(keepsGates: Bool) -> Pass {
        let count = directions.count
        let output = tensor([batch, positions, count * width], x.dtype)
        let hidden = tensor([count, batch, width], x.dtype)
        let cells = cell.hasCellState ? tensor([count, batch, width], wide) : nil
        let pre = tensor([batch, positions, count * gates], wide)
        let weights = inputWeights()
        var product = MatrixProduct(
            c: pre.rows().view,
            a: x.rows().view,
            b: weights.view.transposedMatrices()
        )
        let biases = inputBiases()
        product.bias = biases?.view
        backend.matrixProduct(product)
        let scans = directions.enumerated().map { number, direction in
            var scan = RecurrentScan(
                gates: pre.region(axis: 2, gateColumns(number)).view,
                weight: direction.recurrent.view,
                out: columns(output, number)
            )
            scan.isReversed = direction.isReversed
            scan.bias = direction.biases(of: cell).recurrent?.view
            if keepsGates && cell.keepsMemory { scan.memory = tensor([batch, positions, width], wide).view }
            scan.initialHidden = initial.map { part($0.hidden, number) }
            scan.initialCell = initial?.cell.map { part($0, number) }
            scan.finalHidden = part(hidden, number)
            scan.finalCell = cells.map { part($0, number) }
            return scan
        }
        let forward = RecurrentForward(
            cell: cell,
            lengths: lengths?.view,
            scans: scans,
            keepsGates: keepsGates
        )
        backend.recurrentForward(forward)
        return Pass(
            forward: forward,
            gates: pre,
            outputs: [output, hidden] + [cells].compactMap { $0 }
        )
    }

    /// The input's weights of all directions, one below the other [directions·G·H, D].
    func inputWeights() -> Tensor {
        directions.count == 1 ? directions[0].input : concatenate(directions.map(\.input), axis: 0)
    }

    /// The biases of the input's product [directions·G·H], or nil when no direction has one.
    private func inputBiases() -> Tensor? {
        let biases = directions.map { $0.biases(of: cell).input }
        guard biases.contains(where: { $0 != nil }) else { return nil }
        let all = biases.map { $0?.cast(to: wide) ?? .zeros([gates], dtype: wide, backend: backend) }
        return concatenate(all, axis: 0)
    }
}

extension RecurrentWeights {
    /// The biases of the input's product and of the scan: only the GRU needs both.
    fileprivate func biases(of cell: RecurrentCell) -> (input: Tensor?, recurrent: Tensor?) {
        guard cell != .gru, let inputBias else { return (inputBias, recurrentBias) }
        return (nil, recurrentBias.map { inputBias + $0 } ?? inputBias)
    }

    fileprivate var detached: RecurrentWeights {
        RecurrentWeights(
            input: input.detached().contiguous(),
            recurrent: recurrent.detached().contiguous(),
            inputBias: inputBias?.detached().contiguous(),
            recurrentBias: recurrentBias?.detached().contiguous(),
            isReversed: isReversed
        )
    }
}

extension RecurrentState {
    fileprivate var detached: RecurrentState {
        RecurrentState(hidden: hidden.detached().contiguous(), cell: cell?.detached().contiguous())
    }
}
