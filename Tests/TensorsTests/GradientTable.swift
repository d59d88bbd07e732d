import YuyanTensors

/// One function whose gradients are checked.
struct GradientCase {
    let name: String
    let inputs: [Tensor]
    let step: Double
    let relative: Double
    let function: ([Tensor]) -> [Tensor]
}

/// Inputs of gradient checks, f64.
enum Draw {
    private static func values(
        _ shape: Shape,
        _ seed: UInt64,
        _ make: (inout RandomSource) -> Double
    ) -> Tensor {
        var random = RandomSource(seed: seed, stream: 5)
        return Tensor((0..<shape.elementCount).map { _ in make(&random) }, shape: shape)
    }

    /// Uniform in [low, high).
    static func uniform(_ shape: Shape, _ low: Double = -2, _ high: Double = 2, seed: UInt64 = 1) -> Tensor {
        values(shape, seed) { low + (high - low) * $0.nextDouble() }
    }

    /// Magnitudes from 0.2 to 2 of either sign: away from kinks at 0.
    static func awayFromZero(_ shape: Shape, seed: UInt64 = 1) -> Tensor {
        values(shape, seed) { ($0.nextUniform() < 0.5 ? -1 : 1) * (0.2 + 1.8 * $0.nextDouble()) }
    }

    /// Values that are all at least 0.1 apart, in mixed order.
    static func distinct(_ shape: Shape, seed: UInt64 = 1) -> Tensor {
        var random = RandomSource(seed: seed, stream: 6)
        var order = Array(0..<shape.elementCount)
        for last in order.indices.dropFirst().reversed() {
            order.swapAt(last, random.nextIndex(below: last + 1))
        }
        return Tensor(order.map { 0.1 * Double($0) - 0.05 * Double(order.count) }, shape: shape)
    }
}

/// The functions that check an operation's pullback.
struct GradientTable {
    private(set) var cases: [GradientCase] = []

    /// The checks of an operation.
    init(_ operation: DifferentiableOperation) {
        switch operation {
        case .reshape, .permute, .slice, .expand, .concatenate, .cast: Self.shape(&self, operation)
        case .unary: Self.unary(&self)
        case .add, .subtract, .multiply, .divide, .power: Self.arithmetic(&self, operation)
        case .maximum, .minimum: Self.extremum(&self, operation)
        case .affine: Self.affinity(&self)
        case .select: Self.selection(&self)
        case .dropout: Self.droppingOut(&self)
        case .gatedActivation: Self.gating(&self)
        case .sum, .mean, .max, .min: Self.reduction(&self, operation)
        case .softmax, .logSoftmax: Self.softmaxes(&self, operation)
        case .matmul: Self.matrixProduct(&self)
        case .linear: Self.linearLayer(&self)
        case .feedForward: Self.feedForwardLayer(&self)
        case .layerNorm, .rmsNorm: Self.normalization(&self, operation)
        case .addLayerNorm, .addRMSNorm: Self.addNormalization(&self, operation)
        case .embedding: Self.lookUp(&self)
        case .rotary, .packedRotary: Self.rotation(&self, operation)
        case .attention: Self.separateAttention(&self)
        case .packedAttention: Self.jointAttention(&self)
        case .recurrent: Self.recurrence(&self)
        case .windows: Self.windowing(&self)
        case .windowMaxima: Self.windowMaximum(&self)
        case .linearChain: Self.linearChains(&self)
        case .crossEntropy: Self.loss(&self)
        case .linearCrossEntropy: Self.projectedLoss(&self)
        case .checkpoint: Self.recomputation(&self)
        }
    }

    /// Adds a function of one result.
    mutating func add(
        _ name: String,
        _ inputs: [Tensor],
        step: Double = 1e-3,
        relative: Double = 1e-8,
        _ function: @escaping ([Tensor]) -> Tensor
    ) {
        cases.append(
            GradientCase(name: name, inputs: inputs, step: step, relative: relative) { [function($0)] }
        )
    }

    /// Adds a function of several results.
    mutating func add(
        _ name: String,
        _ inputs: [Tensor],
        step: Double = 1e-3,
        relative: Double = 1e-8,
        _ function: @escaping ([Tensor]) -> [Tensor]
    ) {
        cases.append(
            GradientCase(name: name, inputs: inputs, step: step, relative: relative, function: function)
        )
    }
}
