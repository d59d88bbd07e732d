import YuyanOptimizers

/// A module of three parameters: two matrices and a vector.
final class Toy: Module {
    let embedding: Parameter
    let weight: Parameter
    let bias: Parameter
    let frozen: Parameter

    init(dtype: DType = .f32, seed: UInt64 = 1) {
        var random = RandomSource(seed: seed)
        func make(_ shape: Shape) -> Parameter {
            Parameter(Tensor.normal(shape, random: &random, dtype: dtype))
        }
        embedding = make([5, 3])
        weight = make([4, 3])
        bias = make([7])
        frozen = make([2])
        frozen.requiresGradient = false
    }

    /// Gives every trainable parameter a gradient that depends on the step alone.
    func setGradients(step: Int, scale: Double = 1) {
        for (index, parameter) in parameters().enumerated() where parameter.requiresGradient {
            var random = RandomSource(seed: 99, stream: UInt64(step * 10 + index))
            let drawn = Tensor.normal(parameter.shape, random: &random, dtype: parameter.value.dtype)
            parameter.gradient = drawn.affine(scale: scale)
        }
    }

    var values: [[Double]] { parameters().map { $0.value.doubles() } }
}

/// Every rule, with state of every kind; all of them take parameters of every shape but Muon.
let everyRule: [UpdateRule] = [
    .sgd(SGD()), .sgd(SGD(momentum: 0.9)), .sgd(SGD(momentum: 0.9, nesterov: true)), .adam(Adam()),
    .adam(.adamW),
    .adafactor(Adafactor()), .adafactor(Adafactor(beta1: 0.9, scaleParameter: true)),
    .adafactor(Adafactor(scaleParameter: true, relativeStep: true, warmupInit: true)), .lion(Lion()),
    .muon(Muon()),
]

/// Groups of a toy for a rule; AdamW takes what Muon cannot.
func groups(_ toy: Toy, _ rule: UpdateRule, weightDecay: Double = 0.1) -> [ParameterGroup] {
    guard case .muon(let muon) = rule else {
        return ParameterGroup.separatingDecay(of: toy.namedParameters(), rule: rule, weightDecay: weightDecay)
    }
    return ParameterGroup.muon(
        of: toy.namedParameters(),
        muon: muon,
        weightDecay: weightDecay,
        othersLearningRateFactor: 0.1
    ) { $0.name == "weight" }
}
