/// A normalisation over the last axis, alone or fused with the residual sum before it.
public protocol NormalizationLayer: Module {
    /// The rows normalised.
    ///
    /// - Parameters:
    ///   - x: The input […, D].
    ///   - outputDType: The result's dtype; x's when nil.
    /// - Returns: […, D].
    func callAsFunction(_ x: Tensor, outputDType: DType?) -> Tensor

    /// The sum of a branch and the residual stream, and that sum normalised.
    ///
    /// - Parameters:
    ///   - branch: What a layer returned […, D], often bf16.
    ///   - residual: The stream […, D], f32 (f64 on the reference path).
    /// - Returns: The normalised rows in the branch's dtype and the sum in the residual's.
    func adding(_ branch: Tensor, to residual: Tensor) -> NormalizedSum
}

/// Layer normalisation over the last axis.
///
/// Source: Ba, Kiros, Hinton, 2016.
public final class LayerNorm: NormalizationLayer {
    /// The scale [D], begins at one.
    public let weight: Parameter
    /// The shift [D], begins at zero.
    public let bias: Parameter?
    /// The constant under the root.
    public let epsilon: Float

    /// Makes a normalisation.
    ///
    /// - Parameters:
    ///   - width: The width of the last axis D.
    ///   - epsilon: The constant under the root.
    ///   - hasBias: Whether there is a shift.
    public init(width: Int, epsilon: Float = 1e-5, hasBias: Bool = true) {
        weight = Parameter(.ones([width]))
        bias = hasBias ? Parameter(.zeros([width])) : nil
        self.epsilon = epsilon
    }

    /// The rows normalised.
    ///
    /// - Parameters:
    ///   - x: The input […, D].
    ///   - outputDType: The result's dtype; x's when nil.
    /// - Returns: […, D].
    public func callAsFunction(_ x: Tensor, outputDType: DType? = nil) -> Tensor {
        layerNorm(
            x,
            weight: weight.tensor(),
            bias: bias?.tensor(),
            epsilon: epsilon,
            outputDType: outputDType
        )
    }

    /// The sum of a branch and the residual stream, and that sum normalised.
    ///
    /// - Parameters:
    ///   - branch: What a layer returned […, D].
    ///   - residual: The stream […, D].
    /// - Returns: The normalised rows in the branch's dtype and the sum in the residual's.
    public func adding(_ branch: Tensor, to residual: Tensor) -> NormalizedSum {
        addLayerNorm(
            branch,
            residual: residual,
            weight: weight.tensor(),
            bias: bias?.tensor(),
            epsilon: epsilon
        )
    }
}

/// Root-mean-square normalisation over the last axis.
///
/// Source: Zhang, Sennrich, 2019.
public final class RMSNorm: NormalizationLayer {
    /// The scale [D], begins at one.
    public let weight: Parameter
    /// The constant under the root.
    public let epsilon: Float

    /// Makes a normalisation.
    ///
    /// - Parameters:
    ///   - width: The width of the last axis D.
    ///   - epsilon: The constant under the root.
    public init(width: Int, epsilon: Float = 1e-6) {
        weight = Parameter(.ones([width]))
        self.epsilon = epsilon
    }

    /// The rows normalised.
    ///
    /// - Parameters:
    ///   - x: The input […, D].
    ///   - outputDType: The result's dtype; x's when nil.
    /// - Returns: […, D].
    public func callAsFunction(_ x: Tensor, outputDType: DType? = nil) -> Tensor {
        rmsNorm(x, weight: weight.tensor(), epsilon: epsilon, outputDType: outputDType)
    }

    /// The sum of a branch and the residual stream, and that sum normalised.
    ///
    /// - Parameters:
    ///   - branch: What a layer returned […, D].
    ///   - residual: The stream […, D].
    /// - Returns: The normalised rows in the branch's dtype and the sum in the residual's.
    public func adding(_ branch: Tensor, to residual: Tensor) -> NormalizedSum {
        addRMSNorm(branch, residual: residual, weight: weight.tensor(), epsilon: epsilon)
    }
}

/// A factor on a residual branch that begins at zero, so that a deep network begins as the identity.
///
/// Source: Bachlechner et al., «ReZero is all you need», 2020.
public final class ReZero: Module {
    /// The factor [1].
    public let weight: Parameter

    /// Makes a factor.
    public init() {
        weight = Parameter(.zeros([1]))
    }

    /// The branch times the factor.
    ///
    /// - Parameter branch: What a layer returned […, D].
    /// - Returns: A tensor of the same shape and dtype.
    public func callAsFunction(_ branch: Tensor) -> Tensor { branch * weight.tensor(as: branch.dtype) }
}
