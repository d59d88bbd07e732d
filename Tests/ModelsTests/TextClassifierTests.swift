import Foundation
import Testing
import YuyanModels
import YuyanTestSupport

/// What holds for text classifiers of every family.
@Suite struct TextClassifierTests {
    static let families: [(name: String, fields: [String: JSONValue])] = [
        ("bag-of-embeddings", ["buckets": 50, "max_ngram": 3]),
        ("bag-of-embeddings", ["max_ngram": 1, "pooling": "max"]),
        ("mlp", ["hidden_sizes": [7, 5]]), ("mlp", ["hidden_sizes": .array([]), "pooling": "sum"]),
        ("text-cnn", ["kernel_sizes": [1, 3, 5], "num_filters": 4]),
        ("dpcnn", ["num_filters": 6, "num_blocks": 3]),
        ("rnn", ["hidden_size": 5, "pooling": "last"]), ("gru", ["hidden_size": 5, "pooling": "mean"]),
        ("lstm", ["hidden_size": 5, "num_layers": 2, "pooling": "max"]),
        ("lstm", ["hidden_size": 5, "bidirectional": false, "pooling": "attention", "attention_dim": 3]),
        ("lstm", ["hidden_size": 5, "pooling": "additive", "attention_dim": 3]),
        ("gru", ["hidden_size": 5, "pooling": "multiplicative"]),
        ("encoder", ["hidden_size": 8, "num_attention_heads": 2, "intermediate_size": 12]),
        (
            "encoder",
            [
                "hidden_size": 8, "num_attention_heads": 2, "intermediate_size": 12, "norm_placement": "pre",
                "pooling": "mean",
            ]
        ),
        (
            "encoder",
            [
                "hidden_size": 8, "num_attention_heads": 2, "intermediate_size": 12, "norm_placement": "pre",
                "pooling": "cls", "use_rezero": true,
            ]
        ),
        (
            "encoder",
            [
                "hidden_size": 8, "num_attention_heads": 2, "intermediate_size": 12, "norm_placement": "post",
                "pooling": "mean", "position_embedding_type": "rotary",
            ]
        ),
    ]

    static func model(_ number: Int, dropout: Double = 0) throws -> TextClassifierModel {
        let (name, fields) = families[number]
        var object = JSONObject()
        object["model_type"] = .string(name)
        object["vocab_size"] = 30
        object["embedding_dim"] = 6
        object["embedding_dropout"] = .number(dropout)
        for key in ["hidden_dropout_prob", "attention_probs_dropout_prob", "dropout"] {
            object[key] = .number(dropout)
        }
        for (key, value) in fields { object[key] = value }
        let configuration = try TextEncoderFamilies.configuration(ConfigurationReader(.object(object)))
        var random = RandomSource(seed: 3)
        let model = TextClassifierModel(configuration, classCount: 3, dropout: dropout, random: &random)
        // Far from the initial values, so that biases count and padding would show.
        for item in model.namedParameters() {
            let noise = Tensor.normal(item.parameter.shape, standardDeviation: 0.3, random: &random)
            item.parameter.assign(item.parameter.value + noise)
        }
        return model
    }

    private let texts: [[Int32]] = [[4, 9, 2, 7, 7, 1, 12, 3], [5], [8, 9], [3, 1, 29, 4, 6]]

