import Foundation
import YuyanDatasets
import YuyanFileFormats
import YuyanModels
import YuyanReports
import YuyanTokenizers
import YuyanTraining

/// Explains the answers of text classifiers.
struct ClassificationExplainer: TaskExplainer {
    let classifier: any TextClassifying
    let isMultiLabel: Bool
    let pairs: LearnedPairs

    private var network: NeuralClassifier? { classifier as? NeuralClassifier }
    private var linear: LinearClassifier? { classifier as? LinearClassifier }

    var methods: [ExplanationMethod] {
        var methods: [ExplanationMethod] = []
        if network?.model.encoder.tokenTable != nil { methods.append(.integratedGradients) }
        if linear != nil { methods.append(.weights) }
        methods.append(.occlusion)
        if network?.model.encoder is TransformerEncoder { methods.append(.attentionRollout) }
        return methods
    }

    func explain(_ request: ExplanationRequest) throws -> ExplainedText {
        try request.check([.pair, .label], of: "a classifier")
        try pairs.check(request.pair, role: ClassificationPredictor.pairRole)
        let (method, text, pair) = (try method(request), request.text, request.pair)
        let shares = try probabilities([ClassifierText(text, pair: pair)])
        let labels = classifier.labels.labels
        let target: Int
        if let label = request.label {
            guard let place = labels.firstIndex(of: label) else {
                throw RecipeError(
                    "--label: the model knows no label '\(label)'; it knows \(labels.prefix(20).joined(separator: ", "))"
                )
            }
            target = place
        } else {
            target = ClassificationFigures.likeliest(shares[...])
        }
        var found = AttributedParts()
        switch method {
        case .occlusion: found.parts = try occluded(text, pair, target, shares[target])
        case .weights: if let linear { found = linear.attributed(text, pair, target) }
        case .integratedGradients, .attentionRollout, .crossAttention:
            if let network { found = try network.attributed(request, target, method) }
        }
        return ExplainedText(
            Explanation(
                label: labels[target],
                probability: shares[target],
                method: method,
                parts: found.parts,
                score: found.score,
                features: found.features
            )
        )
    }

    private func probabilities(_ texts: [ClassifierText]) throws -> [Double] {
        try classifier.probabilities(texts) { _ in StopSignal.received == nil }
    }

    /// How many texts with a word left out are in memory together.
    private static let textsAtOnce = 256

    /// What each word (of Chinese: each character) takes away when it is left out.
    private func occluded(
        _ text: String,
        _ pair: String?,
        _ target: Int,
        _ share: Double
    ) throws -> [Explanation.Part] {
        let ends = try network?.readEnds(text, pair) ?? []
        let (first, rest) = TextParts.cut(text, at: ends.first ?? nil)
        let (second, secondRest) = pair.map { TextParts.cut($0, at: ends.last ?? nil) } ?? ([], "")
        func without(_ place: Int, _ parts: [String], _ rest: String) -> String {
            var left = parts
            left.remove(at: place)
            return left.joined() + rest
        }
        func left(without place: Int) -> ClassifierText {
            place < first.count
                ? ClassifierText(without(place, first, rest), pair: pair)
                : ClassifierText(text, pair: without(place - first.count, second, secondRest))
        }
        // Some at a time: all together would take the square of a long text.
        let places = 0..<first.count + second.count
        var all: [Double] = []
        for start in stride(from: 0, to: places.count, by: Self.textsAtOnce) {
            let own = start..<min(start + Self.textsAtOnce, places.count)
            all += try probabilities(own.map { left(without: $0) })
        }
        let count = classifier.labels.count
        func shares(_ parts: [String], from row: Int, _ rest: String) -> [Explanation.Part] {
            let read = parts.indices.map { place in
                Explanation.Part(
                    text: parts[place],
                    value: logOdds(share) - logOdds(all[(row + place) * count + target])
                )
            }
            return read + Explanation.Part.unread(rest)
        }
        return shares(first, from: 0, rest) + shares(second, from: first.count, secondRest)
    }

    private func logOdds(_ share: Double) -> Double {
        let inner = min(max(share, 1e-12), 1 - 1e-12)
        return log(inner / (1 - inner))
    }
}

/// What a model's shares come to on a text.
struct AttributedParts {
    var parts: [Explanation.Part] = []
    var score: Explanation.Score?
    var features: [Explanation.Feature] = []
}

