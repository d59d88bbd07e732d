import Foundation
import Testing
import YuyanCPUBackend
import YuyanTensorCore
import YuyanTestSupport

/// The functions of one value in f64, by the C library, and their derivatives.
enum UnaryReference {
    static func value(_ operation: UnaryOperation, _ x: Double) -> Double {
        switch operation {
        case .negate: -x
        case .absolute: abs(x)
        case .exp: Foundation.exp(x)
        case .log: Foundation.log(x)
        case .sqrt: x.squareRoot()
        case .reciprocalSqrt: 1 / x.squareRoot()
        case .reciprocal: 1 / x
        case .square: x * x
        case .sin: Foundation.sin(x)
        case .cos: Foundation.cos(x)
        case .tanh: Foundation.tanh(x)
        case .sigmoid: 1 / (1 + Foundation.exp(-x))
        case .relu: max(x, 0)
        case .gelu: x * 0.5 * erfc(-x / 2.0.squareRoot())
        case .geluTanh:
            0.5 * x * (1 + Foundation.tanh((2 / Double.pi).squareRoot() * (x + 0.044715 * x * x * x)))
        case .silu: x / (1 + Foundation.exp(-x))
        case .softplus: max(x, 0) + log1p(Foundation.exp(-abs(x)))
        case .sign: x > 0 ? 1 : x < 0 ? -1 : 0
        case .erf: Foundation.erf(x)
        }
    }

    /// Numbers of the domain, with 0 and both signs where they belong.
    static func arguments(_ operation: UnaryOperation, _ count: Int, _ dtype: DType) -> [Double] {
        var numbers = TestNumbers(
            seed: UInt64(operation.rawValue.utf8.reduce(7) { $0 &* 31 &+ Int($1) } & 0xFFFF)
        )
        let raw = numbers.next(count, dtype)
        return raw.enumerated().map { index, x in
            let value: Double =
                switch operation {
                case .log, .sqrt, .reciprocalSqrt: abs(x) * (index % 3 == 0 ? 100 : 1) + 1e-3
                case .reciprocal: (x < 0 ? -1 : 1) * (abs(x) * 5 + 0.01)
                case .exp: x * 20
                case .sin, .cos: x * (index % 5 == 0 ? 2000 : 6)
                default: index % 7 == 0 ? 0 : x * (index % 3 == 0 ? 30 : 4)
                }
            return MatrixBlock.rounded(value, dtype)
        }
    }

    /// The derivative by central differences of the f64 function.
    static func slope(_ operation: UnaryOperation, _ x: Double) -> Double {
        if x == 0 {
            switch operation {
            case .absolute, .relu, .sign: return 0
            default: break
            }
        }
        let step = operation == .sin || operation == .cos ? 1e-3 : max(abs(x), 1e-2) * 1e-4
        // Five points: the error is of the fourth order.
        func f(_ k: Double) -> Double { value(operation, x + k * step) }
        return (8 * (f(1) - f(-1)) - (f(2) - f(-2))) / (12 * step)
    }
}

extension KernelContract {
    @Suite struct UnaryTests {
        static let counts = [0, 1, 7, 8, 9, 15, 16, 17, 33, 511, 512, 513, 1031]

        @Test(arguments: UnaryOperation.allCases, DType.allCases.filter(\.isFloatingPoint))
        func valuesAreRight(_ operation: UnaryOperation, _ dtype: DType) {
            let unit = unitRoundoff(dtype)
            for set in CPUBackend.availableKernelSets {
                withKernels(set) {
                    for count in Self.counts {
                        let x = UnaryReference.arguments(operation, count, dtype)
                        let input = StridedBlock(x, dtype, [count]), out = StridedBlock([], dtype, [count])
                        CPUBackend.shared.unary(operation, out.view, input.view)
                        expectClose(
                            actual: out.values,
                            expected: x.map { UnaryReference.value(operation, $0) },
                            relative: dtype == .bf16 ? unit * 0.51 : unit * 4,
                            absolute: dtype == .f64 ? 1e-15 : 4e-7,
                            "\(operation) \(dtype) \(set) [\(count)]"
                        )
                        #expect(out.gapsAreUntouched)
                    }
                }
            }
        }

