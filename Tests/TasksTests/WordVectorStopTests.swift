import Foundation
import Testing
import YuyanFileFormats
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

    /// A row without text is told with its place.
    @Test func rowsWithoutTextAreNamed() throws {
        let folder = try ScratchFolder()
        try folder.write("{\"text\": \"a b\"}\n{\"content\": \"c d\"}\n", to: "rows.jsonl")
        let task = WordVectorTask(
            inputs: ["\(folder.path)/rows.jsonl"],
            method: .glove(GloVeOptions(), window: 3),
            output: "\(folder.path)/vectors"
        )
        let error = #expect(throws: FileFormatError.self) { try task.corpus() }
        #expect(error?.description.contains("line 2") == true, "\(error?.description ?? "-")")
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

    /// What is wrong with the folder is said before the text is read.
    @Test(arguments: ["taken", "taken/inside"]) func aFolderThatCannotBeMadeIsNamed(name: String) throws {
        let folder = try ScratchFolder()
        try folder.write("a file", to: "taken")
        let task = WordVectorTask(
            inputs: ["\(folder.path)/none.txt"],
            method: .word2vec(Word2VecOptions()),
            output: "\(folder.path)/\(name)"
        )
        let error = #expect(throws: FileFormatError.self) { try task.run() }
        #expect(error?.description.contains("taken: is a file, not a folder") == true, "\(error as Any)")
    }

    /// Pairs that do not fit into memory lie in the folder while the training lasts, and change nothing.
    @Test func pairsOnDiskGiveTheSameVectors() throws {
        let folder = try ScratchFolder()
        let lines = (0..<3000).map { line in
            (0..<12).map { "w\((line * 31 + $0 * $0 * 7 + line / 13 * $0) % 90)" }.joined(separator: " ")
                + "\n"
        }
        try folder.write(lines.joined(), to: "text.txt")
        var options = GloVeOptions()
        (options.dimension, options.epochs) = (6, 3)
        func task(_ output: String, memory: Int?) -> WordVectorTask {
            var task = WordVectorTask(
                inputs: ["\(folder.path)/text.txt"],
                method: .glove(options, window: 8),
                output: "\(folder.path)/\(output)"
            )
            (task.words, task.memoryBytes) = (.whitespace, memory)
            return task
        }
        var count = 0
        let whole = try task("whole", memory: nil).run(report: {
            if case .pairs(let pairs) = $0 { count = pairs }
        })
        // As many as 64 KB do not hold.
        #expect(count > 2340)
        let (pairs, state) = ("disk/\(WordVectorTask.pairsName)", "disk/\(WordVectorTask.stateName)")
        try FileManager.default.createDirectory(
            atPath: "\(folder.path)/disk",
            withIntermediateDirectories: true
        )
        try folder.write("left by a run that was killed", to: "\(pairs).99999999-2.tmp")
        var asked = 0
        #expect(throws: ResumableStop.self) {
            try task("disk", memory: 0).run(isCancelled: {
                if folder.exists(pairs) { asked += 1 }
                return asked > 11
            })
        }
        #expect(folder.exists(pairs) && folder.exists(state) && !folder.exists("\(pairs).99999999-2.tmp"))
        let kept = try Data(contentsOf: URL(fileURLWithPath: "\(folder.path)/\(pairs)"))
        try kept.dropLast(5).write(to: URL(fileURLWithPath: "\(folder.path)/\(pairs)"))
        #expect(throws: FileFormatError.self) { try task("disk", memory: 0).run() }
        #expect(folder.exists(state))
        try kept.write(to: URL(fileURLWithPath: "\(folder.path)/\(pairs)"))
        var began: Int?
        let gone = try task("disk", memory: 0).run(report: {
            if case .goingOn(let epoch) = $0 { began = epoch }
        })
        #expect(began == 1 && gone.vectors == whole.vectors)
        #expect(!folder.exists(pairs) && !folder.exists(state))
        // The file is only a shortcut: without it the pairs are counted again.
        asked = 0
        #expect(throws: ResumableStop.self) {
            try task("again", memory: 0).run(isCancelled: {
                if folder.exists("again/\(WordVectorTask.pairsName)") { asked += 1 }
                return asked > 3
            })
        }
        try FileManager.default.removeItem(atPath: "\(folder.path)/again/\(WordVectorTask.pairsName)")
        #expect(try task("again", memory: nil).run().vectors == whole.vectors)
    }
}
