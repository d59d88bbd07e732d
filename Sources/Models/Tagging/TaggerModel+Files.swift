import YuyanCheckpoints

extension TaggerModel {
    /// Reads a model folder: `config.json` and the weights beside it.
    ///
    /// - Parameter folder: The folder.
    /// - Throws: `FileFormatError` naming the file and the field or tensor that is wrong.
    public convenience init(folder: String) throws {
        let reader = try ConfigurationReader(contentsOf: "\(folder)/config.json")
        let configuration = try reader.naming { try TaggerConfiguration($0) }
        let count = try reader.labelCount(most: 1 << 20)
        let files = try WeightFiles(path: folder)
        var random = RandomSource(seed: 0)
        self.init(configuration, labelCount: count, random: &random)
        try loadParameters(from: files)
    }

    /// Writes `config.json` and `model.safetensors`.
    ///
    /// The folder must exist. Each file appears whole or not at all.
    ///
    /// - Parameters:
    ///   - folder: The folder.
    ///   - labels: The names of the labels; `id2label` and `label2id` tell them.
    /// - Throws: `FileFormatError` when the disk refuses.
    public func save(to folder: String, labels: [String]) throws(FileFormatError) {
        var object = JSONObject(configuration.fields)
        object["num_labels"] = .integer(labelCount)
        object.setLabels(labels)
        try JSONValue.object(object).write(to: "\(folder)/config.json")
        try saveParameters(to: "\(folder)/model.safetensors")
    }
}
