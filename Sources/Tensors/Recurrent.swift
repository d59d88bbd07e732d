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
    var (forward, outputs) = layer.run(keepsGates: recording)
    outputs = recorded(.recurrent, inputs: inputs, outputs: outputs) {
        { pull in layer.pull(pull, forward) }
    }
    let state = RecurrentState(hidden: outputs[1], cell: outputs.count > 2 ? outputs[2] : nil)
    return RecurrentResult(output: outputs[0], state: state)
}

/// The sizes and values of a call, off any tape.
private struct RecurrentLayer {
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
        wide = x.dtype == .f64 ? .f64 : .f32
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

    private func tensor(_ shape: Shape, _ dtype: DType) -> Tensor {
        .uninitialized(shape, dtype: dtype, backend: backend)
    }

    /// A direction's part of states [directions, B, H].
    private func part(_ states: Tensor, _ direction: Int) -> TensorView {
        let count = batch * width
        return states.view.advanced(by: direction * count, shape: [batch, width], strides: [width, 1])
    }

    /// A direction's columns of [B, T, directions·H].
    private func columns(_ output: Tensor, _ direction: Int) -> TensorView {
        output.view.advanced(
            by: direction * width,
            shape: [batch, positions, width],
            strides: [positions * directions.count * width, directions.count * width, 1]
        )
    }

    /// The forward pass: the input's products, then the scans of all directions together.
    func run(keepsGates: Bool) -> (RecurrentForward, [Tensor]) {
        let count = directions.count
        let output = tensor([batch, positions, count * width], x.dtype)
        let hidden = tensor([count, batch, width], x.dtype)
        let cells = cell.hasCellState ? tensor([count, batch, width], wide) : nil
        let scans = directions.enumerated().map { number, direction in
            let pre = tensor([batch, positions, gates], wide)
            var product = MatrixProduct(
                c: pre.rows().view,
                a: x.rows().view,
                b: direction.input.view.transposedMatrices()
            )
            let biases = direction.biases(of: cell)
            product.bias = biases.input?.view
            backend.matrixProduct(product)
            var scan = RecurrentScan(
                gates: pre.view,
                weight: direction.recurrent.view,
                out: columns(output, number)
            )
            scan.isReversed = direction.isReversed
            scan.bias = biases.recurrent?.view
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
        return (forward, [output, hidden] + [cells].compactMap { $0 })
    }

    /// The backward pass: the scans, then one product over all positions for each weight and for x.
    func pull(_ pull: Pullback, _ forward: RecurrentForward) {
        let count = directions.count
        let dout = pull.gradient(ofOutput: 0)
        let dhidden = pull.gradient(ofOutput: 1)
        let dcell = cell.hasCellState ? pull.gradient(ofOutput: 2) : nil
        let previous = (0..<count).map { _ in tensor([batch, positions, width], x.dtype) }
        let dinitial = initial.map { _ in tensor([count, batch, width], wide) }
        let dinitialCell = initial?.cell.map { _ in tensor([count, batch, width], wide) }
        let gradients = (0..<count).map { number in
            var gradient = RecurrentScanGradient(previousHidden: previous[number].view)
            gradient.out = dout.map { columns($0, number) }
            gradient.finalHidden = dhidden.map { part($0, number) }
            gradient.finalCell = dcell.map { part($0, number) }
            gradient.initialHidden = dinitial.map { part($0, number) }
            gradient.initialCell = dinitialCell.map { part($0, number) }
            return gradient
        }
        let live = backend.recurrentBackward(RecurrentBackward(forward: forward, gradients: gradients))
        var input = 1
        for state in [dinitial, dinitialCell].compactMap({ $0 }) {
            pull.add(state, to: input, isFresh: true)
            input += 1
        }
        let parts = (0..<count).map { number in
            DirectionGradient(
                layer: self,
                weights: directions[number],
                scan: forward.scans[number],
                previous: previous[number],
                live: live[number]
            )
        }
        pull.write(to: 0, backend: backend) { target, accumulate in
            var isWritten = accumulate
            // What covers all positions goes first, so that it may overwrite.
            for part in parts.filter(\.isWhole) + parts.filter({ !$0.isWhole }) {
                if !part.isWhole && !isWritten { backend.fill(target, with: 0) }
                part.addInput(to: target, accumulate: isWritten)
                isWritten = true
            }
        }
        for part in parts { input = part.pull(pull, from: input) }
    }

    /// The positions of a range as a matrix of x's dtype [B·n, F] of sequences [B, T, F].
    func matrix(_ view: TensorView, _ range: Range<Int>) -> TensorView {
        let features = view.shape[2]
        let shape: Shape = [batch * range.count, features]
        let isWhole = range.count == positions
        if isWhole && view.dtype == x.dtype { return view.reshaped(shape) }
        let out = tensor(shape, x.dtype).view
        backend.copy(
            out.reshaped([batch, range.count, features]),
            from: view.region(axis: 1, range, of: view.shape)
        )
        return out
    }
}

/// The gradients of one direction's tensors from those of its gates, over the positions that have any.
private struct DirectionGradient {
    let layer: RecurrentLayer
    let weights: RecurrentWeights
    let scan: RecurrentScan
    /// The positions.
    let range: Range<Int>
    /// The gates' gradients [B·n, G·H].
    let gates: TensorView
    /// The hidden states before the steps [B·n, H].
    let previous: TensorView
    /// The input [B·n, D].
    let input: TensorView
    /// The GRU's gradients of W h + b of n [B·n, H].
    let memory: TensorView?

