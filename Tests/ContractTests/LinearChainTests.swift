import Foundation
import Testing
import YuyanCPUBackend
import YuyanTensorCore

extension KernelContract {
    /// Linear chains against the enumeration of all paths.
    @Suite struct LinearChains {
        struct Example {
            let batch: Int
            let positions: Int
            let labels: Int
            let lengths: [Int]?
            let dtype: DType
            /// The size of the numbers: large ones leave the range of products of exponentials.
            let scale: Double
            var emissions: [Double]
            var transitions: [Double]
            let start: [Double]
            let end: [Double]
            let targets: [Int]

            init(
                _ batch: Int,
                _ positions: Int,
                _ labels: Int,
                _ lengths: [Int]?,
                _ dtype: DType,
                scale: Double
            ) {
                (self.batch, self.positions, self.labels) = (batch, positions, labels)
                (self.lengths, self.dtype, self.scale) = (lengths, dtype, scale)
                var numbers = TestNumbers(seed: UInt64(batch * 100 + positions * 10 + labels))
                func draw(_ count: Int) -> [Double] {
                    numbers.next(count, .f32).map {
                        MatrixBlock.rounded($0 * scale, dtype == .bf16 ? .bf16 : .f32)
                    }
                }
                emissions = draw(batch * positions * labels)
                transitions = draw(labels * labels)
                start = draw(labels)
                end = draw(labels)
                targets = (0..<batch * positions).map { ($0 * $0 * 7 + $0) % labels }
            }

            func length(_ row: Int) -> Int { lengths?[row] ?? positions }

            func score(_ row: Int, _ path: [Int]) -> Double {
                guard let first = path.first, let last = path.last else { return 0 }
                var sum = start[first] + end[last]
                for (t, label) in path.enumerated() {
                    sum += emissions[(row * positions + t) * labels + label]
                    if t > 0 { sum += transitions[path[t - 1] * labels + label] }
                }
                return sum
            }

            /// All paths of a row with their scores.
            func paths(_ row: Int) -> [(path: [Int], score: Double)] {
                var list: [[Int]] = [[]]
                for _ in 0..<length(row) { list = list.flatMap { path in (0..<labels).map { path + [$0] } } }
                return list.map { ($0, score(row, $0)) }
            }

            /// Runs the three doors: losses, gradients with weights 0.5, 1, 1.5 …, scores of the best paths, and the paths.
            func run() -> (numbers: [[Double]], labels: [Int]) {
                let wide: DType = dtype == .f64 ? .f64 : .f32
                let emissions = GuardedBlock(self.emissions, dtype, [batch, positions, labels])
                let transitions = GuardedBlock(self.transitions, wide, [labels, labels])
                let start = GuardedBlock(self.start, wide, [labels]),
                    end = GuardedBlock(self.end, wide, [labels])
                let targets = GuardedBlock(self.targets.map(Double.init), .i32, [batch, positions])
                let lengths = self.lengths.map { GuardedBlock($0.map(Double.init), .i32, [batch]) }
                var chain = LinearChain(
                    emissions: emissions.view,
                    transitions: transitions.view,
                    targets: targets.view
                )
                (chain.start, chain.end, chain.lengths) = (start.view, end.view, lengths?.view)
                let losses = GuardedBlock(wide, [batch]), scores = GuardedBlock(wide, [batch])
                let weights = GuardedBlock((0..<batch).map(weight), wide, [batch])
                let gradients = [
                    GuardedBlock(dtype, [batch, positions, labels]), GuardedBlock(wide, [labels, labels]),
                    GuardedBlock(wide, [labels]), GuardedBlock(wide, [labels]),
                ]
                var wanted = LinearChainGradient(weights: weights.view)
                (wanted.emissions, wanted.transitions) = (gradients[0].view, gradients[1].view)
                (wanted.start, wanted.end) = (gradients[2].view, gradients[3].view)
                let best = GuardedBlock(.i32, [batch, positions])
                CPUBackend.shared.linearChainLosses(losses.view, chain)
                CPUBackend.shared.linearChainGradient(wanted, chain)
                CPUBackend.shared.linearChainDecode(paths: best.view, scores: scores.view, chain)
                for block in gradients + [losses, scores, best] { #expect(block.guardsAreUntouched) }
                let all = withExtendedLifetime((emissions, transitions, start, end, targets, lengths)) {
                    [losses.values] + gradients.map(\.values) + [scores.values]
                }
                return (all, best.values.map { Int($0) })
            }

            func weight(_ row: Int) -> Double { 0.5 * Double(row + 1) }

            /// The same numbers from all paths.
            func expected() -> (numbers: [[Double]], labels: [Int]) {
                var losses: [Double] = [], scores: [Double] = [], best: [Int] = []
                var de = [Double](repeating: 0, count: emissions.count)
                var dt = [Double](repeating: 0, count: transitions.count)
                var ds = [Double](repeating: 0, count: labels), dd = ds
                for row in 0..<batch {
                    let all = paths(row)
                    let top = all.map(\.score).max() ?? 0
                    let total = top + log(all.reduce(0) { $0 + exp($1.score - top) })
                    let right = (0..<length(row)).map { targets[row * positions + $0] }
                    losses.append(total - score(row, right))
                    let winner = all.first { $0.score == top }?.path ?? []
                    scores.append(top)
                    best += winner + [Int](repeating: -1, count: positions - winner.count)
                    for (path, value) in all.map({ ($0.path, exp($0.score - total)) }) + [(right, -1)] {
                        guard let first = path.first, let last = path.last else { continue }
                        let amount = value * weight(row)
                        ds[first] += amount
                        dd[last] += amount
                        for (t, label) in path.enumerated() {
                            de[(row * positions + t) * labels + label] += amount
                            if t > 0 { dt[path[t - 1] * labels + label] += amount }
                        }
                    }
                }
                return ([losses, de, dt, ds, dd, scores], best)
            }
        }

