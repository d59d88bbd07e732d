import Testing
import YuyanCPUBackend
import YuyanTensorCore
import YuyanTestSupport

extension KernelContract {
    /// `argmax` and `topK`.
    @Suite struct LargestTests {
        /// The indices of a row in the order of the result.
        private func order(_ row: [Double]) -> [Int] {
            row.indices.sorted { i, j in
                let (a, b) = (row[i], row[j])
                if a.isNaN || b.isNaN { return a.isNaN && (!b.isNaN || i < j) }
                return a > b || (a == b && i < j)
            }
        }

        private func check(_ x: [Double], _ dtype: DType, _ n: Int, _ ks: [Int], _ label: String) {
            let rows = n == 0 ? 0 : x.count / n
            let input = StridedBlock(x, dtype, [rows, n])
            let orders = (0..<rows).map { order(Array(x[($0 * n)..<($0 * n + n)])) }
            for set in CPUBackend.availableKernelSets {
                withKernels(set) {
                    let best = StridedBlock([], .i32, [rows])
                    CPUBackend.shared.argmax(best.view, input.view)
                    #expect(best.values == orders.map { Double($0[0]) }, "argmax \(label) \(set)")
                    for k in ks where k <= n {
                        let values = StridedBlock([], dtype, [rows, k]),
                            indices = StridedBlock([], .i32, [rows, k])
                        CPUBackend.shared.topK(values: values.view, indices: indices.view, input.view)
                        let expected = orders.flatMap { $0.prefix(k) }
                        #expect(indices.values == expected.map(Double.init), "top \(k) \(label) \(set)")
                        let numbers = (0..<rows).flatMap { row in
                            orders[row].prefix(k).map { x[row * n + $0] }
                        }
                        expectClose(
                            actual: values.values,
                            expected: numbers,
                            matchingNaN: true,
                            "top \(k) \(label)"
                        )
                        #expect(values.gapsAreUntouched && indices.gapsAreUntouched)
                    }
                }
            }
        }

        @Test(arguments: [DType.f32, .bf16, .f64])
        func randomRows(_ dtype: DType) {
            for (rows, n) in [(0, 5), (1, 1), (3, 7), (4, 64), (2, 513), (3, 1100), (1, 50_257), (80, 500)] {
                var numbers = TestNumbers(seed: UInt64(n))
                let x = numbers.next(rows * n, dtype)
                check(x, dtype, n, [0, 1, 2, 5, 50, n], "\(dtype) [\(rows), \(n)]")
            }
        }

        @Test(arguments: [DType.f32, .bf16, .f64])
        func tiesGoToTheLowerIndex(_ dtype: DType) {
            let n = 1300
            let few = (0..<n).map { Double($0 * 7 % 3) }
            check(few, dtype, n, [1, 3, 500, 1000, n], "few values \(dtype)")
            check([Double](repeating: -2, count: n), dtype, n, [1, 40, n], "all equal \(dtype)")
            check(
                (0..<n).map { $0 % 2 == 0 ? 0.0 : -0.0 },
                dtype,
                n,
                [1, 40, n],
                "zeros of both signs \(dtype)"
            )
        }

        @Test(arguments: [DType.f32, .bf16, .f64])
        func sortedRows(_ dtype: DType) {
            let n = 200
            check((0..<n).map(Double.init), dtype, n, [1, 20, n], "rising \(dtype)")
            check((0..<n).map { -Double($0) }, dtype, n, [1, 20, n], "falling \(dtype)")
        }

        @Test(arguments: [DType.f32, .bf16, .f64])
        func specialValues(_ dtype: DType) {
            for n in [9, 700] {
                var x = (0..<n).map { Double($0 % 5) }
                x[n - 3] = .nan
                x[4] = .nan
                x[n - 1] = .infinity
                x[0] = -.infinity
                check(x, dtype, n, [1, 2, 3, 5, n], "NaN and infinities \(dtype)")
                check([Double](repeating: -.infinity, count: n), dtype, n, [1, 4], "all −∞ \(dtype)")
            }
        }
    }
}
