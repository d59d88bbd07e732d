import YuyanCPUBackend
@_exported import YuyanTensorCore

/// The backend that tensors live on unless told otherwise.
public let standardBackend: any Backend = CPUBackend.shared

/// An n-dimensional array of one dtype: a shape and strides over a storage, and where a tape recorded it, if one did.
///
/// Tensors are values and never change after the operation that made them. Operations are methods where they concern
/// shape and reductions and free functions where they are maths over several tensors.
public struct Tensor: Sendable {
    /// The memory, shared with views of it.
    public let storage: Storage
    /// The first element's position in the storage, in elements.
    public let offset: Int
    /// The extents of the axes, outermost first.
    public let shape: Shape
    /// The distance between neighbours along each axis, in elements.
    public let strides: [Int]
    /// The type of the elements.
    public let dtype: DType
    /// The place on the tape that recorded this tensor; nil for constants.
    var node: Node?

    /// Makes a tensor over memory that exists.
    init(
        storage: Storage,
        offset: Int = 0,
        shape: Shape,
        strides: [Int]? = nil,
        dtype: DType,
        node: Node? = nil
    ) {
        self.storage = storage
        self.offset = offset
        self.shape = shape
        self.strides = strides ?? shape.contiguousStrides
        self.dtype = dtype
        self.node = node
    }

    /// A contiguous tensor whose memory is not initialised; the caller writes all of it before passing it on.
    public static func uninitialized(
        _ shape: Shape,
        dtype: DType,
        backend: any Backend = standardBackend
    ) -> Tensor {
        let storage = Storage(backend: backend, byteCount: shape.elementCount * dtype.byteCount)
        return Tensor(storage: storage, shape: shape, dtype: dtype)
    }

    /// The backend that holds and computes the tensor.
    public var backend: any Backend { storage.backend }
    /// The number of axes.
    public var rank: Int { shape.rank }
    /// The number of elements.
    public var elementCount: Int { shape.elementCount }

    /// How a backend sees the tensor.
    ///
    /// Writing through it is for whoever created the storage, before passing it on, and for parameters.
    public var view: TensorView {
        TensorView(
            address: storage.address + offset * dtype.byteCount,
            dtype: dtype,
            shape: shape,
            strides: strides,
            owner: storage
        )
    }

    /// Whether the elements lie in row-major order without gaps.
    public var isContiguous: Bool { view.isContiguous }

    /// The same values without a place on a tape: gradients stop here.
    public func detached() -> Tensor {
        var copy = self
        copy.node = nil
        return copy
    }
}

// MARK: Making tensors

extension Tensor {
    /// A tensor with every element equal to `value`.
    public static func full(
        _ shape: Shape,
        _ value: Double,
        dtype: DType = .f32,
        backend: any Backend = standardBackend
    ) -> Tensor {
        let out = uninitialized(shape, dtype: dtype, backend: backend)
        backend.fill(out.view, with: value)
        return out
    }

    /// A tensor of zeros.
    public static func zeros(
        _ shape: Shape,
        dtype: DType = .f32,
        backend: any Backend = standardBackend
    ) -> Tensor { full(shape, 0, dtype: dtype, backend: backend) }

    /// A tensor of ones.
    public static func ones(
        _ shape: Shape,
        dtype: DType = .f32,
        backend: any Backend = standardBackend
    ) -> Tensor { full(shape, 1, dtype: dtype, backend: backend) }

    /// A tensor (f32 unless told otherwise) of the given values in row-major order.
    ///
    /// Traps when the count of values is not that of the shape.
    public init(
        _ values: [Float],
        shape: Shape,
        dtype: DType = .f32,
        backend: any Backend = standardBackend
    ) {
        self = Tensor.uploaded(values, shape, .f32, backend).cast(to: dtype)
    }

    /// A tensor (f64 unless told otherwise) of the given values in row-major order.
    ///
    /// Traps when the count of values is not that of the shape.
    public init(
        _ values: [Double],
        shape: Shape,
        dtype: DType = .f64,
        backend: any Backend = standardBackend
    ) {
        self = Tensor.uploaded(values, shape, .f64, backend).cast(to: dtype)
    }

    /// A tensor of i32 of the given values in row-major order: token ids, positions, indices.
    ///
    /// Traps when the count of values is not that of the shape.
    public init(_ values: [Int32], shape: Shape, backend: any Backend = standardBackend) {
        self = Tensor.uploaded(values, shape, .i32, backend)
    }

