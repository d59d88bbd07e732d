import Foundation
import YuyanDatasets
import YuyanFileFormats
import YuyanReports
import YuyanTextProcessing
import YuyanTokenizers

/// Tokenizers judged on the same text: how short they make it, how often they fail, how fast they are.
public struct TokenizerComparison: Sendable {
    /// What one tokenizer did with the texts of one script.
    public struct Figures: Sendable, Equatable {
        /// The bytes of the texts.
        public var bytes = 0
        /// The Unicode scalars of the texts.
        public var characters = 0
        /// The words of the texts: runs between white space, and each Chinese character or kana by itself.
        public var words = 0
        /// The ids made of them.
        public var tokens = 0
        /// The ids that stand for what the vocabulary lacks.
        public var unknown = 0

        /// How much text an id stands for; 0 without ids.
        public var bytesPerToken: Double { tokens > 0 ? Double(bytes) / Double(tokens) : 0 }
        /// How many ids a word takes; 0 without words.
        public var fertility: Double { words > 0 ? Double(tokens) / Double(words) : 0 }
        /// The share of ids that stand for what the vocabulary lacks.
        public var unknownRate: Double { tokens > 0 ? Double(unknown) / Double(tokens) : 0 }

        mutating func add(_ other: Figures) {
            bytes += other.bytes
            characters += other.characters
            words += other.words
            tokens += other.tokens
            unknown += other.unknown
        }
    }

    /// One tokenizer's figures.
    public struct Entry: Sendable {
        /// Its name: the path it was read from.
        public let name: String
        /// The number of entries V of its vocabulary.
        public let vocabularySize: Int
        /// Its figures by script.
        public internal(set) var scripts: [WritingSystem: Figures] = [:]
        /// The processor time that encoding took, in seconds.
        public internal(set) var seconds = 0.0

        /// Its figures over all texts.
        public var total: Figures { scripts.values.reduce(into: Figures()) { $0.add($1) } }
        /// The speed of one thread, in bytes per second of processor time.
        public var bytesPerSecond: Double { seconds > 0 ? Double(total.bytes) / seconds : 0 }
    }

    /// The tokenizers in the order given.
    public private(set) var entries: [Entry]
    /// The number of texts.
    public private(set) var textCount = 0

    /// Encodes texts with every tokenizer.
    ///
    /// - Parameters:
    ///   - tokenizers: Names and tokenizers.
    ///   - texts: The texts.
    ///   - byteLimit: Reading stops once so many bytes were seen.
    ///   - progress: Told the bytes seen; false stops with `CancellationError`.
    /// - Throws: What reading the texts throws.
    public init(
        _ tokenizers: [(name: String, tokenizer: any Tokenizer)],
        texts: CorpusTexts,
        byteLimit: Int,
        progress: (Int) -> Bool = { _ in true }
    ) throws {
        entries = tokenizers.map { Entry(name: $0.name, vocabularySize: $0.tokenizer.vocabularySize) }
        var (bytes, count) = (0, 0)
        var found = entries
        try texts.forEach { text in
            guard progress(bytes) else { throw CancellationError() }
            var text = text
            let (script, base) = text.withUTF8 { (WritingSystem.dominant(in: $0), Self.measure($0)) }
            for (index, tokenizer) in tokenizers.enumerated() {
                let start = Self.processorTime()
                let ids = tokenizer.tokenizer.encode(text)
                found[index].seconds += Self.processorTime() - start
                var figures = base
                figures.tokens = ids.count
                if let unknown = tokenizer.tokenizer.addedTokens.unknown {
                    figures.unknown = ids.count { $0 == unknown }
                }
                found[index].scripts[script, default: Figures()].add(figures)
            }
            bytes += base.bytes
            count += 1
            return bytes < byteLimit
        }
        (entries, textCount) = (found, count)
    }

    private static func processorTime() -> Double {
        var time = timespec()
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
    }

