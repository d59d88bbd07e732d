/// Writes a safetensors file piece by piece, so that a file larger than memory needs no copy of itself.
///
/// The layout depends on the entries alone: wider element types first, names in byte order within a type. Tensors may
/// be written in any order and in pieces. The file appears under its name when `finish()` succeeds, synced; before
/// that only a temporary file exists, removed when the writer goes away.
///
/// Not Sendable: one writer is used from one thread.
public final class SafetensorsWriter {
    /// A tensor to be written.
    public struct Entry: Sendable, Hashable {
        /// The tensor's name.
        public let name: String
        /// The element type.
        public let dtype: SafetensorsDType
        /// The sizes of the axes, row-major; empty for a scalar.
        public let shape: [Int]

        /// Describes a tensor.
        ///
        /// - Parameters:
        ///   - name: The tensor's name.
        ///   - dtype: The element type.
        ///   - shape: The sizes of the axes.
        public init(_ name: String, _ dtype: SafetensorsDType, _ shape: [Int]) {
            self.name = name
            self.dtype = dtype
            self.shape = shape
        }
    }

    private struct Slot {
        var position: Int
        var remaining: Int
    }

    /// The final name.
    public let path: String
    /// The names in the order of their data: writing in this order reads and writes the disk straight through.
    public let names: [String]
    private let file: AtomicFile
    private var slots: [String: Slot] = [:]

    /// Lays the file out and writes its header.
    ///
    /// - Parameters:
    ///   - path: The file to make or replace.
    ///   - metadata: Free-form strings, stored under `__metadata__`.
    ///   - entries: The tensors, in any order.
    /// - Throws: `FileFormatError` when a name repeats, a size is negative or overflows, the header grows beyond its
    ///   limit, or the disk refuses.
    public init(path: String, metadata: [String: String] = [:], entries: [Entry]) throws(FileFormatError) {
        self.path = path
        let ordered = entries.sorted { left, right in
            left.dtype != right.dtype
                ? left.dtype.layoutRank < right.dtype.layoutRank
                : left.name.utf8.lexicographicallyPrecedes(right.name.utf8)
        }
        var header = JSONObject()
        if !metadata.isEmpty {
            var members = JSONObject()
            for (key, value) in metadata.sorted(by: { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }) {
                members.append(key, .string(value))
            }
            header.append("__metadata__", .object(members))
        }
        var end = 0
        for entry in ordered {
            let begin = end
            end = try Self.end(of: entry, from: begin, path: path)
            let value: JSONValue = [
                "dtype": .string(entry.dtype.rawValue),
                "shape": .array(entry.shape.map { .integer($0) }),
                "data_offsets": [.integer(begin), .integer(end)],
            ]
            let slot = Slot(position: begin, remaining: end - begin)
            guard header.append(entry.name, value), slots.updateValue(slot, forKey: entry.name) == nil else {
                throw FileFormatError(
                    .duplicate,
                    path: path,
                    at: .key(entry.name),
                    "this tensor name occurs twice"
                )
            }
        }
        var bytes = JSONValue.object(header).printedBytes(indent: nil)
        while bytes.count % 8 != 0 { bytes.append(32) }
        guard bytes.count <= SafetensorsFile.maximumHeaderLength else {
            throw FileFormatError(
                .limitExceeded,
                path: path,
                "the header of \(bytes.count) bytes is larger than readers accept"
            )
        }
        let length = UInt64(bytes.count)
        let prefix = (0..<8).map { UInt8(truncatingIfNeeded: length >> UInt64(8 * $0)) }
        names = ordered.map(\.name)
        file = try AtomicFile(path: path)
        for name in slots.keys { slots[name]?.position += 8 + bytes.count }
        try (prefix + bytes).lendBytes { raw throws(FileFormatError) in try file.append(raw) }
    }

    private static func end(of entry: Entry, from begin: Int, path: String) throws(FileFormatError) -> Int {
        guard entry.name != "__metadata__" else {
            throw FileFormatError(.malformed, path: path, at: .key(entry.name), "this name is reserved")
        }
        var count = entry.dtype.byteCount
        for size in entry.shape {
            let (product, overflow) = count.multipliedReportingOverflow(by: size)
            guard size >= 0, !overflow else {
                throw FileFormatError(
                    .malformed,
                    path: path,
                    at: .key(entry.name),
                    "shape \(entry.shape) has no size"
                )
            }
            count = product
        }
        let (end, overflow) = begin.addingReportingOverflow(count)
        guard !overflow else {
            throw FileFormatError(
                .limitExceeded,
                path: path,
                at: .key(entry.name),
                "the file would overflow 64 bits"
            )
        }
        return end
    }

    /// Writes the next bytes of a tensor, little-endian, row-major; call it once with all bytes or repeatedly.
    ///
    /// Traps when the tensor was not announced or gets more bytes than its shape has.
    ///
    /// - Parameters:
    ///   - bytes: The next bytes.
    ///   - name: The tensor.
    /// - Throws: `FileFormatError` when the disk refuses.
    public func write(_ bytes: UnsafeRawBufferPointer, to name: String) throws(FileFormatError) {
        guard var slot = slots[name] else {
            fatalError("SafetensorsWriter: no tensor '\(name)' was announced")
        }
        guard bytes.count <= slot.remaining else {
            fatalError(
                "SafetensorsWriter: '\(name)' has room for \(slot.remaining) bytes more, given \(bytes.count)"
            )
        }
        try file.write(bytes, at: slot.position)
        slot.position += bytes.count
        slot.remaining -= bytes.count
        slots[name] = slot
    }

    /// Writes the next elements of a tensor.
    ///
    /// Traps as `write(_:to:)` does.
    ///
    /// - Parameters:
    ///   - elements: The next elements, in the machine's own (little-endian) form.
    ///   - name: The tensor.
    /// - Throws: `FileFormatError` when the disk refuses.
    public func write<Element: BitwiseCopyable>(elements: [Element], to name: String) throws(FileFormatError)
    {
        try elements.lendBytes { raw throws(FileFormatError) in try write(raw, to: name) }
    }

    /// Checks that every tensor is complete, syncs the file and gives it its name.
    ///
    /// - Throws: `FileFormatError` when bytes are missing or the disk refuses; no file appears then.
    public func finish() throws(FileFormatError) {
        for name in names {
            if let slot = slots[name], slot.remaining > 0 {
                throw FileFormatError(
                    .missing,
                    path: path,
                    at: .key(name),
                    "\(slot.remaining) bytes were never written"
                )
            }
        }
        try file.commit()
    }
}
