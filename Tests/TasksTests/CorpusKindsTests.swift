import Foundation
import Testing
import YuyanDatasets
import YuyanTasks
import YuyanTestSupport
import YuyanTextProcessing
import YuyanTokenizers

@Suite(.serialized) struct CorpusKindsTests {
    private let folder: ScratchFolder

    init() throws {
        folder = try ScratchFolder()
        try FileManager.default.createDirectory(
            atPath: "\(folder.path)/texts",
            withIntermediateDirectories: true
        )
    }

    private func recipe(_ data: String, _ settings: [String] = []) throws -> Recipe {
        let yaml = """
            tokenizer: { type: byte }
            data: { train: \(folder.path)/texts, \(data) }
            training: { output_dir: \(folder.path)/out }
            """
        return try Recipe(yaml: yaml, name: "recipe", overrides: settings)
    }

    private func prepare(_ recipe: Recipe) throws -> PreparedCorpus {
        try LanguageModelRun(recipe, registryFolder: nil, version: "test").prepare { _ in }
    }

    /// Every kind is learned, written, read back as the same thing, found again, and tells its text back.
    @Test(arguments: TokenizerRecipe.types) func everyKindOfTokenizer(type: String) throws {
        try folder.writeTexts(smallCorpus(documents: 60))
        let size = ["bpe": 300, "unigram": 320][type] ?? 60
        let settings = [
            "tokenizer.type=\(type)", "tokenizer.vocab_size=\(size)", "output_dir=\(folder.path)/\(type)",
        ]
        let corpus = try prepare(try recipe("validation_fraction: 0.2", settings))
        let again = try prepare(try recipe("validation_fraction: 0.2", settings))
        let all = [corpus, again, try CorpusStep.open(corpus.folder)]
        #expect(Set(all.map { $0.fingerprint(isolatesDocuments: true) }).count == 1)
        let text = "the swift flies over low hills"
        let ids = corpus.tokenizer.encode(text)
        #expect(!ids.isEmpty && ids.allSatisfy { Int($0) < corpus.tokenizer.vocabularySize })
        #expect(corpus.tokenizer.decode(ids) == text)
        if type != "byte", type != "char" { #expect(ids.count < text.utf8.count / 2) }
    }

    @Test func tooSmallAVocabularyIsAnError() throws {
        try folder.write("some text", to: "texts/a.txt")
        for (type, size) in [("bpe", 200), ("wordpiece", 3), ("word", 1), ("unigram", 4)] {
            let recipe = try recipe(
                "validation_fraction: 0.2",
                ["tokenizer.type=\(type)", "tokenizer.vocab_size=\(size)"]
            )
            #expect(throws: RecipeError.self, "\(type)") { try prepare(recipe) }
        }
    }

    @Test func nearDuplicatesAndExcludedTexts() throws {
        let long = smallCorpus(documents: 40, seed: 5)
        let base = long[0..<20].joined(separator: " ")
        let other = long[20..<40].joined(separator: " ")
        try folder.write(base, to: "texts/a.txt")
        try folder.write(base + " and one more.", to: "texts/b.txt")
        try folder.write(other, to: "texts/c.txt")
        let judged = smallCorpus(documents: 30, seed: 9).joined(separator: " ")
        try folder.write("Before it. " + judged + " After it.", to: "texts/d.txt")
        try folder.write(judged + "\n", to: "judged.txt")
        let exclude = "exclude_texts_of: \(folder.path)/judged.txt"
        let recipe = try recipe("validation_fraction: 0.3, near_duplicates: 0.8, \(exclude)")
        let documents = try prepare(recipe).dataset.description.documents
        #expect(
            documents.read == 4 && documents.nearDuplicates == 1 && documents.dropped == 1
                && documents.kept == 2
        )
        let all = try prepare(try self.recipe("validation_fraction: 0.3", ["output_dir=\(folder.path)/all"]))
        #expect(all.dataset.description.documents.kept == 4)
        let languages = all.dataset.description.statistics.languages
        #expect(languages.reduce(0) { $0 + $1.documents } == 4)
        #expect(throws: RecipeError.self) { try self.recipe("near_duplicates: 1.5") }
    }

    @Test func dataLookedAt() throws {
        let rows = ["good\tpos", "bad\tneg", "good\tneg", "fine day\tpos", "broken"]
        try folder.write(rows.joined(separator: "\n") + "\n", to: "train.tsv")
        try folder.write("bad\tneg\nunseen words here\tpos\n", to: "test.tsv")
        var settings = DataSettings()
        settings.header = false
        settings.columns = ["text": .number(0), "label": .number(1)]
        settings.onError = .skip
        let inspection = try DataInspection(
            ["\(folder.path)/train.tsv"],
            as: .classification,
            settings: settings
        )
        #expect(inspection.reading.recordCount == 4 && inspection.reading.malformedCount == 1)
        #expect(inspection.summary.duplicateCount == 1 && inspection.summary.conflictCount == 1)
        #expect(inspection.plain.contains("pos") && inspection.plain.contains("train.tsv"))
        #expect(inspection.json["labels"]?["pos"]?.integerValue == 2)
        #expect(inspection.page.html.contains("Malformed rows"))
        let overlap = try DataOverlap(
            training: ["\(folder.path)/train.tsv"],
            test: ["\(folder.path)/test.tsv"],
            as: .classification,
            settings: settings
        )
        #expect(overlap.report.equalCount == 1 && overlap.report.contaminatedTraining == [2])
        #expect(overlap.plain.contains("stand in the training data"))
    }

