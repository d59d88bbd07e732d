import YuyanModels

/// A whole training step: forward, backward, AdamW.
final class TrainingWorkload: Workload {
    private let model: DecoderModel
    private let step: TrainingStep
    private let inputs: Tensor
    private let targets: Tensor
    /// The last step's loss.
    private(set) var loss = 0.0

    /// Makes model, optimizer and one batch of random tokens.
    init(_ size: ModelSize, dtype: DType, backend: any Backend = standardBackend) throws {
        model = try size.makeModel(dtype: dtype)
        model.move(to: backend)
        step = try TrainingStep(model)
        var random = RandomSource(seed: 2)
        let shape: Shape = [size.batch, size.context]
        func draw() -> Tensor {
            let ids = (0..<shape.elementCount).map { _ in Int32(random.nextIndex(below: size.vocabulary)) }
            return Tensor(ids, shape: shape, backend: backend)
        }
        inputs = draw()
        targets = draw()
    }

    func run() {
        loss = step.run {
            model.loss(inputIDs: inputs, targets: targets, scale: 1 / Float(inputs.elementCount))
        }
    }
}

/// One token after the other behind a cache, the likeliest each time.
final class DecodeWorkload: Workload {
    private let model: DecoderModel
    private let cache: KeyValueCache
    private var token: Int32 = 5

    init(_ size: ModelSize, dtype: DType, backend: any Backend = standardBackend) throws {
        model = try size.makeModel(dtype: dtype)
        model.setTraining(false)
        model.move(to: backend)
        cache = model.makeCache(slots: 1)
    }

    func run() {
        if cache.lengths[0] == DecodeWorkload.tokens { cache.truncate(slot: 0) }
        let logits = Tape.withoutRecording {
            model.logits(Tensor([token], shape: [1, 1]), cache: CacheSlots(cache))
        }
        token = logits.reshaped([1, logits.shape[-1]]).argmax().integers()[0]
    }

    /// The length of a text.
    static let tokens = 64
}

extension ModelSize {
    /// A model with random weights that computes in a dtype.
    func makeModel(dtype: DType) throws -> DecoderModel {
        let configuration = try DecoderConfiguration(
            vocabSize: vocabulary,
            hiddenSize: width,
            numHiddenLayers: layers,
            numAttentionHeads: heads,
            maxPositionEmbeddings: context
        )
        var random = RandomSource(seed: 1)
        let model = DecoderModel(configuration, random: &random)
        model.computeDType = dtype
        return model
    }
}

extension DecoderModel {
    /// Makes a backend the home of all parameters, so that it sees every call.
    fileprivate func move(to backend: any Backend) {
        if backend === standardBackend { return }
        for named in namedParameters() {
            let value = named.parameter.value
            let moved = value.hostBytes().withUnsafeBytes {
                Tensor(bytes: $0, shape: value.shape, dtype: value.dtype, backend: backend)
            }
            named.parameter.assign(moved)
        }
    }
}
