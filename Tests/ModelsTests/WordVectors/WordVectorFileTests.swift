import Foundation
import Testing
import YuyanFileFormats
import YuyanModels

@Suite struct WordVectorFileTests {
    private let vectors = WordVectors(
        words: ["the", "语言", "naïve", "x"],
        dimension: 3,
        vectors: [0.1, -2.5e-8, 3, 1e20, 0, -0.333333343, 1.17549435e-38, 7, 8, -1, 16_777_216, 0.70710677]
    )

    @Test(arguments: WordVectorFormat.allCases)
    func whatIsWrittenIsReadBitForBit(_ format: WordVectorFormat) throws {
        let folder = try ScratchFolder()
        try vectors.write(to: folder.file("v"), format: format)
        let read = try WordVectors(contentsOf: folder.file("v"), format: format)
        #expect(read.words == vectors.words && read.dimension == 3)
        #expect(read.vectors.map(\.bitPattern) == vectors.vectors.map(\.bitPattern))
        #expect(
            try WordVectors(contentsOf: folder.file("v"), format: format, limit: 2).words == ["the", "语言"]
        )
    }

    @Test func theFormatIsToldByTheName() {
        #expect(WordVectorFormat(path: "a.glove/x.vec") == .text)
        #expect(WordVectorFormat(path: "dir/glove.6B.50d.txt") == .glove)
        #expect(WordVectorFormat(path: "GoogleNews.bin") == .binary)
    }

    @Test func linesAsOtherProgramsWriteThemAreRead() throws {
        let folder = try ScratchFolder()
        // fastText ends lines with a space; GloVe's words may hold spaces; the first of two equal words counts.
        let text = try folder.write("2 2\n</s> 1 2 \nb 3e-1 .5 \n", "a.vec")
        #expect(try WordVectors(contentsOf: text).vectors == [1, 2, 0.3, 0.5])
        let glove = try folder.write("b\t-3 +4.5\r\n. . 1 2\nb 5 6\n\n", "glove.txt")
        let read = try WordVectors(contentsOf: glove)
        #expect(read.words == ["b", ". ."] && read.vectors == [-3, 4.5, 1, 2])
        // word2vec's program ends a row with a line end, gensim does not.
        var bytes = Data("2 1\na ".utf8)
        for (part, value) in [("\nb ", Float(1.5)), ("", Float(-2))] {
            bytes.append(contentsOf: withUnsafeBytes(of: value.bitPattern.littleEndian, Array.init))
            bytes.append(Data(part.utf8))
        }
        try bytes.write(to: URL(fileURLWithPath: folder.file("v.bin")))
        #expect(try WordVectors(contentsOf: folder.file("v.bin")).vectors == [1.5, -2])
    }

    @Test func hostileTextIsRefusedWithItsLine() throws {
        let folder = try ScratchFolder()
        let cases: [(String, FileFormatError.Code, String)] = [
            ("", .missing, "no word"), ("2 2\na 1 2\n", .truncated, "announces 2"),
            ("1 2\na 1 2\nb 1 2\n", .mismatch, "2 follow"), ("1 2\na 1\n", .malformed, "line 2"),
            ("a 1 2\nb 1 x\n", .malformed, "line 2, column 5"), ("a 1 2\nb 1 nan\n", .malformed, "'nan'"),
            ("a 1 2\nb 1 inf\n", .malformed, "'inf'"), ("a 1 2\nb 1 1e99\n", .malformed, "1e99"),
            ("99999999999 3\na 1 2 3\n", .truncated, "announces"),
            ("1 999999999\na 1\n", .limitExceeded, "65536"),
            ("1 0\na\n", .limitExceeded, "line 1"), ("a 1 2\n 1 2\n", .malformed, "line 2"),
            ("a 1 2\nb 1 2 -\n", .malformed, "'-'"), ("a 1 2\nb 1 .\n", .malformed, "'.'"),
            ("a\n", .limitExceeded, "0 numbers"),
        ]
        for (text, code, words) in cases {
            let path = try folder.write(text, "v.vec")
            expectFileFailure(code, words, path) { _ = try WordVectors(contentsOf: path) }
        }
    }

    @Test func hostileBinaryIsRefusedWithItsOffset() throws {
        let folder = try ScratchFolder()
        let cases: [(String, FileFormatError.Code, String)] = [
            ("", .malformed, "byte 0"), ("no header\n", .malformed, "byte 0"),
            ("9999999999999999 4\na ", .truncated, "do not fit"),
            ("4611686018427387904 8\na ", .truncated, "do not fit"),
            ("1 99999999\na ", .limitExceeded, "65536"), ("1 1\nabcdefg", .malformed, "a word and a space"),
            ("1 2\nabcdef 12345", .truncated, "byte 11"), ("1 1\na\u{01} 1234", .malformed, "control"),
            ("0 3\n", .missing, "no word"),
        ]
        for (text, code, words) in cases {
            let path = try folder.write(text, "v.bin")
            expectFileFailure(code, words, path) { _ = try WordVectors(contentsOf: path) }
        }
        var nan = Data("1 1\na ".utf8)
        nan.append(contentsOf: withUnsafeBytes(of: Float.nan.bitPattern.littleEndian, Array.init))
        try nan.write(to: URL(fileURLWithPath: folder.file("v.bin")))
        expectFileFailure(.malformed, "byte 6") { _ = try WordVectors(contentsOf: folder.file("v.bin")) }
    }

    @Test func filesChangedAtRandomNeverCrash() throws {
        let folder = try ScratchFolder()
        let seed = UInt64.random(in: 0...UInt64.max)
        var state = seed
        for format in WordVectorFormat.allCases {
            try vectors.write(to: folder.file("v"), format: format)
            let whole = try Data(contentsOf: URL(fileURLWithPath: folder.file("v")))
            for _ in 0..<200 {
                var bytes = whole
                for _ in 0..<3 {
                    state = state &* 6_364_136_223_846_793_005 &+ 1
                    bytes[Int(state >> 33) % bytes.count] = UInt8(truncatingIfNeeded: state >> 20)
                }
                if state >> 60 == 3 { bytes = bytes.prefix(Int(state >> 33) % bytes.count) }
                try bytes.write(to: URL(fileURLWithPath: folder.file("w")))
                do {
                    let read = try WordVectors(contentsOf: folder.file("w"), format: format)
                    #expect(read.vectors.allSatisfy { $0.isFinite }, "seed \(seed)")
                } catch is FileFormatError {
                    continue
                }
            }
        }
    }

    @Test func wordsThatAFormatCannotHoldAreRefused() throws {
        let folder = try ScratchFolder()
        let spaced = WordVectors(words: ["c", "a b"], dimension: 1, vectors: [1, 2])
        expectFileFailure(.unsupported, "'a b'") { try spaced.write(to: folder.file("v.vec")) }
        try spaced.write(to: folder.file("glove.txt"))
        #expect(try WordVectors(contentsOf: folder.file("glove.txt")).words == ["c", "a b"])
    }
}

