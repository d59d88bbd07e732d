/// The steps of a run that has a limit of time, planned anew as the clock goes.
///
/// What a plan holds decides the learning rates of a run, so it is part of a checkpoint.
public struct TimePlan: Codable, Equatable, Sendable {
    /// A number of steps that was planned.
    public struct Revision: Codable, Equatable, Sendable {
        /// The steps done when it was planned.
        public let step: Int
        /// The seconds used by then.
        public let seconds: Double
        /// The steps of the whole run.
        public let maxSteps: Int
    }

    /// The most seconds of the run.
    public private(set) var maxSeconds: Double
    /// The most steps of the run, however fast they are.
    public private(set) var mostSteps: Int
    /// The plans so far, each of which held until the next; before the first, ``mostSteps`` were planned.
    public private(set) var revisions: [Revision] = []
    /// The seconds of the longest evaluation with its checkpoint: as much is kept for the last one.
    public private(set) var longestEvaluation = 0.0
    /// The seconds used when the plan was looked at last.
    private var lastLook = 0.0

    /// The parts of the time after each of which the plan is looked at.
    private static let looks = 100.0

    /// A plan of all steps.
    ///
    /// - Parameters:
    ///   - maxSeconds: The most seconds of the run, above 0.
    ///   - mostSteps: The most steps.
    public init(maxSeconds: Double, mostSteps: Int) {
        (self.maxSeconds, self.mostSteps) = (maxSeconds, mostSteps)
    }

    /// The steps of the whole run as they are planned now.
    public var maxSteps: Int { revisions.last?.maxSteps ?? mostSteps }

    /// Takes notice of an evaluation.
    mutating func noteEvaluation(seconds: Double) { longestEvaluation = max(longestEvaluation, seconds) }

    /// Gives the run other limits, and plans its steps for them.
    ///
    /// - Parameters:
    ///   - maxSeconds: The most seconds.
    ///   - mostSteps: The most steps.
    ///   - step: The steps done.
    ///   - seconds: The seconds used.
    mutating func limit(maxSeconds: Double, mostSteps: Int, step: Int, seconds: Double) {
        (self.maxSeconds, self.mostSteps) = (maxSeconds, mostSteps)
        plan(step: step, seconds: seconds, isOver: step > 0 && !hasRoom(step, seconds, for: 0))
    }

    /// Looks at the clock after a step, and plans anew when a hundredth of the time has passed since the last look, the
    /// planned steps are done or the time is over.
    ///
    /// - Parameters:
    ///   - step: The steps done, one at least.
    ///   - seconds: The seconds used.
    ///   - isEvaluationDue: Whether the step is evaluated, which will take time.
    /// - Returns: Whether another number of steps is planned now.
    mutating func look(step: Int, seconds: Double, isEvaluationDue: Bool) -> Bool {
        let isOver = !hasRoom(step, seconds, for: isEvaluationDue ? longestEvaluation : 0)
        let (part, last) = (seconds / maxSeconds * Self.looks, lastLook / maxSeconds * Self.looks)
        guard isOver || step >= maxSteps || part.rounded(.down) > last.rounded(.down) else { return false }
        let before = maxSteps
        plan(step: step, seconds: seconds, isOver: isOver)
        return maxSteps != before
    }

    /// Whether there is time for another step of the mean duration and the last evaluation.
    private func hasRoom(_ step: Int, _ seconds: Double, for pending: Double) -> Bool {
        seconds + pending + seconds / Double(max(step, 1)) + longestEvaluation <= maxSeconds
    }

    private mutating func plan(step: Int, seconds: Double, isOver: Bool) {
        lastLook = seconds
        var steps = mostSteps
        if isOver {
            steps = min(step, mostSteps)
        } else if step > 0, seconds > 0 {
            let fitting = Double(step) * (maxSeconds - longestEvaluation) / seconds
            if fitting < Double(mostSteps) { steps = min(max(Int(fitting), step + 1), mostSteps) }
        }
        if steps != maxSteps { revisions.append(Revision(step: step, seconds: seconds, maxSteps: steps)) }
    }
}

/// The time that runs are measured by.
public enum RunClock {
    private static let clock = ContinuousClock()
    private static let origin = clock.now

    /// The seconds since a moment that stays the same within a process.
    public static func seconds() -> Double { origin.duration(to: clock.now).inSeconds }
}
