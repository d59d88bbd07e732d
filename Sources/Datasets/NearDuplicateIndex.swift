import Dispatch
import Foundation
import YuyanFileFormats
import YuyanTextProcessing

/// How near-duplicates are found.
public struct NearDuplicateSettings: Sendable, Hashable {
    /// How candidates are checked before they count.
    public enum Verification: String, Sendable, CaseIterable, Codable {
        /// They are not: sharing a band is enough.
        case none
        /// The estimate from the signatures must reach the threshold.
        case signatures
        /// The exact Jaccard similarity of the sets of shingles must reach it; keeps four bytes for each shingle.
        case shingles
    }

    /// Which document of a cluster stays.
    public enum Keep: String, Sendable, CaseIterable, Codable {
        /// The first.
        case first
        /// The one with the most bytes; the first of those.
        case longest
    }

    /// The Jaccard similarity from which two documents are near-duplicates.
    public let threshold: Double
    /// The maker of signatures.
    public let hasher: MinHasher
    /// The bands by which candidates are found.
    public let bands: LSHBands
    /// How candidates are checked.
    public let verification: Verification
    /// Which document of a cluster stays.
    public let keep: Keep
    /// About how much memory sorting may use, in bytes.
    public let sortMemory: Int

    /// Settings; what is left out follows from the threshold.
    ///
    /// Traps when the threshold is not between 0 and 1, or the bands need more slots than there are.
    ///
    /// - Parameters:
    ///   - threshold: The Jaccard similarity from which two documents are near-duplicates.
    ///   - shingling: How texts are cut.
    ///   - permutations: The number of slots of a signature.
    ///   - bands: The bands by which candidates are found.
    ///   - verification: How candidates are checked.
    ///   - keep: Which document of a cluster stays.
    ///   - sortMemory: About how much memory sorting may use, in bytes.
    ///   - seed: Another seed gives unrelated signatures.
    public init(
        threshold: Double = 0.7,
        shingling: Shingling = Shingling(),
        permutations: Int? = nil,
        bands: LSHBands? = nil,
        verification: Verification = .signatures,
        keep: Keep = .first,
        sortMemory: Int = 128 << 20,
        seed: UInt64 = 0
    ) {
        require(
            threshold > 0 && threshold < 1,
            "NearDuplicateSettings: threshold \(threshold) is not in 0 … 1"
        )
        let count = permutations ?? LSHBands.permutations(threshold: threshold)
        self.threshold = threshold
        hasher = MinHasher(permutations: count, shingling: shingling, seed: seed)
        let shape =
            bands
            ?? LSHBands(
                threshold: threshold,
                permutations: count,
                missWeight: verification == .none ? 0.5 : 0.985
            )
        require(
            shape.bands * shape.rows <= count,
            "NearDuplicateSettings: \(shape.bands) bands of \(shape.rows) rows need more than \(count) slots"
        )
        self.bands = shape
        (self.verification, self.keep, self.sortMemory) = (verification, keep, sortMemory)
    }

    /// What stored signatures depend on, in 64 bytes.
    var header: [UInt8] {
        var header = Array("YLNDUP1\n".utf8)
        func append(_ value: Int) { withUnsafeBytes(of: UInt64(value).littleEndian) { header += $0 } }
        let units = Shingling.Unit.allCases
        append(hasher.permutations)
        append(units.firstIndex(of: hasher.shingling.unit) ?? 0)
        append(hasher.shingling.words)
        append(hasher.shingling.characters)
        append(verification == .shingles ? 1 : 0)
        withUnsafeBytes(of: hasher.seed.littleEndian) { header += $0 }
        append(0)
        return header
    }
}

