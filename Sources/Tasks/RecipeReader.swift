import Foundation
import Yams
import YuyanFileFormats
import YuyanTraining

extension Recipe {
    /// Reads a recipe from YAML.
    ///
    /// - Parameters:
    ///   - path: The file.
    ///   - overrides: `key=value` settings that win over the file; a key may carry its section (`training.seed`).
    /// - Throws: ``RecipeError`` with file, line and key for anything that is not understood.
    public init(path: String, overrides: [String] = []) throws {
        let text: String
        do {
            text = try SafeFile.readText(path, limit: 1 << 24)
        } catch {
            throw RecipeError("\(error)")
        }
        try self.init(yaml: text, name: path, overrides: overrides)
    }

    /// Reads a recipe from the text of a YAML document.
    ///
    /// - Parameters:
    ///   - yaml: The document.
    ///   - name: What messages call it.
    ///   - overrides: `key=value` settings that win.
    /// - Throws: ``RecipeError`` for anything that is not understood.
    public init(yaml: String, name: String, overrides: [String] = []) throws {
        self.init()
        let root: Node?
        do {
            root = try Yams.compose(yaml: yaml)
        } catch {
            throw RecipeError("\(name): \(error)".trimmingCharacters(in: .whitespacesAndNewlines))
        }
        try begin(root?.mapping, overrides)
        if let root, root.null == nil {
            guard let mapping = root.mapping else {
                throw RecipeError(
                    "\(name): a recipe is a mapping of task, data, tokenizer, model and training"
                )
            }
            for (key, value) in mapping { try take(key, value, name, overrides) }
        }
        for setting in overrides { try override(setting) }
        try finish(root?.mapping, overrides)
        try validate(name)
    }

    /// The sections; `generation` where the task writes texts.
    private var sections: [String] {
        ["task", "data", "tokenizer", "model", "training"]
            + (taskDescription.generationFields.isEmpty ? [] : ["generation"])
    }

    private mutating func take(_ keyNode: Node, _ value: Node, _ name: String, _ overrides: [String]) throws {
        let key = keyNode.scalar?.string ?? ""
        let place = Self.place(keyNode, name)
        if key == "task" {
            guard let scalar = value.scalar else { throw RecipeError("\(place): task must be text") }
            task = scalar.string
            return
        }
        guard sections.contains(key) else {
            let near = NameSuggestion.words(for: key, among: sections)
            throw RecipeError("\(place): a recipe has no section \(key)\(near)")
        }
        if value.null != nil { return }
        guard let mapping = value.mapping else {
            throw RecipeError(
                "\(Self.place(value, name)): the section \(key) must be a mapping of keys to values"
            )
        }
        for (inner, node) in mapping {
            let innerKey = inner.scalar?.string ?? ""
            if key == "data", innerKey == "pipeline", node.null == nil,
                taskDescription.dataFields.contains(where: { $0.key == innerKey })
            {
                data.pipeline = try PipelineReader(file: name).steps(node)
                continue
            }
            if key == "data", takesSources(innerKey), let list = node.sequence {
                try data.take(list, TrainingSourceReader(file: name))
                continue
            }
            if node.null != nil { continue }
            if key == "model", isOfAnotherFamily(innerKey),
                Self.isTakenBack(innerKey, section: key, in: overrides)
            {
                continue
            }
            guard node.mapping == nil || mappingOwner(of: innerKey) == key else {
                throw RecipeError("\(Self.place(node, name)): \(key).\(innerKey) must be a single value")
            }
            for (path, scalar) in try Self.scalars(node, innerKey, "\(Self.place(node, name)): \(key)") {
                try assign(section: key, key: path, scalar, place: Self.place(inner, name))
            }
        }
    }

    /// Whether a key of the section `data` may list sources of text, which have settings of their own.
    private func takesSources(_ key: String) -> Bool {
        taskDescription.dataFields.contains {
            $0.key == "train" && !$0.takesList && ($0.key == key || $0.aliases.contains(key))
        }
    }

    private mutating func override(_ setting: String) throws {
        guard let equals = setting.firstIndex(of: "="), equals != setting.startIndex else {
            throw RecipeError(
                "\(setting): a setting is written key=value, for example training.max_steps=1000"
            )
        }
        let name = String(setting[..<equals])
        let value = RecipeScalar(text: String(setting[setting.index(after: equals)...]), isQuoted: false)
        if name == "task" {
            task = value.text
            return
        }
        if let dot = name.firstIndex(of: ".") {
            let section = String(name[..<dot])
            if let owner = mappingOwner(of: section) {
                return try assign(section: owner, key: name, value, place: setting)
            }
            guard sections.contains(section) else {
                let near = NameSuggestion.words(for: section, among: sections)
                throw RecipeError("\(setting): a recipe has no section \(section)\(near)")
            }
            try assign(section: section, key: String(name[name.index(after: dot)...]), value, place: setting)
            return
        }
        let owners = sections.filter { keys(of: $0).contains(name) }
        switch owners.count {
        case 1: try assign(section: owners[0], key: name, value, place: setting)
        case 0 where value.isNull && isOfAnotherFamily(name): break
        case 0:
            let all = sections.flatMap { keys(of: $0) }
            let near = familyWords(name) ?? NameSuggestion.words(for: name, among: all)
            throw RecipeError("\(setting): a recipe has no key \(name)\(near)")
        default:
            let choices = owners.map { "\($0).\(name)" }.joined(separator: " or ")
            throw RecipeError("\(setting): \(name) stands in several sections; write \(choices)")
        }
    }

