import YuyanNeuralNetworks

/// Token sequences of unequal length side by side, on the host.
///
/// Axes: B sequences, T positions; places beyond a length hold 0 and mean nothing.
public struct TokenBatch: Sendable, Hashable {
    /// The number of sequences B.
    public let rows: Int
    /// The number of positions T, at least 1.
    public let length: Int
    /// The token ids, B × T in rows.
    public let ids: [Int32]
    /// The tokens of each sequence.
    public let lengths: [Int]
    /// The segment of each token (0 for the first text of a pair, 1 for the second), B × T; nil when all are 0.
    public let typeIDs: [Int32]?

    /// Lays sequences side by side.
    ///
    /// Traps when there are as many lists of segments as not, or one is of another length than its tokens.
    ///
    /// - Parameters:
    ///   - sequences: The token ids of each sequence; one may be empty.
    ///   - types: The segments of each; nil when all are 0.
    public init(_ sequences: [[Int32]], types: [[Int32]]? = nil) {
        require(
            types.map { $0.map(\.count) == sequences.map(\.count) } ?? true,
            "TokenBatch: every sequence needs a segment for each of its tokens"
        )
        rows = sequences.count
        lengths = sequences.map(\.count)
        let width = max(lengths.max() ?? 0, 1)
        length = width
        func padded(_ lists: [[Int32]]) -> [Int32] {
            var out = [Int32](repeating: 0, count: lists.count * width)
            for (row, list) in lists.enumerated() {
                for (place, value) in list.enumerated() { out[row * width + place] = value }
            }
            return out
        }
        ids = padded(sequences)
        typeIDs = types.flatMap { lists in
            lists.contains { $0.contains { $0 != 0 } } ? padded(lists) : nil
        }
    }

    private init(rows: Int, length: Int, ids: [Int32], lengths: [Int], typeIDs: [Int32]?) {
        (self.rows, self.length, self.ids) = (rows, length, ids)
        (self.lengths, self.typeIDs) = (lengths, typeIDs)
    }

    /// The same sequences, of the same length with their padding, in parts that follow one another.
    ///
    /// - Parameter most: The most tokens of a part, padding included; a part has one sequence at least.
    /// - Returns: The parts; the whole alone when it has no more.
    func parts(ofTokens most: Int) -> [TokenBatch] {
        let step = max(most / length, 1)
        guard rows > step else { return [self] }
        return stride(from: 0, to: rows, by: step).map { first in
            let own = first..<min(first + step, rows)
            let places = own.lowerBound * length..<own.upperBound * length
            return TokenBatch(
                rows: own.count,
                length: length,
                ids: Array(ids[places]),
                lengths: Array(lengths[own]),
                typeIDs: typeIDs.map { Array($0[places]) }
            )
        }
    }

    /// The token ids i32 [B, T].
    public var idTensor: Tensor { Tensor(ids, shape: [rows, length]) }

    /// The lengths i32 [B]; nil when all are T.
    public var lengthTensor: Tensor? { Self.lengthTensor(lengths, positions: length) }

    /// Lengths as layers take them.
    ///
    /// - Parameters:
    ///   - lengths: The lengths of B sequences.
    ///   - positions: The positions T that they have room in.
    /// - Returns: i32 [B]; nil when all are T.
    static func lengthTensor(_ lengths: [Int], positions: Int) -> Tensor? {
        lengths.allSatisfy { $0 == positions }
            ? nil : Tensor(lengths.map { Int32($0) }, shape: [lengths.count])
    }
}
