import Foundation
import YuyanFileFormats

/// Where the training of a linear model keeps its state, so that a training that is stopped goes on to the same
/// weights, bit for bit.
///
/// The state is written again and again while the training runs and when it is asked to stop, whole or not at all. A
/// training that finds the file goes on from it; one with other data or options refuses it. The file stays until it is
/// removed by whoever named it, when the model is kept.
public struct LinearTrainingState {
    /// The file.
    public let path: String
    /// After how many seconds a running training writes it again; at most a twentieth of the time is spent on it.
    public let saveSeconds: Double
    let goingOn: (Int) -> Void

    /// Names a file.
    ///
    /// - Parameters:
    ///   - path: the file; its folder must exist.
    ///   - saveSeconds: after how many seconds a running training writes it again.
    ///   - goingOn: is told the iteration in which a stopped training goes on.
    public init(path: String, saveSeconds: Double = 60, goingOn: @escaping (Int) -> Void = { _ in }) {
        (self.path, self.saveSeconds, self.goingOn) = (path, saveSeconds, goingOn)
    }
}

/// Writes the state of a minimisation while it runs, and finds it again.
struct MinimizationKeeper {
    /// What a minimisation has besides its vectors.
    struct Place {
        /// The iteration that comes next.
        var iteration: Int
        /// The last values, the newest at the end: `historyLength` at most.
        var values: [Double]
    }

    private let state: LinearTrainingState
    /// What must be the same for a minimisation to go on.
    private let identity: String
    private var saving: StateSaving

    init(_ state: LinearTrainingState, identity: String) {
        (self.state, self.identity) = (state, identity)
        saving = StateSaving(seconds: state.saveSeconds)
    }

    var isDue: Bool { saving.isDue }

    mutating func save(_ place: Place, _ numbers: MinimizationVectors) throws {
        let own = self
        try saving.save { try own.write(place, numbers) }
    }

    private func write(_ place: Place, _ numbers: MinimizationVectors) throws(FileFormatError) {
        let lists = [("curvatures", numbers.curvatures), ("values", place.values)]
        let writer = try SafetensorsWriter(
            path: state.path,
            metadata: ["identity": identity, "iteration": String(place.iteration)],
            entries: numbers.lasting.map { .init($0.name, .f64, [numbers.count]) }
                + lists.map { .init($0.0, .f64, [$0.1.count]) } + [.init("checksum", .u8, [32])]
        )
        var hash = begunHash(place.iteration)
        for (name, vector) in numbers.lasting {
            let bytes = UnsafeRawBufferPointer(UnsafeBufferPointer(start: vector, count: numbers.count))
            hash.update(bytes)
            try writer.write(bytes, to: name)
        }
        for (name, list) in lists {
            list.withUnsafeBytes { hash.update($0) }
            try writer.write(elements: list, to: name)
        }
        try writer.write(elements: hash.digest(), to: "checksum")
        try writer.finish()
    }

    /// Fills the vectors from the file and tells where the minimisation goes on; nil where there is no file.
    ///
    /// - Throws: `FileFormatError` when the file is damaged or is the state of another training.
    func restore(_ numbers: MinimizationVectors, maximumIterations: Int) throws -> Place? {
        guard FileManager.default.fileExists(atPath: state.path) else { return nil }
        let place = try read(numbers)
        guard place.iteration < maximumIterations else {
            throw FileFormatError(
                .mismatch,
                path: state.path,
                at: .key("iteration"),
                "the training has made \(place.iteration) iterations, and \(maximumIterations) are asked for; ask for "
                    + "more, or remove the file to begin anew"
            )
        }
        state.goingOn(place.iteration)
        return place
    }

    private func read(_ numbers: MinimizationVectors) throws -> Place {
        let file = try SafetensorsFile(path: state.path)
        guard file.metadata["identity"] == identity else {
            throw FileFormatError(
                .mismatch,
                path: state.path,
                at: .key("identity"),
                "is the state of a training with other data or options; remove the file to begin anew"
            )
        }
        func fail(_ key: String, _ problem: String) -> FileFormatError {
            FileFormatError(.malformed, path: state.path, at: .key(key), problem)
        }
        guard let iteration = Int(file.metadata["iteration"] ?? ""), iteration > 0 else {
            throw fail("iteration", "a number above 0 is needed; remove the file to begin anew")
        }
        let curvatures = try file.elements(of: "curvatures", dtype: .f64, as: Double.self)
        let values = try file.elements(of: "values", dtype: .f64, as: Double.self)
        guard curvatures.count <= numbers.memory else {
            throw fail("curvatures", "\(curvatures.count) numbers; at most \(numbers.memory) are kept")
        }
        guard (1...LimitedMemoryBFGS.historyLength).contains(values.count) else {
            throw fail("values", "\(values.count) values; 1 to \(LimitedMemoryBFGS.historyLength) are kept")
        }
        numbers.makePairs(curvatures)
        var hash = begunHash(iteration)
        for (name, vector) in numbers.lasting {
            let entry = try file.entry(name)
            guard entry.dtype == .f64, entry.shape == [numbers.count] else {
                throw fail(
                    name,
                    "is \(entry.dtype.rawValue) \(entry.shape); F64 [\(numbers.count)] is needed"
                )
            }
            try file.withBytes(of: name) { bytes in
                hash.update(bytes)
                UnsafeMutableRawBufferPointer(start: vector, count: bytes.count).copyMemory(from: bytes)
            }
        }
        for list in [curvatures, values] { list.withUnsafeBytes { hash.update($0) } }
        guard try file.elements(of: "checksum", dtype: .u8, as: UInt8.self) == hash.digest() else {
            throw fail("checksum", "is that of other content: the file is damaged; remove it to begin anew")
        }
        return Place(iteration: iteration, values: values)
    }

    private func begunHash(_ iteration: Int) -> SHA256 {
        var hash = SHA256()
        hash.update(Array("\(iteration) \(identity)".utf8))
        return hash
    }
}

/// What a training learns from, as a hash.
struct TrainingFingerprint {
    private var hash = SHA256()

    /// Adds a text, so that no other division into texts has the same hash.
    mutating func add(_ text: String) {
        var text = text
        add(count: text.utf8.count)
        text.withUTF8 { hash.update(UnsafeRawBufferPointer($0)) }
    }

    mutating func add(_ numbers: [Int32]) {
        add(count: numbers.count)
        numbers.withUnsafeBytes { hash.update($0) }
    }

    mutating func add(count: Int) {
        withUnsafeBytes(of: UInt64(count).littleEndian) { hash.update($0) }
    }

    var hex: String { hash.hexDigest() }
}
