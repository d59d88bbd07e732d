import Testing
import YuyanCPUBackend
import YuyanTensorCore

#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

extension KernelContract {
    @Suite struct CrossEntropy {
        static let shapes = [[0, 4], [1, 1], [3, 2], [5, 7], [4, 8], [3, 33], [9, 100], [40, 1003]]

        /// Losses and gradients by the definition; row 1 is ignored.
        private func reference(
            _ x: [Double],
            _ targets: [Int],
            _ classes: Int,
            smoothing: Double,
            scale: Double
        ) -> (losses: [Double], gradient: [Double]) {
            var losses: [Double] = [], gradient: [Double] = []
            for (row, target) in targets.enumerated() {
                let logits = x[row * classes..<(row + 1) * classes]
                let top = logits.max() ?? 0
                let lse = top + log(logits.reduce(0) { $0 + exp($1 - top) })
                if target < 0 {
                    losses.append(0)
                    gradient += [Double](repeating: 0, count: classes)
                    continue
                }
                // The distribution to be matched, and −Σ q log p.
                let wanted = (0..<classes).map {
                    smoothing / Double(classes) + ($0 == target ? 1 - smoothing : 0)
                }
                losses.append(zip(logits, wanted).reduce(0) { $0 + $1.1 * (lse - $1.0) })
                gradient += zip(logits, wanted).map { scale * (exp($0 - lse) - $1) }
            }
            return (losses, gradient)
        }

        private func targets(_ rows: Int, _ classes: Int) -> [Int] {
            (0..<rows).map { $0 == 1 ? -100 : ($0 * 7 + classes - 1) % classes }
        }

        @Test(arguments: shapes, [0, 0.125])
        func matchesTheDefinition(_ shape: [Int], _ smoothing: Double) {
            let (rows, classes) = (shape[0], shape[1]), scale = 0.25
            for (dtype, gradientType) in [
                (DType.f32, DType.f32), (.bf16, .bf16), (.f64, .f64), (.f32, .bf16), (.bf16, .f32),
            ] {
                var numbers = TestNumbers(seed: 21)
                let x = numbers.next(rows * classes, .f64).map { MatrixBlock.rounded($0 * 9, dtype) }
                let targets = targets(rows, classes)
                let (losses, gradient) = reference(x, targets, classes, smoothing: smoothing, scale: scale)
                let label = "cross-entropy \(shape) to \(gradientType), smoothing \(smoothing)"
                let tolerance = dtype == .f64 ? 1e-12 : 1e-6
                checkRows(
                    label,
                    dtype,
                    tolerance: tolerance,
                    absolute: tolerance,
                    expected: [losses, losses]
                ) {
                    let call = Case(x, targets, dtype, shape, smoothing, scale)
                    let block = MatrixBlock(gradient, gradientType, shape, gap: 3)
                    return [
                        call.run(gradient: nil), withExtendedLifetime(block) { call.run(gradient: $0.view) },
                    ]
                }
                let rounding = gradientType == .bf16 ? 0x1p-8 : tolerance
                checkRows(
                    label,
                    dtype,
                    tolerance: rounding,
                    absolute: tolerance * scale,
                    expected: [gradient]
                ) {
                    let call = Case(x, targets, dtype, shape, smoothing, scale)
                    let block = MatrixBlock(gradient.map { _ in 77 }, gradientType, shape, gap: 3)
                    _ = call.run(gradient: block.view)
                    #expect(block.gapsAreUntouched)
                    return [block.values]
                }
                guard dtype == gradientType else { continue }
                checkRows(
                    label + " in place",
                    dtype,
                    tolerance: rounding,
                    absolute: tolerance * scale,
                    expected: [losses, gradient]
                ) {
                    let call = Case(x, targets, dtype, shape, smoothing, scale)
                    let found = call.run(gradient: call.logits.view)
                    #expect(call.logits.gapsAreUntouched)
                    return [found, call.logits.values]
                }
            }
        }

        /// A call with its memory; the logits' rows lie apart.
        private struct Case {
            let logits: MatrixBlock
            let targets: GuardedBlock
            let smoothing: Double
            let scale: Double

            init(
                _ x: [Double],
                _ targets: [Int],
                _ dtype: DType,
                _ shape: [Int],
                _ smoothing: Double,
                _ scale: Double
            ) {
                logits = MatrixBlock(x, dtype, shape, gap: 5)
                self.targets = GuardedBlock(targets.map(Double.init), .i32, [shape[0]])
                self.smoothing = smoothing
                self.scale = scale
            }

            /// The losses; writes the gradient when asked.
            func run(gradient: TensorView?) -> [Double] {
                let losses = GuardedBlock(statisticType(logits.view.dtype), [targets.view.elementCount])
                CPUBackend.shared.crossEntropy(
                    CrossEntropyCall(
                        losses: losses.view,
                        gradient: gradient,
                        gradientScale: Float(scale),
                        logits: logits.view,
                        targets: targets.view,
                        ignoreIndex: -100,
                        smoothing: Float(smoothing)
                    )
                )
                #expect(losses.guardsAreUntouched)
                return losses.values
            }
        }

        /// Logits far apart neither overflow nor lose the loss.
        @Test(arguments: [DType.f32, .bf16, .f64])
        func farApartLogitsStayFinite(_ dtype: DType) {
            let x: [Double] = [1e4, -1e4, 0, 1e30, 0, -1e30, -.infinity, 0, -.infinity]
            let losses = [2e4, 0, 0].map { MatrixBlock.rounded($0, dtype == .f64 ? .f64 : .f32) }
            let gradient: [Double] = [1, -1, 0, 0, 0, 0, 0, 0, 0]
            checkRows(
                "far apart",
                dtype,
                tolerance: dtype == .bf16 ? 0x1p-8 : 1e-7,
                absolute: 0,
                expected: [losses, gradient]
            ) {
                let call = Case(x, [1, 0, 1], dtype, [3, 3], 0, 1)
                let block = MatrixBlock(x, dtype, [3, 3])
                return [call.run(gradient: block.view), block.values]
            }
        }

        @Test func aTargetOutsideTheClassesTraps() async {
            await #expect(processExitsWith: .failure) {
                let logits = GuardedBlock([0, 0, 0], .f32, [1, 3]), losses = GuardedBlock(.f32, [1])
                let targets = GuardedBlock([3], .i32, [1])
                CPUBackend.shared.crossEntropy(
                    CrossEntropyCall(
                        losses: losses.view,
                        gradient: nil,
                        gradientScale: 1,
                        logits: logits.view,
                        targets: targets.view,
                        ignoreIndex: -100,
                        smoothing: 0
                    )
                )
            }
        }
    }
}
