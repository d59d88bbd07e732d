import Foundation
import YuyanCheckpoints
import YuyanNeuralNetworks

/// A block of a Transformer decoder that also attends to an encoder's states.
///
/// Source: Vaswani et al., 2017.
public final class CrossDecoderBlock: Module {
    /// Attention among the target's positions.
    public let attention: SelfAttention
    /// The norm of attention's branch or sum.
    public let attentionNorm: any NormalizationLayer
    /// The factor on attention's branch with ReZero.
    public let attentionScale: ReZero?
    /// Attention over the source.
    public let crossAttention: CrossAttention
    /// The norm of its branch or sum.
    public let crossAttentionNorm: any NormalizationLayer
    /// The factor on its branch with ReZero.
    public let crossAttentionScale: ReZero?
    /// The feed-forward layer.
    public let feedForward: FeedForward
    /// The norm of the feed-forward branch or sum.
    public let feedForwardNorm: any NormalizationLayer
    /// The factor on the feed-forward branch with ReZero.
    public let feedForwardScale: ReZero?
    private let attentionDropout: Dropout
    private let crossAttentionDropout: Dropout
    private let feedForwardDropout: Dropout
    private let placement: NormPlacement

    init(_ options: BlockOptions, random: inout RandomSource) {
        attention = SelfAttention(options.attention, random: &random)
        attentionNorm = options.makeNorm()
        attentionScale = options.makeScale()
        crossAttention = CrossAttention(options.attention, random: &random)
        crossAttentionNorm = options.makeNorm()
        crossAttentionScale = options.makeScale()
        feedForward = options.makeFeedForward(random: &random)
        feedForwardNorm = options.makeNorm()
        feedForwardScale = options.makeScale()
        attentionDropout = Dropout(Float(options.dropout))
        crossAttentionDropout = Dropout(Float(options.dropout))
        feedForwardDropout = Dropout(Float(options.dropout))
        placement = options.placement
    }

    /// Applies the block; rows of the stream share a row of the memory when there are several for each.
    ///
    /// `observe` is told the weights over the memory.
    func callAsFunction(
        _ stream: ResidualStream,
        context: AttentionContext,
        memory: AttentionMemory,
        dtype: DType,
        observe: ((Tensor) -> Void)? = nil
    ) -> ResidualStream {
        stream
            .through(attentionNorm, placement, dtype) {
                attentionDropout(attentionScale.scaling(attention($0, context: context)))
            }
            .through(crossAttentionNorm, placement, dtype) { x in
                // Queries see each other only through the memory, so that rows of one source may stand side by side.
                let (shape, sources) = (x.shape.dimensions, memory.keys.shape[0])
                let rows = x.reshaped(sources, shape[0] * shape[1] / max(sources, 1), shape[2])
                observe?(crossAttention.weights(rows, memory: memory))
                let found = crossAttention(rows, memory: memory).reshaped(shape)
                return crossAttentionDropout(crossAttentionScale.scaling(found))
            }
            .through(feedForwardNorm, placement, dtype) {
                feedForwardDropout(feedForwardScale.scaling(feedForward($0)))
            }
    }
}

/// A Transformer that reads one sequence and writes another: translation, summaries, answers.
///
/// The residual stream is f32 (f64 when the parameters are); branches compute in ``computeDType``.
/// Sources: Vaswani et al., «Attention is all you need», 2017; Raffel et al., «T5», 2020.
public final class EncoderDecoderModel: SequenceToSequenceModel, MixedPrecisionModule {
    /// Sizes and choices.
    public let configuration: EncoderDecoderConfiguration
    /// The table of the target's tokens, and of the source's where both share one [V, D].
    public let tokenEmbedding: Embedding
    /// The table of the source's tokens; nil where it is the target's.
    public let sourceEmbedding: Embedding?
    /// The table of source positions.
    public let encoderPositions: Embedding?
    /// The table of target positions.
    public let decoderPositions: Embedding?
    /// The biases of distances in the source.
    public let encoderBias: RelativePositionBias?
    /// The biases of distances in the target.
    public let decoderBias: RelativePositionBias?
    /// The blocks that read.
    public let encoderBlocks: [EncoderBlock]
    /// The blocks that write.
    public let decoderBlocks: [CrossDecoderBlock]
    /// The norm behind the encoder; nil with norms behind the sums.
    public let encoderNorm: (any NormalizationLayer)?
    /// The norm behind the decoder; nil with norms behind the sums.
    public let decoderNorm: (any NormalizationLayer)?
    /// The projection to the vocabulary [V, D]; nil when it is the token table.
    public let head: Linear?
    /// The dtype that branches compute in: f32 or bf16; parameters of f64 compute in f64 whatever stands here.
    public var computeDType = DType.f32
    private let encoderDropout: Dropout
    private let decoderDropout: Dropout
    private let rotaryFrequencies: Tensor?