    @Test(arguments: families.indices) func paddingChangesNothing(number: Int) throws {
        let model = try Self.model(number)
        let together = model.logits(TokenBatch(texts)).floats()
        for (row, text) in texts.enumerated() {
            let alone = model.logits(TokenBatch([text])).floats()
            for (column, value) in alone.enumerated() {
                #expect(
                    abs(value - together[row * 3 + column]) < 2e-5,
                    "\(Self.families[number].name), text \(row)"
                )
            }
        }
    }

    @Test(arguments: families.indices) func aTextWithoutTokensHasFiniteLogits(number: Int) throws {
        let model = try Self.model(number)
        let areFinite = model.logits(TokenBatch([[], [3, 4]])).floats().allSatisfy(\.isFinite)
        #expect(areFinite)
        let tape = Tape()
        let loss = tape.record { model.loss(TokenBatch([[], []]), classes: [0, 1], scale: 0.5) }
        tape.backward(from: loss)
        for item in model.namedParameters() {
            let areFinite = (item.parameter.gradient?.floats() ?? []).allSatisfy(\.isFinite)
            #expect(areFinite, "\(item.name)")
        }
    }

    @Test(arguments: families.indices) func foldersGiveTheSameModelBack(number: Int) throws {
        let (model, folder) = (try Self.model(number), try ScratchFolder())
        try model.save(to: folder.path, labels: ["a", "b", "c"], isMultiLabel: false)
        let again = try TextClassifierModel(folder: folder.path)
        #expect(again.logits(TokenBatch(texts)).floats() == model.logits(TokenBatch(texts)).floats())
        #expect(again.namedParameters().map(\.name) == model.namedParameters().map(\.name))
    }

    /// Every parameter takes part, and a few steps bring the loss down.
    @Test(arguments: families.indices) func gradientsReachEveryParameter(number: Int) throws {
        let model = try Self.model(number)
        let batch = TokenBatch(texts + texts)
        func loss() -> Tensor { model.loss(batch, classes: [0, 1, 2, 1, 0, 1, 2, 1], scale: 1 / 8) }
        let first = loss().item()
        for _ in 0..<80 {
            model.clearGradients()
            let tape = Tape()
            tape.backward(from: tape.record { loss() })
            for item in model.namedParameters() {
                let gradient = try #require(item.parameter.gradient, "\(item.name)")
                item.parameter.assign(item.parameter.value - gradient * 0.05)
            }
        }
        #expect(loss().item() < 0.9 * first, "\(Self.families[number].name): \(first) → \(loss().item())")
    }

    /// Draws depend on seed and call alone, and none are made outside training.
    @Test(arguments: families.indices) func dropoutFollowsItsSeed(number: Int) throws {
        let model = try Self.model(number, dropout: 0.5)
        let batch = TokenBatch(texts)
        func logits(_ call: UInt64) -> [Float] {
            model.setTraining(true)
            model.setRandom(seed: 5, call: call)
            defer { model.setTraining(false) }
            return model.logits(batch).floats()
        }
        #expect(logits(1) == logits(1))
        #expect(logits(1) != logits(2))
        #expect(model.logits(batch).floats() == model.logits(batch).floats())
    }

    /// Convolutions and Transformers compute in bf16 when they are told to; everything else stays in f32.
    @Test(arguments: families.indices) func bfloat16StaysClose(number: Int) throws {
        let (name, model) = (Self.families[number].name, try Self.model(number))
        let batch = TokenBatch(texts)
        func step() -> (loss: Double, gradient: [Double]) {
            model.clearGradients()
            let tape = Tape()
            let loss = tape.record { model.loss(batch, classes: [0, 1, 2, 1], scale: 1 / 4) }
            tape.backward(from: loss)
            return (loss.item(), model.parameters().flatMap { $0.gradient?.doubles() ?? [] })
        }
        let exact = step()
        let isMixed = ["text-cnn", "dpcnn", "encoder"].contains(name)
        #expect(model.setComputeDType(.bf16) == (isMixed ? .bf16 : .f32))
        let close = step()
        #expect(model.logits(batch).dtype == .f32)
        #expect(model.parameters().allSatisfy { $0.gradient?.dtype == .f32 })
        #expect((close.loss == exact.loss) == !isMixed, "\(name)")
        #expect(abs(close.loss - exact.loss) < 0.05 * max(exact.loss, 1), "\(name)")
        func product(_ a: [Double], _ b: [Double]) -> Double { zip(a, b).reduce(0) { $0 + $1.0 * $1.1 } }
        let lengths = product(exact.gradient, exact.gradient) * product(close.gradient, close.gradient)
        #expect(product(exact.gradient, close.gradient) > 0.98 * lengths.squareRoot(), "\(name)")
        model.setComputeDType(.f32)
        #expect(step().loss == exact.loss)
    }

    @Test func multiLabelLossIsTheMeanOfDecisions() throws {
        let model = try Self.model(4)
        let batch = TokenBatch(texts)
        let sets = [[0, 2], [], [1], [0, 1, 2]]
        let logits = model.logits(batch).doubles()
        var expected = 0.0
        for (row, own) in sets.enumerated() {
            for number in 0..<3 {
                let x = logits[row * 3 + number]
                let sign = own.contains(number) ? -1.0 : 1.0
                expected += log(1 + exp(sign * x)) / 3
            }
        }
        let loss = model.loss(batch, classSets: sets, scale: 0.25).item()
        #expect(abs(loss - expected * 0.25) < 1e-5)
        // Smoothing s asks for 1 − s/2 of what is there and s/2 of what is not.
        var smoothed = 0.0
        for (row, own) in sets.enumerated() {
            for number in 0..<3 {
                let (x, z) = (logits[row * 3 + number], own.contains(number) ? 0.875 : 0.125)
                smoothed += (z * log(1 + exp(-x)) + (1 - z) * log(1 + exp(x))) / 3
            }
        }
        let mixed = model.loss(batch, classSets: sets, scale: 0.25, smoothing: 0.25).item()
        #expect(abs(mixed - smoothed * 0.25) < 1e-5 && abs(mixed - loss) > 1e-3, "\(mixed)")
    }

    static let wrongFields: [(family: String, key: String, value: JSONValue)] = [
        ("text-cnn", "kernel_sizes", .array([.integer(0)])), ("text-cnn", "kernel_sizes", .array([])),
        ("text-cnn", "num_filters", .integer(-1)), ("text-cnn", "vocab_size", .integer(1 << 40)),
        ("dpcnn", "num_blocks", .integer(1000)), ("lstm", "pooling", .string("middle")),
        ("lstm", "hidden_size", .string("x")), ("encoder", "num_attention_heads", .integer(3)),
        ("encoder", "layer_norm_eps", .number(-1)), ("bag-of-embeddings", "max_ngram", .integer(99)),
        ("mlp", "dropout", .number(1)), ("mlp", "embedding_init", .string("wild")),
        ("none", "vocab_size", .integer(3)),
    ]

    @Test(arguments: wrongFields) func wrongConfigurationsAreRefused(
        family: String,
        key: String,
        value: JSONValue
    ) throws {
        var object = JSONObject()
        object["model_type"] = .string(family)
        object["vocab_size"] = 30
        object["hidden_size"] = family == "encoder" ? 8 : 5
        object[key] = value
        let error = #expect(throws: FileFormatError.self) {
            _ = try TextEncoderFamilies.configuration(ConfigurationReader(.object(object), path: "c.json"))
        }
        let wanted = family == "none" ? "model_type" : key
        #expect(error?.description.contains(wanted) == true, "\(error?.description ?? "-")")
    }
}
