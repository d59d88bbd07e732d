import Foundation
import Testing
import YuyanDatasets
import YuyanFileFormats
import YuyanTasks
import YuyanTestSupport
import YuyanTraining

/// Fields on features of further columns, from recipe to answers.
@Suite(.serialized) struct TaggingColumnTests {
    private let folder: ScratchFolder

    init() throws {
        folder = try ScratchFolder()
        try folder.write(Self.text(80, seed: 1), to: "train.conll")
        try folder.write(Self.text(30, seed: 2), to: "dev.conll")
    }

    /// Sentences of a word, its part of speech and a tag that the parts of speech alone tell.
    private static func text(_ count: Int, seed: UInt64) -> String {
        var numbers = TextNumbers(seed: seed)
        return (0..<count).map { _ in
            var (lines, last) = ("", "")
            for _ in 0..<6 {
                let kind = ["DT", "NN", "VB"][Int.random(in: 0..<3, using: &numbers)]
                let tag = last == "DT" && kind == "NN" ? "X" : "Y"
                lines += "w\(Int.random(in: 0..<12, using: &numbers)) \(kind) \(tag)\n"
                last = kind
            }
            return lines + "\n"
        }.joined()
    }

    private func recipe(_ settings: [String] = []) throws -> Recipe {
        let yaml = """
            task: token-classification
            data: { train: "\(folder.path)/train.conll", validation: "\(folder.path)/dev.conll", format: conll,
                    columns: { pos: 1 } }
            model:
              family: crf
              features:
                - default
                - pos@-1..1
                - pos@-1/pos@0
            training: { output_dir: "\(folder.path)/out", tensorboard: false }
            """
        return try Recipe(yaml: yaml, name: "r.yaml", overrides: settings)
    }

    @discardableResult
    private func train(_ recipe: Recipe) throws -> TrainingOutcome {
        try TaskCatalog.run(recipe, registryFolder: nil, version: "test").train { _ in }
    }

