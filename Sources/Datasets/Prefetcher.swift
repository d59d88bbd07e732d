import Foundation
import YuyanFileFormats

extension TokenDataset {
    /// The error of a shard that has not a single row to give.
    func tooShort(for order: BatchOrder) -> FileFormatError {
        let needed = order == .randomWindows ? sequenceLength + 1 : firstTarget + 1
        return FileFormatError(
            .mismatch,
            path: shard.path,
            "\(shard.count) tokens are too few: sequences of \(sequenceLength) need at least \(needed); "
                + "give more text or a shorter sequence length"
        )
    }
}

/// Makes batches ahead on a thread of its own, a bounded number of them.
///
/// The batches and their order are those of the source itself. One consumer takes them; when the prefetcher is
/// dropped its thread ends after the batch it is making.
public final class Prefetcher {
    private let queue: BatchQueue
    /// The state after the batch taken last: what to save, so that a resumed run goes on with the next one.
    public private(set) var state: BatchState

    /// Starts making batches.
    ///
    /// Traps when `capacity` < 1.
    ///
    /// - Parameters:
    ///   - source: where batches come from.
    ///   - capacity: how many finished batches may wait.
    public init(_ source: some BatchSource, capacity: Int = 4) {
        require(capacity >= 1, "Prefetcher: the capacity must be at least 1, not \(capacity)")
        let queue = BatchQueue(capacity: capacity)
        self.queue = queue
        state = source.state
        let thread = Thread {
            var source = source
            do {
                while let batch = try source.next() {
                    guard queue.put(.batch(batch, source.state)) else { return }
                }
                queue.put(.end)
            } catch {
                queue.put(.failure(error))
            }
        }
        thread.name = "yuyan.prefetch"
        thread.start()
    }

    deinit { queue.close() }

    /// Takes the next batch, waiting for it when none is ready.
    ///
    /// - Returns: the batch, or nil after the last one.
    /// - Throws: what the source threw.
    public func next() throws -> Batch? {
        switch queue.take() {
        case .batch(let batch, let after):
            state = after
            return batch
        case .end: return nil
        case .failure(let error): throw error
        }
    }
}

/// A bounded queue between one producer and one consumer.
///
/// Sendable because every access to its fields happens under the condition's lock.
private final class BatchQueue: @unchecked Sendable {
    enum Item: Sendable {
        case batch(Batch, BatchState)
        case end
        case failure(any Error)
    }

    private let condition = NSCondition()
    private let capacity: Int
    private var items: [Item] = []
    private var isClosed = false

    init(capacity: Int) { self.capacity = capacity }

    /// Adds an item when there is room; false when nobody will take it.
    @discardableResult
    func put(_ item: Item) -> Bool {
        condition.lock()
        defer { condition.unlock() }
        while items.count >= capacity, !isClosed { condition.wait() }
        if isClosed { return false }
        items.append(item)
        condition.broadcast()
        return true
    }

    /// Takes the oldest item; the end and a failure stay for later calls.
    func take() -> Item {
        condition.lock()
        defer { condition.unlock() }
        while items.isEmpty { condition.wait() }
        guard case .batch = items[0] else { return items[0] }
        let item = items.removeFirst()
        condition.broadcast()
        return item
    }

    func close() {
        condition.lock()
        isClosed = true
        items.removeAll()
        condition.broadcast()
        condition.unlock()
    }
}
