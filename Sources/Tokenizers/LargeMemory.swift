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

    /// Room for some values of which every byte is zero; to be given back by `deallocateZeros`.
    ///
    /// The system hands out zeros anyway, which are not written a second time here.
    static func allocateZeros<Value: BitwiseCopyable>(
        _ type: Value.Type,
        count: Int
    ) -> UnsafeMutablePointer<Value> {
        let bytes = count * MemoryLayout<Value>.stride
        if bytes >= pageBytes { return mapped(bytes).bindMemory(to: type, capacity: count) }
        let memory = UnsafeMutableRawPointer.allocate(byteCount: bytes, alignment: 64)
        memory.initializeMemory(as: UInt8.self, repeating: 0, count: bytes)
        return memory.bindMemory(to: type, capacity: count)
    }

    /// Gives back what `allocateZeros` gave for as many values.
    static func deallocateZeros<Value: BitwiseCopyable>(_ values: UnsafeMutablePointer<Value>, count: Int) {
        let bytes = count * MemoryLayout<Value>.stride
        if bytes >= pageBytes {
            munmap(values, wholePages(bytes))
        } else {
            values.deallocate()
        }
    }

    private static func wholePages(_ bytes: Int) -> Int { (bytes + pageBytes - 1) & ~(pageBytes - 1) }

    /// Fresh memory that begins at a large page.
    private static func mapped(_ bytes: Int) -> UnsafeMutableRawPointer {
        let size = wholePages(bytes)
        let base = mmap(nil, size + pageBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANON, -1, 0)
        guard let base, base != MAP_FAILED else { fatalError("LargeMemory: no memory for \(bytes) bytes") }
        let start = base.alignedUp(toMultipleOf: pageBytes)
        let before = start - base
        if before > 0 { munmap(base, before) }
        munmap(start + size, pageBytes - before)
        #if os(Linux)
        _ = madvise(start, size, MADV_HUGEPAGE)
        #endif
        return start
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
