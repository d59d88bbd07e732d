import YuyanFileFormats
import YuyanTensorCore

/// What the pairs of a GloVe training are made from, and where they lie when they do not fit into memory.
public struct GloVePairPlan: Sendable {
    /// The number of words.
    public var words: Int
    /// How they are trained on.
    public var options: GloVeOptions
    /// The file for pairs that do not fit into memory; temporary files are made beside it.
    public var path: String
    /// What tells the text and the way of counting from all others.
    public var identity: String
    /// About how much memory pairs may take, in bytes, at least 64 KB.
    ///
    /// Nil lets all pairs stay in memory while they take up to a quarter of the machine's, and shuffles squares of up
    /// to 512 MB as a whole.
    public var memoryBytes: Int?

    /// A plan.
    ///
    /// - Parameters:
    ///   - words: the number of words.
    ///   - options: how they are trained on.
    ///   - path: the file for pairs that do not fit into memory.
    ///   - identity: what tells the text and the way of counting from all others.
    ///   - memoryBytes: about how much memory pairs may take, in bytes.
    public init(words: Int, options: GloVeOptions, path: String, identity: String, memoryBytes: Int? = nil) {
        (self.words, self.options, self.path) = (words, options, path)
        (self.identity, self.memoryBytes) = (identity, memoryBytes)
    }

    /// What a file of pairs must be of.
    var fileIdentity: String {
        "GloVe 1, \(words) words, \(options.groups) groups, seed \(options.seed), shuffles \(options.shuffles), "
            + "maximum \(options.maximumCount), exponent \(options.exponent), \(identity)"
    }
}

/// The pairs of a GloVe training, dealt out to squares of a group of rows and a group of columns, each in its order.
///
/// They lie in memory, 16 bytes a pair, or in a safetensors file of as many, from which each square is read in pieces.
///
/// Not Sendable: one training goes through them.
public final class GloVePairs {
    /// Pairs of a piece: what a thread has in memory of pairs in a file.
    static let pieceCount = 1 << 16
    static let lists: [(name: String, type: SafetensorsDType)] = [
        ("rows", .i32), ("columns", .i32), ("logarithms", .f32), ("weights", .f32),
    ]

    enum Storage {
        case memory(PairLists)
        /// The file, and where its four lists begin.
        case file(RecordFile, lists: [Int])
    }

    /// How they are trained on.
    public let options: GloVeOptions
    /// The number of words.
    public let words: Int
    private let storage: Storage
    /// Where each square begins, row group by row group.
    private let starts: [Int]
    /// Changes with the pairs and their order.
    let fingerprint: UInt64

    init(_ options: GloVeOptions, words: Int, starts: [Int], storage: Storage, fingerprint: UInt64) {
        (self.options, self.words, self.starts) = (options, words, starts)
        (self.storage, self.fingerprint) = (storage, fingerprint)
    }

    /// The number of pairs.
    public var count: Int { starts[starts.count - 1] }

    /// Whether they lie in a file.
    public var isOnDisk: Bool {
        if case .file = storage { return true }
        return false
    }

    /// Lends the pairs of a square in their order, piece by piece; several threads may each read a square.
    func read(_ square: Int, _ body: (PairSlice) -> Void) throws(FileFormatError) {
        let (end, size) = (starts[square + 1], starts[square + 1] - starts[square])
        var place = starts[square]
        switch storage {
        case .memory(let lists):
            while place < end {
                let count = min(end - place, Self.pieceCount)
                body(lists.slice(place, count))
                place += count
            }
        case .file(let file, let offsets):
            let piece = PairLists(capacity: min(size, Self.pieceCount))
            defer { withExtendedLifetime(piece) {} }
            while place < end {
                let count = min(end - place, piece.capacity)
                try Self.fill(piece, from: file, offsets, place..<place + count)
                // The disk works while the pairs are gone through.
                Self.announce(place + count..<min(place + 2 * count, end), of: file, offsets)
                try check(piece, count, at: place, file.path)
                body(piece.slice(0, count))
                place += count
            }
        }
    }

