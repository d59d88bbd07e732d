import Foundation

/// How the learning rate changes over a run: a pure function of the step.
///
/// Steps count from 0: the first step of an optimizer takes the rate at 0. During the warm-up the factor rises from 0
/// in proportion to the step, except where a form says otherwise; forms begin at its end. Past the last step the
/// factor stays what it was there.
public struct LearningRateCurve: Codable, Sendable, Hashable {
    /// The shape of a rise or fall between two values.
    public enum Easing: String, Codable, Sendable, CaseIterable {
        /// A straight line.
        case linear
        /// Half a wave.
        case cosine
        /// One minus the root of what has passed.
        case oneMinusSqrt = "1-sqrt"
    }

    /// What follows the warm-up; ratios are parts of the base learning rate.
    public enum Form: Codable, Sendable, Hashable {
        /// The base learning rate.
        case constant
        /// Times `gamma` every `size` steps.
        case step(size: Int, gamma: Double)
        /// Times `gamma` every step.
        case exponential(gamma: Double)
        /// A straight line to `minimumRatio` at the last step.
        case linear(minimumRatio: Double)
        /// Waves between 1 and `minimumRatio`: half a wave with `cycles` of 0.5.
        case cosine(cycles: Double, minimumRatio: Double)
        /// Half waves from 1 to 0, begun again `cycles` times in all.
        case cosineWithRestarts(cycles: Int)
        /// A power of what remains, down to `endRatio`.
        case polynomial(power: Double, endRatio: Double)
        /// 1/√ of the steps, in units of `timescale`; the warm-up's length (10,000 without one) when nil.
        case inverseSqrt(timescale: Int?)
        /// One rise from 1/`divisor` and one fall to 1/(`divisor` · `finalDivisor`) over all steps; the rise takes the
        /// warm-up's steps, or the share `rise` of all without one. Source: Smith, Topin, 2018.
        case oneCycle(rise: Double, divisor: Double, finalDivisor: Double, easing: Easing)
        /// A constant rate, then a fall to `minimumRatio` over the last `decaySteps`; the warm-up begins at
        /// `minimumRatio`. Source: Hu et al., «MiniCPM», 2024.
        case warmupStableDecay(decaySteps: Int, minimumRatio: Double, rise: Easing, fall: Easing)
    }

    /// How the warm-up's length is given.
    public enum Warmup: Codable, Sendable, Hashable {
        /// A number of steps.
        case steps(Int)
        /// A part of all steps, rounded up.
        case ratio(Double)

        /// The number of steps out of a total.
        public func steps(of total: Int) -> Int {
            switch self {
            case .steps(let count): count
            case .ratio(let ratio): Int((Double(total) * ratio).rounded(.up))
            }
        }
    }

    /// What follows the warm-up.
    public let form: Form
    /// The number of steps of the warm-up.
    public let warmupSteps: Int
    /// The number of steps of the run.
    public let totalSteps: Int

    /// Makes a curve.
    ///
    /// - Parameters:
    ///   - form: What follows the warm-up.
    ///   - warmup: The warm-up's length.
    ///   - totalSteps: The number of steps of the run.
    /// - Throws: ``OptimizerError/invalidHyperparameter(name:value:expected:)`` when a number lies outside its range.
    public init(
        _ form: Form,
        warmup: Warmup = .steps(0),
        totalSteps: Int
    ) throws(OptimizerError) {
        if case .ratio(let ratio) = warmup {
            try check(ratio >= 0 && ratio <= 1, "warmup_ratio", ratio, "a number from 0 to 1")
        }
        self.form = form
        self.totalSteps = totalSteps
        warmupSteps = warmup.steps(of: totalSteps)
        try check(totalSteps >= 0, "max_steps", Double(totalSteps), "a number of at least 0")
        try check(warmupSteps >= 0, "warmup_steps", Double(warmupSteps), "a number of at least 0")
        try LearningRateCurve.validate(form, totalSteps: totalSteps, warmupSteps: warmupSteps)
    }

    /// The factor on the base learning rate at a step, counted from 0.
    public func factor(at step: Int) -> Double {
        switch form {
        case .oneCycle(let rise, let divisor, let finalDivisor, let easing):
            let peak = warmupSteps > 0 ? Double(warmupSteps) : rise * Double(totalSteps)
            return oneCycle(step, peak: peak - 1, 1 / divisor, 1 / (divisor * finalDivisor), easing)
        case .warmupStableDecay(let decaySteps, let minimum, let rise, let fall):
            return stableThenDecay(step, decaySteps, minimum, rise, fall)
        default:
            if step < warmupSteps { return Double(step) / Double(Swift.max(1, warmupSteps)) }
            return factorAfterWarmup(step)
        }
    }

    /// The part of the way from the end of the warm-up to the last step.
    private func progress(_ step: Int) -> Double {
        Swift.min(1, Double(step - warmupSteps) / Double(Swift.max(1, totalSteps - warmupSteps)))
    }

