import Testing
import YuyanCPUBackend
import YuyanTensorCore

extension KernelContract {
    @Suite struct OptimizerSteps {
        static let counts = [0, 1, 7, 8, 33, 40_001]

        /// The values and moments that a rule works on, in double.
        private struct State {
            var values: [Double]
            var first: [Double]
            var second: [Double]
        }

        /// A rule with its constants, with step counted from 1.
        enum Rule: String, CaseIterable, Sendable {
            case adam, adamW, adamFastFirst, sgd, momentum, nesterov, lion

            func at(step: Int) -> OptimizerRule {
                switch self {
                case .adam: .adam(beta1: 0.9, beta2: 0.999, epsilon: 1e-8, step: step, decoupled: false)
                case .adamW: .adam(beta1: 0.9, beta2: 0.999, epsilon: 1e-8, step: step, decoupled: true)
                case .adamFastFirst:
                    .adam(beta1: 0.3, beta2: 0.95, epsilon: 1e-3, step: step, decoupled: true)
                case .sgd: .sgd(momentum: 0, dampening: 0, nesterov: false, isFirstStep: step == 1)
                case .momentum: .sgd(momentum: 0.9, dampening: 0.1, nesterov: false, isFirstStep: step == 1)
                case .nesterov: .sgd(momentum: 0.9, dampening: 0, nesterov: true, isFirstStep: step == 1)
                case .lion: .lion(beta1: 0.9, beta2: 0.99)
                }
            }
        }

        /// One step by the published formulas, without roundings.
        private func advance(
            _ state: inout State,
            _ gradient: [Double],
            _ rule: OptimizerRule,
            _ p: Penalties
        ) {
            for i in gradient.indices {
                let value = state.values[i]
                let sign: (Double) -> Double = { $0 > 0 ? 1 : $0 < 0 ? -1 : 0 }
                let g = gradient[i] * p.scale + p.l1 * sign(value)
                switch rule {
                case .adam(let beta1, let beta2, let epsilon, let step, let decoupled):
                    let g = decoupled ? g : g + p.decay * value
                    state.first[i] = beta1 * state.first[i] + (1 - beta1) * g
                    state.second[i] = beta2 * state.second[i] + (1 - beta2) * g * g
                    let (power1, power2) = (1...step)
                        .reduce((1.0, 1.0)) { powers, _ in
                            (powers.0 * beta1, powers.1 * beta2)
                        }
                    let mean = state.first[i] / (1 - power1)
                    let deviation = (state.second[i] / (1 - power2)).squareRoot()
                    state.values[i] -=
                        p.rate * ((decoupled ? p.decay * value : 0) + mean / (deviation + epsilon))
                case .sgd(let momentum, let dampening, let nesterov, let isFirst):
                    let g = g + p.decay * value
                    state.first[i] = isFirst ? g : momentum * state.first[i] + (1 - dampening) * g
                    let direction =
                        momentum == 0 ? g : nesterov ? g + momentum * state.first[i] : state.first[i]
                    state.values[i] -= p.rate * direction
                case .lion(let beta1, let beta2):
                    let mixed = beta1 * state.first[i] + (1 - beta1) * g
                    state.values[i] -= p.rate * (sign(mixed) + p.decay * value)
                    state.first[i] = beta2 * state.first[i] + (1 - beta2) * g
                }
            }
        }

        private struct Penalties {
            var rate = 0.01
            var decay = 0.1
            var l1 = 0.0
            var scale = 1.0
        }

        @Test(arguments: counts, Rule.allCases)
        func fiveStepsFollowTheFormulas(_ count: Int, _ rule: Rule) {
            for dtype in [DType.f32, .f64] {
                for p in [Penalties(), Penalties(l1: 0.05, scale: 0.5)] {
                    var numbers = TestNumbers(seed: 61)
                    let values = numbers.next(count, dtype)
                    // Away from 0, so that no rounding turns the sign of a mixture.
                    let gradients = (0..<5).map { _ in
                        numbers.next(count, .f64).map { MatrixBlock.rounded($0 < 0 ? $0 - 1 : $0 + 1, dtype) }
                    }
                    let zeros = [Double](repeating: 0, count: count)
                    var state = State(values: values, first: zeros, second: zeros)
                    for step in 1...5 { advance(&state, gradients[step - 1], rule.at(step: step), p) }
                    var expected = [state.values]
                    if rule != .sgd { expected.append(state.first) }
                    if [.adam, .adamW, .adamFastFirst].contains(rule) { expected.append(state.second) }
                    let tolerance = dtype == .f64 ? 1e-13 : 1e-6
                    checkRows(
                        "\(rule) \(count)",
                        dtype,
                        tolerance: tolerance,
                        absolute: tolerance * 2,
                        expected: expected
                    ) {
                        Array(run(rule, p, values, gradients, dtype)[..<expected.count])
                    }
                }
            }
        }

        /// Five steps by the door: values, first and second moment.
        private func run(
            _ rule: Rule,
            _ p: Penalties,
            _ start: [Double],
            _ gradients: [[Double]],
            _ dtype: DType
        ) -> [[Double]] {
            let count = start.count
            let zeros = [Double](repeating: 0, count: count)
            let values = GuardedBlock(start, dtype, [count]), copy = GuardedBlock(.bf16, [count])
            let first = GuardedBlock(zeros, dtype, [count]), second = GuardedBlock(zeros, dtype, [count])
            for step in 1...5 {
                let gradient = GuardedBlock(gradients[step - 1], dtype, [count])
                var call = OptimizerStep(
                    values: values.view,
                    lowPrecision: step % 2 == 1 ? copy.view : nil,
                    gradient: gradient.view,
                    firstMoment: first.view,
                    secondMoment: second.view,
                    rule: rule.at(step: step),
                    learningRate: p.rate
                )
                call.weightDecay = p.decay
                call.l1 = p.l1
                call.gradientScale = p.scale
                CPUBackend.shared.optimizerStep(call)
                #expect(gradient.values == gradients[step - 1])
            }
            #expect(areUntouched(values, copy, first, second))
            #expect(copy.values == values.values.map { MatrixBlock.rounded($0, .bf16) })
            return [values.values, first.values, second.values]
        }

        @Test func aMissingMomentTraps() async {
            await #expect(processExitsWith: .failure) {
                let values = GuardedBlock(.f32, [4]), gradient = GuardedBlock(.f32, [4])
                let rule = OptimizerRule.lion(beta1: 0.9, beta2: 0.99)
                CPUBackend.shared.optimizerStep(
                    OptimizerStep(
                        values: values.view,
                        lowPrecision: nil,
                        gradient: gradient.view,
                        firstMoment: nil,
                        secondMoment: nil,
                        rule: rule,
                        learningRate: 1
                    )
                )
            }
        }
    }
}