        @Test(arguments: UnaryOperation.allCases, DType.allCases.filter(\.isFloatingPoint))
        func derivativesAreRight(_ operation: UnaryOperation, _ dtype: DType) {
            for set in CPUBackend.availableKernelSets {
                withKernels(set) {
                    for count in [0, 1, 9, 33, 530] {
                        var x = UnaryReference.arguments(operation, count, dtype)
                        if operation == .exp { x = rounded(x.map { $0 / 4 }, dtype) }
                        var numbers = TestNumbers(seed: 5)
                        let dy = numbers.next(count, dtype)
                        let y = rounded(x.map { UnaryReference.value(operation, $0) }, dtype)
                        let dx = StridedBlock([], dtype, [count])
                        CPUBackend.shared.unaryBackward(
                            operation,
                            dx: dx.view,
                            dy: StridedBlock(dy, dtype, [count]).view,
                            x: StridedBlock(x, dtype, [count]).view,
                            y: StridedBlock(y, dtype, [count]).view
                        )
                        let expected = zip(x, dy).map { UnaryReference.slope(operation, $0) * $1 }
                        // bf16 derivatives made of y carry its rounding.
                        expectClose(
                            actual: dx.values,
                            expected: expected,
                            relative: dtype == .f64 ? 1e-8 : dtype == .f32 ? 2e-6 : 0.015,
                            absolute: dtype == .f64 ? 1e-9 : dtype == .f32 ? 1e-6 : 5e-3,
                            "\(operation) \(dtype) \(set) [\(count)]"
                        )
                    }
                }
            }
        }

        @Test(arguments: DType.allCases.filter(\.isFloatingPoint))
        func stridedAndInPlace(_ dtype: DType) {
            let shape: Shape = [3, 5, 37]
            let x = UnaryReference.arguments(.silu, shape.elementCount, dtype)
            for set in CPUBackend.availableKernelSets {
                withKernels(set) {
                    let plain = StridedBlock([], dtype, shape)
                    CPUBackend.shared.unary(.silu, plain.view, StridedBlock(x, dtype, shape).view)
                    for to in StridedBlock.Order.allCases {
                        for from in StridedBlock.Order.allCases {
                            let out = StridedBlock([], dtype, shape, to)
                            CPUBackend.shared.unary(.silu, out.view, StridedBlock(x, dtype, shape, from).view)
                            #expect(out.values == plain.values, "\(to) from \(from), \(set)")
                            #expect(out.gapsAreUntouched)
                        }
                        let same = StridedBlock(x, dtype, shape, to)
                        CPUBackend.shared.unary(.silu, same.view, same.view)
                        #expect(same.values == plain.values, "\(to) in place, \(set)")
                    }
                }
            }
        }

