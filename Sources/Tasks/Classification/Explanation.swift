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
        /// Whether the model read it: what is cut off has no share.
        public var isRead = true
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

    /// How many characters (Unicode scalars) of the text the model did not read, because it is too long.
    public var unreadCount: Int {
        parts.reduce(0) { $0 + ($1.isRead ? 0 : $1.text.unicodeScalars.count) }
    }

    /// A sentence on what the model did not read; nil where it read all.
    public var cutNote: String? {
        guard unreadCount > 0 else { return nil }
        return
            "the text has more tokens than the model reads: \(unreadCount) characters were cut off and not read"
    }

    /// The explanation as JSON: `cut` where the model did not read all, and the parts it did not read without a value.
    public var json: JSONObject {
        var object = JSONObject()
        object["label"] = .string(label)
        object["probability"] = .number(probability)
        object["method"] = .string(method.rawValue)
        if let gap { object["gap"] = .number(gap) }
        if unreadCount > 0 { object["cut"] = true }
        object["parts"] = .array(
            parts.map { part in
                part.isRead
                    ? ["text": .string(part.text), "value": .number(part.value)]
                    : ["text": .string(part.text), "value": nil, "read": false]
            }
        )
        return object
    }

    /// The explanation on a page: the text in colours, and the parts that count most.
    public func add(to page: inout ReportPage) {
        page.facts([
            ("label", label), ("probability", String(format: "%.4f", probability)),
            ("method", method.rawValue),
        ])
        if let cutNote { page.paragraph("Crossed out: \(cutNote).") }
        page.highlighted(parts.map { ($0.text, $0.isRead ? $0.value : nil) })
        var table = ReportTable(columns: ["part", "share"])
        for part in strongest { table.row([.text(part.text), .number(String(format: "%+.4f", part.value))]) }
        page.table(table)
    }

    /// The parts that count most, the strongest first.
    public var strongest: [Part] {
        let shown = parts.filter { $0.isRead && $0.value != 0 }
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
        let ends = try network?.readEnds(text, pair) ?? []
        let (first, rest) = TextParts.cut(text, at: ends.first ?? nil)
        let (second, secondRest) = pair.map { TextParts.cut($0, at: ends.last ?? nil) } ?? ([], "")
        func without(_ place: Int, _ parts: [String], _ rest: String) -> String {
            var left = parts
            left.remove(at: place)
            return left.joined() + rest
        }
        let texts =
            first.indices.map { ClassifierText(without($0, first, rest), pair: pair) }
            + second.indices.map { ClassifierText(text, pair: without($0, second, secondRest)) }
        let all = texts.isEmpty ? [] : try probabilities(texts)
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

extension Explanation.Part {
    /// What a model did not read; nothing where that is empty.
    fileprivate static func unread(_ text: String) -> [Explanation.Part] {
        text.utf8.isEmpty ? [] : [Explanation.Part(text: text, value: 0, isRead: false)]
    }
}

/// The words of a text with the white space behind them; Chinese characters by themselves.
enum TextParts {
    /// The words that begin before a byte, and the rest of the text; all of it where there is no such byte.
    static func cut(_ text: String, at end: Int?) -> (parts: [String], rest: String) {
        let parts = cut(text)
        guard let end else { return (parts, "") }
        var (count, bytes) = (0, 0)
        while count < parts.count, bytes < end {
            bytes += parts[count].utf8.count
            count += 1
        }
        return (Array(parts.prefix(count)), parts.dropFirst(count).joined())
    }

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
        var parts: [Explanation.Part] = []
        for (text, (offsets, places)) in try zip(
            [text] + (pair.map { [$0] } ?? []),
            zip(offsets(text, pair), encoded.places)
        ) {
            let end = Self.readEnd(text, offsets, places.count)
            parts += Self.parts(of: text, zip(offsets, places.map { values[$0] }), end: end)
        }
        return (parts, gap)
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
            Self.readEnd($0.0.0, $0.0.1, $0.1.count)
        }
    }

    /// Where the first tokens of a text end, behind a whole character; nil when they are all.
    private static func readEnd(_ text: String, _ offsets: [Range<Int>], _ count: Int) -> Int? {
        guard count < offsets.count else { return nil }
        let bytes = Array(text.utf8)
        var end = min(offsets.prefix(count).reduce(0) { max($0, $1.upperBound) }, bytes.count)
        while end < bytes.count, bytes[end] & 0xC0 == 0x80 { end += 1 }
        return end
    }

    /// Cuts a text where its tokens begin; what no token stands for goes with the token before it.
    ///
    /// What lies behind `end` was not read.
    private static func parts(
        of text: String,
        _ tokens: some Sequence<(Range<Int>, Double)>,
        end: Int?
    ) -> [Explanation.Part] {
        let bytes = Array(text.utf8)
        let last = end ?? bytes.count
        var (parts, start, value): ([Explanation.Part], Int, Double) = ([], 0, 0)
        func close(_ end: Int) {
            guard end > start else { return }
            parts.append(.init(text: String(decoding: bytes[start..<end], as: UTF8.self), value: value))
            (start, value) = (end, 0)
        }
        for (range, share) in tokens {
            let begin = range.lowerBound
            // Tokens of bytes may begin inside a character, which stays whole.
            if begin < last, bytes[begin] & 0xC0 != 0x80 { close(begin) }
            value += share
        }
        close(last)
        return parts + Explanation.Part.unread(String(decoding: bytes[last...], as: UTF8.self))
    }
}
