import Foundation
import Testing
import YuyanCheckpoints
import YuyanFileFormats
import YuyanModels
import YuyanTestSupport

/// Taggers on Transformer encoders: what padding, windows, fields and files promise.
@Suite struct EncoderTaggerTests {
    private func model(crf: Bool, placement: String = "pre", seed: UInt64 = 3) throws -> EncoderTagger {
        let object: JSONValue = [
            "model_type": "encoder", "vocab_size": 20, "hidden_size": 12, "num_hidden_layers": 2,
            "num_attention_heads": 3, "max_position_embeddings": 12, "crf": .bool(crf),
            "norm_placement": .string(placement), "initializer_range": 0.3,
        ]
        var random = RandomSource(seed: seed)
        let configuration = try EncoderTaggerConfiguration(ConfigurationReader(object))
        let model = EncoderTagger(configuration, labelCount: 3, random: &random)
        model.setTraining(false)
        return model
    }

    /// Words of one or more pieces between [CLS] 1 and [SEP] 2.
    private func window(_ words: [[Int32]], from first: Int = 0) -> PieceBatch.Window {
        var (pieces, firsts): ([Int32], [Int]) = ([1], [])
        for (place, word) in words.enumerated() {
            if place >= first { firsts.append(pieces.count) }
            pieces += word
        }
        return PieceBatch.Window(pieces: pieces + [2], firsts: firsts)
    }

    private var sentences: [[PieceBatch.Window]] {
        [
            [window([[5, 6], [7], [8, 9, 10], [11]])], [window([[12]])],
            // Two windows, which share a word that is read in the first.
            [window([[13], [14, 15], [5]]), window([[5], [16], [17, 18]], from: 1)],
        ]
    }
    private let labels: [[Int32]] = [[0, 1, 2, 0], [1], [2, 0, 0, 1, 2]]

