import Foundation
import Testing
import YuyanFileFormats
import YuyanModels

/// What fields of features look at.
@Suite struct FeatureTemplatesTests {
    /// Without templates the features are those that they have always been.
    @Test func theUsualFeatures() throws {
        let words = ["He", "saw", "NATO-2"]
        let usual = [
            [
                "bias", "w-1=<s>", "w0=he", "s0=Xx", "w1=saw", "s1=xx", "w2=nato-2", "b1=h", "e1=e", "b2=he",
                "e2=he",
            ],
            [
                "bias", "w-2=<s>", "w-1=he", "s-1=Xx", "w0=saw", "s0=xx", "w1=nato-2", "s1=XX-d", "w2=</s>",
                "b1=s", "e1=w", "b2=sa", "e2=aw", "b3=saw", "e3=saw",
            ],
            [
                "bias", "w-2=he", "w-1=saw", "s-1=xx", "w0=nato-2", "s0=XX-d", "w1=</s>", "b1=n", "e1=2",
                "b2=na", "e2=-2", "b3=nat", "e3=o-2",
            ],
        ]
        var options = TaggingFeatureOptions()
        #expect(options.features(of: words) == usual)
        options.templates = try FeatureTemplates(["default"])
        #expect(options.features(of: words) == usual)
        options.templates = try FeatureTemplates(["default", "upper"])
        #expect(options.features(of: words) == [usual[0], usual[1], usual[2] + ["upper@0"]])
        #expect(
            TaggingFeatureOptions.characters.features(of: ["中", "国"]) == [
                [
                    "bias", "w-1=<s>", "p-1=<s>|中", "w0=中", "s0=x", "p0=中|国", "w1=国", "s1=x", "p1=国|</s>",
                    "w2=</s>",
                ],
                [
                    "bias", "w-2=<s>", "p-2=<s>|中", "w-1=中", "s-1=x", "p-1=中|国", "w0=国", "s0=x", "p0=国|</s>",
                    "w1=</s>",
                ],
            ]
        )
    }

    /// Every template, written out by hand.
    @Test func featuresOfTemplates() throws {
        var options = TaggingFeatureOptions()
        let templates = try FeatureTemplates(
            [
                "word@-1..0", "lower", "prefix2", "suffix1..2@+1", "shape@-1", "ngram2", "title@-1..1",
                "digit",
                "has-digit", "has-hyphen", "upper", "punctuation", "pos@-1..1", "pos@-1/pos", "word / pos@+1",
                "title/has-hyphen", "pos@0",
            ],
            columns: ["chunk", "pos"]
        )
        options.templates = templates
        #expect(templates.columns == ["pos"] && options.columns == ["pos"] && !templates.includesStandard)
        let found = options.features(of: ["Anna", "saw", "B-52"], columns: [["NNP", "VBD", "CD"]])
        #expect(
            found == [
                [
                    "bias", "word@-1=<s>", "word@0=Anna", "lower@0=anna", "prefix2@0=an", "suffix1@1=w",
                    "suffix2@1=aw", "ngram2@0=an", "ngram2@0=nn", "ngram2@0=na", "title@0", "pos@-1=<s>",
                    "pos@0=NNP", "pos@1=VBD", "pos@-1/pos@0=<s>|NNP", "word@0/pos@1=Anna|VBD",
                ],
                [
                    "bias", "word@-1=Anna", "word@0=saw", "lower@0=saw", "prefix2@0=sa", "suffix1@1=2",
                    "suffix2@1=52", "shape@-1=Xxx", "ngram2@0=sa", "ngram2@0=aw", "title@-1", "title@1",
                    "pos@-1=NNP", "pos@0=VBD", "pos@1=CD", "pos@-1/pos@0=NNP|VBD", "word@0/pos@1=saw|CD",
                ],
                [
                    "bias", "word@-1=saw", "word@0=B-52", "lower@0=b-52", "prefix2@0=b-", "shape@-1=xx",
                    "ngram2@0=b-", "ngram2@0=-5", "ngram2@0=52", "title@0", "has-digit@0", "has-hyphen@0",
                    "upper@0", "pos@-1=VBD", "pos@0=CD", "pos@1=</s>", "pos@-1/pos@0=VBD|CD",
                    "word@0/pos@1=B-52|</s>", "title@0/has-hyphen@0",
                ],
            ]
        )
        options.templates = try FeatureTemplates([
            "ngram2..3", "digit", "has-digit", "punctuation", "prefix1",
        ])
        #expect(
            options.features(of: ["banana", "2024", "?!", "中文"]) == [
                [
                    "bias", "ngram2@0=ba", "ngram2@0=an", "ngram2@0=na", "ngram3@0=ban", "ngram3@0=ana",
                    "ngram3@0=nan", "prefix1@0=b",
                ],
                [
                    "bias", "ngram2@0=20", "ngram2@0=02", "ngram2@0=24", "ngram3@0=202", "ngram3@0=024",
                    "digit@0", "has-digit@0", "prefix1@0=2",
                ],
                ["bias", "ngram2@0=?!", "punctuation@0", "prefix1@0=?"],
                ["bias", "ngram2@0=中文", "prefix1@0=中"],
            ]
        )
        // Beginnings and n-grams are of small letters unless capitals count.
        options.lowercases = false
        options.templates = try FeatureTemplates(["prefix2", "lower"])
        #expect(options.features(of: ["Anna"]) == [["bias", "prefix2@0=An", "lower@0=anna"]])
        #expect(options.features(of: []) == [])
    }

    @Test(arguments: [
        (["sufix3"], "'sufix3' is neither a template"), (["sufix3"], "did you mean 'suffix3'?"),
        (["word", "pos@0"], "a further column of data.columns (chunk)"),
        (["suffix"], "suffix needs a length"),
        (["prefix0"], "from 1 to 16"), (["prefix1..99"], "from 1 to 16"), (["word@"], "after '@'"),
        (["word@-17"], "from -16 to 16"), (["word@2..1"], "after '@'"), (["word@a"], "after '@'"),
        (["word/ngram2"], "no n-gram and no range"), (["word@-1..0/lower"], "no n-gram and no range"),
        (["word/"], "'' is neither a template"), ([], "'default' is the usual one"),
        (["word/word@1/word@2/word@3/word@4/word@5/word@6/word@7/word@8"], "at most 8"),
    ]) func wrongTemplatesAreErrors(texts: [String], words: String) {
        let error = #expect(throws: LinearModelError.self) {
            _ = try FeatureTemplates(texts, columns: ["chunk"])
        }
        #expect(error?.description.contains(words) == true, "\(error as Any)")
    }

    @Test func columnsHaveNamesOfTheirOwn() {
        for name in ["word", "default", "prefix2"] {
            let error = #expect(throws: LinearModelError.self) {
                _ = try FeatureTemplates(["lower"], columns: [name])
            }
            #expect(error?.description.contains("'\(name)' has the name of a template") == true)
        }
        let error = #expect(throws: LinearModelError.self) {
            _ = try FeatureTemplates(
                ["lower", "shape", "title", "upper"].flatMap { name in
                    (0..<33 * 33).map { "word@\($0 / 33 - 16)/\(name)@\($0 % 33 - 16)" }
                }
            )
        }
        #expect(error?.description.contains("more than 4096") == true, "\(error as Any)")
    }

    /// Sentences whose tags only a column tells.
    private static func sample(
        _ count: Int
    ) -> (sentences: [[String]], tags: [[String]], columns: [[[String]]]) {
        var (sentences, tags, columns): ([[String]], [[String]], [[[String]]]) = ([], [], [])
        var state: UInt64 = 3
        for _ in 0..<count {
            var (words, own, kinds): ([String], [String], [String]) = ([], [], [])
            for _ in 0..<6 {
                state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                words.append("w\(state >> 33 & 15)")
                kinds.append(["DT", "NN", "VB"][Int(state >> 40 & 0xFFFF) % 3])
                own.append(kinds.last == "NN" && kinds.dropLast().last == "DT" ? "X" : "Y")
            }
            sentences.append(words)
            tags.append(own)
            columns.append([kinds])
        }
        return (sentences, tags, columns)
    }

    @Test func columnsAreLearnedFromAndSaved() throws {
        let (sentences, tags, columns) = Self.sample(60)
        var options = LinearChainCRFOptions()
        options.l2 = 0.1
        options.features.templates = try FeatureTemplates(["default", "pos@-1/pos@0"], columns: ["pos"])
        let model = try LinearChainCRFModel.train(
            sentences: sentences,
            tags: tags,
            columns: columns,
            options: options
        )
        let others = Self.sample(90)
        for sentence in 60..<90 {
            let found = model.tags(for: others.sentences[sentence], columns: others.columns[sentence])
            #expect(found == others.tags[sentence])
        }
        let folder = try ScratchFolder()
        try model.save(to: folder.path)
        let read = try LinearChainCRFModel(folder: folder.path)
        #expect(read.options == model.options && read.features == model.features)
        for (words, own) in zip(sentences, columns) {
            #expect(read.tags(for: words, columns: own) == model.tags(for: words, columns: own))
        }
        // A folder that names templates and columns which do not fit one another.
        let path = folder.file("config.json")
        let text = try String(contentsOfFile: path, encoding: .utf8)
        try text.replacingOccurrences(of: "\"pos\"", with: "\"gaz\"").write(
            toFile: path,
            atomically: true,
            encoding: .utf8
        )
        expectFileFailure(.malformed, "templates", "'pos'") {
            _ = try LinearChainCRFModel(folder: folder.path)
        }
        try text.replacingOccurrences(of: "\"templates\"", with: "\"other\"").write(
            toFile: path,
            atomically: true,
            encoding: .utf8
        )
        #expect(try LinearChainCRFModel(folder: folder.path).options.features.templates == nil)
    }

    /// The state of a training with other values of the columns is another training's.
    @Test func columnsDecideTheStateOfATraining() throws {
        var (sentences, tags, columns) = Self.sample(30)
        let folder = try ScratchFolder()
        var options = LinearChainCRFOptions()
        options.features.templates = try FeatureTemplates(["word", "pos"], columns: ["pos"])
        func train(stop: Int? = nil) throws {
            var count = 0
            _ = try LinearChainCRFModel.train(
                sentences: sentences,
                tags: tags,
                columns: columns,
                options: options,
                state: LinearTrainingState(path: folder.file("state")),
                isCancelled: {
                    defer { count += 1 }
                    return count == stop
                }
            )
        }
        #expect(throws: CancellationError.self) { try train(stop: 2) }
        // What the state is of says the same in every process: no address of this one stands in it.
        let identity = try SafetensorsFile(path: folder.file("state")).metadata["identity"] ?? ""
        #expect(identity.contains(#"templates: Optional(["word", "pos"])"#), "\(identity)")
        columns[4][0][1] += "S"
        expectFileFailure(.mismatch, "identity") { try train() }
        columns[4][0].removeLast()
        let error = #expect(throws: LinearModelError.self) { try train() }
        #expect(error?.description.contains("sentence 4 needs 6 values") == true)
        (sentences, tags) = (sentences.dropLast(), tags.dropLast())
        #expect(throws: LinearModelError.self) { try train() }
        columns = []
        #expect(throws: LinearModelError.self) { try train() }
        // Where no columns are looked at there are none, or an empty list for each sentence.
        options.features.templates = nil
        columns = [[]]
        #expect(throws: LinearModelError.self) { try train() }
    }
}
