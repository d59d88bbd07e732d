import YuyanFileFormats
import YuyanGeneration

/// A figure that written texts are judged by.
public enum SequenceMetric: String, Sendable, CaseIterable {
    /// BLEU as sacreBLEU computes it, 0 … 100.
    case bleu
    /// chrF as sacreBLEU computes it, 0 … 100.
    case chrf
    /// ROUGE-1, the mean F1 of single tokens.
    case rouge1 = "rouge_1"
    /// ROUGE-2, the mean F1 of pairs of tokens.
    case rouge2 = "rouge_2"
    /// ROUGE-L, the mean F1 of longest common subsequences.
    case rougeL = "rouge_l"
    /// The share of answers that are right but for case, marks and articles.
    case exactMatch = "exact_match"
    /// The mean F1 of the words that an answer shares with the right one.
    case f1
}

/// The section `generation`: how a model writes texts, and by what they are judged.
public struct GenerationRecipe: Sendable, Equatable {
    /// The targets of a source that are followed at a time; 1 for greedy.
    public var numBeams = 1
    /// The power of the length by which log probabilities are divided.
    public var lengthPenalty = 1.0
    /// The most tokens of a target; the model's own bound when nil.
    public var maxNewTokens: Int?
    /// No n-gram of so many tokens occurs twice; 0 for no rule.
    public var noRepeatNgramSize = 0
    /// What texts are judged by.
    public var metrics: [SequenceMetric] = [.bleu, .chrf]

    /// The defaults.
    public init() {}

    static var fields: [RecipeField<GenerationRecipe>] {
        let names = SequenceMetric.allCases.map(\.rawValue)
        return [
            .integer("num_beams", at: \.numBeams), .number("length_penalty", at: \.lengthPenalty),
            .optionalInteger("max_new_tokens", at: \.maxNewTokens),
            .integer("no_repeat_ngram_size", at: \.noRepeatNgramSize),
            RecipeField(
                key: "metrics",
                aliases: [],
                wanted: "some of " + names.joined(separator: ", "),
                assign: { section, scalar in
                    let parts = scalar.text.split(separator: ",").map { $0.filter { $0 != " " } }
                    let metrics = parts.compactMap { SequenceMetric(rawValue: $0) }
                    guard !metrics.isEmpty, metrics.count == parts.count,
                        Set(metrics).count == metrics.count
                    else { return false }
                    section.metrics = metrics
                    return true
                },
                read: { .array($0.metrics.map { .string($0.rawValue) }) },
                takesList: true
            ),
        ]
    }

    /// How targets are searched for by a model.
    func options(_ model: any SequenceToSequenceModel) -> BeamSearchOptions {
        BeamSearchOptions(
            numBeams: numBeams,
            lengthPenalty: lengthPenalty,
            maxNewTokens: min(maxNewTokens ?? model.maxTargetLength, model.maxTargetLength),
            noRepeatNgramSize: noRepeatNgramSize
        )
    }

    /// Says what is wrong before any work is done.
    func check() throws {
        let own = BeamSearchOptions(
            numBeams: numBeams,
            lengthPenalty: lengthPenalty,
            maxNewTokens: maxNewTokens ?? 1,
            noRepeatNgramSize: noRepeatNgramSize
        )
        do {
            try own.check()
        } catch {
            throw RecipeError("generation.\(error)")
        }
    }
}
