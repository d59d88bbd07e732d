import Foundation
import YuyanDatasets
import YuyanFileFormats
import YuyanTokenizers
import YuyanTraining

/// Texts that a tokenizer is learned from.
protocol LearnableTexts {
    /// Gives every text in order; false stops.
    func forEach(_ body: (String) throws -> Bool) throws
}

extension CorpusTexts: LearnableTexts {}

/// Texts in memory.
struct TextList: LearnableTexts {
    private let texts: [String]

    init(_ texts: [String]) { self.texts = texts }

    func forEach(_ body: (String) throws -> Bool) throws {
        for text in texts where try !body(text) { return }
    }
}

/// Learns the tokenizer that a recipe asks for from texts.
struct TokenizerLearner {
    private let settings: TokenizerRecipe
    private let texts: any LearnableTexts
    private let folder: String
    private let report: (CorpusEvent) -> Void
    private let isCancelled: () -> Bool

    /// Distinct words that need more bytes than this go to temporary files in the run's folder.
    private static let mostMemoryForWords = 1 << 30
    private static let unknown = "[UNK]"
    private static let endOfText = "[EOS]"

    init(
        _ settings: TokenizerRecipe,
        texts: any LearnableTexts,
        folder: String,
        report: @escaping (CorpusEvent) -> Void,
        isCancelled: @escaping () -> Bool
    ) {
        self.settings = settings
        self.texts = texts
        self.folder = folder
        self.report = report
        self.isCancelled = isCancelled
    }

    /// Learns from texts in memory and gives the tokenizer as a folder gives it back, so that a run and later uses of its
    /// model see the same tokens.
    static func learnAsLoaded(
        _ settings: TokenizerRecipe,
        _ texts: [String],
        report: @escaping (CorpusEvent) -> Void
    ) throws -> any Tokenizer {
        let tokenizer = try TokenizerLearner(
            settings,
            texts: TextList(texts),
            folder: FileManager.default.temporaryDirectory.path,
            report: report,
            isCancelled: { StopSignal.received != nil }
        ).learn()
        return try withFiles(of: tokenizer) { try TokenizerFiles.load(folder: $0) }
    }

    /// Calls with a folder, there for the time of the call, that holds a tokenizer's files.
    static func withFiles<Result>(
        of tokenizer: any Tokenizer,
        _ body: (_ folder: String) throws -> Result
    ) throws -> Result {
        let scratch = FileManager.default.temporaryDirectory.appendingPathComponent(
            "yuyan-tokenizer-\(UUID().uuidString)"
        ).path
        defer { try? FileManager.default.removeItem(atPath: scratch) }
        try FileManager.default.createDirectory(atPath: scratch, withIntermediateDirectories: true)
        try TokenizerFiles.save(tokenizer, to: scratch)
        return try body(scratch)
    }

    /// Reads the texts and learns.
    func learn() throws -> any Tokenizer {
        let tokenizer: any Tokenizer =
            switch settings.type {
            case "byte": ByteTokenizer()
            case "char": try characters()
            case "wordpiece": try wordPieces()
            case "word": try words()
            case "unigram": try unigram()
            default: try bytePairs()
            }
        if isCancelled() { throw CancellationError() }
        return tokenizer
    }

    /// Reads every text, telling how far it is.
    private func forEachText(_ body: (String) throws -> Void) throws {
        var bytes = 0
        try texts.forEach { text in
            if isCancelled() { throw CancellationError() }
            try body(text)
            bytes += text.utf8.count
            report(.countingText(bytes: bytes))
            return true
        }
    }

    private func progress(_ done: Int) -> Bool {
        report(.learningMerges(done: done, of: settings.vocabSize))
        return !isCancelled()
    }

    private func characters() throws -> any Tokenizer {
        var alphabet: Set<Unicode.Scalar> = []
        try forEachText { alphabet.formUnion($0.unicodeScalars) }
        var all = String.UnicodeScalarView()
        all.append(contentsOf: alphabet)
        return CharacterTokenizer.train(on: [String(all)])
    }

