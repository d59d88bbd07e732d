import Foundation
import YuyanDatasets
import YuyanFileFormats
import YuyanMetrics
import YuyanModels
import YuyanTraining

/// Named entities, parts of speech and other tags of tokens, and semantic roles: tagged sentences → model, figures.
struct TaggingRun: TaskRun {
    let recipe: Recipe
    let registryFolder: String?
    let version: String
    let kind: TaggingKind

    private var family: TaggerFamily {
        get throws {
            guard let family = TaggerFamily.named(recipe.model.family) else {
                throw RecipeError("model.family is \(recipe.model.family), which is no family of taggers")
            }
            return family
        }
    }

    func prepare(report: @escaping (TaskEvent) -> Void) throws -> TaskPreparation {
        let preparation = try recipe.inspectExamples(as: kind.dataKind, report: report)
        for note in try TaggingData(recipe, kind).notes { report(.note(note)) }
        return preparation
    }

    func train(report: @escaping (TaskEvent) -> Void) throws -> TrainingOutcome {
        let family = try family
        let data = try TaggingData(recipe, kind)
        for note in data.notes { report(.note(note)) }
        let outcome = try family.train(self, data, report)
        try RunCard(
            title: "A tagger trained with Yuyan \(version)",
            summary: "\(recipe.model.family), \(data.labels.count) tags",
            fingerprint: data.fingerprint,
            facts: [
                "\(data.training.count) \(kind.itemName) to learn from, \(data.validation.count) to judge by"
            ],
            labels: data.labels
        ).write(recipe, outcome)
        return outcome
    }

    func evaluate(
        folder: String,
        data source: EvaluationData,
        report: @escaping (TaskEvent) -> Void
    ) throws -> TaskEvaluation {
        try recipe.checkShare(of: folder, source)
        let tagger = try family.open(recipe, folder)
        let sentences = try kind.sentences(
            of: recipe.reading(source.settings),
            toJudgeBy: source.path,
            report: report
        )
        let scoring = kind.scoring(tagger.tags)
        let notes = scoring.notes(on: sentences, by: tagger.tags, name: kind.itemName)
        for note in notes { report(.note(note)) }
        let predictions = try tagger.tags(sentences.map(\.input)) { done in
            report(.status { "evaluating: \(done) of \(sentences.count) sentences" })
            return StopSignal.received == nil
        }
        report(.status { "estimating intervals" })
        let figures = try TaggingFigures(sentences, predictions: predictions, scoring: scoring)
        return try TaggingReportPage(
            figures: figures,
            labels: tagger.tags,
            subject: EvaluationSubject(recipe, folder: folder, data: source),
            notes: notes
        ).evaluation()
    }

    func predictor(folder: String) throws -> any TaskPredictor {
        predictor(try family.open(recipe, folder))
    }

    private func predictor(_ tagger: any SentenceTagging) -> TaggingPredictor {
        TaggingPredictor(
            tagger: tagger,
            kind: kind,
            marksSpans: kind.scoring(tagger.tags).marksSpans,
            dataSettings: recipe.data.examples.settings
        )
    }

    func explainer(folder: String) throws -> any TaskExplainer {
        TaggingExplainer(predictor: predictor(try family.open(recipe.exact, folder)))
    }
}

/// A trained tagger that answers rows.
struct TaggingPredictor: TaskPredictor {
    let tagger: any SentenceTagging
    let kind: TaggingKind
    let marksSpans: Bool
    let dataSettings: DataSettings

    var inputRoles: [ExampleRole] {
        [ExampleRole("tokens")] + tagger.columns.map { ExampleRole($0) }
            + (kind == .roles ? [ExampleRole("predicates", isRequired: false)] : [])
    }

    func usualColumn(_ role: String, in format: DataFormat) -> ColumnReference {
        kind == .roles
            ? SemanticRoleExample.usualColumn(role, in: format) : TaggingExample.usualColumn(role, in: format)
    }

    func predict(_ rows: [Record]) throws -> [JSONObject] {
        let sentences = try rows.map { row in try row.stating { try sentence(row) } }
        let inputs = sentences.flatMap(\.inputs)
        var all = try tagger.tags(inputs) { _ in StopSignal.received == nil }[...]
        return try sentences.map { tokens, own in
            defer { all = all.dropFirst(own.count) }
            return try answer(tokens, own, Array(all.prefix(own.count)))
        }
    }

