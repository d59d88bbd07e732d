import YuyanTensors

extension GradientTable {
    /// Inputs of a recurrent layer: x, then for each direction weights and biases, then states.
    private struct Example {
        var cell: RecurrentCell
        var directions = 1
        var batch = 2
        var positions = 4
        var inputWidth = 3
        var width = 2
        var hasBias = true
        var hasInitial = false
        var lengths: [Int32]?

        var inputs: [Tensor] {
            let rows = cell.gateCount * width
            var list = [Draw.uniform([batch, positions, inputWidth])]
            for direction in 0..<directions {
                let seed = UInt64(10 * direction)
                list.append(Draw.uniform([rows, inputWidth], -0.8, 0.8, seed: seed + 2))
                list.append(Draw.uniform([rows, width], -0.8, 0.8, seed: seed + 3))
                if hasBias {
                    list.append(Draw.uniform([rows], seed: seed + 4))
                    list.append(Draw.uniform([rows], seed: seed + 5))
                }
            }
            guard hasInitial else { return list }
            let states = cell.hasCellState ? 2 : 1
            return list
                + (0..<states).map { Draw.uniform([directions, batch, width], seed: UInt64(40 + $0)) }
        }

        func run(_ x: [Tensor]) -> [Tensor] {
            let each = hasBias ? 4 : 2
            let weights = (0..<directions).map { direction in
                let first = 1 + direction * each
                return RecurrentWeights(
                    input: x[first],
                    recurrent: x[first + 1],
                    inputBias: hasBias ? x[first + 2] : nil,
                    recurrentBias: hasBias ? x[first + 3] : nil,
                    isReversed: direction == 1
                )
            }
            let after = 1 + directions * each
            let initial = RecurrentState(
                hidden: hasInitial ? x[after] : x[0],
                cell: hasInitial && cell.hasCellState ? x[after + 1] : nil
            )
            let result = recurrent(
                x[0],
                cell: cell,
                directions: weights,
                lengths: lengths.map { Tensor($0, shape: [batch]) },
                initial: hasInitial ? initial : nil
            )
            return [result.output, result.state.hidden] + [result.state.cell].compactMap { $0 }
        }
    }

    static func recurrence(_ list: inout GradientTable) {
        for cell in RecurrentCell.allCases {
            func add(_ name: String, _ change: (inout Example) -> Void) {
                var example = Example(cell: cell)
                change(&example)
                let run = example.run
                list.add("\(cell), \(name)", example.inputs) { run($0) }
            }
            add("one direction") { _ in }
            add("without biases") { $0.hasBias = false }
            add("two directions, lengths, states") {
                $0.directions = 2
                $0.batch = 4
                $0.lengths = [2, 4, 0, 1]
                $0.hasInitial = true
            }
            add("one position") { $0.positions = 1 }
            add("no positions") {
                $0.positions = 0
                $0.hasInitial = true
            }
            add("no rows") { $0.batch = 0 }
        }
        let lstm = Example(cell: .lstm, directions: 2)
        list.add("only the output", lstm.inputs) { lstm.run($0)[0] }
        list.add("only the final cell", lstm.inputs) { lstm.run($0)[2] }
        list.add("the last position", lstm.inputs) { lstm.run($0)[0].select(axis: 1, 3) }
        let gru = Example(cell: .gru, inputWidth: 2)
        list.add("one weight in all places", [gru.inputs[0], gru.inputs[1]]) {
            [
                recurrent($0[0], cell: .gru, directions: [RecurrentWeights(input: $0[1], recurrent: $0[1])])
                    .output
            ]
        }
    }
}
