import CZlib
import YuyanDatasets
import YuyanFileFormats

extension FuzzTargets {
    /// The readers of data files.
    public static let data: [FuzzTarget] =
        DataFormat.allCases.map(dataTarget) + [squad, parallel, corpus, gzipTarget, recordIndex]

    private static let words = [
        "\"", "\"\"", "\\", "\t", "\r\n", "\n\n", "{", "}", "[", "]", ":", "#", "-", ".", "_", "=", "B-",
        "I-", "O",
        "E-", "S-", "\u{0}", "\u{FEFF}", "一", "__label__", "-DOCSTART-", "1-2", "2.1", "_\t_", "null", "text",
        "label", "\\u4e00", "\\ud800", "messages", "role", "# text = ",
    ]

    private static func seeds(of format: DataFormat) -> [String] {
        switch format {
        case .csv: ["text,label\n\"a \"\"b\"\", c\",1\n\"two\nlines\",0\nplain,1\r\n"]
        case .tsv: ["text\tlabel\n一二三\t1\nx \"y\t0\n\n a\tb\r\n"]
        case .jsonl:
            [
                "{\"text\": \"a\\u4e00\\n\", \"label\": 1}\n"
                    + "{\"label\":[\"x\",\"y\"],\"text\":\"b\",\"z\":{\"q\":[1,2,{}]}}\n",
                #"{"prompt":"a","chosen":"b","rejected":"c"}"# + "\n",
            ]
        case .json:
            [
                #"[{"text":"a","label":true}, {"text":"b", "label":null,"messages":[{"role":"user","content":"c"}]}]"#,
                #"[{"conversations":[{"from":"human","value":"a"},{"from":"function_call","value":"#
                    + #""{\"name\":\"f\",\"arguments\":{}}"}],"tools":"[]","chosen":{"from":"gpt","value":"x"},"#
                    + #""rejected":"y","label":false}]"#,
                #"[{"instruction":"a","input":"b","output":"c","history":[["d","e"]],"system":"s"}]"#,
            ]
        case .fasttext: ["__label__a __label__b some text\n__label__c other\n"]
        case .lines: ["one\ntwo\r\n\n三\n"]
        case .conll:
            [
                "-DOCSTART- O\n\nEU B-ORG\nrejects O\nGerman B-MISC\n\t\n# x = y\nA\tO\nB\tI-PER\n\u{FEFF}\n",
                "a B-X\nb E-X\nc S-Y\n\nd I-Y\n",
            ]
        case .conllu:
            [
                "# sent_id = 1\n# text = a bc\n1-2\tab\t_\t_\t_\t_\t_\t_\t_\tSpaceAfter=No\n"
                    + "1\ta\ta\tDET\tDT\t_\t2\tdet\t_\t_\t_\tA0\n2\tb\tb\tVERB\tVB\t_\t0\troot\t_\t_\tb.01\tV\n"
                    + "2.1\tc\t_\t_\t_\t_\t_\t_\t_\t_\t_\t_\n\n1\ta\ta\tX\tX\t_\t0\troot\t_\t_\t_\t\n"
            ]
        }
    }

    private static func dataTarget(_ format: DataFormat) -> FuzzTarget {
        FuzzTarget(
            format.rawValue,
            "typed examples from files of the format \(format.rawValue)",
            make: mutations(
                of: seeds(of: format).map { Array($0.utf8) },
                words: words,
                lines: LineMutator(separators: " \t,:", fields: words)
            )
        ) { input in
            let path = try input.file("case")
            return try readExamples(path, settings(format, &input.random), &input)
        }
    }

    private static let squadQuestion: JSONValue = [
        "id": "1", "question": "q", "answers": [["text": "二三", "answer_start": 1]], "is_impossible": false,
    ]

