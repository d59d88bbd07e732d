import Foundation
import Testing
import YuyanFileFormats
import YuyanModels

@Suite struct ARPATests {
    private static func words(_ count: Int, end: Int32?) throws -> ARPAWords {
        try ARPAWords((0..<count).map { "w\($0)" }, endOfText: end, unknown: nil)
    }

    @Test func aModelComesBack() throws {
        for (order, least, end) in [(5, [1], 29), (3, [1, 1, 2], nil), (1, [1], nil)]
            as [(Int, [Int], Int32?)]
        {
            let documents = ngramDocuments(150, vocabulary: 30, endOfText: end, seed: 31)
            let options = ngramOptions(order, least)
            let model = try ngramModel(documents, vocabulary: 30, endOfText: end, options)
            let folder = try ScratchFolder()
            let words = try Self.words(30, end: end)
            try model.writeARPA(to: folder.file("model.arpa"), words: words)
            let (read, summary) = try NGramLanguageModel.readARPA(folder.file("model.arpa"), words: words)
            #expect(summary.foreignWords == 0 && summary.missingTokens == 0)
            #expect(read.ngramCounts == model.ngramCounts && read.order == order)
            var draws = Draws(state: 4)
            for _ in 0..<40 {
                let document = documents[draws(documents.count)]
                let context = Array(document.prefix(draws(document.count)))
                let (own, wanted) = (
                    try read.probabilities(after: context), try model.probabilities(after: context)
                )
                #expect(zip(own, wanted).allSatisfy { abs($0 - $1) <= 1e-6 * $1 }, "after \(context)")
            }
            let again = folder.file("again.arpa")
            try read.writeARPA(to: again, words: words)
            let second = try NGramLanguageModel.readARPA(again, words: words).model
            let others = NGramDocuments(documents)
            let (one, two) = (try read.score(others), try second.score(others))
            #expect(abs(one.nats - two.nats) < 1e-6 * one.nats && one.orders == two.orders)
        }
    }

    /// A file of another program: gaps in what is listed, weights of contexts that nothing follows, unknown words.
    @Test func backingOffIsThatOfTheFormat() throws {
        let folder = try ScratchFolder()
        let path = try folder.write(
            """
            made by hand

            \\data\\
            ngram 1=6
            ngram 2=4
            ngram 3=2

            \\1-grams:
            -2.0\t<unk>
            -99\t<s>\t-0.25
            -1.5\t</s>
            -0.5\ta\t-0.125
            -0.75  b  -0.5
            -1.25\tother\t-0.3

            \\2-grams:
            -0.25\t<s> a\t-0.0625
            -0.5\ta b\t-0.1
            -0.375\tb </s>
            -0.4\tother a\t-0.2

            \\3-grams:
            -0.2\t<s> a b
            -0.3\tb b a

            \\end\\
            """,
            "other.arpa"
        )
        let words = try ARPAWords(["a", "b", "c", "end"], endOfText: 3, unknown: nil)
        let (model, summary) = try NGramLanguageModel.readARPA(path, words: words)
        #expect(summary.words == 6 && summary.foreignWords == 1 && summary.missingTokens == 1)
        func check(_ token: Int32, _ context: [Int32], _ start: Bool, _ logarithm: Double) throws {
            let own = log10(try model.probability(of: token, after: context, fromStart: start))
            #expect(abs(own - logarithm) < 1e-6, "\(token) after \(context): \(own), not \(logarithm)")
        }
        try check(0, [], true, -0.25)
        try check(1, [], true, -0.25 - 0.75)
        try check(1, [0], true, -0.2)
        try check(0, [0], true, -0.0625 - 0.125 - 0.5)
        try check(1, [0], false, -0.5)
        try check(3, [0, 1], false, -0.1 - 0.375)
        try check(0, [0, 1], false, -0.1 - 0.5 - 0.5)
        // A context that has no weight and no n-gram of two tokens above it.
        try check(0, [1, 1], false, -0.3)
        try check(1, [1, 1], false, -0.5 - 0.75)
        // The vocabulary's c is in no n-gram: it is unknown.
        try check(2, [0], false, -0.125 - 2)
        try check(0, [2], false, -0.5)
    }

    /// A file without a probability for unknown words, or one of nothing, leaves no token impossible.
    @Test(arguments: ["", "-99\t<unk>\n"]) func everyTokenIsPossible(unknown: String) throws {
        let folder = try ScratchFolder()
        let count = unknown.isEmpty ? 2 : 3
        let text = "\\data\\\nngram 1=\(count)\n\n\\1-grams:\n\(unknown)-0.3\ta\n-0.3\t</s>\n\n\\end\\\n"
        let words = try ARPAWords(["a", "b", "end"], endOfText: 2, unknown: nil)
        let model = try NGramLanguageModel.readARPA(try folder.write(text, "few.arpa"), words: words).model
        let documents = NGramDocuments([[0, 1, 2]] as [[Int32]])
        #expect(try model.probability(of: 1, after: [], fromStart: false) > 0)
        #expect(try model.score(documents).nats.isFinite)
    }

