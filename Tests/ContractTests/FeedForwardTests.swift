import Testing
import YuyanCPUBackend
import YuyanTensorCore

extension KernelContract {
    @Suite struct FeedForwardContract {
        /// One layer with its gradients.
        struct Case: Sendable {
            var rows: Int
            var width: Int
            var inner: Int
            var outer: Int
            var activation = Activation.geluTanh
            var accumulates = false

            /// The result, the gradients of x, of both weights and of both biases; `exact` computes in f64.
            func run(_ dtype: DType, exact: Bool) -> [[Double]] {
                var numbers = TestNumbers(seed: UInt64(rows * 3 + inner))
                let inside: DType = exact ? .f64 : dtype, wide: DType = exact ? .f64 : .f32
                func block(
                    _ dimensions: [Int],
                    _ values: DType,
                    _ kept: DType,
                    scale: Double = 1
                ) -> MatrixBlock {
                    let drawn = numbers.next(dimensions.reduce(1, *), values).map { $0 * scale }
                    return MatrixBlock(drawn, kept, dimensions)
                }
                let x = block([rows, width], dtype, inside), dy = block([rows, outer], dtype, inside)
                let widening = block([inner, width], dtype, inside, scale: 0.5)
                let narrowing = block([outer, inner], dtype, inside, scale: 0.5)
                let biases = [block([inner], .f32, wide), block([outer], .f32, wide)]
                let out = block([rows, outer], dtype, inside)
                let pre = block([rows, inner], dtype, inside)
                let dx = block([rows, width], dtype, inside)
                let gradients = [[inner, width], [outer, inner], [inner], [outer]].map {
                    block($0, .f32, wide)
                }
                var forward = FeedForwardForward(
                    out: out.view,
                    x: x.view,
                    inputWeight: widening.view,
                    activation: activation,
                    outputWeight: narrowing.view
                )
                (forward.inputBias, forward.outputBias) = (biases[0].view, biases[1].view)
                forward.preActivation = pre.view
                CPUBackend.shared.feedForward(forward)
                var backward = FeedForwardBackward(
                    dy: dy.view,
                    x: x.view,
                    preActivation: pre.view,
                    inputWeight: widening.view,
                    activation: activation,
                    outputWeight: narrowing.view
                )
                backward.xGradient = GradientTarget(view: dx.view, accumulate: accumulates)
                let targets = gradients.map { GradientTarget(view: $0.view, accumulate: accumulates) }
                (backward.inputWeightGradient, backward.outputWeightGradient) = (targets[0], targets[1])
                (backward.inputBiasGradient, backward.outputBiasGradient) = (targets[2], targets[3])
                CPUBackend.shared.feedForwardBackward(backward)
                return withExtendedLifetime((x, dy, widening, narrowing, biases)) {
                    [out.values, dx.values] + gradients.map(\.values)
                }
            }
        }

        static let cases = [
            Case(rows: 1, width: 3, inner: 5, outer: 2),
            Case(rows: 7, width: 16, inner: 33, outer: 16, activation: .gelu, accumulates: true),
            Case(rows: 0, width: 4, inner: 8, outer: 4),
            Case(rows: 5, width: 4, inner: 0, outer: 3),
            Case(rows: 70, width: 24, inner: 96, outer: 20, activation: .silu),
            // Several chunks, the last of another size.
            Case(rows: 1100, width: 8, inner: 3000, outer: 7),
            Case(rows: 610, width: 5, inner: 6500, outer: 8, activation: .relu, accumulates: true),
        ]

        @Test(arguments: CPUBackend.availableKernelSets)
        func resultAndGradients(_ set: KernelSet) {
            for example in Self.cases {
                for dtype in [DType.f32, .bf16] {
                    let expected = example.run(dtype, exact: true)
                    withKernels(set) {
                        let actual = example.run(dtype, exact: false)
                        for (part, (a, e)) in zip(actual, expected).enumerated() {
                            // Rounding errors of sums are as large as their parts: measured at the largest element.
                            let size = e.reduce(1e-6) { max($0, abs($1)) }
                            let relative = dtype == .bf16 ? 0.03 : 2e-5
                            expectWithin(
                                a,
                                e,
                                tolerance: e.map { _ in relative * size },
                                "\(set.rawValue) \(dtype) \(example), part \(part)"
                            )
                        }
                        for threads in [1, 3] {
                            CPUBackend.threadCount = threads
                            #expect(
                                example.run(dtype, exact: false) == actual,
                                "\(threads) threads: \(example)"
                            )
                        }
                    }
                }
            }
        }
    }
}
