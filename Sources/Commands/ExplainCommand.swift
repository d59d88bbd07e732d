import ArgumentParser
import Foundation
import YuyanFileFormats
import YuyanReports
import YuyanTasks
import YuyanTraining

/// The command `yuyan explain`.
struct ExplainCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "explain",
        abstract:
            "Shows which parts of a text speak for the answer of a trained model, and which against it.",
        discussion: """
            On a terminal what speaks for the label is green, what speaks against it red, and what a model does not \
            read of a long text crossed out; elsewhere the shares are printed. Classifiers are explained by label, \
            taggers by entity (or by the tokens that --position and --word choose), models that answer questions by the \
            two ends of the answer. Integrated gradients sum to the difference that the text makes to the label's \
            logit, or to its log-probability where a CRF gives tags; weights, of linear models and CRFs on features, are \
            exact; occlusion leaves out one word at a time and knows every classifier; attention rollout says where an \
            encoder looks. Of models that write texts it is shown where each written token looks.
            """
    )

    @Argument(help: "The folder of a trained model.")
    var folder: String

    @Option(name: [.short, .long], help: "A text; repeat it for several.")
    var text: [String]

    @Option(help: "The second text of a pair.")
    var pair: String?

    @Option(help: "The question that the text answers, for models that find answers.")
    var question: String?

    @Option(help: "The label to explain; the likeliest when not given.")
    var label: String?

    @Option(
        help: ArgumentHelp(
            "A token whose tag is explained, counted from 0; repeat it for several. Every entity when not given.",
            valueName: "number"
        )
    )
    var position: [Int] = []

    @Option(help: "A token whose tag is explained, wherever it stands; repeat it for several.")
    var word: [String] = []

    @Option(help: "How many points of the line from nothing to the text integrated gradients look at.")
    var steps = 64

    @Option(
        help: ArgumentHelp(
            "How: \(ExplanationMethod.allCases.map(\.rawValue).joined(separator: ", ")); the model's usual one when "
                + "not given.",
            valueName: "method"
        )
    )
    var method: String?

    @Option(help: "A page to write, with the texts in colours.")
    var html: String?

    @Flag(help: "Print one JSON object for each text.")
    var json = false

    func validate() throws {
        guard !text.isEmpty else { throw ValidationError("nothing to explain: give --text") }
        guard method.map({ ExplanationMethod(rawValue: $0) != nil }) ?? true else {
            let known = ExplanationMethod.allCases.map(\.rawValue).joined(separator: ", ")
            throw ValidationError("--method must be one of \(known)")
        }
    }

    func run() throws {
        StopSignal.install()
        let recipe = try Recipe(modelFolder: folder)
        let task = try TaskCatalog.run(recipe, registryFolder: nil, version: YuyanCommand.version)
        let explainer = try task.explainer(folder: folder)
        var page = ReportPage(title: "Explanations", subtitle: folder)
        for text in text {
            var request = ExplanationRequest(text)
            (request.pair, request.question, request.label) = (pair, question, label)
            request.method = method.flatMap(ExplanationMethod.init)
            (request.positions, request.words, request.steps) = (position, word, steps)
            let found = try explainer.explain(request)
            print(json ? JSONValue.object(found.json).printed(indent: nil) : shown(found))
            found.add(to: &page)
        }
        if let html { try SafeFile.write(text: page.html, to: html) }
    }

    private func shown(_ found: ExplainedText) -> String {
        let head = found.headline.isEmpty ? [] : [found.headline + "\n"]
        if let alignment = found.alignment {
            return (head + alignment.lines).joined(separator: "\n") + "\n"
        }
        let none =
            found.explanations.isEmpty ? ["no entity to explain; --position or --word choose tokens\n"] : []
        return (head + none + found.explanations.map(shown)).joined(separator: "\n")
    }

    private func shown(_ found: Explanation) -> String {
        let head = [found.headline] + [found.cutNote, found.completeness].compactMap { $0 } + found.notes
        let table = found.featureTable
        let tail = table.rows.isEmpty ? [] : ["", table.plain]
        return (head + [parts(found)] + tail).joined(separator: "\n") + "\n"
    }

    private func parts(_ found: Explanation) -> String {
        let shown = found.shown
        guard isatty(STDOUT_FILENO) == 1, ProcessInfo.processInfo.environment["NO_COLOR"] == nil else {
            return found.parts.map { part -> String in
                let share = part.isRead ? String(format: "%+.4f", part.value) : "not read"
                return "\(share)  \(part.text.trimmingCharacters(in: .whitespacesAndNewlines))"
            }.joined(separator: "\n")
        }
        let largest = shown.reduce(0) { max($0, abs($1.value ?? 0)) }
        return shown.map { text, value -> String in
            // Faint and crossed out.
            guard let value else { return "\u{1B}[2;9m\(text)\u{1B}[0m" }
            let strength = largest > 0 ? abs(value) / largest : 0
            // Steps of the colour cube of 256 colours: 22, 28, 34 are greens, 52, 88, 124 reds.
            let step = strength.isFinite ? Int((strength * 3).rounded()) : 0
            guard step > 0 else { return text }
            let color = (value > 0 ? [22, 28, 34] : [52, 88, 124])[step - 1]
            return "\u{1B}[48;5;\(color)m\u{1B}[97m\(text)\u{1B}[0m"
        }.joined()
    }
}
