import YuyanCheckpoints
import YuyanNeuralNetworks

/// An LSTM or GRU that reads one sequence and another that writes, with attention between them.
///
/// With multiplicative attention and no input feeding all steps of a target are one pass: the recurrent layers run over
/// the whole target, and attention is a product of matrices. Additive attention and input feeding go step by step.
/// Sources: Bahdanau, Cho, Bengio, «Neural machine translation by jointly learning to align and translate», 2015; Luong,
/// Pham, Manning, «Effective approaches to attention-based neural machine translation», 2015.
public final class RecurrentSequenceModel: SequenceToSequenceModel {
    /// Sizes and choices.
    public let configuration: RecurrentSequenceConfiguration
    /// The table of the target's tokens, and of the source's where both share one.
    public let tokenEmbedding: Embedding
    /// The table of the source's tokens; nil where it is the target's.
    public let sourceEmbedding: Embedding?
    /// The layers that read.
    public let encoder: RecurrentNetwork
    /// The layers that write.
    public let decoder: RecurrentNetwork
    /// From the encoder's final states to the decoder's first ones, with tanh.
    public let bridge: Linear
    /// The same for the cells of an LSTM.
    public let cellBridge: Linear?
    /// The scores of source positions.
    public let attention: SequenceAttention
    /// From what was found in the source and the state, side by side, to what is projected, with tanh.
    public let readout: Linear
    /// The projection to the vocabulary; nil when it is the token table.
    public let head: Linear?
    private let sourceDropout: Dropout
    private let targetDropout: Dropout
    private let readoutDropout: Dropout

    /// Makes a model with initial weights.
    ///
    /// - Parameters:
    ///   - configuration: Sizes and choices.
    ///   - random: Where the draws come from; advances.
    public init(_ configuration: RecurrentSequenceConfiguration, random: inout RandomSource) {
        self.configuration = configuration
        // The logits of a tied projection then begin as large as the readout, whatever the width.
        let deviation = 1 / Double(configuration.embeddingDim).squareRoot()
        func table(_ count: Int) -> Embedding {
            Embedding(
                count: count,
                width: configuration.embeddingDim,
                initializer: .normal(standardDeviation: deviation),
                random: &random
            )
        }
        tokenEmbedding = table(configuration.vocabSize)
        sourceEmbedding = configuration.sourceVocabSize.map(table)
        encoder = RecurrentNetwork(configuration.encoderOptions, random: &random)
        decoder = RecurrentNetwork(configuration.decoderOptions, random: &random)
        let (width, memory) = (configuration.hiddenSize, configuration.memoryWidth)
        bridge = Linear(inputWidth: memory, outputWidth: width, random: &random)
        cellBridge =
            configuration.cell == .lstm
            ? Linear(inputWidth: memory, outputWidth: width, random: &random) : nil
        attention = SequenceAttention(
            configuration.attention == .additive ? .additive : .general,
            queryWidth: width,
            keyWidth: memory,
            innerWidth: configuration.attentionDim,
            random: &random
        )
        readout = Linear(
            inputWidth: memory + width,
            outputWidth: configuration.readoutWidth,
            hasBias: false,
            random: &random
        )
        head =
            configuration.tieWordEmbeddings
            ? nil
            : Linear(
                inputWidth: configuration.readoutWidth,
                outputWidth: configuration.vocabSize,
                hasBias: false,
                random: &random
            )
        sourceDropout = Dropout(Float(configuration.dropout))
        targetDropout = Dropout(Float(configuration.dropout))
        readoutDropout = Dropout(Float(configuration.dropout))
    }

    /// The number of target tokens V.
    public var vocabularySize: Int { configuration.vocabSize }
    /// The number of source tokens.
    public var sourceVocabularySize: Int { configuration.sourceVocabSize ?? configuration.vocabSize }
    /// The token that the decoder begins with.
    public var startToken: Int32 { Int32(configuration.decoderStartTokenId) }
    /// The token that ends a target.
    public var endToken: Int32 { Int32(configuration.eosTokenId) }
    /// The most tokens of a source.
    public var maxSourceLength: Int { configuration.maxSourceLength }
    /// The most tokens of a target.
    public var maxTargetLength: Int { configuration.maxTargetLength }
    /// The tables of tokens.
    public var tables: [Parameter] { [tokenEmbedding.weight] + (sourceEmbedding.map { [$0.weight] } ?? []) }
    /// The projection to the vocabulary.
    public var projection: Parameter { head?.weight ?? tokenEmbedding.weight }

    // MARK: Reading

    /// What stands for tokens [B, T] on the way in [B, T, E].
    func vectors(_ ids: Tensor, _ table: Embedding) -> Tensor {
        let rows = table(ids)
        return configuration.scaleEmbedding ? rows * Double(configuration.embeddingDim).squareRoot() : rows
    }

