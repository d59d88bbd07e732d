import Testing
import YuyanCPUBackend
import YuyanTensorCore

extension KernelContract {
    /// The recurrent scans of every set of kernels against the reference in f64, forward and backward.
    @Suite struct Recurrent {
        /// Sizes and options of one call.
        struct Example: CustomStringConvertible {
            var cell: RecurrentCell
            var dtype: DType
            var batch: Int
            var positions: Int
            var width: Int
            var lengths: [Int]?
            var hasStates = true
            var hasBias = true
            /// The only position where a gradient arrives; nil for all.
            var onlyPosition: Int?

            var description: String {
                "\(cell) \(dtype) \(batch)×\(positions)×\(width)" + (lengths.map { " \($0)" } ?? "")
            }

            private func block(_ values: [Double], _ dtype: DType, _ dimensions: [Int]) -> GuardedBlock {
                GuardedBlock(values, dtype, dimensions)
            }

            /// All outputs of both passes over two directions; `exact` computes in f64 from the same values.
            func run(exact: Bool) -> [[Double]] {
                let inside: DType = exact ? .f64 : dtype, wide: DType = inside == .f64 ? .f64 : .f32
                var numbers = TestNumbers(seed: UInt64(batch * 31 + positions * 7 + width))
                let gates = cell.gateCount * width, states = [batch, width]
                let all = [batch, positions, width]
                func draw(_ count: Int, _ type: DType, scale: Double = 1) -> [Double] {
                    numbers.next(count, type).map { MatrixBlock.rounded($0 * scale, type) }
                }
                let list = lengths.map { block($0.map(Double.init), .i32, [batch]) }
                let both = block(
                    [Double](repeating: 77, count: batch * positions * 2 * width),
                    inside,
                    [batch, positions, 2 * width]
                )
                let dboth = block(draw(both.view.elementCount, dtype), inside, [batch, positions, 2 * width])
                if let onlyPosition { silence(dboth, except: onlyPosition) }
                var kept: [GuardedBlock] = [both, dboth], scans: [RecurrentScan] = []
                var gradients: [RecurrentScanGradient] = []
                func half(_ whole: GuardedBlock, _ direction: Int) -> TensorView {
                    whole.view.advanced(
                        by: direction * width,
                        shape: Shape(all),
                        strides: [positions * 2 * width, 2 * width, 1]
                    )
                }
                func fresh(_ type: DType, _ dimensions: [Int]) -> TensorView {
                    kept.append(GuardedBlock(type, dimensions))
                    return kept[kept.count - 1].view
                }
                func given(
                    _ type: DType,
                    _ inside: DType,
                    _ dimensions: [Int],
                    scale: Double = 1
                ) -> TensorView {
                    kept.append(block(draw(dimensions.reduce(1, *), type, scale: scale), inside, dimensions))
                    return kept[kept.count - 1].view
                }
                for direction in 0..<2 {
                    let scale = 1 / Double(max(width, 1)).squareRoot()
                    var scan = RecurrentScan(
                        gates: given(.f32, wide, [batch, positions, gates], scale: 2),
                        weight: given(dtype, inside, [gates, width], scale: scale),
                        out: half(both, direction)
                    )
                    scan.isReversed = direction == 1
                    if cell.keepsMemory { scan.memory = fresh(wide, all) }
                    if hasBias { scan.bias = given(.f32, wide, [gates]) }
                    if hasStates { scan.initialHidden = given(dtype, inside, states) }
                    if hasStates && cell.hasCellState { scan.initialCell = given(.f32, wide, states) }
                    scan.finalHidden = fresh(inside, states)
                    if cell.hasCellState { scan.finalCell = fresh(wide, states) }
                    var gradient = RecurrentScanGradient(previousHidden: fresh(inside, all))
                    gradient.out = half(dboth, direction)
                    if hasStates { gradient.finalHidden = given(dtype, inside, states) }
                    if hasStates && cell.hasCellState { gradient.finalCell = given(.f32, wide, states) }
                    if hasStates { gradient.initialHidden = fresh(wide, states) }
                    if hasStates && cell.hasCellState { gradient.initialCell = fresh(wide, states) }
                    scans.append(scan)
                    gradients.append(gradient)
                }
                let forward = RecurrentForward(
                    cell: cell,
                    lengths: list?.view,
                    scans: scans,
                    keepsGates: true
                )
                let before = dboth.values
                CPUBackend.shared.recurrentForward(forward)
                var results = [both.values]
                for scan in scans {
                    results += [scan.finalHidden, scan.finalCell].compactMap { $0 }.map(Self.values)
                }
                let live = CPUBackend.shared.recurrentBackward(
                    RecurrentBackward(forward: forward, gradients: gradients)
                )
                for (scan, gradient) in zip(scans, gradients) {
                    results += [Self.values(scan.gates), Self.values(gradient.previousHidden)]
                    if cell == .gru, let memory = scan.memory { results.append(Self.values(memory)) }
                    results += [gradient.initialHidden, gradient.initialCell].compactMap { $0 }.map(
                        Self.values
                    )
                }
                results.append(live.flatMap { [Double($0.lowerBound), Double($0.upperBound)] })
                let isInside = kept.allSatisfy { $0.guardsAreUntouched }
                #expect(isInside, "\(self)")
                #expect(dboth.values == before, "\(self)")
                return results
            }

