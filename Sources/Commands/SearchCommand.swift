import ArgumentParser
import Foundation
import YuyanDatasets
import YuyanFileFormats
import YuyanModels
import YuyanTasks
import YuyanTraining

/// The command `yuyan search`.
struct SearchCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "search",
        abstract: "Finds texts by meaning (vectors of a trained model), by words (BM25), or by both.",
        subcommands: [SearchIndexCommand.self, SearchQueryCommand.self, SearchEvaluateCommand.self]
    )
}

extension SearchKind: ExpressibleByArgument {}
extension VectorMetric: ExpressibleByArgument {}
extension BM25Options.Weighting: ExpressibleByArgument {}

/// The command `yuyan search index`.
struct SearchIndexCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "index",
        abstract: "Makes an index of texts.",
        discussion: """
            Every line of the input is a text, unless the file's name says that it is a table or JSON; then `text` and, \
            where there is one, `id` are its columns, or those that --set names. A text without an id has its number among \
            all texts, from 1, for one.
            exact compares every vector, hnsw walks through a graph of near ones, bm25 ranks by words (Chinese by pairs \
            of characters), hybrid joins exact and bm25, hybrid-hnsw joins hnsw and bm25. The folder appears whole or not \
            at all; an index that is there is replaced.
            """
    )

    @Option(name: [.short, .long], help: "A file of texts, plain or gzip; repeat it for several.")
    var input: [String]

    @OptionGroup var reading: DataSettingOptions

    @Option(name: [.short, .long], help: "The folder of the index.")
    var output: String

    @Option(help: "The folder of a model of the task text-embedding, which makes the vectors.")
    var model: String?

    @Option(help: "What is searched by; exact with a model, bm25 without.")
    var kind: SearchKind?

    @Option(help: "How near two vectors are.")
    var metric = VectorMetric.cosine

    @Option(name: .customLong("connections"), help: "hnsw: the most neighbours of a text in the graph (M).")
    var connections = 16

    @Option(help: "hnsw: how many texts are kept on the way while the graph is made (efConstruction).")
    var constructionWidth = 200

    @Option(help: "hnsw: how many texts are kept on the way of a search (efSearch).")
    var searchWidth = 64

    @Option(help: "hnsw: the seed of the graph's levels.")
    var seed: UInt64 = 1

    @Option(help: "bm25: how fast further occurrences of a word lose weight.")
    var k1 = 1.2

    @Option(help: "bm25: how much long texts are held back, from 0 to 1.")
    var b = 0.75

    @Option(help: "bm25: how rare words weigh more: as Lucene or as Okapi has it.")
    var weighting = BM25Options.Weighting.lucene

    @Option(
        help:
            "bm25: a segmenter or dictionary of yuyan words, for Chinese words instead of pairs of characters."
    )
    var segmenter: String?

    @Flag(help: "bm25: cut English words to their stems.")
    var stem = false

    func run() throws {
        StopSignal.install()
        let console = Console()
        var task = SearchIndexTask(inputs: input)
        task.data = try reading.dataSettings()
        if !task.data.columns.isEmpty, task.data.columns["text"] == nil {
            task.data.columns["text"] = .name("text")
        }
        task.kind = kind ?? (model == nil ? .bm25 : .exact)
        (task.model, task.segmenter, task.stems) = (model, segmenter, stem)
        task.vectors.metric = metric
        (task.vectors.connections, task.vectors.seed) = (connections, seed)
        (task.vectors.constructionWidth, task.vectors.searchWidth) = (constructionWidth, searchWidth)
        (task.terms.k1, task.terms.b, task.terms.weighting) = (k1, b, weighting)
        let index = try task.run(to: output) { event in
            RunPrinter(console).show(event)
        } isCancelled: {
            StopSignal.received != nil
        }
        var parts = ["\(index.documents.count) texts"]
        if let vectors = index.vectors { parts.append("vectors of \(vectors.dimension)") }
        if let terms = index.terms { parts.append("\(terms.termCount) terms") }
        console.note(
            "\(parts.joined(separator: ", ")): \(Console.bytes(SearchIndex.byteCount(output))) in \(output)"
        )
    }
}

/// Which index is asked, and how.
struct SearchOptions: ParsableArguments {
    @Option(name: [.short, .long], help: "The folder of an index.")
    var index: String

    @Option(
        help: "The model that makes vectors of questions; the one the index was made with when not given."
    )
    var model: String?

    @Option(help: "What is searched by; what the index was made for when not given.")
    var kind: SearchKind?

    @Option(
        help:
            "hnsw: how many texts are kept on the way of a search (efSearch); the index's own when not given."
    )
    var searchWidth: Int?

    func engine() throws -> SearchEngine { try SearchEngine(index, model: model, kind: kind) }