        static let sizes: [(Int, Int, Int, [Int]?)] = [
            (1, 1, 1, nil), (3, 4, 3, [4, 2, 0]), (6, 3, 5, nil), (9, 5, 2, [5, 1, 0, 3, 2, 4, 5, 5, 1]),
            (2, 0, 3, nil), (70, 2, 2, nil),
            (0, 2, 2, nil),
        ]

        @Test(arguments: [DType.f32, .bf16, .f64], [1.0, 40, 2000])
        func agreesWithAllPaths(_ dtype: DType, _ scale: Double) {
            for (batch, positions, labels, lengths) in Self.sizes {
                let example = Example(batch, positions, labels, lengths, dtype, scale: scale)
                let expected = example.expected()
                checkRows(
                    "chain \(batch)×\(positions)×\(labels), scale \(scale)",
                    dtype,
                    tolerance: dtype == .f64 ? 1e-12 : dtype == .bf16 ? 0x1p-8 : 1e-6,
                    absolute: dtype == .f64 ? 1e-12 * scale : 1e-6,
                    expected: expected.numbers
                ) { example.run().numbers }
                #expect(example.run().labels == expected.labels)
            }
        }

        /// Moves that are as good as forbidden, single labels far below the others, and both.
        @Test(arguments: [DType.f32, .f64], [0, 1, 2])
        func sumsPassOverForbiddenMoves(_ dtype: DType, _ kind: Int) {
            var example = Example(5, 5, 3, [5, 1, 4, 5, 2], dtype, scale: 1)
            if kind != 1 { for move in [1, 3, 8] { example.transitions[move] = -1e4 } }
            if kind != 0 { for place in [0, 4, 20, 21, 50] { example.emissions[place] = -2000 } }
            let expected = example.expected()
            checkRows(
                "chain with forbidden moves \(kind)",
                dtype,
                tolerance: dtype == .f64 ? 1e-12 : 1e-6,
                absolute: dtype == .f64 ? 1e-11 : 1e-6,
                expected: expected.numbers
            ) { example.run().numbers }
            #expect(example.run().labels == expected.labels)
        }

        /// What is no number is never passed over: the losses of its sequence, and of no other, are none.
        @Test(arguments: 0..<6) func whatIsNoNumberStaysNone(_ place: Int) {
            var example = Example(2, 3, 2, nil, .f64, scale: 1)
            example.emissions[place] = .nan
            let losses = example.run().numbers[0]
            #expect(losses[0].isNaN && losses[1].isFinite, "\(losses)")
        }

        @Test func equalPathsAreDecidedByTheLastDifference() {
            let chain = Example(2, 4, 3, [4, 2], .f32, scale: 0)
            #expect(chain.run().labels == [0, 0, 0, 0, 0, 0, -1, -1])
        }

        @Test func labelsOutsideTrap() async {
            await #expect(processExitsWith: .failure) {
                let emissions = GuardedBlock(.f32, [1, 2, 2]), transitions = GuardedBlock(.f32, [2, 2])
                let targets = GuardedBlock([0, 2], .i32, [1, 2]), losses = GuardedBlock(.f32, [1])
                let chain = LinearChain(
                    emissions: emissions.view,
                    transitions: transitions.view,
                    targets: targets.view
                )
                CPUBackend.shared.linearChainLosses(losses.view, chain)
            }
        }
    }
}
