import YuyanCheckpoints
import YuyanFileFormats

extension WordVectors {
    /// What `config.json` calls a folder of vectors.
    public static let modelType = "word-vectors"

    /// Reads a folder that `save(to:)` wrote, or a file of vectors.
    ///
    /// - Parameter path: the folder or file.
    /// - Throws: `FileFormatError` naming the file and what is wrong in it.
    public init(path: String) throws {
        do {
            let reader = try ConfigurationReader(contentsOf: "\(path)/config.json")
            try self.init(folder: path, reader)
        } catch let error as FileFormatError where error.code == .notFound || error.code == .inputOutput {
            try self.init(contentsOf: path)
        }
    }

    private init(folder: String, _ reader: ConfigurationReader) throws {
        try reader.expectModelType(Self.modelType)
        let dimension = try reader.requiredInteger("dimension")
        guard (1...Self.maximumDimension).contains(dimension) else {
            throw FileFormatError(
                .limitExceeded,
                path: reader.path,
                at: .key("dimension"),
                "is \(dimension); it must be from 1 to \(Self.maximumDimension)"
            )
        }
        let words = try uniqueStrings("\(folder)/vocabulary.json", "a word")
        let file = try SafetensorsFile(path: "\(folder)/vectors.safetensors")
        func numbers(_ name: String, _ shape: [Int]) throws -> [Float] {
            try file.expect(shape, of: name, from: "the configuration and the vocabulary")
            return try file.elements(of: name, dtype: .f32, as: Float.self)
        }
        var counts: [Int] = []
        if file.tensors["counts"] != nil {
            counts = try file.elements(of: "counts", dtype: .i64, as: Int64.self).map { Int($0) }
            guard counts.count == words.count else {
                throw FileFormatError(
                    .mismatch,
                    path: file.path,
                    at: .key("counts"),
                    "\(counts.count) counts for \(words.count) words"
                )
            }
        }
        var subwords: SubwordVectors?
        if let own = try reader.object("subwords") {
            let options = SubwordOptions(
                minimumLength: try own.requiredInteger("minimum_length"),
                maximumLength: try own.requiredInteger("maximum_length"),
                bucketCount: try own.requiredInteger("buckets")
            )
            guard options.minimumLength >= 1, options.maximumLength >= options.minimumLength,
                options.bucketCount >= 1
            else {
                throw FileFormatError(
                    .malformed,
                    path: reader.path,
                    at: .key("subwords"),
                    "the sizes contradict"
                )
            }
            let buckets = try numbers("buckets", [options.bucketCount, dimension])
            subwords = SubwordVectors(options: options, dimension: dimension, vectors: buckets)
        }
        self.init(
            words: words,
            dimension: dimension,
            vectors: try numbers("vectors", [words.count, dimension]),
            counts: counts,
            subwords: subwords
        )
    }

    /// Writes `vectors.safetensors`, `vocabulary.json` and, last, `config.json`.
    ///
    /// The folder must exist. Each file appears whole or not at all.
    ///
    /// - Parameter folder: the folder.
    /// - Throws: `FileFormatError` when the disk refuses.
    public func save(to folder: String) throws(FileFormatError) {
        var entries: [SafetensorsWriter.Entry] = [.init("vectors", .f32, [count, dimension])]
        if !counts.isEmpty { entries.append(.init("counts", .i64, [count])) }
        if let subwords { entries.append(.init("buckets", .f32, [subwords.options.bucketCount, dimension])) }
        let writer = try SafetensorsWriter(path: "\(folder)/vectors.safetensors", entries: entries)
        try writer.write(elements: vectors, to: "vectors")
        if !counts.isEmpty { try writer.write(elements: counts.map { Int64($0) }, to: "counts") }
        if let subwords { try writer.write(elements: subwords.vectors, to: "buckets") }
        try writer.finish()
        try JSONValue.array(words.map { .string($0) }).write(to: "\(folder)/vocabulary.json", indent: nil)
        var object: JSONObject = JSONObject()
        object["model_type"] = .string(Self.modelType)
        object["dimension"] = .integer(dimension)
        object["words"] = .integer(count)
        if let options = subwords?.options {
            object["subwords"] = [
                "minimum_length": .integer(options.minimumLength),
                "maximum_length": .integer(options.maximumLength),
                "buckets": .integer(options.bucketCount),
            ]
        }
        try JSONValue.object(object).write(to: "\(folder)/config.json")
    }
}

/// A JSON list of texts, none twice.
func uniqueStrings(_ path: String, _ what: String) throws(FileFormatError) -> [String] {
    let value = try JSONValue(contentsOf: path)
    guard let list = value.arrayValue else {
        throw FileFormatError(.malformed, path: path, "a list is needed, found \(value.kindName)")
    }
    var (strings, seen): ([String], Set<String>) = ([], [])
    for (place, entry) in list.enumerated() {
        guard let string = entry.stringValue else {
            throw FileFormatError(.malformed, path: path, at: .key("\(place)"), "\(what) must be a text")
        }
        guard seen.insert(string).inserted else {
            throw FileFormatError(.duplicate, path: path, at: .key("\(place)"), "'\(string)' comes twice")
        }
        strings.append(string)
    }
    return strings
}
