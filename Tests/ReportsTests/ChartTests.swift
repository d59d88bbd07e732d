import Foundation
import Testing
import YuyanReports

/// Pictures hold the numbers that they were given, and odd input makes no odd picture.
@Suite("Charts") struct ChartTests {
    private func page(_ add: (inout ReportPage) -> Void) -> String {
        var page = ReportPage(title: "t")
        add(&page)
        return page.html
    }

    private func isPlain(_ html: String) -> Bool {
        guard let start = html.range(of: "<body>")?.lowerBound else { return false }
        let body = html[start...]
        return !body.contains("nan") && !body.contains("inf\"")
    }

    @Test func histogramsCountValues() {
        let chart = Histogram(
            title: "F1",
            xName: "x <axis>",
            yName: "questions",
            values: [0, 0.05, 0.1, 0.3, 0.999, 1, .nan],
            range: 0...1,
            columns: 10
        )
        #expect(chart.counts == [2, 1, 0, 1, 0, 0, 0, 0, 0, 2])
        #expect(chart.edges.count == 11 && chart.edges[0] == 0 && chart.edges[10] == 1)
        let html = page { $0.histogram(chart) }
        #expect(html.contains("<title>0 … 0.1: 2</title>") && html.contains("<title>0.9 … 1: 2</title>"))
        #expect(html.contains("<title>0.3 … 0.4: 1</title>") && !html.contains("<title>0.2 … 0.3"))
        // Two of five: the axis of a few things goes to five.
        #expect(html.contains("x=\"60.5\" y=\"174.4\" width=\"67\" height=\"105.6\""))
        #expect(html.contains("x &lt;axis&gt;") && !html.contains("<axis>") && html.contains(">questions<"))
    }

    @Test func histogramsOfOddValues() {
        let same = Histogram(title: "s", xName: "x", yName: "y", values: [3, 3, 3])
        #expect(same.counts == [3] && same.edges == [2.5, 3.5])
        let beyond = Histogram(
            title: "b",
            xName: "x",
            yName: "y",
            values: [-5, 0.5, 7],
            range: 0...1,
            columns: 2
        )
        #expect(beyond.counts == [1, 2])
        let whole = Histogram(title: "w", xName: "x", yName: "y", values: [0, 10, 20], columns: 4)
        #expect(whole.counts == [1, 0, 1, 1] && whole.edges == [0, 5, 10, 15, 20])
        for chart in [same, beyond, whole] { #expect(isPlain(page { $0.histogram(chart) })) }
        for values in [[], [.nan], [.infinity, 1e300, -1e300]] as [[Double]] {
            let none = Histogram(title: "n", xName: "x", yName: "y", values: values)
            #expect(none.counts.isEmpty && !page { $0.histogram(none) }.contains("<svg"))
        }
    }

    /// Numbers closer together than any step, as a damaged log may have them, are one.
    @Test(.timeLimit(.minutes(1))) func valuesWithoutAStepBetweenThem() {
        let chart = Histogram(title: "h", xName: "x", yName: "y", values: [0, 5e-324, 1e-310])
        #expect(chart.counts == [3] && chart.edges == [-0.5, 0.5])
        let line = LineChart(
            title: "l",
            xName: "step",
            yName: "loss",
            series: [.init("s", [(0, 0), (1, 5e-324)]), .init("t", [(5e-324, 0)])]
        )
        let html = page {
            $0.histogram(chart)
            $0.lines(line)
        }
        #expect(isPlain(html) && html.components(separatedBy: "<circle").count == 4)
    }

    @Test func dotsAreWhereTheirValuesAre() {
        let chart = ScatterChart(
            title: "<lengths>",
            xName: "right",
            yName: "written",
            points: [(0, 10), (10, 0), (5, .nan), (2.5, 1.25)],
            hasDiagonal: true
        )
        #expect(chart.points.count == 3)
        let html = page { $0.scatter(chart) }
        #expect(
            html.contains("<circle cx=\"60\" cy=\"16\"") && html.contains("<circle cx=\"740\" cy=\"280\"")
        )
        #expect(html.contains("<title>2.5: 1.25</title>") && html.contains("stroke-dasharray"))
        #expect(html.contains("&lt;lengths&gt;") && !html.contains("<lengths>"))
        let many = ScatterChart(
            title: "m",
            xName: "x",
            yName: "y",
            points: (0..<2500).map { (x: Double($0), y: 1) }
        )
        #expect(many.points.count == 1000 && many.title == "m (1000 of 2500)")
        #expect(many.points[0].x == 0 && many.points[999].x == 2497)
        let drawn = page { $0.scatter(many) }
        #expect(drawn.components(separatedBy: "<circle").count == 1001 && isPlain(drawn))
        let one = ScatterChart(title: "o", xName: "x", yName: "y", points: [(4, 4)], hasDiagonal: true)
        #expect(isPlain(page { $0.scatter(one) }))
        let none = ScatterChart(title: "n", xName: "x", yName: "y", points: [(.nan, 1)])
        #expect(!page { $0.scatter(none) }.contains("<svg"))
    }

    @Test func barsShowTheirIntervals() {
        let chart = BarChart(
            title: "F1",
            bars: [
                .init("a", 0.5, label: "half", interval: 0.25...1),
                .init("b", 0, label: "none", interval: 0...0), .init("c", 1, label: "all"),
            ]
        )
        let html = page { $0.bars(chart) }
        #expect(
            html.contains("<line x1=\"330\" x2=\"630\"") && html.contains("<text x=\"636\" y=\"15\">half")
        )
        #expect(html.components(separatedBy: "<line").count == 3 && isPlain(html))
        let empty = page { $0.bars(BarChart(title: "0", bars: [.init("a", 0, label: "0", interval: 0...0)])) }
        #expect(isPlain(empty))
    }

    @Test func onePointOfALineIsSeen() {
        let html = page {
            $0.lines(
                LineChart(
                    title: "l",
                    xName: "step",
                    yName: "loss",
                    series: [.init("s", [(1, 2)]), .init("far", [(1, 1e300), (.infinity, 2)])]
                )
            )
        }
        #expect(html.contains("<title>1: 2</title>") && isPlain(html))
        let long = page {
            $0.lines(
                LineChart(
                    title: "l",
                    xName: "x",
                    yName: "y",
                    series: [.init("s", (0..<13).map { (x: Double($0), y: 0) })]
                )
            )
        }
        #expect(!long.contains("<circle"))
    }
}
