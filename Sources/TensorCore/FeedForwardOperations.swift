/// A feed-forward layer: `out = activation(x · inputWeightᵀ + inputBias) · outputWeightᵀ + outputBias`.
///
/// What lies between the two products is as wide as the layer and need never exist as a whole; for the backward pass
/// only the pre-activations are kept.
public struct FeedForwardForward {
    /// The result [N, D'].
    public var out: TensorView
    /// Where the pre-activations are kept for the backward pass [N, F]; nil for none.
    public var preActivation: TensorView?
    /// The input [N, D]; all matrices have its dtype.
    public var x: TensorView
    /// The widening weight [F, D].
    public var inputWeight: TensorView
    /// Its bias [F], any floating dtype, or nil.
    public var inputBias: TensorView?
    /// The activation.
    public var activation: Activation
    /// The narrowing weight [D', F].
    public var outputWeight: TensorView
    /// Its bias [D'], any floating dtype, or nil.
    public var outputBias: TensorView?

    /// Describes a forward pass without biases.
    public init(
        out: TensorView,
        x: TensorView,
        inputWeight: TensorView,
        activation: Activation,
        outputWeight: TensorView
    ) {
        self.out = out
        self.x = x
        self.inputWeight = inputWeight
        self.activation = activation
        self.outputWeight = outputWeight
    }
}

/// Memory that a gradient is written to, or added to.
public struct GradientTarget {
    /// The memory, contiguous.
    public var view: TensorView
    /// Whether the gradient is added to what the memory holds.
    public var accumulate: Bool

    /// Describes a target.
    public init(view: TensorView, accumulate: Bool) {
        self.view = view
        self.accumulate = accumulate
    }
}

/// The gradient of a feed-forward layer, see ``FeedForwardForward``.
///
/// The activations are made again from the pre-activations.
/// Gradients of weights and biases are f32 (f64 in a call of f64); targets that are nil are left out.
public struct FeedForwardBackward {
    /// The gradient of the input [N, D], of x's dtype.
    public var xGradient: GradientTarget?
    /// The gradient of the widening weight [F, D].
    public var inputWeightGradient: GradientTarget?
    /// The gradient of its bias [F].
    public var inputBiasGradient: GradientTarget?
    /// The gradient of the narrowing weight [D', F].
    public var outputWeightGradient: GradientTarget?
    /// The gradient of its bias [D'].
    public var outputBiasGradient: GradientTarget?
    /// The gradient of the result [N, D'].
    public var dy: TensorView
    /// The input [N, D].
    public var x: TensorView
    /// The pre-activations [N, F].
    public var preActivation: TensorView
    /// The widening weight [F, D].
    public var inputWeight: TensorView
    /// The activation.
    public var activation: Activation
    /// The narrowing weight [D', F].
    public var outputWeight: TensorView

    /// Describes a backward pass without targets.
    public init(
        dy: TensorView,
        x: TensorView,
        preActivation: TensorView,
        inputWeight: TensorView,
        activation: Activation,
        outputWeight: TensorView
    ) {
        self.dy = dy
        self.x = x
        self.preActivation = preActivation
        self.inputWeight = inputWeight
        self.activation = activation
        self.outputWeight = outputWeight
    }
}
