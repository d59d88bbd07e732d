import CKernels
import YuyanTensorCore

extension CPUBackend {
    /// The recurrent part of a layer over sequences, see ``RecurrentForward``.
    ///
    /// Traps when shapes, dtypes or strides do not fit together, or a length lies outside 0...T.
    public func recurrentForward(_ call: RecurrentForward) {
        let sizes = RecurrentSizes(call, door: "recurrentForward")
        guard let sizes else { return }
        let scans = call.scans.map { sizes.scan($0, cell: call.cell, keepsGates: call.keepsGates) }
        sizes.withKernelCall(call, scans) { yk_recurrent_forward($0) }
    }

    /// The gradient of ``recurrentForward(_:)``, see ``RecurrentBackward``.
    ///
    /// Steps before any gradient arrives are not computed. Traps when views do not fit together, or when the forward pass
    /// kept no gates.
    public func recurrentBackward(_ call: RecurrentBackward) -> [Range<Int>] {
        let door = "recurrentBackward"
        require(
            call.forward.keepsGates && call.gradients.count == call.forward.scans.count,
            "\(door): \(call.gradients.count) gradients for \(call.forward.scans.count) scans; one for each of a "
                + "forward pass that kept its gates fits here"
        )
        let sizes = RecurrentSizes(call.forward, door: door)
        guard let sizes else { return [] }
        var scans = zip(call.forward.scans, call.gradients).map { scan, gradient in
            sizes.gradient(gradient, into: sizes.scan(scan, cell: call.forward.cell, keepsGates: true))
        }
        var live = [Int64](repeating: 0, count: 2 * scans.count)
        live.withUnsafeMutableBufferPointer { live in
            for index in scans.indices { scans[index].live = live.baseAddress.map { $0 + 2 * index } }
            sizes.withKernelCall(call.forward, scans) { yk_recurrent_backward($0) }
        }
        return scans.indices.map { index in
            let (first, end) = (Int(live[2 * index]), Int(live[2 * index + 1]))
            return first < end ? first..<end : 0..<0
        }
    }
}

/// The sizes of a recurrent call, checked.
private struct RecurrentSizes {
    let door: String
    let dtype: DType
    let batch: Int
    let positions: Int
    let width: Int
    let gates: Int

    private var wide: DType { dtype.accumulation }

    /// Reads the sizes from the first scan; nil when there is none.
    init?(_ call: RecurrentForward, door: String) {
        guard let first = call.scans.first else { return nil }
        self.door = door
        require(
            first.out.shape.rank == 3 && first.out.dtype.isFloatingPoint,
            "\(door): out is \(first.out.dtype) \(first.out.shape); a floating [B, T, H] fits here"
        )
        dtype = first.out.dtype
        (batch, positions, width) = (first.out.shape[0], first.out.shape[1], first.out.shape[2])
        gates = call.cell.gateCount
        _ = RowChecks.lengths(call.lengths, batch, most: positions, door)
    }

    /// A direction as C sees it.
    func scan(_ scan: RecurrentScan, cell: RecurrentCell, keepsGates: Bool) -> yk_recurrent_scan {
        contiguous(scan.weight, [gates * width, width], dtype, "weight")
        require(
            !keepsGates || !cell.keepsMemory || scan.memory != nil,
            "\(door): \(cell) keeps a memory [B, T, H], which is missing"
        )
        if let memory = scan.memory { contiguous(memory, [batch, positions, width], wide, "memory") }
        if let bias = scan.bias {
            RowChecks.expect(bias, [gates * width], "bias", door)
            RowChecks.expectFamily(bias, of: dtype, "bias", door)
        }
        var result = yk_recurrent_scan()
        result.reverse = scan.isReversed
        result.gates = strided(scan.gates, gates * width, wide, "gates")
        result.memory = scan.memory.map(sequences) ?? yk_sequences()
        result.weight = UnsafeRawPointer(scan.weight.address)
        result.bias = typed(scan.bias)
        result.out = strided(scan.out, width, dtype, "out")
        result.initial_hidden = state(scan.initialHidden, "initialHidden")
        result.initial_cell = state(scan.initialCell, "initialCell")
        if let hidden = scan.finalHidden { contiguous(hidden, [batch, width], dtype, "finalHidden") }
        if let cell = scan.finalCell { contiguous(cell, [batch, width], wide, "finalCell") }
        result.final_hidden = scan.finalHidden?.address
        result.final_cell = scan.finalCell?.address
        return result
    }

