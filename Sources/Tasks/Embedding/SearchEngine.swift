import Foundation
import YuyanDatasets
import YuyanFileFormats
import YuyanMetrics
import YuyanModels
import YuyanTextProcessing

/// What an index is searched by.
public enum SearchKind: String, Sendable, CaseIterable {
    /// Vectors, every one compared.
    case exact
    /// Vectors, through a graph of near ones.
    case hnsw
    /// Terms.
    case bm25
    /// Terms and vectors, every one compared; rankings are joined.
    case hybrid
    /// Terms and vectors through a graph; rankings are joined.
    case hybridHNSW = "hybrid-hnsw"

    /// Whether there are vectors.
    public var hasVectors: Bool { self != .bm25 }
    /// Whether there are terms.
    public var hasTerms: Bool { self != .exact && self != .hnsw }
    var vectorKind: VectorIndexOptions.Kind { self == .hnsw || self == .hybridHNSW ? .hnsw : .exact }
}

/// The making of an index from files of texts.
public struct SearchIndexTask {
    /// The files of texts.
    public var inputs: [String]
    /// How they are read: the fields `text` and, where there is one, `id`.
    public var data = DataSettings()
    /// What the index is searched by.
    public var kind = SearchKind.exact
    /// The model that makes vectors.
    public var model: String?
    /// How vectors are searched; its kind is that of `kind`.
    public var vectors = VectorIndexOptions()
    /// How terms are weighed.
    public var terms = BM25Options()
    /// A segmenter or dictionary of `yuyan words`; nil for the default terms.
    public var segmenter: String?
    /// Whether English words are cut to their stems.
    public var stems = false

    /// A task.
    ///
    /// - Parameter inputs: The files of texts.
    public init(inputs: [String]) { self.inputs = inputs }

    /// Reads the texts and makes the index.
    ///
    /// - Parameters:
    ///   - folder: The folder of the index; it appears whole or not at all.
    ///   - report: Told what happens and how far it is.
    ///   - isCancelled: Asked often; `CancellationError` is thrown then.
    /// - Returns: The index.
    /// - Throws: ``RecipeError`` for settings, `FileFormatError` naming file and line, `CancellationError`.
    public func run(
        to folder: String,
        report: (TaskEvent) -> Void,
        isCancelled: () -> Bool
    ) throws -> SearchIndex {
        try SearchIndex.checkPlace(folder)
        if let problem = vectors.problem { throw RecipeError(problem) }
        if let problem = terms.problem { throw RecipeError(problem) }
        guard kind.hasVectors == (model != nil) else {
            throw RecipeError(
                kind.hasVectors
                    ? "--kind \(kind.rawValue) needs --model, the folder of a model that makes vectors of texts; "
                        + "--kind bm25 needs none" : "--kind bm25 has no vectors: leave --model out"
            )
        }
        let opened = try model.map { try TextEmbedder.open($0) }
        let (ids, texts) = try read(report, isCancelled)
        report(.note("\(texts.count) texts"))
        let index = SearchIndex(
            documents: DocumentStore(ids: ids, texts: texts),
            vectors: try opened.map { try vectorIndex(texts, $0, report, isCancelled) },
            terms: kind.hasTerms ? try termIndex(texts, report, isCancelled) : nil,
            facts: try facts()
        )
        try index.save(to: folder)
        return index
    }

    private func read(
        _ report: (TaskEvent) -> Void,
        _ isCancelled: () -> Bool
    ) throws -> (ids: [String], texts: [String]) {
        var (ids, texts): ([String], [String]) = ([], [])
        // Of each name whether it is the number of a text without one.
        var names: [String: Bool] = [:]
        let reader = RecordReader(inputs, settings: data)
        while let row = try reader.next() {
            let own: String?
            do {
                texts.append(try row.requiredText("text"))
                own = try row.text("id")
            } catch {
                throw RecipeError("\(row.place): \(error)")
            }
            let id = own ?? String(texts.count)
            if let isNumber = names.updateValue(own == nil, forKey: id) {
                throw RecipeError("\(row.place): \(Self.clash(id, isOwn: own != nil, withNumber: isNumber))")
            }
            ids.append(id)
            if ids.count % 4096 == 0 {
                let count = ids.count
                report(.status { "reading: \(count) texts" })
                if isCancelled() { throw CancellationError() }
            }
        }
        guard !texts.isEmpty else {
            throw RecipeError("\(inputs.joined(separator: ", ")): there are no texts")
        }
        return (ids, texts)
    }

