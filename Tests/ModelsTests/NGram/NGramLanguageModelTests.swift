import Foundation
import Testing
import YuyanFileFormats
import YuyanModels

@Suite struct NGramLanguageModelTests {
    @Test func probabilitiesAreThoseOfTheEquations() throws {
        let cases = try NGramGolden.all()
        #expect(cases.count == 7)
        for golden in cases {
            let options = ngramOptions(golden.order, golden.minCounts)
            let model = try ngramModel(
                golden.documents,
                vocabulary: golden.vocabulary,
                endOfText: golden.endOfText,
                options
            )
            #expect(Array(model.ngramCounts.dropFirst()) == golden.ngrams, "\(golden.name)")
            for (own, wanted) in zip(model.discounts, golden.discounts) {
                #expect(zip(own.amounts, wanted).allSatisfy { abs($0 - $1) < 1e-12 }, "\(golden.name)")
            }
            for query in golden.queries {
                let all = try model.probabilities(after: query.context)
                for (token, wanted) in query.probabilities.enumerated() {
                    #expect(abs(Double(all[token]) - wanted) < 1e-6 * wanted, "\(golden.name)")
                    let own = try model.probability(of: Int32(token), after: query.context)
                    #expect(abs(own - wanted) < 1e-6 * wanted, "\(golden.name) \(query.context)")
                }
            }
        }
    }

    /// Whatever the text, the options and the context: the vocabulary's probabilities are above 0 and sum to 1.
    @Test(arguments: UInt64(1)...12) func probabilitiesSumToOne(seed: UInt64) throws {
        var draws = Draws(state: seed)
        let vocabulary = [2, 7, 60, 500, 70_000][draws(5)]
        let end = draws(2) == 0 ? Int32(vocabulary - 1) : nil
        let order = 1 + draws(7)
        let least = [[1], [1, 2], [1, 1, 2], [1, 2, 2, 3]][draws(4)]
        let options = ngramOptions(order, Array(least.prefix(order)))
        let documents = ngramDocuments(1 + draws(80), vocabulary: vocabulary, endOfText: end, seed: seed)
        let model = try ngramModel(documents, vocabulary: vocabulary, endOfText: end, options)
        for _ in 0..<30 {
            let document = documents[draws(documents.count)]
            var context = Array(document.prefix(draws(document.count + 1)))
            if draws(3) == 0 { context.append(Int32(draws(vocabulary))) }
            let all = try model.probabilities(after: context, fromStart: draws(2) == 0)
            let sum = all.reduce(0.0) { $0 + Double($1) }
            #expect(abs(sum - 1) < 2e-6, "seed \(seed), order \(order), after \(context): \(sum)")
            #expect(all.allSatisfy { $0 > 0 }, "seed \(seed), order \(order), after \(context)")
        }
    }

    /// A text long enough to be counted in many parts, by one thread and by two: the same bytes.
    @Test func threadsDoNotChangeAnything() throws {
        let documents = ngramDocuments(40_000, vocabulary: 300, endOfText: 299, seed: 5)
        var files: [Data] = []
        var scores: [NGramScore] = []
        for threads: Int32 in [1, 2] {
            let folder = try ScratchFolder()
            try withThreads(threads) {
                let options = ngramOptions(4, [1, 1, 2])
                let model = try ngramModel(documents, vocabulary: 300, endOfText: 299, options)
                try model.save(to: folder.path)
                scores.append(try model.score(NGramDocuments(Array(documents.prefix(3000)))))
            }
            files.append(try Data(contentsOf: URL(filePath: folder.file("model.safetensors"))))
        }
        #expect(files[0] == files[1] && files[0].count > 100_000)
        #expect(scores[0] == scores[1])
    }

    @Test(arguments: [1, 2, 3, 5]) func scoresAreSumsOfLogarithms(order: Int) throws {
        let documents = ngramDocuments(40, vocabulary: 20, endOfText: 19, seed: 9)
        let model = try ngramModel(documents, vocabulary: 20, endOfText: 19, ngramOptions(order))
        let others = ngramDocuments(20, vocabulary: 20, endOfText: 19, seed: 10)
        for skips in [false, true] {
            var (nats, tokens) = (0.0, 0)
            for document in others {
                for place in (skips ? 1 : 0)..<document.count {
                    nats -= log(
                        try model.probability(of: document[place], after: Array(document[..<place]))
                    )
                    tokens += 1
                }
            }
            let score = try model.score(NGramDocuments(others), skipsFirst: { _ in skips })
            #expect(score.tokens == tokens && abs(score.nats - nats) < 1e-9 * nats)
            #expect(score.orders.reduce(0, +) == tokens && score.orders.count == order)
        }
    }

