import CKernels
import Foundation
import Testing
import YuyanCPUBackend

/// What the pieces of a job write: how often each ran.
private struct Job {
    var runs: UnsafeMutablePointer<Int32>
    var inner: UnsafeMutablePointer<Int32>
    var innerCount: Int
}

/// What another thread found.
private final class Found: @unchecked Sendable {
    var kernelSet: KernelSet?
    let isReady = DispatchSemaphore(value: 0)
}

/// Runs a job of `pieces`, each with `innerCount` nested pieces, and gives the counts.
private func run(pieces: Int, innerCount: Int = 0) -> (runs: [Int32], inner: [Int32]) {
    let runs = UnsafeMutablePointer<Int32>.allocate(capacity: max(pieces, 1))
    let inner = UnsafeMutablePointer<Int32>.allocate(capacity: max(pieces * innerCount, 1))
    runs.initialize(repeating: 0, count: pieces)
    inner.initialize(repeating: 0, count: pieces * innerCount)
    defer {
        runs.deallocate()
        inner.deallocate()
    }
    var job = Job(runs: runs, inner: inner, innerCount: innerCount)
    withUnsafeMutablePointer(to: &job) { address in
        yk_parallel(
            Int64(pieces),
            { context, piece in
                guard let job = context?.assumingMemoryBound(to: Job.self).pointee else { return }
                job.runs[Int(piece)] += 1
                var nested = Job(
                    runs: job.inner + Int(piece) * job.innerCount,
                    inner: job.inner,
                    innerCount: 0
                )
                withUnsafeMutablePointer(to: &nested) { address in
                    yk_parallel(
                        Int64(job.innerCount),
                        { context, piece in
                            context?.assumingMemoryBound(to: Job.self).pointee.runs[Int(piece)] += 1
                        },
                        address
                    )
                }
            },
            address
        )
    }
    return (
        Array(UnsafeBufferPointer(start: runs, count: pieces)),
        Array(UnsafeBufferPointer(start: inner, count: pieces * innerCount))
    )
}

extension KernelContract {
    @Suite struct ThreadPoolTests {
        @Test(arguments: [1, 2, 3, 4])
        func everyPieceRunsOnce(_ threads: Int) {
            withKernels(CPUBackend.kernelSet, threads: threads) {
                for pieces in [0, 1, 2, 3, 4, 7, 64, 1000] {
                    #expect(run(pieces: pieces).runs == [Int32](repeating: 1, count: pieces))
                }
            }
        }

        /// Kernels of other threads go on as they were, and pieces run with their caller's kernels.
        @Test func aChoiceIsTheThreadsOwn() {
            let usual = CPUBackend.kernelSet
            withKernels(.scalar, threads: 3) {
                var sets = [yk_kernel_set](repeating: YK_AMX, count: 64)
                sets.withUnsafeMutableBytes { bytes in
                    yk_parallel(
                        64,
                        { context, piece in
                            let sets = context?.assumingMemoryBound(to: yk_kernel_set.self)
                            sets?[Int(piece)] = yk_thread_count() == 3 ? yk_active_kernel_set() : YK_AMX
                        },
                        bytes.baseAddress
                    )
                }
                #expect(sets.allSatisfy { $0 == YK_SCALAR })
                let found = Found()
                Thread.detachNewThread {
                    found.kernelSet = CPUBackend.kernelSet
                    found.isReady.signal()
                }
                found.isReady.wait()
                #expect(found.kernelSet == usual)
            }
        }

        @Test(arguments: [1, 2, 4])
        func nestedCallsRunOnce(_ threads: Int) {
            withKernels(CPUBackend.kernelSet, threads: threads) {
                let counts = run(pieces: 50, innerCount: 9)
                #expect(counts.runs == [Int32](repeating: 1, count: 50))
                #expect(counts.inner == [Int32](repeating: 1, count: 450))
            }
        }

        @Test func manySmallJobs() {
            for threads in [2, 4, 1, 3] {
                withKernels(CPUBackend.kernelSet, threads: threads) {
                    var wrong = 0
                    for turn in 0..<400 {
                        let pieces = 1 + turn % 5
                        if run(pieces: pieces).runs != [Int32](repeating: 1, count: pieces) { wrong += 1 }
                    }
                    #expect(wrong == 0)
                }
            }
        }

        @Test func callersTakeTurns() async {
            let old = CPUBackend.threadCount
            CPUBackend.threadCount = 3
            let wrong = await withTaskGroup(of: Int.self) { group in
                for _ in 0..<4 {
                    group.addTask {
                        (0..<300).count { _ in run(pieces: 6).runs != [Int32](repeating: 1, count: 6) }
                    }
                }
                return await group.reduce(0, +)
            }
            CPUBackend.threadCount = old
            #expect(wrong == 0)
        }

        @Test func scratchIsTheThreadsOwn() {
            let small = yk_scratch(0, 100), other = yk_scratch(1, 100)
            #expect(small != other)
            #expect(UInt(bitPattern: small) % 64 == 0 && UInt(bitPattern: other) % 64 == 0)
            small?.storeBytes(of: 42, as: Int32.self)
            #expect(yk_scratch(0, 50) == small)
            #expect(small?.load(as: Int32.self) == 42)
            let large = yk_scratch(0, 10_000_000)
            large?.storeBytes(of: 1, toByteOffset: 9_999_996, as: Int32.self)
            #expect(UInt(bitPattern: large) % 64 == 0)
        }
    }
}