        @Test func specialValues() {
            let inf = Double.infinity
            let cases: [(UnaryOperation, [Double], [Double])] = [
                (
                    .log, [0, -1, inf, .nan, 1, 0x1p-140, 0x1p-149],
                    [-inf, .nan, inf, .nan, 0, -97.04060527839234, -103.27892990343184]
                ),
                (.exp, [-inf, inf, .nan, 0, 100, -200], [0, inf, .nan, 1, inf, 0]),
                (.tanh, [-inf, inf, .nan, 0, 50, -50], [-1, 1, .nan, 0, 1, -1]),
                (.sigmoid, [-inf, inf, .nan, 0, -200], [0, 1, .nan, 0.5, 0]),
                (.relu, [-inf, inf, .nan, 0], [0, inf, .nan, 0]),
                (.gelu, [1e30, -1e30, .nan, 0], [1e30, 0, .nan, 0]),
                (.geluTanh, [1e30, -1e30, .nan, 0], [1e30, 0, .nan, 0]),
                (.silu, [1e30, -1e30, .nan, 0], [1e30, 0, .nan, 0]),
                (
                    .softplus, [1e30, -1e30, inf, -inf, .nan, -30],
                    [1e30, 0, inf, 0, .nan, 9.357622968839299e-14]
                ),
                (.sqrt, [0, -1, inf, .nan], [0, .nan, inf, .nan]),
                (.reciprocalSqrt, [0, inf, -1, .nan], [inf, 0, .nan, .nan]),
                (.sign, [-inf, inf, 0, 3], [-1, 1, 0, 1]),
                (.erf, [-inf, inf, .nan, 0], [-1, 1, .nan, 0]),
                (
                    .sin, [inf, .nan, 0, 1e6, 40000],
                    [.nan, .nan, 0, Foundation.sin(1e6), Foundation.sin(40000)]
                ),
                (
                    .cos, [inf, .nan, 0, 1e6, 40000],
                    [.nan, .nan, 1, Foundation.cos(1e6), Foundation.cos(40000)]
                ),
            ]
            for set in CPUBackend.availableKernelSets {
                withKernels(set) {
                    for (operation, x, expected) in cases {
                        let input = rounded(x, .f32), out = StridedBlock([], .f32, [x.count])
                        CPUBackend.shared.unary(
                            operation,
                            out.view,
                            StridedBlock(input, .f32, [x.count]).view
                        )
                        expectClose(
                            actual: out.values,
                            expected: expected,
                            relative: 1e-6,
                            matchingNaN: true,
                            "\(operation) \(set)"
                        )
                    }
                }
            }
        }

        @Test func derivativesFarOut() {
            let x = [-3e38, -1e20, -60, -30, 30, 60, 1e20, 3e38]
            for set in CPUBackend.availableKernelSets {
                withKernels(set) {
                    for operation in [UnaryOperation.gelu, .geluTanh, .silu, .softplus, .relu] {
                        let dx = StridedBlock([], .f32, [8])
                        CPUBackend.shared.unaryBackward(
                            operation,
                            dx: dx.view,
                            dy: StridedBlock([Double](repeating: 1, count: 8), .f32, [8]).view,
                            x: StridedBlock(rounded(x, .f32), .f32, [8]).view,
                            y: StridedBlock(rounded(x, .f32), .f32, [8]).view
                        )
                        expectClose(
                            actual: dx.values,
                            expected: [0, 0, 0, 0, 1, 1, 1, 1],
                            absolute: 1e-6,
                            "\(operation) \(set)"
                        )
                    }
                }
            }
        }

        @Test func integers() {
            let x: [Double] = [0, 3, -4, 2_147_483_647, -2_147_483_648, 50000]
            let expected: [(UnaryOperation, [Double])] = [
                (.negate, [0, -3, 4, -2_147_483_647, -2_147_483_648, -50000]),
                (.absolute, [0, 3, 4, 2_147_483_647, -2_147_483_648, 50000]),
                (.square, [0, 9, 16, 1, 0, -1_794_967_296]),
                (.sign, [0, 1, -1, 1, -1, 1]),
            ]
            for (operation, values) in expected {
                let out = StridedBlock([], .i32, [2, 3], .transposed)
                CPUBackend.shared.unary(operation, out.view, StridedBlock(x, .i32, [2, 3], .spread).view)
                #expect(out.values == values, "\(operation)")
            }
        }

        @Test(arguments: [DType.f32, .bf16, .f64])
        func threadsDoNotMatter(_ dtype: DType) {
            let count = 70_001
            let x = UnaryReference.arguments(.gelu, count, dtype)
            for set in CPUBackend.availableKernelSets {
                let results = [1, 2, 3].map { threads in
                    let out = StridedBlock([], dtype, [count])
                    withKernels(set, threads: threads) {
                        CPUBackend.shared.unary(.gelu, out.view, StridedBlock(x, dtype, [count]).view)
                    }
                    return out.bytes
                }
                #expect(results[0] == results[1] && results[0] == results[2], "\(set)")
            }
        }
    }
}