    func check(_ row: Record) throws { _ = try sentence(row) }

    /// The tokens of a row, and the sentence once for each of its predicates where there are such.
    func sentence(_ row: Record) throws -> (tokens: [String], inputs: [TaggerInput]) {
        // A text of its own, or a line of a file of texts.
        let name = row["tokens"] == nil ? "text" : "tokens"
        let separator = dataSettings.listSeparator
        var tokens: [String]
        if case .text(let text)? = row[name], separator == " " {
            tokens = tagger.tokens(of: text)
        } else if let list = try row.list(name, separator: separator) {
            tokens = list
        } else {
            throw RecipeError("the row has no tokens")
        }
        guard kind == .roles else {
            return (tokens, [TaggerInput(tokens, columns: try columns(row, count: tokens.count))])
        }
        var places: [Int] = []
        if let marks = try row.list("predicates", separator: separator) {
            guard marks.count == tokens.count else {
                throw RecipeError("\(tokens.count) tokens for \(marks.count) places of predicates")
            }
            places = marks.indices.filter { marks[$0] != "_" && !marks[$0].isEmpty }
        } else {
            for place in tokens.indices where tokens[place].utf8.count > 2 {
                guard tokens[place].hasPrefix("["), tokens[place].hasSuffix("]") else { continue }
                tokens[place] = String(tokens[place].dropFirst().dropLast())
                places.append(place)
            }
            guard !places.isEmpty || tokens.isEmpty else {
                throw RecipeError(
                    "no predicate is given: write it in brackets, as 'She [gave] him a book', or name a column "
                        + "'predicates' that has _ for every token that is none"
                )
            }
        }
        return (tokens, places.map { TaggerInput(tokens, predicate: $0) })
    }

    /// The values of the further columns that the tagger looks at.
    private func columns(_ row: Record, count: Int) throws -> [[String]] {
        try tagger.columns.map { name in
            guard let values = try row.list(name, separator: dataSettings.listSeparator) else {
                throw RecipeError(
                    "the model looks at the column '\(name)' of every token, which is not given here; give a file that has "
                        + "it: --input FILE --set format=conll columns.\(name)=1, or JSONL with lists 'tokens' and '\(name)'"
                )
            }
            guard values.count == count else {
                throw RecipeError(
                    "\(values.count) values of '\(name)' for \(count) tokens; each token needs one"
                )
            }
            return values
        }
    }

    func answer(
        _ tokens: [String],
        _ inputs: [TaggerInput],
        _ tags: [[String]]
    ) throws -> JSONObject {
        var object = JSONObject()
        object["tokens"] = .array(tokens.map { .string($0) })
        guard kind == .roles else {
            object["tags"] = .array((tags.first ?? []).map { .string($0) })
            if marksSpans { object["entities"] = .array(try spans(tokens, tags.first ?? [], key: "type")) }
            return object
        }
        object["predicates"] = .array(
            try zip(inputs, tags).map { input, tags in
                let place = input.predicate ?? 0
                let arguments =
                    marksSpans ? try spans(tokens, tags, key: "role") : heads(tokens, tags)
                return [
                    "token": .integer(place), "text": .string(tokens[place]),
                    "tags": .array(tags.map { .string($0) }), "arguments": .array(arguments),
                ]
            }
        )
        return object
    }

    private func spans(_ tokens: [String], _ tags: [String], key: String) throws -> [JSONValue] {
        let joint = tagger.isOfCharacters ? "" : " "
        return try labelledSpans(TagScoring.readable(tags)).map { span in
            [
                key: .string(span.label), "start": .integer(span.start), "end": .integer(span.end),
                "text": .string(tokens[span.start..<span.end].joined(separator: joint)),
            ]
        }
    }

    private func heads(_ tokens: [String], _ tags: [String]) -> [JSONValue] {
        tags.indices.filter { tags[$0] != "_" && tags[$0] != "V" }.map { place in
            ["role": .string(tags[place]), "token": .integer(place), "text": .string(tokens[place])]
        }
    }
}
