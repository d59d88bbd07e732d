import Testing
import YuyanCPUBackend
import YuyanTensorCore

#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

extension KernelContract {
    @Suite struct Softmax {
        static let shapes = [
            [0, 5], [3, 0], [1, 1], [3, 2], [5, 7], [2, 8], [4, 9], [6, 31], [3, 33], [70, 257], [2, 1000],
        ]
        // The difference to the maximum, up to 40 here, is rounded to half of 2⁻¹⁸.
        private let tolerance = RowTolerance(f32: 4e-6)

        private func softmax(_ x: [Double], logarithm: Bool) -> [Double] {
            let top = x.max() ?? 0
            let sum = x.reduce(0) { $0 + exp($1 - top) }
            return x.map { logarithm ? $0 - top - log(sum) : exp($0 - top) / sum }
        }

        private func rows(_ x: [Double], _ n: Int, _ body: (Int, [Double]) -> [Double]) -> [Double] {
            guard n > 0 else { return [] }
            return (0..<x.count / n).flatMap { body($0, Array(x[$0 * n..<($0 + 1) * n])) }
        }

        @Test(arguments: shapes, [false, true])
        func matchesTheFormula(_ shape: [Int], _ logarithm: Bool) {
            for dtype in [DType.f32, .bf16, .f64] {
                var numbers = TestNumbers(seed: 11)
                let x = numbers.next(shape[0] * shape[1], .f64).map { MatrixBlock.rounded($0 * 20, dtype) }
                let expected = rows(x, shape[1]) { softmax($1, logarithm: logarithm) }
                checkRows(
                    "softmax \(shape)",
                    dtype,
                    tolerance: tolerance.of(dtype),
                    absolute: logarithm ? tolerance.of(dtype) : 1e-37,
                    expected: [expected, expected]
                ) {
                    let input = GuardedBlock(x, dtype, shape), out = GuardedBlock(dtype, shape)
                    CPUBackend.shared.softmax(out.view, input.view, logarithm: logarithm)
                    #expect(input.values == x && out.guardsAreUntouched)
                    CPUBackend.shared.softmax(input.view, input.view, logarithm: logarithm)
                    #expect(input.guardsAreUntouched)
                    return [out.values, input.values]
                }
            }
        }

        @Test(arguments: shapes, [false, true])
        func gradientMatchesTheJacobian(_ shape: [Int], _ logarithm: Bool) {
            let n = shape[1]
            for dtype in [DType.f32, .bf16, .f64] {
                var numbers = TestNumbers(seed: 12)
                let x = numbers.next(shape[0] * n, .f64).map { $0 * 3 }
                let y = rows(x, n) { softmax($1, logarithm: logarithm) }.map {
                    MatrixBlock.rounded($0, dtype)
                }
                let dy = numbers.next(shape[0] * n, dtype)
                // dx_i = Σ_j dy_j ∂y_j/∂x_i, with ∂y_j/∂x_i = y_j([i = j] − y_i), or [i = j] − exp y_i.
                let expected = rows(y, n) { row, y in
                    (0..<n).map { i in
                        (0..<n).reduce(0.0) { sum, j in
                            let same = i == j ? 1.0 : 0
                            let slope = logarithm ? same - exp(y[i]) : y[j] * (same - y[i])
                            return sum + dy[row * n + j] * slope
                        }
                    }
                }
                checkRows(
                    "softmax gradient \(shape)",
                    dtype,
                    tolerance: tolerance.of(dtype),
                    absolute: tolerance.of(dtype) * (logarithm ? 4 : 0.3),
                    expected: [expected, expected]
                ) {
                    let output = GuardedBlock(y, dtype, shape), gradient = GuardedBlock(dy, dtype, shape)
                    let dx = GuardedBlock(dtype, shape)
                    CPUBackend.shared.softmaxBackward(
                        dx: dx.view,
                        dy: gradient.view,
                        y: output.view,
                        logarithm: logarithm
                    )
                    #expect(dx.guardsAreUntouched && gradient.values == dy)
                    CPUBackend.shared.softmaxBackward(
                        dx: gradient.view,
                        dy: gradient.view,
                        y: output.view,
                        logarithm: logarithm
                    )
                    return [dx.values, gradient.values]
                }
            }
        }

        /// Rows with −∞, with huge differences, with NaN: as the limits say.
        @Test(arguments: [DType.f32, .bf16, .f64])
        func extremesFollowTheLimits(_ dtype: DType) {
            for n in [3, 8, 33] {
                let big = 3e38 as Double
                var masked = [Double](repeating: -.infinity, count: n)
                masked[1] = -5
                var huge = [Double](repeating: -big, count: n)
                huge[n - 1] = 1e30
                var broken = [Double](repeating: 0, count: n)
                broken[n / 2] = .nan
                var one = [Double](repeating: 0, count: n)
                one[1] = 1
                var last = [Double](repeating: 0, count: n)
                last[n - 1] = 1
                let nan = [Double](repeating: .nan, count: n)
                checkRows(
                    "extremes \(n)",
                    dtype,
                    tolerance: 0,
                    absolute: 0,
                    expected: [one + last + nan]
                ) {
                    let input = GuardedBlock(masked + huge + broken, dtype, [3, n])
                    let out = GuardedBlock(dtype, [3, n])
                    CPUBackend.shared.softmax(out.view, input.view, logarithm: false)
                    return [out.values]
                }
            }
        }
    }
}
