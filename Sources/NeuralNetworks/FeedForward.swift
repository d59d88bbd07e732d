/// A Transformer's feed-forward layer: widen, activate, narrow; or, gated, `activation(gate) · up` in the middle.
public final class FeedForward: Module {
    /// The widening projection [F, D]; gated [2F, D] with the gate's rows first.
    public let input: Linear
    /// The narrowing projection [D, F].
    public let output: Linear
    /// The activation in the middle.
    public let activation: Activation
    /// Whether the middle is gated (SwiGLU with SiLU, GeGLU with GELU).
    public let isGated: Bool

    /// Makes a layer.
    ///
    /// - Parameters:
    ///   - width: The width D.
    ///   - innerWidth: The width in the middle F.
    ///   - activation: The activation.
    ///   - isGated: Whether the middle is gated.
    ///   - hasBias: Whether the projections have biases.
    ///   - inputInitializer: How the widening weight begins.
    ///   - outputInitializer: How the narrowing weight begins.
    ///   - random: Where the draws come from; advances.
    public init(
        width: Int,
        innerWidth: Int,
        activation: Activation,
        isGated: Bool = false,
        hasBias: Bool = true,
        inputInitializer: Initializer = .linearDefault,
        outputInitializer: Initializer = .linearDefault,
        random: inout RandomSource
    ) {
        self.activation = activation
        self.isGated = isGated
        input = Linear(
            inputWidth: width,
            outputWidth: isGated ? 2 * innerWidth : innerWidth,
            hasBias: hasBias,
            initializer: inputInitializer,
            random: &random
        )
        output = Linear(
            inputWidth: innerWidth,
            outputWidth: width,
            hasBias: hasBias,
            initializer: outputInitializer,
            random: &random
        )
    }

    /// Applies the layer in x's dtype.
    ///
    /// - Parameter x: The input […, D].
    /// - Returns: […, D].
    public func callAsFunction(_ x: Tensor) -> Tensor {
        if isGated { return output(gated(activation, input(x))) }
        if input.adapter != nil || output.adapter != nil { return output(input(x, activation: activation)) }
        return feedForward(
            x,
            inputWeight: input.weight.tensor(as: x.dtype),
            inputBias: input.bias?.tensor(),
            activation: activation,
            outputWeight: output.weight.tensor(as: x.dtype),
            outputBias: output.bias?.tensor()
        )
    }
}
