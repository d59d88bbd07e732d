import Yams
import YuyanDatasets
import YuyanFileFormats

extension DataRecipe {
    /// The files and folders to learn from: those of the list, or the one of ``train``.
    var corpus: [CorpusSource] {
        let all = sources.isEmpty ? (train.isEmpty ? [] : [CorpusSource(train)]) : sources
        let usual = Self.textFormat(format)
        return all.map { source in
            var source = source
            source.format = source.format ?? usual
            return source
        }
    }

    /// The formats by their names in recipes, besides `auto`.
    static let formats: [(name: String, format: TextFormat)] = [
        ("text", .plain), ("jsonl", .jsonLines), ("csv", .csv), ("tsv", .tsv), ("json", .json),
    ]

    static func textFormat(_ name: String) -> TextFormat? { formats.first { $0.name == name }?.format }

    /// Takes a list of sources in, which wins over a path that was there.
    mutating func take(_ list: Node.Sequence, _ reader: TrainingSourceReader) throws {
        (train, sources) = ("", try reader.sources(list))
    }

    /// The value of `train` as a recipe writes it.
    var trainJSON: JSONValue {
        sources.isEmpty ? .string(train) : .array(sources.map(TrainingSourceReader.json))
    }
}

/// Reads a list of `data.train`: paths, and mappings of a path with what is particular about it.
struct TrainingSourceReader {
    /// What messages call the recipe.
    let file: String

    private static let keys = ["path", "weight", "format", "text_column"]

    func sources(_ nodes: Node.Sequence) throws -> [CorpusSource] {
        guard !nodes.isEmpty else {
            throw RecipeError("\(file): data.train is an empty list; name what to learn from")
        }
        return try nodes.map(source)
    }

    private func source(_ node: Node) throws -> CorpusSource {
        if let scalar = node.scalar, node.null == nil { return CorpusSource(scalar.string) }
        guard let mapping = node.mapping else {
            throw RecipeError(
                "\(place(node)): an element of data.train is a path, or a mapping as { path: books/, weight: 2 }"
            )
        }
        var source = CorpusSource("")
        for (keyNode, value) in mapping {
            let key = keyNode.scalar?.string ?? ""
            guard Self.keys.contains(key) else {
                let near = NameSuggestion.words(for: key, among: Self.keys)
                throw RecipeError(
                    "\(place(keyNode)): an element of data.train has no key \(key)\(near); there are "
                        + Self.keys.joined(separator: ", ")
                )
            }
            guard let scalar = value.scalar else {
                throw RecipeError("\(place(value)): data.train.\(key) must be a single value")
            }
            if value.null != nil { continue }
            let quoted = scalar.style == .doubleQuoted || scalar.style == .singleQuoted
            try take(key, RecipeScalar(text: scalar.string, isQuoted: quoted), into: &source, place(keyNode))
        }
        guard !source.path.isEmpty else {
            throw RecipeError("\(place(node)): an element of data.train needs a path")
        }
        return source
    }

    private func take(
        _ key: String,
        _ value: RecipeScalar,
        into source: inout CorpusSource,
        _ place: String
    ) throws {
        switch key {
        case "path": source.path = value.text
        case "text_column": source.textColumn = value.text
        case "weight":
            guard let weight = value.number, weight > 0, weight <= CorpusPreparer.weightLimit else {
                throw RecipeError(
                    "\(place): data.train.weight must be a number above 0 and up to "
                        + "\(Int(CorpusPreparer.weightLimit)), not \"\(value.text)\""
                )
            }
            source.weight = weight
        default:
            if value.text == "auto" { return }
            guard let format = DataRecipe.textFormat(value.text) else {
                let names = DataRecipe.formats.map(\.name)
                throw RecipeError(
                    "\(place): data.train.format must be one of auto, \(names.joined(separator: ", ")), not "
                        + "\"\(value.text)\"\(NameSuggestion.words(for: value.text, among: names))"
                )
            }
            source.format = format
        }
    }

    /// A source as a recipe writes it.
    static func json(_ source: CorpusSource) -> JSONValue {
        var members = JSONObject()
        members["path"] = .string(source.path)
        members["weight"] = .number(source.weight)
        members["format"] = .string(
            DataRecipe.formats.first { $0.format == source.format }?.name ?? "auto"
        )
        if let column = source.textColumn { members["text_column"] = .string(column) }
        return .object(members)
    }

    private func place(_ node: Node) -> String { node.mark.map { "\(file):\($0.line)" } ?? file }
}
