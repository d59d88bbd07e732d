import Foundation
import Testing
import YuyanFileFormats
import YuyanModels

/// Trainings of linear models that are stopped.
@Suite struct LinearTrainingStateTests {
    private static let sentences: [[String]] = (0..<80).map { sentence in
        (0..<3 + sentence % 5).map { place in
            let number = (sentence * 31 + place * place * 7 + sentence / 9) % 23
            return number % 4 == 0 ? "Name\(number)" : "word\(number)"
        }
    }
    private static let tags: [[String]] = sentences.enumerated().map { number, words in
        words.enumerated().map { place, word in
            word.hasPrefix("Name") ? place > 1 ? "I" : "B" : (number + place) % 7 == 0 ? "B" : "O"
        }
    }

    private static func options(_ l1: Double) -> LinearChainCRFOptions {
        var options = LinearChainCRFOptions()
        (options.l1, options.l2, options.maximumIterations) = (l1, 0.01, 40)
        (options.tolerance, options.valueTolerance) = (1e-9, 1e-12)
        return options
    }

    /// Trains until it is asked to stop for the `stop`th time; all that the model's folder has when it is finished.
    private static func field(
        _ options: LinearChainCRFOptions,
        _ state: LinearTrainingState? = nil,
        stop: Int? = nil,
        asked: (Int) throws -> Void = { _ in }
    ) throws -> [[UInt8]] {
        var (count, failure): (Int, (any Error)?) = (0, nil)
        let model = try LinearChainCRFModel.train(
            sentences: sentences,
            tags: tags,
            options: options,
            state: state,
            isCancelled: {
                defer { count += 1 }
                do { try asked(count) } catch { failure = error }
                return count == stop
            }
        )
        if let failure { throw failure }
        return try bytes { try model.save(to: $0) }
    }

    private static func bytes(_ save: (String) throws -> Void) throws -> [[UInt8]] {
        let folder = try ScratchFolder()
        try save(folder.path)
        return try ["model.safetensors", "config.json", "vocabulary.json"].map {
            try SafeFile.read(folder.file($0))
        }
    }

