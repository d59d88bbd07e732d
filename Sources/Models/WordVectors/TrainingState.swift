import YuyanFileFormats
import YuyanTensorCore

/// The tables of a training and how far it is, as a file.
struct TrainingState {
    let tables: [NumberTable]
    let names: [String]
    /// Numbers that say how far it is.
    let place: [Int]
    /// What must be the same for a training to go on.
    let identity: String

    func write(to path: String) throws(FileFormatError) {
        let writer = try SafetensorsWriter(
            path: path,
            metadata: ["place": place.map(String.init).joined(separator: " "), "identity": identity],
            entries: zip(names, tables).map { .init($0, .f32, [$1.rows, $1.stride]) }
        )
        for (name, table) in zip(names, tables) {
            let count = table.rows * table.stride * MemoryLayout<Float>.stride
            try writer.write(UnsafeRawBufferPointer(start: table.values, count: count), to: name)
        }
        try writer.finish()
    }

    /// Fills the tables; returns the place.
    static func read(
        _ path: String,
        into tables: [NumberTable],
        names: [String],
        placeCounts: [Int],
        identity: String
    ) throws -> [Int] {
        let file = try SafetensorsFile(path: path)
        guard file.metadata["identity"] == identity else {
            throw WordVectorError(
                .otherTraining,
                "\(path) is of a training with other text or options; remove it to begin anew"
            )
        }
        let place = (file.metadata["place"] ?? "").split(separator: " ").compactMap { Int($0) }
        guard placeCounts.contains(place.count), place.allSatisfy({ $0 >= 0 }) else {
            throw FileFormatError(
                .malformed,
                path: path,
                at: .key("place"),
                "\(placeCounts.map(String.init).joined(separator: " or ")) numbers are needed"
            )
        }
        for (name, table) in zip(names, tables) {
            let entry = try file.entry(name)
            guard entry.dtype == .f32, entry.shape == [table.rows, table.stride] else {
                throw FileFormatError(
                    .mismatch,
                    path: path,
                    at: .key(name),
                    "is \(entry.dtype.rawValue) \(entry.shape); F32 \([table.rows, table.stride]) is needed"
                )
            }
        }
        for (name, table) in zip(names, tables) {
            try file.withBytes(of: name) { bytes in
                UnsafeMutableRawBufferPointer(start: table.values, count: bytes.count).copyMemory(from: bytes)
            }
        }
        return place
    }
}
