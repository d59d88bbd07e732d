import YuyanCheckpoints
import YuyanFileFormats

extension LinearChainCRFModel {
    /// Writes `model.safetensors`, `vocabulary.json` and, last, `config.json`.
    ///
    /// The folder must exist. Each file appears whole or not at all.
    ///
    /// - Parameter folder: the folder.
    /// - Throws: `FileFormatError` when the disk refuses.
    public func save(to folder: String) throws(FileFormatError) {
        let writer = try SafetensorsWriter(
            path: "\(folder)/model.safetensors",
            entries: [
                .init("weights", .f64, [features.count, tags.count]),
                .init("transitions", .f64, [tags.count, tags.count]),
            ]
        )
        try writer.write(elements: weights, to: "weights")
        try writer.write(elements: transitions, to: "transitions")
        try writer.finish()
        try JSONValue.array(features.map { .string($0) }).write(to: "\(folder)/vocabulary.json", indent: nil)
        let own = options.features
        let document: JSONValue = [
            "model_type": .string(Self.modelType), "tags": .array(tags.map { .string($0) }),
            "l1": .number(options.l1), "l2": .number(options.l2), "min_count": .integer(options.minimumCount),
            "value_tolerance": .number(options.valueTolerance), "tolerance": .number(options.tolerance),
            "max_iterations": .integer(options.maximumIterations), "iterations": .integer(iterations),
            "window": .integer(own.window), "affix_length": .integer(own.affixLength),
            "shapes": .bool(own.usesShapes), "pairs": .bool(own.usesPairs),
            "lowercase": .bool(own.lowercases),
        ]
        var members = document.objectValue ?? JSONObject()
        // Folders without the key are of characters where pairs are looked at.
        if own.isOfCharacters != own.usesPairs { members["characters"] = .bool(own.isOfCharacters) }
        if let templates = own.templates {
            members["templates"] = .array(templates.texts.map { .string($0) })
            members["columns"] = .array(templates.columns.map { .string($0) })
        }
        try JSONValue.object(members).write(to: "\(folder)/config.json")
    }

    /// Reads a folder that `save(to:)` wrote; the model gives the same tags.
    ///
    /// - Parameter folder: the folder.
    /// - Throws: `FileFormatError` naming the file and what is wrong in it.
    public init(folder: String) throws {
        let reader = try ConfigurationReader(contentsOf: "\(folder)/config.json")
        try reader.expectModelType(Self.modelType)
        var options = LinearChainCRFOptions()
        (options.l1, options.l2) = (try reader.number("l1") ?? 0, try reader.number("l2") ?? 1)
        options.minimumCount = try reader.integer("min_count") ?? 1
        options.valueTolerance = try reader.number("value_tolerance") ?? options.valueTolerance
        options.tolerance = try reader.number("tolerance") ?? options.tolerance
        options.maximumIterations = try reader.integer("max_iterations") ?? options.maximumIterations
        options.features.window = try reader.requiredInteger("window")
        options.features.affixLength = try reader.requiredInteger("affix_length")
        options.features.usesShapes = try reader.flag("shapes") ?? true
        options.features.usesPairs = try reader.flag("pairs") ?? false
        options.features.isOfCharacters = try reader.flag("characters") ?? options.features.usesPairs
        options.features.lowercases = try reader.flag("lowercase") ?? true
        options.features.templates = try Self.templates(reader)
        if let problem = options.problem { throw FileFormatError(.malformed, path: reader.path, problem) }
        let tags = (reader.object["tags"]?.arrayValue ?? []).compactMap(\.stringValue)
        guard !tags.isEmpty, Set(tags).count == tags.count else {
            throw FileFormatError(
                .malformed,
                path: reader.path,
                at: .key("tags"),
                "a list of different tags is needed"
            )
        }
        let features = try uniqueStrings("\(folder)/vocabulary.json", "a feature")
        let file = try SafetensorsFile(path: "\(folder)/model.safetensors")
        for (name, rows) in [("weights", features.count), ("transitions", tags.count)] {
            try file.expect([rows, tags.count], of: name, from: "tags and features")
        }
        self.init(
            options,
            tags,
            features,
            weights: try file.elements(of: "weights", dtype: .f64, as: Double.self),
            transitions: try file.elements(of: "transitions", dtype: .f64, as: Double.self),
            iterations: try reader.integer("iterations") ?? 0
        )
    }

    /// The templates of a model; nil where it has none, as older ones.
    private static func templates(_ reader: ConfigurationReader) throws -> FeatureTemplates? {
        func texts(_ key: String) throws -> [String]? {
            guard let value = reader.object[key], !value.isNull else { return nil }
            let found = value.arrayValue?.compactMap(\.stringValue)
            guard let found, found.count == value.arrayValue?.count else {
                throw FileFormatError(
                    .malformed,
                    path: reader.path,
                    at: .key(key),
                    "a list of texts is needed"
                )
            }
            return found
        }
        guard let found = try texts("templates") else { return nil }
        let columns = try texts("columns") ?? []
        do {
            let templates = try FeatureTemplates(found, columns: columns)
            guard templates.columns == columns else {
                throw FileFormatError(
                    .mismatch,
                    path: reader.path,
                    at: .key("columns"),
                    "are \(columns), but the templates look at \(templates.columns)"
                )
            }
            return templates
        } catch let error as LinearModelError {
            throw FileFormatError(.malformed, path: reader.path, at: .key("templates"), "\(error)")
        }
    }
}
