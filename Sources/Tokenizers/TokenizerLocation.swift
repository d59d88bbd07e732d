import Foundation
import YuyanFileFormats

extension TokenizerFiles {
    /// Reads a tokenizer from wherever it lies: a model folder or one of the files that hold tokenizers.
    ///
    /// A file of tiktoken's ranks is told by its name: `cl100k…` or `o200k…`. GPT-2's `encoder.json` and `vocab.json`
    /// are read with the merges beside them (`vocab.bpe`, `merges.txt`).
    ///
    /// - Parameter path: A folder, or a file as `tokenizer.json`, `encoder.json` or `cl100k_base.tiktoken`.
    /// - Returns: The tokenizer.
    /// - Throws: `FileFormatError` when there is no such file, or it is of a kind not known; the message says what is.
    public static func load(anywhere path: String) throws(FileFormatError) -> any Tokenizer {
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
            throw FileFormatError(.notFound, path: path, "there is no such file or folder")
        }
        if isFolder.boolValue { return try load(folder: path) }
        let name = path.split(separator: "/").last.map(String.init) ?? path
        if name.hasSuffix(".tiktoken") { return try loadTiktoken(namedAs: name, path) }
        if name == "encoder.json" || name == "vocab.json" {
            let folder = path.dropLast(name.count)
            for merges in ["vocab.bpe", "merges.txt"] {
                guard FileManager.default.fileExists(atPath: folder + merges) else { continue }
                return try loadGPT2(vocabularyPath: path, mergesPath: folder + merges)
            }
            throw FileFormatError(.missing, path: path, "vocab.bpe or merges.txt must lie beside it")
        }
        return try load(document: path)
    }

    private static func loadTiktoken(
        namedAs name: String,
        _ path: String
    ) throws(FileFormatError) -> any Tokenizer {
        if name.contains("cl100k") { return try loadCL100K(path) }
        if name.contains("o200k") { return try loadO200K(path) }
        throw FileFormatError(
            .unsupported,
            path: path,
            "the splitting rule of these ranks is not known; known are files named cl100k… and o200k…"
        )
    }
}
