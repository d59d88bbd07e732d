import Testing
import YuyanModels
import YuyanTestSupport

/// Factors on the branches of Transformers that begin at zero.
@Suite struct ReZeroTests {
    private func encoder(_ placement: String = "pre") throws -> TransformerEncoderConfiguration {
        let fields: JSONValue = [
            "model_type": "encoder", "vocab_size": 30, "hidden_size": 8, "num_hidden_layers": 3,
            "num_attention_heads": 2, "intermediate_size": 12, "hidden_dropout_prob": 0,
            "attention_probs_dropout_prob": 0, "norm_placement": .string(placement), "pooling": "mean",
            "use_rezero": true,
        ]
        return try TransformerEncoderConfiguration(ConfigurationReader(fields))
    }

    private func pairs(_ extra: JSONValue = [:]) throws -> EncoderDecoderModel {
        let usual: JSONValue = [
            "model_type": "encoder-decoder", "vocab_size": 23, "eos_token_id": 1, "decoder_start_token_id": 0,
            "dropout": 0, "hidden_size": 16, "encoder_layers": 2, "decoder_layers": 2,
            "position_embedding_type": "rotary", "use_rezero": true,
        ]
        var object = usual.objectValue ?? JSONObject()
        for (key, value) in extra.objectValue ?? JSONObject() { object[key] = value }
        var random = RandomSource(seed: 2)
        let model = try SequenceModels.make(ConfigurationReader(.object(object)), random: &random)
        return try #require(model as? EncoderDecoderModel)
    }

    private func factors(_ model: some Module) -> [NamedParameter] {
        model.namedParameters().filter { $0.name.hasSuffix("Scale.weight") }
    }

    /// The states of a new encoder are its token vectors, normalised, as if it had no blocks.
    @Test func aNewEncoderPassesItsTokensThrough() throws {
        var random = RandomSource(seed: 1)
        let model = TransformerEncoder(try encoder(), random: &random)
        #expect(factors(model).count == 6)
        let batch = TokenBatch([[4, 9, 2, 7], [5, 1, 3, 3]])
        let positions = Tensor([0, 1, 2, 3] as [Int32], shape: [4])
        let types = Tensor([Int32](repeating: 0, count: 8), shape: [2, 4])
        let table = try #require(model.positionEmbedding)
        let x = model.tokenEmbedding(batch.idTensor) + model.typeEmbedding(types) + table(positions)
        let norm = try #require(model.finalNorm)
        expectClose(
            actual: model.states(batch).doubles(),
            expected: norm(x).doubles(),
            absolute: 1e-6
        )
        for item in factors(model) { item.parameter.assign(Tensor([0.5 as Float], shape: [1])) }
        let moved = zip(model.states(batch).doubles(), norm(x).doubles()).contains { abs($0 - $1) > 1e-3 }
        #expect(moved)
    }

    /// A new encoder–decoder reads its tokens as they are, and what it writes does not depend on the source yet.
    @Test func aNewEncoderDecoderPassesItsTokensThrough() throws {
        let model = try pairs()
        #expect(factors(model).count == 2 * 2 + 2 * 3)
        let source = TokenBatch([[3, 4, 5, 1], [9, 8, 7, 1]])
        let norm = try #require(model.encoderNorm)
        expectClose(
            actual: model.encode(source).doubles(),
            expected: norm(model.tokenEmbedding(source.idTensor) * 4.0, outputDType: .f32).doubles(),
            absolute: 1e-6
        )
        func logits(_ source: [Int32]) -> [Double] {
            model.logits(SequenceBatch(sources: [source], targets: [[5, 6, 1]], start: 0)).doubles()
        }
        #expect(logits([3, 4, 1]) == logits([9, 8, 7, 2, 1]))
        for item in factors(model) where item.name.contains("crossAttentionScale") {
            item.parameter.assign(Tensor([1 as Float], shape: [1]))
        }
        #expect(logits([3, 4, 1]) != logits([9, 8, 7, 2, 1]))
    }