    @Test func placesAreThoseOfFirstPieces() {
        let batch = PieceBatch(sentences)
        #expect(batch.wordCounts == [4, 1, 5])
        #expect(batch.pieces.rows == 4 && batch.pieces.length == 9 && batch.inputCount == 36)
        #expect(
            batch.places == [1, 3, 4, 7, 0, 10, 0, 0, 0, 0, 19, 20, 22, 29, 30]
        )
        #expect(
            batch.places.map { batch.pieces.ids[Int($0)] } == [
                5, 7, 8, 11, 1, 12, 1, 1, 1, 1, 13, 14, 5, 16, 17,
            ]
        )
    }

    @Test(arguments: [true, false], ["pre", "post"])
    func paddingChangesNothing(crf: Bool, placement: String) throws {
        let model = try model(crf: crf, placement: placement)
        let together = model.labels(PieceBatch(sentences))
        #expect(together.map(\.count) == [4, 1, 5])
        let emissions = model.emissions(PieceBatch(sentences)).doubles()
        var sum = 0.0
        for row in sentences.indices {
            let alone = PieceBatch([sentences[row]])
            #expect(model.labels(alone) == [together[row]])
            let own = model.emissions(alone).doubles()
            expectClose(
                actual: Array(emissions[row * 15..<row * 15 + own.count]),
                expected: own,
                absolute: 1e-4
            )
            sum += model.loss(alone, labels: [labels[row]], scale: 1).item()
        }
        let whole = model.loss(PieceBatch(sentences), labels: labels, scale: 1).item()
        #expect(abs(whole - sum) < 1e-4 * abs(sum), "\(whole) and \(sum)")
    }

    /// With a field the loss is the logarithm of the sum over all label sequences less the right one's score.
    @Test func lossIsThatOfAllSequences() throws {
        let model = try model(crf: true)
        let field = try #require(model.crf)
        let (transitions, start, end) = (
            field.transitions.value.doubles(), field.start.value.doubles(), field.end.value.doubles()
        )
        for (sentence, own) in zip(sentences, labels) {
            let emissions = model.emissions(PieceBatch([sentence])).doubles()
            func score(_ path: [Int]) -> Double {
                var sum = start[path[0]] + end[path[path.count - 1]]
                for (place, label) in path.enumerated() {
                    sum += emissions[place * 3 + label]
                    if place > 0 { sum += transitions[path[place - 1] * 3 + label] }
                }
                return sum
            }
            var paths: [[Int]] = [[]]
            for _ in own { paths = paths.flatMap { path in (0..<3).map { path + [$0] } } }
            let scores = paths.map(score)
            let best = try #require(scores.max())
            let partition = best + log(scores.reduce(0) { $0 + exp($1 - best) })
            let expected = partition - score(own.map { Int($0) })
            let found = model.loss(PieceBatch([sentence]), labels: [own], scale: 1).item()
            #expect(abs(found - expected) < 1e-4 * max(1, expected), "\(found) and \(expected)")
            let likeliest = try #require(paths.first { score($0) == best })
            #expect(model.labels(PieceBatch([sentence])) == [likeliest.map { Int32($0) }])
        }
    }

    @Test(arguments: [true, false]) func gradientsReachEveryParameter(crf: Bool) throws {
        let model = try model(crf: crf)
        let tape = Tape()
        let loss = tape.record { model.loss(PieceBatch(sentences), labels: labels, scale: 1) }
        tape.backward(from: loss)
        for named in model.namedParameters() {
            #expect(named.parameter.gradient?.doubles().contains { $0 != 0 } == true, "\(named.name)")
        }
    }

    @Test(arguments: [true, false], ["pre", "post"])
    func foldersGiveTheSameModelBack(crf: Bool, placement: String) throws {
        let folder = try ScratchFolder()
        let model = try model(crf: crf, placement: placement)
        try model.save(to: folder.path, labels: ["A", "B", "C"])
        let read = try EncoderTagger(folder: folder.path)
        read.setTraining(false)
        #expect(read.configuration == model.configuration && read.labelCount == 3)
        for (one, two) in zip(model.namedParameters(), read.namedParameters()) {
            #expect(one.name == two.name && one.parameter.value.doubles() == two.parameter.value.doubles())
        }
        let batch = PieceBatch(sentences)
        #expect(read.emissions(batch).doubles() == model.emissions(batch).doubles())
        let names = try WeightFiles(path: folder.path).names
        #expect(names.contains("classifier.weight") && names.contains("crf.transitions") == crf)
    }

    /// A tagger's encoder begins another; its labels and its field are passed over.
    @Test func encodersMoveBetweenTaggers() throws {
        let folder = try ScratchFolder()
        let source = try model(crf: true)
        try source.save(to: folder.path, labels: ["A", "B", "C"])
        let other = try model(crf: false, seed: 9)
        let head = other.classifier.weight.value.doubles()
        try other.loadEncoder(folder: folder.path)
        for (one, two) in zip(other.encoder.namedParameters(), source.encoder.namedParameters()) {
            #expect(one.parameter.value.floats() == two.parameter.value.floats(), "\(one.name)")
        }
        #expect(other.classifier.weight.value.doubles() == head)
    }

    /// A sentence of very many windows is read in parts, with the same scores.
    @Test func giantSentencesAreReadInParts() throws {
        let model = try model(crf: false)
        // 12 pieces each: 1365 windows are one part.
        let windows: [PieceBatch.Window] = (0..<1400).map { (number: Int) -> PieceBatch.Window in
            let words: [[Int32]] = (0..<10).map { (word: Int) -> [Int32] in
                let piece: Int = 3 + (number * 7 + word * 3) % 17
                return [Int32(piece)]
            }
            return window(words)
        }
        let scores = model.emissions(PieceBatch([windows])).doubles()
        #expect(scores.count == 1400 * 10 * 3)
        let few = model.emissions(PieceBatch([Array(windows.prefix(1300))])).doubles()
        #expect(zip(few, scores).allSatisfy { abs($0 - $1) < 1e-4 })
        let last = model.emissions(PieceBatch([[windows[1399]]])).doubles()
        #expect(last.count == 30 && zip(last, scores.suffix(30)).allSatisfy { abs($0 - $1) < 1e-4 })
        // With a gradient all are read at once.
        let tape = Tape()
        let recorded = tape.record { model.emissions(PieceBatch([windows])) }
        #expect(zip(recorded.doubles(), scores).allSatisfy { abs($0 - $1) < 1e-4 })
    }

    @Test func productsComputeInShorterNumbers() throws {
        let model = try model(crf: true)
        let exact = model.emissions(PieceBatch(sentences)).doubles()
        #expect(model.setComputeDType(.bf16) == .bf16)
        let short = model.emissions(PieceBatch(sentences))
        #expect(short.dtype == .f32 && short.doubles() != exact)
    }

    @Test func wrongFieldsAreNamed() throws {
        let dropping: JSONValue = ["model_type": "encoder", "vocab_size": 4, "classifier_dropout": 1]
        let error = #expect(throws: ConfigurationError.self) {
            try EncoderTaggerConfiguration(ConfigurationReader(dropping))
        }
        #expect(error?.field == "classifier_dropout")
        let tagger: JSONValue = ["model_type": "lstm-tagger", "vocab_size": 4]
        let type = #expect(throws: FileFormatError.self) {
            try EncoderTaggerConfiguration(ConfigurationReader(tagger, path: "c.json"))
        }
        let text = type.map { "\($0)" } ?? "-"
        #expect(text.contains("c.json") && text.contains("model_type"), "\(text)")
        #expect(text.contains("is 'lstm-tagger'; one of ") && text.contains("'encoder'"), "\(text)")
    }
}
