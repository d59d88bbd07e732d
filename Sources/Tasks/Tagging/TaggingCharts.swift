import YuyanMetrics
import YuyanReports

/// Spans of the data and of predictions, each with the one that it overlaps.
package struct SpanPairs {
    /// What became of a span.
    package enum Fate: String, CaseIterable {
        case right = "right"
        case otherEnds = "right type, other ends"
        case otherType = "right ends, other type"
        case other = "other type and other ends"
        case missed = "missed"
        case invented = "found where none is"
    }

    /// Types of a pair; nil where one of the two is not there.
    package struct Types: Hashable {
        package let own: String?
        package let predicted: String?

        /// A pair.
        ///
        /// - Parameters:
        ///   - own: The type in the data; nil where nothing stands there.
        ///   - predicted: The predicted one; nil where none is.
        package init(own: String?, predicted: String?) { (self.own, self.predicted) = (own, predicted) }
    }

    /// No spans yet.
    package init() {}

    package private(set) var fates: [Fate: Int] = [:]
    package private(set) var types: [Types: Int] = [:]

    /// Pairs the spans of a sentence: those that share the most tokens first, of these the ones of one type.
    ///
    /// - Parameters:
    ///   - own: The spans of the data in the order of their first tokens; none overlaps another.
    ///   - predicted: Those of the predictions.
    package mutating func add(_ own: [LabelledSpan], _ predicted: [LabelledSpan]) {
        var pairs: [(shared: Int, isAlike: Bool, own: Int, predicted: Int)] = []
        var first = 0
        for (place, span) in own.enumerated() {
            while first < predicted.count, predicted[first].end <= span.start { first += 1 }
            var next = first
            while next < predicted.count, predicted[next].start < span.end {
                let shared = min(span.end, predicted[next].end) - max(span.start, predicted[next].start)
                pairs.append((shared, span.label == predicted[next].label, place, next))
                next += 1
            }
        }
        pairs.sort { one, two in
            (two.shared, two.isAlike ? 1 : 0, one.own, one.predicted)
                < (one.shared, one.isAlike ? 1 : 0, two.own, two.predicted)
        }
        var (isFree, isNew) = (
            [Bool](repeating: true, count: own.count), [Bool](repeating: true, count: predicted.count)
        )
        for pair in pairs where isFree[pair.own] && isNew[pair.predicted] {
            (isFree[pair.own], isNew[pair.predicted]) = (false, false)
            let (one, two) = (own[pair.own], predicted[pair.predicted])
            let hasSameEnds = one.start == two.start && one.end == two.end
            count(
                hasSameEnds
                    ? pair.isAlike ? .right : .otherType : pair.isAlike ? .otherEnds : .other,
                Types(own: one.label, predicted: two.label)
            )
        }
        for place in own.indices where isFree[place] {
            count(.missed, Types(own: own[place].label, predicted: nil))
        }
        for place in predicted.indices where isNew[place] {
            count(.invented, Types(own: nil, predicted: predicted[place].label))
        }
    }

    private mutating func count(_ fate: Fate, _ pair: Types) {
        fates[fate, default: 0] += 1
        types[pair, default: 0] += 1
    }

    private static let (shownTypes, none) = (24, "(none)")

    /// Which types are taken for which.
    package func confusion(_ unit: String) -> MatrixChart {
        var frequencies: [String: Int] = [:]
        for (pair, count) in types {
            for type in [pair.own, pair.predicted] { if let type { frequencies[type, default: 0] += count } }
        }
        func isBefore(_ one: String, _ two: String) -> Bool {
            one.utf8.lexicographicallyPrecedes(two.utf8)
        }
        let order = frequencies.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.map(\.key)
        let shown = order.prefix(Self.shownTypes).sorted(by: isBefore)
        let all = shown.map(Optional.some) + (shown.isEmpty ? [] : [nil])
        return MatrixChart(
            title: shown.count < order.count
                ? "Confusion of the most frequent \(unit)s, of spans that overlap"
                : "Confusion of \(unit)s, of spans that overlap",
            rowName: "\(unit) in the data",
            columnName: "prediction",
            names: all.map { $0 ?? Self.none },
            counts: all.flatMap { own in all.map { types[Types(own: own, predicted: $0)] ?? 0 } }
        )
    }

    /// How many spans were found, how many missed and so on.
    package var bars: BarChart {
        guard !fates.isEmpty else { return BarChart(title: "") }
        return BarChart(
            title: "What became of the spans (number of spans)",
            bars: Fate.allCases.map { fate in
                let count = fates[fate] ?? 0
                return BarChart.Bar(fate.rawValue, Double(count), label: "\(count)")
            }
        )
    }
}

extension TaggingFigures {
    private static let shownBars = 30
    private static let mostBarOperations = 400_000_000

    /// The F1 of the types that are most frequent in the data, each with its interval.
    func typeBars() throws -> BarChart {
        let all = try byType()
        let order = all.indices.sorted { (all[$1].score.support, $0) < (all[$0].score.support, $1) }
        let shown = order.prefix(Self.shownBars).sorted().map { all[$0] }
        guard !shown.isEmpty else { return BarChart(title: "") }
        let statistics = typeStatistics(shown.map(\.name))
        let resamples = min(max(Self.mostBarOperations / max(statistics.values.count, 1), 100), 1000)
        let intervals = bootstrapIntervals(of: statistics, resamples: resamples) { sums, _ in
            shown.indices.map { place in
                let both = sums[3 * place + 1] + sums[3 * place + 2]
                return both > 0 ? 2 * sums[3 * place] / both : .nan
            }
        }
        let most = shown.count < all.count ? "the most frequent \(unitName)s" : "\(unitName)s"
        return BarChart(
            title: "F1 of \(most), 0 … 1, with 95 % intervals",
            bars: zip(shown, intervals).map { type, interval in
                BarChart.Bar(
                    type.name,
                    type.score.f1,
                    label: ReportTable.decimals(type.score.f1),
                    interval: interval.range
                )
            }
        )
    }

    /// The F1, or the accuracy of tags by themselves, of sentences by their length.
    func lengthChart(_ slices: EvaluationSlices) -> LineChart {
        let name = slices.figure == "f1" ? "F1" : "accuracy"
        return LineChart.byNumber(
            "\(name) by length of the sentence",
            xName: "tokens of the sentence",
            yName: name,
            numbers: sentences.map { Double($0.tags.count) },
            figures: [LineChart.NumberedFigure(name, rowsFigure)]
        )
    }

    /// Spans of entities or arguments beside those that are predicted; nil where tags are judged by themselves.
    func spanPairs() throws -> SpanPairs? {
        guard scoring != .single else { return nil }
        var pairs = SpanPairs()
        for (sentence, predicted) in zip(sentences, predictions) {
            pairs.add(try spans(sentence.tags), try spans(predicted))
        }
        return pairs
    }

    private func spans(_ tags: [String]) throws -> [LabelledSpan] {
        switch scoring {
        case .single: return []
        case .entities: return try labelledSpans(TagScoring.readable(tags))
        case .argumentHeads:
            return Self.roles(tags).map { LabelledSpan(label: $0.label, start: $0.head, end: $0.head + 1) }
        case .argumentSpans:
            // A piece that goes on with an argument is of that argument's role.
            return try labelledSpans(TagScoring.readable(tags)).map { span in
                guard span.label.utf8.starts(with: "C-".utf8) else { return span }
                let role = String(decoding: span.label.utf8.dropFirst(2), as: UTF8.self)
                return LabelledSpan(label: role, start: span.start, end: span.end)
            }.filter { $0.label != "V" }
        }
    }
}