    /// A direction's gradient beside what its forward pass had.
    func gradient(_ gradient: RecurrentScanGradient, into scan: yk_recurrent_scan) -> yk_recurrent_scan {
        var result = scan
        contiguous(gradient.previousHidden, [batch, positions, width], dtype, "previousHidden")
        result.previous = sequences(gradient.previousHidden)
        result.dout = gradient.out.map { strided($0, width, dtype, "the gradient of out") } ?? yk_sequences()
        result.dfinal_hidden = state(gradient.finalHidden, "the gradient of finalHidden")
        result.dfinal_cell = state(gradient.finalCell, "the gradient of finalCell")
        for (view, name) in [
            (gradient.initialHidden, "initialHidden"), (gradient.initialCell, "initialCell"),
        ] {
            if let view { contiguous(view, [batch, width], wide, "the gradient of \(name)") }
        }
        result.dinitial_hidden = gradient.initialHidden?.address
        result.dinitial_cell = gradient.initialCell?.address
        return result
    }

    /// Calls a kernel.
    func withKernelCall(
        _ call: RecurrentForward,
        _ scans: [yk_recurrent_scan],
        _ body: (UnsafePointer<yk_recurrent_call>) -> Void
    ) {
        scans.withUnsafeBufferPointer { scans in
            var kernel = yk_recurrent_call()
            kernel.cell = call.cell.kernelCell
            kernel.dtype = dtype.kernelType
            (kernel.B, kernel.T, kernel.H) = (Int64(batch), Int64(positions), Int64(width))
            kernel.lengths = call.lengths.map {
                UnsafePointer($0.address.assumingMemoryBound(to: Int32.self))
            }
            kernel.scans = scans.baseAddress
            kernel.scan_count = Int64(scans.count)
            kernel.keeps = call.keepsGates
            body(&kernel)
        }
    }

    /// Traps unless a view is contiguous and has the shape and dtype.
    private func contiguous(_ view: TensorView, _ shape: Shape, _ dtype: DType, _ name: String) {
        require(
            view.shape == shape && view.isContiguous && view.dtype == dtype,
            "\(door): \(name) is \(view.dtype) \(RowChecks.describe(view)); a contiguous \(shape) of \(dtype) fits here"
        )
    }

    private func sequences(_ view: TensorView) -> yk_sequences {
        let strides = view.shape.contiguousStrides
        return yk_sequences(address: view.address, batch: Int64(strides[0]), position: Int64(strides[1]))
    }

    /// Sequences [B, T, features] with unit stride in the last axis.
    private func strided(_ view: TensorView, _ features: Int, _ dtype: DType, _ name: String) -> yk_sequences
    {
        require(
            view.shape == [batch, positions, features] && view.dtype == dtype
                && (view.elementCount == 0 || features == 1 || view.strides[2] == 1),
            "\(door): \(name) is \(view.dtype) \(RowChecks.describe(view)); [\(batch), \(positions), \(features)] of "
                + "\(dtype) with unit stride in the last axis fits here"
        )
        return yk_sequences(
            address: view.address,
            batch: Int64(view.strides[0]),
            position: Int64(view.strides[1])
        )
    }

    private func state(_ view: TensorView?, _ name: String) -> yk_typed {
        if let view {
            RowChecks.expect(view, [batch, width], name, door)
            RowChecks.expectFamily(view, of: dtype, name, door)
        }
        return typed(view)
    }

    private func typed(_ view: TensorView?) -> yk_typed {
        yk_typed(address: view?.address, dtype: (view?.dtype ?? .f32).kernelType)
    }
}

extension RecurrentCell {
    /// The number of this cell in C.
    fileprivate var kernelCell: yk_recurrent_cell {
        switch self {
        case .lstm: YK_LSTM
        case .gru: YK_GRU
        case .tanh: YK_RNN_TANH
        case .relu: YK_RNN_RELU
        }
    }
}
