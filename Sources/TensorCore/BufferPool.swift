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
/// Blocks are handed out in size classes (at most 1/8 larger than asked). Before memory is asked of the system, cached
/// blocks go back to it until what is live and cached is at most a quarter and 64 MiB above the peak of what was live:
/// those of the classes that were not used for longest go first. Batches of one shape find all blocks of the step
/// before; batches of ever new lengths do not leave blocks of every length behind. `limitBytes` caps what is live and
/// cached together: the cache gives way first, and then the request traps with the figures.
/// Safe to use from any thread, because a storage may end on any.
public final class BufferPool: Sendable {
    /// Asks the system for memory: byte count in, address out (nil when there is none).
    public typealias Allocate = @Sendable (Int) -> UnsafeMutableRawPointer?
    /// Gives memory back to the system: address and the byte count it was asked for with.
    public typealias Free = @Sendable (UnsafeMutableRawPointer, Int) -> Void

    /// The blocks of one size class that are held for reuse.
    private struct Cache {
        var blocks: [UnsafeMutableRawPointer] = []
        /// When a block of the class was last asked for or returned, in calls of the pool.
        var lastUse = 0

        mutating func keep(_ block: UnsafeMutableRawPointer, at call: Int) {
            blocks.append(block)
            lastUse = call
        }
    }

    private struct State: @unchecked Sendable {
        var statistics = MemoryStatistics()
        var free: [Int: Cache] = [:]
        var limitBytes = Int.max
        var calls = 0

        /// The most bytes that may be live and cached together once `size` more are live.
        func bound(with size: Int) -> Int {
            let peak = max(statistics.peakBytes, statistics.liveBytes + size)
            return min(limitBytes, peak + peak / 4 + BufferPool.slackBytes)
        }
    }

    private static let slackBytes = 64 << 20

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
            if let block = reuse(size, &state) { return block }
            makeRoom(size, &state)
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
            state.calls += 1
            state.free[size, default: Cache()].keep(block, at: state.calls)
        }
    }

    /// Gives every cached block back to the system.
    public func trim() { state.withLock { empty(&$0) } }

    private func take(_ size: Int, _ state: inout State) {
        state.statistics.liveBytes += size
        state.statistics.liveBlocks += 1
        state.statistics.peakBytes = max(state.statistics.peakBytes, state.statistics.liveBytes)
    }

    /// A cached block of a class.
    private func reuse(_ size: Int, _ state: inout State) -> UnsafeMutableRawPointer? {
        state.calls += 1
        guard let place = state.free.index(forKey: size) else { return nil }
        state.free.values[place].lastUse = state.calls
        guard let block = state.free.values[place].blocks.popLast() else { return nil }
        state.statistics.cachedBytes -= size
        state.statistics.reuseCount += 1
        take(size, &state)
        return block
    }

    /// Gives cached blocks back, those of the classes that were not used for longest first, until a new block leaves
    /// what is live and cached within the bound.
    private func makeRoom(_ size: Int, _ state: inout State) {
        let bound = state.bound(with: size) - size
        while state.statistics.liveBytes + state.statistics.cachedBytes > bound {
            let caches = state.free.lazy.filter { !$0.value.blocks.isEmpty }
            guard let oldest = caches.min(by: { $0.value.lastUse < $1.value.lastUse })?.key else { return }
            while state.statistics.liveBytes + state.statistics.cachedBytes > bound,
                let block = state.free[oldest]?.blocks.popLast()
            {
                state.statistics.cachedBytes -= oldest
                freeBlock(block, oldest)
            }
        }
    }

    private func empty(_ state: inout State) {
        for (size, cache) in state.free {
            for block in cache.blocks { freeBlock(block, size) }
        }
        state.free.removeAll()
        state.statistics.cachedBytes = 0
    }
}
