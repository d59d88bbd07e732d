import ArgumentParser
import Foundation
import YuyanGeneration
import YuyanTasks
import YuyanTokenizers
import YuyanTraining

/// The command `yuyan generate`.
struct GenerateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "generate",
        abstract: "Continues a text with a trained model."
    )

    @Argument(help: "The folder of a trained model.")
    var folder: String

    @Option(
        name: [.short, .long],
        help: "The text to continue; repeat it for several; FILE:path reads a file."
    )
    var prompt: [String] = []

    @Option(help: "The most new tokens.")
    var maxNewTokens = 200

    @Option(help: "0 takes the likeliest token, 1 samples from the model's distribution.")
    var temperature = 0.8

    @Option(help: "Sample among the k likeliest tokens only; 0 for all.")
    var topK = 0

    @Option(help: "Sample among the likeliest tokens that hold this probability.")
    var topP = 1.0

    @Option(help: "Leave out tokens less likely than this share of the likeliest.")
    var minP = 0.0

    @Option(help: "Above 1 makes tokens less likely that occurred before.")
    var repetitionPenalty = 1.0

    @Option(help: "Taken off the logits of tokens that were generated before.")
    var presencePenalty = 0.0

    @Option(help: "Taken off the logits of generated tokens, once for every occurrence.")
    var frequencyPenalty = 0.0

    @Option(help: "A text that ends the output; may be repeated.")
    var stop: [String] = []

    @Option(help: "The same seed gives the same text.")
    var seed: UInt64 = 0

    @Option(help: "How many continuations of each prompt.")
    var numSamples = 1

    func validate() throws {
        guard numSamples >= 1 else {
            throw ValidationError("--num-samples is \(numSamples); it must be at least 1")
        }
        do {
            try options.check()
        } catch .invalidOption(let field, let message) {
            throw ValidationError("--\(field.replacing("_", with: "-")): \(message)")
        }
    }

    private var options: GenerationOptions {
        var sampling = SamplingOptions(
            temperature: temperature,
            topK: topK,
            topP: topP,
            minP: minP,
            seed: seed
        )
        sampling.repetitionPenalty = repetitionPenalty
        sampling.presencePenalty = presencePenalty
        sampling.frequencyPenalty = frequencyPenalty
        return GenerationOptions(
            sampling: sampling,
            maxNewTokens: maxNewTokens,
            stopStrings: stop,
            overflow: .slidingWindow(keeping: nil)
        )
    }

    func run() throws {
        StopSignal.install()
        let tokenizer = try TokenizerFiles.load(folder: folder)
        let model = try GenerativeModels.open(folder)
        let texts = try prompts()
        let ids = try texts.map { text -> [Int32] in
            let ids = tokenizer.encode(text)
            if !ids.isEmpty { return ids }
            guard let start = tokenizer.endOfText else {
                throw ValidationError(
                    "an empty --prompt needs a tokenizer with an end-of-text token; give some text"
                )
            }
            return [start]
        }
        let all = ids.flatMap { Array(repeating: $0, count: numSamples) }
        // Continuations are numbered within their prompt: what stands beside it is no matter.
        let streams = ids.flatMap { _ in (0..<numSamples).map { UInt64($0) } }
        let generator = Generator(model: model, tokenizer: tokenizer)
        if all.count == 1 {
            write(texts[0])
            _ = try generator.generate(all, options: options) { update in
                write(update.text)
                return StopSignal.received == nil
            }
            write("\n")
        } else {
            let results = try generator.generate(all, options: options, streams: streams) { _ in
                StopSignal.received == nil
            }
            for result in results {
                write("--- \(result.index + 1)\n\(texts[result.index / numSamples])\(result.text)\n")
            }
        }
        if let signal = StopSignal.received { throw Interrupted(signal: signal) }
    }

    private func prompts() throws -> [String] {
        try (prompt.isEmpty ? [""] : prompt).map { text in
            guard text.hasPrefix("FILE:") else { return text }
            let path = String(text.dropFirst(5))
            do {
                return try String(contentsOfFile: path, encoding: .utf8)
            } catch {
                throw ValidationError("--prompt \(text): \(path) cannot be read as UTF-8 text")
            }
        }
    }

    private func write(_ text: String) {
        FileHandle.standardOutput.write(Data(text.utf8))
    }
}
