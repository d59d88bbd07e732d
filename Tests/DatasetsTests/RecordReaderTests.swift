import Testing
import YuyanDatasets
import YuyanFileFormats

/// Settings as a recipe would give them.
func dataSettings(_ text: String) throws -> DataSettings {
    try DataSettings(#require(JSONValue(parsing: text).objectValue))
}

/// The rows of a file as texts, lists in brackets, `-` for no value.
func rows(_ path: String, _ settings: String = "{}") throws -> [[String]] {
    let reader = RecordReader([path], settings: try dataSettings(settings))
    var rows: [[String]] = []
    while let record = try reader.next() { rows.append(record.values.map(shown)) }
    return rows
}

private func shown(_ value: FieldValue?) -> String {
    switch value {
    case nil: "-"
    case .text(let text)?: text
    case .list(let list)?: "[\(list.joined(separator: "|"))]"
    case .json(let json)?: json.printed(indent: nil)
    }
}

@Suite("Rows of data files")
struct RecordReaderTests {
    let folder = TemporaryFolder()

    @Test("CSV as RFC 4180 has it, with BOM, CR LF, blank lines and line feeds inside quotation marks")
    func csv() throws {
        let text = "\u{FEFF}a,b,c\r\n1,\"two, \"\"2\"\"\",\"x\r\ny\"\r\n\r\n,\"\",z\"q\n一,\"二\n\n三\",4"
        let path = try folder.write("a.csv", text)
        let expected = [["1", "two, \"2\"", "x\r\ny"], ["", "", "z\"q"], ["一", "二\n\n三", "4"]]
        #expect(try rows(path) == expected)
        #expect(try rows(folder.write("a.csv.gz", gzip(Array(text.utf8)))) == expected)
        let reader = RecordReader([path])
        var places: [Int?] = []
        var names: [String] = []
        while let record = try reader.next() {
            places.append(record.place.line)
            names = record.names
        }
        #expect(places == [2, 5, 6] && names == ["a", "b", "c"])
    }

    @Test("quoting can be switched off, and on for TSV")
    func quoting() throws {
        let path = try folder.write("a.tsv", "a\tb\n\"x\ty\"\n\"\t\"\n")
        #expect(try rows(path) == [["\"x", "y\""], ["\"", "\""]])
        #expect(
            try rows(path, #"{"quoting": true, "ragged_rows": "pad"}"#) == [["x\ty", "-"], ["\t", "-"]]
        )
        let plain = try folder.write("b.csv", "\"a,b\n")
        #expect(try rows(plain, #"{"quoting": false, "header": false}"#) == [["\"a", "b"]])
    }

    @Test("columns are chosen by name or number, also from the end")
    func columns() throws {
        let path = try folder.write("a.csv", "id,text,label\n1,x,p\n2,y,q\n")
        #expect(try rows(path, #"{"columns": {"text": "text", "label": -1}}"#) == [["p", "x"], ["q", "y"]])
        let bare = try folder.write("b.txt", "1;x;p\n")
        let settings = #"{"format": "csv", "delimiter": ";", "header": false, "columns": {"text": 1}}"#
        #expect(try rows(bare, settings) == [["x"]])
    }

    @Test("fields of examples: those that settings name, and of the others those that are there")
    func fields() throws {
        func rows(_ name: String, _ text: String, _ settings: String) throws -> [[FieldValue?]] {
            let reader = RecordReader(
                [try folder.write(name, text)],
                settings: try dataSettings(settings),
                roles: [ExampleRole("text"), ExampleRole("text_pair", isRequired: false)],
                usualColumn: { role, _ in .name(role) }
            )
            var rows: [[FieldValue?]] = []
            while let record = try reader.next() { rows.append(record.values) }
            return rows
        }
        let named = #"{"columns": {"text": "a"}}"#
        #expect(try rows("a.csv", "a,text_pair\nx,y\n", named) == [[.text("x"), .text("y")]])
        #expect(try rows("b.csv", "a,b\nx,y\n", named) == [[.text("x"), nil]])
        let said = message { _ = try rows("c.csv", "b\nx\n", named) }
        #expect(said.contains("there is no column 'a' for 'text'"), "\(said)")
        let words = "1\tx\t_\t_\t_\t_\t0\t_\t_\t_\n\n"
        #expect(try rows("d.conllu", words, #"{"columns": {"text": "text"}}"#) == [[.text("x"), nil]])
    }

    @Test("an unknown column is named with file, line, the columns that exist and the nearest")
    func unknownColumn() throws {
        let csv = try folder.write("a.csv", "id,text,label\n1,x,p\n")
        let said = message { _ = try rows(csv, #"{"columns": {"text": "txt"}}"#) }
        #expect(said.contains("a.csv, line 1: there is no column 'txt' for 'text'"))
        #expect(said.contains("'id', 'text', 'label'; did you mean 'text'?"))
        let bare = try folder.write("b.tsv", "x\ty\n")
        let outside = message { _ = try rows(bare, #"{"header": false, "columns": {"text": 2}}"#) }
        #expect(outside.contains("b.tsv, line 1") && outside.contains("the columns are 0 to 1"))
        let lines = try folder.write("c.jsonl", "{\"text\":\"a\"}\n{\"texte\":\"b\"}\n")
        let missing = message { _ = try rows(lines, #"{"columns": {"text": "text"}}"#) }
        #expect(
            missing.contains("c.jsonl, line 2")
                && missing.contains("the keys are 'texte'; did you mean 'texte'?")
        )
        let tree = try folder.write("d.conllu", "1\ta\ta\tX\tX\t_\t0\troot\t_\t_\n")
        let column = message { _ = try rows(tree, #"{"columns": {"tags": "upso"}}"#) }
        #expect(column.contains("did you mean 'upos'?"))
    }

    @Test("malformed rows are refused with file and line, or skipped, counted and reported up to a cap")
    func policy() throws {
        let text = "a,b\n1,2\n1,2,3\n\"x\"y,2\n3,\u{1}4\n\n5\n6,7\n"
        let path = try folder.write("a.csv", text)
        let said = message { _ = try rows(path) }
        #expect(
            said.hasSuffix(
                "a.csv, line 3: the row has 3 columns where 2 are usual; a delimiter or quotation mark may be wrong"
            )
        )
        let reader = RecordReader(
            [path],
            settings: try dataSettings(#"{"on_error": "skip", "reported_errors": 2}"#)
        )
        var count = 0
        while try reader.next() != nil { count += 1 }
        #expect(count == 3 && reader.report.recordCount == 3 && reader.report.malformedCount == 3)
        let lines = reader.report.errors.map { $0.location }
        #expect(lines == [.line(3, column: nil), .line(4, column: nil)])
        // Row by row, what is left out has its place among the others.
        let again = RecordReader([path], settings: try dataSettings(#"{"on_error": "skip"}"#))
        var outcomes: [Int?] = []
        while let result = try again.nextResult() {
            switch result {
            case .success: outcomes.append(nil)
            case .failure(let error):
                guard case .line(let line, _)? = error.location else { continue }
                outcomes.append(line)
            }
        }
        #expect(outcomes == [nil, 3, 4, nil, 7, nil] && again.report.malformedCount == 3)
        let strict = RecordReader([path])
        #expect(try strict.nextResult() != nil)
        #expect(message { _ = try strict.nextResult() }.contains("a.csv, line 3"))
        #expect(try rows(path, #"{"on_error": "skip", "ragged_rows": "pad"}"#).count == 5)
    }

    @Test("text that is not UTF-8 and files in UTF-16 are errors that say so")
    func encodings() throws {
        let bad = try folder.write("a.tsv", Array("a\tb\nx\t".utf8) + [0xC4, 0xE3, 0x0A])
        let said = message { _ = try rows(bad) }
        #expect(said.contains("a.tsv, line 2") && said.contains("'b'") && said.contains("not valid UTF-8"))
        // What is not asked for is not made into text.
        #expect(try rows(bad, #"{"columns": {"text": "a"}}"#) == [["x"]])
        let wide = try folder.write("b.tsv", [0xFF, 0xFE, 0x61, 0x00] as [UInt8])
        #expect(message { _ = try rows(wide) }.contains("UTF-16"))
    }

    @Test("an open quotation mark is an error at the row where it began")
    func unclosed() throws {
        let path = try folder.write("a.csv", "a,b\n1,2\n3,\"x\n4,5\n6,7\n")
        #expect(
            message { _ = try rows(path) }.contains(
                "a.csv, line 3: a quotation mark of this row is never closed"
            )
        )
    }

    @Test("JSON comes as lines, as an array, as objects in a row, and under a key")
    func json() throws {
        let expected = [["a", "1"], ["b", "[x|y]"], ["c", "{\"d\":[]}"], ["d", "-"]]
        let objects = [
            #"{"t":"a","l":1}"#, #"{"t":"b","l":["x","y"]}"#, #"{"t":"c","l":{"d":[]}}"#,
            "{\"t\":\"d\",\n\"l\":null}",
        ]
        #expect(
            try rows(folder.write("a.jsonl", objects[..<3].joined(separator: "\n"))) == Array(expected[..<3])
        )
        #expect(try rows(folder.write("a.json", " [\(objects.joined(separator: " ,\n"))]\n")) == expected)
        #expect(try rows(folder.write("b.json", objects.joined(separator: "\n"))) == expected)
        let keyed = "{\"v\":{\"data\":[0]},\"data\":[\(objects.joined(separator: ","))],\"w\":[1]}"
        let path = try folder.write("c.json", keyed)
        #expect(try rows(path, #"{"records_key": "data"}"#) == expected)
        #expect(message { _ = try rows(path, #"{"records_key": "date"}"#) }.contains("did you mean 'data'?"))
        let chosen = #"{"columns": {"x": "t"}}"#
        #expect(try rows(folder.write("d.jsonl", #"{"\u0074":"一","l":"\"{"}"#), chosen) == [["一"]])
        #expect(
            try rows(folder.write("e.json", "[]")).isEmpty && rows(folder.write("f.jsonl", "\n\n")).isEmpty
        )
    }

    @Test("broken JSON is an error with its line")
    func brokenJSON() throws {
        let cases = [
            ("[{\"a\":1},\n{\"a\":2}", "line 2"), ("[{\"a\":1}\n{\"a\":2}]", "line 2"),
            ("[{\"a\":1},]", "line 1"),
            ("[{\"a\":1}]x", "line 1"), ("[1]", "must be a JSON object"), ("[\n\n{\"a\":tru}]", "line 3"),
            ("[{\"a\":1,\"a\":2}]", "twice"), ("[{\"a\":\"\n\"}]", "control character"),
            ("[{\"a\":[}]", "expected ']'"),
            ("[" + String(repeating: "{\"a\":", count: 300) + "1", "deeper than 256"),
        ]
        for (text, expected) in cases {
            let path = try folder.write("x.json", text)
            #expect(message { _ = try rows(path) }.contains(expected), "\(text.prefix(40))")
        }
        let path = try folder.write("x.jsonl", "{\"a\":1}\n{\"a\":\n2}\n[1]\n{\"a\":3} x\n{\"a\":4}\n")
        #expect(try rows(path, #"{"on_error": "skip"}"#) == [["1"], ["4"]])
    }

    @Test("lines, fastText lines and files side by side")
    func lines() throws {
        #expect(try rows(folder.write("a.txt", "one\n\ntwo\r\n三")) == [["one"], [""], ["two"], ["三"]])
        let path = try folder.write("b.txt", "__label__x __label__y a  b\n\nc __label__z\n")
        #expect(try rows(path, #"{"format": "fasttext"}"#) == [["[x|y]", "a b"], ["[z]", "c"]])
        let source = try folder.write("s.txt", "a\nb\n")
        let target = try folder.write("t.txt", "x\ny\nz\n")
        let reader = RecordReader(parallel: [("source", source), ("target", target)])
        #expect(try reader.next()?.values == [.text("a"), .text("x")])
        #expect(try reader.next() != nil)
        let said = message { _ = try reader.next() }
        #expect(said.contains("s.txt, line 3") && said.contains("t.txt"))
    }

    @Test("CoNLL: separators, comments, document starts, blank lines with tabs, lines of a byte order mark")
    func conll() throws {
        let text = "-DOCSTART-\tO\n\n# id = 1\n#\tO\nb\tB-X\n\t\n\u{FEFF}\nc d\te\n \n"
        #expect(try rows(folder.write("a.conll", text)) == [["[#|b]", "[O|B-X]"], ["[c d]", "[e]"]])
        let spaced = try folder.write("b.conll", "a NN  O\nb VB O\n\n# x\nc NN O\n")
        let settings = #"{"comments": true, "columns": {"tokens": 0, "tags": -1}}"#
        #expect(try rows(spaced, settings) == [["[O|O]", "[a|b]"], ["[O]", "[c]"]])
        let named = try folder.write("c.conll", "# global.columns = FORM TAG\na\tX\n")
        #expect(try rows(named, #"{"columns": {"tags": "TAG"}}"#) == [["[X]"]])
        // Positions go on within a word; a token may itself end in a digit.
        let numbered = (0...11).map { "x\($0)\tO\n" }.joined() + "20\tO\n11\tO\n10\tO\n"
        let tokens = [String](repeating: "x", count: 12) + ["2", "1", "1"]
        #expect(
            try rows(
                folder.write("e.conll", numbered),
                #"{"token_index": true, "columns": {"tokens": 0}}"#
            ) == [["[\(tokens.joined(separator: "|"))]"]]
        )
        let ragged = try folder.write("d.conll", "a\tO\nb\n\nc\tO\n")
        #expect(message { _ = try rows(ragged) }.contains("d.conll, line 2"))
        #expect(try rows(ragged, #"{"on_error": "skip"}"#) == [["[c]", "[O]"]])
    }

    @Test("the fields of CoNLL-U; ids, heads and widths are checked")
    func conllu() throws {
        func row(_ id: String, _ form: String, _ head: String, _ misc: String = "_") -> String {
            "\(id)\t\(form)\tl\tU\tX\t_\t\(head)\tr\t_\t\(misc)\n"
        }
        let text =
            "# sent_id = s1\n" + row("1-2", "del", "_", "SpaceAfter=No") + row("1", "de", "0")
            + row("2", "el", "1")
            + row("2.1", "e", "_") + row("3", "!", "1")
        let path = try folder.write("a.conllu", text)
        let settings = #"{"columns": {"a": "form", "b": "text", "c": "sent_id", "d": 6}}"#
        #expect(try rows(path, settings) == [["[de|el|!]", "del!", "s1", "[0|1|1]"]])
        let wrong = [
            (row("2", "a", "0"), "1 should follow"), (row("1", "a", "2"), "head '2'"),
            ("1\ta\n", "2 columns"),
            (row("1-3", "a", "_") + row("1", "a", "0"), "reaches word 3 of 1"),
            (row("x", "a", "0"), "'x' is no id"),
            (row("1", "a", "0") + row("3.1", "a", "_"), "behind word 3"),
        ]
        for (text, expected) in wrong {
            let said = message { _ = try rows(folder.write("b.conllu", "# c\n" + text)) }
            #expect(said.contains(expected) && said.contains("b.conllu, line"), "\(said)")
        }
    }

    @Test("whole sentences of CoNLL-U: words, multiword tokens, empty nodes, comments and the text they make")
    func sentences() throws {
        let rest = "\t_\tX\t_\t_\t0\t_\t_\t"
        let text =
            "# sent_id = a\n#text=au lac !\n1-2\tau\t_\t_\t_\t_\t_\t_\t_\t_\n1\tà\(rest)_\n2\tle\(rest)_\n"
            + "3\tlac\(rest)SpaceAfter=No|A=b\n3.1\te\(rest)_\n4\t!\(rest)_\n\n1\tx\n\n1\ty\(rest)_\n"
        let reader = try ConlluReader(folder.write("a.conllu", text))
        let first = try #require(try reader.next())
        #expect(first.words.map(\.form) == ["à", "le", "lac", "!"] && first.words[2].line == 6)
        #expect(first.multiwordTokens.map(\.words) == [0..<2] && first.emptyNodes.map(\.form) == ["e"])
        #expect(first.text == "au lac!" && first.comment("text") == "au lac !" && first.comment("x") == nil)
        #expect(message { _ = try reader.next() }.contains("a.conllu, line 10: 2 columns"))
        #expect(try reader.next()?.text == "y" && reader.next() == nil)
    }

    @Test("an index gives the same rows as reading in order, in every format that has rows of its own")
    func index() throws {
        let files: [(String, String, String)] = [
            ("a.csv", "a,b\n1,\"x\ny\"\n\n2,z\n", "{}"), ("b.tsv", "1\tx\r\n2\ty", #"{"header": false}"#),
            ("c.jsonl", "{\"a\":1}\n\n{\"a\":2}\n", "{}"), ("d.json", "[ {\"a\":1} ,\n {\"a\":[2]}]", "{}"),
            ("e.txt", "\u{FEFF}x\n\ny", "{}"), ("f.conll", "a\tO\nb\tO\n\n\nc\tO\n", "{}"),
        ]
        for (name, text, settings) in files {
            let path = try folder.write(name, text)
            let indexPath = folder.file("\(name).idx")
            try RecordIndex.build(for: path, settings: dataSettings(settings), to: indexPath)
            let records = try IndexedRecords(path, indexPath: indexPath, settings: dataSettings(settings))
            let expected = try rows(path, settings)
            var found = [[String]](repeating: [], count: records.count)
            for number in (0..<records.count).reversed() {
                found[number] = try records.record(number).values.map(shown)
            }
            #expect(found == expected, "\(name)")
        }
        let path = try folder.write("a.csv", "a,b\n1,2\n")
        #expect(throws: FileFormatError.self) {
            try IndexedRecords(path, indexPath: folder.file("a.csv.idx"))
        }
        #expect(message { _ = try RecordIndex(path: path) }.contains("no index"))
        let packed = try folder.write("p.csv.gz", gzip(Array("a\n1\n".utf8)))
        #expect(
            message { try RecordIndex.build(for: packed, to: folder.file("p.idx")) }.contains("unpack it")
        )
    }

    @Test("settings: unknown keys and wrong values are named; what is written is read again")
    func settings() throws {
        #expect(message { _ = try dataSettings(#"{"colums": {}}"#) }.contains("did you mean 'columns'?"))
        #expect(message { _ = try dataSettings(#"{"on_error": "stop"}"#) }.contains("'refuse', 'skip'"))
        #expect(message { _ = try dataSettings(#"{"delimiter": "ab"}"#) }.contains("one ASCII character"))
        let settings = try dataSettings(
            #"{"format": "tsv", "columns": {"text": 0, "label": "y"}, "label_map": {"0": "no"}, "quoting": true, "header": false}"#
        )
        #expect(try DataSettings(#require(settings.json.objectValue)) == settings)
    }
}
