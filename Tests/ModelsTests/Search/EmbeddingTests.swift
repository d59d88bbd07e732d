import Foundation
import Testing
import YuyanFileFormats
import YuyanModels
import YuyanTestSupport

/// Losses of sentence encoders beside PyTorch's, and averages of word vectors beside numpy's.
@Suite struct EmbeddingTests {
    private func check(
        _ wanted: SimilarityGolden.Outcome,
        _ loss: (Tensor, Tensor) -> Tensor
    ) throws {
        let golden = try SimilarityGolden.read().losses
        let first = Tensor(golden.firstRows, shape: [golden.rows, golden.width])
        let second = Tensor(golden.secondRows, shape: [golden.columns, golden.width])
        let tape = Tape()
        let (a, b) = (tape.watch(first), tape.watch(second))
        let value = tape.record { loss(unitRows(a), unitRows(b)) }
        #expect(abs(value.item() - wanted.loss) < 1e-9 * max(1, abs(wanted.loss)))
        tape.backward(from: value)
        for (leaf, gradient) in [(a, wanted.first), (b, wanted.second)] {
            for (own, reference) in zip(tape.gradient(of: leaf).doubles(), gradient) {
                #expect(abs(own - reference) < 1e-8 * max(1, abs(reference)), "\(own), \(reference)")
            }
        }
    }

    @Test func contrastiveLossIsPyTorchs() throws {
        let golden = try SimilarityGolden.read().losses
        try check(golden.contrastive) { first, second in
            contrastiveLoss(
                first,
                second,
                targets: golden.targets,
                excluded: golden.excluded,
                temperature: golden.temperature,
                scale: 1
            )
        }
    }

    @Test func cosineLossIsPyTorchs() throws {
        let golden = try SimilarityGolden.read().losses
        try check(golden.cosine) { first, second in
            cosineLoss(first, second.slice(axis: 0, 0..<golden.rows), scores: golden.scores, scale: 1)
        }
    }

    @Test func rankingLossIsPyTorchs() throws {
        let golden = try SimilarityGolden.read().losses
        try check(golden.cosent) { first, second in
            rankingLoss(
                first,
                second.slice(axis: 0, 0..<golden.rows),
                scores: golden.scores,
                temperature: golden.temperature,
                scale: 1
            )
        }
        // Nothing to order: no loss, and no gradient that is not a number.
        let rows = unitRows(Tensor([Float(1), 2, 3, 4], shape: [2, 2]))
        #expect(rankingLoss(rows, rows, scores: [1, 1], temperature: 0.05, scale: 1).item() == 0)
    }

    @Test func zeroRowsStay() {
        let tape = Tape()
        let rows = tape.watch(Tensor([Float(0), 0, 3, 4], shape: [2, 2]))
        let units = tape.record { unitRows(rows) }
        #expect(units.floats() == [0, 0, 0.6, 0.8])
        tape.backward(from: tape.record { units.sum() })
        let gradient = tape.gradient(of: rows).floats()
        #expect(gradient.allSatisfy { $0.isFinite })
    }

    private func words(_ golden: SimilarityGolden.Averages, counts: Bool) -> WordVectors {
        WordVectors(
            words: golden.words,
            dimension: golden.dimension,
            vectors: golden.vectors,
            counts: counts ? golden.counts : []
        )
    }

    @Test(arguments: WordWeighting.allCases, [0, 2])
    func averagesAreNumpys(weighting: WordWeighting, removed: Int) throws {
        let golden = try SimilarityGolden.read().averages
        var counts = AveragedWordVectors.Counts()
        for text in golden.texts { counts.add(text) }
        var model = AveragedWordVectors(
            words(golden, counts: true),
            weighting: weighting,
            smoothing: golden.smoothing,
            counts: counts
        )
        model.removeComponents(removed, of: golden.texts)
        let wanted = try #require(golden.averages["\(weighting.rawValue)-\(removed)"])
        let folder = try ScratchFolder()
        try FileManager.default.createDirectory(
            atPath: folder.file(AveragedWordVectors.wordFolder),
            withIntermediateDirectories: true
        )
        try model.save(to: folder.path)
        let opened = try AveragedWordVectors(folder: folder.path)
        for (row, text) in golden.texts.enumerated() {
            let own = model.vector(of: text)
            let reference = wanted[row * golden.dimension..<(row + 1) * golden.dimension]
            for (value, other) in zip(own, reference) {
                #expect(abs(Double(value) - other) < 2e-6, "\(text): \(value), \(other)")
            }
            #expect(opened.vector(of: text) == own)
        }
        #expect(model.vector(of: []).allSatisfy { $0 == 0 })
    }

