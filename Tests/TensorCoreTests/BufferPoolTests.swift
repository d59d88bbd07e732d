import Synchronization
import Testing
import YuyanTensorCore

@Suite struct BufferPoolTests {
    /// Counts what the system was asked for and given back.
    private final class Ledger: Sendable {
        let allocated = Atomic<Int>(0)
        let freed = Atomic<Int>(0)

        func pool() -> BufferPool {
            BufferPool(
                allocate: { bytes in
                    self.allocated.add(1, ordering: .relaxed)
                    return .allocate(byteCount: bytes, alignment: 64)
                },
                free: { block, _ in
                    self.freed.add(1, ordering: .relaxed)
                    block.deallocate()
                }
            )
        }
    }

    @Test func blocksComeBack() {
        let ledger = Ledger()
        let pool = ledger.pool()
        let first = pool.allocate(1000)
        #expect(pool.statistics.liveBlocks == 1)
        #expect(pool.statistics.liveBytes >= 1000)
        let size = pool.statistics.liveBytes
        pool.deallocate(first, byteCount: 1000)
        #expect(pool.statistics.liveBytes == 0 && pool.statistics.cachedBytes == size)
        let second = pool.allocate(1000)
        #expect(second == first)
        #expect(pool.statistics.reuseCount == 1 && pool.statistics.allocationCount == 1)
        #expect(pool.statistics.cachedBytes == 0)
        pool.deallocate(second, byteCount: 1000)
        pool.trim()
        #expect(pool.statistics.cachedBytes == 0)
        #expect(ledger.allocated.load(ordering: .relaxed) == 1 && ledger.freed.load(ordering: .relaxed) == 1)
    }

    @Test(arguments: [0, 1, 63, 64, 65, 100, 1000, 4097, 65_537, 1_000_003, 7_654_321])
    func sizeClassesWasteAtMostAnEighth(_ bytes: Int) {
        let pool = Ledger().pool()
        let block = pool.allocate(bytes)
        let size = pool.statistics.liveBytes
        #expect(size >= max(bytes, 1))
        #expect(size <= max(bytes + bytes / 8, bytes + 64))
        #expect(UInt(bitPattern: block) % 64 == 0)
        pool.deallocate(block, byteCount: bytes)
        #expect(pool.statistics.liveBytes == 0)
        pool.trim()
    }

    @Test func requestsOfOneClassShareBlocks() {
        let pool = Ledger().pool()
        let first = pool.allocate(100_000)
        pool.deallocate(first, byteCount: 100_000)
        let near = pool.allocate(100_001)
        #expect(near == first)
        let far = pool.allocate(200_000)
        #expect(pool.statistics.allocationCount == 2)
        pool.deallocate(near, byteCount: 100_001)
        pool.deallocate(far, byteCount: 200_000)
        pool.trim()
    }

    @Test func peakIsKeptUntilReset() {
        let pool = Ledger().pool()
        let a = pool.allocate(4096), b = pool.allocate(4096)
        pool.deallocate(a, byteCount: 4096)
        #expect(pool.statistics.peakBytes == 8192 && pool.statistics.liveBytes == 4096)
        pool.resetPeak()
        #expect(pool.statistics.peakBytes == 4096)
        pool.deallocate(b, byteCount: 4096)
        pool.trim()
    }

    @Test func theCacheGivesWayToTheLimit() {
        let ledger = Ledger()
        let pool = ledger.pool()
        pool.limitBytes = 10_000
        let cached = pool.allocate(8192)
        pool.deallocate(cached, byteCount: 8192)
        let other = pool.allocate(4096)
        #expect(ledger.freed.load(ordering: .relaxed) == 1)
        #expect(pool.statistics.cachedBytes == 0 && pool.statistics.liveBytes == 4096)
        pool.deallocate(other, byteCount: 4096)
        pool.trim()
    }

