import ArgumentParser
import Foundation
import YuyanDatasets
import YuyanFileFormats
import YuyanTasks
import YuyanTokenizers
import YuyanTraining

/// The command `yuyan tokenizer`.
struct TokenizerCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tokenizer",
        abstract: "Trains, applies and compares tokenizers.",
        subcommands: [
            TokenizerEncodeCommand.self, TokenizerDecodeCommand.self, TokenizerTrainCommand.self,
            TokenizerCompareCommand.self, TokenizerChatCommand.self,
        ]
    )
}

/// What `encode` and `decode` share.
struct TokenizerLineOptions: ParsableArguments {
    @Option(
        help:
            "A model folder, or a file: tokenizer.json, tokenizer.model, vocab.txt, vocab.json or .tiktoken."
    )
    var tokenizer: String

    @Option(help: "The file to read; - for standard input.")
    var input: String

    @Option(help: "The file to write; - for standard output.")
    var output: String

    @Flag(help: "Leave out what the model expects around a text, such as [CLS] and [SEP] or <s>.")
    var noSpecialTokens = false

    @Option(help: "The number of threads; all processors when not given.")
    var threads: Int?

    func validate() throws {
        if let threads, threads < 1 { throw ValidationError("--threads is \(threads); it must be 1 or more") }
    }

    func run(
        _ body: (TokenizedLines, LineReader, (UnsafeRawBufferPointer) throws -> Void) throws ->
            TokenizedLines.Counts
    )
        throws
    {
        StopSignal.install()
        let tokenizer = try TokenizerFiles.load(anywhere: tokenizer)
        var lines = TokenizedLines(tokenizer, threads: threads ?? PreparationOptions().threads)
        lines.framesTexts = !noSpecialTokens
        let reader =
            input == "-"
            ? LineReader(descriptor: STDIN_FILENO, name: "standard input") : try LineReader(path: input)
        let start = ContinuousClock.now
        let counts: TokenizedLines.Counts
        if output == "-" {
            counts = try body(lines, reader) { try FileHandle.standardOutput.write(contentsOf: Data($0)) }
        } else {
            let file = try AtomicFile(path: output)
            counts = try body(lines, reader) { try file.append($0) }
            try file.commit()
        }
        let seconds = (ContinuousClock.now - start) / .seconds(1)
        Console().note(
            "\(counts.lines) lines, \(counts.tokens) tokens, \(Console.bytes(counts.bytes)) of text, "
                + "\(Console.bytes(Int(Double(counts.bytes) / max(seconds, 1e-9))))/s"
        )
    }
}

/// The command `yuyan tokenizer encode`.
struct TokenizerEncodeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "encode",
        abstract: "Writes a JSON array of ids for every line of text."
    )

    @OptionGroup var options: TokenizerLineOptions

    @Flag(help: "Take the text of special tokens for the tokens themselves; else it is text like any other.")
    var parseSpecialTokens = false

    func run() throws {
        try options.run { lines, reader, write in
            var lines = lines
            lines.parsesSpecialTokens = parseSpecialTokens
            return try lines.encode(reader, write: write, isCancelled: { StopSignal.received != nil })
        }
    }
}

/// The command `yuyan tokenizer decode`.
struct TokenizerDecodeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "decode",
        abstract: "Writes a line of text for every JSON array of ids.",
        discussion: "Special tokens add nothing unless --no-special-tokens is given."
    )

    @OptionGroup var options: TokenizerLineOptions

    @Flag(help: "Write each text as a JSON string, so that one with line ends stays one line.")
    var json = false

    func run() throws {
        try options.run { lines, reader, write in
            var lines = lines
            lines.writesJSONStrings = json
            return try lines.decode(reader, write: write, isCancelled: { StopSignal.received != nil })
        }
    }
}

/// The command `yuyan tokenizer train`.
struct TokenizerTrainCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "train",
        abstract: "Learns a tokenizer from text and writes tokenizer.json."
    )

    @Argument(help: "A text file, a JSONL file or a folder of them.")
    var input: String

    @Option(help: "The folder to write to.")
    var output: String

    @Option(help: "The kind: \(TokenizerRecipe.types.joined(separator: ", ")).")
    var type = "bpe"

    @Option(help: "The number of entries to learn.")
    var vocabSize = 8192

    @Argument(help: "Settings of a recipe's sections data and tokenizer, for example tokenizer.split=gpt2.")
    var settings: [String] = []

    func run() throws {
        StopSignal.install()
        let console = Console()
        let given = ["data.train=\(input)", "tokenizer.type=\(type)", "tokenizer.vocab_size=\(vocabSize)"]
        let recipe = try Recipe(yaml: "", name: "the command line", overrides: given + settings)
        let tokenizer = try CorpusStep.learnTokenizer(
            recipe,
            report: RunPrinter(console).show,
            isCancelled: { StopSignal.received != nil }
        )
        try SafeFile.makeFolder(output)
        try TokenizerFiles.save(tokenizer, to: output)
        console.note("\(tokenizer.vocabularySize) entries in \(output)/tokenizer.json")
    }
}

/// The command `yuyan tokenizer compare`.
struct TokenizerCompareCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "compare",
        abstract:
            "Compares tokenizers on your text: bytes per token, tokens per word by script, unknown rate, speed."
    )

    @Argument(help: "Model folders or tokenizer files.")
    var tokenizers: [String]

    @Option(help: "A text file, a JSONL file or a folder of them.")
    var input: String

    @Option(help: "Stop after so many bytes of text.")
    var maxBytes = 100_000_000

    @Flag(help: "Print one JSON object.")
    var json = false

    @Option(help: "Write a page with pictures to this file, too.")
    var html: String?

    func run() throws {
        StopSignal.install()
        let console = Console()
        let loaded = try tokenizers.map { (name: $0, tokenizer: try TokenizerFiles.load(anywhere: $0)) }
        let texts = try CorpusTexts(paths: [input])
        let comparison = try TokenizerComparison(loaded, texts: texts, byteLimit: maxBytes) { bytes in
            console.status("comparing: \(Console.bytes(bytes))")
            return StopSignal.received == nil
        }
        if let html { try SafeFile.write(text: comparison.page.html, to: html) }
        if json {
            print(comparison.json.printed(indent: nil))
        } else {
            print(comparison.summary.plain, "", comparison.byScript.plain, separator: "\n")
        }
    }
}
