import CKernels
import YuyanFileFormats

/// Numbers in memory, or in a tensor of a mapped file.
enum NumberStorage<Number: BitwiseCopyable & Sendable>: Sendable {
    case memory([Number])
    case file(SafetensorsFile, String)

    /// Lends the numbers.
    func withNumbers<Result>(_ body: (UnsafeBufferPointer<Number>) throws -> Result) throws -> Result {
        switch self {
        case .memory(let numbers): try numbers.withUnsafeBufferPointer(body)
        case .file(let file, let name):
            try file.withBytes(of: name) { try body($0.assumingMemoryBound(to: Number.self)) }
        }
    }

    /// The numbers of a file, held to their type, shape and alignment.
    init(_ file: SafetensorsFile, _ name: String, _ dtype: SafetensorsDType, shape: [Int]) throws {
        let entry = try file.entry(name)
        guard entry.dtype == dtype, entry.shape == shape else {
            throw FileFormatError(
                .mismatch,
                path: file.path,
                at: .key(name),
                "\(entry.dtype.rawValue) \(entry.shape) where \(dtype.rawValue) \(shape) is needed"
            )
        }
        let isAligned = try file.withBytes(of: name) { bytes in
            bytes.baseAddress.map { UInt(bitPattern: $0) % UInt(MemoryLayout<Number>.alignment) == 0 } ?? true
        }
        guard isAligned else {
            throw FileFormatError(
                .unsupported,
                path: file.path,
                at: .key(name),
                "its numbers do not stand at a multiple of their size; write the file again"
            )
        }
        self = .file(file, name)
    }
}

/// Distances of vectors from rows; less is nearer.
struct RowDistances {
    let rows: UnsafePointer<Float>
    let width: Int
    let isEuclidean: Bool

    init(_ rows: UnsafePointer<Float>, width: Int, metric: VectorMetric) {
        (self.rows, self.width, isEuclidean) = (rows, width, metric == .euclidean)
    }

    func row(_ row: Int32) -> UnsafePointer<Float> { rows + Int(row) * width }

    /// Minus the inner product, or the squared Euclidean distance.
    @inline(__always)
    func callAsFunction(_ query: UnsafePointer<Float>, _ row: Int32) -> Float {
        var (out, row): (Float, Int32) = (0, row)
        self(query, &row, count: 1, into: &out)
        return out
    }

    /// The distances of rows that are named one by one.
    @inline(__always)
    func callAsFunction(
        _ query: UnsafePointer<Float>,
        _ ids: UnsafePointer<Int32>,
        count: Int,
        into out: UnsafeMutablePointer<Float>
    ) {
        if isEuclidean {
            yk_gathered_squares(out, rows, ids, query, Int64(count), Int64(width))
            return
        }
        yk_gathered_dots(out, rows, ids, query, Int64(count), Int64(width))
        for place in 0..<count { out[place] = -out[place] }
    }

    /// The distances of neighbouring rows.
    func distances(_ query: UnsafePointer<Float>, _ range: Range<Int>, into out: UnsafeMutablePointer<Float>)
    {
        if isEuclidean {
            let ids = range.map { Int32($0) }
            self(query, ids, count: ids.count, into: out)
            return
        }
        yk_row_dots(out, rows + range.lowerBound * width, query, Int64(range.count), Int64(width))
        for place in 0..<range.count { out[place] = -out[place] }
    }

    /// The score that users see.
    static func score(_ distance: Float, _ metric: VectorMetric) -> Float {
        metric == .euclidean ? -max(distance, 0).squareRoot() : -distance
    }

    /// Brings vectors to length 1; zeros stay.
    static func normalize(_ rows: UnsafeMutableBufferPointer<Float>, width: Int) {
        for start in stride(from: 0, to: rows.count, by: width) {
            var sum = 0.0
            for place in start..<start + width { sum += Double(rows[place]) * Double(rows[place]) }
            guard sum > 0 else { continue }
            let scale = 1 / sum.squareRoot()
            for place in start..<start + width { rows[place] = Float(Double(rows[place]) * scale) }
        }
    }
}
