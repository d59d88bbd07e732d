import YuyanDatasets
import YuyanFileFormats
import YuyanMetrics
import YuyanReports
import YuyanTraining

/// What a run of any task tells.
public enum TaskEvent {
    /// How far a long step is; the text is made when it is shown.
    case status(() -> String)
    /// Something that the user should read.
    case note(String)
    /// The trainer's own.
    case training(TrainingEvent)
}

/// What preparing came to.
public struct TaskPreparation: Sendable {
    /// Tables for the terminal.
    public let plain: String
    /// Where the report with pictures is; nil when there is none.
    public let reportPath: String?
}

/// Data to judge a model by, instead of the run's own validation data.
public struct EvaluationData: Sendable {
    /// The files, separated by commas; nil for the run's own validation data.
    public var path: String?
    /// Settings for reading them that differ from the recipe's.
    public var settings: JSONObject

    /// Names data.
    ///
    /// - Parameters:
    ///   - path: The files, separated by commas; nil for the run's own validation data.
    ///   - settings: Settings for reading them that differ from the recipe's.
    public init(path: String? = nil, settings: JSONObject = JSONObject()) {
        self.path = path
        self.settings = settings
    }
}

/// A figure of an evaluation.
public struct TaskFigure: Sendable, Equatable {
    /// Its name, as JSON has it.
    public let name: String
    /// Its value.
    public let value: Double
    /// Where the true value should lie; nil where that is not estimated.
    public let interval: ConfidenceInterval?
    /// Whether it counts something.
    public let isCount: Bool

    /// A figure.
    ///
    /// - Parameters:
    ///   - name: Its name.
    ///   - value: Its value.
    ///   - interval: Where the true value should lie.
    ///   - isCount: Whether it counts something.
    public init(_ name: String, _ value: Double, interval: ConfidenceInterval? = nil, isCount: Bool = false) {
        (self.name, self.value, self.interval, self.isCount) = (name, value, interval, isCount)
    }
}

/// What an evaluation found.
public struct TaskEvaluation: Sendable {
    /// The figures, the most telling first.
    public let figures: [TaskFigure]
    /// Further results for the evaluation file, beside the figures.
    public let details: JSONObject
    /// Tables for the terminal.
    public let plain: String
    /// A page with pictures; nil when the task has none.
    public let page: ReportPage?
    /// Makes what each example came to, for comparisons.
    var outcomes: (@Sendable () throws -> ExampleOutcomes)?

    /// The figures as one JSON object: each by its name, with `NAME_interval: [low, high]` where there is one.
    public var json: JSONObject {
        var object = JSONObject()
        for figure in figures where figure.value.isFinite {
            object[figure.name] = figure.isCount ? .integer(Int(figure.value)) : .number(figure.value)
            if let interval = figure.interval, interval.low.isFinite, interval.high.isFinite {
                object["\(figure.name)_interval"] = [.number(interval.low), .number(interval.high)]
            }
        }
        return object
    }

    /// The figures and the further results.
    public var document: JSONValue {
        var object = json
        for (key, value) in details { object[key] = value }
        return .object(object)
    }
}

/// A trained model that answers rows of input.
public protocol TaskPredictor {
    /// The fields of a row.
    var inputRoles: [ExampleRole] { get }
    /// Settings for reading files, as the run's recipe had them.
    var dataSettings: DataSettings { get }
    /// The key under which the rows of a JSON object stand where settings name none; nil for no such key.
    var recordsKey: String? { get }

    /// The column of a field where settings name none.
    ///
    /// - Parameters:
    ///   - role: The field.
    ///   - format: The format of the file.
    /// - Returns: The column.
    func usualColumn(_ role: String, in format: DataFormat) -> ColumnReference

    /// The row of a text that is given by itself.
    ///
    /// - Parameters:
    ///   - text: The text, as `--text` gives it.
    ///   - pair: The second text of a pair, as `--pair` gives it; nil when there is none.
    /// - Returns: The row.
    /// - Throws: ``RecipeError`` that names the option when rows are made of other things.
    func row(text: String, pair: String?) throws -> Record

    /// Makes sure that a row can be answered.
    ///
    /// - Parameter row: The row.
    /// - Throws: What `predict` would say of it, without its place.
    func check(_ row: Record) throws

