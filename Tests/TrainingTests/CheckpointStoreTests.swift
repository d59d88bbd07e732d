import Foundation
import Testing
import YuyanTestSupport
import YuyanTraining

@Suite struct CheckpointStoreTests {
    private let folder: ScratchFolder
    private let store: CheckpointStore

    init() throws {
        folder = try ScratchFolder()
        store = CheckpointStore(folder: folder.path)
    }

    private func save(_ step: Int) throws {
        try store.save(step: step) { path in
            try Data("weights \(step)".utf8).write(to: URL(fileURLWithPath: "\(path)/weights"))
        }
    }

    @Test func theNewestWholeOneIsFound() throws {
        #expect(try store.newestValid { _ in } == nil)
        for step in [2, 10, 9] { try save(step) }
        #expect(try store.list().map(\.step) == [10, 9, 2])
        #expect(try store.newestValid { _ in }?.step == 10)
        var warnings: [String] = []
        try folder.write("weights 11", to: "checkpoint-10/weights")
        #expect(try store.newestValid { warnings.append($0) }?.step == 9)
        #expect(warnings.count == 1 && warnings[0].contains("SHA-256"), "\(warnings)")
        try folder.write("", to: "checkpoint-9/weights")
        unlink("\(folder.path)/checkpoint-2/weights")
        #expect(try store.newestValid { warnings.append($0) } == nil)
        #expect(warnings.last?.contains("anew") == true, "\(warnings)")
    }

    /// Whatever number of bytes of any file is there, the checkpoint is not whole.
    @Test func everyTruncationIsNoticed() throws {
        try save(1)
        for name in folder.names("checkpoint-1") {
            let bytes = try #require(folder.bytes("checkpoint-1/\(name)"))
            // The marker without its last line break is still whole.
            let shorter = bytes.last == 10 ? bytes.count - 1 : bytes.count
            for count in 0..<shorter {
                try folder.write(Array(bytes.prefix(count)), to: "checkpoint-1/\(name)")
                #expect(store.damage(of: "\(folder.path)/checkpoint-1") != nil, "\(name) cut to \(count)")
            }
            try folder.write(bytes, to: "checkpoint-1/\(name)")
            #expect(store.damage(of: "\(folder.path)/checkpoint-1") == nil)
        }
    }

    @Test func aFailedSaveLeavesNothing() throws {
        try save(1)
        let error = #expect(throws: TrainingError.self) {
            try store.save(step: 2) { path in
                try folder.write("half", to: "half")
                try FileManager.default.moveItem(atPath: "\(folder.path)/half", toPath: "\(path)/half")
                throw TrainingError("no space")
            }
        }
        #expect(error?.description.contains("no space") == true)
        #expect(folder.names() == ["checkpoint-1"])
        #expect(try store.newestValid { _ in }?.step == 1)
    }

    @Test func aStepIsSavedAgain() throws {
        try save(3)
        try store.save(step: 3) { path in
            try Data("new".utf8).write(to: URL(fileURLWithPath: "\(path)/weights"))
        }
        #expect(folder.text("checkpoint-3/weights") == "new")
        #expect(folder.names() == ["checkpoint-3"])
        #expect(store.damage(of: store.path(step: 3)) == nil)
    }

    /// What killed runs left goes; whole checkpoints, those of other programs and what others write now stay.
    @Test func leftoversAreRemoved() throws {
        for step in [1, 2, 3] { try save(step) }
        // Removals that were cut short after the marker, and before anything else or after everything.
        unlink("\(folder.path)/checkpoint-1/complete.json")
        for name in ["checkpoint-4", ".writing-5", ".writing-6.99999999", ".writing-7.\(getppid())"] {
            try FileManager.default.createDirectory(
                atPath: "\(folder.path)/\(name)",
                withIntermediateDirectories: true
            )
        }
        // A save of a step that was there, killed between its two moves.
        try FileManager.default.moveItem(
            atPath: store.path(step: 2),
            toPath: "\(folder.path)/.writing-2-before.99999999"
        )
        try FileManager.default.createDirectory(
            atPath: "\(folder.path)/checkpoint-500",
            withIntermediateDirectories: true
        )
        try folder.write("another program's", to: "checkpoint-500/training_args.bin")
        try folder.write("no folder", to: "checkpoint-8")
        try store.rotate(limit: 0, keep: nil, current: 3)
        #expect(
            folder.names() == [
                ".writing-7.\(getppid())", "checkpoint-2", "checkpoint-3", "checkpoint-500", "checkpoint-8",
            ]
        )
        for step in [2, 3] { #expect(store.damage(of: store.path(step: step)) == nil) }
    }

    @Test func rotationKeepsTheBestAndDropsTheDamaged() throws {
        for step in [1, 2, 3, 4, 5, 9] { try save(step) }
        try FileManager.default.createDirectory(
            atPath: "\(folder.path)/.writing-6",
            withIntermediateDirectories: true
        )
        // 9 was passed over when the run went on from 4 and saved 5.
        try store.rotate(limit: 2, keep: 1, current: 5)
        #expect(folder.names() == ["checkpoint-1", "checkpoint-4", "checkpoint-5"])
        try store.rotate(limit: 0, keep: nil, current: 5)
        #expect(folder.names().count == 3)
    }
}

@Suite struct RunRegistryTests {
    @Test func runsAreRecorded() throws {
        let folder = try ScratchFolder()
        let registry = try RunRegistry(folder: folder.path)
        func describe(_ output: String) -> RunRegistry.Run {
            RunRegistry.Run(
                task: "test",
                outputDir: output,
                recipe: "{}",
                dataFingerprint: "f",
                machine: "m",
                version: "1"
            )
        }
        var first = try registry.begin(describe("a"))
        let id = try #require(first.id)
        try registry.record(run: id, step: 2, ["loss": 0.5, "bad": .nan])
        try registry.record(run: id, step: 1, ["loss": 1.5])
        try registry.record(run: id, step: 2, ["loss": 0.25])
        #expect(try registry.values(run: id, key: "loss").map(\.value) == [1.5, 0.25])
        #expect(try registry.keys(run: id) == ["loss"])
        // A run that did not end goes on under its number; a finished one is followed by a new one.
        #expect(try registry.begin(describe("a")).id == id)
        first.status = "finished"
        try registry.update(first)
        #expect(try registry.begin(describe("a")).id != id)
        #expect(try registry.begin(describe("b")).id == 3)
        #expect(try RunRegistry(folder: folder.path).runs().compactMap(\.id) == [3, 2, 1])
        let error = #expect(throws: TrainingError.self) { try registry.run(77) }
        #expect(error?.description.contains("77") == true)
    }

    @Test func aFileThatIsNoDatabaseIsNamed() throws {
        let folder = try ScratchFolder()
        try FileManager.default.createDirectory(
            atPath: "\(folder.path)/.yuyan",
            withIntermediateDirectories: true
        )
        try folder.write(String(repeating: "this is not SQLite ", count: 99), to: ".yuyan/runs.sqlite")
        let error = #expect(throws: TrainingError.self) { _ = try RunRegistry(folder: folder.path) }
        #expect(error?.description.contains("runs.sqlite") == true)
    }
}
