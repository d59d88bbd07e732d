import YuyanNeuralNetworks

/// A decoder-only Transformer that predicts the next token: GPT-2, Llama and what lies between.
///
/// The residual stream is f32 (f64 when the parameters are); branches compute in ``computeDType``.
/// Sources: Radford et al., 2019 (GPT-2); Touvron et al., 2023 (Llama).
public final class DecoderModel: MixedPrecisionModule {
    /// Sizes and choices.
    public let configuration: DecoderConfiguration
    /// The token table [V, D].
    public let tokenEmbedding: Embedding
    /// The position table [P, D].
    public let positionEmbedding: Embedding?
    /// Dropout on the token vectors.
    public let embeddingDropout: Dropout
    /// The blocks.
    public let blocks: [TransformerBlock]
    /// The normalisation at the end.
    public let finalNorm: (any NormalizationLayer)?
    /// The projection to the vocabulary [V, D]; nil when it is the token table.
    public let head: Linear?
    /// Rotary frequencies f32 [E/2].
    public let rotaryFrequencies: Tensor?
    /// The dtype that branches compute in: f32 or bf16; parameters of f64 compute in f64 whatever stands here.
    public var computeDType = DType.f32
    /// Whether each block keeps only its input in training and is computed again in the backward pass.
    public var checkpointsActivations = false

    /// Makes a model with initial weights.
    ///
    /// - Parameters:
    ///   - configuration: Sizes and choices.
    ///   - random: Where the draws come from; advances.
    public convenience init(_ configuration: DecoderConfiguration, random: inout RandomSource) {
        self.init(configuration, initializers: DecoderInitializers(configuration), random: &random)
    }

    init(
        _ configuration: DecoderConfiguration,
        initializers: DecoderInitializers,
        random: inout RandomSource
    ) {
        self.configuration = configuration
        let initializer = initializers.plain
        tokenEmbedding = Embedding(
            count: configuration.vocabSize,
            width: configuration.hiddenSize,
            initializer: initializer,
            random: &random
        )
        positionEmbedding =
            configuration.positionEmbeddingType == .learned
            ? Embedding(
                count: configuration.maxPositionEmbeddings,
                width: configuration.hiddenSize,
                initializer: initializer,
                random: &random
            ) : nil
        embeddingDropout = Dropout(Float(configuration.embdPdrop))
        var blocks: [TransformerBlock] = []
        for _ in 0..<configuration.numHiddenLayers {
            blocks.append(TransformerBlock(configuration, initializers: initializers, random: &random))
        }
        self.blocks = blocks
        finalNorm = configuration.makeNorm()
        head =
            configuration.tieWordEmbeddings
            ? nil
            : Linear(
                inputWidth: configuration.hiddenSize,
                outputWidth: configuration.vocabSize,
                hasBias: false,
                initializer: initializer,
                random: &random
            )
        rotaryFrequencies =
            configuration.positionEmbeddingType == .rotary
            ? configuration.rope.frequencies(headWidth: configuration.headDim) : nil
    }

    /// The projection to the vocabulary: the head's weight or the token table.
    public var projection: Parameter { head?.weight ?? tokenEmbedding.weight }

    /// The last hidden states, normalised.
    ///
    /// Without a cache each row is a text from its beginning. With one, the ids are what follows the positions that
    /// the cache's slots hold, and the slots take them up.
    ///
    /// Traps when a position lies beyond the learned table, or a cache overflows or comes with segments.
    ///
    /// - Parameters:
    ///   - ids: Token ids i32 [B, T].
    ///   - positions: Positions i32 [B, T]; counted from the beginning of each row when nil.
    ///   - segments: Segments i32 [B, T] of packed documents, −1 for padding; nil when each row is one text.
    ///   - cache: The slots of a cache, one for each row.
    /// - Returns: [B, T, D] in the computing dtype.
    public func hiddenStates(
        _ ids: Tensor,
        positions: Tensor? = nil,
        segments: Tensor? = nil,
        cache: CacheSlots? = nil
    ) -> Tensor {
        require(
            ids.rank == 2 && ids.dtype == .i32,
            "DecoderModel: token ids must be i32 [B, T], not \(ids.dtype) \(ids.shape)"
        )
        let dtype = productDType(for: tokenEmbedding.weight.value.dtype)
        let places = positions ?? defaultPositions(ids.shape, cache: cache)
        var context = AttentionContext(segments: segments, isCausal: true)
        if rotaryFrequencies != nil {
            context.frequencies = rotaryFrequencies
            context.positions = places.rank == 2 ? places : places.expanded(to: ids.shape).contiguous()
        }
        var vectors = tokenEmbedding(ids)
        if let positionEmbedding { vectors = vectors + positionEmbedding(places) }
        var stream = ResidualStream(sum: embeddingDropout(vectors), branch: nil)
        for (layer, block) in blocks.enumerated() {
            context.cache = cache.map { CacheWindow($0.cache, layer: layer, slots: $0.slots) }
            stream = run(block, stream, context, dtype)
        }
        if let cache { cache.cache.advance(slots: cache.slots, by: ids.shape[1]) }
        return stream.joined(finalNorm, dtype: dtype).normalized
    }