    /// What is wrong with a second text of a name.
    private static func clash(_ id: String, isOwn: Bool, withNumber: Bool) -> String {
        guard isOwn else {
            return
                "the text has no id, and its number \(id) is the id of another text; give it an id of its own"
        }
        return withNumber
            ? "the id '\(id)' is the number of a text before that has no id; give that text an id of its own"
            : "the id '\(id)' was there before; every text needs its own"
    }

    private func vectorIndex(
        _ texts: [String],
        _ model: any TextEmbedding,
        _ report: (TaskEvent) -> Void,
        _ isCancelled: () -> Bool
    ) throws -> VectorIndex {
        let (rows, isCut) = try model.answers(texts) { done in
            report(.status { "vectors of texts: \(done) of \(texts.count)" })
            return !isCancelled()
        }
        CutTexts.note(isCut, report)
        var options = vectors
        options.kind = kind.vectorKind
        return try VectorIndex(rows, dimension: model.dimension, options: options) { done in
            report(.status { "the graph: \(done) of \(texts.count)" })
            return !isCancelled()
        }
    }

    private func termIndex(
        _ texts: [String],
        _ report: (TaskEvent) -> Void,
        _ isCancelled: () -> Bool
    ) throws -> LexicalIndex {
        let rules = SearchTerms(segmenter: try segmenter.map { try TextWords.segmenter($0) }, stems: stems)
        var builder = LexicalIndexBuilder()
        for text in texts {
            builder.add(rules(text))
            if builder.count % 1024 == 0 {
                let count = builder.count
                report(.status { "terms of texts: \(count) of \(texts.count)" })
                if isCancelled() { throw CancellationError() }
            }
        }
        return try builder.finish(terms)
    }

    private func facts() throws -> JSONObject {
        var facts = JSONObject()
        facts["kind"] = .string(kind.rawValue)
        if let model {
            facts["model"] = .string(URL(fileURLWithPath: model).standardizedFileURL.path)
            facts["model_sha256"] = .string(try SearchEngine.fingerprint(model))
        }
        if kind.hasTerms {
            if let segmenter {
                facts["segmenter"] = .string(URL(fileURLWithPath: segmenter).standardizedFileURL.path)
            }
            facts["stems"] = .bool(stems)
        }
        return facts
    }
}

/// A text that a search found.
public struct SearchResult: Sendable {
    /// The text's name.
    public let id: String
    /// How well it matches; more is better.
    public let score: Double
    /// The text.
    public let text: String
}

/// An index with what questions need: its model and its rules for terms.
public struct SearchEngine {
    /// The index.
    public let index: SearchIndex
    /// What the index is searched by.
    public let kind: SearchKind
    private let model: (any TextEmbedding)?
    private let terms: SearchTerms
    /// How many texts of each ranking are joined.
    private static let joined = 100