    private static let squad = FuzzTarget(
        "squad",
        "questions and answers in the layout of SQuAD",
        make: mutations(
            of: [
                [
                    "version": "1",
                    "data": [["title": "t", "paragraphs": [["context": "一二三四", "qas": [squadQuestion]]]]],
                ]
            ],
            words: ["data", "paragraphs", "context", "qas", "answers", "answer_start", "id", "一"]
        )
    ) { input in
        let path = try input.file("case.json")
        var settings = DataSettings()
        settings.onError = input.random.oneIn(2) ? .skip : .refuse
        settings.answersMustMatch = input.random.oneIn(2)
        return try read(QuestionAnsweringExample.self, path, settings, atMost: input.bytes.count + 2)
    }

    private static let parallel = FuzzTarget(
        "parallel",
        "files whose lines belong together",
        make: mutations(
            of: ["a b\nc\nd" + "\n\u{1}\u{1}\n" + "1\n2\n3", "一\n二\r\n" + "\n\u{1}\u{1}\n" + "x\ny\n"].map {
                Array($0.utf8)
            },
            words: words + ["\n\u{1}\u{1}\n"]
        )
    ) { input in
        let (source, target) = input.halves
        var settings = DataSettings()
        settings.onError = input.random.oneIn(2) ? .skip : .refuse
        let reader = RecordReader(
            parallel: [
                ("source", try input.file("case.a", source)), ("target", try input.file("case.b", target)),
            ],
            settings: settings
        )
        return try count(atMost: input.bytes.count + 2) { try reader.next() != nil }
    }

    private static let corpus = FuzzTarget(
        "corpus",
        "documents of text, JSONL, CSV, TSV and JSON files, in segments",
        make: mutations(
            of: (seeds(of: .jsonl) + seeds(of: .lines) + seeds(of: .csv) + seeds(of: .json)).map {
                Array($0.utf8)
            },
            words: words,
            lines: LineMutator(separators: " :,", fields: words)
        )
    ) { input in
        var options = PreparationOptions()
        options.invalidText = input.random.one(of: InvalidTextPolicy.allCases)
        options.segmentBytes = input.random.one(of: [1, 16, 1 << 20])
        if input.random.oneIn(8) { options.lineBytes = 1 + input.random.below(64) }
        let path = try input.file(input.random.oneIn(3) ? "case.txt" : "case.jsonl")
        var texts = 0
        let format = input.random.one(of: [nil, nil, TextFormat.csv, .tsv, .json])
        try CorpusTexts([CorpusSource(path, format: format)], options: options).forEach { _ in
            texts += 1
            return true
        }
        return texts > 0
    }

    private static let gzipTarget: FuzzTarget = {
        let texts = (Self.seeds(of: .jsonl) + Self.seeds(of: .lines) + Self.seeds(of: .csv)).map {
            Array($0.utf8)
        }
        let plain = mutations(of: texts, words: words)
        let packed = ByteMutator(words: ["\u{1F}", "\u{8}"])
        return FuzzTarget("gzip", "gzip files: damaged text packed, and packed text damaged") { random in
            var bytes = gzip(plain(&random))
            if random.oneIn(3) { bytes += gzip(plain(&random)) }
            return random.oneIn(2) ? packed.damaged(bytes, using: &random) : bytes
        } check: { input in
            let path = try input.file("case.gz")
            let format = input.random.one(of: [DataFormat.lines, .csv, .jsonl])
            return try readExamples(path, settings(format, &input.random), &input)
        }
    }()

    private static let recordIndex = FuzzTarget(
        "record-index",
        "rows in any order by an index; the index itself damaged too",
        make: mutations(
            of: (seeds(of: .csv) + seeds(of: .jsonl) + seeds(of: .tsv)).map { Array($0.utf8) },
            words: words
        )
    ) { input in
        let path = try input.file("case")
        let format = input.random.one(of: [DataFormat.csv, .tsv, .jsonl, .lines])
        let settings = settings(format, &input.random)
        let indexPath = "\(input.folder)/index"
        try RecordIndex.build(for: path, settings: settings, to: indexPath)
        if input.random.oneIn(2) {
            let index = ByteMutator().damaged(try SafeFile.read(indexPath), using: &input.random)
            _ = try input.file("index", index)
        }
        let records = try IndexedRecords(path, indexPath: indexPath, settings: settings)
        var read = 0
        for number in 0..<min(records.count, 200) {
            do {
                _ = try records.record(number)
                read += 1
            } catch is FileFormatError {}
        }
        return read > 0
    }