    private static func fill(
        _ piece: PairLists,
        from file: RecordFile,
        _ offsets: [Int],
        _ range: Range<Int>
    ) throws(FileFormatError) {
        let lists: [UnsafeMutableRawPointer] = [
            .init(piece.rows), .init(piece.columns), .init(piece.logarithms), .init(piece.weights),
        ]
        for (list, offset) in zip(lists, offsets) {
            let bytes = UnsafeMutableRawBufferPointer(start: list, count: 4 * range.count)
            try file.read(bytes, at: offset + 4 * range.lowerBound)
        }
    }

    private static func announce(_ range: Range<Int>, of file: RecordFile, _ offsets: [Int]) {
        guard !range.isEmpty else { return }
        for offset in offsets { file.announce(offset + 4 * range.lowerBound..<offset + 4 * range.upperBound) }
    }

    /// All pairs, square by square.
    package func listed() throws(FileFormatError) -> [[(row: Int32, column: Int32, logarithm: Float)]] {
        var squares: [[(row: Int32, column: Int32, logarithm: Float)]] = []
        for square in 0..<starts.count - 1 {
            squares.append([])
            try read(square) { slice in
                for place in 0..<slice.count {
                    squares[square].append(
                        (slice.rows[place], slice.columns[place], slice.logarithms[place])
                    )
                }
            }
        }
        return squares
    }

    /// A file may change while it is in use: no row may lie outside the tables.
    private func check(
        _ piece: PairLists,
        _ count: Int,
        at place: Int,
        _ path: String
    ) throws(FileFormatError) {
        var largest: UInt32 = 0
        for index in 0..<count {
            let (row, column) = (piece.rows[index], piece.columns[index])
            largest = max(largest, UInt32(bitPattern: row), UInt32(bitPattern: column))
        }
        guard largest < words else {
            throw Self.damage(path, "a pair from \(place) on is of word \(largest); there are \(words) words")
        }
    }

    static func damage(
        _ path: String,
        _ message: String,
        _ code: FileFormatError.Code = .malformed
    ) -> FileFormatError {
        FileFormatError(code, path: path, "\(message); remove the file, and the pairs are counted again")
    }
}

/// Two numbers that change with pairs and their order.
struct PairFingerprint {
    /// Of rows and logarithms.
    private(set) var value: UInt64 = 0xCBF2_9CE4_8422_2325
    /// Of all four lists.
    private(set) var checksum: UInt64 = 0xCBF2_9CE4_8422_2325

    @inline(__always)
    mutating func add(_ row: Int32, _ column: Int32, _ logarithm: Float, _ weight: Float) {
        let prime: UInt64 = 0x0000_0100_0000_01B3
        value = (value ^ UInt64(UInt32(bitPattern: row))) &* prime
        value = (value ^ UInt64(logarithm.bitPattern)) &* prime
        let words = UInt64(UInt32(bitPattern: row)) << 32 | UInt64(UInt32(bitPattern: column))
        checksum = (checksum ^ words) &* prime
        checksum = (checksum ^ (UInt64(logarithm.bitPattern) << 32 | UInt64(weight.bitPattern))) &* prime
    }
}

