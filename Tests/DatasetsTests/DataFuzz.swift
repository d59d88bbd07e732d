import Foundation
import YuyanDatasets
import YuyanFileFormats

/// Readers fed with damaged files: whatever comes, they give rows or typed errors, and end.
struct DataFuzz {
    private static let seeds: [(format: String, text: String)] = [
        ("csv", "text,label\n\"a \"\"b\"\", c\",1\n\"two\nlines\",0\nplain,1\r\n"),
        ("tsv", "text\tlabel\n一二三\t1\nx \"y\t0\n\n a\tb\r\n"),
        (
            "jsonl",
            "{\"text\": \"a\\u4e00\\n\", \"label\": 1}\n{\"label\":[\"x\",\"y\"],\"text\":\"b\",\"z\":{\"q\":[1,2,{}]}}\n"
        ),
        (
            "json",
            "[{\"text\":\"a\",\"label\":true}, {\"text\":\"b\", \"label\":null,\"messages\":[{\"role\":\"user\",\"content\":\"c\"}]}]"
        ),
        (
            "json",
            "{\"version\":\"1\",\"data\":[{\"title\":\"t\",\"paragraphs\":[{\"context\":\"一二三四\",\"qas\":[{\"id\":\"1\",\"question\":\"q\",\"answers\":[{\"text\":\"二三\",\"answer_start\":1}]}]}]}]}"
        ),
        (
            "json",
            "[{\"conversations\":[{\"from\":\"human\",\"value\":\"a\"},{\"from\":\"function_call\",\"value\":\"{\\\"name\\\":\\\"f\\\",\\\"arguments\\\":{}}\"}],\"tools\":\"[]\",\"chosen\":{\"from\":\"gpt\",\"value\":\"x\"},\"rejected\":\"y\",\"label\":false}]"
        ),
        ("fasttext", "__label__a __label__b some text\n__label__c other\n"),
        ("lines", "one\ntwo\r\n\n三\n"),
        (
            "conll",
            "-DOCSTART- O\n\nEU B-ORG\nrejects O\nGerman B-MISC\n\t\n# x = y\nA\tO\nB\tI-PER\n\u{FEFF}\n"
        ),
        (
            "conllu",
            "# sent_id = 1\n# text = a bc\n1-2\tab\t_\t_\t_\t_\t_\t_\t_\tSpaceAfter=No\n"
                + "1\ta\ta\tDET\tDT\t_\t2\tdet\t_\t_\t_\tA0\n2\tb\tb\tVERB\tVB\t_\t0\troot\t_\t_\tb.01\tV\n"
                + "2.1\tc\t_\t_\t_\t_\t_\t_\t_\t_\t_\t_\n\n1\ta\ta\tX\tX\t_\t0\troot\t_\t_\t_\t\n"
        ),
    ]
    private static let special =
        Array("\"\"\\,\t\n\r {}[]:0-#._=BIOES\u{0}\u{FEFF}一é__label__".utf8) + [0xFF, 0xC3, 0xE4, 0x1F, 0x8B]

    private var random: TestGenerator
    private let folder = TemporaryFolder()
    /// The rows that were read, so that nothing is optimised away and tests see that some were.
    private(set) var rowCount = 0
    /// The typed errors met.
    private(set) var errorCount = 0

    init(seed: UInt64) { random = TestGenerator(seed) }

    private mutating func below(_ bound: Int) -> Int { Int.random(in: 0..<bound, using: &random) }

    private mutating func damaged(_ text: String) -> [UInt8] {
        var bytes = Array(text.utf8)
        for _ in 0..<below(6) {
            let place = below(bytes.count + 1)
            switch below(6) {
            case 0 where place < bytes.count: bytes[place] = UInt8(below(256))
            case 1: bytes.insert(Self.special[below(Self.special.count)], at: place)
            case 2 where place < bytes.count: bytes.remove(at: place)
            case 3: bytes.removeLast(bytes.count - place)
            case 4:
                let end = min(place + below(20), bytes.count)
                bytes.insert(contentsOf: bytes[place..<end], at: below(bytes.count + 1))
            default:
                bytes.insert(
                    contentsOf: repeatElement(Self.special[below(Self.special.count)], count: below(300)),
                    at: place
                )
            }
        }
        return bytes
    }