    @Test func spellingsAreKeptApart() throws {
        let spellings = [" ", "\n", "\\x20", "<s>", "</s>", "a b", "\u{3000}", "", "é", nil, "<|end|>"]
        let words = try ARPAWords(spellings, endOfText: 10, unknown: nil)
        let documents: [[Int32]] = [
            [0, 1, 2, 3, 4, 5, 6, 7, 8, 10], [8, 6, 4, 2, 0, 10], [0, 0, 8, 8, 10],
        ]
        #expect(throws: NGramError.self) { _ = try ARPAWords(["a", "a"], endOfText: nil, unknown: nil) }
        let model = try ngramModel(documents, vocabulary: 11, endOfText: 10, ngramOptions(3))
        let folder = try ScratchFolder()
        try model.writeARPA(to: folder.file("model.arpa"), words: words)
        let read = try NGramLanguageModel.readARPA(folder.file("model.arpa"), words: words).model
        #expect(read.ngramCounts == model.ngramCounts)
        let (own, wanted) = (
            try read.score(NGramDocuments(documents)), try model.score(NGramDocuments(documents))
        )
        #expect(abs(own.nats - wanted.nats) < 1e-6 * wanted.nats)
    }

    @Test func malformedFilesAreRefused() throws {
        let folder = try ScratchFolder()
        let head = "\\data\\\nngram 1=2\nngram 2=1\n\n\\1-grams:\n-1\ta\t-0.5\n-1\tb\n\n\\2-grams:\n"
        let whole = head + "-0.5\ta b\n\n\\end\\\n"
        let words = try ARPAWords(["a", "b"], endOfText: nil, unknown: nil)
        _ = try NGramLanguageModel.readARPA(try folder.write(whole, "whole.arpa"), words: words)
        let cases: [(String, FileFormatError.Code, String)] = [
            ("nothing\n", .malformed, "\\data\\"), ("\\data\\\n", .truncated, "line 1"),
            ("\\data\\\nngram 2=1\n", .malformed, "ngram 1="),
            ("\\data\\\nngram 1=x\n", .malformed, "line 2"),
            ("\\data\\\nngram 1=-4\n", .malformed, "line 2"),
            ((1...11).reduce("\\data\\\n") { $0 + "ngram \($1)=1\n" }, .unsupported, "11 tokens"),
            (whole.replacingOccurrences(of: "ngram 2=1", with: "ngram 2=9"), .mismatch, "tells of 9"),
            (whole.replacingOccurrences(of: "\\2-grams:", with: "\\3-grams:"), .malformed, "\\2-grams:"),
            (head + "-0.5\ta\n", .malformed, "line 10: 2 fields"),
            (head + "0.5\ta b\n", .malformed, "line 10"),
            (head + "x\ta b\n", .malformed, "no number"), (head + "nan\ta b\n", .malformed, "no number"),
            (head + "-0.5\ta b\t400\n", .malformed, "no weight"), (head, .truncated, "\\end\\"),
            (head + "-0.5\ta b\n-0.5\ta b\n\n\\end\\\n", .mismatch, "2 n-grams"),
            (
                whole.replacingOccurrences(of: "ngram 2=1", with: "ngram 2=2")
                    .replacingOccurrences(of: "a b\n", with: "a b\n-0.25\ta b\n"), .duplicate, "twice"
            ),
            (whole.replacingOccurrences(of: "-1\tb\n", with: "-1\ta\n"), .duplicate, "'a' stands twice"),
            (
                "\\data\\\nngram 1=1\n\n\\1-grams:\n-1\tz\n\n\\end\\\n", .mismatch, "none of its words"
            ),
        ]
        for (text, code, words) in cases {
            let path = try folder.write(text, "bad.arpa")
            expectFileFailure(code, "bad.arpa", words) {
                _ = try NGramLanguageModel.readARPA(
                    path,
                    words: ARPAWords(["a", "b"], endOfText: nil, unknown: nil)
                )
            }
        }
    }

    /// Files with random bytes changed, lines lost or cut short: an error or a model that answers, never a crash.
    @Test(arguments: UInt64(1)...4) func damagedFilesDoNotCrash(seed: UInt64) throws {
        var draws = Draws(state: seed)
        let folder = try ScratchFolder()
        let documents = ngramDocuments(30, vocabulary: 12, endOfText: 11, seed: seed)
        let model = try ngramModel(documents, vocabulary: 12, endOfText: 11, ngramOptions(3))
        let words = try Self.words(12, end: 11)
        try model.writeARPA(to: folder.file("model.arpa"), words: words)
        let whole = try Data(contentsOf: URL(filePath: folder.file("model.arpa")))
        for _ in 0..<60 {
            var damaged = whole
            for _ in 0..<1 + draws(4) {
                let place = draws(damaged.count)
                if draws(3) == 0 {
                    damaged.removeSubrange(place..<min(place + draws(40), damaged.count))
                } else {
                    damaged[damaged.startIndex + place] = UInt8(draws(256))
                }
            }
            let path = folder.file("damaged.arpa")
            try damaged.write(to: URL(filePath: path))
            guard let read = try? NGramLanguageModel.readARPA(path, words: words).model else { continue }
            for token in 0..<Int32(12) { _ = try read.probabilities(after: [token, Int32(draws(12))]) }
        }
    }
}
