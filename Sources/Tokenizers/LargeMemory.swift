#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// Plain memory for tables that are read at random places.
enum LargeMemory {
    private static let pageBytes = 2 << 20

    /// Room for some values, not initialised; to be given back by `deallocate`.
    ///
    /// Where the system can, large tables get pages of 2 MiB: finding the address of a small page costs more than reading
    /// it.
    static func allocate<Value: BitwiseCopyable>(
        _ type: Value.Type,
        count: Int
    ) -> UnsafeMutablePointer<Value> {
        let bytes = count * MemoryLayout<Value>.stride
        let isLarge = bytes >= pageBytes
        let alignment = isLarge ? pageBytes : max(64, MemoryLayout<Value>.alignment)
        let memory = UnsafeMutableRawPointer.allocate(byteCount: bytes, alignment: alignment)
        #if os(Linux)
        // Only advice: whether it is followed changes nothing but the speed.
        if isLarge { _ = madvise(memory, bytes, MADV_HUGEPAGE) }
        #endif
        return memory.bindMemory(to: type, capacity: count)
    }

    /// Asks for large pages where memory that was got otherwise, and not yet written to, has room for them.
    static func advise(_ memory: UnsafeMutableRawBufferPointer) {
        #if os(Linux)
        guard memory.count >= 2 * pageBytes, let base = memory.baseAddress else { return }
        let start = base.alignedUp(toMultipleOf: pageBytes)
        _ = madvise(start, memory.count - (start - base), MADV_HUGEPAGE)
        #endif
    }
}
