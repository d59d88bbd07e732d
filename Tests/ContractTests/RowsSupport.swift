import Testing
import YuyanCPUBackend
import YuyanTensorCore
import YuyanTestSupport

/// Contiguous elements with guards before and after them that must stay as they are.
final class GuardedBlock {
    let view: TensorView
    private let memory: UnsafeMutableRawPointer
    private static let guardBytes = 64
    private static let mark: UInt8 = 0xA5

    /// Memory for `values`, which are rounded to the dtype.
    init(_ values: [Double], _ dtype: DType, _ dimensions: [Int]) {
        let bytes = values.count * dtype.byteCount
        let whole = bytes + 2 * GuardedBlock.guardBytes
        memory = UnsafeMutableRawPointer.allocate(byteCount: whole, alignment: 64)
        memory.initializeMemory(as: UInt8.self, repeating: GuardedBlock.mark, count: whole)
        view = TensorView(address: memory + GuardedBlock.guardBytes, dtype: dtype, shape: Shape(dimensions))
        for (i, value) in values.enumerated() { MatrixBlock.store(value, view.address, dtype, i) }
    }

    /// Memory for a result, filled with a value that no test expects.
    convenience init(_ dtype: DType, _ dimensions: [Int]) {
        self.init([Double](repeating: 77.0, count: dimensions.reduce(1, *)), dtype, dimensions)
    }

    deinit { memory.deallocate() }

    /// The elements.
    var values: [Double] {
        (0..<view.elementCount).map { MatrixBlock.load(view.address, view.dtype, $0) }
    }

    /// Whether nothing was written outside the elements.
    var guardsAreUntouched: Bool {
        let end = GuardedBlock.guardBytes + view.elementCount * view.dtype.byteCount
        return (0..<GuardedBlock.guardBytes).allSatisfy {
            memory.load(fromByteOffset: $0, as: UInt8.self) == GuardedBlock.mark
                && memory.load(fromByteOffset: end + $0, as: UInt8.self) == GuardedBlock.mark
        }
    }
}

/// Whether nothing was written outside of any of the blocks.
func areUntouched(_ blocks: GuardedBlock...) -> Bool { blocks.allSatisfy(\.guardsAreUntouched) }

/// The dtype of statistics of values of a dtype.
func statisticType(_ dtype: DType) -> DType { dtype == .f64 ? .f64 : .f32 }

/// How far a result of a dtype may lie from the truth.
struct RowTolerance {
    var f32: Double
    var bf16 = 0x1p-8
    var f64 = 1e-12

    /// The tolerance of a dtype: a part of |expected|, or that times `scale` for numbers near 0.
    func of(_ dtype: DType) -> Double {
        switch dtype {
        case .bf16: bf16
        case .f64: f64
        default: f32
        }
    }
}

/// Calls a door with every set of kernels, and with one thread and two, and compares what comes out.
///
/// `run` gives the outputs of the door; `expected` the same from plain formulas in double. Outputs of one set must
/// agree bit for bit whatever the number of threads.
func checkRows(
    _ label: String,
    _ dtype: DType,
    tolerance: Double,
    absolute: Double,
    expected: [[Double]],
    sourceLocation: SourceLocation = #_sourceLocation,
    run: () -> [[Double]]
) {
    for set in CPUBackend.availableKernelSets {
        var single: [[Double]] = []
        withKernels(set, threads: 1) { single = run() }
        var twofold: [[Double]] = []
        withKernels(set, threads: 2) { twofold = run() }
        #expect(
            zip(single, twofold).allSatisfy { $0.map(\.bitPattern) == $1.map(\.bitPattern) },
            "\(label), \(set), \(dtype): one thread and two differ",
            sourceLocation: sourceLocation
        )
        guard single.count == expected.count else {
            Issue.record("\(label): \(single.count) outputs", sourceLocation: sourceLocation)
            return
        }
        for (index, (actual, wanted)) in zip(single, expected).enumerated() {
            expectClose(
                actual: actual,
                expected: wanted,
                relative: tolerance,
                absolute: absolute,
                matchingNaN: true,
                "\(label), output \(index), \(set), \(dtype)",
                sourceLocation: sourceLocation
            )
        }
    }
}
