import Foundation
import Testing
import YuyanModels

@Suite struct DecoderConfigurationTests {
    private func tiny(_ family: DecoderFamily) throws -> DecoderConfiguration {
        try DecoderConfiguration(
            family: family,
            vocabSize: 11,
            hiddenSize: 8,
            numHiddenLayers: 2,
            numAttentionHeads: 4,
            maxPositionEmbeddings: 16
        )
    }

    private func parse(_ text: String) throws -> DecoderConfiguration {
        try DecoderConfiguration(ConfigurationReader(JSONValue(parsing: text), path: "config.json"))
    }

    @Test func familiesChooseDefaults() throws {
        let gpt2 = try tiny(.gpt2)
        #expect(gpt2.family == .gpt2)
        #expect(gpt2.intermediateSize == 32)
        #expect(gpt2.tieWordEmbeddings && gpt2.mlpBias && gpt2.normBias)
        let llama = try tiny(.llama)
        #expect(llama.family == .llama)
        #expect(llama.hiddenAct == .silu && llama.gatedMlp && !llama.attentionBias)
        #expect(llama.intermediateSize == 64)
    }

    @Test func everyFieldSurvivesTheFile() throws {
        let configurations = [
            try tiny(.gpt2), try tiny(.llama),
            try DecoderConfiguration(
                family: .llama,
                vocabSize: 11,
                hiddenSize: 8,
                numHiddenLayers: 1,
                numAttentionHeads: 4,
                numKeyValueHeads: 2,
                headDim: 6,
                rope: RotaryOptions(
                    theta: 500_000,
                    scaling: .llama3(factor: 8, lowFrequency: 1, highFrequency: 4, originalPositions: 64)
                ),
                attentionBias: true,
                tieWordEmbeddings: true,
                attnPdrop: 0.25,
                bosTokenId: 3,
                eosTokenIds: [4, 5]
            ),
            try DecoderConfiguration(
                family: .llama,
                vocabSize: 11,
                hiddenSize: 8,
                numHiddenLayers: 1,
                numAttentionHeads: 2,
                hiddenAct: .gelu,
                gatedMlp: false,
                normalization: NormalizationKind.none,
                positionEmbeddingType: PositionKind.none,
                rope: RotaryOptions(theta: 100, scaling: .linear(factor: 2)),
                useRezero: true,
                embdPdrop: 0.1,
                residPdrop: 0.2,
                attnPdrop: 0.3,
                scaledResidualInit: false,
                padTokenId: 0
            ),
        ]
        for configuration in configurations {
            let text = configuration.document().printed()
            #expect(try parse(text) == configuration, "\(text)")
        }
    }

    @Test(
        arguments: [
            (#"{"model_type": "gpt2", "n_head": 5}"#, "num_attention_heads"),
            (#"{"model_type": "bert"}"#, "model_type"),
            (#"{"model_type": "gpt2", "n_layer": "12"}"#, "n_layer"),
            (#"{"model_type": "gpt2", "n_layer": 0}"#, "num_hidden_layers"),
            (#"{"model_type": "gpt2", "activation_function": "mish"}"#, "activation_function"),
            (
                #"{"model_type": "gpt2", "scale_attn_by_inverse_layer_idx": true}"#,
                "scale_attn_by_inverse_layer_idx"
            ),
            (#"{"model_type": "llama", "num_key_value_heads": 3}"#, "num_key_value_heads"),
            (#"{"model_type": "llama", "head_dim": 7}"#, "head_dim"),
            (#"{"model_type": "llama", "rope_scaling": {"rope_type": "yarn"}}"#, "rope_type"),
            (#"{"model_type": "gpt2", "resid_pdrop": 1.0}"#, "resid_pdrop"),
            (#"{"model_type": "yuyan-decoder", "hidden_size": 8}"#, "vocab_size"),
            (#"{"model_type": "gpt2", "vocab_size": 9223372036854775807}"#, "vocab_size"),
            (#"{"model_type": "gpt2", "n_embd": 4611686018427387904}"#, "hidden_size"),
        ]
    ) func errorsNameFileAndField(text: String, field: String) throws {
        let error = #expect(throws: FileFormatError.self) { try parse(text) }
        #expect(error?.path == "config.json")
        #expect(error?.description.contains(field) == true, "\(error?.description ?? "")")
    }

    @Test func oldSpellingOfRotaryFrequencies() throws {
        let text = """
            {"model_type": "llama", "rope_theta": 500000.0, "rope_scaling":
             {"type": "linear", "factor": 4.0}, "pad_token_id": -1}
            """
        let configuration = try parse(text)
        #expect(configuration.rope == RotaryOptions(theta: 500_000, scaling: .linear(factor: 4)))
        #expect(configuration.padTokenId == nil)
    }

    @Test func parameterCountMatchesTheModel() throws {
        let choices: [(DecoderFamily, Bool, Bool, NormalizationKind?)] = [
            (.gpt2, true, false, nil), (.gpt2, false, false, nil), (.llama, true, false, nil),
            (.llama, false, false, nil), (.gpt2, true, true, NormalizationKind.none),
            (.llama, false, true, nil),
        ]
        for (family, tied, rezero, norm) in choices {
            for bias in [false, true] {
                let configuration = try DecoderConfiguration(
                    family: family,
                    vocabSize: 13,
                    hiddenSize: 8,
                    numHiddenLayers: 3,
                    numAttentionHeads: 4,
                    numKeyValueHeads: 2,
                    headDim: 6,
                    maxPositionEmbeddings: 5,
                    normalization: norm,
                    normBias: bias,
                    attentionBias: bias,
                    mlpBias: bias,
                    tieWordEmbeddings: tied,
                    useRezero: rezero
                )
                var random = RandomSource(seed: 1)
                let model = DecoderModel(configuration, random: &random)
                #expect(model.parameterCount == configuration.parameterCount)
            }
        }
    }

    @Test func knownModelsHaveTheirKnownSizes() throws {
        let small = try DecoderConfiguration(
            vocabSize: 50_257,
            hiddenSize: 768,
            numHiddenLayers: 12,
            numAttentionHeads: 12
        )
        #expect(small.parameterCount == 124_439_808)
        let llama = try DecoderConfiguration(
            family: .llama,
            vocabSize: 128_256,
            hiddenSize: 2048,
            numHiddenLayers: 16,
            numAttentionHeads: 32,
            numKeyValueHeads: 8,
            intermediateSize: 8192,
            tieWordEmbeddings: true
        )
        #expect(llama.parameterCount == 1_235_814_400)
        // 6 · (N without position table, norms and biases) + 12 · L · D · T
        let matrices = 50_257 * 768 + 12 * 12 * 768 * 768
        #expect(
            small.trainingFlopsPerToken(sequenceLength: 512) == Double(6 * matrices + 12 * 12 * 768 * 512)
        )
    }
}
