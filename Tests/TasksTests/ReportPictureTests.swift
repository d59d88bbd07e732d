import Foundation
import Testing
import YuyanFileFormats
import YuyanMetrics
import YuyanReports
import YuyanTasks
import YuyanTestSupport
import YuyanTraining

/// The parts that pages of several tasks share.
@Suite struct ReportPictureTests {
    @Test func spansArePairedByWhatTheyShare() {
        func spans(_ all: [(String, Int, Int)]) -> [LabelledSpan] {
            all.map { LabelledSpan(label: $0.0, start: $0.1, end: $0.2) }
        }
        var pairs = SpanPairs()
        pairs.add(
            spans([("PER", 0, 2), ("LOC", 3, 4), ("ORG", 5, 7), ("MISC", 9, 10)]),
            // One right, one of another type, one with another end, and one beside it that has no partner left.
            spans([("PER", 0, 2), ("PER", 3, 4), ("ORG", 5, 6), ("LOC", 6, 7)])
        )
        let fates: [SpanPairs.Fate: Int] = [
            .right: 1, .otherType: 1, .otherEnds: 1, .missed: 1, .invented: 1,
        ]
        #expect(pairs.fates == fates)
        let matrix = pairs.confusion("type")
        let names = ["LOC", "MISC", "ORG", "PER", "(none)"]
        #expect(matrix.rows == names && matrix.columns == names)
        var page = ReportPage(title: "t")
        page.matrix(matrix)
        // What each cell tells: the two types, the count and its share.
        let told = page.html.components(separatedBy: "</title></rect>").dropLast()
            .compactMap { $0.components(separatedBy: ": ").last?.components(separatedBy: ",").first }
        #expect(
            told.map { Int($0) } == [
                0, 0, 0, 1, 0,
                0, 0, 0, 0, 1,
                0, 0, 1, 0, 0,
                0, 0, 0, 1, 0,
                1, 0, 0, 0, 0,
            ]
        )
        // The one that shares more comes first, whatever its type.
        var larger = SpanPairs()
        larger.add(spans([("PER", 0, 5)]), spans([("PER", 0, 2), ("LOC", 2, 5)]))
        #expect(larger.fates == [.other: 1, .invented: 1])
        #expect(larger.types[SpanPairs.Types(own: "PER", predicted: "LOC")] == 1)
        let none = SpanPairs()
        #expect(none.bars.bars.isEmpty && none.confusion("type").rows.isEmpty)
    }

    @Test func lotsHoldEqualNumbersTogether() throws {
        var page = ReportPage(title: "t")
        page.lines(
            .byNumber(
                "By length",
                xName: "tokens",
                yName: "share",
                numbers: [1, 1, 1, 1, 2, 2, 7, .nan, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9],
                figures: [.init("ones") { Double($0.count) }]
            )
        )
        // Of nineteen rows two make a lot, and equal numbers stay in it.
        let values = try PagePictures(page.html).values("By length")
        #expect(values.map(\.name) == ["1", "2", "8.846"] && values.map(\.value) == [4, 2, 13])
        var flat = ReportPage(title: "t")
        flat.lines(
            .byNumber(
                "Flat",
                xName: "x",
                yName: "y",
                numbers: [5],
                figures: [.init("mean", meanOf: [0.25]), .init("none") { _ in .nan }]
            )
        )
        #expect(try PagePictures(flat.html).values("Flat").map(\.value) == [0.25])
        var empty = ReportPage(title: "t")
        empty.lines(.byNumber("E", xName: "x", yName: "y", numbers: [], figures: [.init("m", meanOf: [])]))
        #expect(!empty.html.contains("<svg"))
    }

    @Test func curvesComeFromTheLog() throws {
        let folder = try ScratchFolder()
        func page() throws -> PagePictures {
            var page = ReportPage(title: "t")
            TrainingCurves(folder: folder.path, metric: "eval_f1").add(to: &page)
            return PagePictures(page.html)
        }
        #expect(try !page().html.contains("<svg"))
        try folder.write(
            """
            {"step": 10, "loss": 2.5}
            {"step": 20, "loss": 1.5}
            {"step": 20, "eval_loss": 1.75, "eval_f1": 0.5}
            no line of JSON, [1, 2]
            [3]
            {"step": "x", "loss": 9}
            {"step": 40, "loss": 1e308}
            {"step": 40, "eval_loss": 1.25, "eval_f1": 0.625}
            {"step": 50, "lo
            """,
            to: "train.jsonl"
        )
        let found = try page()
        let losses = try found.values("Loss while it learned")
        #expect(losses.map(\.name) == ["10", "20", "20", "40"])
        #expect(losses.map(\.value) == [2.5, 1.5, 1.75, 1.25] && found.isPlain)
        let figure = try found.values("The figure that chose the best model")
        #expect(figure.map(\.name) == ["20", "40"] && figure.map(\.value) == [0.5, 0.625])
        // One evaluation at the end is no curve.
        try folder.write("{\"step\": 1, \"eval_loss\": 3}\n", to: "train.jsonl")
        #expect(try !page().html.contains("<svg"))
        // A log of many lines is thinned out, and its last values stay near the end.
        let lines = (0..<5000).map { "{\"step\": \($0), \"loss\": \($0 % 7)}\n" }.joined()
        try folder.write(lines, to: "train.jsonl")
        let html = try page().html
        let points = try #require(html.components(separatedBy: "<polyline points=\"").last)
        let count = try #require(points.components(separatedBy: "\"").first).split(separator: " ").count
        #expect(count > 500 && count <= 1001, "\(count)")
        // A line without end is told of, not read into memory.
        try folder.write(String(repeating: "1", count: 3 << 20), to: "train.jsonl")
        #expect(try page().html.contains("could not be read"))
    }

    /// What stands on the page of a tagger are its figures, and a part without entities has a page, too.
    @Test func taggersHavePictures() throws {
        let tagged = try TaggedFolder()
        try tagged.write(TaggedFolder.sentences(60, seed: 1), to: "train.conll")
        try tagged.write(TaggedFolder.sentences(50, seed: 2), to: "dev.conll")
        try tagged.write([[(word: "went", tag: "O")]], to: "none.conll")
        try tagged.write([[(word: "<b>Dr</b>", tag: "B-PER"), (word: "to", tag: "O")]], to: "one.conll")
        let recipe = try tagged.fieldRecipe(["window=0", "affix_length=0", "shapes=false", "min_count=3"])
        _ = try TaskCatalog.run(recipe, registryFolder: nil, version: "test").train { _ in }
        let place = "\(tagged.folder.path)/out"
        let run = try TaskCatalog.run(try Recipe(modelFolder: place), registryFolder: nil, version: "test")
        func evaluate(_ name: String?) throws -> TaskEvaluation {
            let data = EvaluationData(path: name.map { "\(tagged.folder.path)/\($0)" })
            return try run.evaluate(folder: place, data: data, report: { _ in })
        }
        let evaluation = try evaluate(nil)
        let page = try PagePictures(evaluation)
        let types = try #require(evaluation.document["types"]?.objectValue)
        var (labelled, right, predicted) = (0.0, 0.0, 0.0)
        for (name, score) in types {
            let support = try #require(score["support"]?.numberValue)
            let recall = try #require(score["recall"]?.numberValue)
            let precision = try #require(score["precision"]?.numberValue)
            let f1 = try #require(score["f1"]?.numberValue)
            labelled += support
            right += (support * recall).rounded()
            if precision > 0 { predicted += (support * recall / precision).rounded() }
            #expect(abs(try page.value(name, in: "F1 of types") - f1) < 1e-4, "\(name)")
        }
        let fates = try page.values("What became of the spans")
        #expect(fates.map(\.name).first == "right" && fates[0].value == right)
        #expect(fates[0...4].reduce(0) { $0 + $1.value } == labelled)
        if types.allSatisfy({ ($0.value["precision"]?.numberValue ?? 0) > 0 }) {
            #expect(fates[0...3].reduce(0) { $0 + $1.value } + fates[5].value == predicted)
        }
        #expect(try !page.values("F1 by length of the sentence").isEmpty && page.isPlain)
        #expect(page.html.contains("Confusion of types, of spans that overlap"))
        for name in ["none.conll", "one.conll"] {
            let odd = try PagePictures(try evaluate(name))
            #expect(odd.isPlain && odd.html.contains("The worst sentences"), "\(name)")
            #expect(!odd.html.contains("<b>"))
        }
    }
}
