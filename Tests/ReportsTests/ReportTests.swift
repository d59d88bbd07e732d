import Foundation
import Testing
import YuyanReports

@Suite("Reports")
struct ReportTests {
    @Test("what comes from outside never becomes markup, and the page is well-formed")
    func escaping() throws {
        let nasty = "<script>alert('1')</script> & \"q\" \u{0}中文 \u{1F600}"
        var page = ReportPage(title: nasty, subtitle: nasty)
        page.heading(nasty)
        page.paragraph(nasty)
        page.facts([(nasty, nasty)])
        var table = ReportTable(title: nasty, columns: [nasty, "n"])
        table.row([.text(nasty), .number("12")])
        table.row([.text("short")])
        page.table(table)
        page.bars(
            BarChart(title: nasty, bars: [.init(nasty, 3, label: nasty), .init("none", 0, label: "0")])
        )
        page.lines(
            LineChart(
                title: nasty,
                xName: nasty,
                yName: nasty,
                series: [.init(nasty, [(0, 1), (1, .nan), (2, 3)])]
            )
        )
        page.matrix(
            MatrixChart(title: nasty, rowName: nasty, columnName: nasty, names: [nasty], counts: [1])
        )
        page.text(nasty, caption: nasty)
        let html = page.html
        #expect(!html.contains("<script") && !html.contains("\u{0}"))
        // All but the document type and the style sheet is XML, too, once the two empty tags are closed.
        let body = try #require(html.range(of: "<body>")).lowerBound
        let end = try #require(html.range(of: "</html>")).lowerBound
        let parser = XMLDocumentCheck()
        #expect(parser.isWellFormed(String(html[body..<end])), "\(parser.problem)")
    }

    @Test("tables without rows and charts without bars leave no trace")
    func empty() {
        var page = ReportPage(title: "t")
        let before = page.html
        page.table(ReportTable(columns: ["a"]))
        page.bars(BarChart(title: "b"))
        page.lines(LineChart(title: "l", xName: "x", yName: "y", series: [.init("s", [])]))
        #expect(page.html == before)
    }

    @Test("a table for the terminal has even columns, Chinese counted double")
    func plain() {
        var table = ReportTable(columns: ["name", "count"])
        table.row(["中文", .number("5")])
        table.row(["abc", .number("1,234")])
        #expect(table.plain == "name  count\n中文      5\nabc   1,234")
        // Only what may be abridged is.
        var long = ReportTable(columns: ["what", "n"])
        long.row([.abridged(String(repeating: "长", count: 500) + "/train.tsv"), .number("1")])
        long.row([.abridged(String(repeating: "x", count: 60)), .number("2")])
        let lines = long.plain.split(separator: "\n")
        let (head, tail) = (String(repeating: "长", count: 14), String(repeating: "长", count: 9))
        #expect(lines[1] == "\(head)…\(tail)/train.tsv     1")
        #expect(lines[2] == "\(String(repeating: "x", count: 60))  2")
        long.row([.text(String(repeating: "x", count: 500)), .number("3")])
        #expect(long.plain.hasSuffix("\(String(repeating: "x", count: 500))  3"))
    }

    @Test("bars are as long as their values and one value makes no division by zero")
    func lengths() {
        let chart = BarChart(title: "c", bars: [.init("a", 2, label: "2"), .init("b", 1, label: "1")])
        var page = ReportPage(title: "t")
        page.bars(chart)
        #expect(page.html.contains("width=\"400\"") && page.html.contains("width=\"200\""))
        var flat = ReportPage(title: "t")
        flat.lines(LineChart(title: "l", xName: "x", yName: "y", series: [.init("s", [(1, 2), (1, 2)])]))
        #expect(!flat.html.contains("nan") && flat.html.contains("<polyline"))
    }
}

/// Whether a fragment nests its tags rightly; a checker of a few lines, since the pages use few kinds of tags.
private final class XMLDocumentCheck {
    private(set) var problem = ""

    func isWellFormed(_ text: String) -> Bool {
        var open: [String] = []
        for piece in text.split(separator: "<").dropFirst(text.hasPrefix("<") ? 0 : 1) {
            guard let close = piece.firstIndex(of: ">") else {
                problem = "no end of <\(piece.prefix(40))"
                return false
            }
            let tag = piece[..<close]
            if tag.hasSuffix("/") { continue }
            let name = String(tag.drop { $0 == "/" }.prefix { $0 != " " })
            if !tag.hasPrefix("/") {
                open.append(name)
            } else if open.popLast() != name {
                problem = "</\(name)> ends nothing"
                return false
            }
        }
        problem = open.joined(separator: " ")
        return open == ["body"] || open.isEmpty
    }
}

@Suite struct MatrixChartTests {
    @Test func countsAndNamesAreShownAndEscaped() {
        var page = ReportPage(title: "t")
        page.matrix(
            MatrixChart(
                title: "Confusion",
                rowName: "label",
                columnName: "prediction",
                names: ["a<b", "一个很长很长很长很长很长的名字啊"],
                counts: [7, 3, 0, 41]
            )
        )
        let html = page.html
        #expect(html.contains("a&lt;b") && !html.contains("a<b"))
        #expect(html.contains(">41</text>") && html.contains("a&lt;b → 一个很长很长很长很长很长的名字啊: 3, 30 %"))
        #expect(html.contains("一个很长很长很长很长很长的…"))
        var empty = ReportPage(title: "t")
        empty.matrix(MatrixChart(title: "", rowName: "", columnName: "", names: [], counts: []))
        #expect(!empty.html.contains("<svg"))
    }

    @Test func sharesMayHaveOtherRowsThanColumns() {
        var page = ReportPage(title: "t")
        page.matrix(
            MatrixChart(
                title: "Look",
                rowName: "written",
                columnName: "read",
                rows: ["<x>", "y"],
                columns: ["a&b", "c", "d"],
                shares: [0.25, 0.75, 0, .nan, 2, -1]
            )
        )
        let html = page.html
        #expect(html.components(separatedBy: "<rect ").count == 7)
        #expect(html.contains("&lt;x&gt; → a&amp;b: 25 %") && !html.contains("<x>"))
        #expect(!html.contains("nan\"") && html.contains("fill-opacity=\"1.0\""))
    }

    @Test func cellsMayHaveColouredText() {
        var page = ReportPage(title: "t")
        var table = ReportTable(columns: ["what", "text"])
        table.row(["one", .marked([("<b>", 1), ("'c'", nil), ("d", -0.5)])])
        page.table(table)
        let html = page.html
        #expect(html.contains("<td class=\"marked\">") && !html.contains("<b>"))
        #expect(html.contains(">&lt;b&gt;</span>") && html.contains("<s title=\"not read\">&#39;c&#39;</s>"))
        #expect(table.plain.contains("<b>'c'd"))
    }
}
