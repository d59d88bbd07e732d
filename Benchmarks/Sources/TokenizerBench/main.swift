import Foundation
import YuyanTokenizers

let usage = """
    TokenizerBench run --vocabularies FOLDER [--peers FOLDER --python PATH --peer NAME …] [--pairs N] ENCODING TEXT …
    TokenizerBench once VOCABULARIES ENCODING TEXT
    ENCODING is gpt2, cl100k or o200k; FOLDER holds encoder.json, vocab.bpe and ENCODING_base.tiktoken.
    """

/// What one process answers: seconds of the processor for loading and for a first pass, and what the ids were.
struct Pass: Codable {
    var load: Double
    var first: Double
    var ids: Int
    var digest: String
}

struct Failure: Error, CustomStringConvertible {
    let description: String
}

func processorTime() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
    return Double(time.tv_sec) + 1e-9 * Double(time.tv_nsec)
}

func load(_ encoding: String, _ folder: String) throws -> BPETokenizer {
    switch encoding {
    case "gpt2":
        try TokenizerFiles.loadGPT2(
            vocabularyPath: "\(folder)/encoder.json",
            mergesPath: "\(folder)/vocab.bpe"
        )
    case "cl100k": try TokenizerFiles.loadCL100K("\(folder)/cl100k_base.tiktoken")
    case "o200k": try TokenizerFiles.loadO200K("\(folder)/o200k_base.tiktoken")
    default: throw Failure(description: "there is no encoding \(encoding)\n\(usage)")
    }
}

/// FNV-1a over the ids as little-endian 32-bit numbers.
func digest(_ ids: [Int32]) -> String {
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    for id in ids { hash = (hash ^ UInt64(UInt32(bitPattern: id))) &* 0x100_0000_01B3 }
    return String(hash, radix: 16)
}

/// Loads, encodes once and says so; a process of its own, so that nothing is known of the text.
func once(_ folder: String, _ encoding: String, _ path: String) throws -> Pass {
    let bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
    let start = processorTime()
    let tokenizer = try load(encoding, folder)
    let loaded = processorTime()
    let ids = tokenizer.encode(bytes: bytes)
    let encoded = processorTime()
    return Pass(load: loaded - start, first: encoded - loaded, ids: ids.count, digest: digest(ids))
}

func ask(_ executable: String, _ arguments: [String]) throws -> Pass {
    let process = Process()
    let output = Pipe()
    process.executableURL = URL(fileURLWithPath: executable)
    process.arguments = arguments
    process.standardOutput = output
    try process.run()
    let answer = output.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    guard process.terminationStatus == 0 else { throw Failure(description: "\(arguments) failed") }
    return try JSONDecoder().decode(Pass.self, from: answer)
}

func median(_ values: [Double]) -> Double { values.sorted()[values.count / 2] }

struct Comparison {
    var folder = ""
    var peersFolder = "peers"
    var python = "python3"
    var peers: [String] = []
    var pairs = 5

    func run(_ encoding: String, _ text: String) throws {
        let size = Double(try Data(contentsOf: URL(fileURLWithPath: text)).count) / 1e6
        func ours() throws -> Pass { try ask(CommandLine.arguments[0], ["once", folder, encoding, text]) }
        for peer in peers {
            var passes: [(ours: Pass, peer: Pass)] = []
            for _ in 0..<pairs {
                let other = try ask(python, ["\(peersFolder)/encode.py", peer, folder, encoding, text])
                passes.append((try ours(), other))
            }
            let agree = passes.allSatisfy { $0.ours.digest == $0.peer.digest }
            let rates = (
                median(passes.map { size / $0.ours.first }), median(passes.map { size / $0.peer.first })
            )
            let ratio = median(passes.map { $0.peer.first / $0.ours.first })
            let figures = String(format: "%8.1f MB/s %8.1f MB/s  %.2f", rates.0, rates.1, ratio)
            print("\(encoding) \(text) against \(peer): \(figures)  ids \(agree ? "equal" : "DIFFER")")
        }
        if peers.isEmpty {
            let passes = try (0..<pairs).map { _ in try ours() }
            let figures = String(
                format: "%.1f MB/s, loaded in %.0f ms",
                median(passes.map { size / $0.first }),
                median(passes.map { 1e3 * $0.load })
            )
            print("\(encoding) \(text): \(figures)")
        }
    }
}

func run(_ arguments: [String]) throws {
    if arguments.count == 4, arguments[0] == "once" {
        let pass = try once(arguments[1], arguments[2], arguments[3])
        print(String(decoding: try JSONEncoder().encode(pass), as: UTF8.self))
        return
    }
    guard arguments.first == "run" else { throw Failure(description: usage) }
    var comparison = Comparison()
    var words: [String] = []
    var rest = arguments.dropFirst()
    while let word = rest.popFirst() {
        guard word.hasPrefix("--") else {
            words.append(word)
            continue
        }
        guard let value = rest.popFirst() else {
            throw Failure(description: "\(word) wants a value\n\(usage)")
        }
        switch word {
        case "--vocabularies": comparison.folder = value
        case "--peers": comparison.peersFolder = value
        case "--python": comparison.python = value
        case "--peer": comparison.peers.append(value)
        case "--pairs": comparison.pairs = max(Int(value) ?? 5, 1)
        default: throw Failure(description: "unknown flag \(word)\n\(usage)")
        }
    }
    guard words.count >= 2 else { throw Failure(description: usage) }
    for text in words.dropFirst() { try comparison.run(words[0], text) }
}

do {
    try run(Array(CommandLine.arguments.dropFirst()))
} catch {
    FileHandle.standardError.write(Data("\(error)\n".utf8))
    exit(1)
}
