import Testing
import YuyanFileFormats

@Suite struct JSONTests {
    @Test func valuesKeepOrderAndKind() throws {
        let text =
            #" {"z":1,"a":[true,false,null,-0.5,1e3,12345678901234567890],"é":"x\u00e9\ud83d\ude00\n\/","":{}} "#
        let value = try JSONValue(parsing: text)
        let object = try #require(value.objectValue)
        #expect(object.map(\.key) == ["z", "a", "é", ""])
        #expect(value["z"] == .integer(1))
        #expect(value["a"] == [true, false, nil, -0.5, 1000.0, 12345678901234567890.0])
        #expect(value["é"] == "xé😀\n/")
        #expect(value[""] == [:])
        #expect(value["none"] == nil)
        #expect(JSONValue.integer(1) != JSONValue.number(1))
    }

    @Test func keysAreComparedByBytes() throws {
        let composed = "\u{E9}"
        let decomposed = "e\u{301}"
        #expect(composed == decomposed)
        let value = try JSONValue(parsing: #"{"\#(composed)":1,"\#(decomposed)":2}"#)
        #expect(value[composed] == 1)
        #expect(value[decomposed] == 2)
        #expect(JSONValue.string(composed) != JSONValue.string(decomposed))
        #expect(try JSONValue(parsing: value.printed()) == value)
    }

    @Test func largeObjectsFindTheirKeys() throws {
        var object = JSONObject()
        for index in 0..<5000 { object.append("key\(index)", .integer(index)) }
        #expect(object.count == 5000)
        let repeated = object.append("key77", 0)
        #expect(repeated == false)
        object["key10"] = nil
        object["key11"] = "new"
        #expect(object.count == 4999)
        #expect(object["key10"] == nil)
        #expect(object["key11"] == "new")
        #expect(object["key4999"] == 4999)
        #expect(object["key5000"] == nil)
        let again = try JSONValue(parsing: JSONValue.object(object).printed(indent: nil))
        #expect(again == .object(object))
    }

    @Test func printsWhatItParses() throws {
        let value: JSONValue = [
            "a": [], "b": [:], "c": [1, 2.5, nil, true], "d": "q\"\\\u{1}\u{7F}\t语", "e": .number(1e-5),
            "f": -3,
        ]
        let pretty = """
            {
              "a": [],
              "b": {},
              "c": [
                1,
                2.5,
                null,
                true
              ],
              "d": "q\\"\\\\\\u0001\\u007f\\t语",
              "e": 1e-05,
              "f": -3
            }
            """
        #expect(value.printed() == pretty)
        for indent in [nil, 0, 4] { #expect(try JSONValue(parsing: value.printed(indent: indent)) == value) }
        #expect(JSONValue.number(.nan).printed() == "null")
        #expect(JSONValue.number(5).printed() == "5.0")
    }

    @Test(arguments: [
        ("", 1, 1), ("  ", 1, 3), ("[1,2", 1, 5), ("[1,]", 1, 4), ("{\"a\" 1}", 1, 6), ("{\"a\":1,}", 1, 8),
        ("{\n \"a\":1,\n \"a\":2}", 3, 2), ("[01]", 1, 2), ("[1.]", 1, 4), ("[-]", 1, 3), ("[1e]", 1, 4),
        ("\"abc", 1, 1), ("\"a\\x\"", 1, 3), ("\"\\ud800\"", 1, 2), ("\"\\udc00\"", 1, 2),
        ("\"\\ud800\\u0041\"", 1, 2),
        ("\"a\u{1}\"", 1, 3), ("tru", 1, 1), ("[1] 2", 1, 5), ("nan", 1, 1), ("'a'", 1, 1), ("1e999", 1, 1),
        ("{a:1}", 1, 2), ("\"\\u12g4\"", 1, 6), ("// x", 1, 1), ("[\r\n\r\n}", 3, 1),
    ])
    func errorsNameTheirPlace(text: String, line: Int, column: Int) {
        do {
            _ = try JSONValue(parsing: text, path: "x.json")
            Issue.record("accepted \(text)")
        } catch {
            #expect(error.location == .line(line, column: column), "\(text): \(error)")
            #expect(error.description.hasPrefix("x.json, line \(line), column \(column): "))
        }
    }

    @Test func hostileDocuments() throws {
        expectFailure(.limitExceeded, "levels") {
            _ = try JSONValue(parsing: String(repeating: "[", count: 100_000))
        }
        expectFailure(.malformed, "UTF-8", "column 4") {
            _ = try JSONValue(parsing: Array("[\"a".utf8) + [0xFF, 0x22, 0x5D])
        }
        #expect(try JSONValue(parsing: [0xEF, 0xBB, 0xBF] + Array("[1]".utf8)) == [1])
        let good = Array(
            #"{"model":{"vocab":{"a":0,"\u00e9":1},"merges":[["a","b"],"c d"]},"x":[1.5e3,null]}"#.utf8
        )
        for count in 0..<good.count {
            #expect(throws: FileFormatError.self) { _ = try JSONValue(parsing: good[..<count]) }
        }
    }
}
