import Foundation
import Testing
import YuyanFileFormats
import YuyanModels
import YuyanTensorCore

/// Pairs of GloVe that lie on disk: the same training as in memory.
@Suite struct GloVePairTests {
    private struct Pair: Hashable {
        let row: Int
        let column: Int
        let count: Double
    }

    /// Both directions of most pairs of so many words.
    private static func pairs(words: Int, seed: UInt64 = 5) -> [Pair] {
        var (state, pairs): (UInt64, [Pair]) = (seed, [])
        for row in 0..<words {
            for column in row..<words {
                state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                if state >> 33 % 16 == 0 { continue }
                let count = Double(state >> 33 % 4000 + 1) / 16
                pairs.append(Pair(row: row, column: column, count: count))
                if row != column { pairs.append(Pair(row: column, column: row, count: count)) }
            }
        }
        return pairs
    }

    private static func options(groups: Int, shuffles: Bool = true, seed: UInt64 = 1) -> GloVeOptions {
        var options = GloVeOptions()
        (options.dimension, options.epochs) = (5, 2)
        (options.groups, options.shuffles, options.seed) = (groups, shuffles, seed)
        return options
    }

    private static func vocabulary(_ words: Int) -> WordVocabulary {
        let names = (0..<words).map { "w\($0)" }
        return WordVocabulary(words: names, counts: names.map { _ in 1 })
    }

    private func plan(
        _ folder: ScratchFolder,
        _ options: GloVeOptions,
        words: Int,
        memory: Int
    ) -> GloVePairPlan {
        GloVePairPlan(
            words: words,
            options: options,
            path: folder.file("pairs"),
            identity: "a text",
            memoryBytes: memory
        )
    }

    private func build(_ plan: GloVePairPlan, _ pairs: [Pair]) throws -> GloVePairs {
        let builder = try GloVePairBuilder(plan)
        for pair in pairs { try builder.append(row: pair.row, column: pair.column, count: pair.count) }
        return try builder.finish()
    }

    private struct Outcome: Equatable {
        let losses: [Double]
        let words: [Float]
        let contexts: [Float]
    }

    private func outcome(_ trainer: GloVeTrainer) throws -> Outcome {
        let losses = try (0..<trainer.options.epochs).map { _ in try trainer.trainEpoch() }
        let (words, contexts) = trainer.parameters()
        return Outcome(losses: losses, words: words, contexts: contexts)
    }

    private func inMemory(_ pairs: [Pair], _ options: GloVeOptions, words: Int) throws -> Outcome {
        var all = Cooccurrences()
        for pair in pairs { all.append(row: pair.row, column: pair.column, count: pair.count) }
        return try outcome(
            GloVeTrainer(vocabulary: Self.vocabulary(words), pairs: all, options: options)
        )
    }

    /// The order by its definition: sorted by squares, each shuffled from its end.
    private func order(_ pairs: [Pair], _ options: GloVeOptions) -> [[Pair]] {
        let groups = options.groups
        var squares = [[Pair]](repeating: [], count: groups * groups)
        for pair in pairs { squares[pair.row % groups * groups + pair.column % groups].append(pair) }
        guard options.shuffles else { return squares }
        for square in squares.indices {
            var random = RandomSource(seed: options.seed, stream: 1 << 32 + UInt64(square))
            for place in stride(from: squares[square].count - 1, to: 0, by: -1) {
                squares[square].swapAt(place, random.nextIndex(below: place + 1))
            }
        }
        return squares
    }