    private func bytePairs() throws -> any Tokenizer {
        guard settings.vocabSize >= 257 else {
            throw RecipeError(
                "tokenizer.vocab_size is \(settings.vocabSize); bpe needs at least 257 (256 bytes and the end of text)"
            )
        }
        var trainer = BPETrainer(
            vocabularySize: settings.vocabSize,
            splitRule: settings.split == "gpt2" ? .gpt2 : .cl100k(digits: 3, joinsTrailingSpace: false),
            minimumFrequency: settings.minFrequency,
            memoryLimit: Self.mostMemoryForWords,
            temporaryFolder: folder
        )
        try forEachText { try trainer.feed($0) }
        return try trainer.train { progress($0) }
    }

    // MARK: Words

    private var bertSettings: BertSettings {
        var bert = BertSettings()
        bert.lowercases = settings.lowercase
        return bert
    }

    private func countWords() throws -> WordCounter {
        let counter = WordCounter(memoryLimit: Self.mostMemoryForWords, temporaryFolder: folder)
        let cutter = BertWords(settings: bertSettings)
        try forEachText { text in
            try cutter.forEach(in: text) { word throws(FileFormatError) in try counter.add(bytes: word) }
        }
        return counter
    }

    private func wordPieces() throws -> any Tokenizer {
        guard settings.vocabSize >= 6 else {
            throw RecipeError(
                "tokenizer.vocab_size is \(settings.vocabSize); wordpiece needs at least 6 (5 special tokens and a character)"
            )
        }
        let trainer = WordPieceTrainer(
            vocabularySize: settings.vocabSize,
            minimumFrequency: settings.minFrequency
        )
        let tokens = try trainer.train(try countWords()) { progress($0) }
        return try TokenizerFiles.bert(tokens, settings: bertSettings)
    }

    private func words() throws -> any Tokenizer {
        guard settings.vocabSize >= 3 else {
            throw RecipeError(
                "tokenizer.vocab_size is \(settings.vocabSize); word needs at least 3 (2 special tokens and a word)"
            )
        }
        var trainer = WordLevelTrainer()
        trainer.vocabularySize = settings.vocabSize
        trainer.minimumFrequency = settings.minFrequency
        trainer.specialTokens = [Self.unknown, Self.endOfText]
        var vocabulary = JSONObject()
        for (id, word) in try trainer.train(try countWords()).enumerated() {
            vocabulary.append(word, .integer(id))
        }
        func special(_ id: Int, _ content: String) -> JSONValue {
            [
                "id": .integer(id), "content": .string(content), "single_word": false, "lstrip": false,
                "rstrip": false, "normalized": false, "special": true,
            ]
        }
        let document: JSONValue = [
            "version": "1.0", "truncation": nil, "padding": nil,
            "added_tokens": [special(0, Self.unknown), special(1, Self.endOfText)],
            "normalizer": [
                "type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true,
                "strip_accents": nil,
                "lowercase": .bool(settings.lowercase),
            ],
            "pre_tokenizer": ["type": "BertPreTokenizer"], "post_processor": nil, "decoder": nil,
            "model": [
                "type": "WordLevel", "vocab": .object(vocabulary), "unk_token": .string(Self.unknown),
            ],
        ]
        let configuration: JSONValue = [
            "eos_token": .string(Self.endOfText), "unk_token": .string(Self.unknown),
        ]
        return try TokenizerFiles.load(document, path: "the learned words", configuration: configuration)
    }

    private func unigram() throws -> any Tokenizer {
        var options = UnigramTrainer.Options()
        options.characterCoverage = settings.characterCoverage
        options.byteFallback = settings.byteFallback
        do {
            var trainer = try UnigramTrainer(vocabularySize: settings.vocabSize, options: options)
            try forEachText { trainer.feed(documents: CollectionOfOne($0)) }
            return try trainer.train { progress($0) }
        } catch let error as FileFormatError where error.path == nil {
            throw RecipeError("tokenizer: \(error)")
        }
    }
}
