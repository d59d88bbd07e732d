import YuyanTensorCore

/// Minimises a smooth function, or one with the absolute values of some variables added (L1).
///
/// L-BFGS with a line search to the weak Wolfe conditions by bisection; with L1 the steps of OWL-QN. Sums are taken in
/// pieces of fixed size, so that the result does not depend on the threads. Sources: Liu and Nocedal, "On the limited
/// memory BFGS method for large scale optimization", 1989; Lewis and Overton, "Nonsmooth optimization via
/// quasi-Newton methods", 2013; Andrew and Gao, "Scalable training of L1-regularized log-linear models", 2007.
struct LimitedMemoryBFGS {
    /// Why a minimisation ended.
    enum Outcome: Sendable, Hashable {
        /// The gradient is small enough.
        case converged
        /// The value no longer falls: as good as rounding allows.
        case stalled
        /// The most iterations are done.
        case iterationLimit
        /// It was asked to stop.
        case cancelled
    }

    /// The pairs of steps and changes of the gradient that are kept.
    var memory = 10
    var maximumIterations = 1000
    /// The largest entry of the gradient at the end.
    var tolerance = 1e-6
    /// The relative fall of the value over the last ten iterations below which it ends; 0 to go on.
    var valueTolerance = 0.0
    /// The factor of the absolute values, and the variables it holds for.
    var l1 = 0.0
    var l1Range = 0..<0

    /// The values that decide whether it goes on: that of ten iterations ago and those after it.
    static let historyLength = 11

    /// - Parameters:
    ///   - x: where to begin, and the end.
    ///   - keeper: keeps the state; a state that it finds is gone on from.
    ///   - isCancelled: asked after each iteration; the state is then kept.
    ///   - report: is told the number of the iteration, the value and the largest entry of the gradient.
    ///   - evaluate: returns the value at a point and writes its gradient, both without the absolute values.
    /// - Returns: why it ended.
    /// - Throws: `FileFormatError` when a state cannot be written or is of another training.
    func minimize(
        _ x: inout [Double],
        keeper: MinimizationKeeper? = nil,
        isCancelled: () -> Bool,
        report: (Int, Double, Double) -> Void,
        _ evaluate: (UnsafePointer<Double>, UnsafeMutablePointer<Double>) -> Double
    ) throws -> Outcome {
        let count = x.count
        guard count > 0 else { return .converged }
        let numbers = MinimizationVectors(count: count, memory: memory)
        for index in 0..<count { numbers.x[index] = x[index] }
        defer { for index in 0..<count { x[index] = numbers.x[index] } }
        var keeper = keeper
        let found = try keeper?.restore(numbers, maximumIterations: maximumIterations)
        var history = found?.values ?? [evaluate(numbers.x, numbers.gradient) + penalty(numbers.x)]
        var value = history[history.count - 1]
        let first = found?.iteration ?? 0
        for iteration in first..<maximumIterations {
            pseudoGradient(numbers)
            let largest = numbers.largest(numbers.slope)
            report(iteration, value, largest)
            if largest <= tolerance { return .converged }
            let isStopped = isCancelled()
            // All that decides what follows is there now, and at the first iteration nothing is new.
            if iteration > first, isStopped || keeper?.isDue == true {
                try keeper?.save(.init(iteration: iteration, values: history), numbers)
            }
            if isStopped { return .cancelled }
            var direction = numbers.direction()
            if l1 > 0 { direction = numbers.alignDirection(l1Range) }
            if !(direction < 0) { direction = numbers.restart() }
            guard let next = search(numbers, value, direction, isFirst: numbers.pairs == 0, evaluate) else {
                if numbers.pairs == 0 { return .stalled }
                _ = numbers.restart()
                continue
            }
            value = next
            numbers.remember()
            history.append(value)
            if history.count > Self.historyLength { history.removeFirst() }
            if valueTolerance > 0, history.count == Self.historyLength {
                let before = history[0]
                if before - value <= valueTolerance * max(abs(value), 1e-300) { return .converged }
            }
        }
        return .iterationLimit
    }

    private func penalty(_ x: UnsafePointer<Double>) -> Double {
        l1 == 0 ? 0 : l1 * l1Range.reduce(0) { $0 + abs(x[$1]) }
    }

