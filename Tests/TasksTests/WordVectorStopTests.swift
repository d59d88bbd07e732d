import Foundation
import Testing
import YuyanModels
import YuyanTasks
import YuyanTestSupport
import YuyanTraining

/// Trainings of word vectors that are stopped.
@Suite struct WordVectorStopTests {
    /// Whenever a training is killed, what it has written goes on to the same vectors.
    @Test(arguments: ["word2vec", "glove"]) func killedTrainingsGoOn(name: String) throws {
        let folder = try ScratchFolder()
        let words = ["swift", "hill", "air", "sleeps", "flies", "over", "in", "the", "and", "rain"]
        let lines = (0..<4000).map { line in
            (0..<9).map { words[(line * 7 + $0 * $0 * 3 + line / 11) % words.count] }.joined(separator: " ")
                + "\n"
        }
        try folder.write(lines.joined(), to: "text.txt")
        var (vectors, pairs) = (Word2VecOptions(), GloVeOptions())
        (vectors.dimension, vectors.epochs, pairs.dimension, pairs.epochs) = (8, 2, 8, 6)
        func task(_ output: String) -> WordVectorTask {
            var task = WordVectorTask(
                inputs: ["\(folder.path)/text.txt"],
                method: name == "glove" ? .glove(pairs, window: 3) : .word2vec(vectors),
                output: "\(folder.path)/\(output)"
            )
            task.words = .whitespace
            return task
        }
        let whole = try task("whole").run()
        var saving = task("saving")
        saving.saveSeconds = 0
        let state = "\(folder.path)/saving/\(WordVectorTask.stateName)"
        let copy = "\(folder.path)/killed/\(WordVectorTask.stateName)"
        try FileManager.default.createDirectory(
            atPath: "\(folder.path)/killed",
            withIntermediateDirectories: true
        )
        var asked = 0
        let undisturbed = try saving.run(isCancelled: {
            if FileManager.default.fileExists(atPath: state) { asked += 1 }
            if asked == 1 { try? FileManager.default.copyItem(atPath: state, toPath: copy) }
            return false
        })
        #expect(undisturbed.vectors == whole.vectors)
        var began: Int?
        let gone = try task("killed").run(report: { if case .goingOn(let epoch) = $0 { began = epoch } })
        #expect(began != nil && gone.vectors == whole.vectors)
    }

    /// Without a state the command begins again, with one it goes on: the errors tell them apart.
    @Test func theErrorTellsWhetherAStateIsKept() throws {
        let folder = try ScratchFolder()
        let line = "the swift flies over the hill and the swift sleeps in the air\n"
        try folder.write(String(repeating: line, count: 50), to: "text.txt")
        var options = GloVeOptions()
        (options.dimension, options.epochs) = (4, 3)
        var task = WordVectorTask(
            inputs: ["\(folder.path)/text.txt"],
            method: .glove(options, window: 3),
            output: "\(folder.path)/vectors"
        )
        task.words = .whitespace
        #expect(throws: CancellationError.self) { try task.run(isCancelled: { true }) }
        var epochs = 0
        #expect(throws: ResumableStop.self) {
            try task.run(
                report: { if case .epoch = $0 { epochs += 1 } },
                isCancelled: { epochs > 0 }
            )
        }
        #expect(epochs == 1 && folder.exists("vectors/\(WordVectorTask.stateName)"))
        #expect(throws: ResumableStop.self) { try task.run(isCancelled: { true }) }
        var began: Int?
        _ = try task.run(report: { if case .goingOn(let epoch) = $0 { began = epoch } })
        #expect(began == 1 && !folder.exists("vectors/\(WordVectorTask.stateName)"))
    }
}
