import YuyanNeuralNetworks

/// How fast this machine multiplies matrices, measured by doing so.
public enum MatrixPeak {
    /// Floating-point operations per second of a large product in a dtype: the best of several runs of about 50 ms.
    public static func measure(_ dtype: DType, backend: any Backend = standardBackend) -> Double {
        let size = 1024
        var random = RandomSource(seed: 1)
        let a = Tensor.uniform([size, size], low: -1, high: 1, random: &random, backend: backend).cast(
            to: dtype
        )
        let b = Tensor.uniform([size, size], low: -1, high: 1, random: &random, backend: backend).cast(
            to: dtype
        )
        let operations = 2 * Double(size) * Double(size) * Double(size)
        let clock = ContinuousClock()
        var best = 0.0
        for _ in 0..<4 {
            var count = 0
            let start = clock.now
            var seconds = 0.0
            repeat {
                _ = linear(a, weight: b)
                count += 1
                seconds = start.duration(to: clock.now).inSeconds
            } while seconds < 0.05
            best = max(best, operations * Double(count) / seconds)
        }
        return best
    }
}

/// What a run multiplies matrices with: `f32 on CPU …, matrix peak 120 GFLOP/s`.
public struct MatrixEngine: Sendable, CustomStringConvertible {
    /// The dtype of products.
    public let dtype: DType
    /// The machine's peak in that dtype, in floating-point operations per second.
    public let peakOperationsPerSecond: Double

    /// Measures the machine in a dtype.
    ///
    /// - Parameter dtype: The dtype of products.
    public init(dtype: DType) {
        self.dtype = dtype
        peakOperationsPerSecond = MatrixPeak.measure(dtype)
    }

    /// Dtype, machine and peak.
    public var description: String {
        "\(dtype) on \(standardBackend.summary), matrix peak \(Int(peakOperationsPerSecond / 1e9)) GFLOP/s"
    }
}

extension Duration {
    /// The duration as seconds.
    var inSeconds: Double {
        let parts = components
        return Double(parts.seconds) + Double(parts.attoseconds) * 1e-18
    }
}
