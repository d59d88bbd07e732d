import Foundation
import YuyanDatasets
import YuyanFileFormats
import YuyanModels
import YuyanReports
import YuyanTokenizers
import YuyanTraining

/// How the parts of a text are given their shares in an answer.
public enum ExplanationMethod: String, Sendable, CaseIterable {
    /// Integrated gradients of the label's logit (networks on token vectors).
    case integratedGradients = "integrated-gradients"
    /// The fall of the label's log-odds when a part is left out (every model).
    case occlusion
    /// Attention followed through all layers (Transformer encoders); says where the model looks, not for which label.
    case attentionRollout = "attention-rollout"
}

/// Why a model answers as it does: what each part of a text speaks for or against.
public struct Explanation: Sendable {
    /// A part of the text.
    public struct Part: Sendable, Equatable {
        /// The part as it stands in the text, with what separates it from the next.
        public let text: String
        /// Its share; positive for the label.
        public let value: Double
    }

    /// The label that is explained.
    public let label: String
    /// Its probability.
    public let probability: Double
    /// How the shares were found.
    public let method: ExplanationMethod
    /// The parts, which put together are the text.
    public let parts: [Part]
    /// What the shares lack to the difference that they should sum to; nil where they need not.
    public let gap: Double?

    /// The explanation as JSON.
    public var json: JSONObject {
        var object = JSONObject()
        object["label"] = .string(label)
        object["probability"] = .number(probability)
        object["method"] = .string(method.rawValue)
        if let gap { object["gap"] = .number(gap) }
        object["parts"] = .array(parts.map { ["text": .string($0.text), "value": .number($0.value)] })
        return object
    }

    /// The explanation on a page: the text in colours, and the parts that count most.
    public func add(to page: inout ReportPage) {
        page.facts([
            ("label", label), ("probability", String(format: "%.4f", probability)),
            ("method", method.rawValue),
        ])
        page.highlighted(parts.map { ($0.text, $0.value) })
        var table = ReportTable(columns: ["part", "share"])
        for part in strongest { table.row([.text(part.text), .number(String(format: "%+.4f", part.value))]) }
        page.table(table)
    }

    /// The parts that count most, the strongest first.
    public var strongest: [Part] {
        let shown = parts.filter { $0.value != 0 }
        return Array(shown.sorted { abs($0.value) > abs($1.value) }.prefix(10))
    }
}

/// A trained model that can say why.
public protocol TaskExplainer {
    /// The methods that the model knows, the usual one first.
    var methods: [ExplanationMethod] { get }

    /// Explains an answer.
    ///
    /// - Parameters:
    ///   - text: The text.
    ///   - pair: The second text of a pair.
    ///   - label: The label to explain; the likeliest when nil.
    ///   - method: How; the usual one when nil.
    /// - Returns: The explanation.
    /// - Throws: ``RecipeError`` for a label or method that the model does not know.
    func explain(
        _ text: String,
        pair: String?,
        label: String?,
        method: ExplanationMethod?
    ) throws -> Explanation
}

/// Explains the answers of text classifiers.
struct ClassificationExplainer: TaskExplainer {
    let classifier: any TextClassifying
    let isMultiLabel: Bool

    private var network: NeuralClassifier? { classifier as? NeuralClassifier }

    var methods: [ExplanationMethod] {
        var methods: [ExplanationMethod] = []
        if network?.model.encoder.tokenTable != nil { methods.append(.integratedGradients) }
        methods.append(.occlusion)
        if network?.model.encoder is TransformerEncoder { methods.append(.attentionRollout) }
        return methods
    }

    func explain(
        _ text: String,
        pair: String?,
        label: String?,
        method: ExplanationMethod?
    ) throws -> Explanation {
        let method = method ?? methods[0]
        guard methods.contains(method) else {
            throw RecipeError(
                "this model has no \(method.rawValue); there is \(methods.map(\.rawValue).joined(separator: ", "))"
            )
        }
        let shares = try probabilities([ClassifierText(text, pair: pair)])
        let labels = classifier.labels.labels
        let target: Int
        if let label {
            guard let place = labels.firstIndex(of: label) else {
                throw RecipeError(
                    "the model knows no label '\(label)'; it knows \(labels.prefix(20).joined(separator: ", "))"
                )
            }
            target = place
        } else {
            target = ClassificationFigures.likeliest(shares[...])
        }
        var (parts, gap): ([Explanation.Part], Double?) = ([], nil)
        switch method {
        case .occlusion: parts = try occluded(text, pair, target, shares[target])
        case .integratedGradients, .attentionRollout:
            guard let network else { break }
            (parts, gap) = try network.attributed(text, pair, target, method)
        }
        return Explanation(
            label: labels[target],
            probability: shares[target],
            method: method,
            parts: parts,
            gap: gap
        )
    }