    /// Wherever it is stopped, with and without absolute values, what follows is what would have followed.
    @Test(arguments: [0, 0.05]) func stoppedFieldsGoOn(l1: Double) throws {
        let (folder, options) = (try ScratchFolder(), Self.options(l1))
        let whole = try Self.field(options)
        for stop in [1, 2, 9, 10, 11, 14] {
            let state = folder.file("state-\(stop)")
            #expect(throws: CancellationError.self) {
                _ = try Self.field(options, LinearTrainingState(path: state), stop: stop)
            }
            var began: Int?
            let keeping = LinearTrainingState(path: state) { began = $0 }
            #expect(try Self.field(options, keeping) == whole, "stopped in iteration \(stop)")
            #expect(began == stop)
        }
    }

    /// Stopped every three iterations.
    @Test func fieldsThatAreStoppedAgainAndAgainGoOn() throws {
        let (folder, options) = (try ScratchFolder(), Self.options(0.05))
        var (places, found): ([Int], [[UInt8]]?) = ([], nil)
        while found == nil, places.count < 40 {
            do {
                let state = LinearTrainingState(path: folder.file("state")) { places.append($0) }
                found = try Self.field(options, state, stop: 3)
            } catch is CancellationError {}
        }
        #expect(try found == Self.field(options))
        #expect(places == (1...max(places.count, 1)).map { 3 * $0 } && places.count > 3)
    }

    /// What a kill leaves is what was written last.
    @Test func killedFieldsGoOn() throws {
        let (folder, options) = (try ScratchFolder(), Self.options(0))
        let (state, copy) = (folder.file("state"), folder.file("copy"))
        let undisturbed = try Self.field(options, LinearTrainingState(path: state, saveSeconds: 0)) { count in
            if count == 8 { try FileManager.default.copyItem(atPath: state, toPath: copy) }
        }
        var began: Int?
        let gone = try Self.field(options, LinearTrainingState(path: copy) { began = $0 })
        #expect(try undisturbed == Self.field(options) && gone == undisturbed)
        // A slow disk may make pauses longer.
        #expect((1...7).contains(began ?? 0))
    }

    /// Nothing is worth keeping before the first iteration.
    @Test func aTrainingThatIsStoppedAtOnceKeepsNothing() throws {
        let folder = try ScratchFolder()
        #expect(throws: CancellationError.self) {
            let state = LinearTrainingState(path: folder.file("state"), saveSeconds: 0)
            _ = try Self.field(Self.options(0), state, stop: 0)
        }
        #expect(!FileManager.default.fileExists(atPath: folder.file("state")))
    }

    @Test func damagedStatesAreRefused() throws {
        let (folder, options) = (try ScratchFolder(), Self.options(0))
        let state = folder.file("state")
        #expect(throws: CancellationError.self) {
            _ = try Self.field(options, LinearTrainingState(path: state), stop: 4)
        }
        let whole = try SafeFile.read(state)
        func refuse(_ bytes: [UInt8], _ words: String = "state") throws {
            try SafeFile.write(bytes, to: state)
            let error = #expect(throws: FileFormatError.self) {
                _ = try Self.field(options, LinearTrainingState(path: state))
            }
            #expect(error?.description.contains(words) == true, "\(error as Any)")
            #expect(try SafeFile.read(state) == bytes)
        }
        for place in [whole.count / 2, whole.count - 40, whole.count - 1] {
            var bytes = whole
            bytes[place] ^= 1
            try refuse(bytes, "checksum")
        }
        try refuse(whole.dropLast())
        try refuse(Array(whole.prefix(100)))
        try refuse([])
        // The number of the iteration is held by the checksum, too.
        let name = Array("\"iteration\"".utf8)
        let place = try #require(whole.indices.first { whole[$0...].starts(with: name) }) + name.count
        let digit = try #require(whole[place...].firstIndex(of: UInt8(ascii: "4")))
        var bytes = whole
        bytes[digit] = UInt8(ascii: "5")
        try refuse(bytes, "checksum")
        try SafeFile.write(whole, to: state)
        #expect(try Self.field(options, LinearTrainingState(path: state)) == Self.field(options))
    }

    @Test func statesOfOtherTrainingsAreRefused() throws {
        let (folder, options) = (try ScratchFolder(), Self.options(0))
        let state = LinearTrainingState(path: folder.file("state"))
        #expect(throws: CancellationError.self) { _ = try Self.field(options, state, stop: 5) }
        expectFileFailure(.mismatch, "identity", "other data or options") {
            _ = try Self.field(Self.options(0.05), state)
        }
        var other = options
        other.features.window = 1
        expectFileFailure(.mismatch, "identity") { _ = try Self.field(other, state) }
        expectFileFailure(.mismatch, "identity") {
            var tags = Self.tags
            tags[7][0] = tags[7][0] == "O" ? "B" : "O"
            _ = try LinearChainCRFModel.train(
                sentences: Self.sentences,
                tags: tags,
                options: options,
                state: state
            )
        }
        // Fewer iterations than it has made are an end that an undisturbed run would not have; more are welcome.
        other = options
        other.maximumIterations = 5
        expectFileFailure(.mismatch, "iteration") { _ = try Self.field(other, state) }
        other.maximumIterations = 30
        #expect(try Self.field(other, state) == Self.field(other))
    }

    /// Classifiers of one class, of one output and of several labels.
    @Test(arguments: [(2, false), (3, false), (3, true)]) func stoppedClassifiersGoOn(
        classes: Int,
        hasSets: Bool
    ) throws {
        let texts = (0..<120).map { text in
            (0..<6).map { "w\((text * 17 + $0 * $0 * 5 + text / 7) % 41)" }.joined(separator: " ")
        }
        let labels = texts.indices.map { Int32(($0 * 5 + $0 / 11) % classes) }
        var options = LinearTextOptions()
        (options.inverseRegularization, options.tolerance, options.maximumIterations) = (50, 1e-12, 30)
        func train(_ state: LinearTrainingState? = nil, stop: Int? = nil) throws -> [[UInt8]] {
            var count = 0
            let isCancelled: () -> Bool = {
                defer { count += 1 }
                return count == stop
            }
            let model =
                hasSets
                ? try LinearTextModel.train(
                    texts: texts,
                    labelSets: labels.map { Array(0..<$0) },
                    classes: classes,
                    options: options,
                    state: state,
                    isCancelled: isCancelled
                )
                : try LinearTextModel.train(
                    texts: texts,
                    labels: labels,
                    classes: classes,
                    options: options,
                    state: state,
                    isCancelled: isCancelled
                )
            return try Self.bytes { try model.save(to: $0) }
        }
        let (folder, whole) = (try ScratchFolder(), try train())
        for stop in [1, 6, 12] {
            let state = folder.file("state-\(stop)")
            #expect(throws: CancellationError.self) {
                _ = try train(LinearTrainingState(path: state), stop: stop)
            }
            var began: Int?
            let gone = try train(LinearTrainingState(path: state) { began = $0 })
            #expect(gone == whole && began == stop)
        }
        options.inverseRegularization = 51
        expectFileFailure(.mismatch, "identity") {
            _ = try train(LinearTrainingState(path: folder.file("state-6")))
        }
    }
}