    /// The gradient with the absolute values: at 0 the side that falls, or none.
    private func pseudoGradient(_ numbers: MinimizationVectors) {
        let (slope, gradient, x) = (numbers.slope, numbers.gradient, numbers.x)
        for index in 0..<numbers.count { slope[index] = gradient[index] }
        guard l1 > 0 else { return }
        for index in l1Range {
            let g = gradient[index]
            if x[index] > 0 {
                slope[index] = g + l1
            } else if x[index] < 0 {
                slope[index] = g - l1
            } else {
                slope[index] = g + l1 < 0 ? g + l1 : g - l1 > 0 ? g - l1 : 0
            }
        }
    }

    /// Moves along the direction; returns the new value, or nil when no step makes it fall.
    private func search(
        _ numbers: MinimizationVectors,
        _ value: Double,
        _ slope: Double,
        isFirst: Bool,
        _ evaluate: (UnsafePointer<Double>, UnsafeMutablePointer<Double>) -> Double
    ) -> Double? {
        let first = isFirst ? min(1, 1 / max(numbers.norm(numbers.slope), 1e-300)) : 1
        var (step, low, high) = (first, 0.0, Double.infinity)
        for _ in 0..<50 {
            numbers.move(step)
            if l1 > 0 { numbers.project(l1Range) }
            let next = evaluate(numbers.nextX, numbers.nextGradient) + penalty(numbers.nextX)
            let fall = l1 > 0 ? numbers.projectedSlope() : step * slope
            if !next.isFinite || next > value + 1e-4 * fall {
                high = step
            } else if l1 == 0, numbers.dot(numbers.nextGradient, numbers.step) < 0.9 * slope {
                low = step
            } else {
                return next < value ? next : nil
            }
            step = high < .infinity ? (low + high) / 2 : 2 * low
        }
        return nil
    }
}

/// The vectors of a minimisation.
final class MinimizationVectors {
    let count: Int
    let memory: Int
    private(set) var x: UnsafeMutablePointer<Double>
    private(set) var gradient: UnsafeMutablePointer<Double>
    private(set) var nextX: UnsafeMutablePointer<Double>
    private(set) var nextGradient: UnsafeMutablePointer<Double>
    /// The gradient with what stands beside the function.
    let slope: UnsafeMutablePointer<Double>
    /// The direction.
    let step: UnsafeMutablePointer<Double>
    private var moves: [UnsafeMutablePointer<Double>] = []
    private var changes: [UnsafeMutablePointer<Double>] = []
    private(set) var curvatures: [Double] = []
    private let partials: UnsafeMutablePointer<Double>
    private static let piece = 1 << 14

    init(count: Int, memory: Int) {
        (self.count, self.memory) = (count, memory)
        func vector() -> UnsafeMutablePointer<Double> {
            let vector = UnsafeMutablePointer<Double>.allocate(capacity: count)
            vector.initialize(repeating: 0, count: count)
            return vector
        }
        (x, gradient, nextX, nextGradient) = (vector(), vector(), vector(), vector())
        (slope, step) = (vector(), vector())
        partials = .allocate(capacity: (count + Self.piece - 1) / Self.piece)
    }

    deinit {
        for vector in [x, gradient, nextX, nextGradient, slope, step, partials] + moves + changes {
            vector.deallocate()
        }
    }

    var pairs: Int { moves.count }

    /// The vectors that decide what follows, by names.
    var lasting: [(name: String, vector: UnsafeMutablePointer<Double>)] {
        [("x", x), ("gradient", gradient)] + moves.enumerated().map { ("step.\($0)", $1) }
            + changes.enumerated().map { ("change.\($0)", $1) }
    }

    /// Makes room for as many pairs as there are curvatures; `lasting` is to be filled.
    func makePairs(_ curvatures: [Double]) {
        for vector in moves + changes { vector.deallocate() }
        (moves, changes) = (curvatures.map { _ in fresh() }, curvatures.map { _ in fresh() })
        self.curvatures = curvatures
    }

    private func forEachRange(_ body: (Range<Int>, Int) -> Void) {
        let count = count
        forEachPiece((count + Self.piece - 1) / Self.piece) { piece in
            body(piece * Self.piece..<min(count, (piece + 1) * Self.piece), piece)
        }
    }

