import YuyanOptimizers
import YuyanTensors

/// A training step as benchmarks count it: forward, backward, AdamW.
struct TrainingStep {
    private let optimizer: Optimizer
    private let clipsGradients: Bool

    /// Makes the optimizer.
    ///
    /// - Parameters:
    ///   - model: What is trained.
    ///   - clipsGradients: Whether gradients are clipped to a norm of 1.
    /// - Throws: `OptimizerError` when the groups leave out a parameter.
    init(_ model: any Module, clipsGradients: Bool = false) throws {
        model.setTraining(true)
        let parameters = model.namedParameters()
        optimizer = try Optimizer(
            groups: ParameterGroup.separatingDecay(of: parameters, rule: .adam(.adamW), weightDecay: 0.01),
            of: parameters
        )
        self.clipsGradients = clipsGradients
    }

    /// Makes one step.
    ///
    /// - Parameter loss: The forward pass.
    /// - Returns: Its loss.
    @discardableResult
    func run(_ loss: () -> Tensor) -> Double {
        let tape = Tape()
        let result = tape.record(loss)
        let value = result.item()
        tape.backward(from: result)
        var scale = 1.0
        if clipsGradients, let norm = try? GradientClipping.norm(of: optimizer.parameters) {
            scale = GradientClipping.scale(norm: norm, limit: 1)
        }
        optimizer.step(learningRate: 1e-4, gradientScale: scale)
        optimizer.clearGradients()
        return value
    }
}

extension DType {
    /// The dtype of products that a benchmark's words name.
    init(benchmark word: String) throws {
        guard let dtype = DType(rawValue: word), dtype == .f32 || dtype == .bf16 else {
            throw BenchError("the dtype \(word) is neither f32 nor bf16")
        }
        self = dtype
    }
}
