/// A room where tensors live and are computed: one processor or device.
///
/// The protocol is the whole boundary: nothing above it may know which room it is in. The doors take views of
/// memory of this backend; outputs come first and are allocated by the caller. A backend allocates no results,
/// infers no shapes, records no gradients and chooses no dtypes. Results do not depend on the number of threads.
///
/// Unless a door says otherwise: floating-point views are f32, bf16 or f64; all reductions of f32 and bf16 run in
/// f32, those of f64 in f64; views may have any strides where «strided» is said and are contiguous elsewhere; a door
/// may be called with zero elements; an output may be the same view as an input of the same shape where «in place»
/// is said and overlaps no input elsewhere. Doors trap on views they cannot take, naming the door.
///
/// The legend of axes: B batch, T target positions, S source positions, D width, H heads, K key/value heads,
/// E head width, F feed-forward width, V vocabulary, N and M rows.
public protocol Backend: AnyObject, Sendable {
    /// The room's name, for example `cpu`.
    var name: String { get }
    /// What `yuyan version` prints of it, for example the chosen kernels and the number of threads.
    var summary: String { get }
    /// The sets of kernels that could be chosen here, for example `scalar` and `avx2`.
    var kernelChoices: [String] { get }
    /// What is wrong with the settings of the environment that concern the backend, or nil.
    var environmentError: String? { get }
    /// Whether matrix products of bf16 are faster here than those of f32.
    var prefersBF16: Bool { get }
    /// Where storages get their memory.
    var pool: BufferPool { get }

    // MARK: Moving

    /// Copies host bytes into the backend's memory.
    func upload(to address: UnsafeMutableRawPointer, from bytes: UnsafeRawBufferPointer)
    /// Copies the backend's memory to the host, after everything that writes it has finished.
    func download(to bytes: UnsafeMutableRawBufferPointer, from address: UnsafeRawPointer)
    /// Sets every element of `out` (strided, any dtype) to a value, converted to its dtype.
    func fill(_ out: TensorView, with value: Double)
    /// Copies `x` to `out` (both strided, same shape, any dtypes); bf16 rounds to nearest even, i32 truncates.
    func copy(_ out: TensorView, from x: TensorView)

    // MARK: Element by element

    /// `out = operation(x)`; strided, in place; same dtype.
    func unary(_ operation: UnaryOperation, _ out: TensorView, _ x: TensorView)
    /// `dx = dy · operation′(x)`, where `y = operation(x)` is given for operations that need it; contiguous.
    func unaryBackward(
        _ operation: UnaryOperation,
        dx: TensorView,
        dy: TensorView,
        x: TensorView,
        y: TensorView
    )
    /// `out = operation(a, b)`; strided (stride 0 broadcasts), in place on `a`; all of one dtype (i32 allowed).
    func binary(_ operation: BinaryOperation, _ out: TensorView, _ a: TensorView, _ b: TensorView)
    /// `out = x · scale + shift`; contiguous, in place; same dtype.
    func affine(_ out: TensorView, _ x: TensorView, scale: Double, shift: Double)
    /// `y += alpha · x`; contiguous; y and x may differ in floating dtype.
    func accumulate(_ y: TensorView, _ x: TensorView, alpha: Double)
    /// `out (u8) = comparison(a, b)`; strided; a and b of one dtype.
    func compare(_ comparison: Comparison, _ out: TensorView, _ a: TensorView, _ b: TensorView)
    /// `out = condition (u8) ? a : b`; strided; out, a and b of one dtype.
    func select(_ out: TensorView, condition: TensorView, _ a: TensorView, _ b: TensorView)
    /// Feed-forward gating: `out [N, F] = silu(x[:, :F]) · x[:, F:]` for x [N, 2F]; GELU's with the other activations.
    func gatedActivation(_ activation: Activation, _ out: TensorView, _ x: TensorView)
    /// The gradient `dx [N, 2F]` of ``gatedActivation(_:_:_:)``.
    func gatedActivationBackward(_ activation: Activation, dx: TensorView, dy: TensorView, x: TensorView)
    /// Inverted dropout: `out = x / (1 − p)` where kept, else 0; contiguous, in place. Element i is kept when the
    /// word at position `offset + i` of the Philox stream is at least p · 2³². Applying it to dy gives dx.
    func dropout(_ out: TensorView, _ x: TensorView, probability: Float, random: RandomSource)

    // MARK: Reductions

    /// Reduces the middle axis: x [A, n, C] (contiguous) to `out` [A, C] of the same dtype. An empty axis gives 0
    /// for `sum`, 0 for `mean`, −∞ for `max` and +∞ for `min`.
    func reduce(_ reduction: Reduction, _ out: TensorView, _ x: TensorView)
    /// The index (i32 [N]) of the first largest element of each row of x [N, n], n ≥ 1.
    func argmax(_ out: TensorView, _ x: TensorView)
    /// The `k` largest elements of each row of x [N, n] in falling order, ties by lower index:
    /// `values` [N, k] of x's dtype and `indices` [N, k] (i32).
    func topK(values: TensorView, indices: TensorView, _ x: TensorView)
    /// The sum of squares of a contiguous floating tensor, in f64; fixed order of summation.
    func sumOfSquares(_ x: TensorView) -> Double
    /// The flat index of the first element that is NaN or infinite, or nil; contiguous.
    func firstNonFinite(_ x: TensorView) -> Int?

