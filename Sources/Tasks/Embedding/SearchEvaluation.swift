import YuyanDatasets
import YuyanFileFormats
import YuyanMetrics
import YuyanModels
import YuyanReports

/// Questions with the names of texts that answer them.
public struct SearchQuestions: Sendable {
    /// The questions.
    public private(set) var questions: [String] = []
    /// The relevant texts of each with their grades.
    public private(set) var relevant: [[String: Double]] = []

    /// Reads rows of a question and what is relevant to it.
    ///
    /// The question is in `query`; in `relevant` is a name, a list of names or an object of names and grades, and names in
    /// one text are separated by spaces. Rows of one question may be several, and a grade may stand in a column of its own.
    ///
    /// - Parameters:
    ///   - paths: The files.
    ///   - settings: How they are read: the columns `query`, `relevant` and, where there is one, `grade`.
    /// - Throws: `FileFormatError` naming file and line.
    public init(_ paths: [String], settings: DataSettings) throws {
        var places: [String: Int] = [:]
        let reader = RecordReader(paths, settings: settings)
        while let row = try reader.next() {
            do {
                let question = try row.requiredText("query")
                let grade = try row.number("grade") ?? 1
                let found = try Self.grades(row, grade)
                if let place = places[question] {
                    relevant[place].merge(found) { max($0, $1) }
                } else {
                    places[question] = questions.count
                    questions.append(question)
                    relevant.append(found)
                }
            } catch {
                throw RecipeError("\(row.place): \(error)")
            }
        }
        guard !questions.isEmpty else {
            throw RecipeError("\(paths.joined(separator: ", ")): there are no questions")
        }
    }

    private static func grades(_ row: Record, _ grade: Double) throws -> [String: Double] {
        if case .json(.object(let members))? = row["relevant"] {
            var found: [String: Double] = [:]
            for (name, value) in members {
                guard let number = value.numberValue, number.isFinite else {
                    throw FileFormatError(
                        .mismatch,
                        at: .key("relevant.\(name)"),
                        "a grade is needed, a number"
                    )
                }
                found[name] = number
            }
            return found
        }
        guard let names = try row.list("relevant", separator: " ") else {
            throw FileFormatError(.missing, at: .key("relevant"), "the names of relevant texts are needed")
        }
        return Dictionary(names.map { ($0, grade) }, uniquingKeysWith: { one, _ in one })
    }
}

/// Judges an index by questions whose answers are known.
public enum SearchEvaluation {
    /// Asks questions and judges what is found.
    ///
    /// A relevant text that the index lacks counts as not found; how many such there are is a figure.
    ///
    /// - Parameters:
    ///   - engine: The index.
    ///   - asked: The questions.
    ///   - depth: How many texts are looked at for each.
    ///   - searchWidth: How many rows are kept on the way through a graph; the index's own when nil.
    ///   - progress: Told of questions asked; false stops with `CancellationError`.
    /// - Returns: The figures with intervals over questions.
    /// - Throws: When files cannot be read, or `CancellationError`.
    public static func run(
        _ engine: SearchEngine,
        _ asked: SearchQuestions,
        depth: Int,
        searchWidth: Int? = nil,
        progress: (Int) -> Bool
    ) throws -> TaskEvaluation {
        var scorer = RetrievalScorer(cutoffs: EmbeddingFigures.cutoffs)
        let group = 256
        for first in stride(from: 0, to: asked.questions.count, by: group) {
            let range = first..<min(first + group, asked.questions.count)
            let found = try engine.rows(Array(asked.questions[range]), count: depth, searchWidth: searchWidth)
            for (place, hits) in zip(range, found) {
                let names = try hits.map { try engine.index.documents.id($0.row) }
                try scorer.add(ranking: names, grades: asked.relevant[place])
            }
            if !progress(range.upperBound) { throw CancellationError() }
        }
        let missing = try missingTexts(asked, engine.index.documents)
        var figures = [
            TaskFigure("questions", Double(asked.questions.count), isCount: true),
            TaskFigure("relevant_texts_missing", Double(missing.count), isCount: true),
        ]
        figures += EmbeddingFigures.figures(scorer, intervals: scorer.intervals())
        let names = missing.prefix(3).joined(separator: ", ")
        let note =
            missing.isEmpty
            ? ""
            : "\n\n\(missing.count) relevant texts are not in the index and count as not found: \(names)"
                + (missing.count > 3 ? " …" : "")
        return TaskEvaluation(
            figures: figures,
            details: JSONObject(),
            plain: ReportTable.figures(figures).plain + note,
            page: nil
        )
    }

    /// The names of relevant texts that an index lacks, each once, in the order of the questions.
    private static func missingTexts(_ asked: SearchQuestions, _ documents: DocumentStore) throws -> [String]
    {
        // Names of grade 0 are not looked for.
        var wanted = Set(asked.relevant.flatMap { $0.filter { $0.value > 0 }.keys })
        for row in 0..<documents.count where !wanted.isEmpty { wanted.remove(try documents.id(row)) }
        var seen: Set<String> = []
        return asked.relevant.flatMap { $0.keys.sorted() }.filter {
            wanted.contains($0) && seen.insert($0).inserted
        }
    }
}
