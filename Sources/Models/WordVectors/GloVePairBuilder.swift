import YuyanFileFormats
import YuyanTensorCore

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// Deals the pairs of a GloVe training out to squares and brings each square into its order, with bounded memory.
///
/// Pairs beyond the memory are dealt out to a nameless temporary file, 12 bytes a pair, and from there brought into the
/// file of the plan square by square. A square is shuffled in memory (Fisher and Yates); one that does not fit is
/// first dealt out at random to parts that do, and each part is shuffled, which makes every order as likely as any
/// other (Rao, "Generation of random permutations of given number of elements using random sampling numbers", 1961).
///
/// After an error, and when it is finished, it is of no more use. Not Sendable: one thread builds.
public final class GloVePairBuilder {
    private let plan: GloVePairPlan
    private let limits: PairLimits
    private let folder: String
    private let dealer: PairDealer
    private var isFinished = false

    /// A builder of nothing.
    ///
    /// - Parameter plan: what is built.
    /// - Throws: `WordVectorError` when the options contradict themselves.
    public convenience init(_ plan: GloVePairPlan) throws(WordVectorError) {
        try self.init(plan, PairLimits(memoryBytes: plan.memoryBytes))
    }

    init(_ plan: GloVePairPlan, _ limits: PairLimits) throws(WordVectorError) {
        if let problem = plan.options.problem { throw WordVectorError(.invalidOptions, problem) }
        (self.plan, self.limits) = (plan, limits)
        let parts = plan.path.split(separator: "/", omittingEmptySubsequences: false).dropLast()
        folder = parts.isEmpty ? "." : parts.joined(separator: "/")
        dealer = limits.dealer(
            parts: plan.options.groups * plan.options.groups,
            mostInMemory: limits.inMemory,
            folder: folder
        )
    }

    /// The number of pairs so far.
    public var count: Int { dealer.total }

    /// Adds a pair.
    ///
    /// Traps when a word is not there or the count is not positive.
    ///
    /// - Parameters:
    ///   - row: the place of a word.
    ///   - column: the place of a word near it; both directions of a pair are added.
    ///   - count: how often, nearer occurrences counting more.
    /// - Throws: `FileFormatError` when the disk refuses.
    public func append(row: Int, column: Int, count: Double) throws(FileFormatError) {
        require(count > 0 && count.isFinite, "GloVePairBuilder: the count \(count) must be positive")
        require(
            row >= 0 && row < plan.words && column >= 0 && column < plan.words,
            "GloVePairBuilder: the pair \(row), \(column) of \(plan.words) words"
        )
        let (pair, groups) = (
            CountedPair(row: Int32(row), column: Int32(column), count: Float(count)), plan.options.groups
        )
        try dealer.append(pair, to: row % groups * groups + column % groups)
    }

    /// Brings the pairs into their order.
    ///
    /// Traps when it is called again.
    ///
    /// - Parameter isCancelled: asked now and then; `CancellationError` is thrown.
    /// - Returns: the pairs.
    /// - Throws: `WordVectorError` when there is none, `FileFormatError` when the disk refuses.
    public func finish(isCancelled: () -> Bool = { false }) throws -> GloVePairs {
        require(!isFinished, "GloVePairBuilder: finish() may be called once")
        isFinished = true
        guard count > 0 else {
            throw WordVectorError(.tooLittleText, "no two words occur near one another; give more text")
        }
        var starts = [0]
        for count in dealer.counts { starts.append(starts[starts.count - 1] + count) }
        let sink = try PairSink(plan, starts: starts, limits: limits, isOnDisk: dealer.isOnDisk)
        for square in dealer.counts.indices {
            if isCancelled() { throw CancellationError() }
            try order(square, into: sink)
        }
        return try sink.finish()
    }