    /// Spaces stand where the treebank has them, and words written together have none between them.
    @Test func spacesOfATreebankCount() throws {
        let rows = ["1-2\tdon't\t_", "1\tdo\t_", "2\tn't\t_", "3\tgo\tSpaceAfter=No", "4\t.\t_"]
        let lines = rows.map { row in
            let parts = row.split(separator: "\t")
            let head = parts[0] == "1" ? "0" : parts[0].contains("-") ? "_" : "1"
            return "\(parts[0])\t\(parts[1])\t_\t_\t_\t_\t\(head)\t_\t_\t\(parts[2])"
        }
        try folder.write(lines.joined(separator: "\n") + "\n\n", to: "e.conllu")
        let sentences = try WordModels.sentences(["\(folder.path)/e.conllu"])
        let figures = WordModels.judge(EnglishTokenizer(), on: sentences)
        #expect(figures == WordModels.WordFigures(right: 4, found: 4, wanted: 4))
    }

    @Test func wordsLearnedAndJudged() throws {
        let sentences = [
            ["雨燕", "飞", "过", "山"], ["小", "雨燕", "看", "雨"], ["山", "上", "有", "雨燕"], ["雨燕", "有", "语言"],
        ]
        var lines: [String] = []
        for _ in 0..<3 {
            for words in sentences {
                for (place, word) in words.enumerated() {
                    let tag = word == "雨燕" || word == "山" ? "NOUN" : "VERB"
                    lines.append("\(place + 1)\t\(word)\t_\t\(tag)\t_\t_\t\(place == 0 ? 0 : 1)\t_\t_\t_")
                }
                lines.append("")
            }
        }
        try folder.write(lines.joined(separator: "\n") + "\n", to: "t.conllu")
        let read = try WordModels.sentences(["\(folder.path)/t.conllu"])
        #expect(read.count == 12)
        let segmenter = try WordModels.segmenter(read, lexicon: nil, seed: 1)
        let figures = WordModels.judge(segmenter, on: read)
        #expect(figures.f1 == 1 && figures.wanted == 45)
        #expect(try WordModels.crossValidate(read, folds: 3, lexicon: nil, seed: 1).f1 > 0.9)
        try segmenter.save(to: "\(folder.path)/words")
        try folder.write("小雨燕 5\n看 5\n雨 5\n", to: "dictionary")
        let (model, dictionary) = ("\(folder.path)/words", "\(folder.path)/dictionary")
        for (model, dictionary, words) in [
            (model, nil, ["小", "雨燕", "看", "雨"]), (model, dictionary, ["小雨燕", "看", "雨"]),
            (nil, dictionary, ["小雨燕", "看", "雨"]),
        ] {
            let opened = try WordModels.openSegmenter(model: model, dictionary: dictionary)
            #expect(opened.words(in: "小雨燕看雨") == words)
        }
        let english = try WordModels.openSegmenter(model: nil, dictionary: nil)
        #expect(english.words(in: "swifts don't fly") == ["swifts", "do", "n't", "fly"])
        let tagger = try WordModels.tagger(read, .upos, seed: 1)
        let counts = WordModels.judge(tagger, on: read, .upos)
        #expect(counts.right == 45 && counts.words == 45)
    }

    /// Sources with weights and columns reach the shards and the rows of training.
    @Test func sourcesWithWeights() throws {
        try folder.write("text,date\nearly text,2020-01-01\nmiddle text,2021-01-01\n", to: "a.csv")
        try folder.write(
            "{\"body\":\"another text\",\"date\":\"2020-06-01\"}\n{\"body\":\"late\",\"date\":\"2024\"}\n"
                .replacing("\"2024\"", with: "\"2024-01\""),
            to: "b.jsonl"
        )
        let yaml = """
            tokenizer: { type: byte }
            data:
              train:
                - { path: \(folder.path)/a.csv, format: csv, weight: 3 }
                - { path: \(folder.path)/b.jsonl, text_column: body }
              split: time
              split_key: date
              validation_fraction: 0.25
            training: { output_dir: \(folder.path)/out }
            """
        let corpus = try prepare(try Recipe(yaml: yaml, name: "recipe"))
        let validation = try #require(corpus.dataset.validation)
        let texts = [corpus.dataset.train, validation].map { shard in
            ShardDocuments(shard, tokenizer: corpus.tokenizer).map { String(decoding: $0, as: UTF8.self) }
        }
        #expect(texts == [["early text", "middle text", "another text"], ["late"]])
        #expect(corpus.dataset.description.mixture.map(\.weight) == [3, 1])
        #expect(corpus.dataset.description.mixture.map(\.tokens) == [23, 13])
        let rows = corpus.dataset.trainingSet(sequenceLength: 8)
        #expect(rows.rowsPerEpoch == 3 * 3 + 2)
    }
}
