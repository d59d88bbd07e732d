import YuyanDatasets
import YuyanFileFormats
import YuyanMetrics
import YuyanTraining

/// Explains the tags of sentences: of every entity that is found, or of tokens that are chosen.
struct TaggingExplainer: TaskExplainer {
    let predictor: TaggingPredictor
    private var tagger: any SentenceTagging { predictor.tagger }

    var methods: [ExplanationMethod] { tagger.explanationMethods }

    func explain(_ request: ExplanationRequest) throws -> ExplainedText {
        try request.check([.label, .position, .word], of: "a tagger")
        let method = try method(request)
        if let column = tagger.columns.first {
            throw RecipeError(
                "the model looks at the column '\(column)' of every token, which --text does not have; there are no "
                    + "explanations for such models"
            )
        }
        let row = Record(
            names: ["tokens"],
            values: [.text(request.text)],
            place: RecordPlace(path: "--text", line: nil)
        )
        let (tokens, inputs) = try row.stating { try predictor.sentence(row) }
        guard !tokens.isEmpty else {
            throw RecipeError("--text is empty; a sentence of one token or more is needed")
        }
        let chosen = try chosen(request, tokens)
        try check(request.label, isChosen: chosen != nil)
        let all = try tagger.tags(inputs) { _ in StopSignal.received == nil }
        let parts = Self.parts(of: request.text, tokens)
        var explanations: [Explanation] = []
        for (input, tags) in zip(inputs, all) {
            for target in try chosen?.map({ Target($0, request.label ?? tags[$0]) }) ?? found(tags) {
                guard StopSignal.received == nil else { throw CancellationError() }
                let own = target.replacing(tags)
                let why = tagger.attribution(
                    TagQuestion(
                        places: Array(target.range),
                        tags: own,
                        sentence: input,
                        method: method,
                        steps: request.steps
                    )
                )
                explanations.append(explanation(target, own, why, parts, input, method))
            }
        }
        return ExplainedText(
            answer: try predictor.answer(tokens, inputs, all),
            headline: headline(inputs, all),
            explanations: explanations
        )
    }

    /// Tokens whose tags are explained together, and what they are called.
    private struct Target {
        let range: Range<Int>
        let label: String
        /// Whether the label is the tag of the only token.
        let isTag: Bool

        init(_ place: Int, _ tag: String) { (range, label, isTag) = (place..<place + 1, tag, true) }

        init(_ range: Range<Int>, type: String) { (self.range, label, isTag) = (range, type, false) }

        func replacing(_ tags: [String]) -> [String] {
            var tags = tags
            if isTag { tags[range.lowerBound] = label }
            return tags
        }
    }

    /// What is explained where nothing is chosen: every entity or argument; where tags mark none, every tag but `_`.
    private func found(_ tags: [String]) throws -> [Target] {
        // The predicate's own tag is no argument.
        func counts(_ label: String) -> Bool { predictor.kind != .roles || label != "V" }
        guard predictor.marksSpans else {
            return tags.indices.filter { tags[$0] != "_" && counts(tags[$0]) }.map { Target($0, tags[$0]) }
        }
        return try labelledSpans(TagScoring.readable(tags)).filter { counts($0.label) }
            .map { Target($0.start..<$0.end, type: $0.label) }
    }

    /// The tokens that options choose, in their order; nil where they choose none.
    private func chosen(_ request: ExplanationRequest, _ tokens: [String]) throws -> [Int]? {
        guard !request.positions.isEmpty || !request.words.isEmpty else { return nil }
        let listed = tokens.enumerated().prefix(20).map { "\($0) \($1)" }.joined(separator: ", ")
        let known = "the tokens are \(listed)\(tokens.count > 20 ? " …" : "")"
        if let wrong = request.positions.first(where: { !tokens.indices.contains($0) }) {
            throw RecipeError(
                "--position is \(wrong); it must be from 0 to \(tokens.count - 1): \(known)"
            )
        }
        var places = Set(request.positions)
        for word in request.words {
            let own = tokens.indices.filter { tokens[$0] == word }
            if own.isEmpty {
                let whole = word.isEmpty ? nil : tokens.first { $0.contains(word) }
                let hint = whole.map { "it is a part of the token '\($0)'" } ?? known
                throw RecipeError("--word: '\(word)' is no token of the text; \(hint)")
            }
            places.formUnion(own)
        }
        return places.sorted()
    }

    private func check(_ label: String?, isChosen: Bool) throws {
        guard let label else { return }
        guard isChosen else {
            throw RecipeError("--label needs --position or --word, which say whose tag it would be")
        }
        guard tagger.tags.contains(label) else {
            throw RecipeError(
                "--label: the model knows no tag '\(label)'; it knows "
                    + tagger.tags.prefix(20).joined(separator: ", ")
            )
        }
    }

    private func explanation(
        _ target: Target,
        _ tags: [String],
        _ why: TagAttribution,
        _ parts: [String],
        _ input: TaggerInput,
        _ method: ExplanationMethod
    ) -> Explanation {
        let joint = tagger.isOfCharacters ? "" : " "
        let text = input.tokens[target.range].joined(separator: joint)
        var fields = JSONObject()
        fields["start"] = .integer(target.range.lowerBound)
        fields["end"] = .integer(target.range.upperBound)
        fields["text"] = .string(text)
        fields["tags"] = .array(target.range.map { .string(tags[$0]) })
        var name = text
        if let predicate = input.predicate {
            fields["predicate"] = .integer(predicate)
            name += " of \(input.tokens[predicate])"
        }
        return Explanation(
            label: target.label,
            probability: why.probability,
            method: method,
            parts: zip(parts, why.values).map { Explanation.Part(text: $0, value: $1) },
            score: why.score,
            subject: Explanation.Subject(text: name, fields: fields),
            features: why.features,
            notes: why.notes
        )
    }

    /// The tokens with their tags, a line for each predicate.
    private func headline(_ inputs: [TaggerInput], _ tags: [[String]]) -> String {
        zip(inputs, tags).map { input, tags in
            let predicate = input.predicate.map { "\(input.tokens[$0]): " } ?? ""
            return predicate + zip(input.tokens, tags).map { "\($0)/\($1)" }.joined(separator: " ")
        }.joined(separator: "\n")
    }

    /// The text cut before its tokens: at white space, or at every character where those are the tokens.
    private static func parts(of text: String, _ tokens: [String]) -> [String] {
        for isOfCharacters in [false, true] {
            let parts = TextParts.tokens(text, isOfCharacters: isOfCharacters)
            if parts.count == tokens.count { return parts }
        }
        return tokens.indices.map { tokens[$0] + ($0 + 1 < tokens.count ? " " : "") }
    }
}