    private func factorAfterWarmup(_ step: Int) -> Double {
        let passed = Double(step - warmupSteps)
        switch form {
        case .constant, .oneCycle, .warmupStableDecay:
            return 1
        case .step(let size, let gamma):
            return pow(gamma, (passed / Double(size)).rounded(.down))
        case .exponential(let gamma):
            return pow(gamma, passed)
        case .linear(let minimum):
            let total = Double(Swift.max(1, totalSteps - warmupSteps))
            return Swift.max(0, Double(totalSteps - step) / total) * (1 - minimum) + minimum
        case .cosine(let cycles, let minimum):
            let wave = 0.5 * (1 + cos(Double.pi * cycles * 2 * progress(step)))
            return Swift.max(0, wave * (1 - minimum) + minimum)
        case .cosineWithRestarts(let cycles):
            let part = progress(step)
            if part >= 1 { return 0 }
            let turn = (Double(cycles) * part).truncatingRemainder(dividingBy: 1)
            return Swift.max(0, 0.5 * (1 + cos(Double.pi * turn)))
        case .polynomial(let power, let endRatio):
            if step > totalSteps { return endRatio }
            let remaining = 1 - passed / Double(Swift.max(1, totalSteps - warmupSteps))
            return (1 - endRatio) * pow(remaining, power) + endRatio
        case .inverseSqrt(let timescale):
            let scale = timescale ?? (warmupSteps > 0 ? warmupSteps : 10_000)
            return 1 / (Double(step + scale - warmupSteps) / Double(scale)).squareRoot()
        }
    }

    private func oneCycle(
        _ step: Int,
        peak: Double,
        _ start: Double,
        _ end: Double,
        _ easing: Easing
    ) -> Double {
        let last = Double(totalSteps - 1)
        let at = Swift.min(Double(step), Swift.max(last, 0))
        if at <= peak { return easing.between(start, 1, peak > 0 ? at / peak : 1) }
        return easing.between(1, end, last > peak ? (at - peak) / (last - peak) : 1)
    }

    private func stableThenDecay(
        _ step: Int,
        _ decaySteps: Int,
        _ minimum: Double,
        _ rise: Easing,
        _ fall: Easing
    ) -> Double {
        func scaled(_ factor: Double) -> Double { Swift.max(0, factor * (1 - minimum) + minimum) }
        if step < warmupSteps {
            let part = Double(step) / Double(warmupSteps)
            switch rise {
            case .linear: return scaled(part)
            case .cosine: return scaled(0.5 * (1 - cos(Double.pi * part)))
            case .oneMinusSqrt: return scaled(1 - (1 - part).squareRoot())
            }
        }
        let decayStart = Swift.max(totalSteps - decaySteps, warmupSteps)
        if step < decayStart { return 1 }
        if step >= decayStart + decaySteps { return minimum }
        let part = Double(step - decayStart) / Double(Swift.max(1, decaySteps))
        switch fall {
        case .linear: return scaled(1 - part)
        case .cosine: return scaled(0.5 * (1 + cos(Double.pi * part)))
        case .oneMinusSqrt: return scaled(1 - part.squareRoot())
        }
    }
}

extension LearningRateCurve.Easing {
    /// The value a part of the way from one value to another.
    fileprivate func between(_ start: Double, _ end: Double, _ part: Double) -> Double {
        switch self {
        case .linear: start + (end - start) * part
        case .cosine: end + (start - end) / 2 * (1 + cos(Double.pi * part))
        case .oneMinusSqrt: start + (end - start) * part.squareRoot()
        }
    }
}

extension LearningRateCurve {
    private static func validate(_ form: Form, totalSteps: Int, warmupSteps: Int) throws(OptimizerError) {
        func ratio(_ name: String, _ value: Double) throws(OptimizerError) {
            try check(value >= 0 && value <= 1, name, value, "a number from 0 to 1")
        }
        func positive(_ name: String, _ value: Double) throws(OptimizerError) {
            try check(value > 0 && value.isFinite, name, value, "a number above 0")
        }
        switch form {
        case .constant:
            return
        case .step(let size, let gamma):
            try positive("step_size", Double(size))
            try positive("gamma", gamma)
        case .exponential(let gamma):
            try positive("gamma", gamma)
        case .linear(let minimum):
            try ratio("min_lr_rate", minimum)
        case .cosine(let cycles, let minimum):
            try positive("num_cycles", cycles)
            try ratio("min_lr_rate", minimum)
        case .cosineWithRestarts(let cycles):
            try positive("num_cycles", Double(cycles))
        case .polynomial(let power, let endRatio):
            try positive("power", power)
            try ratio("lr_end (as a part of the learning rate)", endRatio)
        case .inverseSqrt(let timescale):
            if let timescale { try positive("timescale", Double(timescale)) }
        case .oneCycle(let rise, let divisor, let finalDivisor, _):
            try ratio("pct_start", rise)
            try positive("div_factor", divisor)
            try positive("final_div_factor", finalDivisor)
        case .warmupStableDecay(let decaySteps, let minimum, _, _):
            let room = totalSteps - warmupSteps
            try check(
                decaySteps >= 0 && decaySteps <= room,
                "num_decay_steps",
                Double(decaySteps),
                "a number from 0 to \(room), the steps after the warm-up,"
            )
            try ratio("min_lr_ratio", minimum)
        }
    }
}