    /// What the decoder begins with and looks at.
    func read(_ source: TokenBatch) -> (keys: SequenceKeys, state: RecurrentState) {
        let x = sourceDropout(vectors(source.idTensor, sourceEmbedding ?? tokenEmbedding))
        let result = encoder(x, lengths: source.lengthTensor)
        let state = RecurrentState(
            hidden: bridged(result.state.hidden, bridge),
            cell: cellBridge.flatMap { layer in
                result.state.cell.map { bridged($0.cast(to: x.dtype), layer) }
            }
        )
        return (attention.keys(result.output, lengths: source.lengthTensor), state)
    }

    /// Final states of both directions [layers · directions, B, H] as first states [layers, B, H].
    private func bridged(_ states: Tensor, _ layer: Linear) -> Tensor {
        let (directions, layers, rows) = (encoder.directions, configuration.numLayers, states.shape[1])
        let joined = states.reshaped(layers, directions, rows, configuration.hiddenSize)
            .permuted([0, 2, 1, 3]).reshaped(layers, rows, configuration.memoryWidth)
        return layer(joined, activation: .tanh)
    }

    // MARK: Writing

    /// What a step leaves for the next one.
    struct Step {
        var state: RecurrentState
        /// What the last step read out [rows, 1, R], with input feeding.
        var fed: Tensor?
    }

    func begin(_ state: RecurrentState) -> Step {
        let rows = state.hidden.shape[1]
        let fed: Tensor? =
            configuration.inputFeeding
            ? .zeros([rows, 1, configuration.readoutWidth], dtype: state.hidden.dtype) : nil
        return Step(state: state, fed: fed)
    }

    /// Attention of rows [rows, T, H] over the sources that they belong to; `observe` is told its weights.
    private func find(
        _ queries: Tensor,
        _ keys: SequenceKeys,
        _ observe: ((Tensor) -> Void)?
    ) -> Tensor {
        let shape = queries.shape.dimensions
        let sources = keys.count
        let rows = queries.reshaped(sources, shape[0] * shape[1] / max(sources, 1), shape[2])
        observe?(attention.weights(queries: rows, over: keys))
        let found = attention(queries: rows, over: keys)
        return found.reshaped(shape[0], shape[1], configuration.memoryWidth)
    }

    private func read(_ found: Tensor, _ states: Tensor) -> Tensor {
        readoutDropout(readout(concatenate([found, states], axis: 2), activation: .tanh))
    }

    /// One step of additive attention: what was found before it, and the state after it.
    private func additiveStep(
        _ x: Tensor,
        _ step: inout Step,
        _ keys: SequenceKeys,
        _ observe: ((Tensor) -> Void)?
    ) -> (found: Tensor, output: Tensor) {
        let last = configuration.numLayers - 1
        let rows = x.shape[0]
        let query = step.state.hidden.slice(axis: 0, last..<last + 1)
            .reshaped(rows, 1, configuration.hiddenSize)
        let found = find(query, keys, observe)
        let result = decoder(concatenate([x, found], axis: 2), initial: step.state)
        step.state = result.state
        return (found, result.output)
    }

    /// Tokens' vectors [rows, T, E] to what is projected [rows, T, R], going on from a step.
    ///
    /// `observe` is told the weights over the sources [B, T, S], of all places or of one after the other.
    func write(
        _ x: Tensor,
        _ step: inout Step,
        _ keys: SequenceKeys,
        observe: ((Tensor) -> Void)? = nil
    ) -> Tensor {
        if configuration.attention == .multiplicative, !configuration.inputFeeding {
            let result = decoder(x, initial: step.state)
            step.state = result.state
            return read(find(result.output, keys, observe), result.output)
        }
        let columns = x.split(axis: 1, [Int](repeating: 1, count: x.shape[1]))
        if configuration.attention == .additive {
            var (found, outputs): ([Tensor], [Tensor]) = ([], [])
            for column in columns {
                let (one, output) = additiveStep(column, &step, keys, observe)
                found.append(one)
                outputs.append(output)
            }
            return read(concatenate(found, axis: 1), concatenate(outputs, axis: 1))
        }
        var all: [Tensor] = []
        for column in columns {
            let input = step.fed.map { concatenate([column, $0], axis: 2) } ?? column
            let result = decoder(input, initial: step.state)
            step.state = result.state
            let out = read(find(result.output, keys, observe), result.output)
            step.fed = out
            all.append(out)
        }
        return concatenate(all, axis: 1)
    }

