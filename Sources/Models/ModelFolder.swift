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