    @Test func theLimitStops() async {
        let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
            let pool = BufferPool(
                allocate: { .allocate(byteCount: $0, alignment: 64) },
                free: { block, _ in block.deallocate() }
            )
            pool.limitBytes = 10_000
            _ = pool.allocate(8192)
            _ = pool.allocate(4096)
        }
        let text = result.map { String(decoding: $0.standardErrorContent, as: UTF8.self) } ?? ""
        #expect(text.contains("8192 bytes are live, 4096 more were asked for, and the limit is 10000 bytes"))
    }

    @Test func refusalStops() async {
        let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
            _ = BufferPool(allocate: { _ in nil }, free: { _, _ in }).allocate(64)
        }
        let text = result.map { String(decoding: $0.standardErrorContent, as: UTF8.self) } ?? ""
        #expect(text.contains("the system refused 64 bytes"))
    }

    @Test func refusalEmptiesTheCacheFirst() {
        let isFull = Atomic<Bool>(false)
        let freed = Atomic<Int>(0)
        let pool = BufferPool(
            allocate: { isFull.load(ordering: .relaxed) ? nil : .allocate(byteCount: $0, alignment: 64) },
            free: { block, _ in
                freed.add(1, ordering: .relaxed)
                isFull.store(false, ordering: .relaxed)
                block.deallocate()
            }
        )
        let cached = pool.allocate(8192)
        pool.deallocate(cached, byteCount: 8192)
        isFull.store(true, ordering: .relaxed)
        let block = pool.allocate(64)
        #expect(freed.load(ordering: .relaxed) == 1)
        pool.deallocate(block, byteCount: 64)
        pool.trim()
    }

    @Test func blocksOfManyLengthsDoNotPileUp() {
        let ledger = Ledger()
        let pool = ledger.pool()
        let mebibyte = 1 << 20
        var sizes: [Int] = []
        for turn in 0..<60 {
            let size = (4 + turn) * mebibyte
            let pair = [pool.allocate(size), pool.allocate(size)]
            for block in pair { pool.deallocate(block, byteCount: size) }
            let figures = pool.statistics
            #expect(figures.cachedBytes <= figures.peakBytes + figures.peakBytes / 4 + 64 * mebibyte)
            sizes.append(size)
        }
        // The last length is there still, the first one is not.
        let before = pool.statistics.allocationCount
        pool.deallocate(pool.allocate(sizes[59]), byteCount: sizes[59])
        #expect(pool.statistics.allocationCount == before)
        pool.deallocate(pool.allocate(sizes[0]), byteCount: sizes[0])
        #expect(pool.statistics.allocationCount == before + 1)
        pool.trim()
        #expect(ledger.freed.load(ordering: .relaxed) == ledger.allocated.load(ordering: .relaxed))
    }

    @Test func stepsOfOneShapeAskTheSystemOnce() {
        let pool = Ledger().pool()
        // Forward: twenty blocks; backward: as many of other classes while they end. More is cached than was ever live.
        func step() {
            let forward = (0..<20).map { pool.allocate((100 + $0) << 17) }
            for (place, block) in forward.enumerated() {
                let other = pool.allocate((20 + place) << 17)
                pool.deallocate(block, byteCount: (100 + place) << 17)
                pool.deallocate(other, byteCount: (20 + place) << 17)
            }
        }
        step()
        let before = pool.statistics.allocationCount
        for _ in 0..<5 { step() }
        #expect(pool.statistics.allocationCount == before)
        pool.trim()
    }

    @Test func blocksGoBackWithTheSizeTheyWereAskedForWith() {
        let sizes = Mutex<[UInt: Int]>([:])
        let pool = BufferPool(
            allocate: { bytes in
                let block = UnsafeMutableRawPointer.allocate(byteCount: bytes, alignment: 64)
                sizes.withLock { $0[UInt(bitPattern: block)] = bytes }
                return block
            },
            free: { block, bytes in
                let place = UInt(bitPattern: block)
                #expect(sizes.withLock { $0.removeValue(forKey: place) } == bytes)
                block.deallocate()
            }
        )
        for bytes in [1, 100, 5000, 1 << 20, 3 << 20] {
            pool.deallocate(pool.allocate(bytes), byteCount: bytes)
        }
        pool.trim()
        #expect(sizes.withLock { $0.isEmpty })
    }

    @Test func manyThreadsKeepTheCounts() async {
        let pool = Ledger().pool()
        await withTaskGroup(of: Void.self) { group in
            for task in 0..<8 {
                group.addTask {
                    for turn in 0..<500 {
                        let bytes = 64 * (1 + (task * 31 + turn) % 40)
                        let block = pool.allocate(bytes)
                        block.storeBytes(of: UInt8(task), toByteOffset: bytes - 1, as: UInt8.self)
                        pool.deallocate(block, byteCount: bytes)
                    }
                }
            }
        }
        let figures = pool.statistics
        #expect(figures.liveBytes == 0 && figures.liveBlocks == 0)
        #expect(figures.reuseCount + figures.allocationCount == 4000)
        pool.trim()
        #expect(pool.statistics.cachedBytes == 0)
    }
}