    private var backend: any Backend { layer.backend }

    init(
        layer: RecurrentLayer,
        weights: RecurrentWeights,
        scan: RecurrentScan,
        previous: Tensor,
        live: Range<Int>
    ) {
        self.layer = layer
        self.weights = weights
        self.scan = scan
        // Copying a part pays where it leaves most of the products out.
        let range = 2 * live.count <= layer.positions ? live : 0..<layer.positions
        self.range = range
        gates = layer.matrix(scan.gates, range)
        self.previous = layer.matrix(previous.view, range)
        input = layer.matrix(layer.x.view, range)
        memory = layer.cell == .gru ? scan.memory.map { layer.matrix($0, range) } : nil
    }

    /// Whether all positions have a gradient.
    var isWhole: Bool { range.count == layer.positions }

    /// Adds the gradient of x to a target [B, T, D], or overwrites it where that is whole and not asked for.
    func addInput(to target: TensorView, accumulate: Bool) {
        let width = input.shape[1]
        if isWhole {
            var product = MatrixProduct(
                c: target.reshaped(input.shape),
                a: gates,
                b: weights.input.view
            )
            product.accumulate = accumulate
            backend.matrixProduct(product)
            return
        }
        let part = Tensor.uninitialized(input.shape, dtype: input.dtype, backend: backend)
        backend.matrixProduct(MatrixProduct(c: part.view, a: gates, b: weights.input.view))
        let region = target.region(axis: 1, range, of: target.shape)
        let source = part.view.reshaped([layer.batch, range.count, width])
        backend.binary(.add, region, region, source)
    }

    /// Passes the gradients of a direction's tensors on; returns the number of the input after them.
    func pull(_ pull: Pullback, from first: Int) -> Int {
        pull.write(to: first, backend: backend) { target, accumulate in
            add(gates, input, to: target, accumulate)
        }
        pull.write(to: first + 1, backend: backend) { target, accumulate in
            addRecurrent(to: target, accumulate)
        }
        var next = first + 2
        let biases = [weights.inputBias, weights.recurrentBias].compactMap { $0 }.count
        guard (next..<next + biases).contains(where: pull.wants) else { return next + biases }
        let sums = Tensor.uninitialized([layer.gates], dtype: layer.wide, backend: backend)
        sum(gates, into: sums.view)
        if weights.inputBias != nil {
            pull.add(sums, to: next)
            next += 1
        }
        if weights.recurrentBias != nil {
            pull.add(recurrentSums(sums), to: next)
            next += 1
        }
        return next
    }

    /// `target [M, N] = [target +] aᵀ · b` for matrices of as many rows.
    private func add(_ a: TensorView, _ b: TensorView, to target: TensorView, _ accumulate: Bool) {
        var product = MatrixProduct(c: target, a: a.transposedMatrices(), b: b)
        product.accumulate = accumulate
        backend.matrixProduct(product)
    }

    /// The recurrent weight's gradient; for the GRU n's rows come from the memory.
    private func addRecurrent(to target: TensorView, _ accumulate: Bool) {
        let width = layer.width
        guard let memory else {
            add(gates, previous, to: target, accumulate)
            return
        }
        let resetAndUpdate = gates.advanced(
            by: 0,
            shape: [gates.shape[0], 2 * width],
            strides: [3 * width, 1]
        )
        let upper = target.advanced(by: 0, shape: [2 * width, width], strides: [width, 1])
        let lower = target.advanced(by: 2 * width * width, shape: [width, width], strides: [width, 1])
        add(resetAndUpdate, previous, to: upper, accumulate)
        add(memory, previous, to: lower, accumulate)
    }

    /// The recurrent bias's gradient: the input bias's, with n's part from the memory for the GRU.
    private func recurrentSums(_ sums: Tensor) -> Tensor {
        guard let memory else { return sums }
        let own = sums.convertedCopy(to: sums.dtype)
        let width = layer.width
        sum(memory, into: own.view.advanced(by: 2 * width, shape: [width], strides: [1]))
        return own
    }

    private func sum(_ rows: TensorView, into sums: TensorView) {
        backend.activationBackward(
            .identity,
            dx: nil,
            biasGradient: sums,
            accumulateBias: false,
            dy: rows,
            preActivation: nil
        )
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