    /// The logits of the next token at every position.
    ///
    /// Traps as ``hiddenStates(_:positions:segments:cache:)`` does.
    ///
    /// - Parameters:
    ///   - ids: Token ids i32 [B, T].
    ///   - positions: Positions i32 [B, T].
    ///   - segments: Segments i32 [B, T].
    ///   - cache: The slots of a cache.
    /// - Returns: [B, T, V], f32 (f64 on the reference path).
    public func logits(
        _ ids: Tensor,
        positions: Tensor? = nil,
        segments: Tensor? = nil,
        cache: CacheSlots? = nil
    ) -> Tensor {
        let hidden = hiddenStates(ids, positions: positions, segments: segments, cache: cache)
        return vocabularyLogits(hidden, weight: projection)
    }

    /// The cross-entropy of the next tokens, summed and multiplied by `scale`, without ever holding all logits.
    ///
    /// Traps as ``hiddenStates(_:positions:segments:cache:)`` does, or when a target lies outside 0..<V.
    ///
    /// - Parameters:
    ///   - inputIDs: Token ids i32 [B, T].
    ///   - targets: The token after each position i32 [B, T]; −100 where none counts.
    ///   - segments: Segments i32 [B, T].
    ///   - positions: Positions i32 [B, T].
    ///   - scale: The factor on the sum, for example 1 over the number of targets that count.
    ///   - smoothing: Label smoothing.
    /// - Returns: A scalar, f32 (f64 on the reference path).
    public func loss(
        inputIDs: Tensor,
        targets: Tensor,
        segments: Tensor? = nil,
        positions: Tensor? = nil,
        scale: Float,
        smoothing: Float = 0
    ) -> Tensor {
        let hidden = hiddenStates(inputIDs, positions: positions, segments: segments)
        return linearCrossEntropy(
            hidden,
            weight: projection.tensor(as: hidden.dtype),
            targets: targets,
            scale: scale,
            smoothing: smoothing
        )
    }

    /// The cross-entropy of the next token at every place, without gradients.
    ///
    /// Traps as ``loss(inputIDs:targets:segments:positions:scale:smoothing:)`` does.
    ///
    /// - Parameters:
    ///   - inputIDs: Token ids i32 [B, T].
    ///   - targets: The token after each position i32 [B, T]; −100 where none counts.
    ///   - segments: Segments i32 [B, T].
    ///   - positions: Positions i32 [B, T].
    /// - Returns: B × T losses in nats; 0 where no target counts.
    public func losses(
        inputIDs: Tensor,
        targets: Tensor,
        segments: Tensor? = nil,
        positions: Tensor? = nil
    ) -> [Double] {
        let hidden = hiddenStates(inputIDs, positions: positions, segments: segments)
        let weight = projection.tensor(as: hidden.dtype)
        return linearCrossEntropies(hidden, weight: weight, targets: targets).doubles()
    }

    /// Room for the keys and values of texts, in the computing dtype.
    ///
    /// - Parameters:
    ///   - slots: The number of texts.
    ///   - capacity: The number of positions of each; the model's own when nil.
    /// - Returns: An empty cache.
    public func makeCache(slots: Int, capacity: Int? = nil) -> KeyValueCache {
        KeyValueCache(
            layers: configuration.numHiddenLayers,
            slots: slots,
            capacity: capacity ?? configuration.maxPositionEmbeddings,
            heads: configuration.numKeyValueHeads,
            headWidth: configuration.headDim,
            dtype: productDType(for: tokenEmbedding.weight.value.dtype)
        )
    }

    private func run(
        _ block: TransformerBlock,
        _ stream: ResidualStream,
        _ context: AttentionContext,
        _ dtype: DType
    ) -> ResidualStream {
        guard checkpointsActivations && Tape.current != nil else {
            return block(stream, context: context, dtype: dtype)
        }
        let kept = [stream.sum] + (stream.branch.map { [$0] } ?? [])
        let outputs = checkpoint(kept) { inputs in
            let inner = ResidualStream(sum: inputs[0], branch: inputs.count > 1 ? inputs[1] : nil)
            let result = block(inner, context: context, dtype: dtype)
            return [result.sum] + (result.branch.map { [$0] } ?? [])
        }
        return ResidualStream(sum: outputs[0], branch: outputs.count > 1 ? outputs[1] : nil)
    }

    /// Positions [T] shared by all rows, or [B, T] behind what the slots of a cache hold.
    private func defaultPositions(_ shape: Shape, cache: CacheSlots?) -> Tensor {
        let (rows, count) = (shape[0], shape[1])
        guard let cache else { return Tensor((0..<count).map { Int32($0) }, shape: [count]) }
        let starts = cache.slots.map { cache.cache.lengths[$0] }
        let values = starts.flatMap { start in (start..<start + count).map { Int32($0) } }
        return Tensor(values, shape: [rows, count])
    }
}
