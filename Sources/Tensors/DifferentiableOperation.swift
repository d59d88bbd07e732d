/// The operations that a tape can walk back through.
///
/// Each has a pullback beside its forward pass, and a test walks this list to see that each is checked
/// against finite differences.
public enum DifferentiableOperation: String, Sendable, CaseIterable {
    /// Another shape or order of the same elements.
    case reshape, permute, slice, expand
    /// Several tensors in one.
    case concatenate
    /// Another dtype.
    case cast
    /// Element by element.
    case unary, add, subtract, multiply, divide, maximum, minimum, power, affine, select, dropout,
        gatedActivation
    /// Sums and the like over an axis.
    case sum, mean, max, min
    /// Over the last axis.
    case softmax, logSoftmax
    /// Matrix products.
    case matmul, linear, feedForward
    /// Normalisations.
    case layerNorm, rmsNorm, addLayerNorm, addRMSNorm
    /// Rows of a table.
    case embedding
    /// Positions and attention.
    case rotary, packedRotary, attention, packedAttention
    /// Recurrent layers, windows over sequences, linear-chain models of label sequences.
    case recurrent, windows, windowMaxima, linearChain
    /// Losses.
    case crossEntropy, linearCrossEntropy
    /// A part of the network run again in the backward pass.
    case checkpoint
}