    @Test func sharesComeFromTextsWhereVectorsHaveNone() throws {
        let golden = try SimilarityGolden.read().averages
        var counts = AveragedWordVectors.Counts()
        for text in golden.texts { counts.add(text) }
        let model = AveragedWordVectors(
            words(golden, counts: false),
            weighting: .sif,
            smoothing: 1e-3,
            counts: counts
        )
        let total = Double(golden.texts.reduce(0) { $0 + $1.count })
        let own = Double(golden.texts.reduce(0) { $0 + $1.filter { $0 == "v3" }.count })
        #expect(abs(Double(model.weights[3]) - 1e-3 / (1e-3 + own / total)) < 1e-7)
    }

    @Test func damagedFoldersAreRefused() throws {
        let golden = try SimilarityGolden.read().averages
        let folder = try ScratchFolder()
        try FileManager.default.createDirectory(
            atPath: folder.file(AveragedWordVectors.wordFolder),
            withIntermediateDirectories: true
        )
        let model = AveragedWordVectors(
            words(golden, counts: true),
            weighting: .sif,
            smoothing: 1e-3,
            counts: AveragedWordVectors.Counts()
        )
        try model.save(to: folder.path)
        try damage(folder.file("weights.safetensors"), keeping: 90)
        #expect(throws: FileFormatError.self) { try AveragedWordVectors(folder: folder.path) }
        #expect(throws: FileFormatError.self) { try AveragedWordVectors(folder: folder.file("words")) }
    }

    private func encoderConfiguration() throws -> any TextEncoderConfiguration {
        var object = JSONObject()
        object["model_type"] = "encoder"
        object["vocab_size"] = 30
        object["hidden_size"] = 8
        object["num_attention_heads"] = 2
        object["pooling"] = "mean"
        object["norm_placement"] = "pre"
        return try TextEncoderFamilies.configuration(ConfigurationReader(.object(object)))
    }

    /// At first only tokens tell texts apart: the same tokens in another order have the same vector.
    @Test func placesBeginAtZero() throws {
        var random = RandomSource(seed: 3)
        let model = TextEmbeddingModel(try encoderConfiguration(), random: &random)
        model.setTraining(false)
        let vectors = model.vectors(TokenBatch([[3, 4, 5, 9], [9, 5, 3, 4], [3, 4, 5, 8]])).floats()
        let rows = (0..<3).map { Array(vectors[$0 * 8..<($0 + 1) * 8]) }
        #expect(zip(rows[0], rows[1]).allSatisfy { abs($0 - $1) < 1e-5 })
        #expect(!zip(rows[0], rows[2]).allSatisfy { abs($0 - $1) < 1e-2 })
    }

    @Test func encoderFoldersComeBack() throws {
        let configuration = try encoderConfiguration()
        var random = RandomSource(seed: 3)
        let model = TextEmbeddingModel(configuration, random: &random)
        model.setTraining(false)
        let folder = try ScratchFolder()
        try model.save(to: folder.path)
        let opened = try TextEmbeddingModel(folder: folder.path)
        opened.setTraining(false)
        let batch = TokenBatch([[3, 4, 5], [7]])
        let vectors = model.vectors(batch).floats()
        #expect(opened.vectors(batch).floats() == vectors)
        for row in 0..<2 {
            let length = vectors[row * 8..<(row + 1) * 8].reduce(0) { $0 + $1 * $1 }
            #expect(abs(length - 1) < 1e-5)
        }
        // A classifier begins with the encoder.
        let classifier = TextClassifierModel(configuration, classCount: 2, dropout: 0, random: &random)
        try classifier.loadEncoder(folder: folder.path)
        classifier.setTraining(false)
        #expect(classifier.encoder(batch).floats() == model.encoder(batch).floats())
    }
}
