import CKernels
import Testing
import YuyanCPUBackend
import YuyanTensorCore

/// A matrix or a batch of matrices in memory of its own, with gaps between rows that must stay as they are.
final class MatrixBlock {
    let view: TensorView
    private let memory: UnsafeMutableRawPointer
    private let count: Int
    private let isGap: [Bool]

    private static let gapValue = 12345.0

    /// Lays `values` [batch, rows, columns] out, row by row or column by column.
    init(
        _ values: [Double],
        _ dtype: DType,
        _ dimensions: [Int],
        transposed: Bool = false,
        gap: Int = 0
    ) {
        let rank = dimensions.count
        let batch = rank == 3 ? dimensions[0] : 1
        let rows = rank == 1 ? 1 : dimensions[rank - 2], columns = dimensions[rank - 1]
        let lead = (transposed ? rows : columns) + gap
        let size = (transposed ? columns : rows) * lead
        count = batch * size
        memory = UnsafeMutableRawPointer.allocate(byteCount: max(count, 1) * dtype.byteCount, alignment: 64)
        let matrix = transposed ? [1, lead] : [lead, 1]
        let strides = rank == 1 ? [1] : rank == 3 ? [size] + matrix : matrix
        view = TensorView(address: memory, dtype: dtype, shape: Shape(dimensions), strides: strides)
        var gaps = [Bool](repeating: true, count: count)
        for i in 0..<count { MatrixBlock.store(MatrixBlock.gapValue, memory, dtype, i) }
        var next = 0
        for b in 0..<batch {
            for i in 0..<rows {
                for j in 0..<columns {
                    let at = b * size + (transposed ? j * lead + i : i * lead + j)
                    gaps[at] = false
                    MatrixBlock.store(values[next], memory, dtype, at)
                    next += 1
                }
            }
        }
        isGap = gaps
    }

    deinit { memory.deallocate() }

    /// The elements in row-major order.
    var values: [Double] {
        let shape = [Int](repeating: 1, count: 3 - view.shape.rank) + view.shape.dimensions
        let strides = [Int](repeating: 0, count: 3 - view.shape.rank) + view.strides
        var result: [Double] = []
        result.reserveCapacity(view.elementCount)
        for b in 0..<shape[0] {
            for i in 0..<shape[1] {
                for j in 0..<shape[2] {
                    let at = b * strides[0] + i * strides[1] + j * strides[2]
                    result.append(MatrixBlock.load(memory, view.dtype, at))
                }
            }
        }
        return result
    }

    /// Whether nothing was written between the rows.
    var gapsAreUntouched: Bool {
        let expected = MatrixBlock.rounded(MatrixBlock.gapValue, view.dtype)
        return isGap.indices.allSatisfy { !isGap[$0] || MatrixBlock.load(memory, view.dtype, $0) == expected }
    }

    static func load(_ memory: UnsafeMutableRawPointer, _ dtype: DType, _ i: Int) -> Double {
        switch dtype {
        case .f32: Double(memory.load(fromByteOffset: i * 4, as: Float.self))
        case .f64: memory.load(fromByteOffset: i * 8, as: Double.self)
        case .bf16:
            Double(Float(bitPattern: UInt32(memory.load(fromByteOffset: i * 2, as: UInt16.self)) << 16))
        case .i32: Double(memory.load(fromByteOffset: i * 4, as: Int32.self))
        case .u8: Double(memory.load(fromByteOffset: i, as: UInt8.self))
        }
    }

    static func store(_ value: Double, _ memory: UnsafeMutableRawPointer, _ dtype: DType, _ i: Int) {
        switch dtype {
        case .f32: memory.storeBytes(of: Float(value), toByteOffset: i * 4, as: Float.self)
        case .f64: memory.storeBytes(of: value, toByteOffset: i * 8, as: Double.self)
        case .bf16: memory.storeBytes(of: bf16Bits(Float(value)), toByteOffset: i * 2, as: UInt16.self)
        case .i32: memory.storeBytes(of: Int32(value), toByteOffset: i * 4, as: Int32.self)
        case .u8: memory.storeBytes(of: UInt8(value), toByteOffset: i, as: UInt8.self)
        }
    }

    private static func bf16Bits(_ value: Float) -> UInt16 {
        let bits = value.bitPattern
        return UInt16(truncatingIfNeeded: (bits &+ 0x7FFF &+ (bits >> 16 & 1)) >> 16)
    }

    /// The value that a dtype keeps of `value`.
    static func rounded(_ value: Double, _ dtype: DType) -> Double {
        switch dtype {
        case .f32: Double(Float(value))
        case .bf16: Double(Float(bitPattern: UInt32(bf16Bits(Float(value))) << 16))
        default: value
        }
    }
}

/// Numbers for tests: uniform in [−1, 1), rounded to a dtype.
struct TestNumbers {
    private var state: UInt64

    init(seed: UInt64) { state = seed &* 0x9E37_79B9_7F4A_7C15 | 1 }

    mutating func next(_ count: Int, _ dtype: DType) -> [Double] {
        (0..<count).map { _ in
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return MatrixBlock.rounded(Double(state >> 40) / Double(1 << 23) - 1, dtype)
        }
    }
}

/// Expects every element within its own tolerance; a failure prints the largest error, the rmse and the worst index.
func expectWithin(
    _ actual: [Double],
    _ expected: [Double],
    tolerance: [Double],
    _ label: String,
    sourceLocation: SourceLocation = #_sourceLocation
) {
    guard actual.count == expected.count, tolerance.count == expected.count else {
        Issue.record(
            "\(label): \(actual.count) elements for \(expected.count)",
            sourceLocation: sourceLocation
        )
        return
    }
    var worst = -1, worstRatio = 1.0, squares = 0.0, largest = 0.0, failures = 0
    for i in actual.indices {
        let error = abs(actual[i] - expected[i])
        squares += error * error
        largest = max(largest, error)
        let ratio = error / tolerance[i]
        if !(error <= tolerance[i]) {
            failures += 1
            if !(ratio <= worstRatio) { (worst, worstRatio) = (i, ratio) }
        }
    }
    if failures > 0 {
        let rmse = (squares / Double(max(actual.count, 1))).squareRoot()
        let at = max(worst, 0)
        Issue.record(
            "\(label): \(failures) of \(actual.count) elements off; max \(largest), rmse \(rmse), worst index \(at): \(actual[at]) for \(expected[at]), \(worstRatio) times the tolerance",
            sourceLocation: sourceLocation
        )
    }
}

/// Runs `body` with a kernel set, and puts back the set and the number of threads.
func withKernels(_ set: KernelSet, threads: Int = 2, _ body: () -> Void) {
    let (oldSet, oldThreads) = (CPUBackend.kernelSet, CPUBackend.threadCount)
    #expect(CPUBackend.use(set))
    CPUBackend.threadCount = threads
    body()
    CPUBackend.use(oldSet)
    CPUBackend.threadCount = oldThreads
}
