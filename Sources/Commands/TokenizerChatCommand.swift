import ArgumentParser
import Foundation
import YuyanDatasets
import YuyanFileFormats
import YuyanTasks
import YuyanTokenizers
import YuyanTraining

/// The command `yuyan tokenizer chat`.
struct TokenizerChatCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "chat",
        abstract: "Writes conversations as the text, or the ids, that a model of a chat template reads.",
        discussion: """
            The rows may be of messages, ShareGPT, Alpaca or instances; what a row is, its keys tell. A line comes out \
            for every conversation: {"text": …, "trained": [[first, end], …]} in bytes, or with --tokenizer \
            {"ids": […], "mask": […]} with 1 for every id that a model learns to write. With --prompt a line is what a \
            model is asked to go on from.
            """
    )

    @Argument(help: "The files, plain or gzip.")
    var files: [String]

    @Option(
        help: """
            The template: \(BuiltInChatTemplate.allCases.map(\.rawValue).joined(separator: ", ")), a file of Jinja, or \
            a model folder; the folder of --tokenizer when not given.
            """
    )
    var template: String?

    @Option(help: "A tokenizer; without one text is written.")
    var tokenizer: String?

    @Option(help: "The file to write; - for standard output.")
    var output = "-"

    @Flag(help: "Leave out the last answer and end with the beginning of one.")
    var prompt = false

    @OptionGroup var options: DataSettingOptions

    func validate() throws {
        if template == nil, tokenizer == nil {
            throw ValidationError("--template or --tokenizer FOLDER must say which template to use")
        }
    }

    func run() throws {
        StopSignal.install()
        let settings = try options.dataSettings()
        let rendering = try ConversationRendering(template ?? tokenizer ?? "", tokensOf: tokenizer)
        let encoder = try tokenizer.map { try TokenizerFiles.load(anywhere: $0) }
        let file = output == "-" ? nil : try AtomicFile(path: output)
        let reader = try ExampleReader<ConversationExample>(files, settings: settings)
        var count = 0
        while let conversation = try reader.next() {
            if StopSignal.received != nil { throw CancellationError() }
            count += 1
            var line: String
            do {
                line = try self.line(conversation, rendering, encoder).printed(indent: nil) + "\n"
            } catch let error as ChatTemplateError {
                throw FileFormatError(
                    .mismatch,
                    path: template ?? tokenizer,
                    "conversation \(count): the template says: \(error)"
                )
            }
            if let file {
                try line.withUTF8 { try file.append(UnsafeRawBufferPointer($0)) }
            } else {
                print(line, terminator: "")
            }
        }
        try file?.commit()
        let left = reader.report.malformedCount
        Console().note("\(count) conversations" + (left > 0 ? ", \(left) malformed rows left out" : ""))
    }

    private func line(
        _ conversation: ConversationExample,
        _ rendering: ConversationRendering,
        _ encoder: (any Tokenizer)?
    ) throws -> JSONValue {
        if prompt {
            let text = try rendering.prompt(conversation)
            guard let encoder else { return ["text": .string(text)] }
            let ids = encoder.encode(text, specialTokens: .recognized)
            return ["ids": .array(ids.map { .integer(Int($0)) })]
        }
        let text = try rendering.trainingText(conversation)
        guard let encoder else {
            let spans = text.spans.map {
                JSONValue.array([.integer($0.lowerBound), .integer($0.upperBound)])
            }
            return ["text": .string(text.text), "trained": .array(spans)]
        }
        let tokens = try text.encoded(with: encoder)
        return [
            "ids": .array(tokens.ids.map { .integer(Int($0)) }),
            "mask": .array(tokens.mask.map { .integer(Int($0)) }),
        ]
    }
}
