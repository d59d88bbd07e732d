import YuyanFileFormats
import YuyanMetrics
import YuyanReports
import YuyanTextProcessing

/// Written texts compared with the right ones.
struct SequenceFigures {
    let inputs: [SequenceInput]
    let references: [String]
    let outputs: [String]
    let metrics: [SequenceMetric]
    /// The script that most of the right texts are in, which says how they are cut into tokens.
    let script: WritingSystem

    init(
        inputs: [SequenceInput],
        references: [String],
        outputs: [String],
        metrics: [SequenceMetric]
    ) {
        (self.inputs, self.references, self.outputs) = (inputs, references, outputs)
        self.metrics = metrics
        var counts: [WritingSystem: Int] = [:]
        for text in references.prefix(1000) {
            var text = text
            counts[text.withUTF8 { WritingSystem.dominant(in: $0) }, default: 0] += 1
        }
        counts[.common] = nil
        script = counts.max { ($0.value, $1.key.rawValue) < ($1.value, $0.key.rawValue) }?.key ?? .common
    }

    /// sacreBLEU's tokenizer for the script.
    var bleuTokenization: BLEUTokenization {
        switch script {
        case .han: .zh
        case .kana, .thai, .lao, .khmer, .myanmar: .char
        default: .thirteenA
        }
    }

    private var rougeTokenization: RougeTokenization {
        [.han, .kana, .hangul].contains(script) ? .characters : .words
    }

    private var answerStandard: AnswerStandard { script == .han ? .cmrc2018 : .squad1 }

    /// All figures, with intervals over texts where they are asked for.
    func all(withIntervals: Bool) throws -> [TaskFigure] {
        Self.figures(try outcomes(), withIntervals: withIntervals)
    }

    static func figures(_ outcomes: [OutcomeFigure], withIntervals: Bool) -> [TaskFigure] {
        outcomes.map { TaskFigure($0.name, $0.value, interval: withIntervals ? $0.interval : nil) }
    }

    /// What each text came to, by each metric.
    func outcomes() throws -> [OutcomeFigure] {
        var answers: ExampleStatistics?
        return try metrics.map { metric in
            switch metric {
            case .bleu:
                let bleu = BLEU(tokenization: bleuTokenization)
                var scorer = BLEUScorer(bleu)
                try forEach { try scorer.add(hypothesis: $0, references: [$1]) }
                return OutcomeFigure(
                    metric.rawValue,
                    .sums(scorer.statistics) { sums, _ in bleu.score(sums: sums).score }
                )
            case .chrf:
                var scorer = ChrFScorer()
                try forEach { try scorer.add(hypothesis: $0, references: [$1]) }
                let chrF = scorer.metric
                return OutcomeFigure(
                    metric.rawValue,
                    .sums(scorer.statistics) { sums, _ in chrF.score(sums: sums) }
                )
            case .rouge1: return try rouge(metric, .ngrams(1))
            case .rouge2: return try rouge(metric, .ngrams(2))
            case .rougeL: return try rouge(metric, .longestSubsequence)
            case .exactMatch, .f1:
                let found = try answers ?? answerStatistics()
                answers = found
                let rows = stride(from: 0, to: found.values.count, by: found.width)
                return metric == .exactMatch
                    ? OutcomeFigure(metric.rawValue, .right(rows.map { found.values[$0] == 1 }))
                    : .mean(metric.rawValue, rows.map { found.values[$0 + 1] })
            }
        }
    }

    private func answerStatistics() throws -> ExampleStatistics {
        var scorer = QuestionAnsweringScorer(answerStandard)
        try forEach { try scorer.add(prediction: $0, answers: [$1]) }
        return scorer.statistics
    }

    private func forEach(_ body: (_ output: String, _ reference: String) throws -> Void) rethrows {
        for (output, reference) in zip(outputs, references) { try body(output, reference) }
    }

    private func rouge(_ metric: SequenceMetric, _ figure: RougeFigure) throws -> OutcomeFigure {
        var scorer = RougeScorer([figure], tokenization: rougeTokenization)
        try forEach { try scorer.add(prediction: $0, references: [$1]) }
        let statistics = scorer.statistics
        let rows = stride(from: 0, to: statistics.values.count, by: statistics.width)
        return .mean(metric.rawValue, rows.map { statistics.values[$0 + 2] })
    }
}

