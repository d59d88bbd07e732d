import YuyanCheckpoints

extension EncoderDecoderConfiguration {
    /// Where each parameter lies in the weight files of the configuration's layout.
    public var keyMap: KeyMap {
        switch layout {
        case .own: .identity
        case .marian: marianKeyMap
        case .t5: t5KeyMap
        }
    }

    private var innerWidth: Int { numAttentionHeads * headDim }

    /// The mappings of an attention's packed projections.
    private func attention(
        _ own: String,
        _ theirs: String,
        names: [String],
        isCross: Bool,
        kind: String
    ) -> [KeyMapping] {
        func parts(_ names: ArraySlice<String>) -> [(key: String, rows: Int)] {
            names.map { (key: "\(theirs).\($0).\(kind)", rows: innerWidth) }
        }
        let output = KeyMapping("\(own).outputProjection.\(kind)", "\(theirs).\(names[3]).\(kind)")
        guard isCross else {
            return [KeyMapping("\(own).inputProjection.\(kind)", parts: parts(names[0..<3])), output]
        }
        return [
            KeyMapping("\(own).queryProjection.\(kind)", "\(theirs).\(names[0]).\(kind)"),
            KeyMapping("\(own).memoryProjection.\(kind)", parts: parts(names[1..<3])), output,
        ]
    }

    private var marianKeyMap: KeyMap {
        let names = ["q_proj", "k_proj", "v_proj", "out_proj"]
        let shared = sourceVocabSize == nil
        var mappings = [
            KeyMapping(
                "tokenEmbedding.weight",
                shared ? "model.shared.weight" : "model.decoder.embed_tokens.weight"
            ),
            KeyMapping("sourceEmbedding.weight", "model.encoder.embed_tokens.weight"),
            KeyMapping("head.weight", "lm_head.weight"),
        ]
        for (own, theirs) in [("encoderBlocks.*", "model.encoder"), ("decoderBlocks.*", "model.decoder")] {
            let layer = "\(theirs).layers.*"
            for kind in ["weight", "bias"] {
                let pairs = [
                    ("attentionNorm", "self_attn_layer_norm"),
                    ("crossAttentionNorm", "encoder_attn_layer_norm"),
                    ("feedForward.input", "fc1"), ("feedForward.output", "fc2"),
                    ("feedForwardNorm", "final_layer_norm"),
                ]
                mappings += pairs.map { KeyMapping("\(own).\($0.0).\(kind)", "\(layer).\($0.1).\(kind)") }
                mappings += attention(
                    "\(own).attention",
                    "\(layer).self_attn",
                    names: names,
                    isCross: false,
                    kind: kind
                )
                mappings += attention(
                    "\(own).crossAttention",
                    "\(layer).encoder_attn",
                    names: names,
                    isCross: true,
                    kind: kind
                )
            }
        }
        let copies = shared ? ["model.encoder.embed_tokens.weight", "model.decoder.embed_tokens.weight"] : []
        return KeyMap(
            mappings,
            ignoredKeys: [
                "final_logits_bias", "model.encoder.embed_positions.weight",
                "model.decoder.embed_positions.weight",
            ] + copies + tiedHeadKeys
        )
    }

    private var t5KeyMap: KeyMap {
        let names = ["q", "k", "v", "o"]
        var mappings = [
            KeyMapping("tokenEmbedding.weight", "shared.weight"),
            KeyMapping("head.weight", "lm_head.weight"),
            KeyMapping("encoderNorm.weight", "encoder.final_layer_norm.weight"),
            KeyMapping("decoderNorm.weight", "decoder.final_layer_norm.weight"),
        ]
        for (own, theirs, feedForward) in [("encoder", "encoder", 1), ("decoder", "decoder", 2)] {
            let (block, layer) = ("\(own)Blocks.*", "\(theirs).block.*.layer")
            mappings.append(
                KeyMapping(
                    "\(own)Bias.weight",
                    "\(theirs).block.0.layer.0.SelfAttention.relative_attention_bias.weight"
                )
            )
            let norms = [("attention", 0), ("crossAttention", 1), ("feedForward", feedForward)]
            mappings += norms.map {
                KeyMapping("\(block).\($0.0)Norm.weight", "\(layer).\($0.1).layer_norm.weight")
            }
            mappings += attention(
                "\(block).attention",
                "\(layer).0.SelfAttention",
                names: names,
                isCross: false,
                kind: "weight"
            )
            mappings += attention(
                "\(block).crossAttention",
                "\(layer).1.EncDecAttention",
                names: names,
                isCross: true,
                kind: "weight"
            )
            let dense = "\(layer).\(feedForward).DenseReluDense"
            let input = "\(block).feedForward.input.weight"
            mappings.append(
                gatedMlp
                    ? KeyMapping(
                        input,
                        parts: ["wi_0", "wi_1"].map { ("\(dense).\($0).weight", intermediateSize) }
                    ) : KeyMapping(input, "\(dense).wi.weight")
            )
            mappings.append(KeyMapping("\(block).feedForward.output.weight", "\(dense).wo.weight"))
        }
        return KeyMap(
            mappings,
            ignoredKeys: [
                "encoder.embed_tokens.weight", "decoder.embed_tokens.weight",
                "decoder.block.0.layer.1.EncDecAttention.relative_attention_bias.weight",
            ] + tiedHeadKeys
        )
    }

    private var tiedHeadKeys: [String] { tieWordEmbeddings ? ["lm_head.weight"] : [] }
}

extension EncoderDecoderModel {
    /// Writes `config.json` and `model.safetensors`.
    ///
    /// The folder must exist. Each file appears whole or not at all.
    ///
    /// - Parameter folder: The folder.
    /// - Throws: `FileFormatError` when the disk refuses.
    public func save(to folder: String) throws(FileFormatError) {
        try configuration.document.write(to: "\(folder)/config.json")
        try saveParameters(to: "\(folder)/model.safetensors", map: configuration.keyMap)
    }

    /// Reads weights of the configuration's layout.
    ///
    /// - Parameter folder: The folder.
    /// - Throws: `FileFormatError` naming file and key of what is missing, of another shape, or not known here.
    public func load(from folder: String) throws {
        let files = try WeightFiles(path: folder)
        let bias = "final_logits_bias"
        if configuration.layout == .marian, files.shape(of: bias) != nil,
            try files.tensor(bias).floats().contains(where: { $0 != 0 })
        {
            throw FileFormatError(
                .unsupported,
                path: files.path,
                at: .key(bias),
                "the projection has a bias, which is not known here; only models where it is zero are read"
            )
        }
        try loadParameters(from: files, map: configuration.keyMap)
    }
}
