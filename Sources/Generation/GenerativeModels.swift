import YuyanModels

/// Folders of models that continue texts.
public enum GenerativeModels {
    /// The families by what `config.json` calls them; what is not named here is a decoder, which knows its own names.
    private static let families: [String: @Sendable (String) throws -> any GenerativeModel] = [
        NGramLanguageModel.modelType: { try NGramLanguageModel(folder: $0) }
    ]

    /// Opens a model folder to generate with.
    ///
    /// - Parameter folder: The folder.
    /// - Returns: The model, set to evaluation.
    /// - Throws: When a file is missing or does not fit.
    public static func open(_ folder: String) throws -> any GenerativeModel {
        if let type = try ModelFolder.modelType(folder), let open = families[type] { return try open(folder) }
        let model = try DecoderModel(folder: folder)
        model.setTraining(false)
        if standardBackend.prefersBF16 { model.computeDType = .bf16 }
        return model
    }
}