    private func order(_ square: Int, into sink: PairSink) throws {
        guard plan.options.shuffles else {
            return try dealer.drain(square) { pairs in
                for pair in pairs { try sink.append(pair) }
            }
        }
        let count = dealer.counts[square]
        var random = RandomSource(seed: plan.options.seed, stream: 1 << 32 + UInt64(square))
        guard count > limits.whole else { return try Self.shuffle(square, of: dealer, &random, into: sink) }
        // Parts of three quarters of what fits: they differ in size.
        let size = max(limits.whole / 4 * 3, 1)
        let parts = limits.dealer(parts: (count + size - 1) / size, mostInMemory: 0, folder: folder)
        var deal = RandomSource(seed: plan.options.seed, stream: 2 << 32 + UInt64(square))
        try dealer.drain(square) { pairs in
            for pair in pairs { try parts.append(pair, to: deal.nextIndex(below: parts.counts.count)) }
        }
        for part in parts.counts.indices { try Self.shuffle(part, of: parts, &random, into: sink) }
    }

    private static func shuffle(
        _ part: Int,
        of dealer: PairDealer,
        _ random: inout RandomSource,
        into sink: PairSink
    ) throws {
        let count = dealer.counts[part]
        let pairs = UnsafeMutablePointer<CountedPair>.allocate(capacity: count)
        defer { pairs.deallocate() }
        var filled = 0
        try dealer.drain(part) { block in
            guard let first = block.baseAddress else { return }
            (pairs + filled).initialize(from: first, count: block.count)
            filled += block.count
        }
        for place in stride(from: count - 1, to: 0, by: -1) {
            let other = random.nextIndex(below: place + 1)
            (pairs[place], pairs[other]) = (pairs[other], pairs[place])
        }
        for place in 0..<count { try sink.append(pairs[place]) }
    }
}

/// Takes pairs in their order and makes of them what a training reads.
private final class PairSink {
    private let plan: GloVePairPlan
    private let starts: [Int]
    /// All pairs, or those that are not yet written.
    private let lists: PairLists
    private var filled = 0
    private var fingerprint = PairFingerprint()
    private let writer: SafetensorsWriter?

    init(
        _ plan: GloVePairPlan,
        starts: [Int],
        limits: PairLimits,
        isOnDisk: Bool
    ) throws(FileFormatError) {
        let count = starts[starts.count - 1]
        (self.plan, self.starts) = (plan, starts)
        lists = PairLists(capacity: isOnDisk ? min(count, GloVePairs.pieceCount) : count)
        guard isOnDisk else {
            writer = nil
            return
        }
        writer = try SafetensorsWriter(
            path: plan.path,
            metadata: ["identity": plan.fileIdentity, "whole": "\(limits.whole)"],
            entries: [.init("checksum", .u64, [1]), .init("starts", .i64, [starts.count])]
                + GloVePairs.lists.map { .init($0.name, $0.type, [count]) }
        )
    }

    func append(_ pair: CountedPair) throws(FileFormatError) {
        let (count, options) = (Double(pair.count), plan.options)
        let logarithm = Float(log(count))
        let weight = Float(min(1, pow(count / options.maximumCount, options.exponent)))
        lists.rows[filled] = pair.row
        lists.columns[filled] = pair.column
        lists.logarithms[filled] = logarithm
        lists.weights[filled] = weight
        fingerprint.add(pair.row, pair.column, logarithm, weight)
        filled += 1
        if let writer, filled == lists.capacity { try write(to: writer) }
    }

    private func write(to writer: SafetensorsWriter) throws(FileFormatError) {
        let addresses: [UnsafeRawPointer] = [
            .init(lists.rows), .init(lists.columns), .init(lists.logarithms), .init(lists.weights),
        ]
        for (list, address) in zip(GloVePairs.lists, addresses) {
            try writer.write(UnsafeRawBufferPointer(start: address, count: 4 * filled), to: list.name)
        }
        filled = 0
    }

    func finish() throws(FileFormatError) -> GloVePairs {
        var storage = GloVePairs.Storage.memory(lists)
        if let writer {
            if filled > 0 { try write(to: writer) }
            try writer.write(elements: [fingerprint.checksum], to: "checksum")
            try writer.write(elements: starts, to: "starts")
            try writer.finish()
            let file = try SafetensorsFile(path: plan.path)
            var offsets: [Int] = []
            for list in GloVePairs.lists { offsets.append(try file.entry(list.name).byteRange.lowerBound) }
            storage = .file(try RecordFile(reading: plan.path), lists: offsets)
        }
        return GloVePairs(
            plan.options,
            words: plan.words,
            starts: starts,
            storage: storage,
            fingerprint: fingerprint.value
        )
    }
}
