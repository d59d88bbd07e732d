import YuyanFileFormats
import YuyanModels

// What of a recipe holds for a model that the run begins with (`model.path`).

extension Recipe {
    /// The family of the recipe's model.
    private var family: ModelFamily? { taskDescription.family(named: model.family) }

    /// Leaves the network's settings that were not given to the model that the run begins with.
    ///
    /// - Parameter given: The keys of the section `model` that were given.
    /// - Throws: ``RecipeError`` for a given size of a decoder, which is as large as it is.
    mutating func leaveToTheModel(except given: Set<String>) throws {
        guard let path = model.path, let family else { return }
        for setting in family.settings where setting.role != .task && !given.contains(setting.key) {
            model.network[setting.key] = .null
        }
        for field in family.fields where field.isOfNewModels {
            for name in [field.key] + field.aliases where given.contains(name) {
                throw RecipeError(
                    "model.\(name): the run begins with the model in \(path), which has sizes and parts of its own; leave "
                        + "the key out"
                )
            }
        }
    }

    /// The fields of the model that the run begins with, and of the recipe what such a model can be told anew.
    ///
    /// Dropout, pooling and the longest text are the recipe's where it gives them. Sizes and parts are the model's.
    ///
    /// - Parameters:
    ///   - path: The model's folder.
    ///   - written: The fields as the family's configuration of some fields writes them.
    /// - Returns: The fields.
    /// - Throws: `FileFormatError`; ``RecipeError`` when the model is of another family, or has not what the recipe gives.
    func fieldsToBeginWith(
        _ path: String,
        written: (ConfigurationReader) throws -> JSONObject
    ) throws -> JSONObject {
        func fields(_ object: JSONObject) throws -> JSONObject {
            try written(ConfigurationReader(folder: path, fields: object))
        }
        var object = try ConfigurationReader(folder: path).object
        let type = object["model_type"]?.stringValue ?? ""
        guard let family, family.modelTypes.contains(type) else {
            throw RecipeError(
                "model.path: \(path) has a model of the type \(type), and model.family is \(model.family)"
            )
        }
        let own = try fields(object)
        for setting in family.settings where setting.role != .task {
            guard let wanted = model.network[setting.key], !wanted.isNull else { continue }
            let key = setting.key
            var changed = object
            changed[key] = wanted
            if let found = own[key] ?? object[key] {
                if found.isSame(as: wanted) { continue }
                guard setting.role == .behavior else {
                    throw RecipeError(
                        "model.\(key) is \(wanted.printed(indent: nil)), and the model in \(path), with which the run "
                            + "begins, has \(found.printed(indent: nil)); leave the key out"
                    )
                }
            } else if try setting.role == .architecture || fields(changed) == own {
                throw RecipeError(
                    "model.\(key): the model in \(path), with which the run begins, has no such key; leave it out"
                )
            }
            object = changed
        }
        return object
    }

    /// Says which parameters the model that the run begins with lacks.
    func tell(lacking names: [String], _ report: (TaskEvent) -> Void) {
        guard let path = model.path, !names.isEmpty else { return }
        report(.note("the model in \(path) has no \(names.joined(separator: ", ")): they begin at random"))
    }
}

extension JSONValue {
    /// Whether two values are equal, numbers whatever way they were written.
    fileprivate func isSame(as other: JSONValue) -> Bool {
        if let number = numberValue, let second = other.numberValue { return number == second }
        return self == other
    }
}
