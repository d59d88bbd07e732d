import YuyanModels
import YuyanTensors

/// Which tags of a sentence are to be explained.
struct TagQuestion {
    /// The tokens, in order.
    let places: [Int]
    /// The tags of all tokens, each one that the tagger gives.
    let tags: [String]
    /// The sentence.
    let sentence: TaggerInput
    /// One of the tagger's methods.
    let method: ExplanationMethod
    /// The stretches of the line that integrated gradients follow.
    let steps: Int
}

/// Why tokens of a sentence have their tags.
struct TagAttribution {
    /// What each token of the sentence adds.
    let values: [Double]
    /// How probable the tags are together.
    let probability: Double
    /// What the values sum to; nil where to nothing in particular.
    var score: Explanation.Score?
    /// The features that count.
    var features: [Explanation.Feature] = []
    /// What the user should know.
    var notes: [String] = []
}

extension Tagger {
    var explanationMethods: [ExplanationMethod] {
        [.integratedGradients] + (network.hasAttention ? [.attentionRollout] : [])
    }

    func attribution(_ question: TagQuestion) -> TagAttribution {
        let (sentence, places) = (question.sentence, question.places)
        let (model, sentences) = (network.model, network.sentences([sentence]))
        let targets = places.map { LabelledPlace($0, labels.labels.firstIndex(of: question.tags[$0]) ?? 0) }
        let probability = model.probability(of: targets, in: sentences.batch([0]))
        let notes = network.notes(on: sentence)
        if question.method == .attentionRollout,
            let shares = network.attentionRollout(from: places, in: sentence)
        {
            return TagAttribution(values: shares, probability: probability, notes: notes)
        }
        let found = model.integratedGradients(
            of: { sentences.batch([Int](repeating: 0, count: $0)) },
            targets: targets,
            steps: question.steps
        )
        let words = network.wordValues(found.values, of: sentence)
        let score = Explanation.Score(
            name: model.crf == nil ? "logit" : "log-probability",
            value: found.score,
            baseline: found.baseline,
            outside: found.values.reduce(0, +) - words.reduce(0, +)
        )
        return TagAttribution(values: words, probability: probability, score: score, notes: notes)
    }
}

extension CRFTagger {
    var explanationMethods: [ExplanationMethod] { [.weights] }

    func attribution(_ question: TagQuestion) -> TagAttribution {
        let (sentence, places) = (question.sentence, question.places)
        let tokens = sentence.tokens
        let path = question.tags.map { model.tags.firstIndex(of: $0) ?? 0 }
        var (values, outside) = ([Double](repeating: 0, count: tokens.count), 0.0)
        var features: [Explanation.Feature] = []
        for found in model.contributions(at: places, of: path, in: tokens, columns: sentence.columns) {
            features.append(.init(name: found.name, token: tokens[found.place], value: found.value))
            // A pair of words shares its weight; marks beyond the ends, steps and the bias are no word's.
            let share = found.value / Double(max(found.looksAt.count, 1))
            for place in found.looksAt {
                if tokens.indices.contains(place) { values[place] += share } else { outside += share }
            }
            if found.looksAt.isEmpty { outside += found.value }
        }
        return TagAttribution(
            values: values,
            probability: model.probability(at: places, of: path, in: tokens, columns: sentence.columns),
            score: Explanation.Score(
                name: "score",
                value: model.score(at: places, of: path, in: tokens, columns: sentence.columns),
                baseline: 0,
                outside: outside
            ),
            features: Explanation.Feature.strongestFirst(features)
        )
    }
}
