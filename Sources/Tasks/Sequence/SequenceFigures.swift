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
        var figures: [TaskFigure] = []
        var answers: QuestionAnsweringScorer?
        for metric in metrics {
            switch metric {
            case .bleu:
                var scorer = BLEUScorer(BLEU(tokenization: bleuTokenization))
                try forEach { try scorer.add(hypothesis: $0, references: [$1]) }
                let interval = withIntervals ? scorer.interval() : nil
                figures.append(TaskFigure(metric.rawValue, scorer.score.score, interval: interval))
            case .chrf:
                var scorer = ChrFScorer()
                try forEach { try scorer.add(hypothesis: $0, references: [$1]) }
                let interval = withIntervals ? scorer.interval() : nil
                figures.append(TaskFigure(metric.rawValue, scorer.score, interval: interval))
            case .rouge1: figures.append(try rouge(metric, .ngrams(1), withIntervals))
            case .rouge2: figures.append(try rouge(metric, .ngrams(2), withIntervals))
            case .rougeL: figures.append(try rouge(metric, .longestSubsequence, withIntervals))
            case .exactMatch, .f1:
                var scorer = answers ?? QuestionAnsweringScorer(answerStandard)
                if answers == nil { try forEach { try scorer.add(prediction: $0, answers: [$1]) } }
                answers = scorer
                let isExact = metric == .exactMatch
                let interval = withIntervals ? scorer.intervals()[isExact ? 0 : 1] : nil
                let value = isExact ? scorer.exactMatch : scorer.f1
                figures.append(TaskFigure(metric.rawValue, value, interval: interval))
            }
        }
        return figures
    }

    private func forEach(_ body: (_ output: String, _ reference: String) throws -> Void) rethrows {
        for (output, reference) in zip(outputs, references) { try body(output, reference) }
    }

    private func rouge(
        _ metric: SequenceMetric,
        _ figure: RougeFigure,
        _ withIntervals: Bool
    ) throws -> TaskFigure {
        var scorer = RougeScorer([figure], tokenization: rougeTokenization)
        try forEach { try scorer.add(prediction: $0, references: [$1]) }
        let interval = withIntervals ? scorer.intervals().first : nil
        return TaskFigure(metric.rawValue, scorer.means[0].f1, interval: interval)
    }
}

/// An evaluation of written texts for people: tables, and a page with the worst of them.
struct SequenceReportPage {
    let figures: SequenceFigures
    /// The mean loss of the right texts' tokens.
    let loss: Double
    let title: String

    private static let shownTexts = 40

    func evaluation() throws -> TaskEvaluation {
        let all =
            [TaskFigure("texts", Double(figures.references.count), isCount: true)]
            + (try figures.all(withIntervals: true)) + [TaskFigure("loss", loss)]
        let table = ReportTable.figures(all)
        var details = JSONObject()
        details["script"] = .string(figures.script.name)
        if figures.metrics.contains(.bleu) {
            details["bleu_tokenization"] = .string(figures.bleuTokenization.rawValue)
        }
        var page = ReportPage(title: "Sequence to sequence", subtitle: title)
        page.table(table)
        let scores = try zip(figures.outputs, figures.references).map { output, reference in
            try ChrF.chrF.sentenceScore(hypothesis: output, references: [reference])
        }
        page.heading("The worst texts")
        page.paragraph("Those that share the least with the right ones, by chrF.")
        page.table(texts(scores.indices.sorted { (scores[$0], $0) < (scores[$1], $1) }, scores))
        page.heading("Texts as they come")
        page.table(texts(Array(scores.indices), scores))
        return TaskEvaluation(figures: all, details: details, plain: table.plain, page: page)
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
