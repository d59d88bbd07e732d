import Testing
import YuyanModels
import YuyanTestSupport

/// A toy BertForSequenceClassification of transformers: logits, loss, every gradient and ten losses of training.
@Suite struct EncoderParityTests {
    struct Golden {
        let file: ModelGolden
        let model: TextClassifierModel
        let batch: TokenBatch
        let labels: [Int]

        init() throws {
            file = try ModelGolden("encoder/bert")
            model = try TextClassifierModel(folder: file.folder)
            batch = TokenBatch(
                try file.rows("input_ids", lengths: "lengths"),
                types: try file.rows("token_type_ids", lengths: "lengths")
            )
            labels = try file.integers("labels").map { Int($0) }
        }

        func loss() -> Tensor { model.loss(batch, classes: labels, scale: 1 / Float(labels.count)) }
    }

    @Test(arguments: [DType.f32, .f64]) func matches(dtype: DType) throws {
        let golden = try Golden()
        for parameter in golden.model.parameters() { parameter.convert(to: dtype) }
        let tolerance = dtype == .f64 ? 2e-7 : 2e-5
        expectClose(
            actual: golden.model.logits(golden.batch).doubles(),
            expected: try golden.file.values("logits"),
            relative: tolerance,
            absolute: tolerance,
            "logits"
        )
        let tape = Tape()
        let loss = tape.record { golden.loss() }
        expectClose(
            actual: [loss.item()],
            expected: try golden.file.values("loss"),
            relative: tolerance,
            "loss"
        )
        tape.backward(from: loss)
        // A key's bias moves no softmax: its gradient is rounding around zero.
        try golden.file.compareGradients(
            of: golden.model,
            golden.model.configuration.keyMap,
            relative: tolerance
        ) { $0.hasSuffix("key.bias") ? 1e-7 : 0 }
    }

    @Test func trainsAlike() throws {
        let golden = try Golden()
        let losses = try ModelGolden.train(golden.model, steps: 10) { golden.loss() }
        expectClose(
            actual: losses,
            expected: try golden.file.values("adamw_losses"),
            relative: 1e-4,
            absolute: 1e-5
        )
    }

    /// What is written holds the same tensors under the same keys, bit for bit, as what transformers wrote.
    @Test func filesAreThoseOfTransformers() throws {
        let golden = try Golden()
        let folder = try ScratchFolder()
        try golden.model.save(to: folder.path, labels: ["a", "b", "c"], isMultiLabel: false)
        try golden.file.compareFiles(folder.path)
        let again = try TextClassifierModel(folder: folder.path)
        #expect(again.logits(golden.batch).floats() == golden.model.logits(golden.batch).floats())
        let written = try JSONValue(contentsOf: "\(folder.path)/config.json")
        #expect(written["model_type"]?.stringValue == "bert" && written["num_labels"]?.integerValue == 3)
    }
}