    /// Makes a model with initial weights.
    ///
    /// - Parameters:
    ///   - configuration: Sizes and choices.
    ///   - random: Where the draws come from; advances.
    public init(_ configuration: EncoderDecoderConfiguration, random: inout RandomSource) {
        self.configuration = configuration
        let (width, options) = (configuration.hiddenSize, configuration.blockOptions)
        func table(_ count: Int) -> Embedding {
            Embedding(
                count: count,
                width: width,
                initializer: configuration.tableInitializer,
                random: &random
            )
        }
        tokenEmbedding = table(configuration.vocabSize)
        sourceEmbedding = configuration.sourceVocabSize.map(table)
        let isLearned = configuration.positions == .learned
        encoderPositions = isLearned ? table(configuration.maxSourceLength) : nil
        decoderPositions = isLearned ? table(configuration.maxTargetLength) : nil
        func biases(isBidirectional: Bool) -> RelativePositionBias? {
            guard configuration.positions == .relative else { return nil }
            return RelativePositionBias(
                heads: configuration.numAttentionHeads,
                buckets: configuration.relativeBuckets,
                maxDistance: configuration.relativeMaxDistance,
                isBidirectional: isBidirectional,
                random: &random
            )
        }
        encoderBias = biases(isBidirectional: true)
        decoderBias = biases(isBidirectional: false)
        var (encoders, decoders): ([EncoderBlock], [CrossDecoderBlock]) = ([], [])
        for _ in 0..<configuration.encoderLayers { encoders.append(EncoderBlock(options, random: &random)) }
        for _ in 0..<configuration.decoderLayers {
            decoders.append(CrossDecoderBlock(options, random: &random))
        }
        (encoderBlocks, decoderBlocks) = (encoders, decoders)
        let isPre = configuration.normPlacement == .pre
        encoderNorm = isPre ? options.makeNorm() : nil
        decoderNorm = isPre ? options.makeNorm() : nil
        head =
            configuration.tieWordEmbeddings
            ? nil
            : Linear(
                inputWidth: width,
                outputWidth: configuration.vocabSize,
                hasBias: false,
                initializer: .xavierUniform(),
                random: &random
            )
        encoderDropout = Dropout(Float(configuration.dropout))
        decoderDropout = Dropout(Float(configuration.dropout))
        rotaryFrequencies =
            configuration.positions == .rotary
            ? RotaryOptions().frequencies(headWidth: configuration.headDim) : nil
    }

    /// The number of target tokens V.
    public var vocabularySize: Int { configuration.vocabSize }
    /// The number of source tokens.
    public var sourceVocabularySize: Int { configuration.sourceVocabSize ?? configuration.vocabSize }
    /// The token that the decoder begins with.
    public var startToken: Int32 { Int32(configuration.decoderStartTokenId) }
    /// The token that ends a target.
    public var endToken: Int32 { Int32(configuration.eosTokenId) }
    /// The most tokens of a source.
    public var maxSourceLength: Int { configuration.maxSourceLength }
    /// The most tokens of a target.
    public var maxTargetLength: Int { configuration.maxTargetLength }
    /// The tables of tokens, positions and distances.
    public var tables: [Parameter] {
        let tables = [tokenEmbedding, sourceEmbedding, encoderPositions, decoderPositions]
        return tables.compactMap { $0?.weight } + [encoderBias, decoderBias].compactMap { $0?.weight }
    }

    /// The projection to the vocabulary.
    public var projection: Parameter { head?.weight ?? tokenEmbedding.weight }

    private var dtype: DType { productDType(for: tokenEmbedding.weight.value.dtype) }

    // MARK: Reading

    /// The encoder's states.
    ///
    /// Traps when a source has more tokens than a table of positions.
    ///
    /// - Parameter source: The sources.
    /// - Returns: [B, S, D] in the computing dtype; what stands beyond a length means nothing.
    public func encode(_ source: TokenBatch) -> Tensor {
        let ids = source.idTensor
        let x = vectors(ids, sourceEmbedding ?? tokenEmbedding, encoderPositions, from: 0)
        var context = context(ids.shape, from: 0)
        context.segments = source.lengthTensor.map { sequenceSegments(lengths: $0, positions: source.length) }
        context.bias = encoderBias.map { $0(queries: source.length, keys: source.length) }
        var stream = ResidualStream(sum: encoderDropout(x), branch: nil)
        for block in encoderBlocks { stream = block(stream, context: context, dtype: dtype) }
        return stream.joined(encoderNorm, dtype: dtype).normalized
    }

