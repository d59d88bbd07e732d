import YuyanDatasets
import YuyanFileFormats
import YuyanReports
import YuyanTextProcessing

/// What a preparation did, for people: tables for the terminal, one HTML page with pictures.
public struct PreparationReport: Sendable {
    /// The page's name inside the prepared folder.
    public static let fileName = "report.html"

    private let description: DatasetDescription

    /// A report of a prepared folder.
    ///
    /// - Parameter description: What the folder holds and what made it.
    public init(_ description: DatasetDescription) { self.description = description }

    /// The report for a terminal.
    public var plain: String {
        tables.filter { !$0.rows.isEmpty }
            .map { ($0.title.isEmpty ? "" : $0.title + "\n") + $0.plain }
            .joined(separator: "\n\n")
    }

    /// Writes the page into a folder.
    ///
    /// - Parameter folder: An existing folder.
    /// - Throws: `FileFormatError` when the disk refuses.
    public func write(to folder: String) throws {
        try SafeFile.write(text: page.html, to: "\(folder)/\(Self.fileName)")
    }

    private var tables: [ReportTable] {
        [fates, parts, shares("Scripts", description.statistics.scripts), languages, operators, reasons]
    }

    private var page: ReportPage {
        var page = ReportPage(
            title: "Prepared text",
            subtitle:
                "\(description.documents.kept) documents, \(total.tokens) tokens of \(total.bytes) bytes"
        )
        page.facts([
            ("configuration", description.configuration), ("tokenizer", description.tokenizerFingerprint),
            ("vocabulary", "\(description.vocabularySize)"), ("split", description.splitMethod.rawValue),
            ("seed", "\(description.seed)"),
        ])
        page.heading("Documents")
        page.table(fates)
        page.table(parts)
        page.bars(lengthChart)
        page.heading("Scripts and languages")
        page.table(shares("Scripts", description.statistics.scripts))
        page.bars(scriptChart)
        page.table(languages)
        page.bars(languageChart)
        if !description.operators.isEmpty {
            page.heading("Cleaning")
            page.table(operators)
            page.bars(reasonChart)
            page.table(reasons)
            page.table(examples)
        }
        page.heading("Sources")
        page.table(sources)
        return page
    }

    private var total: DatasetDescription.Part {
        var total = description.train
        if let other = description.validation {
            total.tokens += other.tokens
            total.bytes += other.bytes
        }
        return total
    }

    private var fates: ReportTable {
        let counts = description.documents
        var table = ReportTable(
            title: "What became of the documents",
            columns: ["documents", "count", "share"]
        )
        let rows = [
            ("read", counts.read), ("kept", counts.kept), ("empty", counts.empty),
            ("equal to an earlier one", counts.duplicates),
            ("nearly equal to another", counts.nearDuplicates),
            ("dropped by cleaning", counts.dropped),
            ("not valid UTF-8", counts.invalid),
        ]
        for (name, count) in rows where count > 0 || name == "kept" {
            table.row([.text(name), .number("\(count)"), .number(percent(count, of: counts.read))])
        }
        return table
    }

    private var parts: ReportTable {
        var table = ReportTable(
            title: "The shards",
            columns: ["part", "documents", "tokens", "bytes", "characters", "tokens per byte"]
        )
        for (name, part) in [("train", Optional(description.train)), ("validation", description.validation)] {
            guard let part else { continue }
            let rate = part.bytes > 0 ? Double(part.tokens) / Double(part.bytes) : 0
            table.row([
                .text(name), .number("\(part.documents)"), .number("\(part.tokens)"),
                .number("\(part.bytes)"),
                .number("\(part.characters)"), .number(thousandths(rate)),
            ])
        }
        return table
    }

    private var languages: ReportTable { shares("Languages", description.statistics.languages) }

    private func shares(_ title: String, _ shares: [CorpusStatistics.Share]) -> ReportTable {
        var table = ReportTable(
            title: title,
            columns: ["name", "documents", "bytes", "share", "tokens per byte"]
        )
        let bytes = shares.reduce(0) { $0 + $1.bytes }
        for share in shares {
            table.row([
                .text(share.name), .number("\(share.documents)"), .number("\(share.bytes)"),
                .number(percent(share.bytes, of: bytes)), .number(thousandths(share.tokensPerByte)),
            ])
        }
        return table
    }

    private var scriptChart: BarChart {
        BarChart(
            title: "Tokens per byte",
            bars: description.statistics.scripts.map {
                BarChart.Bar($0.name, $0.tokensPerByte, label: thousandths($0.tokensPerByte))
            }
        )
    }

    private var languageChart: BarChart {
        BarChart(
            title: "Bytes by language",
            bars: description.statistics.languages.map {
                BarChart.Bar($0.name, Double($0.bytes), label: "\($0.bytes)")
            }
        )
    }

    private var lengthChart: BarChart {
        let first = description.statistics.lengths.firstIndex { $0 > 0 } ?? 0
        return BarChart(
            title: "Length of the documents, in characters",
            bars: description.statistics.lengths.enumerated().dropFirst(first).map { power, count in
                BarChart.Bar("\(1 << power) to \((2 << power) - 1)", Double(count), label: "\(count)")
            }
        )
    }

    private var operators: ReportTable {
        var table = ReportTable(
            title: "Operators",
            columns: ["operator", "seen", "changed", "dropped", "bytes removed"]
        )
        for (signature, tally) in zip(description.operatorSettings, description.operators) {
            table.row([
                .abridged(signature), .number("\(tally.seen)"), .number("\(tally.changed)"),
                .number("\(tally.dropped)"), .number("\(tally.bytesRemoved)"),
            ])
        }
        return table
    }

    private var reasonCounts: [(name: String, reason: String, count: Int)] {
        description.operators.flatMap { tally in
            tally.reasons.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
                .map { (tally.name, $0.key, $0.value) }
        }
    }

    private var reasons: ReportTable {
        var table = ReportTable(title: "Reasons and finds", columns: ["operator", "reason", "count"])
        for entry in reasonCounts {
            table.row([.text(entry.name), .text(entry.reason), .number("\(entry.count)")])
        }
        return table
    }

    private var reasonChart: BarChart {
        BarChart(
            title: "Reasons and finds",
            bars: reasonCounts.map { BarChart.Bar($0.reason, Double($0.count), label: "\($0.count)") }
        )
    }

    private var examples: ReportTable {
        var table = ReportTable(title: "Examples", columns: ["operator", "before", "after"])
        for tally in description.operators {
            for example in tally.examples {
                let after = example.after ?? "dropped: \(example.reason ?? "")"
                table.row([.text(tally.name), .text(example.before), .text(after)])
            }
        }
        return table
    }

    private var sources: ReportTable {
        var table = ReportTable(columns: ["file", "bytes", "SHA-256"])
        let limit = 200
        for source in description.sources.prefix(limit) {
            table.row([
                .text(source.path), .number("\(source.byteCount)"), .text(String(source.sha256.prefix(16))),
            ])
        }
        let rest = description.sources.count - limit
        if rest > 0 { table.row([.text("and \(rest) more"), .number(""), ""]) }
        return table
    }

    private func percent(_ part: Int, of whole: Int) -> String {
        whole > 0 ? "\((Double(part) / Double(whole) * 1000).rounded() / 10) %" : "–"
    }

    private func thousandths(_ value: Double) -> String { "\((value * 1000).rounded() / 1000)" }
}
