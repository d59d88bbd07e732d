import YuyanFileFormats
import YuyanModels
import YuyanTokenizers
import YuyanTraining

/// Explains texts that were written by what their tokens look at in the source.
struct SequenceExplainer: TaskExplainer {
    let writer: SequenceWriter
    let pairs: LearnedPairs

    var methods: [ExplanationMethod] { [.crossAttention] }

    func explain(_ request: ExplanationRequest) throws -> ExplainedText {
        try request.check([.pair], of: "a model that writes texts")
        try pairs.check(request.pair, role: SequencePredictor.pairRole)
        _ = try method(request)
        let input = SequenceInput(request.text, pair: request.pair)
        guard !input.isEmpty else { throw RecipeError("--text is empty; there is nothing to read") }
        guard let written = try writer.write([input], progress: { _ in StopSignal.received == nil })?.first
        else { throw CancellationError() }
        let (model, tokenizers) = (writer.model, writer.tokens.tokenizers)
        let source = writer.tokens.encode(input).ids
        let target = Array((written.ids + [model.endToken]).prefix(model.maxTargetLength))
        let batch = SequenceBatch(sources: [source], targets: [target], start: model.startToken)
        let weights = model.crossAttention(batch).doubles()
        var answer = JSONObject()
        answer["target"] = .string(written.text)
        answer["score"] = written.score.map { .number($0) } ?? .null
        CutTexts.mark(written.isCut, &answer)
        return ExplainedText(
            answer: answer,
            headline: written.text,
            alignment: Alignment(
                source: source.map { tokenizers.source.decode([$0]) },
                target: target.map { tokenizers.target.decode([$0]) },
                weights: target.indices.map { Array(weights[$0 * source.count..<($0 + 1) * source.count]) }
            )
        )
    }
}