    /// What stands behind an end of a text begins one, also within a document.
    @Test func anEndOfTextBeginsAText() throws {
        let texts = ngramDocuments(60, vocabulary: 12, endOfText: 11, seed: 3)
        let pairs = stride(from: 0, to: 60, by: 2).map { texts[$0] + texts[$0 + 1] }
        let (apart, joined) = (
            try ngramModel(texts, vocabulary: 12, endOfText: 11),
            try ngramModel(pairs, vocabulary: 12, endOfText: 11)
        )
        #expect(apart.ngramCounts == joined.ngramCounts)
        #expect(try apart.score(NGramDocuments(pairs)) == joined.score(NGramDocuments(texts)))
        let context: [Int32] = [4, 2, 11, 5]
        #expect(try apart.probabilities(after: context) == apart.probabilities(after: [5]))
        #expect(try apart.probabilities(after: [11], fromStart: false) == apart.probabilities(after: []))
        #expect(try apart.probabilities(after: [5], fromStart: false) != apart.probabilities(after: [5]))
    }

    @Test func unseenTokensAreCounted() throws {
        let model = try ngramModel([[0, 1, 2, 1, 0, 1, 1]], vocabulary: 9, ngramOptions(2))
        let score = try model.score(NGramDocuments([[0, 8, 1], [7]]))
        #expect(score.tokens == 4 && score.unseen == 2 && score.nats.isFinite)
    }

    @Test func aSavedModelIsTheSame() throws {
        for (order, end) in [(1, nil), (2, 29), (5, 29)] as [(Int, Int32?)] {
            let documents = ngramDocuments(90, vocabulary: 30, endOfText: end, seed: 21)
            let model = try ngramModel(documents, vocabulary: 30, endOfText: end, ngramOptions(order))
            let folder = try ScratchFolder()
            try model.save(to: folder.path)
            let read = try NGramLanguageModel(folder: folder.path)
            #expect(read.order == order && read.endOfText == end && read.discounts == model.discounts)
            #expect(read.ngramCounts == model.ngramCounts && read.minimumCounts == model.minimumCounts)
            #expect(read.unseenProbability == model.unseenProbability)
            let others = NGramDocuments(ngramDocuments(30, vocabulary: 30, endOfText: end, seed: 22))
            #expect(try read.score(others) == model.score(others))
            #expect(try read.probabilities(after: [3, 4]) == model.probabilities(after: [3, 4]))
        }
    }

    @Test func misuseIsAnError() throws {
        func fails(_ words: String, _ body: () throws -> Void) {
            do {
                try body()
                Issue.record("nothing was thrown for \(words)")
            } catch {
                #expect("\(error)".contains(words))
            }
        }
        for (order, least, words) in [
            (0, [1], "order is 0"), (11, [1], "order is 11"), (3, [2], "the first is 1"),
            (3, [], "the first is 1"),
            (3, [1, 3, 2], "shorter"), (2, [1, 1, 1], "3 numbers"),
        ] {
            fails(words) { _ = try ngramModel([[1]], vocabulary: 4, ngramOptions(order, least)) }
        }
        fails("token 4 is outside") { _ = try ngramModel([[1, 4]], vocabulary: 4) }
        fails("token -1 is outside") { _ = try ngramModel([[-1]], vocabulary: 4) }
        fails("no tokens") { _ = try ngramModel([[]], vocabulary: 4) }
        let model = try ngramModel([[1, 2]], vocabulary: 4)
        fails("outside the model's vocabulary") { _ = try model.score(NGramDocuments([[4]])) }
        #expect(throws: CancellationError.self) {
            _ = try NGramLanguageModel.train(
                NGramDocuments([[1, 2]]),
                vocabularySize: 4,
                endOfText: nil,
                isCancelled: { true }
            )
        }
        #expect(throws: CancellationError.self) {
            _ = try model.score(NGramDocuments([[1]]), progress: { _, _ in false })
        }
    }
}

