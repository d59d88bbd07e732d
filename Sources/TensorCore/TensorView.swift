/// An address with the layout of what lies there: how the doors of a ``Backend`` see a tensor.
///
/// A view keeps the storage it was taken from alive (`owner`), and is never kept by a backend.
public struct TensorView {
    /// The address of the element with all indices zero, in the backend's memory.
    public let address: UnsafeMutableRawPointer
    /// The type of the elements.
    public let dtype: DType
    /// The extents of the axes, outermost first.
    public let shape: Shape
    /// The distance, in elements, between neighbours along each axis; 0 repeats one element (broadcasting).
    public let strides: [Int]
    /// What must live as long as the view; nil when the caller sees to it.
    public let owner: Storage?

    /// Makes a view of memory with explicit strides (in elements).
    public init(
        address: UnsafeMutableRawPointer,
        dtype: DType,
        shape: Shape,
        strides: [Int],
        owner: Storage? = nil
    ) {
        self.address = address
        self.dtype = dtype
        self.shape = shape
        self.strides = strides
        self.owner = owner
    }

    /// Makes a view of contiguous memory.
    public init(address: UnsafeMutableRawPointer, dtype: DType, shape: Shape, owner: Storage? = nil) {
        self.init(
            address: address,
            dtype: dtype,
            shape: shape,
            strides: shape.contiguousStrides,
            owner: owner
        )
    }

    /// The number of elements.
    public var elementCount: Int { shape.elementCount }

    /// Whether the elements lie in row-major order without gaps (axes of extent 1 may have any stride).
    public var isContiguous: Bool {
        var step = 1
        for axis in stride(from: shape.rank - 1, through: 0, by: -1) where shape.dimensions[axis] != 1 {
            if strides[axis] != step { return shape.elementCount == 0 }
            step *= shape.dimensions[axis]
        }
        return true
    }

    /// The same memory seen with another shape and strides.
    public func reinterpreted(shape: Shape, strides: [Int]) -> TensorView {
        TensorView(address: address, dtype: dtype, shape: shape, strides: strides, owner: owner)
    }

    /// A contiguous view seen with another shape of as many elements.
    ///
    /// Traps when the view is not contiguous or the counts differ.
    public func reshaped(_ shape: Shape) -> TensorView {
        require(
            isContiguous && shape.elementCount == elementCount,
            "cannot view \(self.shape) with strides \(strides) as \(shape)"
        )
        return TensorView(address: address, dtype: dtype, shape: shape, owner: owner)
    }

    /// The view that begins `elements` elements further on, with another shape and the given strides.
    public func advanced(by elements: Int, shape: Shape, strides: [Int]) -> TensorView {
        TensorView(
            address: address + elements * dtype.byteCount,
            dtype: dtype,
            shape: shape,
            strides: strides,
            owner: owner
        )
    }
}
