import Foundation
import YuyanFileFormats
import YuyanTextProcessing

/// Leaves out parts of documents on a second walk over the same documents in the same order.
public struct PartRemover {
    private let partition: TextPartition
    private let minimumBytes: Int
    private let removed: BitSet
    private var next = 0
    /// The number of parts left out so far.
    public private(set) var removedCount = 0

    init(partition: TextPartition, minimumBytes: Int, removed: BitSet) {
        (self.partition, self.minimumBytes, self.removed) = (partition, minimumBytes, removed)
    }

    /// A document without the parts that are left out.
    ///
    /// - Parameter text: The document, the same as on the first walk.
    /// - Returns: What becomes of it: unchanged, changed, or dropped as "repeated elsewhere" when nothing is left.
    public mutating func apply(to text: String) -> TextOutcome {
        let parts = partition.parts(of: text)
        var flags: [Bool] = []
        for part in parts {
            guard part.count >= minimumBytes else {
                flags.append(false)
                continue
            }
            flags.append(removed.contains(next))
            next += 1
        }
        removedCount += flags.count { $0 }
        guard let rest = partition.removing(from: text, parts: parts, where: { flags[$0] }) else {
            return .unchanged
        }
        return rest.isEmpty ? .dropped(reason: "repeated elsewhere") : .changed(rest)
    }
}

/// Finds paragraphs or lines that stand word for word in several places of a corpus.
///
/// First all documents are added; then ``remover()`` leaves out repeated parts on a second walk. Memory is bounded:
/// fingerprints of 88 bits with the parts' numbers are sorted outside memory, and the outcome has one bit for each
/// part. Two different parts count as equal by chance about once in 2^88 pairs.
///
/// Not Sendable: one owner uses it from one thread.
public final class RepeatedParts {
    /// What is compared.
    public let partition: TextPartition
    /// Shorter parts always stay.
    public let minimumBytes: Int
    /// How many occurrences stay: the first ones.
    public let copies: Int
    /// The number of parts seen that are long enough.
    public private(set) var partCount = 0
    private let sorter: ExternalSorter
    private static let numberBits: UInt64 = 40

    /// Creates an empty collection.
    ///
    /// Traps when `copies` is not positive.
    ///
    /// - Parameters:
    ///   - partition: What is compared.
    ///   - minimumBytes: Shorter parts always stay.
    ///   - copies: How many occurrences stay.
    ///   - folder: Where the temporary file is made; it has 16 bytes for each part.
    ///   - memoryBytes: About how much memory sorting may use.
    public init(
        _ partition: TextPartition,
        minimumBytes: Int = 40,
        copies: Int = 1,
        folder: String,
        memoryBytes: Int = 128 << 20
    ) {
        require(copies > 0, "RepeatedParts: \(copies) copies; at least one must stay")
        (self.partition, self.minimumBytes, self.copies) = (partition, minimumBytes, copies)
        sorter = ExternalSorter(folder: folder, memoryBytes: memoryBytes)
    }

    /// Adds a document.
    ///
    /// - Parameter text: Its text.
    /// - Throws: `FileFormatError` when the disk refuses or there are 2^40 parts.
    public func add(_ text: String) throws {
        let parts = partition.parts(of: text)
        var text = text
        try text.withUTF8 { bytes in
            let raw = UnsafeRawBufferPointer(bytes)
            for part in parts where part.count >= minimumBytes {
                guard partCount < 1 << Int(Self.numberBits) else {
                    throw FileFormatError(.limitExceeded, "at most 2^40 parts can be compared")
                }
                let fingerprint = TextFingerprint(bytes: UnsafeRawBufferPointer(rebasing: raw[part]))
                try sorter.add(fingerprint.high, fingerprint.low << Self.numberBits | UInt64(partCount))
                partCount += 1
            }
        }
    }

    /// Compares all parts; nothing may be added afterwards.
    ///
    /// - Returns: What leaves repeated parts out on a second walk.
    /// - Throws: `FileFormatError` when the disk refuses.
    public func remover() throws -> PartRemover {
        var removed = BitSet(count: partCount)
        var key: UInt64?
        var seen: [UInt64: Int] = [:]
        try sorter.drain { record in
            if record.key != key {
                key = record.key
                seen.removeAll(keepingCapacity: true)
            }
            // Records of a key come in the order of the parts.
            let occurrence = seen[record.value >> Self.numberBits, default: 0] + 1
            seen[record.value >> Self.numberBits] = occurrence
            if occurrence > copies { removed.insert(Int(record.value & (1 << Self.numberBits - 1))) }
        }
        return PartRemover(partition: partition, minimumBytes: minimumBytes, removed: removed)
    }
}

/// Finds paragraphs or lines of a corpus that are nearly alike.
///
/// First all documents are added; then ``remover()`` leaves out near-duplicate parts on a second walk. It is a
/// ``NearDuplicateIndex`` of parts; in a folder that is opened again, documents continue where the last durable
/// part ended only when whole documents were added before ``NearDuplicateIndex/sync()``.
public final class NearDuplicateParts {
    /// The index of the parts.
    public let index: NearDuplicateIndex
    private let partition: TextPartition
    private let minimumBytes: Int

    /// Creates or opens a collection.
    ///
    /// - Parameters:
    ///   - partition: What is compared.
    ///   - minimumBytes: Shorter parts always stay.
    ///   - folder: Where the signatures lie.
    ///   - settings: How near-duplicates are found.
    /// - Throws: `FileFormatError` when the folder cannot be used.
    public init(
        _ partition: TextPartition = .paragraphs,
        minimumBytes: Int = 80,
        folder: String,
        settings: NearDuplicateSettings = NearDuplicateSettings()
    ) throws {
        (self.partition, self.minimumBytes) = (partition, minimumBytes)
        index = try NearDuplicateIndex(folder: folder, settings: settings)
    }

    /// Adds the parts of a document.
    ///
    /// - Parameter text: Its text.
    /// - Throws: `FileFormatError` when the disk refuses.
    public func add(_ text: String) throws {
        let parts = partition.parts(of: text).filter { $0.count >= minimumBytes }
        var copy = text
        let texts = copy.withUTF8 { bytes in
            parts.map { String(decoding: UnsafeBufferPointer(rebasing: bytes[$0]), as: UTF8.self) }
        }
        try index.add(contentsOf: texts)
    }

    /// Compares all parts.
    ///
    /// - Returns: What leaves near-duplicate parts out on a second walk; each cluster keeps one.
    /// - Throws: `FileFormatError` when the disk refuses.
    public func remover() throws -> PartRemover {
        PartRemover(
            partition: partition,
            minimumBytes: minimumBytes,
            removed: try index.clusters().removedParts
        )
    }
}
