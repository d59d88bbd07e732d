import CKernels
import YuyanFileFormats

/// Numbers in memory, or in a tensor of a mapped file.
enum NumberStorage<Number: BitwiseCopyable & Sendable>: @unchecked Sendable {
    case memory([Number])
    /// A file, and the place of the numbers in it.
    case file(SafetensorsFile, UnsafeBufferPointer<Number>)

    /// Lends the numbers.
    func withNumbers<Result>(_ body: (UnsafeBufferPointer<Number>) throws -> Result) throws -> Result {
        switch self {
        case .memory(let numbers): try numbers.withUnsafeBufferPointer(body)
        case .file(let file, let numbers): try withExtendedLifetime(file) { try body(numbers) }
        }
    }

    /// The numbers of a mapped file, which stay where they are as long as the storage lives; nil for others.
    var mapped: UnsafeBufferPointer<Number>? {
        guard case .file(_, let numbers) = self else { return nil }
        return numbers
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
        // The file stays mapped as long as this holds it.
        let bytes = try file.withBytes(of: name) { $0 }
        guard bytes.baseAddress.map({ Int(bitPattern: $0) % MemoryLayout<Number>.alignment == 0 }) ?? true
        else {
            throw FileFormatError(
                .unsupported,
                path: file.path,
                at: .key(name),
                "its numbers do not stand at a multiple of their size; write the file again"
            )
        }
        self = .file(file, bytes.assumingMemoryBound(to: Number.self))
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
}