/// Finds near-duplicates among any number of documents: MinHash with locality-sensitive hashing.
///
/// Documents are added one after another; only their signatures are kept, on disk. ``clusters()`` sorts the keys of
/// all bands outside memory and joins what verification accepts, so memory stays bounded: the sort's, and about 5
/// bytes for each document. A folder can be opened again after a kill; ``count`` says how many documents it holds,
/// and adding goes on from there. The outcome depends on the documents and settings only.
///
/// Not Sendable: one owner uses it from one thread; ``add(contentsOf:)`` itself uses all cores.
public final class NearDuplicateIndex {
    /// The settings.
    public let settings: NearDuplicateSettings
    private let folder: String
    private let store: SignatureStore

    /// The number of documents added, in this process and before.
    public var count: Int { store.count }

    /// Opens or makes an index.
    ///
    /// - Parameters:
    ///   - folder: Where the signatures lie; made where it is missing.
    ///   - settings: The settings; threshold, bands and what to keep may differ from the last time, the making of
    ///     signatures may not.
    /// - Throws: `FileFormatError` when the folder cannot be used or holds signatures of other settings.
    public init(folder: String, settings: NearDuplicateSettings = NearDuplicateSettings()) throws {
        self.settings = settings
        self.folder = folder
        try SafeFile.makeFolder(folder)
        store = try SignatureStore(
            folder: folder,
            slotCount: settings.hasher.permutations,
            header: settings.header,
            keepsShingles: settings.verification == .shingles
        )
    }

    /// Adds a document.
    ///
    /// - Parameter text: Its text; one without letters and digits is no duplicate of anything.
    /// - Returns: Its number, counted from 0.
    /// - Throws: `FileFormatError` when the disk refuses or there are 2³² − 1 documents.
    @discardableResult
    public func add(_ text: String) throws -> Int {
        try append(Sketch(text, settings), byteCount: text.utf8.count)
    }

    /// Adds documents, computing their signatures on all cores.
    ///
    /// - Parameter texts: Their texts, in order.
    /// - Returns: Their numbers.
    /// - Throws: `FileFormatError` when the disk refuses or there are 2³² − 1 documents.
    @discardableResult
    public func add(contentsOf texts: [String]) throws -> Range<Int> {
        let start = count
        let settings = settings
        var sketches = [Sketch](repeating: Sketch(), count: texts.count)
        sketches.withUnsafeMutableBufferPointer { places in
            nonisolated(unsafe) let places = places
            let group = 16
            DispatchQueue.concurrentPerform(iterations: (texts.count + group - 1) / group) { part in
                for index in (part * group)..<min((part + 1) * group, texts.count) {
                    places[index] = Sketch(texts[index], settings)
                }
            }
        }
        for (sketch, text) in zip(sketches, texts) { try append(sketch, byteCount: text.utf8.count) }
        return start..<count
    }

    /// Makes everything added so far durable.
    ///
    /// - Throws: `FileFormatError` when the disk refuses.
    public func sync() throws { try store.flush(durably: true) }

    @discardableResult
    private func append(_ sketch: Sketch, byteCount: Int) throws -> Int {
        guard count < Int(UInt32.max) else {
            throw FileFormatError(
                .limitExceeded,
                path: folder,
                "an index holds at most \(UInt32.max) documents"
            )
        }
        try store.append(byteCount: byteCount, slots: sketch.slots, members: sketch.members)
        return count - 1
    }

    /// Finds the clusters among all documents added so far; more may be added afterwards.
    ///
    /// - Returns: The clusters.
    /// - Throws: `FileFormatError` when the disk refuses or a record is damaged.
    public func clusters() throws -> DuplicateClusters {
        try store.flush(durably: false)
        let sorter = ExternalSorter(folder: folder, memoryBytes: settings.sortMemory)
        var lengths: [UInt32] = []
        try store.forEach { index, record in
            if settings.keep == .longest { lengths.append(record.byteCount) }
            guard !record.slots.isEmpty else { return }
            let keys = record.slots.withUnsafeBufferPointer { settings.bands.keys($0) }
            for key in keys { try sorter.add(key, UInt64(index)) }
        }
        var joiner = CandidateJoiner(store: store, settings: settings)
        try sorter.drain { try joiner.take($0) }
        return joiner.clusters(lengths: lengths)
    }
}

