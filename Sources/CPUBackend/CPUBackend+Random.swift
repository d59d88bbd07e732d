import CKernels
import YuyanTensorCore

extension CPUBackend {
    /// Inverted dropout: `out = x / (1 − p)` where kept, else 0; contiguous, in place.
    ///
    /// Element i is kept when the word at the source's position + i is at least p · 2³² (rounded).
    /// Traps when the views differ in shape or dtype, or when p lies outside 0...1.
    public func dropout(_ out: TensorView, _ x: TensorView, probability: Float, random: RandomSource) {
        require(
            x.isContiguous && x.dtype.isFloatingPoint,
            "dropout: x is \(RowChecks.describe(x)) of \(x.dtype); contiguous f32, bf16 or f64 fits here"
        )
        RowChecks.expectLike(out, x, "out", "dropout")
        require(
            probability >= 0 && probability <= 1,
            "dropout: the probability \(probability) lies outside 0...1"
        )
        yk_dropout(
            out.address,
            x.address,
            x.dtype.kernelType,
            probability,
            yk_random(random),
            Int64(x.elementCount)
        )
    }

    /// Fills a contiguous tensor with uniform draws in [low, high).
    ///
    /// Element i is `low + (high − low) · (word >> 8) · 2⁻²⁴` of the word at the source's position + i: the same
    /// numbers as ``RandomSource/nextUniform()``, with any kernels and threads.
    /// Traps unless low ≤ high and both are finite.
    public func randomUniform(_ out: TensorView, low: Double, high: Double, random: RandomSource) {
        checkDraws(out, "randomUniform")
        require(
            low <= high && (high - low).isFinite,
            "randomUniform: the bounds \(low) and \(high) must be finite and in order"
        )
        yk_random_uniform(
            out.address,
            out.dtype.kernelType,
            low,
            high,
            yk_random(random),
            Int64(out.elementCount)
        )
    }

    /// Fills a contiguous tensor with normal draws, by Box–Muller on pairs of words.
    ///
    /// With u₁ = (w₀ + 1) · 2⁻³² and u₂ = w₁ · 2⁻³², elements 2j and 2j + 1 are
    /// `mean + standardDeviation · √(−2 ln u₁)` times the cosine and the sine of 2πu₂, worked out in double and
    /// rounded once: the same numbers with any kernels and threads.
    /// Traps when the source's position is odd.
    public func randomNormal(
        _ out: TensorView,
        mean: Double,
        standardDeviation: Double,
        random: RandomSource
    ) {
        checkDraws(out, "randomNormal")
        require(
            random.position % 2 == 0,
            "randomNormal: the position \(random.position) must be even, because draws use pairs of words"
        )
        yk_random_normal(
            out.address,
            out.dtype.kernelType,
            mean,
            standardDeviation,
            yk_random(random),
            Int64(out.elementCount)
        )
    }

    private func checkDraws(_ out: TensorView, _ door: String) {
        require(
            out.isContiguous && out.dtype.isFloatingPoint,
            "\(door): out is \(RowChecks.describe(out)) of \(out.dtype); contiguous f32, bf16 or f64 fits here"
        )
    }
}

extension yk_random {
    /// A source as C sees it.
    fileprivate init(_ source: RandomSource) {
        self.init(seed: source.seed, stream: source.stream, position: source.position)
    }
}
