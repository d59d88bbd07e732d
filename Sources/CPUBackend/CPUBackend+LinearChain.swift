import CKernels
import YuyanTensorCore

extension CPUBackend {
    /// The losses of a linear chain, or its log-partitions without targets, see ``LinearChain``.
    ///
    /// Traps when views do not fit together, a length lies outside 0...T or a target outside 0..<L.
    public func linearChainLosses(_ losses: TensorView, _ chain: LinearChain) {
        var call = kernelChain(chain, "linearChainLosses")
        RowChecks.expectStatistic(
            losses,
            [Int(call.B)],
            of: chain.emissions.dtype,
            "losses",
            "linearChainLosses"
        )
        yk_linear_chain_losses(losses.address, &call)
    }

    /// The gradients of a linear chain's losses, see ``LinearChainGradient``.
    ///
    /// Traps as ``linearChainLosses(_:_:)`` does.
    public func linearChainGradient(_ gradient: LinearChainGradient, _ chain: LinearChain) {
        let door = "linearChainGradient"
        var call = kernelChain(chain, door)
        let (dtype, labels) = (chain.emissions.dtype, Int(call.L))
        RowChecks.expectStatistic(gradient.weights, [Int(call.B)], of: dtype, "weights", door)
        if let emissions = gradient.emissions {
            RowChecks.expectLike(emissions, chain.emissions, "the gradient of the emissions", door)
        }
        let parameters: [(TensorView?, Shape)] = [
            (gradient.transitions, [labels, labels]), (gradient.start, [labels]), (gradient.end, [labels]),
        ]
        for (view, shape) in parameters {
            if let view { RowChecks.expectStatistic(view, shape, of: dtype, "a parameter's gradient", door) }
        }
        yk_linear_chain_gradient(
            gradient.emissions?.address,
            gradient.transitions?.address,
            gradient.start?.address,
            gradient.end?.address,
            nil,
            gradient.weights.address,
            &call
        )
    }

    /// The best paths i32 [B, T], with −1 from a sequence's length on, and their scores [B], wide.
    ///
    /// Traps as ``linearChainLosses(_:_:)`` does, or when there is no label at all.
    public func linearChainDecode(paths: TensorView, scores: TensorView, _ chain: LinearChain) {
        let door = "linearChainDecode"
        var call = kernelChain(chain, door)
        require(call.L > 0, "\(door): there are no labels")
        let shape: Shape = [Int(call.B), Int(call.T)]
        RowChecks.expectIndices(paths, shape, "paths", door)
        RowChecks.expectStatistic(scores, [shape[0]], of: chain.emissions.dtype, "scores", door)
        yk_linear_chain_decode(paths.address.assumingMemoryBound(to: Int32.self), scores.address, &call)
    }

    /// A chain as C sees it, checked.
    private func kernelChain(_ chain: LinearChain, _ door: String) -> yk_linear_chain {
        let emissions = chain.emissions
        require(
            emissions.shape.rank == 3,
            "\(door): the emissions are \(emissions.shape); a shape [B, T, L] fits here"
        )
        RowChecks.expect(emissions, emissions.shape, "emissions", door)
        let (batch, positions, labels) = (emissions.shape[0], emissions.shape[1], emissions.shape[2])
        var call = yk_linear_chain()
        call.dtype = emissions.dtype.kernelType
        (call.B, call.T, call.L) = (Int64(batch), Int64(positions), Int64(labels))
        call.emissions = UnsafeRawPointer(emissions.address)
        func parameter(_ view: TensorView?, _ shape: Shape, _ name: String) -> yk_typed {
            if let view {
                RowChecks.expect(view, shape, name, door)
                RowChecks.expectFamily(view, of: emissions.dtype, name, door)
            }
            return yk_typed(address: view?.address, dtype: (view?.dtype ?? .f32).kernelType)
        }
        call.transitions = parameter(chain.transitions, [labels, labels], "transitions")
        call.start = parameter(chain.start, [labels], "start")
        call.end = parameter(chain.end, [labels], "end")
        call.lengths = RowChecks.lengths(chain.lengths, batch, most: positions, door)
        if let targets = chain.targets {
            RowChecks.expectIndices(targets, [batch, positions], "targets", door)
            let list = targets.address.assumingMemoryBound(to: Int32.self)
            call.targets = UnsafePointer(list)
            let wrong = Int(yk_check_labels(&call))
            require(
                wrong < 0,
                "\(door): target \(list[max(wrong, 0)]) at place \(wrong) of [B, T] lies outside 0..<\(labels)"
            )
        }
        return call
    }
}