@Suite struct WordVectorQuestionTests {
    /// Vectors on a grid: country and capital differ by one direction, so that analogies are exact.
    private let vectors: WordVectors = {
        var (words, values): ([String], [Float]) = ([], [])
        for place in 0..<8 {
            for (name, side) in [("country", Float(0)), ("capital", 1)] {
                words.append("\(name)\(place)")
                var row = [Float](repeating: 0, count: 12)
                (row[place], row[8], row[9]) = (2, side, 1)
                values += row
            }
        }
        return WordVectors(words: words, dimension: 12, vectors: values)
    }()

    @Test(arguments: AnalogyMethod.allCases)
    func analogiesAreFoundOneByOneAndTogether(_ method: AnalogyMethod) throws {
        let index = WordVectorIndex(vectors)
        let found = try index.analogy("country1", "capital1", "country5", method: method, count: 3)
        #expect(found.first?.word == "capital5")
        #expect(!found.contains { ["country1", "capital1", "country5"].contains($0.word) })
        let questions = (0..<8).flatMap { a in (0..<8).map { (2 * a, 2 * a + 1, 2 * $0) } }.filter {
            $0.0 != $0.2
        }
        #expect(index.answers(to: questions, method: method) == questions.map { $0.2 + 1 })
    }

    @Test func neighboursAreThoseOfACompleteSearch() throws {
        var state: UInt64 = 9
        let values = (0..<700 * 10).map { _ -> Float in
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Float(Int(state >> 40) % 2001 - 1000)
        }
        let table = WordVectors(words: (0..<700).map { "w\($0)" }, dimension: 10, vectors: values)
        let index = WordVectorIndex(table)
        let expected = try (1..<700).map { ($0, try index.similarity("w0", "w\($0)")) }.sorted { $0.1 > $1.1 }
        let found = try index.nearest(to: "w0", count: 20)
        #expect(found.map(\.place) == expected.prefix(20).map(\.0))
        for (neighbour, wanted) in zip(found, expected) {
            #expect(abs(Double(neighbour.score) - wanted.1) < 1e-5)
        }
        #expect(try index.nearest(to: "w0", count: 0).isEmpty)
        #expect(try index.nearest(to: "w0", count: 5000).count == 699)
        #expect(throws: WordVectorError.self) { _ = try index.nearest(to: "unknown") }
    }

