import YuyanModels

/// Something that can be done again and again.
protocol Workload {
    /// Does it once.
    func run()
}

/// A workload over the doors of the backend.
struct DoorWorkload: Workload {
    private let body: () -> Void
    init(_ body: @escaping () -> Void) { self.body = body }
    func run() { body() }
}

/// The workloads of kernels, by the words of ``Benchmark``.
enum KernelWorkloads {
    private static let backend: any Backend = standardBackend

    /// Makes the workload of a line; nil when the line is no kernel's.
    static func make(_ words: [String]) throws -> (any Workload)? {
        guard words.count > 2 else { return nil }
        guard let dtype = DType(rawValue: words[1]) else { return nil }
        let form = words[2]
        let numbers = words.dropFirst(2).compactMap { Int($0) }
        switch (words[0], numbers.count) {
        case ("product", 3): return try product(dtype, form, numbers)
        case ("attention", 4): return try attention(dtype, form, numbers)
        case ("layernorm", 2): return try layerNorm(dtype, form, numbers)
        case ("gelu", 2): return try gelu(dtype, form, numbers)
        case ("crossentropy", 3): return crossEntropy(dtype, numbers)
        case ("adamw", 1): return adamW(numbers[0])
        default: return nil
        }
    }

    private static func draws(_ shape: Shape, _ dtype: DType = .f32, scale: Double = 1) -> Tensor {
        var random = RandomSource(seed: UInt64(shape.elementCount))
        return .normal(shape, standardDeviation: scale, random: &random, dtype: dtype)
    }

    private static func backward(_ form: String) throws -> Bool {
        guard form == "forward" || form == "backward" else {
            throw BenchError("the form \(form) is neither forward nor backward")
        }
        return form == "backward"
    }

    private static func product(_ dtype: DType, _ form: String, _ sizes: [Int]) throws -> any Workload {
        let (m, k, n) = (sizes[0], sizes[1], sizes[2])
        let x = draws([m, k], dtype)
        let weight = draws([n, k], dtype)
        let dy = draws([m, n], dtype)
        let transposed = { (t: Tensor) -> TensorView in
            t.view.reinterpreted(shape: [t.shape[1], t.shape[0]], strides: [1, t.shape[1]])
        }
        let (c, a, b): (Tensor, TensorView, TensorView)
        switch form {
        case "forward": (c, a, b) = (.zeros([m, n], dtype: dtype), x.view, transposed(weight))
        case "input": (c, a, b) = (.zeros([m, k], dtype: dtype), dy.view, weight.view)
        // Gradients of weights are gathered in f32.
        case "weight": (c, a, b) = (.zeros([n, k]), transposed(dy), x.view)
        default: throw BenchError("the form \(form) is none of forward, input, weight")
        }
        let call = MatrixProduct(c: c.view, a: a, b: b)
        return DoorWorkload { backend.matrixProduct(call) }
    }

    private static func attention(_ dtype: DType, _ form: String, _ sizes: [Int]) throws -> any Workload {
        let (b, t, h, e) = (sizes[0], sizes[1], sizes[2], sizes[3])
        let packed = draws([b, t, 3 * h * e], dtype)
        let gradient = Tensor.zeros([b, t, 3 * h * e], dtype: dtype)
        let dout = draws([b, t, h, e], dtype)
        let out = Tensor.zeros([b, t, h, e], dtype: dtype)
        let statistics = Tensor.zeros([b, h, t])
        func part(_ tensor: Tensor, _ index: Int) -> TensorView {
            tensor.view.advanced(
                by: index * h * e,
                shape: [b, t, h, e],
                strides: [t * 3 * h * e, 3 * h * e, e, 1]
            )
        }
        let forward = AttentionForward(
            out: out.view,
            logSumExp: statistics.view,
            q: part(packed, 0),
            k: part(packed, 1),
            v: part(packed, 2),
            options: AttentionOptions(scale: Float(1 / Double(e).squareRoot()), isCausal: true)
        )
        backend.attentionForward(forward)
        if try !backward(form) { return DoorWorkload { backend.attentionForward(forward) } }
        let call = AttentionBackward(
            dq: part(gradient, 0),
            dk: part(gradient, 1),
            dv: part(gradient, 2),
            dout: dout.view,
            forward: forward
        )
        return DoorWorkload { backend.attentionBackward(call) }
    }