    func dot(_ a: UnsafePointer<Double>, _ b: UnsafePointer<Double>) -> Double {
        forEachRange { range, piece in
            var sums = SIMD8<Double>(repeating: 0)
            var index = range.lowerBound
            while index + 8 <= range.upperBound {
                let left = UnsafeRawPointer(a + index).loadUnaligned(as: SIMD8<Double>.self)
                let right = UnsafeRawPointer(b + index).loadUnaligned(as: SIMD8<Double>.self)
                sums += left * right
                index += 8
            }
            var sum = sums.sum()
            while index < range.upperBound {
                sum += a[index] * b[index]
                index += 1
            }
            partials[piece] = sum
        }
        return (0..<(count + Self.piece - 1) / Self.piece).reduce(0) { $0 + partials[$1] }
    }

    func norm(_ a: UnsafePointer<Double>) -> Double { dot(a, a).squareRoot() }

    func largest(_ a: UnsafePointer<Double>) -> Double {
        forEachRange { range, piece in
            var largest = 0.0
            for index in range where !(abs(a[index]) <= largest) { largest = abs(a[index]) }
            partials[piece] = largest
        }
        return (0..<(count + Self.piece - 1) / Self.piece).reduce(0) { max($0, partials[$1]) }
    }

    private func add(_ factor: Double, _ a: UnsafePointer<Double>, to b: UnsafeMutablePointer<Double>) {
        forEachRange { range, _ in
            for index in range { b[index] += factor * a[index] }
        }
    }

    /// Writes −H · slope to `step`; returns its product with the slope.
    func direction() -> Double {
        for index in 0..<count { step[index] = -slope[index] }
        var factors = [Double](repeating: 0, count: moves.count)
        for pair in moves.indices.reversed() {
            factors[pair] = dot(moves[pair], step) / curvatures[pair]
            add(-factors[pair], changes[pair], to: step)
        }
        if let last = changes.last, let curvature = curvatures.last {
            let scale = curvature / dot(last, last)
            forEachRange { range, _ in
                for index in range { step[index] *= scale }
            }
        }
        for pair in moves.indices {
            add(factors[pair] - dot(changes[pair], step) / curvatures[pair], moves[pair], to: step)
        }
        return dot(step, slope)
    }

    /// Leaves out of the direction what points against the slope.
    func alignDirection(_ range: Range<Int>) -> Double {
        for index in range where step[index] * slope[index] >= 0 { step[index] = 0 }
        return dot(step, slope)
    }

    /// Forgets the pairs: the direction is the slope's.
    func restart() -> Double {
        for vector in moves + changes { vector.deallocate() }
        (moves, changes, curvatures) = ([], [], [])
        for index in 0..<count { step[index] = -slope[index] }
        return dot(step, slope)
    }

    func move(_ length: Double) {
        forEachRange { range, _ in
            for index in range { nextX[index] = x[index] + length * step[index] }
        }
    }

    /// Stops variables at 0 where they would leave their orthant.
    func project(_ range: Range<Int>) {
        for index in range {
            let side = x[index] != 0 ? x[index] : -slope[index]
            if nextX[index] * side <= 0 { nextX[index] = 0 }
        }
    }

    /// The slope times the way that was gone.
    func projectedSlope() -> Double {
        dot(slope, nextX) - dot(slope, x)
    }

    /// Takes the step, and keeps it when it tells of curvature.
    func remember() {
        let (moved, changed) =
            moves.count == memory ? (moves.removeFirst(), changes.removeFirst()) : (fresh(), fresh())
        if curvatures.count == memory { curvatures.removeFirst() }
        forEachRange { range, _ in
            for index in range {
                moved[index] = nextX[index] - x[index]
                changed[index] = nextGradient[index] - gradient[index]
            }
        }
        (x, nextX) = (nextX, x)
        (gradient, nextGradient) = (nextGradient, gradient)
        let curvature = dot(moved, changed)
        guard curvature > 1e-16 * dot(changed, changed) else {
            moved.deallocate()
            changed.deallocate()
            return
        }
        moves.append(moved)
        changes.append(changed)
        curvatures.append(curvature)
    }

    private func fresh() -> UnsafeMutablePointer<Double> { .allocate(capacity: count) }
}
