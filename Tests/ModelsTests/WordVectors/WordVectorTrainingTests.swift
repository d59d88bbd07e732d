import CKernels
import Foundation
import Testing
import YuyanFileFormats
import YuyanModels

@Suite struct WordVectorTrainingTests {
    @Test func corpusIsOrderedByCountAndDropsRareWords() {
        let builder = WordCorpusBuilder()
        builder.add(sentence: ["b", "a", "a", "rare"])
        builder.add(sentence: ["rare2"])
        builder.add(sentence: [])
        builder.add(sentence: ["c", "", "b", "a", "c"])
        let corpus = builder.finish(minimumCount: 2)
        #expect(corpus.vocabulary.words == ["a", "b", "c"])
        #expect(corpus.vocabulary.counts == [3, 2, 2])
        #expect(corpus.ids == [1, 0, 0, -1, 2, 1, 0, 2, -1])
        #expect(corpus.wordCount == 7 && corpus.textWordCount == 9)
        builder.add(sentence: ["x", "y", "x"])
        #expect(builder.finish(minimumCount: 1, maximumWords: 1).vocabulary.words == ["x"])
    }

    @Test func manyWordsKeepTheirPlaces() {
        let builder = WordCorpusBuilder()
        for number in 0..<20_000 { builder.add(sentence: ["w\(number)", "w\(number / 2)"]) }
        let corpus = builder.finish(minimumCount: 1)
        #expect(corpus.vocabulary.count == 20_000)
        let words = corpus.ids.filter { $0 >= 0 }.map { corpus.vocabulary.words[Int($0)] }
        #expect(words == (0..<20_000).flatMap { ["w\($0)", "w\($0 / 2)"] })
    }

