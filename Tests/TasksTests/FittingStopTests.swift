import Foundation
import Testing
import YuyanFileFormats
import YuyanModels
import YuyanTasks
import YuyanTestSupport
import YuyanTraining

/// Runs of models that are fitted to convergence, stopped and begun again by the same command.
@Suite(.serialized) struct FittingStopTests {
    private func train(_ recipe: Recipe) throws -> (outcome: TrainingOutcome, notes: [String]) {
        var notes: [String] = []
        let run = try TaskCatalog.run(recipe, registryFolder: nil, version: "test")
        let outcome = try run.train { event in
            if case .note(let text) = event { notes.append(text) }
        }
        return (outcome, notes)
    }

    /// What a stop leaves in a run's folder.
    private func stopped(
        _ folder: String,
        _ fit: (LinearTrainingState, _ isCancelled: () -> Bool) throws -> Void
    ) throws {
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let state = LinearTrainingState(path: "\(folder)/\(WordVectorTask.stateName)")
        var asked = 0
        #expect(throws: CancellationError.self) {
            try fit(state) {
                defer { asked += 1 }
                return asked == 3
            }
        }
        #expect(FileManager.default.fileExists(atPath: state.path))
    }

    @Test func aFieldGoesOn() throws {
        let tagged = try TaggedFolder()
        let sentences = TaggedFolder.sentences(60, seed: 1)
        try tagged.write(sentences, to: "train.conll")
        try tagged.write(TaggedFolder.sentences(20, seed: 2), to: "dev.conll")
        let (place, other) = ("\(tagged.folder.path)/out", "\(tagged.folder.path)/other")
        let whole = try train(try tagged.fieldRecipe())
        #expect(whole.notes.allSatisfy { !$0.contains("going on") } && whole.outcome.step > 4)
        let options = try LinearChainCRFModel(folder: place).options
        try stopped(other) { state, isCancelled in
            _ = try LinearChainCRFModel.train(
                sentences: sentences.map { $0.map(\.word) },
                tags: sentences.map { $0.map(\.tag) },
                columns: sentences.map { _ in [] },
                options: options,
                state: state,
                isCancelled: isCancelled
            )
        }
        let begun = "other/\(WordVectorTask.stateName).99999999-2.tmp"
        try tagged.folder.write("left by a run that was killed", to: begun)
        // Other options do not take it up, and leave it.
        #expect(throws: FileFormatError.self) {
            try train(try tagged.fieldRecipe(["training.output_dir=\(other)", "l2=0.5"]))
        }
        let gone = try train(try tagged.fieldRecipe(["training.output_dir=\(other)"]))
        #expect(gone.notes.contains("going on in iteration 3"), "\(gone.notes)")
        #expect(gone.outcome.step == whole.outcome.step && gone.outcome.metrics == whole.outcome.metrics)
        for name in ["model.safetensors", "config.json", "vocabulary.json"] {
            #expect(try SafeFile.read("\(other)/\(name)") == SafeFile.read("\(place)/\(name)"))
        }
        #expect(!tagged.folder.exists("other/\(WordVectorTask.stateName)") && !tagged.folder.exists(begun))
    }

    @Test func aClassifierGoesOn() throws {
        let labelled = try LabelledFolder()
        try labelled.writeParts()
        let rows = LabelledFolder.rows(120, seed: 1)
        let whole = try train(try labelled.recipe("linear", "out"))
        let (place, other) = ("\(labelled.folder.path)/out", "\(labelled.folder.path)/other")
        let options = try LinearTextModel(folder: place).options
        try stopped(other) { state, isCancelled in
            _ = try LinearTextModel.train(
                texts: rows.map(\.text),
                labels: rows.map { $0.label == "bad" ? 0 : 1 },
                classes: 2,
                options: options,
                state: state,
                isCancelled: isCancelled
            )
        }
        let gone = try train(try labelled.recipe("linear", "other"))
        #expect(gone.notes.contains("going on in iteration 3"), "\(gone.notes)")
        #expect(gone.outcome.step == whole.outcome.step && gone.outcome.metrics == whole.outcome.metrics)
        for name in ["model.safetensors", "config.json"] {
            #expect(try SafeFile.read("\(other)/\(name)") == SafeFile.read("\(place)/\(name)"))
        }
        #expect(!labelled.folder.exists("other/\(WordVectorTask.stateName)"))
    }
}
