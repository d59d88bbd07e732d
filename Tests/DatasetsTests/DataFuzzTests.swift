import Testing
import YuyanDatasets
import YuyanFileFormats
import YuyanFuzzing

@Suite("Damaged data files")
struct DataFuzzTests {
    @Test(
        "readers give rows or typed errors for thousands of damaged files",
        arguments: FuzzTargets.data.map(\.name)
    )
    func fuzz(name: String) throws {
        let target = try #require(FuzzTargets.data.first { $0.name == name })
        let folder = TemporaryFolder()
        let (read, refused) = try target.run(0..<600, seed: 1, folder: folder.path)
        #expect(read > 20 && refused > 20, "\(name): \(read) read, \(refused) refused")
    }

    @Test(
        "the program's own files are refused or harmless when damaged",
        arguments: FuzzTargets.binary.map(\.name)
    )
    func ownFiles(name: String) throws {
        let target = try #require(FuzzTargets.binary.first { $0.name == name })
        let folder = TemporaryFolder()
        let (read, refused) = try target.run(0..<200, seed: 2, folder: folder.path)
        #expect(
            read > 2 && (refused > 20 || name == "signatures"),
            "\(name): \(read) read, \(refused) refused"
        )
    }

    @Test("pipelines of operators take every text")
    func pipelines() throws {
        let folder = TemporaryFolder()
        let (read, _) = try FuzzTargets.text.run(0..<600, seed: 3, folder: folder.path)
        #expect(read > 200)
    }

    @Test("a case is the same every time, and another for another number or seed")
    func replay() throws {
        let target = try #require(FuzzTargets.data.first)
        let inputs = (0..<50 as Range<UInt64>).map { target.input(of: $0, seed: 1) }
        #expect(inputs == (0..<50 as Range<UInt64>).map { target.input(of: $0, seed: 1) })
        #expect(inputs != (0..<50 as Range<UInt64>).map { target.input(of: $0, seed: 2) })
        #expect(Set(inputs).count > 25)
    }

    @Test("a broken promise is a finding that names its case, and so is an error of another kind")
    func findings() throws {
        struct Other: Error {}
        let make: @Sendable (inout FuzzGenerator) -> [UInt8] = { [UInt8($0.below(4))] }
        let broken = FuzzTarget("broken", "", make: make) { input in
            if input.bytes == [3] { throw FuzzFinding("three") }
            return true
        }
        let untyped = FuzzTarget("untyped", "", make: make) { _ in throw Other() }
        let typed = FuzzTarget("typed", "", make: make) { _ in throw FileFormatError(.malformed, "no") }
        let said = message { _ = try broken.run(0..<100, seed: 5, folder: ".") }
        #expect(said.hasPrefix("broken, seed 5, case ") && said.hasSuffix(": three"))
        #expect(message { _ = try untyped.run(0..<1, seed: 1, folder: ".") }.contains("kind Other"))
        #expect(try typed.run(0..<9, seed: 1, folder: ".") == (0, 9))
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
