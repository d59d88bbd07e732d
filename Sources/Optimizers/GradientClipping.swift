/// Norms and limits of gradients.
///
/// Norms are sums of squares in f64, added parameter by parameter in the order given, so that they do not depend on
/// the number of threads.
public enum GradientClipping {
    /// The Euclidean norm of all gradients together; parameters without one are passed over.
    ///
    /// - Parameter parameters: The parameters with their paths.
    /// - Throws: ``OptimizerError/nonFiniteGradient(name:index:value:)`` for the first NaN or infinity.
    /// - Returns: The norm.
    public static func norm(of parameters: [NamedParameter]) throws(OptimizerError) -> Double {
        var sum = 0.0
        for named in parameters {
            guard let gradient = named.parameter.gradient?.contiguous() else { continue }
            let squares = gradient.backend.sumOfSquares(gradient.view)
            if !squares.isFinite, let index = gradient.backend.firstNonFinite(gradient.view) {
                throw .nonFiniteGradient(name: named.name, index: index, value: gradient.doubles()[index])
            }
            sum += squares
        }
        return sum.squareRoot()
    }

    /// The factor that brings gradients of a norm down to a limit: `limit / (norm + 10⁻⁶)`, at most 1, as PyTorch's.
    ///
    /// Give it to ``Optimizer/step(learningRate:gradientScale:)`` and the gradients themselves need no pass.
    public static func scale(norm: Double, limit: Double) -> Double { min(1, limit / (norm + 1e-6)) }

    /// Scales all gradients in place so that their common norm does not pass a limit.
    ///
    /// - Parameters:
    ///   - parameters: The parameters with their paths.
    ///   - limit: The largest norm, above 0.
    /// - Throws: ``OptimizerError/nonFiniteGradient(name:index:value:)`` before anything is scaled.
    /// - Returns: The norm before.
    @discardableResult
    public static func clip(
        _ parameters: [NamedParameter],
        toNorm limit: Double
    ) throws(OptimizerError) -> Double {
        let norm = try norm(of: parameters)
        let factor = scale(norm: norm, limit: limit)
        if factor < 1 {
            for named in parameters {
                guard let gradient = named.parameter.gradient else { continue }
                gradient.backend.affine(gradient.view, gradient.view, scale: factor, shift: 0)
            }
        }
        return norm
    }

    /// Limits every element of every gradient to −limit…limit, in place; NaN stays NaN.
    public static func clip(_ parameters: [NamedParameter], toMagnitude limit: Double) {
        for named in parameters {
            guard let gradient = named.parameter.gradient else { continue }
            let backend = gradient.backend
            for (operation, bound) in [(BinaryOperation.minimum, limit), (.maximum, -limit)] {
                let scalar = Tensor(bound, dtype: gradient.dtype, backend: backend)
                backend.binary(
                    operation,
                    gradient.view,
                    gradient.view,
                    scalar.expanded(to: gradient.shape).view
                )
            }
        }
    }
}