    /// What each place of the targets looks at in the sources.
    ///
    /// - Parameter batch: Sources and targets.
    /// - Returns: [B, T, S]; rows that sum to 1 over the real tokens of the source.
    public func crossAttention(_ batch: SequenceBatch) -> Tensor {
        Tape.withoutRecording {
            let (keys, state) = read(batch.source)
            var step = begin(state)
            var weights: [Tensor] = []
            let x = targetDropout(vectors(batch.inputs.idTensor, tokenEmbedding))
            _ = write(x, &step, keys) { weights.append($0) }
            return concatenate(weights, axis: 1)
        }
    }

    private func project(_ batch: SequenceBatch) -> SequenceProjection {
        let (keys, state) = read(batch.source)
        var step = begin(state)
        let x = targetDropout(vectors(batch.inputs.idTensor, tokenEmbedding))
        return SequenceProjection(hidden: write(x, &step, keys), weight: projection)
    }

    /// The cross-entropy of the targets' tokens.
    ///
    /// - Parameters:
    ///   - batch: Sources and targets.
    ///   - scale: The factor on the sum.
    ///   - smoothing: Label smoothing.
    /// - Returns: A scalar, f32 (f64 on the reference path).
    public func loss(_ batch: SequenceBatch, scale: Float, smoothing: Float = 0) -> Tensor {
        project(batch).loss(batch, scale: scale, smoothing: smoothing)
    }

    /// The cross-entropy of the tokens of each target, without gradients.
    ///
    /// - Parameter batch: Sources and targets.
    /// - Returns: B sums in nats.
    public func losses(_ batch: SequenceBatch) -> [Double] { project(batch).losses(batch) }

    /// The logits of the next target token at every place.
    ///
    /// - Parameter batch: Sources and targets.
    /// - Returns: [B, T, V], f32 (f64 on the reference path).
    public func logits(_ batch: SequenceBatch) -> Tensor { project(batch).logits }

    /// Reads sources and stands ready to write.
    ///
    /// - Parameters:
    ///   - source: The sources.
    ///   - rows: The most targets of a source that are in the making at a time.
    ///   - capacity: The most tokens of a target.
    /// - Returns: The decoder at work.
    public func decoding(_ source: TokenBatch, rows: Int, capacity: Int) -> any SequenceDecoding {
        RecurrentDecoding(self, source)
    }

    // MARK: Files and speeds

    /// Writes `config.json` and `model.safetensors`.
    ///
    /// - Parameter folder: The folder, which must exist.
    /// - Throws: `FileFormatError` when the disk refuses.
    public func save(to folder: String) throws(FileFormatError) {
        try configuration.document.write(to: "\(folder)/config.json")
        try saveParameters(to: "\(folder)/model.safetensors")
    }

    /// Reads weights that ``save(to:)`` wrote.
    ///
    /// - Parameter folder: The folder.
    /// - Throws: `FileFormatError` naming file and key of what is missing or of another shape.
    public func load(from folder: String) throws { try loadParameters(from: WeightFiles(path: folder)) }

    /// Floating-point operations of layers, attention and projection.
    ///
    /// - Parameters:
    ///   - source: The tokens of a source.
    ///   - target: The tokens of a target.
    /// - Returns: Operations per pair.
    public func forwardFlops(source: Int, target: Int) -> Double {
        let (width, memory) = (configuration.hiddenSize, configuration.memoryWidth)
        let perTarget =
            (memory + width) * configuration.readoutWidth + 2 * memory * source
            + configuration.readoutWidth * vocabularySize
        return 2 * Double(source * encoder.matrixElementCount + target * decoder.matrixElementCount)
            + 2 * Double(source * memory * width) + 2 * Double(target * perTarget)
    }
}

/// A recurrent decoder at work.
final class RecurrentDecoding: SequenceDecoding {
    private let model: RecurrentSequenceModel
    private var keys: SequenceKeys
    private var step: RecurrentSequenceModel.Step

    init(_ model: RecurrentSequenceModel, _ source: TokenBatch) {
        self.model = model
        let (keys, state) = Tape.withoutRecording { model.read(source) }
        self.keys = keys
        step = model.begin(state)
    }

    func step(_ ids: [Int32]) -> Tensor {
        Tape.withoutRecording {
            let x = model.vectors(Tensor(ids, shape: [ids.count, 1]), model.tokenEmbedding)
            let hidden = model.write(x, &step, keys)
            return vocabularyLogits(hidden, weight: model.projection)
                .reshaped(ids.count, model.vocabularySize)
        }
    }

    func keep(sources: [Int], parents: [Int]) {
        Tape.withoutRecording {
            if sources.count < keys.count { keys = keys.selecting(sources) }
            func rows(_ states: Tensor) -> Tensor {
                states.transposed(0, 1).contiguous().gathered(parents).transposed(0, 1).contiguous()
            }
            step.state = RecurrentState(
                hidden: rows(step.state.hidden),
                cell: step.state.cell.map(rows)
            )
            step.fed = step.fed?.gathered(parents)
        }
    }
}
