import Foundation

/// How the values of a parameter begin.
///
/// Every draw comes from the random source that is passed in, which moves on, so that a model depends on its seed
/// alone. Fans follow PyTorch: for a weight [out, in, …] the fan in is `in` times the extents that follow, the fan out
/// `out` times the same.
public enum Initializer: Sendable, Hashable {
    /// Zeros.
    case zeros
    /// Ones.
    case ones
    /// One value everywhere.
    case constant(Double)
    /// Normal draws around 0.
    case normal(standardDeviation: Double)
    /// Normal draws around 0, conditioned on lying within `bound` (in units of the value, not of the deviation).
    case truncatedNormal(standardDeviation: Double, bound: Double)
    /// Uniform draws in [−bound, bound).
    case uniform(bound: Double)
    /// Uniform within gain · √(6/(fan in + fan out)). Source: Glorot, Bengio, 2010.
    case xavierUniform(gain: Double = 1)
    /// Normal with deviation gain · √(2/(fan in + fan out)). Source: Glorot, Bengio, 2010.
    case xavierNormal(gain: Double = 1)
    /// Uniform within gain · √(3/fan in); gain √2 suits ReLU. Source: He et al., 2015.
    case kaimingUniform(gain: Double = 1.4142135623730951)
    /// Normal with deviation gain/√(fan in); gain √2 suits ReLU. Source: He et al., 2015.
    case kaimingNormal(gain: Double = 1.4142135623730951)

    /// Uniform within 1/√(fan in): what PyTorch gives a linear layer.
    public static let linearDefault = Initializer.kaimingUniform(gain: 0.5773502691896258)

    /// GPT-2's deviation for projections onto the residual stream: `standardDeviation`/√(2 · layers).
    ///
    /// The stream's variance then does not grow with depth. Source: Radford et al., 2019, section 2.3.
    ///
    /// - Parameters:
    ///   - standardDeviation: The deviation of the other matrices, 0.02 in GPT-2.
    ///   - layers: The number of blocks, each with two such projections.
    /// - Returns: A normal initialiser.
    public static func scaledNormal(standardDeviation: Double, layers: Int) -> Initializer {
        .normal(standardDeviation: standardDeviation / Double(max(2 * layers, 1)).squareRoot())
    }

    /// Draws a tensor.
    ///
    /// Traps when fans are needed and the shape has fewer than two axes.
    ///
    /// - Parameters:
    ///   - shape: The extents.
    ///   - random: Where the draws come from; advances.
    /// - Returns: An f32 tensor of the shape.
    public func tensor(_ shape: Shape, random: inout RandomSource) -> Tensor {
        switch self {
        case .zeros: return .zeros(shape)
        case .ones: return .ones(shape)
        case .constant(let value): return .full(shape, value)
        case .normal(let deviation): return Initializer.normal(shape, deviation, &random)
        case .truncatedNormal(let deviation, let bound):
            return Initializer.truncated(shape, deviation, bound, &random)
        case .uniform(let bound): return Initializer.uniform(shape, bound, &random)
        case .xavierUniform(let gain):
            let (fanIn, fanOut) = Initializer.fans(shape)
            return Initializer.uniform(shape, gain * (6 / (fanIn + fanOut)).squareRoot(), &random)
        case .xavierNormal(let gain):
            let (fanIn, fanOut) = Initializer.fans(shape)
            return Initializer.normal(shape, gain * (2 / (fanIn + fanOut)).squareRoot(), &random)
        case .kaimingUniform(let gain):
            return Initializer.uniform(shape, gain * (3 / Initializer.fans(shape).in).squareRoot(), &random)
        case .kaimingNormal(let gain):
            return Initializer.normal(shape, gain / Initializer.fans(shape).in.squareRoot(), &random)
        }
    }

    private static func uniform(_ shape: Shape, _ bound: Double, _ random: inout RandomSource) -> Tensor {
        .uniform(shape, low: -bound, high: bound, random: &random)
    }

    private static func normal(_ shape: Shape, _ deviation: Double, _ random: inout RandomSource) -> Tensor {
        .normal(shape, mean: 0, standardDeviation: deviation, random: &random)
    }

    private static func fans(_ shape: Shape) -> (in: Double, out: Double) {
        require(
            shape.rank >= 2,
            "Initializer: a shape \(shape) has no fan in and fan out; two axes or more are needed"
        )
        let receptive = shape.dimensions.dropFirst(2).reduce(1, *)
        return (Double(max(shape[1] * receptive, 1)), Double(max(shape[0] * receptive, 1)))
    }

    /// Uniform draws carried through the inverse of the distribution function: no rejection, so each element uses two
    /// words whatever their values.
    private static func truncated(
        _ shape: Shape,
        _ deviation: Double,
        _ bound: Double,
        _ random: inout RandomSource
    ) -> Tensor {
        require(
            deviation > 0 && bound > 0,
            "Initializer.truncatedNormal: deviation \(deviation) and bound \(bound) must be positive"
        )
        let tail = 0.5 * erfc(bound / deviation / 2.0.squareRoot())
        let values = (0..<shape.elementCount).map { _ -> Float in
            let probability = tail + (1 - 2 * tail) * random.nextDouble()
            let value = deviation * inverseNormal(probability)
            return Float(min(max(value, -bound), bound))
        }
        return Tensor(values, shape: shape)
    }
}

/// The inverse of the standard normal distribution function: Acklam's rational approximation with one step of
/// Halley's method on the error function, which brings it to double precision.
private func inverseNormal(_ p: Double) -> Double {
    guard p > 0 else { return -40 }
    guard p < 1 else { return 40 }
    let a = [
        -3.969683028665376e+01, 2.209460984245205e+02, -2.759285104469687e+02, 1.383577518672690e+02,
        -3.066479806614716e+01, 2.506628277459239e+00,
    ]
    let b = [
        -5.447609879822406e+01, 1.615858368580409e+02, -1.556989798598866e+02, 6.680131188771972e+01,
        -1.328068155288572e+01, 1,
    ]
    let c = [
        -7.784894002430293e-03, -3.223964580411365e-01, -2.400758277161838e+00, -2.549732539343734e+00,
        4.374664141464968e+00, 2.938163982698783e+00,
    ]
    let d = [7.784695709041462e-03, 3.224671290700398e-01, 2.445134137142996e+00, 3.754408661907416e+00, 1]
    func polynomial(_ coefficients: [Double], _ x: Double) -> Double {
        coefficients.reduce(0) { $0 * x + $1 }
    }
    var x: Double
    if p < 0.02425 || p > 1 - 0.02425 {
        let q = (-2 * log(min(p, 1 - p))).squareRoot()
        x = polynomial(c, q) / polynomial(d, q)
        if p > 0.5 { x = -x }
    } else {
        let q = p - 0.5
        x = q * polynomial(a, q * q) / polynomial(b, q * q)
    }
    let error = 0.5 * erfc(-x / 2.0.squareRoot()) - p
    let step = error * (2 * Double.pi).squareRoot() * exp(x * x / 2)
    x -= step / (1 + x * step / 2)
    return x
}
