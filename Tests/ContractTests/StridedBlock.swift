import YuyanCPUBackend
import YuyanTensorCore

/// Numbers in memory of their own under any strides; what lies between the elements must stay as it is.
final class StridedBlock {
    let view: TensorView
    private let memory: UnsafeMutableRawPointer  // of the view's owner
    private let count: Int
    private static let filler: UInt8 = 0x5B

    /// How the elements lie in memory.
    enum Order: String, CaseIterable {
        /// In rows, without gaps.
        case contiguous
        /// The axes the other way round, as after a transposition.
        case reversed
        /// The last two axes exchanged.
        case transposed
        /// In rows, two elements apart.
        case spread
        /// Rows with a gap behind each.
        case padded
    }

    /// Lays `values` (row-major) out; an axis in `repeated` has stride 0 and takes the values at its index 0.
    init(
        _ values: [Double],
        _ dtype: DType,
        _ shape: Shape,
        _ order: Order = .contiguous,
        repeated: Set<Int> = []
    ) {
        let rank = shape.rank
        var axes = Array(0..<rank)
        if order == .reversed { axes.reverse() }
        if order == .transposed, rank >= 2 { axes.swapAt(rank - 1, rank - 2) }
        var strides = [Int](repeating: 0, count: rank)
        var step = order == .spread ? 2 : 1
        for (place, axis) in axes.reversed().enumerated() where !repeated.contains(axis) {
            strides[axis] = step
            step *= max(shape.dimensions[axis], 1)
            if order == .padded && place == 0 { step += 3 }
        }
        count = step + 4
        let storage = Storage(backend: CPUBackend.shared, byteCount: count * dtype.byteCount)
        memory = storage.address
        memory.initializeMemory(
            as: UInt8.self,
            repeating: StridedBlock.filler,
            count: count * dtype.byteCount
        )
        view = TensorView(address: memory, dtype: dtype, shape: shape, strides: strides, owner: storage)
        // From the last to the first, so that a repeated element keeps its first value.
        for (index, place) in places.enumerated().reversed() where index < values.count {
            MatrixBlock.store(values[index], memory, dtype, place)
        }
    }

    /// Where the elements lie, in row-major order of the indices.
    private var places: [Int] {
        var result = [0]
        for (extent, stride) in zip(view.shape.dimensions, view.strides) {
            result = result.flatMap { base in (0..<extent).map { base + $0 * stride } }
        }
        return result
    }

    /// The elements in row-major order.
    var values: [Double] { places.map { MatrixBlock.load(memory, view.dtype, $0) } }

    /// The bytes of the whole memory, to compare bit by bit.
    var bytes: [UInt8] { Array(UnsafeRawBufferPointer(start: memory, count: count * view.dtype.byteCount)) }

    /// Whether nothing was written beside the elements.
    var gapsAreUntouched: Bool {
        let size = view.dtype.byteCount
        let used = Set(places)
        let all = bytes
        return (0..<count).allSatisfy { place in
            used.contains(place)
                || all[(place * size)..<(place * size + size)].allSatisfy { $0 == StridedBlock.filler }
        }
    }
}

/// What a dtype makes of a number, to nearest.
func rounded(_ values: [Double], _ dtype: DType) -> [Double] { values.map { MatrixBlock.rounded($0, dtype) } }

/// The distance from 1 to the next number of a floating dtype.
func unitRoundoff(_ dtype: DType) -> Double {
    switch dtype {
    case .f32: 0x1p-23
    case .bf16: 0x1p-7
    default: 0x1p-52
    }
}
