// The gradient of recurrent layers.

extension RecurrentLayer {
    /// The backward pass: the scans, then one product over all positions for each weight and for x.
    func pull(_ pull: Pullback, _ pass: Pass) {
        let (forward, count) = (pass.forward, directions.count)
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
        // Copying a part pays where it leaves most of the products out.
        let ranges = live.map { 2 * $0.count <= positions ? $0 : 0..<positions }
        let isJoint = ranges.allSatisfy { $0.count == positions }
        let all = isJoint ? matrix(pass.gates.view, 0..<positions) : nil
        let parts = (0..<count).map { number in
            let own = all.map { $0.columns(gateColumns(number)) }
            return DirectionGradient(
                layer: self,
                weights: directions[number],
                range: ranges[number],
                gates: own ?? matrix(forward.scans[number].gates, ranges[number]),
                previous: matrix(previous[number].view, ranges[number]),
                input: matrix(x.view, ranges[number]),
                memory: cell == .gru
                    ? forward.scans[number].memory.map { matrix($0, ranges[number]) } : nil
            )
        }
        if let all {
            pullInputs(pull, all, from: input)
        } else {
            pull.write(to: 0, backend: backend) { addInputs(of: parts, to: $0, accumulate: $1) }
        }
        for part in parts { input = part.pull(pull, from: input, includingInput: !isJoint) }
    }

    /// The gradients of x and of the input's weights from the gates of all directions [B·T, directions·G·H].
    private func pullInputs(_ pull: Pullback, _ all: TensorView, from first: Int) {
        let (rows, weights) = (x.rows(), inputWeights())
        pull.write(to: 0, backend: backend) { target, accumulate in
            var product = MatrixProduct(c: target.reshaped(rows.shape), a: all, b: weights.view)
            product.accumulate = accumulate
            backend.matrixProduct(product)
        }
        var inputs: [Int] = []
        var next = first
        for direction in directions {
            inputs.append(next)
            next += direction.inputCount
        }
        guard inputs.contains(where: pull.wants) else { return }
        func multiply(_ target: TensorView, _ accumulate: Bool) {
            var product = MatrixProduct(c: target, a: all.transposedMatrices(), b: rows.view)
            product.accumulate = accumulate
            backend.matrixProduct(product)
        }
        if inputs.count == 1 {
            pull.write(to: inputs[0], backend: backend, multiply)
            return
        }
        let sum = tensor(weights.shape, wide)
        multiply(sum.view, false)
        for (number, input) in inputs.enumerated() {
            pull.add(sum.region(axis: 0, gateColumns(number)), to: input)
        }
    }

    /// The gradient of x from each direction by itself.
    private func addInputs(of parts: [DirectionGradient], to target: TensorView, accumulate: Bool) {
        var isWritten = accumulate
        // What covers all positions goes first, so that it may overwrite.
        for part in parts.filter(\.isWhole) + parts.filter({ !$0.isWhole }) {
            if !part.isWhole && !isWritten { backend.fill(target, with: 0) }
            part.addInput(to: target, accumulate: isWritten)
            isWritten = true
        }
    }

    /// The positions of a range as a matrix of x's dtype [B·n, F] of sequences [B, T, F], whose rows may have gaps.
    private func matrix(_ view: TensorView, _ range: Range<Int>) -> TensorView {
        let features = view.shape[2]
        let shape: Shape = [batch * range.count, features]
        if range.count == positions && view.dtype == x.dtype {
            return view.reinterpreted(shape: shape, strides: [view.strides[1], 1])
        }
        let out = tensor(shape, x.dtype).view
        let part: Shape = [batch, range.count, features]
        backend.copy(
            out.reshaped(part),
            from: view.advanced(
                by: range.lowerBound * view.strides[1],
                shape: part,
                strides: view.strides
            )
        )
        return out
    }
}

/// The gradients of one direction's tensors from those of its gates, over the positions that have any.
private struct DirectionGradient {
    let layer: RecurrentLayer
    let weights: RecurrentWeights
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
    func pull(_ pull: Pullback, from first: Int, includingInput: Bool) -> Int {
        if includingInput {
            pull.write(to: first, backend: backend) { target, accumulate in
                add(gates, input, to: target, accumulate)
            }
        }
        pull.write(to: first + 1, backend: backend) { target, accumulate in
            addRecurrent(to: target, accumulate)
        }
        let end = first + weights.inputCount
        var next = first + 2
        guard (next..<end).contains(where: pull.wants) else { return end }
        let sums = Tensor.uninitialized([layer.gates], dtype: layer.wide, backend: backend)
        sum(gates, into: sums.view)
        if weights.inputBias != nil {
            pull.add(sums, to: next)
            next += 1
        }
        if weights.recurrentBias != nil { pull.add(recurrentSums(sums), to: next) }
        return end
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
        let upper = target.advanced(by: 0, shape: [2 * width, width], strides: [width, 1])
        let lower = target.advanced(by: 2 * width * width, shape: [width, width], strides: [width, 1])
        add(gates.columns(0..<2 * width), previous, to: upper, accumulate)
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

    /// The sums of the columns, as a product with a row of ones.
    private func sum(_ rows: TensorView, into sums: TensorView) {
        let ones = Tensor.ones([1, rows.shape[0]], dtype: rows.dtype, backend: backend)
        backend.matrixProduct(MatrixProduct(c: sums.reshaped([1, rows.shape[1]]), a: ones.view, b: rows))
    }
}

extension RecurrentWeights {
    /// The number of tensors that gradients can flow to.
    fileprivate var inputCount: Int { 2 + [inputBias, recurrentBias].compactMap { $0 }.count }
}

extension TensorView {
    /// Some columns of a matrix with rows of unit stride.
    fileprivate func columns(_ range: Range<Int>) -> TensorView {
        advanced(by: range.lowerBound, shape: [shape[0], range.count], strides: strides)
    }
}
