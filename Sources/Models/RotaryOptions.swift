import Foundation
import YuyanNeuralNetworks

/// The frequencies of rotary positions.
public struct RotaryOptions: Sendable, Hashable {
    /// How frequencies are changed for texts longer than those of the first training.
    public enum Scaling: Sendable, Hashable {
        /// All frequencies divided by a factor.
        case linear(factor: Double)
        /// Llama 3.1's: low frequencies divided by a factor, high ones kept, a ramp between.
        case llama3(factor: Double, lowFrequency: Double, highFrequency: Double, originalPositions: Int)
    }

    /// The base θ of the frequencies θ^(−2i/E).
    public let theta: Double
    /// The change for longer texts; nil for none.
    public let scaling: Scaling?

    /// Describes frequencies.
    ///
    /// - Parameters:
    ///   - theta: The base.
    ///   - scaling: The change for longer texts.
    public init(theta: Double = 10_000, scaling: Scaling? = nil) {
        self.theta = theta
        self.scaling = scaling
    }

    func check() throws(ConfigurationError) {
        guard theta > 1 && theta.isFinite else {
            throw ConfigurationError("rope_theta", "\(theta) must be larger than 1")
        }
        switch scaling {
        case nil: break
        case .linear(let factor):
            guard factor > 0 && factor.isFinite else {
                throw ConfigurationError("rope_scaling.factor", "\(factor) must be positive")
            }
        case .llama3(let factor, let low, let high, let positions):
            guard factor > 0 && factor.isFinite && low > 0 && high > low && high.isFinite && positions > 0
            else {
                throw ConfigurationError(
                    "rope_scaling",
                    "factor \(factor), low_freq_factor \(low), high_freq_factor \(high) and "
                        + "original_max_position_embeddings \(positions) must be positive, low below high"
                )
            }
        }
    }

    /// The angles per position.
    ///
    /// Traps when the head width is odd.
    ///
    /// - Parameter headWidth: The width of a head E.
    /// - Returns: f32 [E/2].
    public func frequencies(headWidth: Int) -> Tensor {
        require(headWidth % 2 == 0, "RotaryOptions: the head width \(headWidth) must be even")
        let values = (0..<headWidth / 2).map { pair -> Float in
            let frequency = 1 / Foundation.pow(theta, Double(2 * pair) / Double(headWidth))
            return Float(scaled(frequency))
        }
        return Tensor(values, shape: [headWidth / 2])
    }

    private func scaled(_ frequency: Double) -> Double {
        switch scaling {
        case nil: return frequency
        case .linear(let factor): return frequency / factor
        case .llama3(let factor, let low, let high, let positions):
            let turns = Double(positions) * frequency / (2 * Double.pi)
            if turns < low { return frequency / factor }
            if turns > high { return frequency }
            let ramp = (turns - low) / (high - low)
            return (1 - ramp) * frequency / factor + ramp * frequency
        }
    }
}
