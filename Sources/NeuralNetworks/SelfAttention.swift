/// What self-attention looks at besides its input.
public struct AttentionContext {
    /// Positions i32 [B, T]; needed with rotary positions.
    public var positions: Tensor?
    /// Rotary frequencies f32 [E/2]; nil for none.
    public var frequencies: Tensor?
    /// Segments i32 [B, T]: positions see only those of their own segment, and −1 marks padding; nil for all.
    public var segments: Tensor?
    /// Whether a position sees only itself and what precedes it.
    public var isCausal: Bool
    /// Where keys and values of earlier positions lie and those of new ones go; nil without a cache.
    public var cache: CacheWindow?
    /// What is added to the scores of every row [H, T, S], for example relative positions; nil for nothing.
    ///
    /// With it the scores [B, H, T, S] lie in memory. With a cache S counts what every slot holds and the new positions.
    public var bias: Tensor?

    /// Describes attention among all positions of a row unless told otherwise.
    ///
    /// - Parameters:
    ///   - positions: Positions i32 [B, T].
    ///   - frequencies: Rotary frequencies f32 [E/2].
    ///   - segments: Segments i32 [B, T].
    ///   - isCausal: Whether a position sees only itself and what precedes it.
    ///   - cache: The cache in use.
    public init(
        positions: Tensor? = nil,
        frequencies: Tensor? = nil,
        segments: Tensor? = nil,
        isCausal: Bool = false,
        cache: CacheWindow? = nil
    ) {
        self.positions = positions
        self.frequencies = frequencies
        self.segments = segments
        self.isCausal = isCausal
        self.cache = cache
    }
}

/// Multi-head self-attention over a packed projection [queries | keys | values].
///
/// Query heads share key/value heads in groups when there are fewer of the latter. Sources: Vaswani et al., 2017;
/// Ainslie et al., «GQA», 2023.
public final class SelfAttention: RandomizedModule {
    /// The packed projection [(H + 2K)·E, D].
    public let inputProjection: Linear
    /// The projection back [D, H·E].
    public let outputProjection: Linear
    /// The number of query heads H.
    public let heads: Int
    /// The number of key/value heads K, which divides H.
    public let keyValueHeads: Int
    /// The width of a head E.
    public let headWidth: Int
    /// The probability of dropping an attention weight in training.
    public let dropout: Float
    /// The factor on the scores.
    public let scale: Float
    /// Whether attention weights are dropped.
    public var isTraining = false
    /// Where the dropout's draws begin.
    public var random = RandomSource(seed: 0)

    /// The sizes and options of a self-attention.
    public struct Options: Sendable {
        /// The width D of input and output.
        public var width: Int
        /// The number of query heads H.
        public var heads: Int
        /// The number of key/value heads K.
        public var keyValueHeads: Int
        /// The width of a head E.
        public var headWidth: Int
        /// Whether the packed projection has a bias.
        public var hasInputBias = true
        /// Whether the projection back has a bias.
        public var hasOutputBias = true
        /// The probability of dropping an attention weight in training.
        public var dropout: Float = 0
        /// The factor on the scores; 1/√E when nil (T5 takes 1).
        public var scale: Float?
        /// How the packed projection begins.
        public var inputInitializer = Initializer.linearDefault
        /// How the projection back begins.
        public var outputInitializer = Initializer.linearDefault

        /// Sizes with biases, without dropout.
        ///
        /// - Parameters:
        ///   - width: The width D.
        ///   - heads: The number of query heads H.
        ///   - keyValueHeads: The number of key/value heads K; H when nil.
        ///   - headWidth: The width of a head E; D/H when nil.
        public init(width: Int, heads: Int, keyValueHeads: Int? = nil, headWidth: Int? = nil) {
            self.width = width
            self.heads = heads
            self.keyValueHeads = keyValueHeads ?? heads
            self.headWidth = headWidth ?? width / Swift.max(heads, 1)
        }

        /// The factor on the scores.
        var scaleOrDefault: Float { scale ?? Float(1 / Double(headWidth).squareRoot()) }

        /// Traps unless K divides H and the extents are positive.
        func check(_ name: String) {
            require(
                heads > 0 && keyValueHeads > 0 && headWidth > 0 && heads % keyValueHeads == 0,
                "\(name): \(heads) heads of width \(headWidth) do not share \(keyValueHeads) key/value heads evenly"
            )
        }
    }

    /// Makes an attention layer.
    ///
    /// Traps when K does not divide H or an extent is not positive.
    ///
    /// - Parameters:
    ///   - options: Sizes and options.
    ///   - random: Where the draws come from; advances.
    public init(_ options: Options, random: inout RandomSource) {
        options.check("SelfAttention")
        heads = options.heads
        keyValueHeads = options.keyValueHeads
        headWidth = options.headWidth
        dropout = options.dropout
        scale = options.scaleOrDefault
        inputProjection = Linear(
            inputWidth: options.width,
            outputWidth: (heads + 2 * keyValueHeads) * headWidth,
            hasBias: options.hasInputBias,
            initializer: options.inputInitializer,
            random: &random
        )
        outputProjection = Linear(
            inputWidth: heads * headWidth,
            outputWidth: options.width,
            hasBias: options.hasOutputBias,
            initializer: options.outputInitializer,
            random: &random
        )
    }

