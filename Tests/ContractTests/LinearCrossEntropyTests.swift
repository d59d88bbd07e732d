import Testing
import YuyanCPUBackend
import YuyanTensorCore

#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

extension KernelContract {
    @Suite struct LinearCrossEntropyContract {
        /// One projection with its loss.
        struct Case: Sendable {
            var rows: Int
            var width: Int
            var classes: Int
            var smoothing: Float = 0
            var accumulates = false
            var withGradients = true
            var withHiddenGradient = true

            func run(_ dtype: DType, exact: Bool) -> (losses: [Double], dHidden: [Double], dWeight: [Double])
            {
                var numbers = TestNumbers(seed: UInt64(rows * 3 + classes))
                let inside: DType = exact ? .f64 : dtype
                let statistic: DType = inside == .f64 ? .f64 : .f32
                let hidden = MatrixBlock(numbers.next(rows * width, dtype), inside, [rows, width])
                let weight = MatrixBlock(numbers.next(classes * width, dtype), inside, [classes, width])
                let dWeight = MatrixBlock(
                    numbers.next(classes * width, .f32).map { $0 / 64 },
                    statistic,
                    [classes, width]
                )
                let dHidden = MatrixBlock(
                    [Double](repeating: 9, count: rows * width),
                    inside,
                    [rows, width]
                )
                let losses = MatrixBlock([Double](repeating: 9, count: rows), statistic, [rows])
                let ids = (0..<rows).map { $0 % 5 == 3 ? -100.0 : Double(($0 * 7919 + 13) % max(classes, 1)) }
                let targets = MatrixBlock(ids, .i32, [rows])
                CPUBackend.shared.linearCrossEntropy(
                    LinearCrossEntropyCall(
                        losses: losses.view,
                        hiddenGradient: withGradients && withHiddenGradient ? dHidden.view : nil,
                        weightGradient: withGradients ? dWeight.view : nil,
                        accumulateWeight: accumulates,
                        gradientScale: 0.25,
                        hidden: hidden.view,
                        weight: weight.view,
                        targets: targets.view,
                        ignoreIndex: -100,
                        smoothing: smoothing
                    )
                )
                return withExtendedLifetime((hidden, weight, targets)) {
                    (losses.values, dHidden.values, dWeight.values)
                }
            }

            /// The definition in plain Swift, against which the f64 door itself is held.
            func definition(_ dtype: DType) -> [Double] {
                var numbers = TestNumbers(seed: UInt64(rows * 3 + classes))
                let hidden = numbers.next(rows * width, dtype), weight = numbers.next(classes * width, dtype)
                return (0..<rows).map { n in
                    if n % 5 == 3 { return 0 }
                    let logits = (0..<classes).map { v in
                        (0..<width).reduce(0.0) { $0 + hidden[n * width + $1] * weight[v * width + $1] }
                    }
                    let highest = logits.max() ?? 0
                    let sum = logits.reduce(0.0) { $0 + exp($1 - highest) }
                    let lse = highest + log(sum)
                    let s = Double(smoothing), mean = logits.reduce(0, +) / Double(classes)
                    return (1 - s) * (lse - logits[(n * 7919 + 13) % classes]) + s * (lse - mean)
                }
            }
        }

        static let cases = [
            Case(rows: 1, width: 1, classes: 1), Case(rows: 3, width: 5, classes: 7, smoothing: 0.1),
            Case(rows: 70, width: 33, classes: 130, accumulates: true),
            Case(rows: 65, width: 16, classes: 257, withGradients: false),
            Case(rows: 20, width: 24, classes: 95, withHiddenGradient: false),
            // Several chunks of rows in every dtype.
            Case(rows: 900, width: 6, classes: 20011, smoothing: 0.05, accumulates: true),
            Case(rows: 0, width: 4, classes: 9), Case(rows: 0, width: 4, classes: 9, accumulates: true),
        ]

        @Test func definitionHolds() {
            for test in Self.cases where test.classes < 1000 {
                expectWithin(
                    test.run(.f32, exact: true).losses,
                    test.definition(.f32),
                    tolerance: [Double](repeating: 1e-12, count: test.rows),
                    "f64 \(test)"
                )
            }
        }

        @Test(arguments: CPUBackend.availableKernelSets)
        func lossesAndGradients(_ set: KernelSet) {
            for test in Self.cases {
                for dtype in [DType.f32, .bf16] {
                    let expected = test.run(dtype, exact: true)
                    // Logits and their gradients are rounded to bf16, half a unit of 2⁻⁸ each.
                    let (loss, relative) = dtype == .bf16 ? (0.02, 0.04) : (2e-6, 1e-5)
                    // The sum of a gradient's absolute terms, of which up to `rows` meet in one element.
                    let floor = dtype == .bf16 ? 1e-3 : 1e-6
                    withKernels(set) {
                        let actual = test.run(dtype, exact: false)
                        let label = "\(set.rawValue) \(dtype) \(test)"
                        expectWithin(
                            actual.losses,
                            expected.losses,
                            tolerance: expected.losses.map { loss + abs($0) * 1e-6 },
                            label
                        )
                        expectWithin(
                            actual.dHidden,
                            expected.dHidden,
                            tolerance: expected.dHidden.map { abs($0) * relative + floor },
                            label + " dHidden"
                        )
                        expectWithin(
                            actual.dWeight,
                            expected.dWeight,
                            tolerance: expected.dWeight.map { abs($0) * relative + floor },
                            label + " dWeight"
                        )
                        CPUBackend.threadCount = 1
                        let alone = test.run(dtype, exact: false)
                        #expect(
                            alone.losses == actual.losses && alone.dHidden == actual.dHidden
                                && alone.dWeight == actual.dWeight,
                            "\(label): depends on threads"
                        )
                    }
                }
            }
        }
    }
}
