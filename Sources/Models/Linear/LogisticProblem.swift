import YuyanTensorCore

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// What texts should come out as.
enum LogisticTargets: Sendable {
    /// One class of several, by softmax.
    case classes([Int32], outputs: Int)
    /// Those outputs that should be 1, each by its own logistic function.
    case sets([[Int32]], outputs: Int)

    var outputs: Int {
        switch self {
        case .classes(_, let outputs), .sets(_, let outputs): outputs
        }
    }
}

/// The mean loss of logistic regression with half the squared weights, and its gradient.
final class LogisticProblem {
    private let rows: SparseMatrix
    private let targets: LogisticTargets
    private let penalty: Double
    private let outputs: Int
    /// What the outputs are, then the loss's slope by them: [rows, outputs].
    private let slopes: UnsafeMutablePointer<Double>
    private let losses: UnsafeMutablePointer<Double>

    init(rows: SparseMatrix, targets: LogisticTargets, penalty: Double) {
        (self.rows, self.targets, self.penalty, outputs) = (rows, targets, penalty, targets.outputs)
        slopes = .allocate(capacity: max(rows.rows * outputs, 1))
        losses = .allocate(capacity: max(rows.rows, 1))
    }

    deinit {
        slopes.deallocate()
        losses.deallocate()
    }

    /// The number of variables: the weights [columns, outputs], then the intercepts.
    var count: Int { (rows.columns + 1) * outputs }

    func evaluate(_ x: UnsafePointer<Double>, _ gradient: UnsafeMutablePointer<Double>) -> Double {
        let size = rows.columns * outputs
        rows.products(slopes, x, bias: x + size, width: outputs) { range in
            for row in range { losses[row] = slope(row, slopes + row * outputs) }
        }
        let share = 1 / Double(rows.rows)
        rows.transposedProducts(gradient, slopes, scale: share, width: outputs)
        var (loss, sums) = (0.0, [Double](repeating: 0, count: outputs))
        for row in 0..<rows.rows {
            loss += losses[row]
            for output in 0..<outputs { sums[output] += slopes[row * outputs + output] }
        }
        for output in 0..<outputs { gradient[size + output] = sums[output] * share }
        var squares = SIMD8<Double>(repeating: 0)
        var index = 0
        while index + 8 <= size {
            let weights = UnsafeRawPointer(x + index).loadUnaligned(as: SIMD8<Double>.self)
            squares += weights * weights
            index += 8
        }
        var sum = squares.sum()
        while index < size {
            sum += x[index] * x[index]
            index += 1
        }
        for index in 0..<size { gradient[index] += penalty * x[index] }
        return loss * share + 0.5 * penalty * sum
    }

    /// The loss of a row; its outputs become the loss's slope by them.
    private func slope(_ row: Int, _ values: UnsafeMutablePointer<Double>) -> Double {
        switch targets {
        case .classes(let labels, _):
            var top = values[0]
            for output in 1..<outputs { top = max(top, values[output]) }
            let label = Int(labels[row])
            let right = values[label] - top
            var sum = 0.0
            for output in 0..<outputs {
                values[output] = exp(values[output] - top)
                sum += values[output]
            }
            for output in 0..<outputs { values[output] /= sum }
            values[label] -= 1
            return log(sum) - right
        case .sets(let labels, _):
            var loss = 0.0
            for output in 0..<outputs {
                let value = values[output]
                let isRight = labels[row].contains(Int32(output))
                loss += log1p(exp(-abs(value))) + max(value, 0) - (isRight ? value : 0)
                values[output] = 1 / (1 + exp(-value)) - (isRight ? 1 : 0)
            }
            return loss
        }
    }
}
