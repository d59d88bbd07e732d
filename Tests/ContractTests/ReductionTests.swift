import CKernels
import Testing
import YuyanCPUBackend
import YuyanTensorCore
import YuyanTestSupport

extension KernelContract {
    @Suite struct ReductionTests {
        /// [A, n, C]: rows and columns, blocks and their edges, more than one segment.
        static let shapes: [Shape] = [
            [0, 3, 2], [2, 3, 0], [2, 0, 3], [1, 1, 1], [3, 7, 1], [2, 511, 1], [2, 513, 1], [1, 66_000, 1],
            [1, 140_001, 1], [3, 1, 5], [2, 31, 9], [1, 33, 64], [2, 65, 257], [1, 2100, 40], [5, 4, 8],
            [1, 9000, 3],
            [70, 3, 600], [1, 600, 300],
        ]

        private func reference(_ reduction: Reduction, _ x: [Double], _ shape: Shape) -> [Double] {
            let (a, n, c) = (shape.dimensions[0], shape.dimensions[1], shape.dimensions[2])
            var result: [Double] = []
            for i in 0..<a {
                for k in 0..<c {
                    let line = (0..<n).map { x[(i * n + $0) * c + k] }
                    switch reduction {
                    case .sum: result.append(line.reduce(0, +))
                    case .mean: result.append(n == 0 ? 0 : line.reduce(0, +) / Double(n))
                    case .max: result.append(line.max() ?? -.infinity)
                    case .min: result.append(line.min() ?? .infinity)
                    }
                }
            }
            return result
        }

        @Test(arguments: Reduction.allCases, [DType.f32, .bf16, .f64])
        func valuesAreRight(_ reduction: Reduction, _ dtype: DType) {
            for shape in Self.shapes {
                var numbers = TestNumbers(seed: 31)
                let x = rounded(numbers.next(shape.elementCount, dtype).map { $0 + 0.25 }, dtype)
                let expected = reference(reduction, x, shape)
                let input = StridedBlock(x, dtype, shape)
                // The error of a sum is a part of the sum of the magnitudes.
                let scale = reduction == .sum ? Double(shape.dimensions[1]) : 1
                for set in CPUBackend.availableKernelSets {
                    withKernels(set) {
                        let out = StridedBlock([], dtype, [shape.dimensions[0], shape.dimensions[2]])
                        CPUBackend.shared.reduce(reduction, out.view, input.view)
                        let isExact = reduction == .max || reduction == .min
                        expectClose(
                            actual: out.values,
                            expected: expected,
                            relative: isExact ? 0 : unitRoundoff(dtype) * 0.51,
                            absolute: isExact ? 0 : scale * (dtype == .f64 ? 1e-14 : 5e-7),
                            "\(reduction) \(dtype) \(shape) \(set)"
                        )
                        #expect(out.gapsAreUntouched)
                    }
                }
            }
        }

        @Test func longSumsStayAccurate() {
            // 2²² times 0.1 in one running f32 sum would be off by 5 %.
            let count = 1 << 22
            for (shape, width) in [
                ([1, count, 1] as Shape, 1), ([1, count / 4, 4], 4), ([1, count / 256, 256], 256),
            ] {
                let x = StridedBlock([], .f32, shape), out = StridedBlock([], .f32, [1, width])
                CPUBackend.shared.fill(x.view, with: 0.1)
                let expected = Double(Float(0.1)) * Double(count / width)
                for set in CPUBackend.availableKernelSets {
                    withKernels(set) {
                        CPUBackend.shared.reduce(.sum, out.view, x.view)
                        expectClose(
                            actual: out.values,
                            expected: [Double](repeating: expected, count: width),
                            relative: 2e-6,
                            "\(shape) \(set)"
                        )
                    }
                }
            }
        }

        @Test func notANumberPasses() {
            for shape in [[1, 700, 1], [1, 40, 20]] as [Shape] {
                for place in [0, 13, 333, 699] {
                    var x = [Double](repeating: 1, count: shape.elementCount)
                    x[place] = .nan
                    for set in CPUBackend.availableKernelSets {
                        withKernels(set) {
                            for reduction in Reduction.allCases {
                                let out = StridedBlock([], .f32, [1, shape.dimensions[2]])
                                CPUBackend.shared.reduce(
                                    reduction,
                                    out.view,
                                    StridedBlock(x, .f32, shape).view
                                )
                                let column = place % shape.dimensions[2]
                                #expect(
                                    out.values.indices.filter { out.values[$0].isNaN } == [column],
                                    "\(set)"
                                )
                            }
                        }
                    }
                }
            }
        }

        @Test(arguments: [DType.f32, .bf16, .f64])
        func threadsDoNotMatter(_ dtype: DType) {
            for shape in [[1, 200_000, 1], [3, 70_001, 1], [1, 3000, 300], [40, 30, 257]] as [Shape] {
                var numbers = TestNumbers(seed: 33)
                let x = StridedBlock(numbers.next(shape.elementCount, dtype), dtype, shape)
                for set in CPUBackend.availableKernelSets {
                    let results = [1, 2, 4].map { threads in
                        let out = StridedBlock([], dtype, [shape.dimensions[0], shape.dimensions[2]])
                        var squares = 0.0
                        withKernels(set, threads: threads) {
                            CPUBackend.shared.reduce(.sum, out.view, x.view)
                            squares = CPUBackend.shared.sumOfSquares(x.view)
                        }
                        return out.values + [squares]
                    }
                    #expect(results[0] == results[1] && results[0] == results[2], "\(shape) \(set)")
                }
            }
        }

        @Test(arguments: [DType.f32, .bf16, .f64])
        func squares(_ dtype: DType) {
            for count in [0, 1, 7, 31, 32, 33, 65_536, 65_537, 200_003] {
                var numbers = TestNumbers(seed: 35)
                let x = numbers.next(count, dtype)
                let expected = x.reduce(0) { $0 + $1 * $1 }
                for set in CPUBackend.availableKernelSets {
                    withKernels(set) {
                        let sum = CPUBackend.shared.sumOfSquares(StridedBlock(x, dtype, [count]).view)
                        expectClose(
                            actual: [sum],
                            expected: [expected],
                            relative: 1e-12,
                            "\(dtype) \(count) \(set)"
                        )
                    }
                }
            }
            let large = StridedBlock([1e30, 1e30], .f32, [2])
            #expect(CPUBackend.shared.sumOfSquares(large.view) > 1.9e60)
        }

        @Test(arguments: [DType.f32, .bf16, .f64])
        func firstNonFinite(_ dtype: DType) {
            for count in [0, 1, 40, 150_000] {
                let x = StridedBlock([Double](repeating: 3e38, count: count), dtype, [count])
                for set in CPUBackend.availableKernelSets {
                    withKernels(set) {
                        #expect(CPUBackend.shared.firstNonFinite(x.view) == nil, "\(set) \(count)")
                        for value in [Double.nan, .infinity, -.infinity] where count > 0 {
                            for place in [count - 1, count / 2, 0] {
                                var values = [Double](repeating: 1, count: count)
                                values[place] = value
                                values[count - 1] = value
                                let bad = StridedBlock(values, dtype, [count])
                                #expect(
                                    CPUBackend.shared.firstNonFinite(bad.view) == place,
                                    "\(set) \(count)"
                                )
                            }
                        }
                    }
                }
            }
        }
    }
}
