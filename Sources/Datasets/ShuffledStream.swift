/// Shuffles a stream with a bounded buffer, the same way for the same seed, and goes on from any position.
///
/// Whole buffers are shuffled one after another, the first of each epoch shorter by chance, so that the same records
/// do not meet in every epoch. Going on from a position reads at most one buffer again.
public struct ShuffledStream<Element> {
    /// The largest number of elements held.
    public let capacity: Int
    /// The number of elements given so far, in this epoch.
    public private(set) var position: Int

    private let seed: UInt64
    private let epoch: Int
    private let read: () throws -> Element?
    private var buffer: [Element] = []
    private var order: SeededPermutation?

    /// Makes a shuffled stream.
    ///
    /// Traps when `capacity` < 1 or `position` is negative.
    ///
    /// - Parameters:
    ///   - capacity: the largest number of elements held.
    ///   - seed: any number.
    ///   - epoch: which pass over the stream.
    ///   - position: how many elements of this epoch were given before.
    ///   - read: gives the stream's elements from number `firstNeeded(…)` on, nil at the end.
    public init(
        capacity: Int,
        seed: UInt64,
        epoch: Int = 0,
        position: Int = 0,
        read: @escaping () throws -> Element?
    ) {
        require(capacity >= 1 && position >= 0, "ShuffledStream: capacity \(capacity), position \(position)")
        (self.capacity, self.seed, self.epoch, self.position, self.read) = (
            capacity, seed, epoch, position, read
        )
    }

    /// The number of the first element of the stream that is needed to go on from a position; those before it may be
    /// skipped.
    ///
    /// - Parameters:
    ///   - position: how many elements of the epoch were given before.
    ///   - capacity: the largest number of elements held.
    ///   - seed: the seed.
    ///   - epoch: which pass over the stream.
    /// - Returns: the number of elements to skip.
    public static func firstNeeded(position: Int, capacity: Int, seed: UInt64, epoch: Int = 0) -> Int {
        let first = firstLength(capacity, seed, epoch)
        return position < first ? 0 : first + (position - first) / capacity * capacity
    }

    private static func firstLength(_ capacity: Int, _ seed: UInt64, _ epoch: Int) -> Int {
        CounterRandom(seed: seed, stream: 0x5348_5546).index(
            at: UInt64(bitPattern: Int64(epoch)),
            below: capacity
        ) + 1
    }

    /// The next element.
    ///
    /// - Returns: nil at the end of the stream.
    /// - Throws: what `read` throws.
    public mutating func next() throws -> Element? {
        let start = Self.firstNeeded(position: position, capacity: capacity, seed: seed, epoch: epoch)
        if order == nil || position == start {
            buffer.removeAll(keepingCapacity: true)
            let length = start == 0 ? Self.firstLength(capacity, seed, epoch) : capacity
            while buffer.count < length, let element = try read() { buffer.append(element) }
            let round = epoch &* 0x1_0000_0001 &+ start
            order = SeededPermutation(count: buffer.count, seed: seed, round: round)
        }
        guard let order, position - start < buffer.count else { return nil }
        let element = buffer[order[position - start]]
        position += 1
        return element
    }
}
