import Foundation
import YuyanFileFormats

extension TokenizerFiles {
    /// Reads a tokenizer from wherever it lies: a model folder or one of the files that hold tokenizers.
    ///
    /// A file of tiktoken's ranks is told by its name: `cl100k…` or `o200k…`. GPT-2's `encoder.json` and `vocab.json`
    /// are read with the merges beside them (`vocab.bpe`, `merges.txt`), `vocab.txt` as a BERT vocabulary, with a
    /// `tokenizer_config.json` beside it if there is one.
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
        if name.hasSuffix(".model") { return try SentencePieceTokenizer(contentsOf: path) }
        if name.hasSuffix("vocab.txt") {
            let settings = try bertSettings(beside: path, name)
            return try loadBert(path, settings: settings)
        }
        return try load(document: path)
    }

    /// The settings in a `tokenizer_config.json` beside a vocabulary; without one, those of a vocabulary of lower-case words
    /// unless its name says `cased`.
    private static func bertSettings(
        beside path: String,
        _ name: String
    ) throws(FileFormatError) -> BertSettings {
        let configuration = path.dropLast(name.count) + "tokenizer_config.json"
        if FileManager.default.fileExists(atPath: String(configuration)) {
            return try BertSettings(
                try JSONValue(contentsOf: String(configuration)),
                path: String(configuration)
            )
        }
        var settings = BertSettings()
        settings.lowercases = !name.contains("-cased")
        return settings
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