            private func silence(_ gradient: GuardedBlock, except position: Int) {
                for index in 0..<gradient.view.elementCount where index / (2 * width) % positions != position
                {
                    MatrixBlock.store(0, gradient.view.address, gradient.view.dtype, index)
                }
            }

            private static func values(_ view: TensorView) -> [Double] {
                (0..<view.elementCount).map { MatrixBlock.load(view.address, view.dtype, $0) }
            }
        }

        static let sizes: [(batch: Int, positions: Int, width: Int, lengths: [Int]?)] = [
            (1, 1, 1, nil), (2, 3, 5, [1, 3]), (5, 4, 8, [4, 0, 2, 4, 1]), (13, 3, 16, nil),
            (3, 6, 33, [6, 5, 2]),
            (70, 2, 7, nil), (30, 5, 40, (0..<30).map { $0 * 7 % 6 }), (4, 3, 130, [3, 1, 2, 3]),
            (0, 3, 4, nil),
            (2, 0, 3, nil),
        ]

        @Test(arguments: RecurrentCell.allCases, [DType.f32, .bf16])
        func everySize(_ cell: RecurrentCell, _ dtype: DType) {
            for (index, size) in Self.sizes.enumerated() {
                var example = Example(
                    cell: cell,
                    dtype: dtype,
                    batch: size.batch,
                    positions: size.positions,
                    width: size.width,
                    lengths: size.lengths
                )
                example.hasStates = index % 3 != 2
                example.hasBias = index % 4 != 3
                let expected = example.run(exact: true)
                // The state is fed back, so that an error of rounding meets a few further steps.
                checkRows(
                    example.description,
                    dtype,
                    tolerance: dtype == .bf16 ? 0x1p-7 : 2e-5,
                    absolute: dtype == .bf16 ? 0x1p-6 : 2e-5,
                    expected: expected
                ) { example.run(exact: false) }
            }
        }

        /// A sequence gives the same bits whatever stands beside it.
        @Test(arguments: CPUBackend.availableKernelSets)
        func sequencesAreAlone(_ set: KernelSet) {
            for cell in RecurrentCell.allCases {
                withKernels(set) {
                    let many = Example(
                        cell: cell,
                        dtype: .f32,
                        batch: 40,
                        positions: 4,
                        width: 24,
                        hasStates: false
                    )
                    var masked = many
                    masked.lengths = (0..<40).map { $0 == 0 ? 4 : $0 % 5 }
                    let row = 4 * 2 * 24
                    #expect(many.run(exact: false)[0].prefix(row) == masked.run(exact: false)[0].prefix(row))
                }
            }
        }

        /// Steps that no gradient reaches are left out: forward those behind it, reversed those before it.
        @Test(arguments: RecurrentCell.allCases)
        func silentStepsAreLeftOut(_ cell: RecurrentCell) {
            var example = Example(
                cell: cell,
                dtype: .f32,
                batch: 40,
                positions: 6,
                width: 9,
                hasStates: false,
                onlyPosition: 2
            )
            for lengths in [nil, (0..<40).map { 6 - $0 * $0 % 7 }] as [[Int]?] {
                example.lengths = lengths
                let expected = example.run(exact: true)
                #expect(expected.last == [0, 3, 2, 6] || lengths != nil)
                checkRows("\(example)", .f32, tolerance: 2e-5, absolute: 2e-5, expected: expected) {
                    example.run(exact: false)
                }
            }
            example.lengths = (0..<40).map { $0 % 3 }
            #expect(example.run(exact: false).last == [0, 0, 0, 0])
        }

        @Test func lengthsOutsideTrap() async {
            await #expect(processExitsWith: .failure) {
                _ = Example(cell: .lstm, dtype: .f32, batch: 2, positions: 3, width: 4, lengths: [1, 4]).run(
                    exact: false
                )
            }
            await #expect(processExitsWith: .failure) {
                _ = Example(cell: .lstm, dtype: .f32, batch: 2, positions: 3, width: 4, lengths: [-1, 3]).run(
                    exact: false
                )
            }
        }
    }
}
