import Foundation
import Testing
import YuyanModels
import YuyanTestSupport

@Suite struct DecoderModelTests {
    static let kinds = ["gpt2", "llama", "rezero"]

    static func model(_ kind: String, dropout: Double = 0, seed: UInt64 = 7) throws -> DecoderModel {
        let configuration = try DecoderConfiguration(
            family: kind == "llama" ? .llama : .gpt2,
            vocabSize: 23,
            hiddenSize: 16,
            numHiddenLayers: 2,
            numAttentionHeads: 4,
            numKeyValueHeads: kind == "llama" ? 2 : 4,
            maxPositionEmbeddings: 32,
            useRezero: kind == "rezero",
            embdPdrop: dropout,
            residPdrop: dropout,
            attnPdrop: dropout,
            initializerRange: 0.3
        )
        var random = RandomSource(seed: seed)
        let model = DecoderModel(configuration, random: &random)
        for item in model.namedParameters() where item.parameter.shape.rank == 1 {
            let noise = Tensor.normal(item.parameter.shape, standardDeviation: 0.3, random: &random)
            item.parameter.assign(item.parameter.value + noise)
        }
        return model
    }

    static func ids(_ rows: [[Int32]]) -> Tensor {
        Tensor(rows.flatMap { $0 }, shape: [rows.count, rows.first?.count ?? 0])
    }

    @Test(arguments: kinds) func aPositionSeesNothingThatFollows(kind: String) throws {
        let model = try Self.model(kind)
        let a = model.logits(Self.ids([[1, 2, 3, 4, 5, 6]])).slice(axis: 1, 0..<4).floats()
        let b = model.logits(Self.ids([[1, 2, 3, 4, 9, 1]])).slice(axis: 1, 0..<4).floats()
        #expect(a == b)
        let c = model.logits(Self.ids([[2, 2, 3, 4, 5, 6]])).slice(axis: 1, 3..<4).floats()
        #expect(c != Array(a.suffix(23)))
    }

    @Test(arguments: kinds) func packedDocumentsAreAsIfAlone(kind: String) throws {
        let model = try Self.model(kind)
        let (first, second): ([Int32], [Int32]) = ([5, 6, 7], [8, 9, 10, 11, 12])
        let packed = model.logits(
            Self.ids([first + second]),
            positions: Tensor([0, 1, 2, 0, 1, 2, 3, 4] as [Int32], shape: [1, 8]),
            segments: Tensor([0, 0, 0, 1, 1, 1, 1, 1] as [Int32], shape: [1, 8])
        )
        let alone = [first, second].map { model.logits(Self.ids([$0])).doubles() }
        expectClose(actual: packed.doubles(), expected: alone[0] + alone[1], relative: 1e-5, absolute: 1e-5)
    }

    @Test(arguments: kinds) func paddingChangesNothing(kind: String) throws {
        let model = try Self.model(kind)
        let targets = Tensor([6, 7, -100, -100, -100] as [Int32], shape: [1, 5])
        let padded = model.loss(
            inputIDs: Self.ids([[5, 6, 7, 0, 0]]),
            targets: targets,
            segments: Tensor([0, 0, 0, -1, -1] as [Int32], shape: [1, 5]),
            scale: 0.5
        )
        let alone = model.loss(
            inputIDs: Self.ids([[5, 6, 7]]),
            targets: Tensor([6, 7, -100] as [Int32], shape: [1, 3]),
            scale: 0.5
        )
        expectClose(actual: [padded.item()], expected: [alone.item()], relative: 1e-5)
    }

    @Test(arguments: kinds, [DType.f32, .bf16, .f64]) func cacheAgreesWithTheWholeText(
        kind: String,
        dtype: DType
    ) throws {
        let model = try Self.model(kind)
        if dtype == .f64 {
            for parameter in model.parameters() { parameter.convert(to: .f64) }
        } else {
            model.computeDType = dtype
        }
        let text: [Int32] = [3, 1, 4, 1, 5, 9, 2, 6]
        let whole = model.logits(Self.ids([text]))
        let cache = model.makeCache(slots: 3, capacity: 10)
        var parts: [Double] = []
        for range in [0..<3, 3..<4, 4..<8] {
            let part = Self.ids([Array(text[range])])
            parts += model.logits(part, cache: CacheSlots(cache, slots: [1])).doubles()
        }
        #expect(cache.lengths == [0, 8, 0])
        let tolerance = dtype == .f64 ? 1e-10 : dtype == .f32 ? 2e-5 : 0.15
        expectClose(actual: parts, expected: whole.doubles(), relative: tolerance, absolute: tolerance)
    }

