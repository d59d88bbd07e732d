import Testing
import YuyanCPUBackend
import YuyanTensorCore
import YuyanTestSupport

extension KernelContract {
    @Suite struct GatedActivationTests {
        static let sizes = [(0, 3), (1, 1), (3, 8), (5, 17), (2, 513), (70, 300), (4, 0)]

        private func reference(_ activation: Activation, _ x: Double) -> Double {
            activation.unaryOperation.map { UnaryReference.value($0, x) } ?? x
        }

        private func slope(_ activation: Activation, _ x: Double) -> Double {
            activation.unaryOperation.map { UnaryReference.slope($0, x) } ?? 1
        }

        @Test(arguments: Activation.allCases, [DType.f32, .bf16, .f64])
        func valuesAndGradientsAreRight(_ activation: Activation, _ dtype: DType) {
            for set in CPUBackend.availableKernelSets {
                for (n, f) in Self.sizes {
                    withKernels(set) {
                        check(activation, dtype, n, f, "\(activation) \(dtype) \(set) [\(n), \(f)]")
                    }
                }
            }
        }

        private func check(_ activation: Activation, _ dtype: DType, _ n: Int, _ f: Int, _ label: String) {
            var numbers = TestNumbers(seed: 21)
            let x = rounded(numbers.next(n * 2 * f, dtype).map { $0 * 4 }, dtype)
            let dy = numbers.next(n * f, dtype)
            let block = StridedBlock(x, dtype, [n, 2 * f])
            let out = StridedBlock([], dtype, [n, f]), dx = StridedBlock([], dtype, [n, 2 * f])
            CPUBackend.shared.gatedActivation(activation, out.view, block.view)
            CPUBackend.shared.gatedActivationBackward(
                activation,
                dx: dx.view,
                dy: StridedBlock(dy, dtype, [n, f]).view,
                x: block.view
            )
            var value: [Double] = [], gradient = [Double](repeating: 0, count: n * 2 * f)
            for row in 0..<n {
                for column in 0..<f {
                    let gate = x[row * 2 * f + column], other = x[row * 2 * f + f + column]
                    let d = dy[row * f + column]
                    value.append(reference(activation, gate) * other)
                    gradient[row * 2 * f + column] = d * other * slope(activation, gate)
                    gradient[row * 2 * f + f + column] = d * reference(activation, gate)
                }
            }
            let unit = unitRoundoff(dtype)
            let relative = dtype == .bf16 ? unit * 0.51 : unit * 6
            let absolute = dtype == .f64 ? 1e-8 : dtype == .f32 ? 3e-6 : 1e-5
            expectClose(actual: out.values, expected: value, relative: relative, absolute: absolute, label)
            expectClose(
                actual: dx.values,
                expected: gradient,
                relative: relative,
                absolute: absolute,
                "gradient of \(label)"
            )
            CPUBackend.shared.gatedActivationBackward(
                activation,
                dx: block.view,
                dy: StridedBlock(dy, dtype, [n, f]).view,
                x: block.view
            )
            #expect(block.values == dx.values, "in place, \(label)")
        }
    }
}
