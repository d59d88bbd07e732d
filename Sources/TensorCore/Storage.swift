/// Memory of a backend that one or more tensors look at.
///
/// Invariant: only the operation that creates a storage writes it; once a tensor over it has been returned it is
/// read-only. The exceptions are the values and gradients of parameters, which belong to one trainer's thread.
/// This is why sharing a storage between threads is safe and the class may be `@unchecked Sendable`.
public final class Storage: @unchecked Sendable {
    /// The backend whose memory this is.
    public let backend: any Backend
    /// The first byte, aligned to 64 bytes.
    public let address: UnsafeMutableRawPointer
    /// The size in bytes.
    public let byteCount: Int

    /// Takes uninitialised memory from a backend's pool; it returns there when the last tensor lets go.
    public init(backend: any Backend, byteCount: Int) {
        self.backend = backend
        self.byteCount = byteCount
        address = backend.pool.allocate(byteCount)
    }

    deinit { backend.pool.deallocate(address, byteCount: byteCount) }
}
