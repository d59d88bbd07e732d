import YuyanFileFormats
import YuyanTextProcessing

/// What a store of signatures remembers of a document besides its signature.
struct SignatureRecord: Sendable {
    var byteCount: UInt32
    var shingleCount: UInt32
    var shingleOffset: UInt64
    var slots: [UInt16]
}

/// Signatures on disk: a header, then records of one size, each with a checksum.
///
/// A record counts when it is whole and its checksum right; on opening, everything after the last such record is cut
/// off, so a store is sound after a kill at any moment.
final class SignatureStore {
    let recordBytes: Int
    private(set) var count = 0
    private let signatures: RecordFile
    private let shingles: RecordFile?
    private let slotCount: Int
    private var record: [UInt8]
    private static let fixedBytes = 20

    /// Opens or makes the store of a folder.
    init(folder: String, slotCount: Int, header: [UInt8], keepsShingles: Bool) throws {
        self.slotCount = slotCount
        recordBytes = Self.fixedBytes + 2 * slotCount
        record = [UInt8](repeating: 0, count: recordBytes)
        signatures = try RecordFile(path: "\(folder)/signatures.bin")
        try signatures.lock()
        shingles = keepsShingles ? try RecordFile(path: "\(folder)/shingles.bin") : nil
        self.header = header
        if signatures.count < header.count {
            try signatures.truncate(0)
            try shingles?.truncate(0)
            try header.withUnsafeBytes { try signatures.append($0) }
        } else {
            try recover()
        }
    }

    private let header: [UInt8]

    private func recover() throws {
        var found = [UInt8](repeating: 0, count: header.count)
        try found.withUnsafeMutableBytes { try signatures.read($0, at: 0) }
        guard found == header else {
            throw FileFormatError(
                .mismatch,
                path: signatures.path,
                at: .offset(0),
                "the signatures were made with other settings; use the same or another folder"
            )
        }
        var whole = (signatures.count - header.count) / recordBytes
        var last: SignatureRecord?
        while whole > 0 {
            last = try readChecked(whole - 1)
            if let last, shinglesEnd(last) <= (shingles?.count ?? Int.max) { break }
            last = nil
            whole -= 1
        }
        try signatures.truncate(header.count + whole * recordBytes)
        if let shingles { try shingles.truncate(last.map(shinglesEnd) ?? 0) }
        count = whole
    }

    private func shinglesEnd(_ record: SignatureRecord) -> Int {
        guard record.shingleOffset < UInt64(1) << 60 else { return Int.max }
        return Int(record.shingleOffset) + 4 * Int(record.shingleCount)
    }

    /// Appends a document; `members` are the sorted hashes of its shingles, where they are kept.
    func append(byteCount: Int, slots: [UInt16], members: [UInt32]) throws {
        if let shingles, !members.isEmpty {
            guard shingles.count < 1 << 60 else {
                throw FileFormatError(.limitExceeded, path: shingles.path, "the file is full")
            }
        }
        let offset = UInt64(shingles?.count ?? 0)
        record.withUnsafeMutableBytes { raw in
            raw.storeBytes(of: UInt32(clamping: byteCount).littleEndian, toByteOffset: 4, as: UInt32.self)
            let shingleCount = slots.isEmpty ? 0 : max(UInt32(clamping: members.count), 1)
            raw.storeBytes(of: shingleCount.littleEndian, toByteOffset: 8, as: UInt32.self)
            raw.storeBytes(of: offset.littleEndian, toByteOffset: 12, as: UInt64.self)
            for index in 0..<slotCount {
                let slot = slots.isEmpty ? 0 : slots[index]
                raw.storeBytes(
                    of: slot.littleEndian,
                    toByteOffset: Self.fixedBytes + 2 * index,
                    as: UInt16.self
                )
            }
            let check = CRC32C.checksum(UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(raw)[4...]))
            raw.storeBytes(of: check.littleEndian, toByteOffset: 0, as: UInt32.self)
        }
        // The shingles go first, so that a whole record always finds them.
        if let shingles { try members.withUnsafeBytes { try shingles.append($0) } }
        try record.withUnsafeBytes { try signatures.append($0) }
        count += 1
    }

    func flush(durably: Bool) throws {
        if durably {
            try shingles?.sync()
            try signatures.sync()
        } else {
            try shingles?.flush()
            try signatures.flush()
        }
    }

    /// Reads a document; the store must have been flushed.
    func read(_ index: Int) throws -> SignatureRecord {
        guard let record = try readChecked(index) else {
            throw FileFormatError(
                .malformed,
                path: signatures.path,
                at: .offset(header.count + index * recordBytes),
                "the record's checksum is wrong; delete the folder and begin again"
            )
        }
        return record
    }

    private func readChecked(_ index: Int) throws -> SignatureRecord? {
        let place = header.count + index * recordBytes
        try record.withUnsafeMutableBytes { try signatures.read($0, at: place) }
        return record.withUnsafeBytes { raw in
            let check = UInt32(littleEndian: raw.load(as: UInt32.self))
            guard check == CRC32C.checksum(UnsafeRawBufferPointer(rebasing: raw[4...])) else { return nil }
            return parse(raw)
        }
    }

    /// Reads all documents in order, many at a time.
    func forEach(_ body: (Int, SignatureRecord) throws -> Void) throws {
        let batch = max((1 << 20) / recordBytes, 1)
        var buffer = [UInt8](repeating: 0, count: batch * recordBytes)
        for start in stride(from: 0, to: count, by: batch) {
            let records = min(batch, count - start)
            let place = header.count + start * recordBytes
            try buffer.withUnsafeMutableBytes {
                try signatures.read(
                    UnsafeMutableRawBufferPointer(rebasing: $0[..<(records * recordBytes)]),
                    at: place
                )
            }
            for index in 0..<records {
                let record = buffer.withUnsafeBytes { raw in
                    parse(
                        UnsafeRawBufferPointer(
                            rebasing: raw[(index * recordBytes)..<((index + 1) * recordBytes)]
                        )
                    )
                }
                try body(start + index, record)
            }
        }
    }

    private func parse(_ raw: UnsafeRawBufferPointer) -> SignatureRecord {
        let shingleCount = UInt32(littleEndian: raw.loadUnaligned(fromByteOffset: 8, as: UInt32.self))
        return SignatureRecord(
            byteCount: UInt32(littleEndian: raw.loadUnaligned(fromByteOffset: 4, as: UInt32.self)),
            shingleCount: shingleCount,
            shingleOffset: UInt64(littleEndian: raw.loadUnaligned(fromByteOffset: 12, as: UInt64.self)),
            slots: shingleCount == 0
                ? []
                : (0..<slotCount).map { index in
                    let place = Self.fixedBytes + 2 * index
                    return UInt16(littleEndian: raw.loadUnaligned(fromByteOffset: place, as: UInt16.self))
                }
        )
    }

    /// The sorted hashes of a document's shingles.
    func members(of record: SignatureRecord) throws -> [UInt32] {
        guard let shingles else { return [] }
        guard shinglesEnd(record) <= shingles.count else {
            throw FileFormatError(
                .malformed,
                path: shingles.path,
                "a record points beyond the end of the file"
            )
        }
        var members = [UInt32](repeating: 0, count: Int(record.shingleCount))
        try members.withUnsafeMutableBytes { try shingles.read($0, at: Int(record.shingleOffset)) }
        return members
    }
}