    /// Settings of all kinds; now and then of another format.
    private static func settings(_ format: DataFormat, _ random: inout FuzzGenerator) -> DataSettings {
        var settings = DataSettings()
        settings.format = random.oneIn(8) ? random.one(of: DataFormat.allCases) : format
        settings.onError = random.oneIn(2) ? .skip : .refuse
        settings.header = !random.oneIn(3)
        settings.raggedRows = random.oneIn(2) ? .pad : .refuse
        if random.oneIn(4) { settings.quoting = random.oneIn(2) }
        if random.oneIn(8) { settings.maximumRecordBytes = 1 + random.below(64) }
        if random.oneIn(4) { settings.tagScheme = random.one(of: TagScheme.allCases) }
        if random.oneIn(4) { settings.convertTags = random.one(of: TagScheme.allCases) }
        if random.oneIn(8) { settings.recordsKey = "data" }
        if random.oneIn(8) { settings.comments = random.oneIn(2) }
        if random.oneIn(8) { settings.labelSeparator = "," }
        settings.answersMustMatch = random.oneIn(2)
        return settings
    }

    private static func readExamples(
        _ path: String,
        _ settings: DataSettings,
        _ input: inout FuzzInput
    ) throws -> Bool {
        // A gzip member gives at most 1,032 times its bytes.
        let limit = input.bytes.count * 1100 + 2
        switch input.random.below(9) {
        case 0: return try read(TextExample.self, path, settings, atMost: limit)
        case 1: return try read(ClassificationExample.self, path, settings, atMost: limit)
        case 2: return try read(TaggingExample.self, path, settings, atMost: limit)
        case 3: return try read(PairExample.self, path, settings, atMost: limit)
        case 4: return try read(ConversationExample.self, path, settings, atMost: limit)
        case 5: return try read(PreferenceExample.self, path, settings, atMost: limit)
        case 6: return try read(SemanticRoleExample.self, path, settings, atMost: limit)
        case 7: return try read(QuestionAnsweringExample.self, path, settings, atMost: limit)
        default:
            let reader = RecordReader([path], settings: settings)
            return try count(atMost: limit) { try reader.next() != nil }
        }
    }

    private static func read<Example: DatasetExample>(
        _ type: Example.Type,
        _ path: String,
        _ settings: DataSettings,
        atMost limit: Int
    ) throws -> Bool {
        let reader = try ExampleReader<Example>([path], settings: settings)
        return try count(atMost: limit) { try reader.next().map { !$0.texts.isEmpty } ?? false }
    }

    private static func count(atMost limit: Int, next: () throws -> Bool) throws -> Bool {
        var rows = 0
        while try next() {
            rows += 1
            if rows > limit { throw FuzzFinding("more rows than \(limit), which its bytes can hold") }
        }
        return rows > 0
    }

    /// Packs bytes as gzip does.
    ///
    /// - Parameter bytes: The bytes.
    /// - Returns: A gzip member.
    public static func gzip(_ bytes: [UInt8]) -> [UInt8] {
        var stream = z_stream()
        let size = Int32(MemoryLayout<z_stream>.size)
        deflateInit2_(&stream, 6, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY, ZLIB_VERSION, size)
        defer { deflateEnd(&stream) }
        var (input, output) = (bytes, [UInt8](repeating: 0, count: bytes.count + bytes.count / 100 + 100))
        let count = input.withUnsafeMutableBufferPointer { source in
            output.withUnsafeMutableBufferPointer { target -> Int in
                stream.next_in = source.baseAddress
                stream.avail_in = UInt32(source.count)
                stream.next_out = target.baseAddress
                stream.avail_out = UInt32(target.count)
                deflate(&stream, Z_FINISH)
                return target.count - Int(stream.avail_out)
            }
        }
        return Array(output[..<count])
    }
}
