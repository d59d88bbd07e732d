import YuyanDatasets
import YuyanFileFormats
import YuyanModels
import YuyanTraining

/// Explains where answers begin and end.
struct AnswerExplainer: TaskExplainer {
    let answering: TrainedAnswering
    private var model: QuestionAnsweringModel { answering.model }

    var methods: [ExplanationMethod] {
        [.integratedGradients] + (model.network is AnswerEncoder ? [.attentionRollout] : [])
    }

    func explain(_ request: ExplanationRequest) throws -> ExplainedText {
        try request.check([.question], of: "a model that answers questions")
        let method = try method(request)
        guard let question = request.question else {
            throw RecipeError("--question is needed: what the text of --text shall answer")
        }
        let example = QuestionAnsweringExample(question: question, context: request.text, answers: [])
        let asked = try answering.tokens.questions([example])[0]
        guard !asked.question.isEmpty else { throw RecipeError("--question is empty") }
        let found = try answering.finder.place(of: asked) { _, _ in StopSignal.received == nil }
        guard let window = found.window else {
            throw RecipeError(
                asked.context.isEmpty
                    ? "--text is empty; a text that may answer the question is needed"
                    : "what the model's places score is no number (NaN); there is nothing to explain"
            )
        }
        let explanations = try AnswerEnd.allCases.map { end in
            guard StopSignal.received == nil else { throw CancellationError() }
            return explanation(end, found.answer, example, asked, window, found.ends, method, request.steps)
        }
        var answer = JSONObject()
        found.answer.write(to: &answer, example)
        CutTexts.mark(asked.isCut, &answer)
        let text = Self.name(found.answer, example)
        return ExplainedText(answer: answer, headline: "\(question) \(text)", explanations: explanations)
    }

    private static func name(_ answer: FoundAnswer, _ example: QuestionAnsweringExample) -> String {
        answer.bytes == nil ? "(no answer)" : answer.text(in: example.context)
    }

    private func explanation(
        _ end: AnswerEnd,
        _ answer: FoundAnswer,
        _ example: QuestionAnsweringExample,
        _ asked: TokenizedQuestion,
        _ window: QuestionWindow,
        _ ends: (first: Int, last: Int),
        _ method: ExplanationMethod,
        _ steps: Int
    ) -> Explanation {
        let place = end == .start ? ends.first : ends.last
        func batch(_ copies: Int) -> QuestionBatch {
            answering.tokens.batch([QuestionWindow](repeating: window, count: copies), of: [asked])
        }
        let one = batch(1)
        let values: [Double]
        var score: Explanation.Score?
        if method == .attentionRollout, let network = model.network as? AnswerEncoder {
            values = network.encoder.attentionRollout(one.framed, from: [Int(one.places[place])])
        } else {
            let found = model.integratedGradients(of: batch, end, at: place, steps: steps)
            values = found.values
            score = Explanation.Score(name: "logit", value: found.score, baseline: found.baseline)
        }
        let own = model.network.sorted(values, one)
        score?.outside = own.rest
        var fields = JSONObject()
        fields["end"] = .string(end.rawValue)
        return Explanation(
            label: Self.name(answer, example),
            probability: answer.probability,
            method: method,
            parts: parts(example, asked, window, own),
            score: score,
            subject: Explanation.Subject(text: "the answer's \(end.rawValue)", fields: fields),
            unread: .elsewhere,
            notes: asked.isCut
                ? ["the question has more tokens than the model reads; its end was cut off"] : []
        )
    }

    /// The question and the text in the parts that their tokens stand for.
    private func parts(
        _ example: QuestionAnsweringExample,
        _ asked: TokenizedQuestion,
        _ window: QuestionWindow,
        _ values: AnswerTokenValues
    ) -> [Explanation.Part] {
        var question = TextParts.parts(
            of: example.question,
            zip(asked.questionOffsets, values.question),
            end: TextParts.readEnd(example.question, asked.questionOffsets, asked.question.count)
        )
        for place in question.indices { question[place].isOfQuestion = true }
        let begin = window.range.lowerBound == 0 ? 0 : asked.offsets[window.range.lowerBound].lowerBound
        return question
            + TextParts.parts(
                of: example.context,
                zip(asked.offsets[window.range], values.context),
                from: begin,
                end: TextParts.readEnd(example.context, asked.offsets, window.range.upperBound)
            )
    }
}
