import Synchronization

/// Lends working memory, one object to one thread at a time, and keeps a few for the next call.
final class ScratchPool: Sendable {
    private struct Held: @unchecked Sendable {
        // Unchecked because the lock below hands every object to one thread at a time.
        var scratches: [EncoderScratch] = []
    }

    private let held = Mutex(Held())
    private let limit = 64

    func with<Result>(_ body: (EncoderScratch) throws -> Result) rethrows -> Result {
        let lent = held.withLock { Loan($0.scratches.popLast()) }
        let scratch = lent.scratch ?? EncoderScratch()
        defer {
            let back = Loan(scratch)
            held.withLock { if $0.scratches.count < limit { back.give(to: &$0.scratches) } }
        }
        return try body(scratch)
    }

    private struct Loan: @unchecked Sendable {
        let scratch: EncoderScratch?
        init(_ scratch: EncoderScratch?) { self.scratch = scratch }
        func give(to pool: inout [EncoderScratch]) { if let scratch { pool.append(scratch) } }
    }
}