    @Test(arguments: kinds) func slotsOfDifferentLengthsDecodeTogether(kind: String) throws {
        let model = try Self.model(kind)
        let texts: [[Int32]] = [[1, 2, 3, 4, 5], [6, 7], [8, 9, 10]]
        let cache = model.makeCache(slots: 3, capacity: 8)
        for (slot, text) in texts.enumerated() {
            _ = model.hiddenStates(Self.ids([text]), cache: CacheSlots(cache, slots: [slot]))
        }
        let next: [Int32] = [11, 12, 13]
        let together = model.logits(Tensor(next, shape: [3, 1]), cache: CacheSlots(cache)).doubles()
        var alone: [Double] = []
        for (text, token) in zip(texts, next) {
            alone += model.logits(Self.ids([text + [token]])).doubles().suffix(23)
        }
        expectClose(actual: together, expected: alone, relative: 2e-5, absolute: 2e-5)
    }

    @Test(arguments: kinds) func checkpointingGivesTheSameGradients(kind: String) throws {
        let model = try Self.model(kind, dropout: 0.2)
        model.setTraining(true)
        model.setRandom(seed: 3, call: 5)
        let ids = Self.ids([[1, 2, 3, 4], [5, 6, 7, 8]])
        let targets = Self.ids([[2, 3, 4, 5], [6, 7, 8, 9]])
        func gradients() -> [[Float]] {
            model.clearGradients()
            let tape = Tape()
            tape.backward(from: tape.record { model.loss(inputIDs: ids, targets: targets, scale: 0.125) })
            return model.parameters().map { $0.gradient?.floats() ?? [] }
        }
        let plain = gradients()
        model.checkpointsActivations = true
        #expect(gradients() == plain)
        model.setRandom(seed: 3, call: 6)
        #expect(gradients() != plain)
    }

    @Test(arguments: kinds) func lossIsTheCrossEntropyOfTheLogits(kind: String) throws {
        let model = try Self.model(kind)
        let ids = Self.ids([[1, 2, 3, 4], [5, 6, 7, 8]])
        let targets = Self.ids([[2, 3, -100, 5], [6, -100, 8, 9]])
        let fused = model.loss(inputIDs: ids, targets: targets, scale: 1 / 6).item()
        let plain = crossEntropyLoss(model.logits(ids), targets: targets).item()
        #expect(abs(fused - plain) < 1e-5)
    }

    @Test func reZeroBeginsAsTheIdentity() throws {
        let configuration = try DecoderConfiguration(
            vocabSize: 5,
            hiddenSize: 4,
            numHiddenLayers: 3,
            numAttentionHeads: 2,
            normalization: NormalizationKind.none,
            useRezero: true
        )
        var random = RandomSource(seed: 1)
        let model = DecoderModel(configuration, random: &random)
        let hidden = model.hiddenStates(Self.ids([[1, 2]]))
        let tokens = model.tokenEmbedding(Self.ids([[1, 2]]))
        let positions = model.positionEmbedding?(Self.ids([[0, 1]])) ?? tokens
        #expect(hidden.floats() == (tokens + positions).floats())
    }

    @Test(arguments: kinds) func filesBringTheModelBack(kind: String) throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString).path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let model = try Self.model(kind)
        try model.save(to: folder)
        let other = try DecoderModel(folder: folder)
        #expect(other.configuration == model.configuration)
        let ids = Self.ids([[1, 2, 3]])
        #expect(other.logits(ids).floats() == model.logits(ids).floats())
        let bytes = try SafeFile.read("\(folder)/model.safetensors")
        try other.save(to: folder)
        #expect(try SafeFile.read("\(folder)/model.safetensors") == bytes)
    }

    @Test func initialisationDependsOnTheSeedAlone() throws {
        let values = { (seed: UInt64) in
            try Self.model("llama", seed: seed).parameters().flatMap { $0.value.floats() }
        }
        #expect(try values(1) == values(1))
        #expect(try values(1) != values(2))
    }
}
