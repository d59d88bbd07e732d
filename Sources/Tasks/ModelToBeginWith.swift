import YuyanFileFormats
import YuyanModels

// What of a recipe holds for a model that the run begins with (`model.path`).

extension Recipe {
    /// The family of the recipe's model.
    private var family: ModelFamily? { taskDescription.family(named: model.family) }

    /// Keeps which keys of the section `model` were given, if the run begins with a model.
    mutating func noteGiven(_ names: Set<String>) {
        guard model.path != nil else { return }
        let fields = family?.fields ?? []
        let given = fields.filter { field in
            field.role != .task && ([field.key] + field.aliases).contains(where: names.contains)
        }
        model.given = Set(given.map(\.key))
    }

    /// Makes null what the model decides that the run begins with.
    func leaveOutTheModels(_ recipe: inout JSONObject) {
        guard model.path != nil, var section = recipe["model"]?.objectValue else { return }
        for field in family?.fields ?? [] where field.role != .task && !model.given.contains(field.key) {
            section[field.key] = .null
        }
        recipe["model"] = .object(section)
    }

    /// The fields of the model that the run begins with, with what the recipe tells such a model anew.
    ///
    /// - Parameters:
    ///   - path: The model's folder.
    ///   - fixed: Keys that are part of this model's architecture though they are not of others of the family, told by its
    ///     fields.
    ///   - complete: Makes a configuration of fields and gives back all its fields, by the recipe's names.
    /// - Returns: The fields.
    /// - Throws: `FileFormatError`; ``RecipeError`` when the model is of another family, or has not what the recipe gives.
    func fieldsToBeginWith(
        _ path: String,
        fixed: (JSONObject) -> Set<String> = { _ in [] },
        complete: (ConfigurationReader) throws -> JSONObject
    ) throws -> JSONObject {
        var object = try ConfigurationReader(folder: path).object
        if let type = object["model_type"]?.stringValue, family?.modelTypes.contains(type) == false {
            throw RecipeError(
                "model.path: \(path) has a model of the type \(type), and model.family is \(model.family)"
            )
        }
        let own = try complete(ConfigurationReader(folder: path, fields: object))
        let fixed = fixed(own)
        for setting in family?.settings ?? [] where model.given.contains(setting.key) {
            let (key, wanted) = (setting.key, model.network[setting.key] ?? .null)
            if own[key]?.isSame(as: wanted) == true { continue }
            if setting.role == .architecture || fixed.contains(key) {
                throw RecipeError.notTheModels(key, wanted, path, own[key])
            }
            object[key] = wanted
            let changed: JSONObject
            do {
                changed = try complete(ConfigurationReader(.object(object)))
            } catch let error as FileFormatError {
                throw RecipeError("model.\(key): \(error.message)")
            }
            guard changed[key]?.isSame(as: wanted) == true else {
                throw RecipeError.notTheModels(key, wanted, path, own[key])
            }
        }
        return object
    }

    /// Checks the sizes that were given against those of a decoder that the run begins with.
    ///
    /// - Parameters:
    ///   - configuration: The decoder's.
    ///   - path: Its folder.
    /// - Throws: ``RecipeError`` for one that it does not have.
    func check(_ configuration: DecoderConfiguration, _ path: String) throws {
        let own: KeyValuePairs<String, JSONValue> = [
            "layout": configuration.family.map { .string($0.rawValue) } ?? .null,
            "num_hidden_layers": .integer(configuration.numHiddenLayers),
            "hidden_size": .integer(configuration.hiddenSize),
            "num_attention_heads": .integer(configuration.numAttentionHeads),
            "num_key_value_heads": .integer(configuration.numKeyValueHeads),
            "intermediate_size": .integer(configuration.intermediateSize),
            "use_rezero": .bool(configuration.useRezero), "bias": .bool(configuration.attentionBias),
            "tie_word_embeddings": .bool(configuration.tieWordEmbeddings),
        ]
        for (key, value) in own where model.given.contains(key) {
            let wanted = ModelRecipe.fields.first { $0.key == key }?.read(model) ?? .null
            if !value.isSame(as: wanted) { throw RecipeError.notTheModels(key, wanted, path, value) }
        }
    }

    /// Says which parameters the model that the run begins with lacks.
    func tell(lacking names: [String], _ report: (TaskEvent) -> Void) {
        guard let path = model.path, !names.isEmpty else { return }
        report(.note("the model in \(path) has no \(names.joined(separator: ", ")): they begin at random"))
    }
}

extension RecipeError {
    /// A key that the model decides with which the run begins.
    ///
    /// - Parameters:
    ///   - key: The key of the section `model`.
    ///   - wanted: What the recipe says.
    ///   - path: The model's folder or file.
    ///   - found: What the model has; nil if it has no such key.
    /// - Returns: The error, which names both values.
    static func notTheModels(
        _ key: String,
        _ wanted: JSONValue,
        _ path: String,
        _ found: JSONValue?
    ) -> RecipeError {
        let own = found.map { "has \($0.printed(indent: nil))" } ?? "has no such key"
        return RecipeError(
            "model.\(key) is \(wanted.printed(indent: nil)), and the model in \(path), with which the run begins, \(own); "
                + "leave the key out"
        )
    }
}

extension JSONValue {
    /// Whether two values are equal, numbers whatever way they were written.
    fileprivate func isSame(as other: JSONValue) -> Bool {
        if let number = numberValue, let second = other.numberValue { return number == second }
        return self == other
    }
}
