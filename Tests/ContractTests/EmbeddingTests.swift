import Testing
import YuyanCPUBackend
import YuyanTensorCore

extension KernelContract {
    @Suite struct Embedding {
        /// Rows, entries of the table, width.
        static let cases = [
            [0, 3, 4], [1, 1, 1], [5, 2, 7], [40, 9, 8], [33, 100, 65], [700, 60, 130], [300, 5, 300],
            [4, 3, 0], [60, 9, 1500],
        ]
        static let pairs: [[DType]] = [
            [.f32, .f32], [.f32, .bf16], [.bf16, .f32], [.bf16, .bf16], [.f64, .f64],
        ]

        private func ids(_ count: Int, _ entries: Int) -> [Int] {
            (0..<count).map { ($0 * $0 * 31 + $0 * 7) % entries }
        }

        @Test(arguments: cases, pairs)
        func gatheringCopiesRows(_ sizes: [Int], _ dtypes: [DType]) {
            let (n, entries, width) = (sizes[0], sizes[1], sizes[2])
            var numbers = TestNumbers(seed: 41)
            let table = numbers.next(entries * width, dtypes[1]), ids = ids(n, entries)
            let expected = ids.flatMap { table[$0 * width..<($0 + 1) * width] }
                .map { MatrixBlock.rounded($0, dtypes[0]) }
            checkRows("gather \(sizes)", dtypes[0], tolerance: 0, absolute: 0, expected: [expected]) {
                let source = GuardedBlock(table, dtypes[1], [entries, width])
                let list = GuardedBlock(ids.map(Double.init), .i32, [n])
                let out = GuardedBlock(dtypes[0], [n, width])
                CPUBackend.shared.gatherRows(out.view, table: source.view, ids: list.view)
                #expect(out.guardsAreUntouched)
                return [out.values]
            }
        }

        /// Repeated ids are added one after the other, in the order of the rows, each sum rounded to the table's dtype.
        @Test(arguments: cases, pairs)
        func scatteringAddsInOrder(_ sizes: [Int], _ dtypes: [DType]) {
            let (n, entries, width) = (sizes[0], sizes[1], sizes[2])
            var numbers = TestNumbers(seed: 42)
            let start = numbers.next(entries * width, dtypes[0]), ids = ids(n, entries)
            let rows = numbers.next(n * width, dtypes[1])
            var expected = start
            for (row, id) in ids.enumerated() {
                for i in 0..<width {
                    let sum = expected[id * width + i] + rows[row * width + i]
                    let single = dtypes[0] == .f64 ? sum : Double(Float(sum))
                    expected[id * width + i] = MatrixBlock.rounded(single, dtypes[0])
                }
            }
            checkRows("scatter \(sizes)", dtypes[0], tolerance: 0, absolute: 0, expected: [expected]) {
                let table = GuardedBlock(start, dtypes[0], [entries, width])
                let list = GuardedBlock(ids.map(Double.init), .i32, [n])
                let source = GuardedBlock(rows, dtypes[1], [n, width])
                CPUBackend.shared.scatterAddRows(table: table.view, rows: source.view, ids: list.view)
                #expect(table.guardsAreUntouched && source.values == rows)
                return [table.values]
            }
        }

        @Test func idsOutsideTheTableTrap() async {
            await #expect(processExitsWith: .failure) {
                let table = GuardedBlock(.f32, [3, 2]), out = GuardedBlock(.f32, [1, 2])
                let ids = GuardedBlock([3], .i32, [1])
                CPUBackend.shared.gatherRows(out.view, table: table.view, ids: ids.view)
            }
            await #expect(processExitsWith: .failure) {
                let table = GuardedBlock(.f32, [3, 2]), rows = GuardedBlock(.f32, [1, 2])
                let ids = GuardedBlock([-1], .i32, [1])
                CPUBackend.shared.scatterAddRows(table: table.view, rows: rows.view, ids: ids.view)
            }
        }
    }
}
