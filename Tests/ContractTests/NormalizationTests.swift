import Testing
import YuyanCPUBackend
import YuyanTensorCore
import YuyanTestSupport

extension KernelContract {
    @Suite struct Normalization {
        static let shapes = [
            [0, 8], [1, 1], [3, 2], [5, 7], [2, 8], [4, 17], [7, 33], [300, 100], [130, 257], [3, 768],
        ]
        private let epsilon = 0x1p-10

        /// What a case is made of; `parameters` tells whether there are a weight and a bias.
        private struct Inputs {
            let rows: Int
            let width: Int
            let isRMS: Bool
            var x: [Double]
            var residual: [Double]?
            var weight: [Double]?
            var bias: [Double]?
            var dy: [Double]
            var added: [Double]?

            init(_ shape: [Int], _ dtype: DType, isRMS: Bool, full: Bool) {
                (rows, width, self.isRMS) = (shape[0], shape[1], isRMS)
                var numbers = TestNumbers(seed: UInt64(31 + rows + width))
                let count = rows * width
                x = numbers.next(count, .f64).map { MatrixBlock.rounded($0 * 2 + 0.5, dtype) }
                dy = numbers.next(count, dtype)
                if full {
                    residual = numbers.next(count, dtype)
                    weight = numbers.next(width, dtype)
                    if !isRMS { bias = numbers.next(width, dtype) }
                    added = numbers.next(count, dtype)
                }
            }

            /// What is normalised: x, or the rounded sum.
            func normalised(_ dtype: DType) -> [Double] {
                guard let residual else { return x }
                return zip(x, residual).map { MatrixBlock.rounded($0 + $1, dtype) }
            }
        }

        /// Mean and reciprocal deviation of a row.
        private func statistics(_ v: ArraySlice<Double>, isRMS: Bool) -> (mean: Double, rstd: Double) {
            let n = Double(v.count)
            let mean = isRMS ? 0 : v.reduce(0, +) / n
            let variance = v.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / n
            return (mean, 1 / (variance + epsilon).squareRoot())
        }