    /// Opens an index.
    ///
    /// - Parameters:
    ///   - folder: The folder of the index.
    ///   - path: The model that makes vectors of questions; nil for the one that the index was made with.
    ///   - wanted: What is searched by; nil for what the index was made for.
    /// - Throws: `FileFormatError` for damaged files, ``RecipeError`` when the model does not fit the index.
    public init(_ folder: String, model path: String? = nil, kind wanted: SearchKind? = nil) throws {
        index = try SearchIndex(folder: folder)
        let facts = index.facts
        let own = SearchKind(rawValue: facts["kind"]?.stringValue ?? "")
        kind = wanted ?? own ?? (index.terms == nil ? .exact : index.vectors == nil ? .bm25 : .hybrid)
        if kind.hasVectors, index.vectors == nil { throw RecipeError("\(folder): the index has no vectors") }
        if kind.hasTerms, index.terms == nil { throw RecipeError("\(folder): the index has no terms") }
        if kind.vectorKind == .hnsw, index.vectors?.options.kind != .hnsw {
            let plain: SearchKind = kind.hasTerms ? .hybrid : .exact
            throw RecipeError(
                "\(folder): the index has no graph, which \(kind.rawValue) walks through; ask with --kind "
                    + "\(plain.rawValue), or make the index with --kind \(kind.rawValue)"
            )
        }
        let segmenter = kind.hasTerms ? facts["segmenter"]?.stringValue : nil
        terms = SearchTerms(
            segmenter: try segmenter.map { try TextWords.segmenter($0) },
            stems: facts["stems"]?.boolValue ?? false
        )
        guard kind.hasVectors, let vectors = index.vectors else {
            model = nil
            return
        }
        guard let place = path ?? facts["model"]?.stringValue else {
            throw RecipeError(
                "\(folder): the index does not say which model it was made with; name it with --model"
            )
        }
        guard path != nil || FileManager.default.fileExists(atPath: place) else {
            throw RecipeError(
                "\(folder): the model \(place), which the index was made with, is not there; name its place with "
                    + "--model"
            )
        }
        let opened = try TextEmbedder.open(place)
        guard opened.dimension == vectors.dimension else {
            throw RecipeError(
                "\(place): vectors of \(opened.dimension), but those of the index \(folder) have \(vectors.dimension); "
                    + "it was made with another model"
            )
        }
        if let print = facts["model_sha256"]?.stringValue, try Self.fingerprint(place) != print {
            throw RecipeError(
                "\(place): not the model, or no longer the model, that the index \(folder) was made with; make it again"
            )
        }
        model = opened
    }

    /// What tells a model's weights from others.
    static func fingerprint(_ folder: String) throws -> String {
        let manager = FileManager.default
        let names = [
            "model.safetensors", "weights.safetensors", "words/vectors.safetensors", "tokenizer.json",
        ]
        var parts: [String] = []
        for name in names where manager.fileExists(atPath: "\(folder)/\(name)") {
            parts.append(try SHA256.hex(ofFile: "\(folder)/\(name)"))
        }
        return SHA256.hex(of: parts.joined(separator: "\n").utf8)
    }

    /// The rows that match questions best.
    ///
    /// - Parameters:
    ///   - questions: The questions.
    ///   - count: How many rows are wanted for each.
    ///   - searchWidth: How many rows are kept on the way through a graph; the index's own when nil.
    /// - Returns: The rows of each, the best first.
    /// - Throws: When files cannot be read.
    public func rows(_ questions: [String], count: Int, searchWidth: Int? = nil) throws -> [[SearchHit]] {
        let depth = kind.hasVectors && kind.hasTerms ? max(count, Self.joined) : count
        var rankings: [[[SearchHit]]] = []
        if let model, let vectors = index.vectors {
            let queries = try model.vectors(questions)
            let isExact = kind == .exact || kind == .hybrid
            rankings.append(
                try vectors.search(queries, count: depth, searchWidth: searchWidth, isExact: isExact)
            )
        }
        if kind.hasTerms, let own = index.terms {
            rankings.append(try questions.map { try own.search(terms($0), count: depth) })
        }
        guard rankings.count > 1 else { return rankings.first ?? [] }
        return questions.indices.map { place in
            reciprocalRankFusion(rankings.map { $0[place] }, count: count)
        }
    }

    /// The texts that match questions best.
    ///
    /// - Parameters:
    ///   - questions: The questions.
    ///   - count: How many texts are wanted for each.
    ///   - searchWidth: How many rows are kept on the way through a graph; the index's own when nil.
    /// - Returns: The texts of each, the best first.
    /// - Throws: When files cannot be read.
    public func search(
        _ questions: [String],
        count: Int,
        searchWidth: Int? = nil
    ) throws -> [[SearchResult]] {
        try rows(questions, count: count, searchWidth: searchWidth).map { hits in
            try hits.map { hit in
                SearchResult(
                    id: try index.documents.id(hit.row),
                    score: Double(hit.score),
                    text: try index.documents.text(hit.row)
                )
            }
        }
    }
}