    /// At the beginning only the factors tell branches what to do; a step later every parameter learns.
    @Test func factorsLearnFirst() throws {
        let model = try pairs()
        let batch = SequenceBatch(
            sources: [[3, 4, 5, 1], [9, 8, 1]],
            targets: [[4, 6, 1], [5, 2, 7, 1]],
            start: 0
        )
        func gradients() -> (loss: Double, zero: [String]) {
            model.clearGradients()
            let tape = Tape()
            let loss = tape.record { model.loss(batch, scale: 1 / 7) }
            tape.backward(from: loss)
            let zero = model.namedParameters().filter { item in
                !(item.parameter.gradient?.doubles() ?? []).contains { $0 != 0 }
            }
            return (loss.item(), zero.map(\.name))
        }
        let first = gradients()
        #expect(first.zero.contains { $0.contains("outputProjection") })
        // The decoder does not read the encoder yet, so that its factors wait for those of the cross-attention.
        let factors = first.zero.filter { $0.hasSuffix("Scale.weight") }
        #expect(factors.allSatisfy { $0.hasPrefix("encoderBlocks") }, "\(factors)")
        for _ in 0..<30 {
            for item in model.namedParameters() {
                guard let gradient = item.parameter.gradient else { continue }
                item.parameter.assign(item.parameter.value - gradient * 0.1)
            }
            _ = gradients()
        }
        let last = gradients()
        #expect(last.zero.isEmpty, "\(last.zero)")
        #expect(last.loss < 0.9 * first.loss, "\(first.loss) → \(last.loss)")
    }

    /// The slope of the loss by a factor is the factor's gradient.
    @Test func gradientsOfFactorsAreSlopes() throws {
        let model = try pairs()
        for item in model.namedParameters() { item.parameter.convert(to: .f64) }
        for (number, item) in factors(model).enumerated() {
            item.parameter.assign(Tensor([0.2 + 0.05 * Double(number)], shape: [1]))
        }
        let batch = SequenceBatch(sources: [[3, 4, 5, 1]], targets: [[4, 6, 1]], start: 0)
        func loss() -> Tensor { model.loss(batch, scale: 1) }
        model.clearGradients()
        let tape = Tape()
        tape.backward(from: tape.record { loss() })
        for item in factors(model) {
            let value = item.parameter.value
            let gradient = try #require(item.parameter.gradient?.doubles().first)
            let step = 1e-5
            item.parameter.assign(value + step)
            let above = loss().item()
            item.parameter.assign(value - step)
            let slope = (above - loss().item()) / (2 * step)
            item.parameter.assign(value)
            #expect(abs(gradient - slope) < 1e-6 * max(1, abs(slope)), "\(item.name): \(gradient), \(slope)")
        }
    }

    /// Files bring the factors back, and say that there are some.
    @Test func filesBringFactorsBack() throws {
        let folder = try ScratchFolder()
        let model = try pairs()
        for item in factors(model) { item.parameter.assign(Tensor([0.25 as Float], shape: [1])) }
        try model.save(to: folder.path)
        let again = try #require(try SequenceModels.load(folder: folder.path) as? EncoderDecoderModel)
        #expect(again.configuration == model.configuration && again.configuration.useRezero)
        let batch = SequenceBatch(sources: [[3, 4, 1]], targets: [[5, 1]], start: 0)
        #expect(again.logits(batch).floats() == model.logits(batch).floats())
    }

    @Test func normsBehindTheSumsAreRefused() throws {
        let own = #expect(throws: (any Error).self) { _ = try encoder("post") }
        #expect("\(own.map { "\($0)" } ?? "")".contains("use_rezero"))
        let pair = #expect(throws: (any Error).self) { _ = try pairs(["norm_placement": "post"]) }
        #expect("\(pair.map { "\($0)" } ?? "")".contains("use_rezero"))
    }
}
