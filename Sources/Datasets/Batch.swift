/// Rows of tokens for one step of a language model, on the host; every array is B × T in rows.
public struct Batch: Sendable, Equatable {
    /// The target that no loss counts.
    public static let ignoredTarget: Int32 = -100

    /// The number of rows B.
    public let rows: Int
    /// The number of positions T.
    public let length: Int
    /// The input tokens, B × T.
    public var inputs: [Int32]
    /// The token that should follow each input, B × T; ``ignoredTarget`` where none counts.
    public var targets: [Int32]
    /// Which document inside its row each input belongs to, B × T, counted from 0; padding has a number of its own.
    ///
    /// A position may attend to earlier positions with the same number only. All 0 when documents are not kept apart.
    public var segments: [Int32]
    /// The place of each input inside its segment, B × T, counted from 0.
    public var positions: [Int32]
    /// The number of targets that count.
    public var targetCount: Int

    /// Creates a batch of padding.
    ///
    /// Traps when a size is negative.
    ///
    /// - Parameters:
    ///   - rows: the number of rows B.
    ///   - length: the number of positions T.
    public init(rows: Int, length: Int) {
        require(rows >= 0 && length >= 0, "Batch: sizes cannot be negative ([\(rows), \(length)])")
        self.rows = rows
        self.length = length
        inputs = [Int32](repeating: 0, count: rows * length)
        targets = [Int32](repeating: Self.ignoredTarget, count: rows * length)
        segments = [Int32](repeating: 0, count: rows * length)
        positions = [Int32](repeating: 0, count: rows * length)
        targetCount = 0
    }

    /// Whether any row holds more than one document (or padding).
    public var hasSeveralSegments: Bool { segments.contains { $0 > 0 } }
}

/// Where a sequence of batches stands: all that is needed to go on with the same batches.
public struct BatchState: Sendable, Hashable, Codable {
    /// The number of whole passes over the data made before; always 0 for random windows.
    public var epoch: Int
    /// The number of rows given in this pass (for random windows: since the beginning).
    public var position: Int

    /// Creates a state.
    ///
    /// - Parameters:
    ///   - epoch: the number of whole passes made before.
    ///   - position: the number of rows given in this pass.
    public init(epoch: Int = 0, position: Int = 0) {
        self.epoch = epoch
        self.position = position
    }
}

/// Something that gives batches one after another and can go on from a saved state.
public protocol BatchSource: Sendable {
    /// The state before the next batch.
    var state: BatchState { get }

    /// Gives the next batch.
    ///
    /// - Returns: the batch, or nil after the last one.
    /// - Throws: an error of the files behind it.
    mutating func next() throws -> Batch?
}