    /// Reads a number of damaged files; throws where a reader does not end or throws an untyped error.
    mutating func run(cases: Int) throws {
        let path = folder.file("case")
        for _ in 0..<cases {
            let (format, text) = Self.seeds[below(Self.seeds.count)]
            var bytes = damaged(text)
            if below(20) == 0, let packed = Self.packed(bytes) { bytes = packed }
            guard let file = fopen(path, "wb") else { throw CocoaError(.fileNoSuchFile) }
            fwrite(bytes, 1, bytes.count, file)
            fclose(file)
            var settings = DataSettings()
            settings.format = DataFormat(
                rawValue: below(8) == 0 ? Self.seeds[below(Self.seeds.count)].format : format
            )
            settings.onError = below(2) == 0 ? .skip : .refuse
            settings.header = below(3) > 0
            settings.raggedRows = below(2) == 0 ? .pad : .refuse
            if below(4) == 0 { settings.quoting = below(2) == 0 }
            if below(8) == 0 { settings.maximumRecordBytes = 1 + below(64) }
            if below(4) == 0 { settings.tagScheme = TagScheme.allCases[below(3)] }
            if below(4) == 0 { settings.convertTags = TagScheme.allCases[below(3)] }
            if below(8) == 0 { settings.recordsKey = "data" }
            if below(8) == 0 { settings.comments = below(2) == 0 }
            settings.answersMustMatch = below(2) == 0
            do {
                try read(path, settings, atMost: bytes.count * 1100 + 2)
            } catch is FileFormatError {
                errorCount += 1
            }
        }
    }

    private static func packed(_ bytes: [UInt8]) -> [UInt8]? {
        // A gzip member that stores its content, without the checks at its end: damaged on purpose.
        guard bytes.count < 65_536 else { return nil }
        let count = UInt16(bytes.count)
        let length = [UInt8(count & 255), UInt8(count >> 8), UInt8(~count & 255), UInt8(~count >> 8)]
        return [0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 3, 1] + length + bytes
    }

    private mutating func read(_ path: String, _ settings: DataSettings, atMost limit: Int) throws {
        switch below(9) {
        case 0: try examples(TextExample.self, path, settings, limit)
        case 1: try examples(ClassificationExample.self, path, settings, limit)
        case 2: try examples(TaggingExample.self, path, settings, limit)
        case 3: try examples(QuestionAnsweringExample.self, path, settings, limit)
        case 4: try examples(ConversationExample.self, path, settings, limit)
        case 5: try examples(PreferenceExample.self, path, settings, limit)
        case 6: try examples(SemanticRoleExample.self, path, settings, limit)
        case 7:
            let indexPath = folder.file("index")
            try RecordIndex.build(for: path, settings: settings, to: indexPath)
            let records = try IndexedRecords(path, indexPath: indexPath, settings: settings)
            for number in 0..<records.count {
                do {
                    _ = try records.record(number)
                    rowCount += 1
                } catch is FileFormatError {
                    errorCount += 1
                }
            }
        default:
            let reader = RecordReader([path], settings: settings)
            var rows = 0
            while try reader.next() != nil {
                rows += 1
                if rows > limit { throw CocoaError(.fileReadUnknown) }
            }
            rowCount += rows
        }
    }

    private mutating func examples<Example: DatasetExample>(
        _ type: Example.Type,
        _ path: String,
        _ settings: DataSettings,
        _ limit: Int
    ) throws {
        let reader = try ExampleReader<Example>([path], settings: settings)
        var rows = 0
        while let example = try reader.next() {
            rows += example.texts.isEmpty ? 0 : 1
            rowCount += 1
            if rows > limit { throw CocoaError(.fileReadUnknown) }
        }
    }
}
