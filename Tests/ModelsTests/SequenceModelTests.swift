import Testing
import YuyanModels
import YuyanTestSupport

/// Models from sequences to sequences: what their parts promise.
@Suite struct SequenceModelTests {
    private static let base =
        [
            "vocab_size": 23, "eos_token_id": 1, "decoder_start_token_id": 0, "dropout": 0, "hidden_size": 16,
        ] as JSONValue

    private static let kinds: [(name: String, fields: JSONValue)] = [
        ("sinusoidal", ["model_type": "encoder-decoder"]),
        (
            "learned, post",
            ["model_type": "encoder-decoder", "position_embedding_type": "learned", "norm_placement": "post"]
        ),
        (
            "relative, RMS, gated",
            [
                "model_type": "encoder-decoder", "position_embedding_type": "relative",
                "normalization": "rms_norm", "gated_mlp": true, "bias": false, "head_dim": 6,
                "tie_word_embeddings": false,
            ]
        ),
        (
            "rotary, two tables",
            ["model_type": "encoder-decoder", "position_embedding_type": "rotary", "source_vocab_size": 19]
        ),
        ("luong", ["model_type": "recurrent-encoder-decoder", "embedding_dim": 12]),
        (
            "luong fed",
            [
                "model_type": "recurrent-encoder-decoder", "embedding_dim": 12, "input_feeding": true,
                "num_layers": 2,
            ]
        ),
        (
            "bahdanau",
            [
                "model_type": "recurrent-encoder-decoder", "embedding_dim": 12, "attention": "additive",
                "cell": "gru", "tie_word_embeddings": false, "bidirectional": false,
            ]
        ),
    ]

    private static func make(_ fields: JSONValue, seed: UInt64 = 1) throws -> any SequenceToSequenceModel {
        var object = base.objectValue ?? JSONObject()
        for (key, value) in fields.objectValue ?? JSONObject() { object[key] = value }
        var random = RandomSource(seed: seed)
        return try SequenceModels.make(ConfigurationReader(.object(object)), random: &random)
    }

    private let sources: [[Int32]] = [[3, 4, 5, 6, 7, 1], [9, 1], [2, 2, 8, 1]]
    private let targets: [[Int32]] = [[4, 1], [5, 6, 7, 8, 9, 1], [1]]

    /// A pair's logits are the same with others beside it, whose padding is longer.
    @Test(arguments: kinds.indices) func padding(kind: Int) throws {
        let model = try Self.make(Self.kinds[kind].fields)
        let together = model.logits(SequenceBatch(sources: sources, targets: targets, start: 0))
        for row in sources.indices {
            let batch = SequenceBatch(sources: [sources[row]], targets: [targets[row]], start: 0)
            let alone = model.logits(batch).doubles()
            let own = together.slice(axis: 0, row..<row + 1).slice(axis: 1, 0..<targets[row].count)
            expectClose(actual: own.doubles(), expected: alone, absolute: 2e-5, "\(Self.kinds[kind].name)")
        }
    }

    /// Tokens taken up one by one give what the whole target gives, also after rows were chosen anew.
    @Test(arguments: kinds.indices) func stepByStep(kind: Int) throws {
        let model = try Self.make(Self.kinds[kind].fields)
        let sources: [[Int32]] = [[3, 4, 5, 6, 1], [9, 8, 7, 2, 1]]
        let work = model.decoding(TokenBatch(sources), rows: 3, capacity: 8)
        var seen: [[Int32]] = [[0], [0]]
        var owners = [0, 1]
        func check(_ logits: Tensor, step: Int) {
            for (row, tokens) in seen.enumerated() {
                let batch = SequenceBatch(
                    sources: [sources[owners[row]]],
                    targets: [Array(tokens.dropFirst()) + [1]],
                    start: 0
                )
                let whole = model.logits(batch).slice(axis: 1, tokens.count - 1..<tokens.count)
                expectClose(
                    actual: logits.slice(axis: 0, row..<row + 1).doubles(),
                    expected: whole.doubles(),
                    absolute: 2e-5,
                    "\(Self.kinds[kind].name), step \(step), row \(row)"
                )
            }
        }
        check(work.step([0, 0]), step: 0)
        // Three rows for each source.
        work.keep(sources: [0, 1], parents: [0, 0, 0, 1, 1, 1])
        seen = [[0, 5], [0, 6], [0, 7], [0, 8], [0, 9], [0, 2]]
        owners = [0, 0, 0, 1, 1, 1]
        check(work.step(seen.compactMap(\.last)), step: 1)
        // The second source alone, two of its rows from one.
        work.keep(sources: [1], parents: [5, 3, 5])
        seen = [[0, 2, 4], [0, 8, 4], [0, 2, 3]]
        owners = [1, 1, 1]
        check(work.step(seen.compactMap(\.last)), step: 2)
        work.keep(sources: [0], parents: [2, 1, 0])
        seen = [[0, 2, 3, 9], [0, 8, 4, 9], [0, 2, 4, 11]]
        check(work.step(seen.compactMap(\.last)), step: 3)
    }

