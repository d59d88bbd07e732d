/// What is added to a linear layer's product: a low-rank update, for example.
public protocol LinearAdapter: Module {
    /// The addition to the product, before bias and activation take effect on the sum.
    ///
    /// - Parameter x: The layer's input […, in].
    /// - Returns: […, out] of x's dtype.
    func callAsFunction(_ x: Tensor) -> Tensor
}

/// A linear layer: `activation(x · weightᵀ + bias)`.
public final class Linear: Module {
    /// The weight [out, in].
    public let weight: Parameter
    /// The bias [out].
    public let bias: Parameter?
    /// A trainable addition beside the weight; nil for none.
    public var adapter: (any LinearAdapter)?

    /// Makes a layer; the bias begins at zero.
    ///
    /// Traps when an extent is not positive.
    ///
    /// - Parameters:
    ///   - inputWidth: The width of the input.
    ///   - outputWidth: The width of the output.
    ///   - hasBias: Whether there is a bias.
    ///   - initializer: How the weight begins.
    ///   - random: Where the draws come from; advances.
    public init(
        inputWidth: Int,
        outputWidth: Int,
        hasBias: Bool = true,
        initializer: Initializer = .linearDefault,
        random: inout RandomSource
    ) {
        require(
            inputWidth > 0 && outputWidth > 0,
            "Linear: the widths \(inputWidth) → \(outputWidth) must be positive"
        )
        weight = Parameter(initializer.tensor([outputWidth, inputWidth], random: &random))
        bias = hasBias ? Parameter(.zeros([outputWidth])) : nil
    }

    /// The width of the input.
    public var inputWidth: Int { weight.shape[1] }
    /// The width of the output.
    public var outputWidth: Int { weight.shape[0] }

    /// Applies the layer in x's dtype.
    ///
    /// Traps when the last axis is not the layer's input width.
    ///
    /// - Parameters:
    ///   - x: The input […, in].
    ///   - activation: Applied inside the product.
    /// - Returns: […, out] of x's dtype.
    public func callAsFunction(_ x: Tensor, activation: Activation = .identity) -> Tensor {
        let matrix = weight.tensor(as: x.dtype)
        guard let adapter else {
            return linear(x, weight: matrix, bias: bias?.tensor(), activation: activation)
        }
        return apply(activation, linear(x, weight: matrix, bias: bias?.tensor(), residual: adapter(x)))
    }
}

/// A low-rank update of a linear layer: `scale · (x · downᵀ) · upᵀ`, which begins at zero.
///
/// Source: Hu et al., «LoRA», 2021.
public final class LowRankAdapter: LinearAdapter {
    /// The projection to the low rank [rank, in].
    public let down: Parameter
    /// The projection back [out, rank]; zeros at the beginning.
    public let up: Parameter
    /// The factor on the update, LoRA's α over the rank.
    public let scale: Double

    /// Makes an adapter for a layer.
    ///
    /// Traps when the rank is not positive.
    ///
    /// - Parameters:
    ///   - layer: The layer it will stand beside.
    ///   - rank: The rank of the update.
    ///   - alpha: LoRA's α; the update is scaled by α over the rank.
    ///   - random: Where the draws come from; advances.
    public init(for layer: Linear, rank: Int, alpha: Double, random: inout RandomSource) {
        require(rank > 0, "LowRankAdapter: the rank \(rank) must be positive")
        down = Parameter(Initializer.linearDefault.tensor([rank, layer.inputWidth], random: &random))
        up = Parameter(.zeros([layer.outputWidth, rank]))
        scale = alpha / Double(rank)
    }

    /// The update for an input.
    ///
    /// - Parameter x: The layer's input […, in].
    /// - Returns: […, out] of x's dtype.
    public func callAsFunction(_ x: Tensor) -> Tensor {
        let inner = linear(x, weight: down.tensor(as: x.dtype)) * scale
        return linear(inner, weight: up.tensor(as: x.dtype))
    }
}