    /// Answers rows, one JSON object for each, in their order.
    ///
    /// - Parameter rows: The rows.
    /// - Returns: The answers.
    /// - Throws: When a row lacks a field.
    func predict(_ rows: [Record]) throws -> [JSONObject]
}

extension TaskPredictor {
    /// The column of the field's own name.
    public func usualColumn(_ role: String, in format: DataFormat) -> ColumnReference { .name(role) }

    /// No key.
    public var recordsKey: String? { nil }

    /// The text in the first field, and a second one in that of its pair.
    public func row(text: String, pair: String?) throws -> Record {
        let name = inputRoles.first?.name ?? "text"
        let place = RecordPlace(path: "--text", line: nil)
        guard let pair else { return Record(names: [name], values: [.text(text)], place: place) }
        let second = "\(name)_pair"
        guard inputRoles.contains(where: { $0.name == second }) else {
            throw RecipeError("--pair means nothing to this model, which knows no pairs of texts")
        }
        return Record(names: [name, second], values: [.text(text), .text(pair)], place: place)
    }
}

extension Record {
    /// What is made of the row; errors name its place.
    func stating<Made>(_ body: () throws -> Made) throws -> Made {
        do { return try body() } catch { throw RecipeError("\(place): \(error)") }
    }
}

/// A run of one task: what the commands `prepare`, `train`, `evaluate` and `predict` do.
///
/// The commands know this protocol alone; ``TaskCatalog`` finds the implementation that a recipe's `task` names.
public protocol TaskRun {
    /// The recipe.
    var recipe: Recipe { get }

    /// Makes data ready, or looks at them where there is nothing to make.
    ///
    /// - Parameter report: Told how far it is.
    /// - Returns: What came of it.
    /// - Throws: Errors that name file and place; `ResumableStop` or `CancellationError` after a signal.
    func prepare(report: @escaping (TaskEvent) -> Void) throws -> TaskPreparation

    /// Trains, going on from the newest whole checkpoint.
    ///
    /// - Parameter report: Told what happens.
    /// - Returns: How it ended.
    /// - Throws: Errors that name what is wrong; checkpoints written before stay.
    func train(report: @escaping (TaskEvent) -> Void) throws -> TrainingOutcome

    /// Judges a trained model.
    ///
    /// - Parameters:
    ///   - folder: The model folder.
    ///   - data: The data to judge by.
    ///   - report: Told how far it is.
    /// - Returns: The figures.
    /// - Throws: When files are missing or do not fit.
    func evaluate(
        folder: String,
        data: EvaluationData,
        report: @escaping (TaskEvent) -> Void
    ) throws -> TaskEvaluation

    /// Opens a trained model for answers.
    ///
    /// - Parameter folder: The model folder.
    /// - Returns: What answers.
    /// - Throws: When files are missing or do not fit, or the task has no answers of this kind.
    func predictor(folder: String) throws -> any TaskPredictor

    /// Opens a trained model for explanations of its answers.
    ///
    /// - Parameter folder: The model folder.
    /// - Returns: What explains.
    /// - Throws: When files are missing or do not fit, or the task has no explanations.
    func explainer(folder: String) throws -> any TaskExplainer
}

extension TaskRun {
    /// None.
    public func explainer(folder: String) throws -> any TaskExplainer {
        throw RecipeError(
            "\(folder) is a model of \(recipe.task), which has no explanations yet; classifiers, taggers, models "
                + "that answer questions and models that write texts for texts have"
        )
    }
}

/// The tasks that recipes name.
public enum TaskCatalog {
    static var all: [TaskDescription] {
        [
            .languageModeling, .maskedLanguageModeling, .textClassification, .tokenClassification,
            .semanticRoles, .questionAnswering, .sequenceToSequence, .textEmbedding,
        ]
    }

    /// The names of the tasks.
    public static var names: [String] { all.map(\.name) }

    static func task(named name: String) -> TaskDescription? { all.first { $0.name == name } }

    /// The run that a recipe asks for.
    ///
    /// - Parameters:
    ///   - recipe: The recipe.
    ///   - registryFolder: The folder whose `.yuyan/runs.sqlite` records the run; nil for no record.
    ///   - version: The program's version, for the record.
    /// - Returns: The run.
    /// - Throws: ``RecipeError`` for a task that does not exist.
    public static func run(
        _ recipe: Recipe,
        registryFolder: String?,
        version: String
    ) throws -> any TaskRun {
        guard let task = task(named: recipe.task) else { throw unknown(recipe.task) }
        return task.makeRun(recipe, registryFolder, version)
    }