    /// The numbers of a row do not depend on how many rows there are, to the last bit.
    @Test(arguments: kinds.indices) func rowsAreComputedAlone(kind: Int) throws {
        let model = try Self.make(Self.kinds[kind].fields)
        let sources = (0..<7).map { row -> [Int32] in
            let tokens = (0..<9).map { place -> Int32 in Int32(2 + (row * 5 + place * 3) % 17) }
            return tokens + [1]
        }
        func logits(_ members: [Int]) -> [[Float]] {
            let work = model.decoding(TokenBatch(members.map { sources[$0] }), rows: 1, capacity: 4)
            _ = work.step(members.map { _ in 0 })
            let next = work.step(members.map { Int32(3 + $0) }).floats()
            return members.indices.map {
                Array(next[$0 * model.vocabularySize..<($0 + 1) * model.vocabularySize])
            }
        }
        let all = logits(Array(0..<7))
        for members in [[0], [3, 5], [6, 1, 2, 0]] {
            for (own, member) in zip(logits(members), members) {
                #expect(own == all[member], "\(Self.kinds[kind].name), \(member) of \(members)")
            }
        }
    }

    /// Every parameter has a part in the loss, with dropout on, and label smoothing is that of the cross-entropy.
    @Test(arguments: kinds.indices) func everyParameterLearns(kind: Int) throws {
        let model = try Self.make(Self.kinds[kind].fields)
        model.setTraining(true)
        model.setRandom(seed: 3, call: 1)
        let batch = SequenceBatch(sources: sources, targets: targets, start: 0)
        let tape = Tape()
        let loss = tape.record { model.loss(batch, scale: 1, smoothing: 0.1) }
        tape.backward(from: loss)
        for item in model.namedParameters() {
            let gradient = item.parameter.gradient?.doubles() ?? []
            #expect(gradient.contains { $0 != 0 }, "\(Self.kinds[kind].name): \(item.name)")
        }
        let whole = crossEntropy(
            model.logits(batch),
            targets: Tensor(batch.labels, shape: [3, batch.inputs.length]),
            scale: 1,
            smoothing: 0.1
        )
        expectClose(actual: [loss.item()], expected: [whole.item()], relative: 1e-5)
        #expect(model.forwardFlops(source: 4, target: 5) > model.forwardFlops(source: 4, target: 4))
    }

    @Test func bfloat16StaysClose() throws {
        for kind in 0..<4 {
            let model = try #require(try Self.make(Self.kinds[kind].fields) as? EncoderDecoderModel)
            let batch = SequenceBatch(sources: sources, targets: targets, start: 0)
            let exact = model.loss(batch, scale: 1 / 9).item()
            model.computeDType = .bf16
            expectClose(actual: [model.loss(batch, scale: 1 / 9).item()], expected: [exact], relative: 2e-2)
        }
    }

    @Test(arguments: [
        (["model_type": "encoder-decoder", "num_attention_heads": 3] as JSONValue, "num_attention_heads"),
        (["model_type": "encoder-decoder", "eos_token_id": 23] as JSONValue, "eos_token_id"),
        (["model_type": "encoder-decoder", "normalization": "none"] as JSONValue, "normalization"),
        (["model_type": "encoder-decoder", "encoder_layers": 5000] as JSONValue, "encoder_layers"),
        (["model_type": "encoder-decoder", "max_target_length": 1] as JSONValue, "max_target_length"),
        (["model_type": "encoder-decoder", "source_vocab_size": 0] as JSONValue, "source_vocab_size"),
        (
            ["model_type": "encoder-decoder", "position_embedding_type": "rotary", "head_dim": 5]
                as JSONValue,
            "head_dim"
        ),
        (["model_type": "t5", "feed_forward_proj": "gated-tanh"] as JSONValue, "feed_forward_proj"),
        (["model_type": "marian", "decoder_ffn_dim": 7] as JSONValue, "decoder_ffn_dim"),
        (["model_type": "bert"] as JSONValue, "model_type"),
        (
            ["model_type": "recurrent-encoder-decoder", "attention": "additive", "input_feeding": true]
                as JSONValue, "input_feeding"
        ),
        (["model_type": "recurrent-encoder-decoder", "cell": "rnn"] as JSONValue, "cell"),
    ]) func mistakesAreNamed(fields: JSONValue, field: String) throws {
        let error = #expect(throws: (any Error).self) { try Self.make(fields) }
        #expect("\(error.map { "\($0)" } ?? "")".contains(field))
    }

    /// Fields of other libraries' models have Yuyan's names, and a recipe's dropout is T5's.
    @Test(arguments: [
        (["model_type": "t5", "d_model": 32, "num_heads": 4, "d_kv": 8] as JSONValue, 32),
        (["model_type": "marian", "vocab_size": 58_101, "d_model": 64] as JSONValue, 64),
    ]) func fieldsHaveOneName(fields: JSONValue, width: Int) throws {
        var object = try #require(fields.objectValue)
        object["dropout"] = 0.25
        let all = try SequenceModels.fields(ConfigurationReader(.object(object)))
        #expect(all["hidden_size"]?.integerValue == width && all["dropout"]?.numberValue == 0.25)
        #expect(all["encoder_layers"]?.integerValue ?? 0 > 0 && all["bias"]?.boolValue != nil)
    }
}
