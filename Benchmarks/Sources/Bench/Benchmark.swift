/// Something that is measured here and in a peer: a line of words that both understand, and the work it stands for.
///
/// The words (extents as in the legend of axes of the documentation):
/// - `product <dtype> <forward|input|weight> <rows> <in> <out>`: a linear layer's product, the gradient of its input
///   or the gradient of its weight.
/// - `attention <dtype> <forward|backward> <B> <T> <H> <E>`: causal attention on a packed projection.
/// - `layernorm <dtype> <forward|backward> <rows> <D>`, `gelu <dtype> <forward|backward> <rows> <F>` (tanh form).
/// - `crossentropy <dtype> <rows> <D> <V>`: projection to the vocabulary and loss with the gradients of both factors.
/// - `adamw f32 <values>`: one step over one parameter.
/// - `train <config> <dtype>`: a whole step: forward, backward, AdamW.
/// - `bilstm <dtype> <last|max> <B> <T> <V> <D> <H> <layers>`: a whole step of a classifier: embedding of width D, LSTM in
///   both directions, the last position or the maximum over positions, two classes, AdamW.
/// - `textcnn <dtype> <B> <T> <V> <D> <filters>`, `encoder <dtype> <B> <T> <V> <D> <heads> <layers> <F>`: a whole step
///   of a convolutional classifier, or of one on a Transformer encoder in BERT's form.
/// - `sequence <dtype> <B> <T> <V> <D> <F> <layers> <heads>`: a whole step of a Transformer that reads B sequences and
///   writes B others.
/// - `latency f32 <family> <T> <V> <sizes …>`: the answer to one sentence by a classifier, see ``ClassifierSizes``.
/// - `decode <config> <dtype>`: one token of one text behind a key/value cache.
struct Benchmark {
    let specification: String
    /// The unit of the rate.
    let unit: String
    /// How much of the unit one run does.
    let work: Double

    private init(_ specification: String, unit: String, work: Double) {
        self.specification = specification
        self.unit = unit
        self.work = work
    }

    /// The rate when one run takes a time.
    func rate(seconds: Double) -> Double { work / seconds }

    static func product(_ dtype: String, _ form: String, _ m: Int, _ k: Int, _ n: Int) -> Benchmark {
        Benchmark(
            "product \(dtype) \(form) \(m) \(k) \(n)",
            unit: "GFLOP/s",
            work: 2e-9 * Double(m) * Double(k) * Double(n)
        )
    }

    /// Causal: half of the scores are counted; backward does five products where forward does two.
    static func attention(
        _ dtype: String,
        _ form: String,
        _ b: Int,
        _ t: Int,
        _ h: Int,
        _ e: Int
    )
        -> Benchmark
    {
        let product = Double(b) * Double(t) * Double(t) * Double(h) * Double(e)
        return Benchmark(
            "attention \(dtype) \(form) \(b) \(t) \(h) \(e)",
            unit: "GFLOP/s",
            work: 1e-9 * product * (form == "forward" ? 2 : 5)
        )
    }

    /// Counted in bytes that must be read and written once.
    static func rows(_ name: String, _ dtype: String, _ form: String, _ n: Int, _ d: Int) -> Benchmark {
        let element = dtype == "bf16" ? 2 : 4
        return Benchmark(
            "\(name) \(dtype) \(form) \(n) \(d)",
            unit: "GB/s",
            work: 1e-9 * Double(n) * Double(d) * Double(element) * (form == "forward" ? 2 : 3)
        )
    }

    static func crossEntropy(_ dtype: String, _ n: Int, _ d: Int, _ v: Int) -> Benchmark {
        Benchmark(
            "crossentropy \(dtype) \(n) \(d) \(v)",
            unit: "GFLOP/s",
            work: 6e-9 * Double(n) * Double(d) * Double(v)
        )
    }

    /// Value, gradient and two moments are read, all but the gradient written.
    static func adamW(_ count: Int) -> Benchmark {
        Benchmark("adamw f32 \(count)", unit: "GB/s", work: 28e-9 * Double(count))
    }

    static func train(_ model: ModelSize, _ dtype: String) -> Benchmark {
        Benchmark("train \(model.name) \(dtype)", unit: "tokens/s", work: Double(model.tokensPerStep))
    }

    static func biLSTM(_ readout: String) -> Benchmark {
        Benchmark("bilstm f32 \(readout) 128 100 10000 300 128 2", unit: "tokens/s", work: 128 * 100)
    }

