import YuyanCheckpoints

extension TextClassifierModel {
    /// Reads a model folder: `config.json` and the weights beside it.
    ///
    /// - Parameter folder: The folder.
    /// - Throws: `FileFormatError` naming the file and the field or tensor that is wrong.
    public convenience init(folder: String) throws {
        let reader = try ConfigurationReader(contentsOf: "\(folder)/config.json")
        let configuration = try TextEncoderFamilies.configuration(reader)
        let count = try reader.labelCount(most: 1 << 24)
        let dropout = try reader.number("classifier_dropout") ?? 0
        guard dropout >= 0, dropout < 1 else {
            throw FileFormatError(
                .malformed,
                path: reader.path,
                at: .key("classifier_dropout"),
                "\(dropout) must lie in 0..<1"
            )
        }
        let files = try WeightFiles(path: folder)
        var random = RandomSource(seed: 0)
        self.init(configuration, classCount: count, dropout: dropout, random: &random)
        try loadParameters(from: files, map: configuration.keyMap)
    }

    /// Writes `config.json` and `model.safetensors`.
    ///
    /// The folder must exist. Each file appears whole or not at all.
    ///
    /// - Parameters:
    ///   - folder: The folder.
    ///   - labels: The names of the classes; `id2label` and `label2id` tell them.
    ///   - isMultiLabel: Whether a text may have any number of them; `problem_type` tells it.
    /// - Throws: `FileFormatError` when the disk refuses.
    public func save(to folder: String, labels: [String], isMultiLabel: Bool) throws(FileFormatError) {
        var object = JSONObject()
        object["model_type"] = .string(configuration.modelType)
        for (key, value) in configuration.fields { object[key] = value }
        object["classifier_dropout"] = .number(Double(dropout.probability))
        object["num_labels"] = .integer(classCount)
        object["problem_type"] = .string(
            isMultiLabel ? "multi_label_classification" : "single_label_classification"
        )
        object.setLabels(labels)
        try JSONValue.object(object).write(to: "\(folder)/config.json")
        try saveParameters(to: "\(folder)/model.safetensors", map: configuration.keyMap)
    }

    /// Reads the encoder's weights from another model's folder; the layer on top stays as it is.
    ///
    /// - Parameter folder: A folder of a model of the same family and sizes; its own layers on top are passed over.
    /// - Returns: The parameters of the pooling that a model with another lacks; they stay as they are.
    /// - Throws: `FileFormatError` naming file and key of what is missing or of another shape.
    @discardableResult public func loadEncoder(folder: String) throws -> [String] {
        try encoder.loadEncoder(folder: folder, configuration)
    }
}

extension TextEncoder {
    /// Reads the encoder's weights from a model's folder, whatever pooling and layers stand on top there; the parameters
    /// of this one's pooling that are not there.
    func loadEncoder(folder: String, _ configuration: any TextEncoderConfiguration) throws -> [String] {
        try loadParameters(
            from: WeightFiles(path: folder),
            map: configuration.keyMap.part(below: "encoder.", of: self),
            optional: poolingPaths
        )
    }
}

extension KeyMap {
    /// The table of a part of a model, for files of other models with the same part.
    ///
    /// - Parameters:
    ///   - path: The part's path with its full stop.
    ///   - part: The part.
    /// - Returns: A table of the part's own paths, for ``WeightFiles`` that hold heads beside it.
    func part(below path: String, of part: any Module) -> KeyMap {
        let own = part.namedParameters().compactMap { item -> KeyMapping? in
            guard let mapping = mapping(of: path + item.name) else { return nil }
            if mapping.rows.isEmpty {
                return KeyMapping(item.name, mapping.keys[0], isTransposed: mapping.isTransposed)
            }
            return KeyMapping(item.name, parts: zip(mapping.keys, mapping.rows).map { (key: $0, rows: $1) })
        }
        return KeyMap(
            own,
            optionalPrefixes: optionalPrefixes,
            ignoredKeys: ignoredKeys,
            ignoredPrefixes: [
                "classifier.", "crf.", "cls.", "qa_outputs.", "bert.pooler.", "encoder.attention.",
                "encoder.scores.",
            ]
        )
    }
}