    /// What every block of the decoder attends to.
    func memories(_ source: TokenBatch) -> [AttentionMemory] {
        let encoded = encode(source)
        return decoderBlocks.map { $0.crossAttention.memory(encoded, lengths: source.lengthTensor) }
    }

    // MARK: Writing

    /// The decoder's states, ready for the projection.
    ///
    /// - Parameters:
    ///   - ids: What the decoder sees i32 [B, T].
    ///   - memories: What each block attends to.
    ///   - start: The position of the first token.
    ///   - cache: Where earlier positions lie and these go; nil when the rows begin here.
    ///   - observe: Told the weights over the source of every block [B, H, T, S].
    /// - Returns: [B, T, D] in the computing dtype.
    func decode(
        _ ids: Tensor,
        _ memories: [AttentionMemory],
        from start: Int = 0,
        cache: CacheSlots? = nil,
        observe: ((Tensor) -> Void)? = nil
    ) -> Tensor {
        let x = vectors(ids, tokenEmbedding, decoderPositions, from: start)
        var context = context(ids.shape, from: start)
        context.isCausal = true
        context.bias = decoderBias.map {
            $0(queries: ids.shape[1], keys: start + ids.shape[1], offset: start)
        }
        var stream = ResidualStream(sum: decoderDropout(x), branch: nil)
        for (layer, block) in decoderBlocks.enumerated() {
            context.cache = cache.map { CacheWindow($0.cache, layer: layer, slots: $0.slots) }
            stream = block(
                stream,
                context: context,
                memory: memories[layer],
                dtype: dtype,
                observe: observe
            )
        }
        if let cache { cache.cache.advance(slots: cache.slots, by: ids.shape[1]) }
        let hidden = stream.joined(decoderNorm, dtype: dtype).normalized
        guard configuration.scaleDecoderOutputs else { return hidden }
        return hidden * (1 / Double(configuration.hiddenSize).squareRoot())
    }

    private func project(_ batch: SequenceBatch) -> SequenceProjection {
        SequenceProjection(
            hidden: decode(batch.inputs.idTensor, memories(batch.source)),
            weight: projection
        )
    }

    /// The cross-entropy of the targets' tokens.
    ///
    /// - Parameters:
    ///   - batch: Sources and targets.
    ///   - scale: The factor on the sum.
    ///   - smoothing: Label smoothing.
    /// - Returns: A scalar, f32 (f64 on the reference path).
    public func loss(_ batch: SequenceBatch, scale: Float, smoothing: Float = 0) -> Tensor {
        project(batch).loss(batch, scale: scale, smoothing: smoothing)
    }

    /// The cross-entropy of the tokens of each target, without gradients.
    ///
    /// - Parameter batch: Sources and targets.
    /// - Returns: B sums in nats.
    public func losses(_ batch: SequenceBatch) -> [Double] { project(batch).losses(batch) }

    /// The logits of the next target token at every place.
    ///
    /// - Parameter batch: Sources and targets.
    /// - Returns: [B, T, V], f32 (f64 on the reference path).
    public func logits(_ batch: SequenceBatch) -> Tensor { project(batch).logits }

    /// What each place of the targets looks at in the sources: the mean of all heads of all blocks.
    ///
    /// - Parameter batch: Sources and targets.
    /// - Returns: [B, T, S]; rows that sum to 1 over the real tokens of the source.
    public func crossAttention(_ batch: SequenceBatch) -> Tensor {
        Tape.withoutRecording {
            var sum: Tensor?
            _ = decode(batch.inputs.idTensor, memories(batch.source)) { weights in
                let own = weights.mean(axis: 1)
                sum = sum.map { $0 + own } ?? own
            }
            let shape: Shape = [batch.inputs.rows, batch.inputs.length, batch.source.length]
            return (sum ?? .zeros(shape)) * (1 / Double(max(decoderBlocks.count, 1)))
        }
    }

    /// Reads sources and stands ready to write, with a cache of keys and values.
    ///
    /// - Parameters:
    ///   - source: The sources.
    ///   - rows: The most targets of a source that are in the making at a time.
    ///   - capacity: The most tokens of a target.
    /// - Returns: The decoder at work.
    public func decoding(_ source: TokenBatch, rows: Int, capacity: Int) -> any SequenceDecoding {
        EncoderDecoderDecoding(self, source, rows: rows, capacity: capacity)
    }