    static func textCNN(_ dtype: String, _ positions: Int) -> Benchmark {
        let words = "textcnn \(dtype) 50 \(positions) 14000 300 100"
        return Benchmark(words, unit: "tokens/s", work: Double(50 * positions))
    }

    /// An encoder of BERT-base's sizes.
    static func encoder(_ dtype: String) -> Benchmark {
        Benchmark("encoder \(dtype) 16 128 30522 768 12 12 3072", unit: "tokens/s", work: 16 * 128)
    }

    /// An encoder–decoder of the base sizes of Vaswani et al., 2017; tokens of the target count.
    static func sequence(_ dtype: String) -> Benchmark {
        Benchmark("sequence \(dtype) 16 64 32000 512 2048 6 8", unit: "tokens/s", work: 16 * 64)
    }

    /// Answers to sentences of 20 tokens.
    static var latencies: [Benchmark] {
        [
            "bag 20 14000 64", "mlp 20 14000 300 256", "textcnn 20 14000 300 100", "dpcnn 20 14000 300 250 4",
            "bilstm 20 14000 300 128 1", "bigru 20 14000 300 128 1", "birnn 20 14000 300 128 1",
            "bilstm-attention 20 14000 300 128 1", "encoder 20 8000 128 4 2 512",
        ].map { Benchmark("latency f32 \($0)", unit: "sentences/s", work: 1) }
    }

    static func decode(_ model: ModelSize, _ dtype: String) -> Benchmark {
        Benchmark("decode \(model.name) \(dtype)", unit: "tokens/s", work: 1)
    }
}

/// The sizes of a decoder of GPT-2's kind and of its batches.
struct ModelSize {
    let name: String
    let vocabulary: Int
    let context: Int
    let layers: Int
    let heads: Int
    let width: Int
    let batch: Int

    var tokensPerStep: Int { batch * context }

    /// A model of 10.8 million values on bytes.
    static let a = ModelSize(
        name: "a",
        vocabulary: 256,
        context: 256,
        layers: 6,
        heads: 6,
        width: 384,
        batch: 16
    )
    /// GPT-2, 124 million values.
    static let b4 = ModelSize(
        name: "b4",
        vocabulary: 50257,
        context: 512,
        layers: 12,
        heads: 12,
        width: 768,
        batch: 4
    )
    /// Small enough for a trial.
    static let tiny = ModelSize(
        name: "tiny",
        vocabulary: 256,
        context: 64,
        layers: 2,
        heads: 2,
        width: 64,
        batch: 4
    )
    static let all = [a, b4, tiny]

    static func named(_ name: String) throws -> ModelSize {
        guard let size = all.first(where: { $0.name == name }) else {
            throw BenchError(
                "there is no model \(name); there are \(all.map(\.name).joined(separator: ", "))"
            )
        }
        return size
    }

    /// The words that a peer takes: V T L H D B.
    var words: String { "\(vocabulary) \(context) \(layers) \(heads) \(width) \(batch)" }
}

/// What a benchmark cannot go on with.
struct BenchError: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}

extension Benchmark {
    /// The kernels of training steps and their gradients.
    static func kernels(quick: Bool, dtypes: [String]) -> [Benchmark] {
        var list: [Benchmark] = []
        let shapes =
            quick
            ? [(4096, 384, 1152), (2048, 768, 3072), (2048, 3072, 768)]
            : [
                (4096, 384, 1152), (4096, 384, 384), (4096, 384, 1536), (4096, 1536, 384),
                (2048, 768, 2304), (2048, 768, 768), (2048, 768, 3072), (2048, 3072, 768),
                (1024, 768, 50257),
            ]
        for dtype in dtypes {
            for (m, k, n) in shapes {
                for form in ["forward", "input", "weight"] { list.append(.product(dtype, form, m, k, n)) }
            }
            for form in ["forward", "backward"] {
                list.append(.attention(dtype, form, 16, 256, 6, 64))
                list.append(.attention(dtype, form, 4, 512, 12, 64))
            }
            for form in ["forward", "backward"] {
                list.append(.rows("layernorm", dtype, form, 2048, 768))
                list.append(.rows("gelu", dtype, form, 2048, 3072))
            }
            list.append(.crossEntropy(dtype, quick ? 256 : 2048, 768, 50257))
        }
        list.append(.adamW(quick ? 10_000_000 : 38_597_376))
        return list
    }
}
