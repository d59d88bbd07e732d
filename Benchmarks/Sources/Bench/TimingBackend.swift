import Synchronization
import YuyanModels

/// A backend that passes every call on and adds up how long each takes, by door and shapes.
final class TimingBackend: Backend {
    /// What one door took for one combination of shapes.
    struct Total {
        var calls = 0
        var seconds = 0.0
    }

    private let inner: any Backend
    private let totals = Mutex<[String: Total]>([:])

    init(_ inner: any Backend) { self.inner = inner }

    /// The totals since the last call of this.
    func take() -> [String: Total] {
        totals.withLock { totals in
            defer { totals = [:] }
            return totals
        }
    }

    private func timed<Result>(_ key: String, _ body: () -> Result) -> Result {
        let start = Worker.now()
        let result = body()
        let seconds = Worker.now() - start
        totals.withLock { totals in
            totals[key, default: Total()].calls += 1
            totals[key, default: Total()].seconds += seconds
        }
        return result
    }

    private func text(_ view: TensorView) -> String { "\(view.dtype)\(view.shape)" }

    var name: String { inner.name }
    var summary: String { inner.summary }
    var kernelChoices: [String] { inner.kernelChoices }
    var environmentError: String? { inner.environmentError }
    var prefersBF16: Bool { inner.prefersBF16 }
    var pool: BufferPool { inner.pool }

