import YuyanFileFormats
import YuyanReports

/// What is to be explained, and how.
public struct ExplanationRequest: Sendable {
    /// The text.
    public var text: String
    /// The second text of a pair.
    public var pair: String?
    /// The question that the text answers.
    public var question: String?
    /// The label to explain; the likeliest when nil.
    public var label: String?
    /// How; the model's usual one when nil.
    public var method: ExplanationMethod?
    /// The tokens whose tags are to be explained, counted from 0.
    public var positions: [Int] = []
    /// Words whose tags are to be explained, wherever they stand.
    public var words: [String] = []
    /// The stretches of the line that integrated gradients follow.
    public var steps = 64

    /// A request to explain the likeliest answer in the model's usual way.
    ///
    /// - Parameter text: The text.
    public init(_ text: String) { self.text = text }

    /// What only some tasks know, by the option that gives it.
    enum Choice: String, CaseIterable {
        case pair = "--pair"
        case question = "--question"
        case label = "--label"
        case position = "--position"
        case word = "--word"
    }

    private func has(_ choice: Choice) -> Bool {
        switch choice {
        case .pair: pair != nil
        case .question: question != nil
        case .label: label != nil
        case .position: !positions.isEmpty
        case .word: !words.isEmpty
        }
    }

    /// The most stretches of the line.
    private static let mostSteps = 100_000

    /// Refuses what a task does not know.
    ///
    /// - Parameters:
    ///   - known: What it does.
    ///   - what: Whose it is, for the error.
    /// - Throws: ``RecipeError`` that names the option.
    func check(_ known: [Choice], of what: String) throws {
        if let wrong = Choice.allCases.first(where: { has($0) && !known.contains($0) }) {
            let others = known.map(\.rawValue).joined(separator: ", ")
            throw RecipeError("\(wrong.rawValue) means nothing to \(what); beside --text it knows \(others)")
        }
        guard (1...Self.mostSteps).contains(steps) else {
            throw RecipeError("--steps is \(steps); it must be from 1 to \(Self.mostSteps)")
        }
    }
}

/// The answer to a text, and why it is that.
public struct ExplainedText: Sendable {
    /// The answer as JSON has it; empty where the explanation says it all.
    public let answer: JSONObject
    /// The answer for people; empty where the explanation says it all.
    public let headline: String
    /// Why: of the text as a whole, or of several of its parts.
    public let explanations: [Explanation]
    /// What the tokens of a text that was written look at; nil where none was.
    public var alignment: Alignment?

    /// An answer that is explained as a whole.
    init(_ explanation: Explanation) {
        (answer, headline, explanations) = (JSONObject(), "", [explanation])
    }

    /// An answer of which parts are explained.
    init(answer: JSONObject, headline: String, explanations: [Explanation]) {
        (self.answer, self.headline, self.explanations) = (answer, headline, explanations)
    }

    /// A text that was written, with what its tokens look at.
    init(answer: JSONObject, headline: String, alignment: Alignment) {
        (self.answer, self.headline, explanations) = (answer, headline, [])
        self.alignment = alignment
    }

    /// Whether there is one explanation, of the text as a whole.
    private var isWhole: Bool { answer.isEmpty && explanations.count == 1 }

    /// The answer as JSON, with its explanations.
    public var json: JSONObject {
        if isWhole { return explanations[0].json }
        var object = answer
        if let alignment {
            object["method"] = .string(ExplanationMethod.crossAttention.rawValue)
            object["alignment"] = alignment.json
            return object
        }
        object["explanations"] = .array(explanations.map { .object($0.json) })
        return object
    }

    /// The explanations on a page: one as a whole, or a table with a row for each and what belongs to it below.
    public func add(to page: inout ReportPage) {
        if isWhole { return explanations[0].add(to: &page) }
        page.paragraph(headline)
        if let alignment { return page.matrix(alignment.chart) }
        var table = ReportTable(columns: ["what", "label", "probability", "text"])
        for explanation in explanations {
            table.row([
                .text(explanation.subject?.text ?? ""), .text(explanation.label),
                .number(ReportTable.decimals(explanation.probability)),
                .marked(explanation.shown.map { ($0.text, $0.value) }),
            ])
        }
        page.table(table)
        for explanation in explanations {
            page.heading(explanation.headline)
            explanation.addNotes(to: &page)
            explanation.addTables(to: &page)
        }
    }
}

/// A trained model that can say why.
public protocol TaskExplainer {
    /// The methods that the model knows, the usual one first.
    var methods: [ExplanationMethod] { get }

    /// Explains an answer.
    ///
    /// - Parameter request: What is to be explained, and how.
    /// - Returns: The answer and why it is that.
    /// - Throws: ``RecipeError`` that names the option for what the model does not know.
    func explain(_ request: ExplanationRequest) throws -> ExplainedText
}

extension TaskExplainer {
    /// The method that is asked for.
    func method(_ request: ExplanationRequest) throws -> ExplanationMethod {
        guard let method = request.method ?? methods.first, methods.contains(method) else {
            throw RecipeError(
                "--method: this model has no \(request.method?.rawValue ?? "explanations"); there is "
                    + methods.map(\.rawValue).joined(separator: ", ")
            )
        }
        return method
    }
}
