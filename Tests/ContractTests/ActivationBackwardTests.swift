import Testing
import YuyanCPUBackend
import YuyanTensorCore

extension KernelContract {
    @Suite struct ActivationBackwardContract {
        /// dx and the bias's gradient; `exact` computes in f64.
        static func run(
            _ activation: Activation,
            _ m: Int,
            _ n: Int,
            _ dtype: DType,
            exact: Bool,
            withBias: Bool,
            accumulates: Bool
        ) -> (dx: [Double], bias: [Double]) {
            var numbers = TestNumbers(seed: UInt64(m * 7 + n))
            let inside: DType = exact ? .f64 : dtype
            let dy = MatrixBlock(numbers.next(m * n, dtype), inside, [m, n])
            let spread = numbers.next(m * n, dtype).map { MatrixBlock.rounded($0 * 6, dtype) }
            let pre = MatrixBlock(spread, inside, [m, n])
            let dx = MatrixBlock([Double](repeating: 3, count: m * n), inside, [m, n])
            let bias = MatrixBlock(numbers.next(n, .f32), inside == .f64 ? .f64 : .f32, [n])
            let onlySums = activation == .identity && m % 2 == 0
            CPUBackend.shared.activationBackward(
                activation,
                dx: onlySums ? nil : dx.view,
                biasGradient: withBias ? bias.view : nil,
                accumulateBias: accumulates,
                dy: dy.view,
                preActivation: activation == .identity ? nil : pre.view
            )
            return withExtendedLifetime((dy, pre)) { (dx.values, bias.values) }
        }

        @Test(arguments: CPUBackend.availableKernelSets)
        func everyActivation(_ set: KernelSet) {
            let sizes = [(0, 5), (3, 0), (1, 1), (4, 7), (5, 16), (17, 33), (130, 70), (1100, 41)]
            for (m, n) in sizes {
                for activation in Activation.allCases {
                    for (dtype, withBias, accumulates) in [
                        (DType.f32, true, false), (.f32, true, true), (.bf16, true, true),
                        (.f32, false, false),
                        (.f64, true, true),
                    ] {
                        let label = "\(set.rawValue) \(activation) \(m)×\(n) \(dtype)"
                        func result(exact: Bool) -> (dx: [Double], bias: [Double]) {
                            Self.run(
                                activation,
                                m,
                                n,
                                dtype,
                                exact: exact,
                                withBias: withBias,
                                accumulates: accumulates
                            )
                        }
                        let expected = result(exact: true)
                        withKernels(set) {
                            let actual = result(exact: false)
                            let store = dtype == .bf16 ? 0x1p-8 : 0x1p-24
                            expectWithin(
                                actual.dx,
                                expected.dx,
                                tolerance: expected.dx.map { abs($0) * store + 0x1p-21 },
                                label
                            )
                            let depth = Double(m + 4) * 0x1p-21
                            expectWithin(
                                actual.bias,
                                expected.bias,
                                tolerance: expected.bias.map { _ in depth },
                                label + " bias"
                            )
                            CPUBackend.threadCount = 1
                            let alone = result(exact: false)
                            #expect(
                                alone.dx == actual.dx && alone.bias == actual.bias,
                                "\(label): depends on threads"
                            )
                        }
                    }
                }
            }
        }
    }
}
