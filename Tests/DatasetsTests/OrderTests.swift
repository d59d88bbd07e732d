import Testing
import YuyanDatasets
import YuyanFileFormats

@Suite("Mixtures, shuffles, buckets and figures of data sets")
struct OrderTests {
    let folder = TemporaryFolder()

    @Test("shares of a mixture hold in every block, and every epoch of a source is a permutation")
    func mixture() throws {
        let sources = [(70, 5.0), (31, 3.0), (400, 1.5), (9, 0.5)].map {
            Mixture.Source(count: $0.0, weight: $0.1)
        }
        let mixture = try Mixture(sources, seed: 4)
        var (counts, examples) = ([Int](repeating: 0, count: 4), [[Int]](repeating: [], count: 4))
        for position in 0..<8192 {
            let draw = mixture.draw(at: position)
            counts[draw.source] += 1
            examples[draw.source].append(draw.epoch * 1000 + draw.example)
            guard position % 1024 == 1023 else { continue }
            for (count, share) in zip(counts, [0.5, 0.3, 0.15, 0.05]) {
                #expect(abs(Double(count) - share * Double(position + 1)) <= 3)
            }
        }
        for (drawn, source) in zip(examples, sources) {
            // Whole epochs hold every example once.
            let epochs = drawn.count / source.count - 1
            for epoch in 0..<max(epochs, 0) {
                let found = drawn.filter { $0 / 1000 == epoch }.map { $0 % 1000 }
                #expect(found.sorted() == Array(0..<source.count))
            }
        }
        #expect(
            examples[0].filter { $0 / 1000 == 0 } != examples[0].filter { $0 / 1000 == 1 }.map { $0 - 1000 }
        )
    }

    @Test("a draw depends on seed and position alone, at any distance")
    func resumable() throws {
        let sources = [Mixture.Source(count: 5, weight: 1), Mixture.Source(count: 7, weight: 2)]
        let (one, two) = (try Mixture(sources, seed: 1), try Mixture(sources, seed: 1))
        let ahead = (0..<100).map { two.draw(at: 1_000_000_000_000 + $0) }
        #expect((0..<100).map { one.draw(at: 1_000_000_000_000 + $0) } == ahead)
        #expect(
            (0..<100).map { try? Mixture(sources, seed: 2).draw(at: $0) }
                != (0..<100).map { one.draw(at: $0) }
        )
    }

    @Test("by epochs every source is gone through so many times, and the order ends")
    func epochs() throws {
        let sources = [(10, 3.0), (1500, 1.0), (20, 0.5), (3, 0)].map {
            Mixture.Source(count: $0.0, weight: $0.1)
        }
        let mixture = try Mixture(sources, shares: .epochs, seed: 7)
        #expect(mixture.count == 1540)
        var seen: [Mixture.Draw: Int] = [:]
        for position in 0..<1540 { seen[mixture.draw(at: position), default: 0] += 1 }
        #expect(seen.values.allSatisfy { $0 == 1 })
        #expect((0..<4).map { source in seen.keys.count { $0.source == source } } == [30, 1500, 10, 0])
    }

    @Test("weights by tokens and temperatures")
    func shares() throws {
        func share(_ sources: [Mixture.Source], _ shares: Mixture.Shares) throws -> Double {
            let mixture = try Mixture(sources, shares: shares, seed: 1)
            return Double((0..<10_240).count { mixture.draw(at: $0).source == 0 }) / 10_240
        }
        let tokens = [
            Mixture.Source(count: 9, tokensPerExample: 300), Mixture.Source(count: 9, tokensPerExample: 100),
        ]
        #expect(abs(try share(tokens, .tokens) - 0.25) < 0.001)
        let sizes = [Mixture.Source(count: 1600), Mixture.Source(count: 100)]
        #expect(abs(try share(sizes, .temperature(1)) - 16.0 / 17) < 0.001)
        #expect(abs(try share(sizes, .temperature(2)) - 0.8) < 0.001)
        #expect(abs(try share(sizes, .temperature(1e9)) - 0.5) < 0.001)
        for wrong in [
            Mixture.Source(count: 0), Mixture.Source(count: 1, weight: -1),
            Mixture.Source(count: 1, weight: .nan),
        ] {
            #expect(throws: FileFormatError.self) { try Mixture([wrong], seed: 1) }
        }
        #expect(throws: FileFormatError.self) { try Mixture([], seed: 1) }
    }

    @Test("a shuffled stream gives every element once and goes on from any position", arguments: [0, 1, 2])
    func stream(epoch: Int) throws {
        func stream(_ count: Int, _ capacity: Int, from position: Int) throws -> [Int] {
            var next = ShuffledStream<Int>.firstNeeded(
                position: position,
                capacity: capacity,
                seed: 3,
                epoch: epoch
            )
            var stream = ShuffledStream<Int>(capacity: capacity, seed: 3, epoch: epoch, position: position) {
                next += 1
                return next <= count ? next - 1 : nil
            }
            var found: [Int] = []
            while let element = try stream.next() { found.append(element) }
            #expect(try stream.next() == nil)
            return found
        }
        for (count, capacity) in [(100, 16), (5, 16), (64, 1), (0, 4), (33, 33)] {
            let whole = try stream(count, capacity, from: 0)
            #expect(whole.sorted() == Array(0..<count))
            for position in stride(from: 0, through: count, by: 7) {
                #expect(
                    try stream(count, capacity, from: position) == Array(whole[position...]),
                    "\(count) \(capacity) \(position)"
                )
            }
        }
        #expect(try stream(100, 16, from: 0) != Array(0..<100))
    }

    @Test(
        "batches stay under the budget, hold every example once and pad little",
        arguments: [1, 2, 3] as [UInt64]
    )
    func buckets(seed: UInt64) throws {
        var random = TestGenerator(seed)
        let lengths = (0..<3000).map { _ in Int.random(in: 0...120, using: &random) }
        let plan = LengthBuckets(
            lengths: lengths,
            tokenBudget: 2048,
            maximumRows: 64,
            multiple: 8,
            seed: seed
        )
        #expect(plan.batches.flatMap { $0 }.sorted() == Array(0..<3000))
        var places = 0
        for batch in plan.batches {
            let width = max(((batch.map { lengths[$0] }.max() ?? 0) + 7) / 8 * 8, 8)
            #expect(width * batch.count <= 2048 && batch.count <= 64, "seed \(seed)")
            places += width * batch.count
        }
        #expect(plan.paddedCount == places && plan.tokenCount == lengths.reduce(0, +))
        #expect(plan.paddingShare < 0.12, "seed \(seed): \(plan.paddingShare)")
        #expect(
            plan
                == LengthBuckets(
                    lengths: lengths,
                    tokenBudget: 2048,
                    maximumRows: 64,
                    multiple: 8,
                    seed: seed
                )
        )
        let other = LengthBuckets(
            lengths: lengths,
            tokenBudget: 2048,
            maximumRows: 64,
            multiple: 8,
            seed: seed,
            epoch: 1
        )
        #expect(plan.batches != other.batches)
        let long = LengthBuckets(lengths: [10, 500, 20], tokenBudget: 100, seed: seed)
        #expect(long.oversizedCount == 1 && long.batches.contains([1]))
        #expect(LengthBuckets(lengths: [], tokenBudget: 1, seed: 1).batches.isEmpty)
    }

    @Test("label vocabularies: order, JSON, unknown labels")
    func vocabulary() throws {
        let vocabulary = LabelVocabulary(counts: ["b": 3, "a": 3, "c": 9, "乙": 1])
        #expect(vocabulary.labels == ["c", "a", "b", "乙"])
        #expect(LabelVocabulary(counts: ["b": 3, "a": 1], order: .name).labels == ["a", "b"])
        let path = folder.file("labels.json")
        try vocabulary.write(to: path)
        #expect(try LabelVocabulary(contentsOf: path) == vocabulary)
        #expect(try vocabulary.number(of: "b") == 2 && vocabulary.number(of: "x", unknown: .ignore) == nil)
        #expect(try vocabulary.number(of: "x", unknown: .replace("a")) == 1)
        let positive = try LabelVocabulary(labels: ["positive", "negative"])
        #expect(message { _ = try positive.number(of: "postive") }.contains("did you mean 'positive'?"))
        #expect(throws: FileFormatError.self) { try LabelVocabulary(labels: ["a", "a"]) }
        let broken = try folder.write("b.json", #"{"labels": ["a", 1]}"#)
        #expect(throws: FileFormatError.self) { try LabelVocabulary(contentsOf: broken) }
        let balance = LabelVocabulary(counts: ["a": 30, "b": 10]).balance
        #expect(
            balance.majorityShare == 0.75 && balance.imbalance == 3
                && abs(balance.evenness - 0.8112781) < 1e-6
        )
    }

    @Test("percentiles are exact below 2048 and within 0.1 % above", arguments: [1, 2] as [UInt64])
    func percentiles(seed: UInt64) {
        var random = TestGenerator(seed)
        for scale in [1000, 2047, 100_000, 1 << 40] {
            let lengths = (0..<997).map { _ in Int.random(in: 0...scale, using: &random) }
            var statistics = LengthStatistics()
            for length in lengths { statistics.add(length) }
            let sorted = lengths.sorted()
            #expect(
                statistics.minimum == sorted[0] && statistics.maximum == sorted[996]
                    && statistics.count == 997
            )
            for share in [0, 0.01, 0.5, 0.9, 0.99, 1] {
                let exact = sorted[max(Int((share * 997).rounded(.up)), 1) - 1]
                let found = statistics.percentile(share)
                #expect(
                    scale < 2048 ? found == exact : abs(Double(found - exact)) <= 0.001 * Double(exact),
                    "seed \(seed)"
                )
            }
        }
        #expect(LengthStatistics().percentile(0.5) == 0 && LengthStatistics().mean == 0)
    }

    @Test("fingerprints depend on content and settings, not on names; order when asked")
    func fingerprints() throws {
        let (a, b) = (try folder.write("a.csv", "x\n1\n"), try folder.write("b.csv", "x\n2\n"))
        let copy = try folder.write("c.csv", "x\n1\n")
        let print = try DatasetFingerprint([a, b]).sha256
        #expect(
            try DatasetFingerprint([copy, b]).sha256 == print && DatasetFingerprint([b, a]).sha256 != print
        )
        #expect(
            try DatasetFingerprint([a, b], ignoresOrder: true).sha256
                == DatasetFingerprint([b, a], ignoresOrder: true).sha256
        )
        var settings = DataSettings()
        settings.header = false
        #expect(try DatasetFingerprint([a, b], settings: settings).sha256 != print)
        #expect(try DatasetFingerprint([a]).files[0].sha256 == SHA256.hex(of: "x\n1\n".utf8))
    }

    @Test("a summary counts labels, lengths, duplicates, conflicts, empty and malformed rows")
    func summary() throws {
        let path = try folder.write("a.tsv", "text\tlabel\n一二\tx\nb\ty\nb\ty\nb\tx\n\tx\nbad\n")
        let settings = try dataSettings(#"{"on_error": "skip"}"#)
        let summary = try DatasetSummary(ClassificationExample.self, of: [path], settings: settings)
        #expect(summary.labelCounts == ["x": 3, "y": 2])
        #expect(summary.duplicateCount == 2 && summary.conflictCount == 1 && summary.emptyCount == 1)
        #expect(summary.report.recordCount == 5 && summary.report.malformedCount == 1)
        #expect(summary.byteLengths.maximum == 6 && summary.scalarLengths.maximum == 2)
        let json = summary.json
        #expect(json["labels"]?["x"] == 3 && json["reading"]?["malformed"] == 1)
        #expect(json["fingerprint"]?["files"]?.arrayValue?.count == 1 && json["bytes"]?["p50"] == 1)
    }
}
