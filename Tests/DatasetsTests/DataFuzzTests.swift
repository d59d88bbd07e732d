import Testing
import YuyanDatasets
import YuyanFileFormats

@Suite("Damaged data files")
struct DataFuzzTests {
    @Test(
        "readers give rows or typed errors for thousands of damaged files",
        arguments: [1, 2, 3] as [UInt64]
    )
    func fuzz(seed: UInt64) throws {
        var fuzz = DataFuzz(seed: seed)
        try fuzz.run(cases: 2500)
        #expect(
            fuzz.rowCount > 500 && fuzz.errorCount > 250,
            "seed \(seed): \(fuzz.rowCount), \(fuzz.errorCount)"
        )
    }

    @Test("a record beyond the limit is an error that says so, in every format")
    func limits() throws {
        let folder = TemporaryFolder()
        let long = String(repeating: "x", count: 1 << 20)
        let files = [
            ("a.csv", "text,label\n\"\(long)"), ("a.tsv", "text\tlabel\n\(long)"),
            ("a.jsonl", "{\"text\":\"\(long)"),
            ("a.json", "[{\"text\":\"\(long)"), ("a.txt", long),
            ("a.conll", String(repeating: "x O\n", count: 1 << 18)),
            ("a.conllu", String(repeating: "# comment\n", count: 1 << 17)),
        ]
        for (name, text) in files {
            let path = try folder.write(name, text)
            var settings = DataSettings()
            settings.maximumRecordBytes = 1 << 16
            settings.onError = .skip
            let said = message {
                let reader = RecordReader([path], settings: settings)
                while try reader.next() != nil {}
            }
            #expect(said.contains("longer than 65536 bytes") && said.contains(name), "\(name): \(said)")
        }
    }
}