    func validate() throws {
        if let searchWidth, !(1...1 << 20).contains(searchWidth) {
            throw ValidationError("--search-width \(searchWidth): it must lie in 1...\(1 << 20)")
        }
    }
}

/// The command `yuyan search query`.
struct SearchQueryCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "query",
        abstract: "Finds the texts that match questions best.",
        discussion: """
            A question on the command line is answered by a table, or with --json as those of a file are: one JSON object \
            a line, with the question and the id, score and text of what was found.
            """
    )

    @OptionGroup var options: SearchOptions

    @Argument(help: "Questions.")
    var questions: [String] = []

    @Option(
        help:
            "A file of questions: lines, or a table or JSON with the column text or the one that --set names."
    )
    var input: String?

    @OptionGroup var reading: DataSettingOptions

    @Option(name: [.short, .long], help: "The file to write; standard output when not given.")
    var output: String?

    @Option(name: [.short, .long], help: "How many texts.")
    var count = 10

    @Flag(help: "Print one JSON object for each question.")
    var json = false

    private static let chunk = 256

    func validate() throws {
        guard !questions.isEmpty || input != nil else {
            throw ValidationError("nothing to ask: give a question or --input")
        }
        guard count >= 1 else { throw ValidationError("--count \(count): it must be 1 or more") }
    }

    func run() throws {
        StopSignal.install()
        let (console, engine) = (Console(), try options.engine())
        let sink = try output.map { try AtomicFile(path: $0) }
        var answered = 0
        func answer(_ group: [String], asJSON: Bool) throws {
            if StopSignal.received != nil { throw CancellationError() }
            let found = try engine.search(group, count: count, searchWidth: options.searchWidth)
            var bytes: [UInt8] = []
            for (question, results) in zip(group, found) {
                bytes += asJSON ? Self.object(question, results) : Self.lines(question, results, group.count)
            }
            if let sink {
                try bytes.withUnsafeBytes { try sink.append($0) }
            } else {
                FileHandle.standardOutput.write(Data(bytes))
            }
            answered += group.count
            console.status("\(answered) questions")
        }
        if !questions.isEmpty { try answer(questions, asJSON: json || output != nil) }
        if let input {
            let reader = RecordReader([input], settings: try reading.dataSettings())
            var group: [String] = []
            while let row = try reader.next() {
                do {
                    group.append(try row.requiredText("text"))
                } catch {
                    throw RecipeError("\(row.place): \(error)")
                }
                if group.count == Self.chunk {
                    try answer(group, asJSON: true)
                    group = []
                }
            }
            if !group.isEmpty { try answer(group, asJSON: true) }
        }
        try sink?.commit()
    }

    private static func object(_ question: String, _ results: [SearchResult]) -> [UInt8] {
        let found = results.map { result -> JSONValue in
            ["id": .string(result.id), "score": .number(result.score), "text": .string(result.text)]
        }
        let value: JSONValue = ["query": .string(question), "results": .array(found)]
        return value.printedBytes(indent: nil) + [10]
    }

    private static func lines(_ question: String, _ results: [SearchResult], _ count: Int) -> [UInt8] {
        var text = count > 1 ? "\(question):\n" : ""
        for result in results {
            let line = result.text.onOneLine
            text += "\(Console.fixed(result.score, 4))\t\(result.id)\t\(line)\n"
        }
        return Array(text.utf8)
    }
}

/// The command `yuyan search evaluate`.
struct SearchEvaluateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "evaluate",
        abstract: "Judges an index by questions whose relevant texts are known: MAP, MRR, nDCG, recall.",
        discussion: """
            Rows have a question in the column `query` and in `relevant` the ids of its texts: a list, an object of ids \
            and grades, or ids with spaces between them; rows of one question are joined, and a column `grade` may say how \
            relevant. --set columns.query=… names other columns. Figures come with 95 % intervals over questions.
            """
    )

    @OptionGroup var options: SearchOptions

    @Option(
        name: [.short, .long],
        help: "A file of questions with ids of relevant texts; repeat it for several."
    )
    var queries: [String]

    @OptionGroup var reading: DataSettingOptions

    @Option(help: "How many texts are looked at for each question; a graph keeps as many on the way.")
    var depth = 1000

    @Flag(help: "Print one JSON object.")
    var json = false

    func validate() throws {
        guard depth >= 1 else { throw ValidationError("--depth \(depth): it must be 1 or more") }
    }

    func run() throws {
        StopSignal.install()
        let console = Console()
        let asked = try SearchQuestions(queries, settings: try reading.dataSettings())
        let engine = try options.engine()
        let evaluation = try SearchEvaluation.run(
            engine,
            asked,
            depth: depth,
            searchWidth: options.searchWidth
        ) { done in
            console.status("\(done) of \(asked.questions.count) questions")
            return StopSignal.received == nil
        }
        print(json ? JSONValue.object(evaluation.json).printed(indent: nil) : evaluation.plain)
    }
}
