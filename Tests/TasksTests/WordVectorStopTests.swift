import Testing
import YuyanModels
import YuyanTasks
import YuyanTestSupport
import YuyanTraining

/// Trainings of word vectors that are stopped.
@Suite struct WordVectorStopTests {
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