/// An evaluation of written texts for people: tables, and a page with the worst of them.
struct SequenceReportPage {
    let figures: SequenceFigures
    /// Nats and tokens of each right text.
    let losses: ExampleStatistics
    let subject: EvaluationSubject

    private static let shownTexts = 40

    func evaluation() throws -> TaskEvaluation {
        let outcomes = try figures.outcomes()
        let all =
            [TaskFigure("texts", Double(figures.references.count), isCount: true)]
            + SequenceFigures.figures(outcomes, withIntervals: true) + [lossFigure]
        let table = ReportTable.figures(all)
        var details = JSONObject()
        details["script"] = .string(figures.script.name)
        if figures.metrics.contains(.bleu) {
            details["bleu_tokenization"] = .string(figures.bleuTokenization.rawValue)
        }
        var page = ReportPage(title: "Sequence to sequence", subtitle: subject.title)
        page.table(table)
        let scores = try zip(figures.outputs, figures.references).map { output, reference in
            try ChrF.chrF.sentenceScore(hypothesis: output, references: [reference])
        }
        let slices = EvaluationSlices(sourceSlices, figure: "mean_chrf") { rows in
            mean(rows.map { scores[$0] })
        }
        details["slices"] = slices.json
        addCharts(to: &page, scores)
        page.table(slices.table())
        subject.curves.add(to: &page)
        page.heading("The worst texts")
        page.paragraph("Those that share the least with the right ones, by chrF.")
        page.table(texts(scores.indices.sorted { (scores[$0], $0) < (scores[$1], $1) }, scores))
        page.heading("Texts as they come")
        page.table(texts(Array(scores.indices), scores))
        return TaskEvaluation(
            figures: all,
            details: details,
            plain: table.plain,
            page: page,
            outcomes: {
                ExampleOutcomes(
                    unit: "texts",
                    examples: zip(figures.inputs, figures.references).map { input, reference in
                        ExampleOutcomes.key([input.text, input.pair ?? "", reference])
                    },
                    figures: outcomes
                )
            }
        )
    }

    /// The scores of texts, by the length of their sources, and how long texts were written.
    private func addCharts(to page: inout ReportPage, _ scores: [Double]) {
        func length(_ text: String) -> Double { Double(text.unicodeScalars.count) }
        page.heading("Texts")
        page.histogram(
            Histogram(
                title: "Texts by what they share with the right ones",
                xName: "chrF of a text",
                yName: "texts",
                values: scores,
                range: 0...100
            )
        )
        page.lines(
            .byNumber(
                "By length of the source",
                xName: "characters of the source",
                yName: "mean chrF",
                numbers: figures.inputs.map { length($0.shown) },
                figures: [LineChart.NumberedFigure("chrF", meanOf: scores)]
            )
        )
        page.scatter(
            ScatterChart(
                title: "Length of what was written against that of the right text",
                xName: "characters of the right text",
                yName: "characters written",
                points: zip(figures.references, figures.outputs).map { (x: length($0), y: length($1)) },
                hasDiagonal: true
            )
        )
    }

    /// The mean loss of the right texts' tokens.
    private var lossFigure: TaskFigure {
        let interval = bootstrapInterval(of: losses) { sums, _ in EncodedPairs.meanLoss(sums) }
        return TaskFigure("loss", EncodedPairs.meanLoss(losses.totals), interval: interval)
    }

    /// Sources of like length, and of one language where there are several.
    private var sourceSlices: [EvaluationSlices.Slice] {
        let sources = figures.inputs.map(\.shown)
        let lengths = sources.map(\.unicodeScalars.count)
        return EvaluationSlices.byLength(lengths, unit: "characters") + EvaluationSlices.byLanguage(sources)
    }

    private func texts(_ rows: [Int], _ scores: [Double]) -> ReportTable {
        var table = ReportTable(columns: ["row", "source", "right", "written", "chrF"])
        for row in rows.prefix(Self.shownTexts) {
            table.row([
                .number("\(row + 1)"), .text(Self.shortened(figures.inputs[row].shown)),
                .text(Self.shortened(figures.references[row])), .text(Self.shortened(figures.outputs[row])),
                .number(ReportTable.decimals(scores[row])),
            ])
        }
        return table
    }

    private static func shortened(_ text: String) -> String {
        let scalars = text.unicodeScalars
        return scalars.count > 600 ? String(String.UnicodeScalarView(scalars.prefix(600))) + "…" : text
    }
}
