import Testing
import YuyanOptimizers
import YuyanTestSupport

@Suite("Recurrent networks against PyTorch")
struct RecurrentGoldenTests {
    private let file: GoldenFile

    init() throws { file = try GoldenFile("layers/recurrent.safetensors") }

    @Test(
        "Unequal lengths, directions, layers, states",
        arguments: RecurrentCell.allCases,
        ["plain", "unbiased", "lengths", "stacked"]
    )
    func networks(_ cell: RecurrentCell, _ name: String) throws {
        for dtype in [DType.f64, .f32] {
            let example = GoldenCase(file: file, name: "\(cell).\(name)", dtype: dtype)
            let x = try example.tensor("x")
            var options = RecurrentNetwork.Options(
                cell: cell,
                inputWidth: x.shape[2],
                width: try example.tensor("weight_hh_l0").shape[1]
            )
            options.layers = name == "stacked" ? 2 : 1
            options.isBidirectional = name == "stacked" || name == "lengths"
            options.hasBias = name != "unbiased"
            var random = RandomSource(seed: 1)
            let network = RecurrentNetwork(options, random: &random)
            let hasInitial = file.has("\(example.name)/h0")
            let lengths = file.has("\(example.name)/lengths") ? try example.tensor("lengths") : nil
            let states = hasInitial ? (cell.hasCellState ? ["h0", "c0"] : ["h0"]) : []
            try example.expect(network, ["x"] + states) { inputs in
                let initial = RecurrentState(
                    hidden: inputs[min(1, inputs.count - 1)],
                    cell: inputs.count > 2 ? inputs[2] : nil
                )
                let result = network(inputs[0], lengths: lengths, initial: hasInitial ? initial : nil)
                return [result.output, result.state.hidden] + [result.state.cell].compactMap { $0 }
            }
        }
    }

    @Test("A wrong value is found")
    func testersAreTested() throws {
        let example = GoldenCase(file: file, name: "lstm.plain", dtype: .f64)
        var random = RandomSource(seed: 1)
        let options = RecurrentNetwork.Options(cell: .lstm, inputWidth: 3, width: 5)
        let network = RecurrentNetwork(options, random: &random)
        withKnownIssue {
            try example.expect(network, ["x"]) { inputs in
                let result = network(inputs[0].detached() + inputs[0] * 1e-9)
                return [result.output, result.state.hidden] + [result.state.cell].compactMap { $0 }
            }
        }
    }
}