        @Test(arguments: shapes, [false, true])
        func forwardMatchesTheFormula(_ shape: [Int], _ isRMS: Bool) {
            for dtype in [DType.f32, .bf16, .f64] {
                for full in [false, true] {
                    let inputs = Inputs(shape, dtype, isRMS: isRMS, full: full)
                    let v = inputs.normalised(dtype)
                    var y: [Double] = [], means: [Double] = [], rstds: [Double] = []
                    for row in 0..<inputs.rows {
                        let slice = v[row * inputs.width..<(row + 1) * inputs.width]
                        let (mean, rstd) = statistics(slice, isRMS: isRMS)
                        means.append(mean)
                        rstds.append(rstd)
                        y += slice.enumerated().map { i, value in
                            (value - mean) * rstd * (inputs.weight?[i] ?? 1) + (inputs.bias?[i] ?? 0)
                        }
                    }
                    let label = "normalisation \(shape), RMS \(isRMS), full \(full)"
                    let statistic = dtype == .f64 ? 1e-12 : 2e-6
                    let tolerance = dtype == .bf16 ? 0x1p-8 : dtype == .f64 ? 1e-11 : 1e-5
                    var found: [[Double]] = []
                    checkRows(label, dtype, tolerance: tolerance, absolute: tolerance / 4, expected: [y]) {
                        found = forward(inputs, shape, dtype)
                        return [found[0]]
                    }
                    let expected = isRMS ? [rstds] : [means, rstds]
                    checkRows(label, dtype, tolerance: statistic, absolute: statistic, expected: expected) {
                        Array(forward(inputs, shape, dtype)[2...])
                    }
                    if full { #expect(found[1] == v, "\(label): the sum") }
                }
            }
        }

        /// y, sum (x without a residual), mean (not for RMS) and rstd.
        private func forward(_ inputs: Inputs, _ shape: [Int], _ dtype: DType) -> [[Double]] {
            let y = GuardedBlock(dtype, shape), x = GuardedBlock(inputs.x, dtype, shape)
            let mean = GuardedBlock(statisticType(dtype), [inputs.rows])
            let rstd = GuardedBlock(statisticType(dtype), [inputs.rows])
            let sum = GuardedBlock(dtype, shape)
            let residual = inputs.residual.map { GuardedBlock($0, dtype, shape) }
            let weight = inputs.weight.map { GuardedBlock($0, dtype, [inputs.width]) }
            let bias = inputs.bias.map { GuardedBlock($0, dtype, [inputs.width]) }
            var call = NormalizationForward(
                y: y.view,
                mean: inputs.isRMS ? nil : mean.view,
                rstd: rstd.view,
                x: x.view,
                weight: weight?.view,
                bias: bias?.view,
                epsilon: Float(epsilon)
            )
            call.residual = residual?.view
            if residual != nil { call.sum = sum.view }
            withExtendedLifetime((residual, weight, bias)) { CPUBackend.shared.normalizationForward(call) }
            #expect(areUntouched(y, mean, rstd, sum, x) && x.values == inputs.x)
            let stored = residual == nil ? x.values : sum.values
            return [y.values, stored] + (inputs.isRMS ? [] : [mean.values]) + [rstd.values]
        }

        @Test(arguments: shapes, [false, true])
        func backwardMatchesTheFormula(_ shape: [Int], _ isRMS: Bool) {
            for dtype in [DType.f32, .bf16, .f64] {
                for full in [false, true] {
                    let inputs = Inputs(shape, dtype, isRMS: isRMS, full: full)
                    let gradients = reference(inputs, inputs.normalised(dtype))
                    let label = "normalisation's gradient \(shape), RMS \(isRMS), full \(full)"
                    let tolerance = dtype == .bf16 ? 0x1p-8 : dtype == .f64 ? 1e-10 : 1e-4
                    checkRows(
                        label,
                        dtype,
                        tolerance: tolerance,
                        absolute: tolerance,
                        expected: [gradients[0]]
                    ) {
                        [backward(inputs, shape, dtype, accumulate: false)[0]]
                    }
                    let summed = dtype == .f64 ? 1e-11 : 1e-5
                    for accumulate in [false, true] {
                        let start = accumulate ? 77.0 : 0
                        checkRows(
                            label,
                            dtype,
                            tolerance: summed,
                            absolute: summed * Double(max(shape[0], 1)).squareRoot() * 4,
                            expected: gradients[1...].map { $0.map { $0 + start } }
                        ) {
                            Array(backward(inputs, shape, dtype, accumulate: accumulate)[1...])
                        }
                    }
                }
            }
        }

        /// dx, dweight and dbias by the chain rule through mean and variance.
        private func reference(_ inputs: Inputs, _ v: [Double]) -> [[Double]] {
            let width = inputs.width, n = Double(width)
            var dx: [Double] = []
            var dweight = [Double](repeating: 0, count: width), dbias = dweight
            for row in 0..<inputs.rows {
                let slice = Array(v[row * width..<(row + 1) * width])
                let (mean, rstd) = statistics(slice[...], isRMS: inputs.isRMS)
                let dy = inputs.dy[row * width..<(row + 1) * width].enumerated()
                let upstream = dy.map { $1 * (inputs.weight?[$0] ?? 1) }
                // ∂L/∂variance, and the two ways to v: directly, and through mean and variance.
                let dvariance = zip(upstream, slice).reduce(0.0) {
                    $0 - $1.0 * ($1.1 - mean) * rstd * rstd * rstd / 2
                }
                let dmean = inputs.isRMS ? 0 : -rstd * upstream.reduce(0, +)
                for i in 0..<width {
                    let own = upstream[i] * rstd + dvariance * 2 * (slice[i] - mean) / n + dmean / n
                    dx.append(own + (inputs.added?[row * width + i] ?? 0))
                }
                for (i, g) in dy {
                    dweight[i] += g * (slice[i] - mean) * rstd
                    dbias[i] += g
                }
            }
            return [dx, dweight, dbias]
        }

        private func backward(
            _ inputs: Inputs,
            _ shape: [Int],
            _ dtype: DType,
            accumulate: Bool
        ) -> [[Double]] {
            let v = inputs.normalised(dtype), statistic = statisticType(dtype)
            var means: [Double] = [], rstds: [Double] = []
            for row in 0..<inputs.rows {
                let (mean, rstd) = statistics(
                    v[row * inputs.width..<(row + 1) * inputs.width],
                    isRMS: inputs.isRMS
                )
                means.append(mean)
                rstds.append(rstd)
            }
            let mean = GuardedBlock(means, statistic, [inputs.rows])
            let rstd = GuardedBlock(rstds, statistic, [inputs.rows])
            let x = GuardedBlock(v, dtype, shape), dy = GuardedBlock(inputs.dy, dtype, shape)
            let dx = GuardedBlock(dtype, shape)
            let dweight = GuardedBlock(statistic, [inputs.width]),
                dbias = GuardedBlock(statistic, [inputs.width])
            let weight = inputs.weight.map { GuardedBlock($0, dtype, [inputs.width]) }
            let added = inputs.added.map { GuardedBlock($0, dtype, shape) }
            var call = NormalizationBackward(
                dx: dx.view,
                dweight: dweight.view,
                dbias: dbias.view,
                accumulateParameters: accumulate,
                dy: dy.view,
                x: x.view,
                mean: inputs.isRMS ? nil : mean.view,
                rstd: rstd.view,
                weight: weight?.view
            )
            call.addedGradient = added?.view
            withExtendedLifetime((weight, added)) { CPUBackend.shared.normalizationBackward(call) }
            #expect(areUntouched(dx, dweight, dbias, dy, x))
            let result = [dx.values, dweight.values, dbias.values]
            // In place on dy, and without the parameters' gradients.
            call.dx = dy.view
            call.dweight = nil
            call.dbias = nil
            withExtendedLifetime((weight, added, mean, rstd, x)) {
                CPUBackend.shared.normalizationBackward(call)
            }
            #expect(dy.values == result[0], "in place")
            return result
        }

        /// bf16 activations with f32 parameters, and an f32 residual stream.
        @Test func dtypesMix() {
            let shape = [6, 40]
            let inputs = Inputs(shape, .bf16, isRMS: false, full: true)
            let same = forward(inputs, shape, .f32)
            let x = GuardedBlock(inputs.x, .bf16, shape)
            let residual = GuardedBlock(inputs.residual ?? [], .f32, shape)
            let weight = GuardedBlock(inputs.weight ?? [], .f32, [40])
            let bias = GuardedBlock(inputs.bias ?? [], .bf16, [40])
            for set in CPUBackend.availableKernelSets {
                withKernels(set) {
                    let y = GuardedBlock(.bf16, shape), sum = GuardedBlock(.f32, shape)
                    let mean = GuardedBlock(.f32, [6]), rstd = GuardedBlock(.f32, [6])
                    var call = NormalizationForward(
                        y: y.view,
                        mean: mean.view,
                        rstd: rstd.view,
                        x: x.view,
                        weight: weight.view,
                        bias: bias.view,
                        epsilon: Float(epsilon)
                    )
                    call.residual = residual.view
                    call.sum = sum.view
                    CPUBackend.shared.normalizationForward(call)
                    #expect(sum.values == same[1], "\(set)")
                    expectClose(actual: y.values, expected: same[0], relative: 0x1p-8, absolute: 1e-6)
                }
            }
        }
    }
}
