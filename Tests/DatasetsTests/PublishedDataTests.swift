import Foundation
import Testing
import YuyanDatasets
import YuyanFileFormats

/// Real data sets beside the package, read with the settings a recipe would give; skipped where they are missing.
@Suite("Published data sets")
struct PublishedDataTests {
    static let root: String? = {
        var folder = URL(fileURLWithPath: #filePath).resolvingSymlinksInPath()
        for _ in 0..<3 { folder.deleteLastPathComponent() }
        for _ in 0..<3 {
            folder.deleteLastPathComponent()
            let path = folder.appendingPathComponent("shared/data").path
            if FileManager.default.fileExists(atPath: path) { return path }
        }
        print("skipped: there is no shared/data beside the package")
        return nil
    }()

    func settings(_ text: String) throws -> DataSettings {
        try DataSettings(#require(JSONValue(parsing: text).objectValue))
    }

    func count<Example: DatasetExample>(
        _ type: Example.Type,
        _ file: String,
        _ text: String = "{}"
    ) throws -> Int {
        guard let root = Self.root else { return -1 }
        let reader = try ExampleReader<Example>(["\(root)/\(file)"], settings: settings(text))
        return try reader.readAll().count
    }

    func rows(_ file: String, _ text: String = "{}") throws -> Int {
        guard let root = Self.root else { return -1 }
        let reader = RecordReader(["\(root)/\(file)"], settings: try settings(text))
        var count = 0
        while try reader.next() != nil { count += 1 }
        return count
    }

    @Test("classification sets", .enabled(if: root != nil))
    func classification() throws {
        let plain = #"{"header": false, "format": "tsv", "columns": {"text": 0, "label": 1}}"#
        let named = #"{"columns": {"text": "text_a", "label": "label"}}"#
        let ctg = #"{"header": false, "columns": {"text": 1, "label": 2}}"#
        let sets: [(String, String, Int)] = [
            ("cls-sst2-en/dev.tsv", plain, 872), ("cls-sst2-en/train.tsv", plain, 6917),
            (
                "cls-agnews-en/agnews_first6600.csv.gz",
                #"""
                {"header": false, "columns": {"text": 1, "text_pair": 2, "label": 0},
                 "label_map": {"1": "World", "2": "Sports", "3": "Business", "4": "Sci/Tech"}}
                """#, 6600
            ),
            ("cls-thucnews-titles-zh/dev.txt", plain, 9991),
            ("cls-chnsenticorp-zh/dev.tsv", named, 1161), ("cls-chnsenticorp-zh/train.tsv.gz", named, 9255),
            (
                "cls-shopping-zh/online_shopping_7_cats.csv.gz",
                #"{"columns": {"text": "review", "label": "cat"}}"#, 40430
            ),
            ("cls-weibo-emotion-zh/dev.tsv", named, 1981),
            ("cls-weibo-emotion-zh/train.tsv.gz", named, 27479),
            ("cls-csl-discipline-zh/dev.tsv", ctg, 1000), ("cls-csl-discipline-zh/train.tsv", ctg, 8000),
            ("safety-cold-zh/dev.csv.gz", #"{"columns": {"text": "TEXT"}}"#, 6416),
            ("safety-cold-zh/train.csv.gz", #"{"columns": {"text": "TEXT"}}"#, 25687),
            (
                "search-trecqa-en/dev.csv",
                #"{"columns": {"text": "qtext", "text_pair": "atext", "label": "label"}}"#, 1148
            ),
            (
                "search-trecqa-en/train.csv",
                #"{"columns": {"text": "qtext", "text_pair": "atext", "label": "label"}}"#, 4718
            ),
        ]
        for (file, text, expected) in sets {
            #expect(try count(ClassificationExample.self, file, text) == expected, "\(file)")
        }
        #expect(try rows("cls-weibo-emotion-zh/labels.json") == 6)
        #expect(try rows("cls-agnews-en/classes.txt") == 4)
        #expect(try rows("cls-thucnews-titles-zh/class.txt") == 10)
    }

    @Test("texts and labels in files side by side", .enabled(if: root != nil))
    func parallel() throws {
        let root = try #require(Self.root)
        let sets = [
            ("cls-tweet-emotion-en", "train", "", 3257), ("cls-tweet-emotion-en", "val", "", 374),
            ("safety-tweet-offensive-en", "train", ".gz", 11916),
            ("safety-tweet-offensive-en", "val", "", 1324),
        ]
        for (folder, part, ending, expected) in sets {
            let files = [
                (role: "text", path: "\(root)/\(folder)/\(part)_text.txt\(ending)"),
                (role: "label", path: "\(root)/\(folder)/\(part)_labels.txt"),
            ]
            let examples = try ExampleReader<ClassificationExample>(parallel: files).readAll()
            #expect(examples.count == expected, "\(folder)/\(part)")
            #expect(Set(examples.flatMap(\.labels)).count == (folder.hasPrefix("cls") ? 4 : 2))
        }
        let mapping = #"{"format": "tsv", "header": false}"#
        #expect(try rows("cls-tweet-emotion-en/mapping.txt", mapping) == 4)
        #expect(try rows("safety-tweet-offensive-en/mapping.txt", mapping) == 2)
    }

    @Test("tagging sets", .enabled(if: root != nil))
    func tagging() throws {
        let root = try #require(Self.root)
        // Below the stated counts by a line of U+FEFF (WNUT17) and by the empty nodes (EWT), which are no tokens.
        let sets: [(String, String, Int, Int?)] = [
            ("ner-wnut17-en/emerging.dev.conll", "{}", 1009, 15733),
            ("ner-wnut17-en/wnut17train.conll", #"{"tag_scheme": "bio"}"#, 3394, 62730),
            ("ner-wikiann-en/dev.bio", #"{"token_prefix": "en:"}"#, 9811, 79430),
            ("ner-wikiann-en/train.bio.gz", #"{"token_prefix": "en:"}"#, 19624, 158_243),
            ("ner-weibo-zh/weiboNER_2nd_conll.dev", #"{"format": "conll", "token_index": true}"#, 262, 14233),
            (
                "ner-weibo-zh/weiboNER_2nd_conll.train", #"{"format": "conll", "token_index": true}"#, 1312,
                72076
            ),
            ("ner-msra-zh/dh_msra_first20000.bio.gz", "{}", 20000, 827_530),
            ("ner-msra-zh/dev.tsv", #"{"columns": {"tokens": "text_a", "tags": "label"}}"#, 2318, nil),
            ("pos-ud-ewt-en/en_ewt-ud-dev.conllu.gz", "{}", 2001, 25147),
            ("pos-ud-ewt-en/en_ewt-ud-train.rebuilt.conllu.gz", "{}", 12544, 204_577),
            ("pos-ud-gsdsimp-zh/zh_gsdsimp-ud-dev.conllu.gz", "{}", 500, 12663),
        ]
        for (file, text, sentences, tokens) in sets {
            let reader = try ExampleReader<TaggingExample>(["\(root)/\(file)"], settings: settings(text))
            let examples = try reader.readAll()
            #expect(examples.count == sentences, "\(file)")
            if let tokens { #expect(examples.reduce(0) { $0 + $1.tokens.count } == tokens, "\(file)") }
        }
    }

    @Test("treebanks: the words and SpaceAfter make the text", .enabled(if: root != nil))
    func treebankTexts() throws {
        let root = try #require(Self.root)
        for file in [
            "pos-ud-ewt-en/en_ewt-ud-dev.conllu.gz", "pos-ud-gsdsimp-zh/zh_gsdsimp-ud-dev.conllu.gz",
        ] {
            let reader = try ConlluReader("\(root)/\(file)")
            var differences = 0
            while let sentence = try reader.next() {
                if sentence.text != sentence.comment("text") { differences += 1 }
            }
            #expect(differences == 0, "\(file)")
        }
    }

    @Test("semantic roles", .enabled(if: root != nil))
    func roles() throws {
        let root = try #require(Self.root)
        let sets: [(String, String, Int, Int)] = [
            // Two of the 25,150 rows are empty nodes, which are no tokens.
            ("srl-up-ewt-en/en_ewt-up-dev.conllu.gz", "{}", 2002, 25148),
            (
                "srl-up-zh/zh-up-dev.conllu",
                #"{"columns": {"tokens": 2, "predicates": 9, "arguments": 10}}"#, 500, 12663
            ),
        ]
        for (file, text, sentences, tokens) in sets {
            let reader = try ExampleReader<SemanticRoleExample>(["\(root)/\(file)"], settings: settings(text))
            let examples = try reader.readAll()
            #expect(examples.count == sentences, "\(file)")
            #expect(examples.reduce(0) { $0 + $1.tokens.count } == tokens, "\(file)")
            #expect(examples.contains { !$0.predicates.isEmpty && !$0.labels.isEmpty })
        }
    }

    @Test(
        "questions and answers; three answers of CMRC do not stand where it says",
        .enabled(if: root != nil)
    )
    func questions() throws {
        let root = try #require(Self.root)
        #expect(try count(QuestionAnsweringExample.self, "qa-xquad-en-zh/xquad.en.first24.json") == 632)
        #expect(try count(QuestionAnsweringExample.self, "qa-xquad-en-zh/xquad.zh.first24.json") == 632)
        let path = "\(root)/qa-cmrc2018-zh/cmrc2018_dev.json.gz"
        let strict = try ExampleReader<QuestionAnsweringExample>(
            [path],
            settings: settings(#"{"on_error": "skip"}"#)
        )
        let examples = try strict.readAll()
        #expect(examples.count == 3216 && strict.report.malformedCount == 3)
        #expect(Set(examples.map(\.context)).count <= 848)
        let lenient = try settings(#"{"answers_must_match": false}"#)
        let all = try ExampleReader<QuestionAnsweringExample>([path], settings: lenient).readAll()
        #expect(all.count == 3219 && all.contains { $0.answers.count > 1 })
    }

    @Test("pairs, word lists and language modelling sets", .enabled(if: root != nil))
    func pairs() throws {
        let root = try #require(Self.root)
        let sts = #"{"header": false, "columns": {"score": 0, "source": 1, "target": 2}}"#
        let names = try FileManager.default.contentsOfDirectory(atPath: "\(root)/emb-sts-en").sorted()
        let files = names.map { "\(root)/emb-sts-en/\($0)" }
        let similar = try ExampleReader<PairExample>(files, settings: settings(sts)).readAll()
        #expect(
            files.count == 15 && similar.count == 9092
                && similar.allSatisfy { (0...5).contains($0.score ?? -1) }
        )
        let csl = #"{"header": false, "columns": {"source": 1, "target": 2}}"#
        let tatoeba = #"{"format": "tsv", "header": false, "columns": {"source": 0, "target": 1}}"#
        let dialogue = #"{"columns": {"source": "dialogue", "target": "summary"}}"#
        let spaced =
            #"{"format": "tsv", "header": false, "delimiter": "space", "columns": {"source": 0, "target": 1, "score": 2}}"#
        let tabbed = #"{"format": "tsv", "header": false, "columns": {"source": 0, "target": 1, "score": 2}}"#
        let sets: [(String, String, Int)] = [
            ("sum-csl-titles-zh/dev.tsv", csl, 1000), ("sum-csl-titles-zh/keywords_dev.tsv", csl, 1000),
            ("mt-tatoeba-en-zh/cmn_dev.txt.gz", tatoeba, 24780),
            ("sum-dialogsum-en/dialogsum.dev.jsonl", dialogue, 500),
            ("emb-wordsim-en/sim999.txt", spaced, 999), ("emb-wordsim-en/ws353.txt", tabbed, 353),
            ("emb-wordsim-en/ws353_relatedness.txt", tabbed, 252),
            ("emb-wordsim-en/ws353_similarity.txt", tabbed, 203),
        ]
        for (file, text, expected) in sets {
            #expect(try count(PairExample.self, file, text) == expected, "\(file)")
        }
        let words = #"{"format": "tsv", "header": false, "delimiter": "space"}"#
        let analogies = [
            ("ca8_morphological_A", 2554), ("ca8_morphological_AB", 2535), ("ca8_semantic_geography", 3192),
            ("ca8_semantic_nature", 1370), ("ca8_semantic_people", 1609),
            ("ca_translated_capital-common-countries", 506), ("ca_translated_city-in-state", 175),
            ("ca_translated_family", 272),
        ]
        for (name, expected) in analogies {
            #expect(try rows("emb-analogy-zh/\(name).txt", words) == expected, "\(name)")
        }
        #expect(try rows("emb-analogy-en/google.txt", #"{"format": "tsv", "header": false}"#) == 19544)
        #expect(try count(TextExample.self, "lm-c4-sample-en/c4_demo_first250.jsonl") == 250)
        var poems = [("poet.tang", 0), ("ci.song", 0)]
        for index in poems.indices {
            for part in stride(from: 0, through: 9000, by: 1000) {
                let file = "lm-poetry-zh/\(poems[index].0).\(part).json.gz"
                poems[index].1 += try count(TextExample.self, file, #"{"columns": {"text": "paragraphs"}}"#)
            }
        }
        #expect(poems.map(\.1) == [10008, 10000])
    }

    @Test("conversations and preferences", .enabled(if: root != nil))
    func conversations() throws {
        let chats: [(String, Int)] = [
            ("sft-alpaca-en-zh/alpaca_en_demo_dev.json", 899),
            ("sft-alpaca-en-zh/alpaca_zh_demo_dev.json", 899),
            ("sft-toolcall-en-zh/glaive_toolcall_en_demo_dev.json", 239),
            ("sft-toolcall-en-zh/glaive_toolcall_zh_demo_dev.json", 237),
            ("sft-seed-tasks-en/seed_tasks.jsonl", 175),
        ]
        for (file, expected) in chats {
            #expect(try count(ConversationExample.self, file) == expected, "\(file)")
        }
        let preferences: [(String, Int)] = [
            ("pref-dpo-en-zh/dpo_en_demo_dev.json.gz", 249), ("pref-dpo-en-zh/dpo_zh_demo_dev.json", 247),
            ("pref-dpo-en-zh/kto_en_demo_dev.json", 250),
        ]
        for (file, expected) in preferences {
            #expect(try count(PreferenceExample.self, file) == expected, "\(file)")
        }
    }
}
