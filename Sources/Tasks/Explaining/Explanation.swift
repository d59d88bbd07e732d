import Foundation
import YuyanFileFormats
import YuyanReports

/// How the parts of a text are given their shares in an answer.
public enum ExplanationMethod: String, Sendable, CaseIterable {
    /// Integrated gradients of what speaks for the answer (networks on token vectors).
    case integratedGradients = "integrated-gradients"
    /// The weights of the features that are there (linear models and fields on features), which are exact.
    case weights
    /// The fall of the label's log-odds when a part is left out (every classifier).
    case occlusion
    /// Attention followed through all layers (Transformer encoders); says where the model looks, not for which label.
    case attentionRollout = "attention-rollout"
    /// The attention of a decoder over what was read (models that write texts).
    case crossAttention = "cross-attention"
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
        /// Whether it stands in the question that the text answers.
        public var isOfQuestion = false
    }

    /// What the shares sum to.
    public struct Score: Sendable, Equatable {
        /// What it is: `logit`, `log-probability` and the like.
        public let name: String
        /// That of the text.
        public let value: Double
        /// That of nothing.
        public let baseline: Double
        /// What belongs to no part of the text: tokens around it, features of no word.
        public var outside = 0.0
    }

    /// A part of the text that is explained.
    public struct Subject: Sendable, Equatable {
        /// What it is, for people.
        public let text: String
        /// What it is, as JSON has it.
        public let fields: JSONObject
    }

    /// A feature that a model has weights for.
    public struct Feature: Sendable, Equatable {
        /// The feature, as the model knows it.
        public let name: String
        /// The token that it is a feature of; empty where it is one of the whole text.
        public var token = ""
        /// What it adds to the score.
        public let value: Double
    }

    /// Why a part of a text was not read.
    public enum Unread: Sendable {
        /// It is beyond the most tokens of the model.
        case cutOff
        /// It lies outside the stretch of the text that the answer stands in.
        case elsewhere
    }

    /// The label that is explained.
    public let label: String
    /// Its probability.
    public let probability: Double
    /// How the shares were found.
    public let method: ExplanationMethod
    /// The parts, which put together are the text.
    public let parts: [Part]
    /// What the shares sum to; nil where to nothing in particular.
    public var score: Score?
    /// What is explained; nil where that is the text as a whole.
    public var subject: Subject?
    /// The features that count, the strongest first; none for networks.
    public var features: [Feature] = []
    /// Why parts were not read.
    public var unread = Unread.cutOff
    /// What the user should know beside that.
    public var notes: [String] = []

    /// What the shares lack to the difference that they should sum to; nil where they need not.
    public var gap: Double? {
        score.map { $0.value - $0.baseline - $0.outside - sum }
    }

    private var sum: Double { parts.reduce(0) { $0 + ($1.isRead ? $1.value : 0) } }

    /// How many characters (Unicode scalars) of the text the model did not read, because it is too long.
    public var unreadCount: Int {
        parts.reduce(0) { $0 + ($1.isRead ? 0 : $1.text.unicodeScalars.count) }
    }

    /// A sentence on what the model did not read; nil where it read all.
    public var cutNote: String? {
        guard unreadCount > 0 else { return nil }
        return switch unread {
        case .cutOff:
            "the text has more tokens than the model reads: \(unreadCount) characters were cut off and not read"
        case .elsewhere:
            "text is read in stretches: \(unreadCount) characters were not read together with the answer"
        }
    }

    /// How the shares make up the score; nil where they need not.
    public var completeness: String? {
        guard let score, let gap else { return nil }
        let difference =
            "\(score.name) \(signed(score.value)) less \(signed(score.baseline)) of nothing is "
            + signed(score.value - score.baseline)
        let outside = score.outside == 0 ? "" : ", beside the text \(signed(score.outside))"
        return "\(difference): the shares sum to \(signed(sum))\(outside), the gap is \(signed(gap))"
    }

    private func signed(_ value: Double) -> String { String(format: "%+.4f", value) }

    /// What is explained, its label and its probability, in a line.
    public var headline: String {
        let what = subject.map { "\($0.text)  " } ?? ""
        return "\(what)\(label)  \(String(format: "%.4f", probability))  (\(method.rawValue))"
    }

    /// The explanation as JSON: `cut` where the model did not read all, and the parts it did not read without a value.
    public var json: JSONObject {
        var object = subject?.fields ?? JSONObject()
        object["label"] = .string(label)
        object["probability"] = .number(probability)
        object["method"] = .string(method.rawValue)
        if let score, let gap {
            object["score"] = [
                "name": .string(score.name), "value": .number(score.value),
                "baseline": .number(score.baseline), "outside": .number(score.outside),
            ]
            object["gap"] = .number(gap)
        }
        if unreadCount > 0 { object[unread == .cutOff ? "cut" : "stretch"] = true }
        if !notes.isEmpty { object["notes"] = .array(notes.map { .string($0) }) }
        object["parts"] = .array(
            parts.map { part in
                var own = JSONObject()
                own["text"] = .string(part.text)
                own["value"] = part.isRead ? .number(part.value) : .null
                if !part.isRead { own["read"] = false }
                if part.isOfQuestion { own["in"] = "question" }
                return .object(own)
            }
        )
        guard !features.isEmpty else { return object }
        object["features"] = .array(
            features.map { feature in
                var own = JSONObject()
                own["feature"] = .string(feature.name)
                if !feature.token.isEmpty { own["token"] = .string(feature.token) }
                own["value"] = .number(feature.value)
                return .object(own)
            }
        )
        return object
    }

    /// The parts as they are shown, with a line between a question and its text; nil for what was not read.
    public var shown: [(text: String, value: Double?)] {
        var shown: [(text: String, value: Double?)] = []
        for (place, part) in parts.enumerated() {
            if place > 0, parts[place - 1].isOfQuestion, !part.isOfQuestion { shown.append(("\n", 0)) }
            shown.append((part.text, part.isRead ? part.value : nil))
        }
        return shown
    }

    /// The explanation on a page: the text in colours, and the parts that count most.
    public func add(to page: inout ReportPage) {
        page.facts([
            ("label", label), ("probability", String(format: "%.4f", probability)),
            ("method", method.rawValue),
        ])
        addNotes(to: &page)
        page.highlighted(shown.map { ($0.text, $0.value) })
        addTables(to: &page)
    }

    func addNotes(to page: inout ReportPage) {
        if let cutNote { page.paragraph("Crossed out: \(cutNote).") }
        for note in notes { page.paragraph("\(note).") }
        if let completeness { page.paragraph("\(completeness).") }
    }

    func addTables(to page: inout ReportPage) {
        var table = ReportTable(columns: ["part", "share"])
        for part in strongest { table.row([.text(part.text), .number(signed(part.value))]) }
        page.table(table)
        page.table(featureTable)
    }

    /// The features that count most.
    public var featureTable: ReportTable {
        var table = ReportTable(columns: ["feature", "token", "weight"])
        for feature in features.prefix(Self.shownFeatures) {
            table.row([.text(feature.name), .text(feature.token), .number(signed(feature.value))])
        }
        return table
    }

    /// How many features a page and a terminal show.
    private static let shownFeatures = 20

    /// The parts that count most, the strongest first.
    public var strongest: [Part] {
        let shown = parts.filter { $0.isRead && $0.value != 0 }
        return Array(shown.sorted { abs($0.value) > abs($1.value) }.prefix(10))
    }
}

extension Explanation.Feature {
    /// Features in the order in which they count, without those that add nothing.
    static func strongestFirst(_ features: [Explanation.Feature]) -> [Explanation.Feature] {
        features.filter { $0.value != 0 }.sorted { abs($0.value) > abs($1.value) }
    }
}