    /// gensim 4.4: `ft_ngram_hashes(word, 3, 6, 2000000)`.
    @Test func bucketsAreThoseOfFastText() {
        let options = SubwordOptions()
        #expect(
            options.buckets(of: "where") == [
                167_652, 989_715, 1_526_707, 1_071_586, 420_941, 312_621, 969_176, 121_234, 1_473_420,
                1_540_811,
                114_991, 1_529_033, 1_568_469, 867_498,
            ]
        )
        #expect(options.buckets(of: "中文") == [759_167, 1_688_531, 1_876_513])
        #expect(options.buckets(of: "a") == [1_087_600])
        #expect(
            options.buckets(of: "naïve") == [
                1_806_890, 1_907_692, 878_190, 933_201, 1_590_546, 1_719_404, 832_043, 156_687, 356_832,
                1_223_007,
                1_505_331, 1_711_570, 1_788_548, 1_088_654,
            ]
        )
    }

    private static func options(_ change: (inout Word2VecOptions) -> Void) -> Word2VecOptions {
        var options = Word2VecOptions()
        (options.dimension, options.epochs, options.subsampling, options.learningRate) = (20, 3, 0, 0.05)
        change(&options)
        return options
    }

    static let kinds: [(name: String, options: Word2VecOptions)] = [
        ("skip-gram", options { _ in }),
        ("skip-gram, tree", options { $0.negatives = 0 }),
        ("CBOW", options { ($0.architecture, $0.learningRate) = (.cbow, 0.2) }),
        ("CBOW, tree", options { ($0.architecture, $0.negatives, $0.learningRate) = (.cbow, 0, 0.2) }),
        ("subwords", options { $0.subwords = SubwordOptions(bucketCount: 5000) }),
        (
            "CBOW, subwords",
            options { ($0.architecture, $0.subwords) = (.cbow, SubwordOptions(bucketCount: 5000)) }
        ),
    ]

    @Test(arguments: kinds.indices)
    func everyKindFindsThemesWithAnyNumberOfThreads(_ kind: Int) throws {
        let (name, options) = Self.kinds[kind]
        var losses: [Double] = []
        func train(_ corpus: WordCorpus, _ threads: Int32) throws -> WordVectors {
            try withThreads(threads) {
                let trainer = try Word2VecTrainer(corpus: corpus, options: options)
                losses = []
                #expect(trainer.train(reportSeconds: 0, report: { losses.append($0.loss) }))
                return trainer.vectors()
            }
        }
        let one = try train(themedCorpus(sentences: 1500), 1)
        #expect(try themeAccuracy(one) > 0.9, "\(name)")
        let last = losses.suffix(3).reduce(0, +) / 3
        #expect(losses.count > 6 && last < losses[0], "\(name): \(losses)")
        let small = themedCorpus(sentences: 40, themes: 2)
        #expect(try train(small, 2).vectors == train(small, 1).vectors, "\(name)")
    }

    @Test func anotherSeedGivesOtherVectors() throws {
        let corpus = themedCorpus(sentences: 40)
        func train(_ seed: UInt64) throws -> [Float] {
            let trainer = try Word2VecTrainer(corpus: corpus, options: Self.options { $0.seed = seed })
            trainer.train()
            return trainer.vectors().vectors
        }
        #expect(try train(1) == train(1))
        #expect(try train(1) != train(2))
    }

    @Test func stoppedTrainingGoesOnExactly() throws {
        let folder = try ScratchFolder()
        let corpus = themedCorpus(sentences: 3000)
        let options = Self.options { $0.epochs = 2 }
        let threads = yk_thread_count()
        yk_set_thread_count(1)
        defer { yk_set_thread_count(threads) }
        let whole = try Word2VecTrainer(corpus: corpus, options: options)
        whole.train()
        let first = try Word2VecTrainer(corpus: corpus, options: options)
        var asked = 0
        let isDone = first.train(isCancelled: {
            asked += 1
            return asked > 5
        })
        #expect(!isDone && !first.isDone)
        try first.saveState(to: folder.file("state"))
        let second = try Word2VecTrainer(corpus: corpus, options: options)
        try second.restoreState(from: folder.file("state"))
        #expect(second.train())
        #expect(second.vectors().vectors == whole.vectors().vectors)
        let other = try Word2VecTrainer(corpus: corpus, options: Self.options { $0.window = 4 })
        #expect(throws: WordVectorError.self) { try other.restoreState(from: folder.file("state")) }
        // A place that no training comes to.
        let file = Array(try Data(contentsOf: URL(fileURLWithPath: folder.file("state"))))
        let length = (0..<8).reduce(0) { $0 | Int(file[$1]) << (8 * $1) }
        var header = String(decoding: file[8..<8 + length], as: UTF8.self)
            .replacingOccurrences(
                of: #""place":"([0-9]+) "#,
                with: #""place":"$1 9999999"#,
                options: .regularExpression
            )
        while header.utf8.count % 8 != 0 { header += " " }
        let prefix = (0..<8).map { UInt8(truncatingIfNeeded: header.utf8.count >> (8 * $0)) }
        let damaged = Data(prefix + Array(header.utf8) + file[(8 + length)...])
        try damaged.write(to: URL(fileURLWithPath: folder.file("damaged")))
        let error = #expect(throws: FileFormatError.self) {
            try second.restoreState(from: folder.file("damaged"))
        }
        #expect(error?.description.contains("block 9999999") == true, "\(error?.description ?? "-")")
    }

    @Test func wrongOptionsAndTooLittleTextAreErrors() {
        #expect(throws: WordVectorError.self) {
            _ = try Word2VecTrainer(
                corpus: themedCorpus(sentences: 10),
                options: Self.options { $0.window = 0 }
            )
        }
        #expect(throws: WordVectorError.self) {
            _ = try Word2VecTrainer(corpus: WordCorpusBuilder().finish())
        }
    }

    @Test func learningRatesHaveBothBounds() {
        var (vectors, pairs) = (Word2VecOptions(), GloVeOptions())
        (vectors.learningRate, pairs.learningRate) = (1e30, 1e30)
        let words = "learning rate is 1e+30; it must be above 0 and below 100"
        #expect(vectors.problem == words && pairs.problem == words)
    }

    struct GloVeGolden: Decodable {
        struct Case: Decodable {
            let words, dimension, epochs: Int
            let learningRate, maximumCount, exponent: Double
            let rows, columns: [Int]
            let counts, losses, lastWords, lastContexts: [Double]
            let firstWords, firstContexts: [Float]
        }
        let glove: Case
    }

    @Test func gloveIsThatOfItsReference() throws {
        let golden = try classicalGolden(GloVeGolden.self).glove
        var options = GloVeOptions()
        (options.dimension, options.epochs, options.groups) = (golden.dimension, golden.epochs, 1)
        (options.learningRate, options.maximumCount) = (golden.learningRate, golden.maximumCount)
        (options.exponent, options.shuffles) = (golden.exponent, false)
        var pairs = Cooccurrences()
        for place in golden.rows.indices {
            pairs.append(row: golden.rows[place], column: golden.columns[place], count: golden.counts[place])
        }
        let names = (0..<golden.words).map { "w\($0)" }
        let trainer = try GloVeTrainer(
            vocabulary: WordVocabulary(words: names, counts: names.map { _ in 1 }),
            pairs: pairs,
            options: options,
            initial: (golden.firstWords, golden.firstContexts)
        )
        for loss in golden.losses { #expect(try abs(trainer.trainEpoch() / loss - 1) < 1e-5) }
        let last = trainer.parameters()
        for (ours, theirs) in [(last.words, golden.lastWords), (last.contexts, golden.lastContexts)] {
            for (own, wanted) in zip(ours, theirs) { #expect(abs(Double(own) - wanted) < 1e-5) }
        }
    }

    @Test func gloveFindsThemesWithAnyNumberOfThreads() throws {
        let corpus = themedCorpus(sentences: 1500)
        var counts: [Int: Double] = [:]
        let (ids, size) = (corpus.ids, corpus.vocabulary.count)
        for place in ids.indices where ids[place] >= 0 {
            for distance in 1...5 where place >= distance {
                if ids[place - distance] < 0 { break }
                let (a, b) = (Int(ids[place]), Int(ids[place - distance]))
                counts[a * size + b, default: 0] += 1 / Double(distance)
                counts[b * size + a, default: 0] += 1 / Double(distance)
            }
        }
        var pairs = Cooccurrences()
        for (key, count) in counts.sorted(by: { $0.key < $1.key }) {
            pairs.append(row: key / size, column: key % size, count: count)
        }
        var options = GloVeOptions()
        (options.dimension, options.epochs) = (16, 20)
        func train(_ threads: Int32) throws -> ([Float], [Double], WordVectors) {
            try withThreads(threads) {
                let trainer = try GloVeTrainer(vocabulary: corpus.vocabulary, pairs: pairs, options: options)
                let losses = try (0..<options.epochs).map { _ in try trainer.trainEpoch() }
                return (trainer.vectors().vectors, losses, trainer.vectors())
            }
        }
        let (one, two) = (try train(1), try train(2))
        #expect(one.0 == two.0 && one.1 == two.1)
        #expect(one.1[19] < one.1[0] / 4, "\(one.1)")
        #expect(try themeAccuracy(one.2) > 0.9)
    }
}
