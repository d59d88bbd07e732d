extension LearningRateCurve {
    /// What recipes may set beside a schedule's name, with Hugging Face's and PyTorch's names in camel case; nil for a
    /// schedule's own default.
    public struct Options: Codable, Sendable, Hashable {
        /// Waves of `cosine` (0.5) and `cosine_with_min_lr`, or beginnings of `cosine_with_restarts` (1).
        public var numCycles: Double?
        /// The lowest rate as a part of the base rate: `linear`, `cosine`, `cosine_with_min_lr`.
        public var minLrRate: Double?
        /// The same as a rate, instead of ``minLrRate``.
        public var minLr: Double?
        /// The exponent of `polynomial` (1).
        public var power: Double?
        /// The last rate of `polynomial` (1e-7).
        public var lrEnd: Double?
        /// The unit of `inverse_sqrt`.
        public var timescale: Int?
        /// The factor of `step` (0.1) and `exponential` (0.999).
        public var gamma: Double?
        /// The steps between two changes of `step`.
        public var stepSize: Int?
        /// The share of rising steps of `one_cycle` (0.3).
        public var pctStart: Double?
        /// Where `one_cycle` begins: one over this (25).
        public var divFactor: Double?
        /// Where `one_cycle` ends: one over this times ``divFactor`` (10,000).
        public var finalDivFactor: Double?
        /// The shape of `one_cycle` (`cosine`).
        public var annealStrategy: Easing?
        /// The steps of the fall of `warmup_stable_decay` (a tenth of the run).
        public var numDecaySteps: Int?
        /// The lowest rate of `warmup_stable_decay` as a part of the base rate (0).
        public var minLrRatio: Double?
        /// The rise of `warmup_stable_decay` (`linear`).
        public var warmupType: Easing?
        /// The fall of `warmup_stable_decay` (`cosine`).
        public var decayType: Easing?

        /// Options that leave everything to the schedule.
        public init() {}
    }

    /// The names that ``init(named:options:learningRate:warmup:totalSteps:)`` knows.
    ///
    /// They are Hugging Face's `lr_scheduler_type` where it has one; `reduce_lr_on_plateau` is ``ReduceOnPlateau``.
    public static let names = [
        "constant", "constant_with_warmup", "step", "exponential", "linear", "cosine", "cosine_with_min_lr",
        "cosine_with_restarts", "polynomial", "inverse_sqrt", "one_cycle", "warmup_stable_decay",
    ]

    /// Makes a curve by a schedule's name.
    ///
    /// - Parameters:
    ///   - name: One of ``names``.
    ///   - options: The schedule's own numbers.
    ///   - learningRate: The base learning rate, which turns rates among the options into ratios.
    ///   - warmup: The warm-up's length.
    ///   - totalSteps: The number of steps of the run.
    /// - Throws: ``OptimizerError`` when the name is unknown or a number lies outside its range.
    public init(
        named name: String,
        options: Options = Options(),
        learningRate: Double,
        warmup: Warmup = .steps(0),
        totalSteps: Int
    ) throws(OptimizerError) {
        let form = try LearningRateCurve.form(name, options, learningRate, totalSteps)
        try self.init(form, warmup: warmup, totalSteps: totalSteps)
    }

    private static func form(
        _ name: String,
        _ options: Options,
        _ learningRate: Double,
        _ totalSteps: Int
    ) throws(OptimizerError) -> Form {
        let minimum = try minimumRatio(options, learningRate)
        switch name {
        case "constant", "constant_with_warmup":
            return .constant
        case "step":
            guard let size = options.stepSize else { throw missing("step_size", name) }
            return .step(size: size, gamma: options.gamma ?? 0.1)
        case "exponential":
            return .exponential(gamma: options.gamma ?? 0.999)
        case "linear":
            return .linear(minimumRatio: minimum ?? 0)
        case "cosine":
            return .cosine(cycles: options.numCycles ?? 0.5, minimumRatio: minimum ?? 0)
        case "cosine_with_min_lr":
            guard let minimum else { throw missing("min_lr or min_lr_rate", name) }
            return .cosine(cycles: options.numCycles ?? 0.5, minimumRatio: minimum)
        case "cosine_with_restarts":
            let cycles = options.numCycles ?? 1
            guard let count = Int(exactly: cycles) else {
                throw .invalidHyperparameter(
                    name: "num_cycles",
                    value: String(cycles),
                    expected: "a whole number"
                )
            }
            return .cosineWithRestarts(cycles: count)
        case "polynomial":
            return .polynomial(power: options.power ?? 1, endRatio: (options.lrEnd ?? 1e-7) / learningRate)
        case "inverse_sqrt":
            return .inverseSqrt(timescale: options.timescale)
        case "one_cycle":
            return .oneCycle(
                rise: options.pctStart ?? 0.3,
                divisor: options.divFactor ?? 25,
                finalDivisor: options.finalDivFactor ?? 10_000,
                easing: options.annealStrategy ?? .cosine
            )
        case "warmup_stable_decay":
            return .warmupStableDecay(
                decaySteps: options.numDecaySteps ?? (totalSteps + 9) / 10,
                minimumRatio: options.minLrRatio ?? minimum ?? 0,
                rise: options.warmupType ?? .linear,
                fall: options.decayType ?? .cosine
            )
        default:
            throw .unknownName(kind: "learning-rate schedule", name: name, known: names)
        }
    }

    private static func minimumRatio(
        _ options: Options,
        _ learningRate: Double
    ) throws(OptimizerError) -> Double? {
        guard let rate = options.minLr else { return options.minLrRate }
        if options.minLrRate != nil {
            throw .invalidHyperparameter(
                name: "min_lr",
                value: String(rate),
                expected: "no min_lr_rate beside it"
            )
        }
        return learningRate == 0 ? 0 : rate / learningRate
    }

    private static func missing(_ option: String, _ name: String) -> OptimizerError {
        .invalidHyperparameter(name: option, value: "not given", expected: "a value for the schedule \(name)")
    }
}
