import YuyanCheckpoints
import YuyanFileFormats

/// What all model folders have.
public enum ModelFolder {
    /// What a folder's `config.json` says that the model is.
    ///
    /// - Parameter folder: The folder.
    /// - Returns: `model_type`; nil when the file does not say.
    /// - Throws: `FileFormatError` when the file is missing or no JSON object.
    public static func modelType(_ folder: String) throws(FileFormatError) -> String? {
        try ConfigurationReader(contentsOf: "\(folder)/config.json").string("model_type")
    }
}

extension JSONObject {
    /// Adds the names of labels as transformers' configurations have them: `id2label` and `label2id`.
    ///
    /// - Parameter labels: The names, by number.
    mutating func setLabels(_ labels: [String]) {
        var (names, numbers) = (JSONObject(), JSONObject())
        for (number, label) in labels.enumerated() {
            names.append(String(number), .string(label))
            numbers.append(label, .integer(number))
        }
        self["id2label"] = .object(names)
        self["label2id"] = .object(numbers)
    }
}

extension ConfigurationReader {
    /// The number of labels that a configuration tells, by `num_labels` or by its names in `id2label`; 2, as in
    /// transformers, where it has neither.
    ///
    /// - Parameter most: The most labels.
    /// - Returns: The number, from 1 to `most`.
    /// - Throws: `FileFormatError` that names the key.
    func labelCount(most: Int) throws(FileFormatError) -> Int {
        let names = try object("id2label")
        let count = try integer("num_labels") ?? names?.object.count ?? 2
        guard (1...most).contains(count) else {
            throw FileFormatError(
                .malformed,
                path: path,
                at: .key("num_labels"),
                "\(count) must lie in 1...\(most)"
            )
        }
        return count
    }
}