    func makeCache(slots: Int, capacity: Int) -> KeyValueCache {
        KeyValueCache(
            layers: decoderBlocks.count,
            slots: slots,
            capacity: capacity,
            heads: configuration.numAttentionHeads,
            headWidth: configuration.headDim,
            dtype: dtype
        )
    }

    // MARK: Positions

    /// Token vectors with what a table or sinusoids tell of their positions.
    private func vectors(
        _ ids: Tensor,
        _ table: Embedding,
        _ positionTable: Embedding?,
        from start: Int
    ) -> Tensor {
        let width = configuration.hiddenSize
        var x = table(ids)
        if configuration.scaleEmbedding { x = x * Double(width).squareRoot() }
        let places = start..<start + ids.shape[1]
        if let positionTable {
            return x + positionTable(Tensor(places.map { Int32($0) }, shape: [places.count]))
        }
        guard configuration.positions == .sinusoidal else { return x }
        return x + Self.sinusoids(places, width: width).cast(to: x.dtype)
    }

    /// Sines of all frequencies, then their cosines [positions, width].
    private static func sinusoids(_ positions: Range<Int>, width: Int) -> Tensor {
        let half = width / 2
        let rates = (0..<half).map { Foundation.pow(10_000, -2 * Double($0) / Double(width)) }
        var values: [Float] = []
        values.reserveCapacity(positions.count * width)
        for position in positions {
            for rate in rates { values.append(Float(Foundation.sin(Double(position) * rate))) }
            for rate in rates { values.append(Float(Foundation.cos(Double(position) * rate))) }
        }
        return Tensor(values, shape: [positions.count, width])
    }

    private func context(_ shape: Shape, from start: Int) -> AttentionContext {
        var context = AttentionContext()
        if let rotaryFrequencies {
            let places = (start..<start + shape[1]).map { Int32($0) }
            context.frequencies = rotaryFrequencies
            context.positions = Tensor((0..<shape[0]).flatMap { _ in places }, shape: shape)
        }
        return context
    }

    /// Floating-point operations of the blocks and the projection.
    ///
    /// - Parameters:
    ///   - source: The tokens of a source.
    ///   - target: The tokens of a target.
    /// - Returns: Operations per pair.
    public func forwardFlops(source: Int, target: Int) -> Double {
        let width = Double(configuration.hiddenSize)
        let inner = Double(configuration.numAttentionHeads * configuration.headDim)
        let feedForward = Double(configuration.intermediateSize * (configuration.gatedMlp ? 3 : 2))
        let (from, to) = (Double(source), Double(target))
        let perToken = 2 * (4 * width * inner + width * feedForward)
        let encoder = from * (perToken + 4 * inner * from)
        let cross = to * 4 * width * inner + from * 4 * width * inner + 4 * inner * from * to
        let decoder = to * (perToken + 4 * inner * to) + cross
        return Double(encoderBlocks.count) * encoder + Double(decoderBlocks.count) * decoder
            + 2 * to * width * Double(vocabularySize)
    }
}

/// An encoder–decoder at work.
final class EncoderDecoderDecoding: SequenceDecoding {
    private let model: EncoderDecoderModel
    private let cache: KeyValueCache
    private var memories: [AttentionMemory]
    /// The cache's slot of each row.
    private var slots: [Int]
    private var position = 0

    init(_ model: EncoderDecoderModel, _ source: TokenBatch, rows: Int, capacity: Int) {
        self.model = model
        cache = model.makeCache(slots: source.rows * rows, capacity: capacity)
        memories = Tape.withoutRecording { model.memories(source) }
        slots = Array(0..<source.rows)
    }

    func step(_ ids: [Int32]) -> Tensor {
        Tape.withoutRecording {
            let input = Tensor(ids, shape: [ids.count, 1])
            let hidden = model.decode(
                input,
                memories,
                from: position,
                cache: CacheSlots(cache, slots: slots)
            )
            position += 1
            return vocabularyLogits(hidden, weight: model.projection)
                .reshaped(ids.count, model.vocabularySize)
        }
    }

    func keep(sources: [Int], parents: [Int]) {
        let all = memories.first?.keys.shape[0] ?? 0
        if sources.count < all {
            memories = Tape.withoutRecording { memories.map { $0.selecting(sources) } }
        }
        var free = Set(0..<cache.slotCount).subtracting(parents.map { slots[$0] }).sorted()
        var taken: Set<Int> = []
        slots = parents.map { parent in
            let slot = slots[parent]
            if taken.insert(slot).inserted { return slot }
            let copy = free.removeLast()
            cache.copy(slot: slot, to: copy)
            return copy
        }
        for slot in free { cache.truncate(slot: slot) }
    }
}
