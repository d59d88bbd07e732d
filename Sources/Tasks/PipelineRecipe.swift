import Yams
import YuyanDatasets
import YuyanFileFormats
import YuyanTextProcessing

/// One step of `data.pipeline`: an operator and its settings, or the name of a preset.
public struct PipelineStep: Sendable, Equatable {
    /// The operator's name in the catalogue.
    public var name: String
    /// Its settings.
    public var values: [String: OperatorValue]

    /// A step.
    ///
    /// - Parameters:
    ///   - name: The operator's name in the catalogue.
    ///   - values: Its settings.
    public init(_ name: String, _ values: [String: OperatorValue] = [:]) {
        self.name = name
        self.values = values
    }

    /// The steps of the preset of this name; the step itself when there is none.
    var expanded: [PipelineStep] {
        guard values.isEmpty, let preset = OperatorCatalog.presets.first(where: { $0.name == name }) else {
            return [self]
        }
        return preset.steps.map { PipelineStep($0.name, $0.values) }
    }

    var json: JSONValue {
        var settings = JSONObject()
        for (key, value) in values.sorted(by: { $0.key < $1.key }) {
            settings[key] =
                switch value {
                case .text(let text): .string(text)
                case .number(let number): .number(number)
                case .flag(let flag): .bool(flag)
                case .list(let texts): .array(texts.map { .string($0) })
                }
        }
        return [name: .object(settings)]
    }
}

extension DataRecipe {
    /// The operators of ``pipeline``, after those that `normalize` asks for.
    ///
    /// - Returns: The operators, first to last.
    /// - Throws: ``RecipeError`` that names the operator and key; what reading an operator's files throws.
    public func makePipeline() throws -> TextPipeline {
        var operators: [any TextOperator] = []
        if normalize { operators += [UnicodeNormalization(.nfc), NewlineNormalization()] }
        for step in pipeline.flatMap(\.expanded) {
            do {
                operators.append(try OperatorCatalog.make(step.name, step.values))
            } catch let error as OperatorError {
                throw RecipeError("data.pipeline: \(error)")
            }
        }
        return TextPipeline(operators)
    }

    /// The operator that `exclude_texts_of` asks for; it reads the files.
    ///
    /// - Returns: nil when no files are named.
    /// - Throws: `FileFormatError` that names the file and place.
    func makeContaminationFilter() throws -> ContaminationFilter? {
        let files = excludeTextsOf.split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) }
        if files.isEmpty { return nil }
        var texts: [String] = []
        _ = try DataKind.text.forEach(files, settings: DataSettings()) { texts += $0.texts }
        return ContaminationFilter(texts)
    }
}

/// Reads `data.pipeline`: one name, or a list of names and of mappings from a name to its settings.
struct PipelineReader {
    /// What messages call the recipe.
    let file: String

    func steps(_ node: Node) throws -> [PipelineStep] {
        if let sequence = node.sequence { return try sequence.map(step) }
        guard let names = node.scalar?.string else {
            throw RecipeError(
                "\(place(node)): data.pipeline must be a list of operators, each a name or a name with its settings"
            )
        }
        return Self.steps(named: names)
    }

    /// The steps of a list of names separated by commas, as the command line gives them.
    static func steps(named names: String) -> [PipelineStep] {
        names.split(separator: ",").map { PipelineStep($0.trimmingCharacters(in: .whitespaces)) }
    }

    private func step(_ node: Node) throws -> PipelineStep {
        if let name = node.scalar?.string { return PipelineStep(name) }
        guard let mapping = node.mapping, mapping.count == 1, let (key, settings) = mapping.first,
            let name = key.scalar?.string
        else {
            throw RecipeError(
                "\(place(node)): a step of data.pipeline is one operator's name with its settings"
            )
        }
        if settings.null != nil { return PipelineStep(name) }
        guard let members = settings.mapping else {
            throw RecipeError(
                "\(place(settings)): the settings of \(name) must be a mapping of keys to values"
            )
        }
        var step = PipelineStep(name)
        for (key, value) in members {
            guard let key = key.scalar?.string else {
                throw RecipeError("\(place(value)): a key of \(name) must be text")
            }
            step.values[key] = try self.value(value, "\(name).\(key)")
        }
        return step
    }

    private func value(_ node: Node, _ name: String) throws -> OperatorValue {
        if let sequence = node.sequence {
            return .list(
                try sequence.map { item in
                    guard let text = item.scalar?.string else {
                        throw RecipeError("\(place(item)): \(name) must be a list of texts")
                    }
                    return text
                }
            )
        }
        guard let scalar = node.scalar else {
            throw RecipeError("\(place(node)): \(name) must be a value or a list of texts")
        }
        let quoted = scalar.style == .doubleQuoted || scalar.style == .singleQuoted
        let written = RecipeScalar(text: scalar.string, isQuoted: quoted)
        if let number = written.number { return .number(number) }
        if !quoted, let flag = written.flag { return .flag(flag) }
        return .text(scalar.string)
    }

    private func place(_ node: Node) -> String { node.mark.map { "\(file):\($0.line)" } ?? file }
}