    /// A tensor of u8 (a mask) of the given values in row-major order.
    ///
    /// Traps when the count of values is not that of the shape.
    public init(_ values: [UInt8], shape: Shape, backend: any Backend = standardBackend) {
        self = Tensor.uploaded(values, shape, .u8, backend)
    }

    /// A scalar of the given dtype.
    public init(_ value: Double, dtype: DType = .f32, backend: any Backend = standardBackend) {
        self = Tensor.full([], value, dtype: dtype, backend: backend)
    }

    /// A tensor from raw bytes in row-major order, for example a file's.
    ///
    /// Traps when the number of bytes is not that of the shape and dtype.
    public init(
        bytes: UnsafeRawBufferPointer,
        shape: Shape,
        dtype: DType,
        backend: any Backend = standardBackend
    ) {
        require(
            bytes.count == shape.elementCount * dtype.byteCount,
            "Tensor: \(bytes.count) bytes given for \(shape) of \(dtype)"
        )
        self = Tensor.uninitialized(shape, dtype: dtype, backend: backend)
        backend.upload(to: storage.address, from: bytes)
    }

    private static func uploaded<Value>(
        _ values: [Value],
        _ shape: Shape,
        _ dtype: DType,
        _ backend: any Backend
    ) -> Tensor {
        require(
            values.count == shape.elementCount,
            "Tensor: \(values.count) values given for shape \(shape), which has \(shape.elementCount)"
        )
        return values.withUnsafeBytes { Tensor(bytes: $0, shape: shape, dtype: dtype, backend: backend) }
    }

    /// Uniform draws in [low, high); advances the source by the number of elements.
    public static func uniform(
        _ shape: Shape,
        low: Double,
        high: Double,
        random: inout RandomSource,
        dtype: DType = .f32,
        backend: any Backend = standardBackend
    ) -> Tensor {
        let out = uninitialized(shape, dtype: dtype, backend: backend)
        backend.randomUniform(out.view, low: low, high: high, random: random)
        random = random.advanced(by: shape.elementCount + shape.elementCount % 2)
        return out
    }

    /// Normal draws; advances the source by the number of elements, rounded up to even.
    public static func normal(
        _ shape: Shape,
        mean: Double = 0,
        standardDeviation: Double = 1,
        random: inout RandomSource,
        dtype: DType = .f32,
        backend: any Backend = standardBackend
    ) -> Tensor {
        let out = uninitialized(shape, dtype: dtype, backend: backend)
        let start = random.advanced(by: Int(random.position % 2))
        backend.randomNormal(out.view, mean: mean, standardDeviation: standardDeviation, random: start)
        random = start.advanced(by: shape.elementCount + shape.elementCount % 2)
        return out
    }
}

extension RandomSource {
    /// The source some words further on.
    public func advanced(by words: Int) -> RandomSource {
        RandomSource(seed: seed, stream: stream, position: position &+ UInt64(words))
    }
}

// MARK: Reading on the host

extension Tensor {
    /// The bytes in row-major order, copied to the host.
    public func hostBytes() -> [UInt8] {
        let source = contiguous()
        return [UInt8](unsafeUninitializedCapacity: elementCount * dtype.byteCount) { buffer, count in
            count = elementCount * dtype.byteCount
            backend.download(to: UnsafeMutableRawBufferPointer(buffer), from: source.view.address)
        }
    }

    /// The elements in row-major order as Float (bf16 exactly, f64 and i32 rounded).
    public func floats() -> [Float] { detached().cast(to: .f32).hostValues() }

    /// The elements in row-major order as Double.
    public func doubles() -> [Double] { detached().cast(to: .f64).hostValues() }

    /// The elements in row-major order of an i32 tensor.
    ///
    /// Traps when the dtype is not i32.
    public func integers() -> [Int32] {
        require(dtype == .i32, "integers: the tensor is \(dtype), not i32")
        return hostValues()
    }

    /// The only element, as Double.
    ///
    /// Traps when there is not exactly one element.
    public func item() -> Double {
        require(elementCount == 1, "item: a tensor of shape \(shape) has \(elementCount) elements, not one")
        return doubles()[0]
    }

    private func hostValues<Value>() -> [Value] {
        let source = contiguous()
        return [Value](unsafeUninitializedCapacity: elementCount) { buffer, count in
            count = elementCount
            backend.download(to: UnsafeMutableRawBufferPointer(buffer), from: source.view.address)
        }
    }
}
