import YuyanNeuralNetworks

// What can be said of a decoder without running it.

extension DecoderConfiguration {
    /// The number of values in all parameters, by formula; a tied projection counts once.
    public var parameterCount: Int {
        let normCount = normWidth
        let positions = positionEmbeddingType == .learned ? maxPositionEmbeddings * hiddenSize : 0
        let blocks =
            numHiddenLayers * (blockMatrixCount + blockBiasCount + 2 * normCount + (useRezero ? 2 : 0))
        return vocabSize * hiddenSize + positions + blocks + normCount + headCount
    }

    /// The number of values in matrices that every token is multiplied by: blocks and vocabulary projection (tied or
    /// not), without the tables that are only looked up.
    public var matrixParameterCount: Int { numHiddenLayers * blockMatrixCount + vocabSize * hiddenSize }

    /// Floating-point operations per token of a training step: 6 per value of the matrices (2 forward, 4 backward)
    /// and 12 · layers · H · E · T for attention, the causal half not taken off.
    ///
    /// Source: Chowdhery et al., «PaLM», 2022, appendix B.
    ///
    /// - Parameter sequenceLength: The number of positions T that a token attends within.
    /// - Returns: Operations, a multiplication and an addition counting as two.
    public func trainingFlopsPerToken(sequenceLength: Int) -> Double {
        3 * inferenceFlopsPerToken(sequenceLength: sequenceLength)
    }

    /// Floating-point operations per token of a forward pass, see ``trainingFlopsPerToken(sequenceLength:)``.
    ///
    /// - Parameter sequenceLength: The number of positions T that a token attends within.
    /// - Returns: Operations, a multiplication and an addition counting as two.
    public func inferenceFlopsPerToken(sequenceLength: Int) -> Double {
        let attention =
            4 * Double(numHiddenLayers) * Double(numAttentionHeads * headDim) * Double(sequenceLength)
        return 2 * Double(matrixParameterCount) + attention
    }

    private var normWidth: Int {
        switch normalization {
        case .layerNorm: hiddenSize * (normBias ? 2 : 1)
        case .rmsNorm: hiddenSize
        case .none: 0
        }
    }

    private var headCount: Int { tieWordEmbeddings ? 0 : vocabSize * hiddenSize }

    private var packedWidth: Int { (numAttentionHeads + 2 * numKeyValueHeads) * headDim }

    private var blockMatrixCount: Int {
        let attention = packedWidth * hiddenSize + hiddenSize * numAttentionHeads * headDim
        return attention + (gatedMlp ? 3 : 2) * hiddenSize * intermediateSize
    }

    private var blockBiasCount: Int {
        let attention = attentionBias ? packedWidth + hiddenSize : 0
        return attention + (mlpBias ? (gatedMlp ? 2 : 1) * intermediateSize + hiddenSize : 0)
    }
}