extension NeuralClassifier {
    /// The shares of a text's tokens as parts of the text.
    fileprivate func attributed(
        _ request: ExplanationRequest,
        _ target: Int,
        _ method: ExplanationMethod
    ) throws -> AttributedParts {
        let (text, pair) = (request.text, request.pair)
        let encoded = tokens.encode(text, pair)
        let values: [Double]
        var found = AttributedParts()
        if method == .attentionRollout, let encoder = model.encoder as? TransformerEncoder {
            values = encoder.attentionRollout(TokenBatch([encoded.ids], types: [encoded.types]))
        } else {
            guard
                let shares = model.integratedGradients(
                    of: encoded.ids,
                    types: encoded.types,
                    target: target,
                    steps: request.steps
                )
            else { return found }
            values = shares.values
            let inside = encoded.places.reduce(0) { $0 + $1.reduce(0) { $0 + values[$1] } }
            found.score = Explanation.Score(
                name: "logit",
                value: shares.score,
                baseline: shares.baseline,
                outside: values.reduce(0, +) - inside
            )
        }
        for (text, (offsets, places)) in try zip(
            [text] + (pair.map { [$0] } ?? []),
            zip(offsets(text, pair), encoded.places)
        ) {
            let end = TextParts.readEnd(text, offsets, places.count)
            found.parts += TextParts.parts(of: text, zip(offsets, places.map { values[$0] }), end: end)
        }
        return found
    }

    /// Where each token of a text, and of a second one, stands in it, in bytes.
    private func offsets(_ text: String, _ pair: String?) throws -> [[Range<Int>]] {
        let pipeline = try TokenizerFiles.loadPipeline(
            tokens.tokenizer.tokenizerDocument(),
            path: "tokenizer.json"
        )
        var options = TokenizationOptions()
        (options.addsSpecialTokens, options.truncation, options.padding) = (false, .off, .off)
        return try ([text] + (pair.map { [$0] } ?? [])).map {
            try pipeline.tokenize($0, options: options).offsets
        }
    }

    /// Where a text, and a second one, end for the model, in bytes; nil for one that is not cut.
    fileprivate func readEnds(_ text: String, _ pair: String?) throws -> [Int?] {
        let encoded = tokens.encode(text, pair)
        guard encoded.isCut else { return [] }
        let texts = [text] + (pair.map { [$0] } ?? [])
        return try zip(zip(texts, offsets(text, pair)), encoded.places).map {
            TextParts.readEnd($0.0.0, $0.0.1, $0.1.count)
        }
    }
}

extension LinearClassifier {
    /// What n-grams add to a label's logit, on the words that they stand in.
    ///
    /// An n-gram that occurs several times gives each occurrence the same share, and an occurrence every word that it
    /// touches.
    fileprivate func attributed(_ text: String, _ pair: String?, _ target: Int) -> AttributedParts {
        let found = model.contributions(of: ClassifierText(text, pair: pair).joined, to: target)
        let (first, second) = (TextParts.cut(text), pair.map { TextParts.cut($0) } ?? [])
        let texts = first + second
        // The part that each byte stands in; a pair is read with a line between its texts.
        var owners: [Int?] = []
        for (place, part) in texts.enumerated() {
            if place == first.count { owners.append(nil) }
            owners += [Int?](repeating: place, count: part.utf8.count)
        }
        var (values, outside) = ([Double](repeating: 0, count: texts.count), found.intercept)
        for ngram in found.ngrams {
            let share = ngram.value / Double(max(ngram.places.count, 1))
            if ngram.places.isEmpty { outside += ngram.value }
            for place in ngram.places {
                let own = owners[place.clamped(to: owners.indices)].compactMap { $0 }
                guard let low = own.first, let high = own.last else {
                    outside += share
                    continue
                }
                for part in low...high { values[part] += share / Double(high - low + 1) }
            }
        }
        return AttributedParts(
            parts: zip(texts, values).map { Explanation.Part(text: $0, value: $1) },
            score: Explanation.Score(
                name: found.isOfOdds ? "log-odds" : "logit",
                value: found.logit,
                baseline: 0,
                outside: outside
            ),
            features: Explanation.Feature.strongestFirst(
                found.ngrams.map { Explanation.Feature(name: $0.name, value: $0.value) }
            )
        )
    }
}