    private func probabilities(_ texts: [ClassifierText]) throws -> [Double] {
        try classifier.probabilities(texts) { _ in StopSignal.received == nil }
    }

    /// What each word (of Chinese: each character) takes away when it is left out.
    private func occluded(
        _ text: String,
        _ pair: String?,
        _ target: Int,
        _ share: Double
    ) throws -> [Explanation.Part] {
        let first = TextParts.cut(text), second = pair.map { TextParts.cut($0) } ?? []
        func without(_ place: Int, _ parts: [String]) -> String {
            var left = parts
            left.remove(at: place)
            return left.joined()
        }
        let texts =
            first.indices.map { ClassifierText(without($0, first), pair: pair) }
            + second.indices.map { ClassifierText(text, pair: without($0, second)) }
        guard !texts.isEmpty else { return [] }
        let all = try probabilities(texts)
        let count = classifier.labels.count
        return zip(first + second, texts.indices).map { part, row in
            Explanation.Part(
                text: part,
                value: logOdds(share) - logOdds(all[row * count + target])
            )
        }
    }

    private func logOdds(_ share: Double) -> Double {
        let inner = min(max(share, 1e-12), 1 - 1e-12)
        return log(inner / (1 - inner))
    }
}

/// The words of a text with the white space behind them; Chinese characters by themselves.
enum TextParts {
    static func cut(_ text: String) -> [String] {
        var (parts, current): ([String], String.UnicodeScalarView) = ([], String.UnicodeScalarView())
        var (endsInSpace, endsInCharacter) = (false, false)
        for scalar in text.unicodeScalars {
            let isSpace = scalar.properties.isWhitespace
            let isCharacter = scalar.properties.isIdeographic
            let begins = !isSpace && (endsInSpace || isCharacter || endsInCharacter)
            if begins, !current.isEmpty {
                parts.append(String(current))
                current = String.UnicodeScalarView()
            }
            current.append(scalar)
            endsInSpace = isSpace
            endsInCharacter = isCharacter
        }
        if !current.isEmpty { parts.append(String(current)) }
        return parts
    }
}

extension NeuralClassifier {
    /// The shares of a text's tokens as parts of the text.
    fileprivate func attributed(
        _ text: String,
        _ pair: String?,
        _ target: Int,
        _ method: ExplanationMethod
    ) throws -> ([Explanation.Part], gap: Double?) {
        let encoded = tokens.encode(text, pair)
        let (values, gap): ([Double], Double?)
        if method == .attentionRollout, let encoder = model.encoder as? TransformerEncoder {
            values = encoder.attentionRollout(TokenBatch([encoded.ids], types: [encoded.types]))
            gap = nil
        } else {
            guard
                let found = model.integratedGradients(of: encoded.ids, types: encoded.types, target: target)
            else { return ([], nil) }
            (values, gap) = (found.values, found.gap)
        }
        let pipeline = try TokenizerFiles.loadPipeline(
            tokens.tokenizer.tokenizerDocument(),
            path: "tokenizer.json"
        )
        var options = TokenizationOptions()
        (options.addsSpecialTokens, options.truncation, options.padding) = (false, .off, .off)
        var parts: [Explanation.Part] = []
        for (text, places) in zip([text] + (pair.map { [$0] } ?? []), encoded.places) {
            let offsets = try pipeline.tokenize(text, options: options).offsets
            parts += Self.parts(of: text, zip(offsets, places.map { values[$0] }))
        }
        return (parts, gap)
    }

    /// Cuts a text where its tokens begin; what no token stands for goes with the token before it.
    private static func parts(
        of text: String,
        _ tokens: some Sequence<(Range<Int>, Double)>
    ) -> [Explanation.Part] {
        let bytes = Array(text.utf8)
        var (parts, start, value): ([Explanation.Part], Int, Double) = ([], 0, 0)
        func close(_ end: Int) {
            guard end > start else { return }
            parts.append(.init(text: String(decoding: bytes[start..<end], as: UTF8.self), value: value))
            (start, value) = (end, 0)
        }
        for (range, share) in tokens {
            let begin = range.lowerBound
            // Tokens of bytes may begin inside a character, which stays whole.
            if begin < bytes.count, bytes[begin] & 0xC0 != 0x80 { close(begin) }
            value += share
        }
        close(bytes.count)
        return parts
    }
}