@Suite struct NGramFileTests {
    /// A folder with a model; its table file is then damaged.
    private static func folder() throws -> ScratchFolder {
        let folder = try ScratchFolder()
        let documents = ngramDocuments(60, vocabulary: 20, endOfText: 19, seed: 2)
        try ngramModel(documents, vocabulary: 20, endOfText: 19, ngramOptions(3)).save(to: folder.path)
        return folder
    }

    /// Every number of the lists, made wrong, is found.
    @Test func wrongNumbersAreFound() throws {
        let folder = try Self.folder()
        let path = folder.file("model.safetensors")
        let file = try SafetensorsFile(path: path)
        let whole = try Data(contentsOf: URL(filePath: path))
        let damages: [(String, Int, UInt32)] = [
            ("starts.1", 0, 1), ("starts.1", 3, 1 << 31), ("starts.2", -1, 7), ("starts.2", 5, 0),
            ("children.1", 0, 4), ("children.1", -1, 0), ("children.1", 2, .max), ("contexts.1", 3, 0),
            ("contexts.2", 0, 21), ("contexts.1", -1, .max), ("tokens.1", 1, 20), ("tokens.2", 0, .max),
            ("probabilities.1", 0, Float.nan.bitPattern), ("probabilities.2", 3, Float(1.5).bitPattern),
            ("probabilities.2", 4, Float(-0.5).bitPattern), ("unigrams", 2, Float(2).bitPattern),
            ("backoffs.2", 1, Float(-1).bitPattern), ("backoffs.1", 1, Float.infinity.bitPattern),
        ]
        for (name, place, value) in damages {
            let entry = try file.entry(name)
            let index = place < 0 ? entry.elementCount + place : place
            var damaged = whole
            let offset = entry.byteRange.lowerBound + 4 * index
            damaged.replaceSubrange(
                offset..<offset + 4,
                with: withUnsafeBytes(of: value.littleEndian) { Data($0) }
            )
            try damaged.write(to: URL(filePath: path))
            expectFileFailure(.malformed, name) { _ = try NGramLanguageModel(folder: folder.path) }
        }
    }

    @Test func wrongConfigurationsAreFound() throws {
        for (old, new, code, words) in [
            ("\"order\": 3", "\"order\": 4", FileFormatError.Code.mismatch, "children.2"),
            ("\"order\": 3", "\"order\": 2", .mismatch, "children.1"),
            ("\"order\": 3", "\"order\": 30", .malformed, "order"),
            ("\"vocab_size\": 20", "\"vocab_size\": 21", .mismatch, "unigrams"),
            ("\"vocab_size\": 20", "\"vocab_size\": -1", .malformed, "vocab_size"),
            ("\"eos_token_id\": 19", "\"eos_token_id\": 20", .malformed, "eos_token_id"),
            ("\"n-gram\"", "\"gpt2\"", .unsupported, "model_type"),
        ] {
            let folder = try Self.folder()
            let path = folder.file("config.json")
            let text = try String(contentsOfFile: path, encoding: .utf8)
            #expect(text.contains(old))
            try text.replacingOccurrences(of: old, with: new).write(
                toFile: path,
                atomically: true,
                encoding: .utf8
            )
            expectFileFailure(code, words) { _ = try NGramLanguageModel(folder: folder.path) }
        }
    }

    /// Files with random bytes changed or cut short: an error or a model that answers, never a crash.
    @Test(arguments: UInt64(1)...4) func damagedFilesDoNotCrash(seed: UInt64) throws {
        var draws = Draws(state: seed)
        let folder = try Self.folder()
        let path = folder.file("model.safetensors")
        let whole = try Data(contentsOf: URL(filePath: path))
        for _ in 0..<60 {
            var damaged = whole
            for _ in 0..<1 + draws(6) { damaged[draws(damaged.count)] = UInt8(draws(256)) }
            if draws(5) == 0 { damaged = damaged.prefix(draws(damaged.count)) }
            try damaged.write(to: URL(filePath: path))
            guard let model = try? NGramLanguageModel(folder: folder.path) else { continue }
            for token in 0..<Int32(20) { _ = try model.probabilities(after: [token, Int32(draws(20))]) }
        }
    }
}