    func upload(to address: UnsafeMutableRawPointer, from bytes: UnsafeRawBufferPointer) {
        timed("upload") { inner.upload(to: address, from: bytes) }
    }
    func download(to bytes: UnsafeMutableRawBufferPointer, from address: UnsafeRawPointer) {
        timed("download") { inner.download(to: bytes, from: address) }
    }
    func fill(_ out: TensorView, with value: Double) {
        timed("fill \(text(out))") { inner.fill(out, with: value) }
    }
    func copy(_ out: TensorView, from x: TensorView) {
        timed("copy \(text(out)) from \(x.dtype)") { inner.copy(out, from: x) }
    }
    func unary(_ operation: UnaryOperation, _ out: TensorView, _ x: TensorView) {
        timed("unary \(operation) \(text(x))") { inner.unary(operation, out, x) }
    }
    func unaryBackward(
        _ operation: UnaryOperation,
        dx: TensorView,
        dy: TensorView,
        x: TensorView,
        y: TensorView
    ) {
        timed("unaryBackward \(operation) \(text(x))") {
            inner.unaryBackward(operation, dx: dx, dy: dy, x: x, y: y)
        }
    }
    func binary(_ operation: BinaryOperation, _ out: TensorView, _ a: TensorView, _ b: TensorView) {
        timed("binary \(operation) \(text(out))") { inner.binary(operation, out, a, b) }
    }
    func affine(_ out: TensorView, _ x: TensorView, scale: Double, shift: Double) {
        timed("affine \(text(x))") { inner.affine(out, x, scale: scale, shift: shift) }
    }
    func accumulate(_ y: TensorView, _ x: TensorView, alpha: Double) {
        timed("accumulate \(text(y))") { inner.accumulate(y, x, alpha: alpha) }
    }
    func compare(_ comparison: Comparison, _ out: TensorView, _ a: TensorView, _ b: TensorView) {
        timed("compare \(text(a))") { inner.compare(comparison, out, a, b) }
    }
    func select(_ out: TensorView, condition: TensorView, _ a: TensorView, _ b: TensorView) {
        timed("select \(text(out))") { inner.select(out, condition: condition, a, b) }
    }
    func gatedActivation(_ activation: Activation, _ out: TensorView, _ x: TensorView) {
        timed("gatedActivation \(text(x))") { inner.gatedActivation(activation, out, x) }
    }
    func gatedActivationBackward(_ activation: Activation, dx: TensorView, dy: TensorView, x: TensorView) {
        timed("gatedActivationBackward \(text(x))") {
            inner.gatedActivationBackward(activation, dx: dx, dy: dy, x: x)
        }
    }
    func dropout(_ out: TensorView, _ x: TensorView, probability: Float, random: RandomSource) {
        timed("dropout \(text(x))") { inner.dropout(out, x, probability: probability, random: random) }
    }
    func reduce(_ reduction: Reduction, _ out: TensorView, _ x: TensorView) {
        timed("reduce \(reduction) \(text(x))") { inner.reduce(reduction, out, x) }
    }
    func argmax(_ out: TensorView, _ x: TensorView) {
        timed("argmax \(text(x))") { inner.argmax(out, x) }
    }
    func topK(values: TensorView, indices: TensorView, _ x: TensorView) {
        timed("topK \(text(x))") { inner.topK(values: values, indices: indices, x) }
    }
    func sumOfSquares(_ x: TensorView) -> Double {
        timed("sumOfSquares \(text(x))") { inner.sumOfSquares(x) }
    }
    func firstNonFinite(_ x: TensorView) -> Int? {
        timed("firstNonFinite \(text(x))") { inner.firstNonFinite(x) }
    }
    func softmax(_ out: TensorView, _ x: TensorView, logarithm: Bool) {
        timed("softmax \(text(x))") { inner.softmax(out, x, logarithm: logarithm) }
    }
    func softmaxBackward(dx: TensorView, dy: TensorView, y: TensorView, logarithm: Bool) {
        timed("softmaxBackward \(text(y))") {
            inner.softmaxBackward(dx: dx, dy: dy, y: y, logarithm: logarithm)
        }
    }
    func normalizationForward(_ call: NormalizationForward) {
        let added = call.residual == nil ? "" : " with sum"
        timed("normalizationForward \(text(call.x))\(added)") { inner.normalizationForward(call) }
    }
    func normalizationBackward(_ call: NormalizationBackward) {
        let added = call.addedGradient == nil ? "" : " with sum"
        timed("normalizationBackward \(text(call.x))\(added)") { inner.normalizationBackward(call) }
    }
    func gatherRows(_ out: TensorView, table: TensorView, ids: TensorView) {
        timed("gatherRows \(text(out)) of \(text(table))") { inner.gatherRows(out, table: table, ids: ids) }
    }
    func scatterAddRows(table: TensorView, rows: TensorView, ids: TensorView) {
        timed("scatterAddRows \(text(table)) from \(text(rows))") {
            inner.scatterAddRows(table: table, rows: rows, ids: ids)
        }
    }
    func rotary(_ call: RotaryCall) { timed("rotary \(text(call.x))") { inner.rotary(call) } }
    func crossEntropy(_ call: CrossEntropyCall) {
        timed("crossEntropy \(text(call.logits))") { inner.crossEntropy(call) }
    }
    func linearCrossEntropy(_ call: LinearCrossEntropyCall) {
        timed("linearCrossEntropy \(text(call.hidden)) · \(text(call.weight))ᵀ") {
            inner.linearCrossEntropy(call)
        }
    }
    func matrixProduct(_ call: MatrixProduct) {
        timed("matrixProduct \(TimingBackend.describe(call))") { inner.matrixProduct(call) }
    }
    func activationBackward(
        _ activation: Activation,
        dx: TensorView?,
        biasGradient: TensorView?,
        accumulateBias: Bool,
        dy: TensorView,
        preActivation: TensorView?
    ) {
        timed("activationBackward \(activation) \(text(dy))") {
            inner.activationBackward(
                activation,
                dx: dx,
                biasGradient: biasGradient,
                accumulateBias: accumulateBias,
                dy: dy,
                preActivation: preActivation
            )
        }
    }
    func feedForward(_ call: FeedForwardForward) {
        timed("feedForward \(text(call.x)) · \(text(call.inputWeight))ᵀ") { inner.feedForward(call) }
    }
    func feedForwardBackward(_ call: FeedForwardBackward) {
        timed("feedForwardBackward \(text(call.x)) · \(text(call.inputWeight))ᵀ") {
            inner.feedForwardBackward(call)
        }
    }
    func attentionForward(_ call: AttentionForward) {
        timed("attentionForward \(text(call.q))") { inner.attentionForward(call) }
    }
    func attentionBackward(_ call: AttentionBackward) {
        timed("attentionBackward \(text(call.forward.q))") { inner.attentionBackward(call) }
    }
    func recurrentForward(_ call: RecurrentForward) {
        timed("recurrentForward \(call.cell) \(text(call.scans[0].out)) × \(call.scans.count)") {
            inner.recurrentForward(call)
        }
    }
    func recurrentBackward(_ call: RecurrentBackward) -> [Range<Int>] {
        let forward = call.forward
        return timed(
            "recurrentBackward \(forward.cell) \(text(forward.scans[0].out)) × \(forward.scans.count)"
        ) {
            inner.recurrentBackward(call)
        }
    }
    func linearChainLosses(_ losses: TensorView, _ chain: LinearChain) {
        timed("linearChainLosses \(text(chain.emissions))") { inner.linearChainLosses(losses, chain) }
    }
    func linearChainGradient(_ gradient: LinearChainGradient, _ chain: LinearChain) {
        timed("linearChainGradient \(text(chain.emissions))") { inner.linearChainGradient(gradient, chain) }
    }
    func linearChainDecode(paths: TensorView, scores: TensorView, _ chain: LinearChain) {
        timed("linearChainDecode \(text(chain.emissions))") {
            inner.linearChainDecode(paths: paths, scores: scores, chain)
        }
    }
    func rowMaxima(_ call: RowMaxima) {
        timed("rowMaxima \(text(call.rows))") { inner.rowMaxima(call) }
    }
    func windowMaximaGradient(_ call: WindowMaximaGradient) {
        timed("windowMaximaGradient \(text(call.source)) \(text(call.weight))") {
            inner.windowMaximaGradient(call)
        }
    }
    func optimizerStep(_ step: OptimizerStep) {
        timed("optimizerStep \(text(step.values))") { inner.optimizerStep(step) }
    }
    func randomUniform(_ out: TensorView, low: Double, high: Double, random: RandomSource) {
        timed("randomUniform \(text(out))") {
            inner.randomUniform(out, low: low, high: high, random: random)
        }
    }
    func randomNormal(_ out: TensorView, mean: Double, standardDeviation: Double, random: RandomSource) {
        timed("randomNormal \(text(out))") {
            inner.randomNormal(out, mean: mean, standardDeviation: standardDeviation, random: random)
        }
    }

    /// M×K×N with what stands beside the product, so that the three products of a layer are told apart.
    private static func describe(_ call: MatrixProduct) -> String {
        let (a, b) = (call.a, call.b)
        let rank = a.shape.rank
        func order(_ view: TensorView) -> String { view.strides[rank - 1] == 1 ? "" : "ᵀ" }
        var words = "\(call.a.dtype) \(a.shape)\(order(a)) · \(b.shape)\(order(b))"
        if call.bias != nil { words += " + bias" }
        if call.activation != .identity { words += ", \(call.activation)" }
        if call.accumulate { words += ", added" }
        return words
    }
}
