import Foundation
import Testing
import YuyanTextProcessing

@Suite("Parts of speech")
struct TaggerTests {
    private func options(beam: Int = 4, passes: Int = 6) -> TaggerTrainingOptions {
        var options = TaggerTrainingOptions()
        (options.beamWidth, options.passes, options.threshold) = (beam, passes, 0)
        return options
    }

    @Test("it learns its training sentences and what their context decides", arguments: [1, 4])
    func learns(beam: Int) throws {
        let tagger = try PartOfSpeechTagger(training: SmallTreebank.english, options: options(beam: beam))
        for sentence in SmallTreebank.english { #expect(tagger.tags(for: sentence.words) == sentence.tags) }
        #expect(
            tagger.tags == ["ADJ", "ADV", "CCONJ", "DET", "NOUN", "NUM", "PRON", "PROPN", "PUNCT", "VERB"]
        )
        // New words by their endings, capitals and neighbours; "watch" by what stands before it.
        #expect(
            tagger.tags(for: ["she", "calmly", "watch", "the", "watch", "."])[1...] == [
                "ADV", "VERB", "DET", "NOUN", "PUNCT",
            ]
        )
        #expect(tagger.tags(for: []) == [])
    }

    @Test("the same sentences give the same bytes; another seed another order")
    func deterministic() throws {
        var other = options()
        other.seed = 7
        let first = try PartOfSpeechTagger(training: SmallTreebank.english, options: options())
        let second = try PartOfSpeechTagger(training: SmallTreebank.english, options: options())
        let third = try PartOfSpeechTagger(training: SmallTreebank.english, options: other)
        #expect(first.serialized() == second.serialized())
        #expect(first.serialized() != third.serialized())
    }

    @Test("what is saved is what is loaded")
    func roundTrip() throws {
        let path = FileManager.default.temporaryDirectory.appendingPathComponent(
            "yuyan-\(UUID().uuidString).bin"
        ).path
        defer { try? FileManager.default.removeItem(atPath: path) }
        let tagger = try PartOfSpeechTagger(training: SmallTreebank.english, options: options())
        try tagger.save(to: path)
        let loaded = try PartOfSpeechTagger(contentsOf: path)
        #expect(loaded.serialized() == tagger.serialized())
        #expect(loaded.beamWidth == 4 && loaded.featureCount == tagger.featureCount)
        var random = TestRandom(state: 3)
        let words = SmallTreebank.english.flatMap(\.words)
        for _ in 0..<200 {
            let sentence = (0..<8).map { _ in words[Int.random(in: 0..<words.count, using: &random)] }
            #expect(loaded.tags(for: sentence) == tagger.tags(for: sentence))
        }
    }

    @Test("sentences that cannot be learned from are named")
    func wrongTraining() {
        func message(_ sentences: [TaggedSentence]) -> String {
            do {
                _ = try PartOfSpeechTagger(training: sentences)
                return ""
            } catch { return "\(error.code.rawValue) \(error)" }
        }
        let short = TaggedSentence(words: ["a", "b"], tags: ["X"])
        #expect(message([]).hasPrefix("unusable-training 0 tags"))
        #expect(
            message([SmallTreebank.english[0], short])
                == "unusable-training sentence 2: 2 words have 1 tags; give every word one"
        )
        let many = TaggedSentence(
            words: Array(repeating: "a", count: 5000),
            tags: (0..<5000).map { "T\($0)" }
        )
        #expect(message([many]).contains("1 to 4096"))
    }

    @Test("damaged, cut, foreign and newer files give typed errors")
    func hostileFiles() throws {
        let tagger = try PartOfSpeechTagger(training: SmallTreebank.english, options: options())
        let good = tagger.serialized()
        func code(_ bytes: [UInt8]) -> SegmentationError.Code? {
            do {
                _ = try PartOfSpeechTagger(serialized: bytes)
                return nil
            } catch { return error.code }
        }
        #expect(code(good) == nil)
        #expect(code([]) == .truncated)
        #expect(code(Array("not a model at all, but long enough to look".utf8)) == .malformed)
        for length in stride(from: 0, to: good.count, by: 97) { #expect(code(Array(good[..<length])) != nil) }
        var newer = good
        newer[8] = 9
        #expect(code(newer) == .unsupported)
        let segmenter = try CharacterSegmenter(training: SmallTreebank.chinese)
        #expect(code(segmenter.serialized()) == .unsupported)
        for place in stride(from: 16, to: good.count, by: 131) {
            var bad = good
            bad[place] ^= 0x40
            #expect(code(bad) == .malformed)
        }
    }

    @Test("files whose fingerprint is right and whose content lies give typed errors")
    func lyingFiles() throws {
        let seed = UInt64.random(in: 0...UInt64.max)
        var random = TestRandom(state: seed)
        let files = [
            try PartOfSpeechTagger(training: SmallTreebank.english, options: options()).serialized(),
            try CharacterSegmenter(training: SmallTreebank.chinese).serialized(),
        ]
        for (kind, good) in files.enumerated() {
            for _ in 0..<600 {
                var content = Array(good.dropLast(16))
                for _ in 0..<Int.random(in: 1...3, using: &random) {
                    let place = Int.random(
                        in: 16..<min(content.count, 16 + content.count / 2),
                        using: &random
                    )
                    content[place] =
                        [0, 1, 0x7F, 0xFF, UInt8.random(in: 0...255, using: &random)].randomElement(
                            using: &random
                        ) ?? 0
                }
                if Bool.random(using: &random) {
                    content.removeLast(Int.random(in: 0..<content.count - 16, using: &random))
                }
                let sealed = content + seal(content)
                // Read or refused, but never a crash; what is read must work.
                do throws(SegmentationError) {
                    if kind == 0 {
                        _ = try PartOfSpeechTagger(serialized: sealed).tags(for: [
                            "the", "dog", "Xyzzy", "20",
                        ])
                    } else {
                        let text = "我们在北京大学 abc 12"
                        #expect(coversAll(text, try CharacterSegmenter(serialized: sealed).ranges(in: text)))
                    }
                } catch {
                    #expect(!error.message.isEmpty, "seed \(seed)")
                }
            }
        }
    }

    private func seal(_ content: [UInt8]) -> [UInt8] {
        let print = content.withUnsafeBytes { TextFingerprint(bytes: $0) }
        return [print.high, print.low].flatMap { number in
            (0..<8).map { UInt8(truncatingIfNeeded: number >> (8 * $0)) }
        }
    }

    @Test("files that are not there, folders and devices give typed errors")
    func missingFiles() {
        func error(_ path: String) -> SegmentationError? {
            do {
                _ = try PartOfSpeechTagger(contentsOf: path)
                return nil
            } catch { return error }
        }
        #expect(error("/nonexistent/model")?.code == .notFound)
        #expect(error("/nonexistent/model")?.path == "/nonexistent/model")
        #expect(error(FileManager.default.temporaryDirectory.path)?.code == .notFound)
        #expect(error("/dev/zero")?.code == .notFound)
    }

    @Test("from raw text to tagged words, with places")
    func analysis() throws {
        let tagger = try PartOfSpeechTagger(training: SmallTreebank.english, options: options())
        let text = " The dog sees the cat.  She slowly closed the old box."
        let sentences = TextAnalyzer(tagger: tagger).sentences(in: text)
        #expect(sentences.map(\.words.count) == [6, 7])
        #expect(sentences[1].tags == ["PRON", "ADV", "VERB", "DET", "ADJ", "NOUN", "PUNCT"])
        let bytes = Array(text.utf8)
        for sentence in sentences {
            for (range, word) in zip(sentence.wordRanges, sentence.words) {
                #expect(String(decoding: bytes[range], as: UTF8.self) == word)
                #expect(
                    sentence.range.contains(range.lowerBound) && range.upperBound <= sentence.range.upperBound
                )
            }
        }
        #expect(TextAnalyzer().sentences(in: text)[0].tags == [])
    }
}