    private func keys(of section: String) -> [String] {
        switch section {
        case "data": taskDescription.dataFields.flatMap { [$0.key] + $0.aliases }
        case "tokenizer": TokenizerRecipe.fields.flatMap { [$0.key] + $0.aliases }
        case "model": taskDescription.modelFields(model.family).flatMap { [$0.key] + $0.aliases }
        case "training": TrainingArguments.fields.flatMap { [$0.key] + $0.aliases }
        case "generation": taskDescription.generationFields.flatMap { [$0.key] + $0.aliases }
        default: []
        }
    }

    private mutating func assign(section: String, key: String, _ value: RecipeScalar, place: String) throws {
        switch section {
        case "data":
            if takesSources(key), let list = try Self.bracketed(value, key, "\(place): \(section)")?.sequence
            {
                try data.take(list, TrainingSourceReader(file: place))
                return
            }
            try assign(taskDescription.dataFields, to: \.data, section, key, value, place)
        case "tokenizer": try assign(TokenizerRecipe.fields, to: \.tokenizer, section, key, value, place)
        case "model" where key == "family": break  // The recipe began with it.
        case "model" where value.isNull && isOfAnotherFamily(key): break
        case "model":
            try assign(taskDescription.modelFields(model.family), to: \.model, section, key, value, place)
        case "generation":
            try assign(taskDescription.generationFields, to: \.generation, section, key, value, place)
        default: try assign(TrainingArguments.fields, to: \.training, section, key, value, place)
        }
    }

    private mutating func assign<Section>(
        _ fields: [RecipeField<Section>],
        to path: WritableKeyPath<Recipe, Section>,
        _ section: String,
        _ key: String,
        _ value: RecipeScalar,
        _ place: String
    ) throws {
        if let dot = key.firstIndex(of: "."),
            let take = fields.first(where: { $0.key == key[..<dot] })?.assignMember
        {
            try Self.stating(place, "\(section).\(key)") {
                try take(&self[keyPath: path], String(key[key.index(after: dot)...]), value)
            }
            return
        }
        guard let field = fields.first(where: { $0.key == key || $0.aliases.contains(key) }) else {
            let near =
                (section == "model" ? familyWords(key) : nil)
                ?? NameSuggestion.words(for: key, among: fields.flatMap { [$0.key] + $0.aliases })
            throw RecipeError("\(place): \(section) has no key \(key)\(near)")
        }
        let value = field.takesList ? try Self.list(value, key, "\(place): \(section)") : value
        guard !value.isList || field.takesList else {
            throw RecipeError("\(place): \(section).\(key) must be a single value")
        }
        if value.isNull, let takeUsual = field.takeUsual {
            let usual = try Recipe(task: task, family: model.family)
            return takeUsual(&self[keyPath: path], usual[keyPath: path])
        }
        let isTaken = try Self.stating(place, "\(section).\(key)") {
            try field.assign(&self[keyPath: path], value)
        }
        guard isTaken else {
            throw RecipeError("\(place): \(section).\(key) must be \(field.wanted), not \"\(value.text)\"")
        }
    }

    private static func place(_ node: Node, _ name: String) -> String {
        node.mark.map { "\(name):\($0.line)" } ?? name
    }

    /// The most entries of a vocabulary, of which models have a row each.
    private static let mostTokens = 1 << 28

    private func validate(_ name: String) throws {
        guard data.validationFraction > 0, data.validationFraction < 1 else {
            throw RecipeError(
                "\(name): data.validation_fraction is \(data.validationFraction); it must lie between 0 and 1"
            )
        }
        guard tokenizer.minFrequency >= 0 else {
            throw RecipeError(
                "\(name): tokenizer.min_frequency is \(tokenizer.minFrequency); it must not be negative"
            )
        }
        guard tokenizer.vocabSize <= Self.mostTokens else {
            throw RecipeError(
                "\(name): tokenizer.vocab_size is \(tokenizer.vocabSize); it must be at most \(Self.mostTokens)"
            )
        }
        if let threshold = data.nearDuplicates, !(threshold > 0 && threshold < 1) {
            throw RecipeError("\(name): data.near_duplicates is \(threshold); it must lie between 0 and 1")
        }
        guard model.dropout >= 0, model.dropout < 1 else {
            throw RecipeError("\(name): model.dropout is \(model.dropout); it must be from 0 to below 1")
        }
        do {
            _ = try data.makePipeline()
        } catch {
            throw RecipeError("\(name): \(error)")
        }
        do {
            try training.validate()
        } catch {
            throw RecipeError("\(name): training.\(error)")
        }
    }

    /// The recipe with every key, as JSON: what a run records.
    public var resolved: JSONValue {
        func section<Section>(_ fields: [RecipeField<Section>], _ value: Section) -> JSONValue {
            var object = JSONObject()
            for field in fields { object[field.key] = field.read(value) }
            return .object(object)
        }
        var object = JSONObject()
        object["task"] = .string(task)
        object["data"] = section(taskDescription.dataFields, data)
        object["tokenizer"] = section(TokenizerRecipe.fields, tokenizer)
        object["model"] = section(taskDescription.modelFields(model.family), model)
        leaveOutTheModels(&object)
        object["training"] = section(TrainingArguments.fields, training)
        let writing = taskDescription.generationFields
        if !writing.isEmpty { object["generation"] = section(writing, generation) }
        return .object(object)
    }
}
