import YuyanFileFormats
import YuyanModels
import YuyanTokenizers

// The tokenizer and the text encoder that a recipe asks for.

extension Tokenizer {
    /// What tells this tokenizer from others: the SHA-256 of its document, in hex.
    var fingerprint: String { SHA256.hex(of: tokenizerDocument().printedBytes(indent: nil)) }

    /// What a model of data's tokens learns from.
    ///
    /// - Parameter data: The data's own fingerprint.
    /// - Returns: That of data and tokenizer together.
    func fingerprint(on data: String) -> String { SHA256.hex(of: "\(data)\n\(fingerprint)".utf8) }
}

extension Recipe {
    /// The tokenizer that the recipe names, that of the model it begins with, or one learned from texts.
    ///
    /// - Parameters:
    ///   - texts: What to learn from; made only when it is needed.
    ///   - report: Told how far it is.
    /// - Returns: The tokenizer.
    /// - Throws: Errors of files and settings, or `CancellationError`.
    func makeTokenizer(
        _ texts: () -> [String],
        report: @escaping (TaskEvent) -> Void
    ) throws -> any Tokenizer {
        if let path = tokenizer.path ?? model.path {
            if tokenizer.path == nil { report(CorpusEvent.reusingTokenizer(path: path).taskEvent) }
            return try TokenizerFiles.load(anywhere: path)
        }
        return try TokenizerLearner.learnAsLoaded(tokenizer, texts()) { report($0.taskEvent) }
    }

    /// The fields of the encoder's configuration: those of the model that the recipe begins with, or the recipe's own.
    ///
    /// - Parameters:
    ///   - tokenizer: The tokenizer.
    ///   - complete: Makes the task's configuration of fields and gives back all its fields; that of text encoders when nil.
    /// - Returns: The fields.
    /// - Throws: `FileFormatError`, or ``RecipeError`` when the tokenizer has more tokens than the model, or this is not as
    ///   the recipe says.
    func encoderFields(
        _ tokenizer: any Tokenizer,
        complete: ((ConfigurationReader) throws -> [(String, JSONValue)])? = nil
    ) throws -> JSONObject {
        guard let path = model.path else {
            var object = model.network
            object["model_type"] = .string(model.family)
            object["vocab_size"] = .integer(tokenizer.vocabularySize)
            return object
        }
        let object = try fieldsToBeginWith(path) { reader in
            JSONObject(try complete?(reader) ?? TextEncoderFamilies.configuration(reader).fields)
        }
        let rows = object["vocab_size"]?.integerValue ?? 0
        guard rows >= tokenizer.vocabularySize else {
            throw RecipeError(
                "model.path: \(path) has \(rows) tokens, the tokenizer \(tokenizer.vocabularySize); use the model's own"
            )
        }
        return object
    }

    /// The encoder of fields.
    ///
    /// - Parameter fields: The fields, `model_type` among them.
    /// - Returns: Its configuration.
    /// - Throws: ``RecipeError`` that names the field.
    func encoderConfiguration(_ fields: JSONObject) throws -> any TextEncoderConfiguration {
        do {
            return try TextEncoderFamilies.configuration(ConfigurationReader(.object(fields)))
        } catch {
            throw RecipeError("model.\(error)")
        }
    }
}
