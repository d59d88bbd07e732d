import YuyanCheckpoints

extension DecoderConfiguration {
    /// Where each parameter lies in the weight files of the configuration's layout.
    public var keyMap: KeyMap {
        switch family {
        case .gpt2: gpt2KeyMap
        case .llama: llamaKeyMap
        case nil: .identity
        }
    }

    private var gpt2KeyMap: KeyMap {
        let block = "transformer.h.*"
        var mappings = [
            KeyMapping("tokenEmbedding.weight", "transformer.wte.weight"),
            KeyMapping("positionEmbedding.weight", "transformer.wpe.weight"),
            KeyMapping("finalNorm.weight", "transformer.ln_f.weight"),
            KeyMapping("finalNorm.bias", "transformer.ln_f.bias"),
            KeyMapping("head.weight", "lm_head.weight"),
        ]
        let layers = [
            ("attentionNorm", "ln_1", false), ("attention.inputProjection", "attn.c_attn", true),
            ("attention.outputProjection", "attn.c_proj", true), ("feedForwardNorm", "ln_2", false),
            ("feedForward.input", "mlp.c_fc", true), ("feedForward.output", "mlp.c_proj", true),
        ]
        for (ours, theirs, isMatrix) in layers {
            mappings.append(
                KeyMapping("blocks.*.\(ours).weight", "\(block).\(theirs).weight", isTransposed: isMatrix)
            )
            mappings.append(KeyMapping("blocks.*.\(ours).bias", "\(block).\(theirs).bias"))
        }
        return KeyMap(
            mappings,
            optionalPrefixes: ["transformer."],
            ignoredKeys: ["\(block).attn.bias", "\(block).attn.masked_bias"] + tiedHeadKeys
        )
    }

    private var llamaKeyMap: KeyMap {
        let block = "model.layers.*"
        let (queries, keys) = (numAttentionHeads * headDim, numKeyValueHeads * headDim)
        var mappings = [
            KeyMapping("tokenEmbedding.weight", "model.embed_tokens.weight"),
            KeyMapping("finalNorm.weight", "model.norm.weight"),
            KeyMapping("head.weight", "lm_head.weight"),
            KeyMapping("blocks.*.attentionNorm.weight", "\(block).input_layernorm.weight"),
            KeyMapping("blocks.*.feedForwardNorm.weight", "\(block).post_attention_layernorm.weight"),
        ]
        for kind in ["weight", "bias"] {
            mappings += [
                KeyMapping(
                    "blocks.*.attention.inputProjection.\(kind)",
                    parts: [
                        ("\(block).self_attn.q_proj.\(kind)", queries),
                        ("\(block).self_attn.k_proj.\(kind)", keys),
                        ("\(block).self_attn.v_proj.\(kind)", keys),
                    ]
                ),
                KeyMapping(
                    "blocks.*.attention.outputProjection.\(kind)",
                    "\(block).self_attn.o_proj.\(kind)"
                ),
                KeyMapping(
                    "blocks.*.feedForward.input.\(kind)",
                    parts: [
                        ("\(block).mlp.gate_proj.\(kind)", intermediateSize),
                        ("\(block).mlp.up_proj.\(kind)", intermediateSize),
                    ]
                ),
                KeyMapping("blocks.*.feedForward.output.\(kind)", "\(block).mlp.down_proj.\(kind)"),
            ]
        }
        return KeyMap(
            mappings,
            optionalPrefixes: ["model."],
            ignoredKeys: ["\(block).self_attn.rotary_emb.inv_freq"] + tiedHeadKeys
        )
    }

    private var tiedHeadKeys: [String] { tieWordEmbeddings ? ["lm_head.weight"] : [] }
}

extension DecoderModel {
    /// Reads a model folder: `config.json` and the weights beside it.
    ///
    /// - Parameter folder: The folder.
    /// - Throws: `FileFormatError` naming the file and the field or tensor that is wrong.
    public convenience init(folder: String) throws {
        try self.init(DecoderConfiguration(contentsOf: "\(folder)/config.json"), weightsIn: folder)
    }

    /// Reads the weights of a folder whose `config.json` has been read.
    ///
    /// - Parameters:
    ///   - configuration: That of `config.json`, its dropouts as wanted.
    ///   - folder: The folder.
    /// - Throws: `FileFormatError` naming the file and the tensor that is wrong.
    public convenience init(_ configuration: DecoderConfiguration, weightsIn folder: String) throws {
        let files = try WeightFiles(path: folder)
        var random = RandomSource(seed: 0)
        self.init(configuration, initializers: .none, random: &random)
        try loadParameters(from: files, map: configuration.keyMap)
    }

    /// Writes `config.json`, `generation_config.json` and `model.safetensors`.
    ///
    /// The folder must exist. Each file appears whole or not at all.
    ///
    /// - Parameters:
    ///   - folder: The folder.
    ///   - dtype: f32, or bf16 (rounded to nearest even).
    /// - Throws: `FileFormatError` when the disk refuses.
    public func save(to folder: String, dtype: DType = .f32) throws(FileFormatError) {
        var document = configuration.document()
        if dtype == .bf16, case .object(var object) = document {
            object["dtype"] = "bfloat16"
            document = .object(object)
        }
        try document.write(to: "\(folder)/config.json")
        try configuration.generationDocument().write(to: "\(folder)/generation_config.json")
        try saveParameters(to: "\(folder)/model.safetensors", map: configuration.keyMap, dtype: dtype)
    }
}