/// What is kept of one document.
private struct Sketch: Sendable {
    var slots: [UInt16] = []
    var members: [UInt32] = []

    init() {}

    init(_ text: String, _ settings: NearDuplicateSettings) {
        let hashes = settings.hasher.shingling.hashes(of: text)
        slots = settings.hasher.signature(ofHashes: hashes).slots
        guard settings.verification == .shingles else { return }
        let sorted = hashes.map { UInt32(truncatingIfNeeded: $0) }.sorted()
        members.reserveCapacity(sorted.count)
        for member in sorted where member != members.last { members.append(member) }
    }
}

/// Walks over (band key, document) in the order of keys and joins the documents that verification accepts.
private struct CandidateJoiner {
    private let store: SignatureStore
    private let settings: NearDuplicateSettings
    private var sets: DisjointSets
    private var key: UInt64?
    /// The documents of the present key that were not like one before them; their content is read when needed.
    private var leaders: [(index: UInt32, content: Content?)] = []
    /// More leaders than these are not compared, which bounds the time of keys that many unlike documents share.
    private static let leaderLimit = 64

    private struct Content {
        var slots: [UInt16]
        var members: [UInt32]
    }

    init(store: SignatureStore, settings: NearDuplicateSettings) {
        (self.store, self.settings) = (store, settings)
        sets = DisjointSets(count: store.count)
    }

    mutating func take(_ record: SortRecord) throws {
        let index = UInt32(truncatingIfNeeded: record.value)
        guard record.key == key else {
            key = record.key
            leaders = [(index, nil)]
            return
        }
        let root = sets.root(index)
        if leaders.contains(where: { sets.root($0.index) == root }) { return }
        if settings.verification == .none {
            sets.join(leaders[0].index, index)
            return
        }
        let content = try content(of: index)
        for place in leaders.indices {
            let leader: Content
            if let known = leaders[place].content {
                leader = known
            } else {
                leader = try self.content(of: leaders[place].index)
                leaders[place].content = leader
            }
            if similarity(leader, content) >= settings.threshold {
                sets.join(leaders[place].index, index)
                return
            }
        }
        if leaders.count < Self.leaderLimit { leaders.append((index, content)) }
    }

    private func content(of index: UInt32) throws -> Content {
        let record = try store.read(Int(index))
        return Content(
            slots: record.slots,
            members: settings.verification == .shingles ? try store.members(of: record) : []
        )
    }

    private func similarity(_ one: Content, _ other: Content) -> Double {
        guard settings.verification == .shingles else {
            return MinHashSignature(slots: one.slots).similarity(to: MinHashSignature(slots: other.slots))
        }
        var (left, right, common) = (0, 0, 0)
        while left < one.members.count, right < other.members.count {
            let (a, b) = (one.members[left], other.members[right])
            if a == b { common += 1 }
            if a <= b { left += 1 }
            if b <= a { right += 1 }
        }
        return Double(common) / Double(max(one.members.count + other.members.count - common, 1))
    }

    mutating func clusters(lengths: [UInt32]) -> DuplicateClusters {
        var (numbers, clusters): ([UInt32: Int], [[Int]]) = ([:], [])
        for index in 0..<UInt32(store.count) {
            let root = sets.root(index)
            guard root != index else { continue }
            // A root is the smallest of its set and so comes before its members.
            let number = numbers[root, default: clusters.count]
            if number == clusters.count {
                numbers[root] = number
                clusters.append([Int(root)])
            }
            clusters[number].append(Int(index))
        }
        clusters.sort { $0[0] < $1[0] }
        let kept = clusters.map { members in
            guard settings.keep == .longest else { return members[0] }
            return members.dropFirst().reduce(members[0]) { lengths[$1] > lengths[$0] ? $1 : $0 }
        }
        return DuplicateClusters(count: store.count, clusters: clusters, kept: kept)
    }
}