    /// 64 KB keep 2340 pairs in memory and shuffle 5461 at once.
    @Test(arguments: [1, 3, 8], [true, false])
    func onDiskIsAsInMemory(groups: Int, shuffles: Bool) throws {
        for seed: UInt64 in [1, 77] {
            let options = Self.options(groups: groups, shuffles: shuffles, seed: seed)
            let (folder, pairs) = (try ScratchFolder(), Self.pairs(words: 60))
            let onDisk = try build(plan(folder, options, words: 60, memory: 0), pairs)
            #expect(pairs.count > 3000 && onDisk.isOnDisk && onDisk.count == pairs.count)
            let expected = order(pairs, options)
            for (square, listed) in try onDisk.listed().enumerated() {
                let wanted = expected[square]
                #expect(listed.map { Int($0.row) } == wanted.map(\.row))
                #expect(listed.map { Int($0.column) } == wanted.map(\.column))
                #expect(listed.map { $0.logarithm } == wanted.map { Float(Foundation.log($0.count)) })
            }
            let whole = try inMemory(pairs, options, words: 60)
            let vocabulary = Self.vocabulary(60)
            #expect(try outcome(GloVeTrainer(vocabulary: vocabulary, pairs: onDisk)) == whole)
            let fitting = try build(plan(folder, options, words: 60, memory: 1 << 20), pairs)
            #expect(!fitting.isOnDisk)
            #expect(try outcome(GloVeTrainer(vocabulary: vocabulary, pairs: fitting)) == whole)
            let again = try #require(
                try GloVePairs.reopened(plan(folder, options, words: 60, memory: 0))
            )
            let threads = try withThreads(2) {
                try outcome(GloVeTrainer(vocabulary: vocabulary, pairs: again))
            }
            #expect(threads == whole)
        }
    }

    /// 2 MB keep 74,898 pairs in memory; a piece has 65,536.
    @Test func squaresOfSeveralPiecesAreAsInMemory() throws {
        let (folder, options, pairs) = (
            try ScratchFolder(), Self.options(groups: 1), Self.pairs(words: 300)
        )
        let onDisk = try build(plan(folder, options, words: 300, memory: 2 << 20), pairs)
        #expect(pairs.count > 80_000 && onDisk.isOnDisk)
        let trainer = GloVeTrainer(vocabulary: Self.vocabulary(300), pairs: onDisk)
        #expect(try outcome(trainer) == inMemory(pairs, options, words: 300))
    }

    @Test func largeSquaresAreShuffledInPartsThatKeepEveryPair() throws {
        let (folder, pairs) = (try ScratchFolder(), Self.pairs(words: 110))
        #expect(pairs.count > 2 * 5461)
        func listed(_ options: GloVeOptions) throws -> [[Int]] {
            let built = try build(plan(folder, options, words: 110, memory: 0), pairs)
            #expect(built.isOnDisk)
            return try #require(try built.listed().first).map { [Int($0.row), Int($0.column)] }
        }
        let given = pairs.map { [$0.row, $0.column] }
        let shuffled = try listed(Self.options(groups: 1))
        #expect(Set(shuffled) == Set(given) && shuffled.count == given.count)
        // Wherever a pair stood, it stands anywhere: the mean place of the first half is about the middle.
        let places = Dictionary(uniqueKeysWithValues: shuffled.enumerated().map { ($1, $0) })
        let half = given.prefix(given.count / 2).compactMap { places[$0] }
        let mean = Double(half.reduce(0, +)) / Double(half.count * given.count)
        #expect(abs(mean - 0.5) < 0.02, "\(mean)")
        #expect(try listed(Self.options(groups: 1)) == shuffled)
        #expect(try listed(Self.options(groups: 1, seed: 2)) != shuffled)
        #expect(try listed(Self.options(groups: 1, shuffles: false)) == given)
    }

    @Test func filesOfOtherPlansAreNotTaken() throws {
        let (folder, pairs) = (try ScratchFolder(), Self.pairs(words: 110))
        let made = plan(folder, Self.options(groups: 1), words: 110, memory: 0)
        expectFileFailure(.notFound, "pairs") { _ = try GloVePairs.reopened(made) }
        _ = try build(made, pairs)
        #expect(try GloVePairs.reopened(made) != nil)
        func isTaken(_ change: (inout GloVePairPlan) -> Void) throws -> Bool {
            var plan = made
            change(&plan)
            return try GloVePairs.reopened(plan) != nil
        }
        #expect(try isTaken { $0.options.epochs = 9 })
        #expect(try !isTaken { $0.options.seed = 2 })
        #expect(try !isTaken { $0.options.exponent = 0.5 })
        #expect(try !isTaken { $0.identity = "another text" })
        // With more memory its one square would be shuffled as a whole.
        #expect(try !isTaken { $0.memoryBytes = 1 << 20 })
        #expect(throws: WordVectorError.self) { _ = try isTaken { $0.options.groups = 0 } }
    }

    @Test func damagedFilesAreErrors() throws {
        let (folder, pairs) = (try ScratchFolder(), Self.pairs(words: 60))
        let plan = plan(folder, Self.options(groups: 8), words: 60, memory: 0)
        _ = try build(plan, pairs)
        let (path, whole) = (
            URL(fileURLWithPath: plan.path), try Data(contentsOf: URL(fileURLWithPath: plan.path))
        )
        for length in [0, 7, 100, whole.count / 2, whole.count - 1] {
            try whole.prefix(length).write(to: path)
            #expect(throws: FileFormatError.self, "\(length) bytes") { try GloVePairs.reopened(plan) }
        }
        try whole.write(to: path)
        let file = try SafetensorsFile(path: plan.path)
        func damaged(_ name: String, _ element: Int, _ bytes: [UInt8], _ words: String) throws {
            var data = whole
            let start = try file.entry(name).byteRange.lowerBound + element * bytes.count
            data.replaceSubrange(start..<start + bytes.count, with: bytes)
            try data.write(to: path)
            expectFileFailure(.malformed, words) { _ = try GloVePairs.reopened(plan) }
        }
        try damaged("rows", 0, [60, 0, 0, 0], "is of word 60; there are 60 words")
        try damaged("columns", 9, [0, 0, 0, 0x80], "is of word 2147483648")
        // The first square is of rows 0, 8, 16 …
        try damaged("rows", 0, [1, 0, 0, 0], "square 0 holds a pair that does not belong there")
        try damaged("logarithms", 1, [0, 0, 0xC0, 0x7F], "square 0 holds a pair that does not belong there")
        try damaged("weights", 2, [0, 0, 0, 0x40], "square 0 holds a pair that does not belong there")
        try damaged("weights", 2, [0, 0, 0, 0x30], "not those that were written")
        try damaged("starts", 0, [1, 0, 0, 0, 0, 0, 0, 0], "must rise")
        try damaged("starts", 64, [0, 0, 0, 0, 0, 0, 0, 0], "must rise")
    }

    @Test func filesThatShrinkInUseAreErrors() throws {
        let folder = try ScratchFolder()
        let plan = plan(folder, Self.options(groups: 3), words: 60, memory: 0)
        let trainer = GloVeTrainer(
            vocabulary: Self.vocabulary(60),
            pairs: try build(plan, Self.pairs(words: 60))
        )
        _ = try trainer.trainEpoch()
        let handle = try FileHandle(forWritingTo: URL(fileURLWithPath: plan.path))
        try handle.truncate(atOffset: 20_000)
        try handle.close()
        expectFileFailure(.truncated, "pairs") { _ = try trainer.trainEpoch() }
    }

    @Test func aDiskThatRefusesIsAnError() throws {
        let folder = try ScratchFolder()
        var plan = plan(folder, Self.options(groups: 3), words: 60, memory: 0)
        plan.path = folder.file("none/pairs")
        expectFileFailure(.notFound, "none") { _ = try build(plan, Self.pairs(words: 60)) }
        #expect(throws: WordVectorError.self) { _ = try build(plan, []) }
        #expect(throws: CancellationError.self) {
            let builder = try GloVePairBuilder(plan)
            try builder.append(row: 1, column: 2, count: 1)
            _ = try builder.finish(isCancelled: { true })
        }
    }

    /// A training stopped within an epoch goes on from its state, with a file of an earlier run.
    @Test(arguments: [1, 3, 5]) func stoppedTrainingGoesOnExactly(rounds: Int) throws {
        let (folder, pairs) = (try ScratchFolder(), Self.pairs(words: 60))
        let options = Self.options(groups: 3)
        let (plan, vocabulary) = (plan(folder, options, words: 60, memory: 0), Self.vocabulary(60))
        let whole = try inMemory(pairs, options, words: 60)
        let first = GloVeTrainer(vocabulary: vocabulary, pairs: try build(plan, pairs))
        for _ in 0..<rounds { _ = try first.trainRound() }
        try first.saveState(to: folder.file("state"))
        let second = GloVeTrainer(
            vocabulary: vocabulary,
            pairs: try #require(try GloVePairs.reopened(plan))
        )
        try second.restoreState(from: folder.file("state"))
        #expect(second.epoch == rounds / 3)
        var losses = Array(whole.losses.prefix(second.epoch))
        while !second.isDone { losses.append(try second.trainEpoch()) }
        let (words, contexts) = second.parameters()
        #expect(Outcome(losses: losses, words: words, contexts: contexts) == whole)
        let other = GloVeTrainer(
            vocabulary: vocabulary,
            pairs: try build(plan, Self.pairs(words: 60, seed: 6))
        )
        #expect(throws: WordVectorError.self) { try other.restoreState(from: folder.file("state")) }
    }
}