    // MARK: Rows

    /// Softmax (or its logarithm) over the rows of x [N, n]; in place.
    func softmax(_ out: TensorView, _ x: TensorView, logarithm: Bool)
    /// The gradient of ``softmax(_:_:logarithm:)`` from its output `y`; in place on dy.
    func softmaxBackward(dx: TensorView, dy: TensorView, y: TensorView, logarithm: Bool)
    /// Layer or RMS normalisation of rows, see ``NormalizationForward``.
    func normalizationForward(_ call: NormalizationForward)
    /// The gradient of ``normalizationForward(_:)``, see ``NormalizationBackward``.
    func normalizationBackward(_ call: NormalizationBackward)
    /// `out [N, D] = table[ids]` for table [V, D] and ids i32 [N]; out and table may differ in floating dtype.
    /// Traps when an id lies outside 0..<V.
    func gatherRows(_ out: TensorView, table: TensorView, ids: TensorView)
    /// `table[ids[n]] += rows[n]` in the order of n; table [V, D], rows [N, D], dtypes may differ.
    func scatterAddRows(table: TensorView, rows: TensorView, ids: TensorView)
    /// Rotary positions, see ``RotaryCall``.
    func rotary(_ call: RotaryCall)
    /// Cross-entropy of rows of logits, see ``CrossEntropyCall``.
    func crossEntropy(_ call: CrossEntropyCall)
    /// Cross-entropy of a vocabulary projection without the whole logits, see ``LinearCrossEntropyCall``.
    func linearCrossEntropy(_ call: LinearCrossEntropyCall)

    // MARK: Matrix products and attention

    /// A matrix product with its epilogue, see ``MatrixProduct``.
    func matrixProduct(_ call: MatrixProduct)
    /// `dx = dy · activation′(preActivation)` for [M, N] and, where asked, `biasGradient [N] (f32 or f64) += Σ_m dx`
    /// (overwrites when `accumulateBias` is false). With `.identity`, dx may be nil and only the sums are made.
    func activationBackward(
        _ activation: Activation,
        dx: TensorView?,
        biasGradient: TensorView?,
        accumulateBias: Bool,
        dy: TensorView,
        preActivation: TensorView?
    )
    /// A feed-forward layer, see ``FeedForwardForward``.
    func feedForward(_ call: FeedForwardForward)
    /// The gradient of ``feedForward(_:)``, see ``FeedForwardBackward``.
    func feedForwardBackward(_ call: FeedForwardBackward)
    /// Scaled dot-product attention, see ``AttentionForward``.
    func attentionForward(_ call: AttentionForward)
    /// The gradient of ``attentionForward(_:)``, see ``AttentionBackward``.
    func attentionBackward(_ call: AttentionBackward)

    /// The recurrent part of a layer over sequences, see ``RecurrentForward``.
    func recurrentForward(_ call: RecurrentForward)
    /// The gradient of ``recurrentForward(_:)``, see ``RecurrentBackward``. Returns for each scan the positions outside
    /// of which every gradient is 0, because none reaches them; 0..<T from a backend that does not look.
    func recurrentBackward(_ call: RecurrentBackward) -> [Range<Int>]
    /// The losses [B] of label sequences under a linear chain (wide: f32, f64 for f64 emissions), or the log-partitions
    /// without targets, see ``LinearChain``.
    func linearChainLosses(_ losses: TensorView, _ chain: LinearChain)
    /// The gradients of ``linearChainLosses(_:_:)``, see ``LinearChainGradient``.
    func linearChainGradient(_ gradient: LinearChainGradient, _ chain: LinearChain)
    /// The best paths i32 [B, T], −1 from a sequence's length on, and their scores [B] (wide). Among equal paths the one
    /// with the lower label at the last position where they differ. L ≥ 1.
    func linearChainDecode(paths: TensorView, scores: TensorView, _ chain: LinearChain)
    /// The largest values of rows and their places, see ``RowMaxima``.
    func rowMaxima(_ call: RowMaxima)
    /// Gradients through largest values over windows, see ``WindowMaximaGradient``.
    func windowMaximaGradient(_ call: WindowMaximaGradient)

    // MARK: Optimizers and random numbers

    /// One step of AdamW, SGD or Lion over one parameter, see ``OptimizerStep``.
    func optimizerStep(_ step: OptimizerStep)
    /// Fills a contiguous tensor with uniform draws in [low, high): element i uses word `position + i`.
    func randomUniform(_ out: TensorView, low: Double, high: Double, random: RandomSource)
    /// Fills a contiguous tensor with normal draws: elements 2j and 2j + 1 are the Box–Muller pair of words
    /// `position + 2j` and `position + 2j + 1`; the position must be even.
    func randomNormal(_ out: TensorView, mean: Double, standardDeviation: Double, random: RandomSource)
}