    /// Applies the layer in x's dtype.
    ///
    /// Traps when rotary frequencies come without positions, or a cache with segments.
    ///
    /// - Parameters:
    ///   - x: The input [B, T, D].
    ///   - context: Positions, segments, causality, cache.
    /// - Returns: [B, T, D].
    public func callAsFunction(_ x: Tensor, context: AttentionContext) -> Tensor {
        let packed = projected(x, context)
        var options = AttentionOptions(scale: scale, isCausal: context.isCausal)
        if isTraining && dropout > 0 {
            options.dropout = dropout
            options.random = random
        }
        if let cache = context.cache {
            require(context.segments == nil, "SelfAttention: segments and a cache exclude each other")
            let mixed = cachedAttention(packed, cache: cache, bias: context.bias, options: options)
            return outputProjection(mixed)
        }
        if let bias = context.bias {
            let parts = apart(packed)
            let mixed = biasedAttention(
                parts[0],
                parts[1],
                parts[2],
                bias: bias,
                segments: context.segments.map { AttentionSegments($0) },
                options: options
            )
            return outputProjection(mixed.reshaped(x.shape[0], x.shape[1], heads * headWidth))
        }
        let mixed = packedAttention(
            packed,
            heads: heads,
            keyValueHeads: keyValueHeads,
            segments: context.segments,
            options: options
        )
        return outputProjection(mixed)
    }

    /// The weights that the layer gives, without dropout; for looking at, since they take T×T values.
    ///
    /// Traps for causal attention, a cache or a bias, which this does not know, and when rotary frequencies come without
    /// positions.
    ///
    /// - Parameters:
    ///   - x: The input [B, T, D].
    ///   - context: Segments and positions.
    /// - Returns: [B, H, T, T]: rows that sum to 1 over what a position sees; zeros where it sees nothing.
    public func weights(_ x: Tensor, context: AttentionContext) -> Tensor {
        require(
            context.cache == nil && context.bias == nil && !context.isCausal,
            "SelfAttention.weights: only attention in both directions without a bias is known"
        )
        let (rows, count) = (x.shape[0], x.shape[1])
        let parts = apart(projected(x, context))
        let group = heads / keyValueHeads
        let queries = parts[0].permuted([0, 2, 1, 3]).contiguous()
        // Every key head serves a group of query heads.
        let keys = parts[1].permuted([0, 2, 3, 1]).reshaped(rows, keyValueHeads, 1, headWidth, count)
            .expanded(to: [rows, keyValueHeads, group, headWidth, count]).contiguous()
            .reshaped(rows, heads, headWidth, count)
        let scores = matmul(queries, keys) * Double(scale)
        guard let segments = context.segments else { return softmax(scores) }
        let numbers = segments.integers()
        var visible = [UInt8](repeating: 0, count: rows * count * count)
        for row in 0..<rows {
            for query in 0..<count {
                let own = numbers[row * count + query]
                for key in 0..<count where own >= 0 && numbers[row * count + key] == own {
                    visible[(row * count + query) * count + key] = 1
                }
            }
        }
        return maskedSoftmax(scores, visible: Tensor(visible, shape: [rows, 1, count, count]))
    }

    /// Queries, keys and values side by side, turned where positions are rotary.
    private func projected(_ x: Tensor, _ context: AttentionContext) -> Tensor {
        let packed = inputProjection(x)
        guard let frequencies = context.frequencies else { return packed }
        guard let positions = context.positions else {
            fatalError("SelfAttention: rotary frequencies were given without positions")
        }
        return packedRotary(
            packed,
            heads: heads + keyValueHeads,
            headWidth: headWidth,
            positions: positions,
            frequencies: frequencies
        )
    }

    /// Attention of new positions over a cache that takes them up first.
    private func cachedAttention(
        _ packed: Tensor,
        cache: CacheWindow,
        bias: Tensor?,
        options: AttentionOptions
    ) -> Tensor {
        let (rows, count) = (packed.shape[0], packed.shape[1])
        let parts = apart(packed)
        let mixed = cache.attention(
            queries: parts[0],
            keys: parts[1],
            values: parts[2],
            bias: bias,
            options: options
        )
        return mixed.reshaped([rows, count, heads * headWidth])
    }

    /// Queries, keys and values of a packed projection.
    private func apart(_ packed: Tensor) -> [Tensor] {
        packed.reshaped([packed.shape[0], packed.shape[1], heads + 2 * keyValueHeads, headWidth])
            .split(axis: 2, [heads, keyValueHeads, keyValueHeads])
    }
}