    static func unknown(_ name: String) -> RecipeError {
        let near = NameSuggestion.words(for: name, among: names)
        return RecipeError("task is \(name); there are \(names.joined(separator: ", "))\(near)")
    }
}

/// What is particular to a task: its keys, its defaults, its runs.
struct TaskDescription {
    /// Its name in recipes.
    let name: String
    /// The keys of the section `data`.
    let dataFields: [RecipeField<DataRecipe>]
    /// The keys of the section `generation`; none where the task writes no texts.
    var generationFields: [RecipeField<GenerationRecipe>] = []
    /// The families of models, the default first.
    let families: [ModelFamily]
    /// Changes the defaults of a new recipe.
    let defaults: (inout Recipe) -> Void
    /// Completes a recipe that was read, told which keys of `training` were given; throws ``RecipeError``.
    let finish: (inout Recipe, Set<String>) throws -> Void
    /// Makes the run of a recipe: recipe, folder of the registry, version.
    let makeRun: (Recipe, String?, String) -> any TaskRun

    func family(named name: String) -> ModelFamily? { families.first { $0.name == name } }

    /// The keys of the section `model` with a family.
    func modelFields(_ family: String) -> [RecipeField<ModelRecipe>] {
        let own = self.family(named: family)?.fields ?? []
        return [.text("family", at: \.family, oneOf: families.map(\.name))] + own
    }
}

/// What is particular to a family of models within a task.
struct ModelFamily {
    /// Its name in recipes.
    let name: String
    /// Its keys that become fields of a configuration.
    let settings: [NetworkSetting]
    /// All its keys of the section `model`.
    let fields: [RecipeField<ModelRecipe>]
    /// What `model_type` of a model that a run begins with may say; empty where that is checked elsewhere.
    let modelTypes: [String]
    /// Changes the task's defaults of a new recipe.
    let defaults: (inout Recipe) -> Void

    /// A family of networks.
    ///
    /// - Parameters:
    ///   - name: Its name in recipes.
    ///   - settings: Its keys.
    ///   - modelTypes: What `model_type` of a model that a run begins with may say; the name alone when nil.
    ///   - hasPath: Whether there is a key for such a model.
    ///   - defaults: Changes the task's defaults of a new recipe; the settings have their usual values then.
    init(
        _ name: String,
        _ settings: [NetworkSetting],
        modelTypes: [String]? = nil,
        hasPath: Bool = true,
        defaults: @escaping (inout Recipe) -> Void = { _ in }
    ) {
        self.name = name
        self.settings = settings
        fields = settings.map(\.field) + (hasPath ? [.optionalText("path", at: \.path)] : [])
        self.modelTypes = modelTypes ?? [name]
        self.defaults = { recipe in
            for setting in settings { recipe.model.network[setting.key] = setting.usual }
            defaults(&recipe)
        }
    }

    /// A family whose keys are properties of ``ModelRecipe``.
    init(_ name: String, fields: [RecipeField<ModelRecipe>]) {
        (self.name, self.fields) = (name, fields)
        (settings, modelTypes, defaults) = ([], [], { _ in })
    }
}

extension Recipe {
    /// The defaults of a task and a family of models.
    ///
    /// - Parameters:
    ///   - name: The task's name.
    ///   - familyName: The family's name; the task's first when nil.
    /// - Throws: ``RecipeError`` when there is none of the name.
    public init(task name: String, family familyName: String? = nil) throws {
        self.init()
        guard let task = TaskCatalog.task(named: name) else { throw TaskCatalog.unknown(name) }
        self.task = name
        task.defaults(&self)
        let chosen = familyName ?? task.families.first?.name ?? ""
        guard let family = task.family(named: chosen) else {
            let known = task.families.map(\.name)
            let near = NameSuggestion.words(for: chosen, among: known)
            throw RecipeError(
                "model.family is \(chosen); for \(name) there are \(known.joined(separator: ", "))\(near)"
            )
        }
        model.family = chosen
        family.defaults(&self)
    }

    /// What is particular to the recipe's task; language modelling's for a task that does not exist.
    var taskDescription: TaskDescription { TaskCatalog.task(named: task) ?? .languageModeling }
}
