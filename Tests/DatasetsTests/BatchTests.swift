import Foundation
import Testing
import YuyanDatasets
import YuyanFileFormats

private let ignored = Batch.ignoredTarget

@Suite("Batches")
struct BatchTests {
    let folder = TemporaryFolder()
    /// Documents of different lengths, each ended by 0; every other token occurs once.
    var documents: [[Int32]] {
        var next: Int32 = 1
        return [3, 1, 7, 2, 12, 5].map { length in
            defer { next += Int32(length) }
            return (0..<Int32(length)).map { next + $0 } + [0]
        }
    }

    @Test("a row by hand: segments begin at the end-of-text token, positions restart")
    func byHand() throws {
        let shard = try makeShard(folder, documents: [[5, 6, 0], [7, 0], [8, 9, 0]])
        let data = TokenDataset(shard: shard, sequenceLength: 10, endOfText: 0)
        var pass = try EvaluationBatches(data, batchSize: 1)
        let givenBatch = pass.next()
        let batch = try #require(givenBatch)
        #expect(batch.inputs == [0, 5, 6, 0, 7, 0, 8, 9, 0, 0])
        #expect(batch.targets == [5, 6, 0, 7, 0, 8, 9, 0, ignored, ignored])
        #expect(batch.segments == [0, 0, 0, 1, 1, 2, 2, 2, 3, 3])
        #expect(batch.positions == [0, 1, 2, 0, 1, 0, 1, 2, 0, 1])
        #expect(batch.targetCount == 8 && batch.hasSeveralSegments)
        let after = pass.next()
        #expect(after == nil)
    }

    @Test("without an end-of-text token no target crosses documents")
    func withoutEnd() throws {
        let shard = try makeShard(folder, documents: [[5, 6], [7], [8, 9]])
        let data = TokenDataset(shard: shard, sequenceLength: 5, endOfText: nil)
        var pass = try EvaluationBatches(data, batchSize: 1)
        let givenBatch = pass.next()
        let batch = try #require(givenBatch)
        #expect(batch.inputs == [5, 6, 7, 8, 0])
        #expect(batch.targets == [6, ignored, ignored, 9, ignored])
        #expect(batch.segments == [0, 0, 1, 2, 3])
        #expect(batch.targetCount == 2)
        let plain = TokenDataset(shard: shard, sequenceLength: 4, endOfText: nil, isolatesDocuments: false)
        var whole = try EvaluationBatches(plain, batchSize: 1)
        let givenRow = whole.next()
        let row = try #require(givenRow)
        #expect(row.inputs == [5, 6, 7, 8] && row.targets == [6, 7, 8, 9] && row.segments == [0, 0, 0, 0])
    }

    @Test("every row, from every start: inputs precede targets and segments never mix documents")
    func rows() throws {
        let shard = try makeShard(folder, documents: documents)
        let all = shard[0..<shard.count]
        var owner: [Int] = []
        for (number, document) in documents.enumerated() { owner += document.map { _ in number } }
        var checked = 0
        for length in [1, 2, 5, 9, 35] {
            let data = TokenDataset(shard: shard, sequenceLength: length, endOfText: 0)
            var batches = try TrainingBatches(data, batchSize: 3, order: .randomWindows, seed: 5)
            for _ in 0..<60 {
                let batch = batches.nextBatch()
                for row in 0..<3 {
                    let places = (row * length)..<((row + 1) * length)
                    // Tokens are unique except 0, so the row's place is found from any other token.
                    guard let known = places.first(where: { batch.targets[$0] > 0 }) else { continue }
                    let start =
                        try #require(all.firstIndex(of: batch.targets[known])) - (known - places.lowerBound)
                    for (step, index) in places.enumerated() {
                        #expect(batch.targets[index] == all[start + step])
                        #expect(batch.inputs[index] == all[start + step - 1])
                        checked += 1
                        if step == 0 { continue }
                        // A target's document is the document of its segment.
                        let isSame = owner[start + step] == owner[start + step - 1]
                        let continues = batch.segments[index] == batch.segments[index - 1]
                        #expect(continues == isSame)
                        #expect(batch.positions[index] == (continues ? batch.positions[index - 1] + 1 : 0))
                    }
                }
            }
        }
        #expect(checked > 5000)
    }

    @Test("random windows are those of (seed, number) whatever the batch size, and cover every start")
    func windows() throws {
        let shard = try makeShard(folder, documents: [Array(1...20)])
        let data = TokenDataset(shard: shard, sequenceLength: 4, endOfText: nil)
        func starts(batchSize: Int, seed: UInt64, count: Int) throws -> [Int32] {
            var batches = try TrainingBatches(data, batchSize: batchSize, order: .randomWindows, seed: seed)
            return (0..<count / batchSize).flatMap { _ in
                let inputs = batches.nextBatch().inputs
                return stride(from: 0, to: inputs.count, by: 4).map { inputs[$0] }
            }
        }
        let eight = try starts(batchSize: 8, seed: 1, count: 800)
        #expect(try eight == starts(batchSize: 2, seed: 1, count: 800))
        #expect(try eight != starts(batchSize: 8, seed: 2, count: 800))
        // As nanoGPT draws: from 0 to N − T − 1.
        #expect(Set(eight) == Set(1...16))
        #expect(data.windowCount == 16)
    }

