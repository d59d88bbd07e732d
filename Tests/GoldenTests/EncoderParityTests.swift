import Foundation
import Testing
import YuyanModels
import YuyanOptimizers
import YuyanTestSupport

/// A toy BertForSequenceClassification of transformers: logits, loss, every gradient and ten losses of training.
@Suite struct EncoderParityTests {
    struct Golden {
        let folder: String
        let model: TextClassifierModel
        let batch: TokenBatch
        let labels: [Int]
        private let files: WeightFiles

        init() throws {
            folder =
                URL(fileURLWithPath: #filePath).deletingLastPathComponent()
                .appendingPathComponent("../../Fixtures/encoder/bert").standardizedFileURL.path
            model = try TextClassifierModel(folder: folder)
            let path = "\(folder)/golden.safetensors"
            files = try WeightFiles(path: path)
            let raw = try SafetensorsFile(path: path)
            func integers(_ name: String) throws -> [Int32] {
                try raw.elements(of: name, dtype: .i32, as: Int32.self)
            }
            let lengths = try integers("lengths").map { Int($0) }
            let width = try raw.entry("input_ids").shape[1]
            func rows(_ values: [Int32]) -> [[Int32]] {
                lengths.indices.map { Array(values[$0 * width..<$0 * width + lengths[$0]]) }
            }
            batch = TokenBatch(
                rows(try integers("input_ids")),
                types: rows(try integers("token_type_ids"))
            )
            labels = try integers("labels").map { Int($0) }
        }

        func loss() -> Tensor { model.loss(batch, classes: labels, scale: 1 / Float(labels.count)) }

        func values(_ name: String) throws -> [Double] { try files.tensor(name, dtype: .f64).doubles() }

        func compareGradients(relative: Double) throws {
            let map = model.configuration.keyMap
            for item in model.namedParameters() {
                let mapping = try #require(map.mapping(of: item.name))
                let gradient = try #require(item.parameter.gradient)
                let parts = mapping.rows.isEmpty ? [gradient] : gradient.split(axis: 0, mapping.rows)
                for (key, part) in zip(mapping.keys, parts) {
                    let expected = try values("gradient." + key)
                    let largest = expected.reduce(0) { max($0, abs($1)) }
                    // A key's bias moves no softmax: its gradient is rounding around zero.
                    let floor = key.hasSuffix("key.bias") ? 1e-7 : 0
                    expectClose(
                        actual: part.doubles(),
                        expected: expected,
                        absolute: max(relative * largest, floor),
                        "gradient of \(key)"
                    )
                }
            }
        }
    }

    @Test(arguments: [DType.f32, .f64]) func matches(dtype: DType) throws {
        let golden = try Golden()
        for parameter in golden.model.parameters() { parameter.convert(to: dtype) }
        let tolerance = dtype == .f64 ? 2e-7 : 2e-5
        expectClose(
            actual: golden.model.logits(golden.batch).doubles(),
            expected: try golden.values("logits"),
            relative: tolerance,
            absolute: tolerance,
            "logits"
        )
        let tape = Tape()
        let loss = tape.record { golden.loss() }
        expectClose(actual: [loss.item()], expected: try golden.values("loss"), relative: tolerance, "loss")
        tape.backward(from: loss)
        try golden.compareGradients(relative: tolerance)
    }

    @Test func trainsAlike() throws {
        let golden = try Golden()
        let parameters = golden.model.namedParameters()
        let rule = UpdateRule.adam(Adam(beta1: 0.9, beta2: 0.95, epsilon: 1e-8, decoupled: true))
        let group = ParameterGroup(name: "all", parameters: parameters, rule: rule, weightDecay: 0.1)
        let optimizer = try Optimizer(groups: [group], of: parameters)
        var losses: [Double] = []
        for _ in 0..<10 {
            let tape = Tape()
            let loss = tape.record { golden.loss() }
            tape.backward(from: loss)
            optimizer.step(learningRate: 3e-3)
            optimizer.clearGradients()
            losses.append(loss.item())
        }
        expectClose(
            actual: losses,
            expected: try golden.values("adamw_losses"),
            relative: 1e-4,
            absolute: 1e-5
        )
    }

    /// What is written holds the same tensors under the same keys, bit for bit, as what transformers wrote.
    @Test func filesAreThoseOfTransformers() throws {
        let golden = try Golden()
        let folder = try ScratchFolder()
        try golden.model.save(to: folder.path, labels: ["a", "b", "c"], isMultiLabel: false)
        let (theirs, ours) = (try WeightFiles(path: golden.folder), try WeightFiles(path: folder.path))
        #expect(theirs.names == ours.names)
        for name in theirs.names {
            #expect(try theirs.tensor(name).floats() == ours.tensor(name).floats(), "\(name)")
        }
        let again = try TextClassifierModel(folder: folder.path)
        #expect(again.logits(golden.batch).floats() == golden.model.logits(golden.batch).floats())
        let written = try JSONValue(contentsOf: "\(folder.path)/config.json")
        #expect(written["model_type"]?.stringValue == "bert" && written["num_labels"]?.integerValue == 3)
    }
}
