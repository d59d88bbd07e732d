import Yams
import YuyanFileFormats
import YuyanTraining

// How a recipe's task, read before everything else, decides over keys and defaults.

extension Recipe {
    /// Takes the defaults of the task and family that a document and settings name.
    mutating func begin(_ document: Node.Mapping?, _ overrides: [String]) throws {
        let named = Self.last("task", in: overrides) ?? document?["task"]?.scalar?.string
        let family =
            Self.last("family", section: "model", in: overrides)
            ?? document?["model"]?.mapping?["family"]?.scalar?.string
        self = try Recipe(task: named ?? task, family: family)
    }

    /// The keys of a section that a document and settings give.
    private static func given(
        _ section: String,
        _ document: Node.Mapping?,
        _ overrides: [String]
    ) -> Set<String> {
        var given: Set<String> = []
        for (key, value) in document?[section]?.mapping ?? [:] where value.null == nil {
            given.insert(key.scalar?.string ?? "")
        }
        for setting in overrides {
            let name = setting.prefix { $0 != "=" }
            let key = name.hasPrefix("\(section).") ? String(name.dropFirst(section.count + 1)) : String(name)
            if RecipeScalar(text: String(setting.dropFirst(name.count + 1)), isQuoted: false).isNull {
                given.remove(key)
            } else {
                given.insert(key)
            }
        }
        return given
    }

    /// Completes settings by those that were given, and lets the task complete the recipe.
    mutating func finish(_ document: Node.Mapping?, _ overrides: [String]) throws {
        noteGiven(Self.given("model", document, overrides))
        let given = Self.given("training", document, overrides)
        let metric = training.metricForBestModel
        if given.contains("metric_for_best_model") {
            if !metric.hasPrefix("eval_") { training.metricForBestModel = "eval_" + metric }
            if !given.contains("greater_is_better") {
                training.greaterIsBetter = !Self.isBetterWhenSmaller(metric)
            }
        }
        if !given.contains("eval_strategy"), given.contains("eval_steps") || given.contains("eval_interval") {
            training.evalStrategy = "steps"
        }
        if !given.contains("save_strategy"), given.contains("save_steps") { training.saveStrategy = "steps" }
        try taskDescription.finish(&self, given)
    }

    private static func isBetterWhenSmaller(_ metric: String) -> Bool {
        ["loss", "perplexity", "bits_per", "error", "brier"].contains { metric.contains($0) }
    }

    /// The section that has a key whose value is a mapping.
    func mappingOwner(of key: String) -> String? {
        let isData = taskDescription.dataFields.contains { $0.key == key && $0.assignMember != nil }
        return isData ? "data" : nil
    }

    /// Says which families of models have a key that the recipe's family lacks; nil when none has.
    func familyWords(_ key: String) -> String? {
        let owners = taskDescription.families.filter { family in
            family.name != model.family
                && family.fields.contains { $0.key == key || $0.aliases.contains(key) }
        }
        guard !owners.isEmpty else { return nil }
        let names = owners.map(\.name).joined(separator: ", ")
        return "; model.family is \(model.family), and it is a key of \(names)"
    }

    /// Whether a key of `model` belongs to other families of the task and not to the recipe's.
    func isOfAnotherFamily(_ key: String) -> Bool {
        let own = taskDescription.modelFields(model.family)
        return !own.contains { $0.key == key || $0.aliases.contains(key) } && familyWords(key) != nil
    }

    /// Whether the last of the settings that give a key of a section says that it has no value.
    static func isTakenBack(_ key: String, section: String, in overrides: [String]) -> Bool {
        last(key, section: section, in: overrides).map { RecipeScalar(text: $0, isQuoted: false).isNull }
            ?? false
    }

    /// The value of a key in the last of the settings that give it.
    private static func last(_ key: String, section: String? = nil, in overrides: [String]) -> String? {
        let names = [key] + (section.map { ["\($0).\(key)"] } ?? [])
        for setting in overrides.reversed() {
            for name in names where setting.hasPrefix("\(name)=") {
                return String(setting.dropFirst(name.count + 1))
            }
        }
        return nil
    }

    /// The scalars of a value: itself, the elements of a list with commas between them, or the members of a mapping under
    /// `key.member`.
    static func scalars(_ node: Node, _ key: String, _ place: String) throws -> [(String, RecipeScalar)] {
        func scalar(_ scalar: Node.Scalar) -> RecipeScalar {
            let quoted = scalar.style == .doubleQuoted || scalar.style == .singleQuoted
            return RecipeScalar(text: scalar.string, isQuoted: quoted)
        }
        if let value = node.scalar { return [(key, scalar(value))] }
        if let mapping = node.mapping {
            return try mapping.map { member, value in
                guard let name = member.scalar?.string, let inner = value.scalar else {
                    throw RecipeError("\(place).\(key) must be a mapping of names to single values")
                }
                return ("\(key).\(name)", scalar(inner))
            }
        }
        let items = (node.sequence.map { Array($0) } ?? []).map { $0.scalar?.string }
        guard !items.contains(nil) else {
            throw RecipeError("\(place).\(key) must be a list of single values")
        }
        let text = items.compactMap { $0 }.joined(separator: ",")
        return [(key, RecipeScalar(text: text, isQuoted: false, isList: true))]
    }

    /// A setting's value for a key that takes lists: in brackets it is the list that it would be in a file.
    static func list(_ value: RecipeScalar, _ key: String, _ place: String) throws -> RecipeScalar {
        try bracketed(value, key, place).flatMap { try scalars($0, key, place).first?.1 } ?? value
    }

    /// What a setting's value in brackets would be in a file; nil without brackets.
    static func bracketed(_ value: RecipeScalar, _ key: String, _ place: String) throws -> Node? {
        guard !value.isQuoted, value.text.hasPrefix("["), value.text.hasSuffix("]") else { return nil }
        do {
            return try Yams.compose(yaml: value.text)
        } catch {
            throw RecipeError("\(place).\(key) must be a list as [a, b], not \"\(value.text)\"")
        }
    }

    /// Says where a value stands that something else refused.
    static func stating<Result>(_ place: String, _ key: String, _ body: () throws -> Result) throws -> Result
    {
        do {
            return try body()
        } catch let error as FileFormatError {
            throw RecipeError("\(place): \(key): \(error.message)")
        }
    }
}