extension GloVePairs {
    /// The pairs that an earlier run left in the file of a plan, or nil when it is of another plan.
    ///
    /// The whole file is read once and checked.
    ///
    /// - Parameters:
    ///   - plan: the plan.
    ///   - isCancelled: asked now and then; `CancellationError` is thrown.
    /// - Returns: the pairs, exactly those that counting again would give.
    /// - Throws: `FileFormatError` when there is no such file, or it is damaged; `WordVectorError` when the options
    ///   contradict themselves.
    public static func reopened(
        _ plan: GloVePairPlan,
        isCancelled: () -> Bool = { false }
    ) throws -> GloVePairs? {
        if let problem = plan.options.problem { throw WordVectorError(.invalidOptions, problem) }
        let file = try SafetensorsFile(path: plan.path)
        guard file.metadata["identity"] == plan.fileIdentity else { return nil }
        let starts = try starts(of: file, groups: plan.options.groups)
        guard let whole = file.metadata["whole"].flatMap({ Int($0) }), whole > 0 else {
            throw FileFormatError(.malformed, path: plan.path, at: .key("whole"), "a number is needed")
        }
        // Squares that one of the two runs shuffles in parts would be in another order.
        let most = PairLimits(memoryBytes: plan.memoryBytes).whole
        let largest = zip(starts, starts.dropFirst()).reduce(0) { max($0, $1.1 - $1.0) }
        if plan.options.shuffles, most != whole, largest > min(most, whole) { return nil }
        let sums = try file.elements(of: "checksum", dtype: .u64, as: UInt64.self)
        let offsets = try lists.map { name, type in
            let (entry, shape) = (try file.entry(name), [starts[starts.count - 1]])
            guard entry.dtype == type, entry.shape == shape else {
                throw FileFormatError(
                    .mismatch,
                    path: plan.path,
                    at: .key(name),
                    "is \(entry.dtype.rawValue) \(entry.shape); \(type.rawValue) \(shape) is needed"
                )
            }
            return entry.byteRange.lowerBound
        }
        let storage = Storage.file(try RecordFile(reading: plan.path), lists: offsets)
        func pairs(_ fingerprint: UInt64) -> GloVePairs {
            GloVePairs(
                plan.options,
                words: plan.words,
                starts: starts,
                storage: storage,
                fingerprint: fingerprint
            )
        }
        let found = try pairs(0).fingerprint(path: plan.path, isCancelled)
        guard [found.checksum] == sums else {
            throw damage(plan.path, "the pairs are not those that were written")
        }
        return pairs(found.value)
    }

    private static func starts(of file: SafetensorsFile, groups: Int) throws -> [Int] {
        let shape = try file.entry("starts").shape
        guard shape == [groups * groups + 1] else {
            throw FileFormatError(
                .mismatch,
                path: file.path,
                at: .key("starts"),
                "has the shape \(shape); [\(groups * groups + 1)] is needed"
            )
        }
        let starts = try file.elements(of: "starts", dtype: .i64, as: Int.self)
        let isRising = zip(starts, starts.dropFirst()).allSatisfy { $0 <= $1 }
        guard starts[0] == 0, isRising, starts[starts.count - 1] > 0 else {
            throw FileFormatError(
                .malformed,
                path: file.path,
                at: .key("starts"),
                "the numbers must rise from 0"
            )
        }
        return starts
    }

    /// Goes through all pairs and checks that each is of its square.
    private func fingerprint(path: String, _ isCancelled: () -> Bool) throws -> PairFingerprint {
        var found = PairFingerprint()
        let groups = UInt32(options.groups)
        for square in 0..<starts.count - 1 {
            if isCancelled() { throw CancellationError() }
            let (row, column) = (UInt32(square) / groups, UInt32(square) % groups)
            var isRight = true
            try read(square) { slice in
                for index in 0..<slice.count {
                    let (logarithm, weight) = (slice.logarithms[index], slice.weights[index])
                    let isOfSquare =
                        UInt32(bitPattern: slice.rows[index]) % groups == row
                        && UInt32(bitPattern: slice.columns[index]) % groups == column
                    isRight = isRight && isOfSquare && logarithm.isFinite && weight >= 0 && weight <= 1
                    found.add(slice.rows[index], slice.columns[index], logarithm, weight)
                }
            }
            guard isRight else {
                throw Self.damage(path, "square \(square) holds a pair that does not belong there")
            }
        }
        return found
    }
}
