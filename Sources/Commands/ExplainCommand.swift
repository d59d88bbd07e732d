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
            "Shows which parts of a text speak for the answer of a trained classifier, and which against it.",
        discussion: """
            On a terminal what speaks for the label is green, what speaks against it red, and what a model does not \
            read of a long text crossed out; elsewhere the shares are printed. Integrated gradients sum to the \
            difference that the text makes to the label's logit; occlusion leaves out one word at a time and knows \
            every model; attention rollout says where an encoder looks.
            """
    )

    @Argument(help: "The folder of a trained classifier.")
    var folder: String

    @Option(name: [.short, .long], help: "A text; repeat it for several.")
    var text: [String]

    @Option(help: "The second text of a pair.")
    var pair: String?

    @Option(help: "The label to explain; the likeliest when not given.")
    var label: String?

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
            let found = try explainer.explain(
                text,
                pair: pair,
                label: label,
                method: method.flatMap(ExplanationMethod.init)
            )
            print(json ? JSONValue.object(found.json).printed(indent: nil) : shown(found))
            found.add(to: &page)
        }
        if let html { try SafeFile.write(text: page.html, to: html) }
    }

    private func shown(_ found: Explanation) -> String {
        let head =
            "\(found.label)  \(String(format: "%.4f", found.probability))  (\(found.method.rawValue))"
            + (found.cutNote.map { "\n\($0)" } ?? "")
        guard isatty(STDOUT_FILENO) == 1, ProcessInfo.processInfo.environment["NO_COLOR"] == nil else {
            let lines = found.parts.map { part -> String in
                let share = part.isRead ? String(format: "%+.4f", part.value) : "not read"
                return "\(share)  \(part.text.trimmingCharacters(in: .whitespacesAndNewlines))"
            }
            return ([head] + lines).joined(separator: "\n") + "\n"
        }
        let largest = found.parts.reduce(0) { max($0, abs($1.value)) }
        let text = found.parts.map { part -> String in
            // Faint and crossed out.
            guard part.isRead else { return "\u{1B}[2;9m\(part.text)\u{1B}[0m" }
            let strength = largest > 0 ? abs(part.value) / largest : 0
            // Steps of the colour cube of 256 colours: 22, 28, 34 are greens, 52, 88, 124 reds.
            let step = Int((strength * 3).rounded())
            guard step > 0 else { return part.text }
            let color = (part.value > 0 ? [22, 28, 34] : [52, 88, 124])[step - 1]
            return "\u{1B}[48;5;\(color)m\u{1B}[97m\(part.text)\u{1B}[0m"
        }
        return head + "\n" + text.joined() + "\n"
    }
}