    private static func layerNorm(_ dtype: DType, _ form: String, _ sizes: [Int]) throws -> any Workload {
        let (n, d) = (sizes[0], sizes[1])
        let (x, y, dy) = (draws([n, d], dtype), Tensor.zeros([n, d], dtype: dtype), draws([n, d], dtype))
        let (mean, rstd, dx) = (Tensor.zeros([n]), Tensor.zeros([n]), Tensor.zeros([n, d], dtype: dtype))
        let (weight, bias) = (draws([d]), draws([d]))
        let (dweight, dbias) = (Tensor.zeros([d]), Tensor.zeros([d]))
        let forward = NormalizationForward(
            y: y.view,
            mean: mean.view,
            rstd: rstd.view,
            x: x.view,
            weight: weight.view,
            bias: bias.view,
            epsilon: 1e-5
        )
        backend.normalizationForward(forward)
        if try !backward(form) { return DoorWorkload { backend.normalizationForward(forward) } }
        let call = NormalizationBackward(
            dx: dx.view,
            dweight: dweight.view,
            dbias: dbias.view,
            accumulateParameters: false,
            dy: dy.view,
            x: x.view,
            mean: mean.view,
            rstd: rstd.view,
            weight: weight.view
        )
        return DoorWorkload { backend.normalizationBackward(call) }
    }

    private static func gelu(_ dtype: DType, _ form: String, _ sizes: [Int]) throws -> any Workload {
        let shape: Shape = [sizes[0], sizes[1]]
        let (x, dy, out) = (draws(shape, dtype), draws(shape, dtype), Tensor.zeros(shape, dtype: dtype))
        if try !backward(form) { return DoorWorkload { backend.unary(.geluTanh, out.view, x.view) } }
        return DoorWorkload {
            backend.activationBackward(
                .geluTanh,
                dx: out.view,
                biasGradient: nil,
                accumulateBias: false,
                dy: dy.view,
                preActivation: x.view
            )
        }
    }

    private static func crossEntropy(_ dtype: DType, _ sizes: [Int]) -> any Workload {
        let (n, d, v) = (sizes[0], sizes[1], sizes[2])
        let (hidden, weight) = (draws([n, d], dtype), draws([v, d], dtype, scale: 0.02))
        let targets = Tensor((0..<n).map { Int32($0 * 7919 % v) }, shape: [n])
        let (dhidden, dweight) = (Tensor.zeros([n, d], dtype: dtype), Tensor.zeros([v, d]))
        let losses = Tensor.zeros([n])
        let call = LinearCrossEntropyCall(
            losses: losses.view,
            hiddenGradient: dhidden.view,
            weightGradient: dweight.view,
            accumulateWeight: false,
            gradientScale: 1 / Float(n),
            hidden: hidden.view,
            weight: weight.view,
            targets: targets.view,
            ignoreIndex: -100,
            smoothing: 0
        )
        return DoorWorkload { backend.linearCrossEntropy(call) }
    }

    private static func adamW(_ count: Int) -> any Workload {
        let (values, gradient) = (draws([count], scale: 0.02), draws([count], scale: 1e-3))
        let (first, second) = (Tensor.zeros([count]), Tensor.zeros([count]))
        var call = OptimizerStep(
            values: values.view,
            lowPrecision: nil,
            gradient: gradient.view,
            firstMoment: first.view,
            secondMoment: second.view,
            rule: .adam(beta1: 0.9, beta2: 0.999, epsilon: 1e-8, step: 10, decoupled: true),
            learningRate: 1e-4
        )
        call.weightDecay = 0.01
        let step = call
        return DoorWorkload { backend.optimizerStep(step) }
    }
}