    @Test func columnsAreLearnedFromJudgedAndAnswered() throws {
        let outcome = try train(recipe())
        #expect(outcome.metrics["eval_accuracy"] == 1, "\(outcome.metrics)")
        let place = "\(folder.path)/out"
        let kept = try Recipe(modelFolder: place)
        #expect(kept.model.network["features"] == ["default", "pos@-1..1", "pos@-1/pos@0"])
        let run = try TaskCatalog.run(kept, registryFolder: nil, version: "test")
        let found = try run.evaluate(
            folder: place,
            data: EvaluationData(path: "\(folder.path)/dev.conll"),
            report: { _ in }
        )
        #expect(found.json["accuracy"]?.numberValue == 1)
        let predictor = try run.predictor(folder: place)
        #expect(predictor.inputRoles.map(\.name) == ["tokens", "pos"])
        func row(_ names: [String], _ values: [FieldValue?]) -> Record {
            Record(names: names, values: values, place: RecordPlace(path: "--text", line: nil))
        }
        let tokens = FieldValue.list(["w1", "w2", "w3"])
        let answers = try predictor.predict([
            row(["tokens", "pos"], [tokens, .list(["DT", "NN", "NN"])]),
            row(["tokens", "pos"], [tokens, .list(["NN", "DT", "NN"])]),
        ])
        #expect(answers[0]["tags"] == ["Y", "X", "Y"] && answers[1]["tags"] == ["Y", "Y", "X"])
        let plain = #expect(throws: RecipeError.self) {
            try predictor.predict([row(["tokens"], [.text("w1 w2 w3")])])
        }
        #expect(plain?.description.contains("--text") == true)
        #expect(plain?.description.contains("looks at the column 'pos'") == true, "\(plain as Any)")
        let short = #expect(throws: RecipeError.self) {
            try predictor.check(row(["tokens", "pos"], [tokens, .list(["DT"])]))
        }
        #expect(short?.description.contains("1 values of 'pos' for 3 tokens") == true)
        // A text has no columns, and nothing that could be given with it is named.
        let why = #expect(throws: RecipeError.self) {
            try run.explainer(folder: place).explain(ExplanationRequest("w1 w2"))
        }
        #expect(why?.description.contains("'pos' of every token, which --text does not have") == true)
        #expect(why?.description.contains("--input") == false)
    }

    /// Templates alone, without the words.
    @Test func templatesWithoutTheUsualOnes() throws {
        let outcome = try train(recipe(["model.features=pos@-1/pos@0, shape", "model.lowercase=false"]))
        #expect(outcome.metrics["eval_accuracy"] == 1, "\(outcome.metrics)")
        let text = try String(contentsOfFile: "\(folder.path)/out/vocabulary.json", encoding: .utf8)
        #expect(text.contains("pos@-1/pos@0=DT|NN") && !text.contains("w0="))
    }

    @Test(arguments: [
        (["model.features=default, poss@0"], ["model.features", "'poss'", "did you mean 'pos'?"]),
        (["model.features=default, word"], ["data.columns.pos", "no template of model.features"]),
        (["model.features="], ["model.features", "there is no template"]),
        (["model.features=pos@0,word@-99"], ["model.features", "'word@-99'", "from -16 to 16"]),
        (["model.features=pos@0", "window=3"], ["model.window", "'default'"]),
        (["model.features=pos@0", "pairs=true"], ["model.pairs", "'default'"]),
        (["data.columns.word=0"], ["model.features", "'word' has the name of a template"]),
        (["model.family=lstm"], ["features", "it is a key of crf"]),
    ]) func wrongSettingsAreErrors(settings: [String], words: [String]) {
        let error = #expect(throws: RecipeError.self) { _ = try recipe(settings) }
        for word in words { #expect(error?.description.contains(word) == true, "\(error as Any)") }
    }

    @Test func aColumnThatIsMissingIsAnErrorWithItsPlace() throws {
        let error = #expect(throws: FileFormatError.self) { try train(recipe(["data.columns.pos=7"])) }
        let said = error?.description ?? ""
        #expect(said.contains("train.conll") && said.contains("line 1"), "\(said)")
        #expect(said.contains("no column '7' for 'pos'"), "\(said)")
    }

    /// Words whose pairs are looked at are words all the same.
    @Test func pairsDoNotMakeTextsCharacters() throws {
        let tagged = try TaggedFolder()
        try tagged.write(TaggedFolder.sentences(40, seed: 1), to: "train.conll")
        try tagged.write(TaggedFolder.sentences(20, seed: 2), to: "dev.conll")
        try train(tagged.fieldRecipe(["pairs=true"]))
        let place = "\(tagged.folder.path)/out"
        let run = try TaskCatalog.run(Recipe(modelFolder: place), registryFolder: nil, version: "test")
        let row = Record(
            names: ["tokens"],
            values: [.text("Dr Chen went")],
            place: RecordPlace(path: "-", line: nil)
        )
        let answer = try run.predictor(folder: place).predict([row])[0]
        #expect(answer["tokens"] == ["Dr", "Chen", "went"])
    }

    /// Naming the usual template changes nothing.
    @Test func theUsualTemplateIsWhatIsUsual() throws {
        let tagged = try TaggedFolder()
        try tagged.write(TaggedFolder.sentences(40, seed: 1), to: "train.conll")
        try tagged.write(TaggedFolder.sentences(20, seed: 2), to: "dev.conll")
        try train(tagged.fieldRecipe())
        try train(tagged.fieldRecipe(["features=default", "output_dir=\(tagged.folder.path)/named"]))
        for name in ["model.safetensors", "vocabulary.json"] {
            let (usual, named) = ("\(tagged.folder.path)/out/\(name)", "\(tagged.folder.path)/named/\(name)")
            #expect(try SafeFile.read(usual) == SafeFile.read(named))
        }
    }
}
