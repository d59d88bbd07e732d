import YuyanDatasets
import YuyanFileFormats
import YuyanMetrics

/// Keys of the section `data` of tasks on labelled or structured rows.
public struct ExampleDataRecipe: Sendable, Equatable {
    /// How rows are read.
    public var settings = DataSettings()
    /// What happens to rows, beyond the training part, with labels that it does not have: `refuse` or `skip`.
    public var unknownLabels = "refuse"
    /// Whose rules compare answers: `auto` or one of `AnswerStandard`.
    public var answerStandard = "auto"
    /// The most tokens of a training batch of pairs of texts, both sides and padding included.
    public var batchTokens = 4096

    /// The defaults.
    public init() {}
}

extension DataRecipe {
    /// The files of a list separated by commas.
    static func files(_ list: String) -> [String] {
        list.split(separator: ",").map { $0.trimmingSpaces }.filter { !$0.isEmpty }
    }

    /// The keys of tasks on labelled or structured rows: files, division, and how rows are read.
    static var exampleFields: [RecipeField<DataRecipe>] {
        [
            .text("train", "dataset", at: \.train).orList,
            .optionalText("validation", at: \.validation).orList,
            .numberOrUsual("validation_fraction", at: \.validationFraction),
        ] + DataSettings.keys.filter { $0 != "multi_label" }.map(reading)
    }

    /// The keys of tasks on labels.
    static var labelFields: [RecipeField<DataRecipe>] {
        [
            .flag("multi_label", at: \.examples.settings.multiLabel),
            .text("unknown_labels", at: \.examples.unknownLabels, oneOf: ["refuse", "skip"]),
        ]
    }

    /// The keys of tasks on questions.
    static var answerFields: [RecipeField<DataRecipe>] {
        let names = ["auto"] + AnswerStandard.allCases.map(\.rawValue)
        return [.text("answer_standard", at: \.examples.answerStandard, oneOf: names)]
    }

    /// The keys of tasks on pairs of texts.
    static var pairFields: [RecipeField<DataRecipe>] {
        [.integer("batch_tokens", at: \.examples.batchTokens)]
    }

    /// A key of `DataSettings`, which knows what its value must be.
    private static func reading(_ key: String) -> RecipeField<DataRecipe> {
        RecipeField(
            key: key,
            aliases: [],
            wanted: "as data sets are read",
            assign: { section, scalar in
                if scalar.isNull, section.examples.settings.reset(key) { return true }
                var object = JSONObject()
                object[key] =
                    key == "format" && scalar.text == "auto"
                    ? .null : scalar.json(isText: textKeys.contains(key))
                try section.examples.settings.apply(object)
                return true
            },
            read: { $0.examples.settings.json[key] ?? .null },
            assignMember: { section, member, scalar in
                var members = section.examples.settings.json[key]?.objectValue ?? JSONObject()
                members[member] = scalar.isNull ? nil : scalar.json(isText: key != "columns")
                var object = JSONObject()
                object[key] = .object(members)
                try section.examples.settings.apply(object)
            }
        )
    }

    /// Keys whose values are text even where they look like numbers.
    private static let textKeys: Set<String> = [
        "delimiter", "label_separator", "list_separator", "records_key", "token_prefix",
    ]
}

extension Recipe {
    /// Takes what tasks on examples have in common where a recipe says nothing: a tenth to judge by, a linear fall of the
    /// learning rate, and an evaluation and a checkpoint after every epoch, of which the best is kept.
    ///
    /// - Parameter metric: The figure that says which is the best.
    mutating func learnExamples(best metric: String) {
        data.validationFraction = 0.1
        training.weightDecay = 0.01
        training.adamBeta2 = 0.999
        training.lrSchedulerType = "linear"
        training.minLrRatio = 0
        training.evalStrategy = "epoch"
        training.saveStrategy = "epoch"
        training.metricForBestModel = metric
        training.greaterIsBetter = true
    }
}

extension DataSettings {
    /// Takes over settings of the command line: members of mappings join those that are there, and null takes back.
    mutating func join(_ object: JSONObject) throws {
        var joined = object
        for (key, value) in object {
            if value.isNull { reset(key) }
            guard let members = value.objectValue else { continue }
            var all = json[key]?.objectValue ?? JSONObject()
            for (member, inner) in members { all[member] = inner }
            joined[key] = .object(all)
        }
        try apply(joined)
    }
}

extension Substring {
    /// Without spaces and tabs at its ends.
    var trimmingSpaces: String {
        var bytes = utf8[...]
        while let first = bytes.first, first == 32 || first == 9 { bytes.removeFirst() }
        while let last = bytes.last, last == 32 || last == 9 { bytes.removeLast() }
        return String(Substring(bytes))
    }
}

extension String {
    /// With a space for every tab and line end, so that it stands in a cell of tab-separated rows.
    public var onOneLine: String {
        String(decoding: utf8.map { [9, 10, 13].contains($0) ? 32 : $0 }, as: UTF8.self)
    }
}

extension RecipeScalar {
    /// The value as JSON: a number, truth value or text as it is written.
    func json(isText: Bool = false) -> JSONValue {
        if isQuoted || isText { return .string(text) }
        if let integer { return .integer(integer) }
        if let number { return .number(number) }
        if let flag { return .bool(flag) }
        return .string(text)
    }
}
