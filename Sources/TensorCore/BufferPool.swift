import Synchronization

/// Figures of a ``BufferPool``, in bytes unless said otherwise.
public struct MemoryStatistics: Sendable, Equatable {
    /// Bytes handed out and not yet returned.
    public var liveBytes = 0
    /// Blocks handed out and not yet returned.
    public var liveBlocks = 0
    /// The largest value of `liveBytes` so far.
    public var peakBytes = 0
    /// Bytes held for reuse.
    public var cachedBytes = 0
    /// How often a block was reused instead of allocated.
    public var reuseCount = 0
    /// How often memory was asked of the system.
    public var allocationCount = 0
}

/// Keeps returned blocks of memory by size class for the next use.
///
/// Blocks are handed out in size classes (at most 1/8 larger than asked). `limitBytes` caps what is live and cached
/// together: beyond it the cache is emptied first, and then the request traps with the figures.
/// Safe to use from any thread, because a storage may end on any.
public final class BufferPool: Sendable {
    /// Asks the system for memory: byte count in, address out (nil when there is none).
    public typealias Allocate = @Sendable (Int) -> UnsafeMutableRawPointer?
    /// Gives memory back to the system.
    public typealias Free = @Sendable (UnsafeMutableRawPointer) -> Void

    private struct State: @unchecked Sendable {
        var statistics = MemoryStatistics()
        var free: [Int: [UnsafeMutableRawPointer]] = [:]
        var limitBytes = Int.max
    }

    private let state = Mutex(State())
    private let allocateBlock: Allocate
    private let freeBlock: Free

    /// Makes a pool over an allocator of 64-byte-aligned memory.
    public init(allocate: @escaping Allocate, free: @escaping Free) {
        allocateBlock = allocate
        freeBlock = free
    }

    /// The figures at this moment.
    public var statistics: MemoryStatistics { state.withLock { $0.statistics } }

    /// The most bytes that may be live and cached together.
    public var limitBytes: Int {
        get { state.withLock { $0.limitBytes } }
        set { state.withLock { $0.limitBytes = newValue } }
    }

    /// Sets the peak back to what is live now.
    public func resetPeak() { state.withLock { $0.statistics.peakBytes = $0.statistics.liveBytes } }

    /// The size class of a request: eight classes between one power of two and the next.
    static func sizeClass(_ byteCount: Int) -> Int {
        let size = max(byteCount, 64)
        let highest = Int.bitWidth - 1 - (size - 1).leadingZeroBitCount
        let step = max(64, 1 << max(highest - 3, 0))
        return (size + step - 1) / step * step
    }

    /// A block of at least `byteCount` bytes, not cleared.
    ///
    /// Traps when the system has no memory or the limit would be passed.
    public func allocate(_ byteCount: Int) -> UnsafeMutableRawPointer {
        let size = BufferPool.sizeClass(byteCount)
        return state.withLock { (state: inout sending State) -> sending UnsafeMutableRawPointer in
            if let block = state.free[size]?.popLast() {
                state.statistics.cachedBytes -= size
                state.statistics.reuseCount += 1
                take(size, &state)
                return block
            }
            if state.statistics.liveBytes + state.statistics.cachedBytes > state.limitBytes - size {
                empty(&state)
            }
            require(
                state.statistics.liveBytes <= state.limitBytes - size,
                "out of memory: \(state.statistics.liveBytes) bytes are live, \(size) more were asked for, "
                    + "and the limit is \(state.limitBytes) bytes; use a smaller batch, a shorter context or "
                    + "activation checkpointing"
            )
            var block = allocateBlock(size)
            if block == nil {
                empty(&state)
                block = allocateBlock(size)
            }
            guard let block else {
                requirementFailed(
                    "out of memory: the system refused \(size) bytes while \(state.statistics.liveBytes) are live",
                    file: #fileID,
                    line: #line
                )
            }
            state.statistics.allocationCount += 1
            take(size, &state)
            return block
        }
    }

    /// Returns a block that was allocated with the same `byteCount`.
    public func deallocate(_ block: UnsafeMutableRawPointer, byteCount: Int) {
        let size = BufferPool.sizeClass(byteCount)
        let address = UInt(bitPattern: block)
        state.withLock { state in
            guard let block = UnsafeMutableRawPointer(bitPattern: address) else { return }
            state.statistics.liveBytes -= size
            state.statistics.liveBlocks -= 1
            state.statistics.cachedBytes += size
            state.free[size, default: []].append(block)
        }
    }

    /// Gives every cached block back to the system.
    public func trim() { state.withLock { empty(&$0) } }

    private func take(_ size: Int, _ state: inout State) {
        state.statistics.liveBytes += size
        state.statistics.liveBlocks += 1
        state.statistics.peakBytes = max(state.statistics.peakBytes, state.statistics.liveBytes)
    }

    private func empty(_ state: inout State) {
        for block in state.free.values.joined() { freeBlock(block) }
        state.free.removeAll()
        state.statistics.cachedBytes = 0
    }
}