    /// Rows on one line are equally near, however long they are.
    @Test func ofEquallyNearWordsTheFirstComesFirst() throws {
        let table = WordVectors(
            words: ["far", "a", "b", "none", "c", "d"],
            dimension: 2,
            vectors: [-1, 2, 1, 3, 7, 21, .nan, 1, 0.1, 0.3, 2, 6]
        )
        let found = WordVectorIndex(table).nearest(to: [1, 3], count: 3)
        #expect(found.map(\.word) == ["a", "b", "c"])
        #expect(
            WordVectorIndex(table).nearest(to: [1, 3], count: 9).map(\.word) == ["a", "b", "c", "d", "far"]
        )
    }

    @Test func sectionsAndUnknownWordsAreCounted() throws {
        let folder = try ScratchFolder()
        let path = try folder.write(
            "country0 capital0 country1 capital1\n: second part\ncountry2\tcapital2\tcountry3\tcapital4\r\n"
                + "country2 capital2 country3 nothing\n: third\nno no no no\n",
            "questions"
        )
        let scores = try WordAnalogies(contentsOf: path, name: "first").scores(WordVectorIndex(vectors))
        #expect(scores.map(\.name) == ["first", "second part", "third"])
        #expect(scores.map(\.right) == [1, 0, 0] && scores.map(\.asked) == [1, 1, 0])
        #expect(scores.map(\.unknown) == [0, 1, 1] && scores[2].accuracy == nil)
        let wrong = try folder.write("a b c\n", "wrong")
        expectFileFailure(.malformed, "line 1", "3") { _ = try WordAnalogies(contentsOf: wrong, name: "") }
        let pairs = try folder.write("# made up\ncountry0 capital0 9.5\ncountry0 nothing 3\n", "pairs")
        let compared = try WordSimilarities(contentsOf: pairs).compared(WordVectorIndex(vectors))
        #expect(compared.judgements == [9.5] && compared.unknown == 1)
        #expect(abs(compared.cosines[0] - 5 / (5.0 * 6.0).squareRoot()) < 1e-6)
        let bad = try folder.write("a b nan\n", "bad")
        expectFileFailure(.malformed, "line 1") { _ = try WordSimilarities(contentsOf: bad) }
    }

    /// Published questions are written with capitals, most vectors are learned from small letters.
    @Test func capitalsAreAskedInSmallLettersWhereTheyHaveNoVector() throws {
        let folder = try ScratchFolder()
        let table = WordVectors(
            words: ["us", "US", "paris", "france", "rome", "italy"],
            dimension: 2,
            vectors: [1, 0, 0, 1, 1, 1, 1, 0, 1, 2, 1, 1]
        )
        #expect(table.spelling(of: "US") == "US" && table.spelling(of: "Us") == "us")
        #expect(table.spelling(of: "Oslo") == "Oslo")
        let index = WordVectorIndex(table)
        let questions = try folder.write("France Paris Italy Rome\nFrance Paris Norway Oslo\n", "questions")
        let scores = try WordAnalogies(contentsOf: questions, name: "capitals").scores(index)
        #expect(scores.map(\.asked) == [1] && scores.map(\.unknown) == [1])
        // All four words are among the searched ones, as published figures of the most frequent words have it.
        let few = WordVectorIndex(table, searchedCount: 4)
        for question in ["france paris italy rome", "italy rome france paris"] {
            let path = try folder.write("\(question)\nfrance paris us US\n", "few")
            let scores = try WordAnalogies(contentsOf: path, name: "few").scores(few)
            #expect(scores.map(\.asked) == [1] && scores.map(\.unknown) == [1], "\(question)")
        }
        let pairs = try folder.write("Paris rome 8\nUS us 9\nOslo Rome 1\n", "pairs")
        let compared = try WordSimilarities(contentsOf: pairs).compared(index)
        #expect(compared.judgements == [8, 9] && compared.unknown == 1)
        #expect(abs(compared.cosines[0] - 3 / 10.0.squareRoot()) < 1e-6 && abs(compared.cosines[1]) < 1e-6)
    }

    @Test func tablesForOtherVocabulariesAndUnknownWords() {
        let subwords = SubwordVectors(
            options: SubwordOptions(minimumLength: 3, maximumLength: 3, bucketCount: 50),
            dimension: 2,
            vectors: (0..<100).map { Float($0) }
        )
        let table = WordVectors(words: ["cat"], dimension: 2, vectors: [1, 2], subwords: subwords)
        #expect(table["cat"] == [1, 2])
        let buckets = subwords.options.buckets(of: "cats")
        #expect(buckets.count == 4)
        let mean = buckets.reduce(Float(0)) { $0 + Float(2 * $1) } / 4
        #expect(table["cats"] == [mean, mean + 1])
        let plain = WordVectors(words: ["cat", "dog"], dimension: 2, vectors: [1, 2, 3, 4])
        let made = plain.table(for: ["dog", "[PAD]", "cat"]) { [Float($0), 0] }
        #expect(made.values == [3, 4, 1, 0, 1, 2] && made.found == 2)
    }
}
