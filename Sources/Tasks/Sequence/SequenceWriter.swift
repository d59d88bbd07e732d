import YuyanFileFormats
import YuyanGeneration
import YuyanModels
import YuyanTokenizers

/// A model with its tokenizers that writes a text for every text.
struct SequenceWriter {
    let model: any SequenceToSequenceModel
    let tokens: SequenceTokens
    private let search: BeamSearch

    /// A text that was written.
    struct Written {
        let text: String
        /// The log probability by the length raised to the penalty; nil for an empty source, which is not read.
        let score: Double?
        /// The tokens of the text, without the one that ends it.
        var ids: [Int32] = []
        /// Whether the source is longer than the model reads.
        var isCut = false
    }

    init(_ model: any SequenceToSequenceModel, _ tokens: SequenceTokens, _ recipe: Recipe) throws {
        (self.model, self.tokens) = (model, tokens)
        search = try BeamSearch(
            model,
            recipe.generation.options(model),
            maximumRows: recipe.training.evaluationRows()
        )
    }

    /// Opens a model folder.
    init(_ recipe: Recipe, folder: String) throws {
        let model = try SequenceModels.load(folder: folder)
        recipe.settle(model)
        let tokenizers = try SequenceTokens.load(folder: folder)
        for (tokenizer, count) in tokenizers.sizes(of: model)
        where tokenizer.vocabularySize > count {
            throw FileFormatError(
                .mismatch,
                path: folder,
                "a tokenizer of \(tokenizer.vocabularySize) tokens for a model of \(count)"
            )
        }
        try self.init(model, SequenceTokens(tokenizers, model), recipe)
    }

    /// Writes a text for every input; an empty input gets an empty text.
    ///
    /// - Parameters:
    ///   - inputs: The texts.
    ///   - progress: Told of texts done; false stops.
    /// - Returns: The texts; nil when `progress` said to stop.
    /// - Throws: When the model's numbers are none.
    func write(_ inputs: [SequenceInput], progress: (Int) -> Bool) throws -> [Written]? {
        let places = inputs.indices.filter { !inputs[$0].isEmpty }
        let sources = places.map { tokens.encode(inputs[$0]) }
        guard let found = try search(sources.map(\.ids), progress: progress) else { return nil }
        var written = [Written](repeating: Written(text: "", score: nil), count: inputs.count)
        for ((place, source), sequence) in zip(zip(places, sources), found) {
            written[place] = Written(
                text: tokens.text(sequence.tokenIDs),
                score: sequence.score,
                ids: sequence.tokenIDs,
                isCut: source.isCut
            )
        }
        return written
    }
}
