import Foundation
import Testing
import YuyanDatasets
import YuyanTasks
import YuyanTestSupport

@Suite struct PipelineRecipeTests {
    private func recipe(_ pipeline: String, _ overrides: [String] = []) throws -> Recipe {
        try Recipe(yaml: "data:\n  train: x\n  pipeline:\(pipeline)\n", name: "r.yaml", overrides: overrides)
    }

    private func message(_ pipeline: String, _ overrides: [String] = []) -> String {
        do {
            _ = try recipe(pipeline, overrides)
            return ""
        } catch { return "\(error)" }
    }

    @Test func stepsInEveryForm() throws {
        let recipe = try recipe(
            """

                - newline_normalization
                - unicode_normalization: { form: nfkc }
                - min_length: { scalars: 20 }
                - control_character_removal:
            """
        )
        #expect(
            recipe.data.pipeline == [
                PipelineStep("newline_normalization"),
                PipelineStep("unicode_normalization", ["form": .text("nfkc")]),
                PipelineStep("min_length", ["scalars": .number(20)]),
                PipelineStep("control_character_removal"),
            ]
        )
        let signature = try recipe.data.makePipeline().signature
        #expect(signature.count == 4 && signature[1] == "unicode_normalization(nfkc)")
        let named = try self.recipe("", ["data.pipeline=newline_normalization, min_length"])
        #expect(named.data.pipeline.map(\.name) == ["newline_normalization", "min_length"])
        #expect(recipe.resolved["data"]?["pipeline"]?.arrayValue?.count == 4)
    }

    @Test func aPresetStandsForItsSteps() throws {
        let pipeline = try recipe(" web").data.makePipeline()
        #expect(pipeline.operators.count > 5 && pipeline.operators.contains { $0.name == "html_removal" })
        let more = try recipe("\n    - web\n    - min_length: { scalars: 9 }").data.makePipeline()
        #expect(more.operators.count == pipeline.operators.count + 1)
    }

    @Test func mistakesNameTheirPlace() {
        #expect(message(" { a: 1 }").hasPrefix("r.yaml:3: data.pipeline must be a list"))
        #expect(message("\n    - [a]").hasPrefix("r.yaml:4: a step of data.pipeline"))
        #expect(message("\n    - no_such").contains("data.pipeline: no_such: there is no such operator"))
        #expect(message("\n    - min_length: 3").contains("r.yaml:4: the settings of min_length"))
        #expect(
            message("\n    - min_length: { scalar: 3 }").contains("min_length.scalar: there is no such key")
        )
        #expect(message("\n    - min_length: { scalars: \"3\" }").contains("must be a number, found text"))
        #expect(message("", ["pipeline=min_lenght"]).contains("no such operator"))
    }

    @Test func aPreparationReportsWhatWasRemoved() throws {
        let folder = try ScratchFolder()
        let lines = [
            "{\"text\":\"too short\"}", "{\"text\":\"long enough <b> 中文\"}",
            "{\"text\":\"another that is kept\"}",
        ]
        try folder.write(lines.joined(separator: "\n"), to: "a.jsonl")
        let recipe = try Recipe(
            yaml: """
                data: { train: \(folder.path)/a.jsonl, pipeline: [ { min_length: { scalars: 12 } } ] }
                tokenizer: { type: byte }
                training: { output_dir: \(folder.path)/out }
                """,
            name: "r.yaml"
        )
        let run = LanguageModelRun(recipe, registryFolder: nil, version: "test")
        let corpus = try run.prepare { _ in }
        let report = PreparationReport(corpus.dataset.description)
        #expect(report.plain.contains("min_length(12)") && report.plain.contains("too short"))
        #expect(report.plain.contains("latin"))
        try report.write(to: corpus.folder)
        let page = folder.text("out/data/report.html")
        #expect(page.contains("dropped: too short") && page.contains("Tokens per byte"))
        // Read back from the folder, the description gives the same report.
        #expect(PreparationReport(try DatasetDescription(folder: corpus.folder)).plain == report.plain)
    }
}
