import Foundation
import YuyanFileFormats
import YuyanTensorCore

/// A folder of texts with an index of their vectors, of their terms, or both.
///
/// `config.json` says what there is; the texts are in `documents.safetensors`, vectors in `vectors.safetensors`, terms in
/// `terms.safetensors`.
public struct SearchIndex: Sendable {
    /// The texts.
    public let documents: DocumentStore
    /// Their vectors; row n is that of text n.
    public let vectors: VectorIndex?
    /// Their terms.
    public let terms: LexicalIndex?
    /// What else is to be known about the index, for example how vectors and terms were made.
    public let facts: JSONObject

    /// What `config.json` calls a folder of an index.
    public static let modelType = "search-index"
    private static let configurationFile = "config.json"
    private static let documentFile = "documents.safetensors"
    private static let vectorFile = "vectors.safetensors"
    private static let termFile = "terms.safetensors"

    /// Puts an index together.
    ///
    /// Traps when the parts are of different numbers of texts, or there is neither vectors nor terms.
    ///
    /// - Parameters:
    ///   - documents: The texts.
    ///   - vectors: Their vectors.
    ///   - terms: Their terms.
    ///   - facts: What else is to be known about the index.
    public init(
        documents: DocumentStore,
        vectors: VectorIndex?,
        terms: LexicalIndex?,
        facts: JSONObject = JSONObject()
    ) {
        let counts = [vectors?.count, terms?.count].compactMap { $0 }
        require(
            !counts.isEmpty && counts.allSatisfy { $0 == documents.count },
            "SearchIndex: parts of \(counts) rows for \(documents.count) texts"
        )
        (self.documents, self.vectors, self.terms, self.facts) = (documents, vectors, terms, facts)
    }

    /// Opens a folder that ``save(to:)`` made.
    ///
    /// - Parameter folder: The folder.
    /// - Throws: `FileFormatError` naming the file and what is wrong in it.
    public init(folder: String) throws {
        let path = "\(folder)/\(Self.configurationFile)"
        let value = try JSONValue(contentsOf: path)
        guard value["model_type"]?.stringValue == Self.modelType else {
            throw FileFormatError(
                .unsupported,
                path: path,
                at: .key("model_type"),
                "'\(Self.modelType)' is needed; is this the folder of an index?"
            )
        }
        documents = try DocumentStore(contentsOf: "\(folder)/\(Self.documentFile)")
        func has(_ key: String) throws -> Bool {
            guard let flag = value[key]?.boolValue else {
                throw FileFormatError(.missing, path: path, at: .key(key), "true or false is needed")
            }
            return flag
        }
        vectors = try has("has_vectors") ? try VectorIndex(contentsOf: "\(folder)/\(Self.vectorFile)") : nil
        terms = try has("has_terms") ? try LexicalIndex(contentsOf: "\(folder)/\(Self.termFile)") : nil
        facts = value["facts"]?.objectValue ?? JSONObject()
        let counts = [vectors?.count, terms?.count].compactMap { $0 }
        guard let count = value["texts"]?.integerValue, count == documents.count, !counts.isEmpty,
            counts.allSatisfy({ $0 == count })
        else {
            throw FileFormatError(
                .mismatch,
                path: path,
                at: .key("texts"),
                "the files hold \(documents.count) texts and \(counts) rows; they are not of one index"
            )
        }
    }

    /// Writes the folder, which appears whole or not at all; an index that is there is replaced, and stays when that fails.
    ///
    /// - Parameter folder: The folder.
    /// - Throws: `FileFormatError` when something else is there or the disk refuses.
    public func save(to folder: String) throws {
        let manager = FileManager.default
        try Self.checkPlace(folder)
        let process = ProcessInfo.processInfo.processIdentifier
        let partial = SafeFile.path(beside: folder, ending: ".\(process).tmp")
        try? manager.removeItem(atPath: partial)
        defer { try? manager.removeItem(atPath: partial) }
        try SafeFile.makeFolder(partial)
        try documents.write(to: "\(partial)/\(Self.documentFile)")
        try vectors?.write(to: "\(partial)/\(Self.vectorFile)")
        try terms?.write(to: "\(partial)/\(Self.termFile)")
        var object = JSONObject()
        object["model_type"] = .string(Self.modelType)
        object["texts"] = .integer(documents.count)
        object["has_vectors"] = .bool(vectors != nil)
        object["has_terms"] = .bool(terms != nil)
        if let vectors {
            object["dimension"] = .integer(vectors.dimension)
            object["kind"] = .string(vectors.options.kind.rawValue)
            object["metric"] = .string(vectors.options.metric.rawValue)
        }
        object["facts"] = .object(facts)
        try JSONValue.object(object).write(to: "\(partial)/\(Self.configurationFile)")
        let old = "\(partial).old"
        try SafeFile.replaceFolder(folder, by: partial, movingAsideTo: old)
        try? manager.removeItem(atPath: old)
    }

    /// Refuses a place where something else than an index is.
    ///
    /// - Parameter folder: The folder that shall hold an index.
    /// - Throws: `FileFormatError` when something else is there.
    public static func checkPlace(_ folder: String) throws {
        try SafeFile.checkFolder(folder)
        let manager = FileManager.default
        guard manager.fileExists(atPath: folder) else { return }
        let path = "\(folder)/\(configurationFile)"
        var type: String?
        if manager.fileExists(atPath: path) {
            type = try JSONValue(contentsOf: path)["model_type"]?.stringValue
        } else if try manager.contentsOfDirectory(atPath: folder).isEmpty {
            return
        }
        guard type == modelType else {
            throw FileFormatError(
                .unsupported,
                path: folder,
                "something else than an index is there; name another folder"
            )
        }
    }

    /// The bytes on disk of a folder's files.
    ///
    /// - Parameter folder: The folder.
    /// - Returns: The sum of the files' sizes.
    public static func byteCount(_ folder: String) -> Int {
        [configurationFile, documentFile, vectorFile, termFile].reduce(0) { sum, name in
            let values = try? FileManager.default.attributesOfItem(atPath: "\(folder)/\(name)")
            return sum + ((values?[.size] as? NSNumber)?.intValue ?? 0)
        }
    }
}

/// Joins rankings into one by the ranks alone: a row's score is the sum of 1 / (60 + rank) over the rankings that hold it.
///
/// Source: Cormack, Clarke, Büttcher, «Reciprocal rank fusion outperforms Condorcet and individual rank learning
/// methods», 2009.
///
/// - Parameters:
///   - rankings: Rankings, each with the best first.
///   - count: How many rows are wanted.
///   - constant: What is added to ranks.
/// - Returns: The best first; of equal ones the lower row.
public func reciprocalRankFusion(
    _ rankings: [[SearchHit]],
    count: Int,
    constant: Double = 60
) -> [SearchHit] {
    var scores: [Int: Double] = [:]
    for ranking in rankings {
        for (place, hit) in ranking.enumerated() {
            scores[hit.row, default: 0] += 1 / (constant + Double(place + 1))
        }
    }
    let order = scores.sorted { $0.value != $1.value ? $0.value > $1.value : $0.key < $1.key }
    return order.prefix(max(count, 0)).map { SearchHit(row: $0.key, score: Float($0.value)) }
}