    @Test("an epoch gives every target exactly once, in another order each time")
    func epochs() throws {
        let shard = try makeShard(folder, documents: documents)
        for (length, batchSize) in [(4, 3), (5, 2), (36, 1), (7, 5)] {
            let data = TokenDataset(shard: shard, sequenceLength: length, endOfText: 0)
            let blocks = data.blocksPerEpoch
            var batches = try TrainingBatches(data, batchSize: batchSize, order: .shuffledBlocks, seed: 4)
            var rows: [[Int32]] = []
            while rows.count < 3 * blocks {
                let batch = batches.nextBatch()
                for row in 0..<batchSize {
                    rows.append(Array(batch.targets[row * length..<(row + 1) * length]))
                }
            }
            for epoch in 0..<3 {
                let part = rows[epoch * blocks..<(epoch + 1) * blocks]
                let found = part.flatMap { $0 }.filter { $0 != ignored }.sorted()
                #expect(found == shard[0..<shard.count].sorted(), "length \(length), epoch \(epoch)")
            }
            if blocks > 5 { #expect(rows[0..<blocks] != rows[blocks..<2 * blocks]) }
        }
    }

    @Test("going on from any saved state gives the same batches")
    func resume() throws {
        let shard = try makeShard(folder, documents: documents)
        let data = TokenDataset(shard: shard, sequenceLength: 4, endOfText: 0)
        for order in BatchOrder.allCases {
            var batches = try TrainingBatches(data, batchSize: 3, order: order, seed: 9)
            var (states, given): ([BatchState], [Batch?]) = ([], [])
            for _ in 0..<20 {
                states.append(batches.state)
                given.append(batches.next())
            }
            for place in states.indices {
                let saved = try JSONEncoder().encode(states[place])
                let state = try JSONDecoder().decode(BatchState.self, from: saved)
                var resumed = try TrainingBatches(data, batchSize: 3, order: order, seed: 9, state: state)
                for later in place..<20 {
                    let batch = resumed.next()
                    #expect(batch == given[later])
                }
            }
        }
    }

    @Test("evaluation scores every token once with any stride")
    func evaluation() throws {
        let shard = try makeShard(folder, documents: documents)
        for (length, stride, batchSize) in [(4, 4, 3), (8, 3, 2), (5, 1, 4), (100, 100, 2), (100, 40, 2)] {
            let data = TokenDataset(
                shard: shard,
                sequenceLength: length,
                endOfText: 0,
                isolatesDocuments: false
            )
            var pass = try EvaluationBatches(data, batchSize: batchSize, stride: stride)
            let announced = pass.batchCount
            var (scored, counted, batchCount): ([Int32], Int, Int) = ([], 0, 0)
            while let batch = pass.next() {
                for row in 0..<batch.rows {
                    let places = (row * length)..<((row + 1) * length)
                    let mine = places.filter { batch.targets[$0] != ignored }
                    // After the beginning, a scored token has at least T − stride tokens of context.
                    if scored.count >= length, let first = mine.first {
                        #expect(first - places.lowerBound >= length - stride)
                    }
                    scored += mine.map { batch.targets[$0] }
                }
                counted += batch.targetCount
                batchCount += 1
            }
            #expect(scored == shard[0..<shard.count], "length \(length), stride \(stride)")
            #expect(counted == shard.count && counted == data.targetsPerEpoch)
            #expect(batchCount == announced)
        }
    }

    @Test("shards without a single row are refused")
    func tooShort() throws {
        let empty = TokenDataset(shard: try makeShard(folder, documents: []), sequenceLength: 4, endOfText: 0)
        #expect(throws: FileFormatError.self) { try EvaluationBatches(empty, batchSize: 1) }
        let four = try makeShard(folder, documents: [[1, 2, 3, 4]])
        let short = TokenDataset(shard: four, sequenceLength: 4, endOfText: nil)
        #expect(throws: FileFormatError.self) {
            try TrainingBatches(short, batchSize: 1, order: .randomWindows, seed: 1)
        }
        let fits = try TrainingBatches(short, batchSize: 1, order: .shuffledBlocks, seed: 1)
        #expect(fits.dataset.blocksPerEpoch == 1)
    }

    @Test("a prefetcher gives the source's batches, states and end")
    func prefetch() throws {
        let shard = try makeShard(folder, documents: documents)
        let data = TokenDataset(shard: shard, sequenceLength: 3, endOfText: 0)
        for capacity in [1, 2, 100] {
            var pass = try EvaluationBatches(data, batchSize: 2)
            let ahead = Prefetcher(pass, capacity: capacity)
            while let batch = pass.next() {
                let taken = try ahead.next()
                #expect(taken == batch && ahead.state == pass.state)
            }
            let (after, again) = (try ahead.next(), try ahead.next())
            #expect(after == nil && again == nil)
        }
        // Dropped while its thread waits for room.
        _ = Prefetcher(try TrainingBatches(data, batchSize: 2, order: .shuffledBlocks, seed: 1), capacity: 1)
    }

    @Test("a prefetcher passes the source's error on")
    func prefetchFailure() throws {
        struct Failing: BatchSource {
            var state = BatchState()
            mutating func next() throws -> Batch? {
                state.position += 1
                if state.position > 2 { throw FileFormatError(.inputOutput, "the disk is gone") }
                return Batch(rows: 1, length: 1)
            }
        }
        let ahead = Prefetcher(Failing())
        #expect(try ahead.next() != nil)
        #expect(try ahead.next() != nil)
        #expect(throws: FileFormatError.self) { try ahead.next() }
        #expect(throws: FileFormatError.self) { try ahead.next() }
    }
}