    /// Counts bytes, scalars and words.
    private static func measure(_ bytes: UnsafeBufferPointer<UInt8>) -> Figures {
        var figures = Figures()
        figures.bytes = bytes.count
        var isInside = false
        for scalar in String(decoding: bytes, as: UTF8.self).unicodeScalars {
            figures.characters += 1
            let script = scalar.value < 0x2E80 ? WritingSystem.latin : WritingSystem.of(scalar.value)
            if script == .han || script == .kana {
                figures.words += 1
                isInside = false
            } else if scalar.properties.isWhitespace {
                isInside = false
            } else if !isInside {
                figures.words += 1
                isInside = true
            }
        }
        return figures
    }

    // MARK: Showing

    /// A table of all tokenizers over all texts.
    public var summary: ReportTable {
        var table = ReportTable(
            title: "All \(textCount) texts, \(entries.first?.total.bytes ?? 0) bytes",
            columns: ["tokenizer", "vocabulary", "tokens", "bytes/token", "tokens/word", "unknown", "MB/s"]
        )
        for entry in entries {
            let total = entry.total
            table.row([
                .text(entry.name), .number("\(entry.vocabularySize)"), .number("\(total.tokens)"),
                .number(Self.digits(total.bytesPerToken)), .number(Self.digits(total.fertility)),
                .number(Self.percent(total.unknownRate)), .number(Self.digits(entry.bytesPerSecond / 1e6)),
            ])
        }
        return table
    }

    /// A table of every script's texts.
    public var byScript: ReportTable {
        var table = ReportTable(
            title: "By script",
            columns: ["script", "tokenizer", "bytes", "bytes/token", "tokens/word", "unknown"]
        )
        let scripts = WritingSystem.allCases.filter { entries.first?.scripts[$0] != nil }
        for script in scripts {
            for entry in entries {
                guard let figures = entry.scripts[script] else { continue }
                table.row([
                    .text(script.name), .text(entry.name), .number("\(figures.bytes)"),
                    .number(Self.digits(figures.bytesPerToken)), .number(Self.digits(figures.fertility)),
                    .number(Self.percent(figures.unknownRate)),
                ])
            }
        }
        return table
    }

    /// The comparison as JSON.
    public var json: JSONValue {
        func members(_ figures: Figures) -> JSONObject {
            var object = JSONObject()
            object["bytes"] = .integer(figures.bytes)
            object["characters"] = .integer(figures.characters)
            object["words"] = .integer(figures.words)
            object["tokens"] = .integer(figures.tokens)
            object["bytes_per_token"] = .number(figures.bytesPerToken)
            object["tokens_per_word"] = .number(figures.fertility)
            object["unknown_rate"] = .number(figures.unknownRate)
            return object
        }
        let list = entries.map { entry -> JSONValue in
            var object = JSONObject()
            object["tokenizer"] = .string(entry.name)
            object["vocab_size"] = .integer(entry.vocabularySize)
            object["bytes_per_second"] = .number(entry.bytesPerSecond)
            for (key, value) in members(entry.total) { object[key] = value }
            var scripts = JSONObject()
            for script in WritingSystem.allCases {
                if let figures = entry.scripts[script] { scripts[script.name] = .object(members(figures)) }
            }
            object["scripts"] = .object(scripts)
            return .object(object)
        }
        return ["texts": .integer(textCount), "tokenizers": .array(list)]
    }

    /// The comparison as a page with pictures.
    public var page: ReportPage {
        var page = ReportPage(title: "Tokenizers compared", subtitle: "\(textCount) texts")
        page.table(summary)
        page.bars(
            BarChart(
                title: "Bytes per token (more is shorter)",
                bars: entries.map {
                    BarChart.Bar($0.name, $0.total.bytesPerToken, label: Self.digits($0.total.bytesPerToken))
                }
            )
        )
        page.table(byScript)
        return page
    }

    private static func digits(_ value: Double) -> String { String(format: "%.2f", value) }
    private static func percent(_ value: Double) -> String { String(format: "%.3f %%", value * 100) }
}
