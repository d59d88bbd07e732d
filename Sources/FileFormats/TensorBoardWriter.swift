/// Writes TensorBoard event files: scalars and texts that TensorBoard shows.
///
/// The file is named `events.out.tfevents.<seconds>.<host>.<process>.<number>`. Records are held in memory until
/// `flush()` or until they fill 64 KiB, and are written whole, so that a reader or a crash never meets half a record
/// of ours before a whole one.
///
/// Not Sendable: one writer is used from one thread.
public final class TensorBoardWriter {
    /// The file being written.
    public let path: String
    private var descriptor: Int32
    private var pending: [UInt8] = []

    /// Starts a new event file in a folder.
    ///
    /// - Parameters:
    ///   - folder: An existing folder; TensorBoard takes it for one run.
    ///   - number: Tells apart several files of one process and second.
    /// - Throws: `FileFormatError` when the file cannot be made.
    public convenience init(folder: String, number: Int = 0) throws(FileFormatError) {
        let seconds = Int(SystemCalls.wallTime())
        let host = SystemCalls.hostName()
        let process = SystemCalls.processIdentifier()
        let name = "events.out.tfevents.\(seconds).\(host).\(process).\(number)"
        try self.init(path: folder.hasSuffix("/") ? folder + name : "\(folder)/\(name)")
    }

    /// Opens an event file for appending; a new or empty one gets its version record first.
    ///
    /// - Parameter path: The file.
    /// - Throws: `FileFormatError` when the file cannot be opened.
    public init(path: String) throws(FileFormatError) {
        self.path = path
        descriptor = try SystemCalls.openForWriting(path, flags: SystemCalls.appending)
        let size: Int
        do throws(FileFormatError) {
            size = try SystemCalls.size(descriptor, path)
        } catch {
            SystemCalls.closeQuietly(descriptor)
            throw error
        }
        if size == 0 {
            var event = ProtobufMessage()
            event.append(double: SystemCalls.wallTime(), field: 1)
            event.append(string: "brain.Event:2", field: 3)
            frame(event)
        }
    }

    deinit {
        guard descriptor >= 0 else { return }
        do { try flush() } catch {}
        SystemCalls.closeQuietly(descriptor)
    }

    /// Adds one value of a curve.
    ///
    /// - Parameters:
    ///   - value: The value; not-a-number and infinities are shown as such.
    ///   - tag: The curve's name, such as "train/loss".
    ///   - step: The step.
    ///   - wallTime: Seconds since 1970; nil takes the clock.
    /// - Throws: `FileFormatError` when the disk refuses.
    public func add(
        scalar value: Float,
        tag: String,
        step: Int,
        wallTime: Double? = nil
    ) throws(FileFormatError) {
        var content = ProtobufMessage()
        content.append(string: tag, field: 1)
        content.append(float: value, field: 2)
        try add(content, step: step, wallTime: wallTime)
    }

    /// Adds a text, shown as Markdown under "Text".
    ///
    /// - Parameters:
    ///   - text: The text.
    ///   - tag: The name.
    ///   - step: The step.
    ///   - wallTime: Seconds since 1970; nil takes the clock.
    /// - Throws: `FileFormatError` when the disk refuses.
    public func add(text: String, tag: String, step: Int, wallTime: Double? = nil) throws(FileFormatError) {
        var plugin = ProtobufMessage()
        plugin.append(string: "text", field: 1)
        var metadata = ProtobufMessage()
        metadata.append(message: plugin, field: 1)
        var dimension = ProtobufMessage()
        dimension.append(integer: 1, field: 1)
        var shape = ProtobufMessage()
        shape.append(message: dimension, field: 2)
        var tensor = ProtobufMessage()
        tensor.append(integer: 7, field: 1)
        tensor.append(message: shape, field: 2)
        tensor.append(string: text, field: 8)
        var content = ProtobufMessage()
        content.append(string: tag, field: 1)
        content.append(message: tensor, field: 8)
        content.append(message: metadata, field: 9)
        try add(content, step: step, wallTime: wallTime)
    }

    /// Hands everything added so far to the operating system.
    ///
    /// - Throws: `FileFormatError` when the disk refuses.
    public func flush() throws(FileFormatError) {
        guard !pending.isEmpty else { return }
        let bytes = pending
        pending.removeAll(keepingCapacity: true)
        try bytes.lendBytes { raw throws(FileFormatError) in try SystemCalls.write(descriptor, raw, path) }
    }

    /// Flushes, makes the file durable and closes it; adding afterwards traps.
    ///
    /// - Throws: `FileFormatError` when the disk refuses.
    public func close() throws(FileFormatError) {
        guard descriptor >= 0 else { return }
        try flush()
        try SystemCalls.sync(descriptor, path)
        SystemCalls.closeQuietly(descriptor)
        descriptor = -1
    }

    private func add(_ value: ProtobufMessage, step: Int, wallTime: Double?) throws(FileFormatError) {
        guard descriptor >= 0 else { fatalError("TensorBoardWriter: \(path) is closed") }
        var summary = ProtobufMessage()
        summary.append(message: value, field: 1)
        var event = ProtobufMessage()
        event.append(double: wallTime ?? SystemCalls.wallTime(), field: 1)
        event.append(integer: step, field: 2)
        event.append(message: summary, field: 5)
        frame(event)
        if pending.count >= 1 << 16 { try flush() }
    }

    /// Adds a record: length, its checksum, the message, its checksum.
    private func frame(_ message: ProtobufMessage) {
        let length = Self.littleEndian(UInt64(message.bytes.count), 8)
        pending += length
        pending += Self.littleEndian(UInt64(CRC32C.masked(length)), 4)
        pending += message.bytes
        pending += Self.littleEndian(UInt64(CRC32C.masked(message.bytes)), 4)
    }

    private static func littleEndian(_ value: UInt64, _ count: Int) -> [UInt8] {
        (0..<count).map { UInt8(truncatingIfNeeded: value >> UInt64(8 * $0)) }
    }
}

/// A protobuf message under construction: the few wire types that events need.
struct ProtobufMessage {
    private(set) var bytes: [UInt8] = []

    mutating func append(integer value: Int, field: Int) {
        appendVarint(UInt64(field << 3))
        appendVarint(UInt64(bitPattern: Int64(value)))
    }

    mutating func append(double value: Double, field: Int) {
        appendVarint(UInt64(field << 3 | 1))
        let bits = value.bitPattern
        for shift in stride(from: UInt64(0), to: 64, by: 8) {
            bytes.append(UInt8(truncatingIfNeeded: bits >> shift))
        }
    }

    mutating func append(float value: Float, field: Int) {
        appendVarint(UInt64(field << 3 | 5))
        let bits = value.bitPattern
        for shift in stride(from: UInt32(0), to: 32, by: 8) {
            bytes.append(UInt8(truncatingIfNeeded: bits >> shift))
        }
    }

    mutating func append(string value: String, field: Int) {
        append(lengthDelimited: Array(value.utf8), field: field)
    }

    mutating func append(message value: ProtobufMessage, field: Int) {
        append(lengthDelimited: value.bytes, field: field)
    }

    private mutating func append(lengthDelimited content: [UInt8], field: Int) {
        appendVarint(UInt64(field << 3 | 2))
        appendVarint(UInt64(content.count))
        bytes += content
    }

    private mutating func appendVarint(_ value: UInt64) {
        var rest = value
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(rest))
    }
}
