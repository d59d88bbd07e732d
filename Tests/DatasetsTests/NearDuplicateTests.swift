import Foundation
import Testing
import YuyanDatasets
import YuyanFileFormats
import YuyanTextProcessing

@Suite("near-duplicates on disk")
struct NearDuplicateTests {
    /// Documents of random words; every tenth is followed somewhere by an edited copy of itself.
    private static func corpus(_ count: Int, seed: UInt64) -> (texts: [String], pairs: [[Int]]) {
        print("corpus of seed \(seed)")
        var generator = TestGenerator(seed)
        var (texts, pairs): ([String], [[Int]]) = ([], [])
        for index in 0..<count {
            if index % 10 == 9 {
                var words = texts[index - 9].split(separator: " ").map(String.init)
                for _ in 0..<2 { words[Int.random(in: 0..<words.count, using: &generator)] = "changed" }
                texts.append(words.joined(separator: " ") + " indeed")
                pairs.append([index - 9, index])
            } else {
                let words = (0..<80).map { _ in "w\(Int.random(in: 0..<5000, using: &generator))" }
                texts.append(words.joined(separator: " "))
            }
        }
        return (texts, pairs)
    }

    @Test("planted pairs are found and nothing else, with each kind of verification")
    func planted() throws {
        let (texts, pairs) = Self.corpus(600, seed: 21)
        for verification in NearDuplicateSettings.Verification.allCases {
            let folder = TemporaryFolder()
            let settings = NearDuplicateSettings(threshold: 0.6, verification: verification)
            let index = try NearDuplicateIndex(folder: folder.file("index"), settings: settings)
            for text in texts { try index.add(text) }
            let found = try index.clusters()
            #expect(found.clusters == pairs, "\(verification)")
            #expect(found.kept == pairs.map { $0[0] } && found.removedCount == pairs.count)
            #expect(found.isKept(0) && !found.isKept(9) && found.isKept(10))
        }
    }

    @Test("the outcome does not depend on batches, threads, the memory for sorting or resumption")
    func determinism() throws {
        let (texts, _) = Self.corpus(3000, seed: 22)
        let folder = TemporaryFolder()
        let one = try NearDuplicateIndex(folder: folder.file("one"))
        try one.add(contentsOf: texts)
        let expected = try one.clusters()
        let small = NearDuplicateSettings(sortMemory: 1)
        let path = folder.file("two")
        do {
            let two = try NearDuplicateIndex(folder: path, settings: small)
            for text in texts[..<1000] { try two.add(text) }
            try two.sync()
        }
        // A record cut short, as by a kill.
        let file = path + "/signatures.bin"
        let whole = try Data(contentsOf: URL(filePath: file))
        try (whole + whole.suffix(100)).write(to: URL(filePath: file))
        let again = try NearDuplicateIndex(folder: path, settings: small)
        #expect(again.count == 1000)
        #expect(try Data(contentsOf: URL(filePath: file)) == whole)
        try again.add(contentsOf: Array(texts[1000...]))
        #expect(try again.clusters() == expected)
        #expect(
            try Data(contentsOf: URL(filePath: file))
                == Data(contentsOf: URL(filePath: folder.file("one/signatures.bin")))
        )
        // Nothing but the store is left behind.
        #expect(try FileManager.default.contentsOfDirectory(atPath: path) == ["signatures.bin"])
    }

    @Test("a store cut at any place, or with a damaged tail, opens with its whole records")
    func recovery() throws {
        let (texts, _) = Self.corpus(20, seed: 23)
        let folder = TemporaryFolder()
        let settings = NearDuplicateSettings(verification: .shingles)
        do {
            let index = try NearDuplicateIndex(folder: folder.file("whole"), settings: settings)
            try index.add(contentsOf: texts)
            try index.sync()
        }
        let signatures = try #require(folder.bytes("whole/signatures.bin"))
        let shingles = try #require(folder.bytes("whole/shingles.bin"))
        let record = (signatures.count - 64) / 20
        for cut in [0, 63, 64, 64 + record - 1, 64 + 7 * record + 3, signatures.count - 1, signatures.count] {
            let name = "cut\(cut)"
            try folder.write("\(name)/signatures.bin", signatures[..<cut])
            try folder.write("\(name)/shingles.bin", shingles)
            let index = try NearDuplicateIndex(folder: folder.file(name), settings: settings)
            let count = max(cut - 64, 0) / record
            #expect(index.count == count)
            try index.add(contentsOf: Array(texts[count...]))
            try index.sync()
            #expect(
                folder.bytes("\(name)/signatures.bin") == signatures
                    && folder.bytes("\(name)/shingles.bin") == shingles
            )
        }
        // The last record is damaged; the shingles are shorter than the records say.
        var damaged = signatures
        damaged[signatures.count - 5] ^= 1
        try folder.write("damaged/signatures.bin", damaged)
        try folder.write("damaged/shingles.bin", shingles.dropLast(1))
        #expect(try NearDuplicateIndex(folder: folder.file("damaged"), settings: settings).count == 19)
        try folder.write("short/signatures.bin", signatures)
        try folder.write("short/shingles.bin", shingles[..<(shingles.count / 2)])
        #expect(try NearDuplicateIndex(folder: folder.file("short"), settings: settings).count < 11)
    }

    @Test("other settings, a damaged record within, and a second writer are errors")
    func errors() throws {
        let (texts, _) = Self.corpus(30, seed: 24)
        let folder = TemporaryFolder()
        let index = try NearDuplicateIndex(folder: folder.file("index"))
        try index.add(contentsOf: texts)
        try index.sync()
        #expect(throws: FileFormatError.self) { try NearDuplicateIndex(folder: folder.file("index")) }
        let other = NearDuplicateSettings(shingling: Shingling(words: 4))
        var bytes = try #require(folder.bytes("index/signatures.bin"))
        try folder.write("other/signatures.bin", bytes)
        #expect(throws: FileFormatError.self) {
            try NearDuplicateIndex(folder: folder.file("other"), settings: other)
        }
        bytes[80] ^= 1
        try folder.write("inner/signatures.bin", bytes)
        let inner = try NearDuplicateIndex(folder: folder.file("inner"))
        #expect(inner.count == 30)
        #expect(throws: FileFormatError.self) { try inner.clusters() }
    }

    @Test("the longest stays where that is asked for; texts without words are alone")
    func keeping() throws {
        let folder = TemporaryFolder()
        let settings = NearDuplicateSettings(threshold: 0.5, keep: .longest)
        let index = try NearDuplicateIndex(folder: folder.file("index"), settings: settings)
        let text = Self.corpus(1, seed: 25).texts[0]
        try index.add(contentsOf: ["...", text, "!", text + " and more", "...", text])
        let clusters = try index.clusters()
        #expect(clusters.clusters == [[1, 3, 5]] && clusters.kept == [3])
        try index.add("one more")
        #expect(try index.clusters().count == 7)
    }

    @Test("nearly equal paragraphs leave all documents but the first")
    func paragraphs() throws {
        let folder = TemporaryFolder()
        let notice =
            "All rights reserved. No part of this page may be copied without the written consent of the owner"
        let texts = [
            "First text of its own, long enough to be looked at by the index of paragraphs, about rivers and dams.",
            "Second text, about the prices of bread and butter in the years before the harbour was built in the bay.",
        ]
        let documents = [
            "\(texts[0])\n\n\(notice) 2019.", "\(notice) 2023.\n\n\(texts[1])", "\(notice) 2024.", "x",
        ]
        let parts = try NearDuplicateParts(folder: folder.file("parts"))
        for document in documents { try parts.add(document) }
        var remover = try parts.remover()
        let outcomes = documents.map { remover.apply(to: $0) }
        #expect(
            outcomes == [.unchanged, .changed(texts[1]), .dropped(reason: "repeated elsewhere"), .unchanged]
        )
    }
}

@Suite("parts repeated word for word")
struct RepeatedPartTests {
    @Test("lines stay where they come first; short ones stay everywhere")
    func lines() throws {
        let folder = TemporaryFolder()
        let documents = [
            "alpha beta gamma\nshort\n", "short\nalpha beta gamma\ndelta epsilon", "  alpha beta gamma  ",
        ]
        let parts = RepeatedParts(.lines, minimumBytes: 8, folder: folder.path)
        for document in documents { try parts.add(document) }
        var remover = try parts.remover()
        #expect(
            documents.map { remover.apply(to: $0) }
                == [.unchanged, .changed("short\ndelta epsilon"), .dropped(reason: "repeated elsewhere")]
        )
        #expect(parts.partCount == 4 && remover.removedCount == 2)
    }

    @Test("as a set in memory, with sorting outside memory", arguments: [1, 3])
    func reference(copies: Int) throws {
        print("seed 31")
        var generator = TestGenerator(31)
        let folder = TemporaryFolder()
        // Five times the least memory of the sorter.
        let documents = (0..<4000).map { _ in
            (0..<40).map { _ in "line \(Int.random(in: 0..<60_000, using: &generator))" }.joined(
                separator: "\n"
            )
        }
        let parts = RepeatedParts(
            .lines,
            minimumBytes: 1,
            copies: copies,
            folder: folder.path,
            memoryBytes: 1
        )
        for document in documents { try parts.add(document) }
        var remover = try parts.remover()
        var seen: [Substring: Int] = [:]
        for document in documents {
            let rest = document.split(separator: "\n").filter {
                seen[$0, default: 0] += 1
                return seen[$0, default: 0] <= copies
            }
            let expected = rest.joined(separator: "\n")
            switch remover.apply(to: document) {
            case .unchanged: #expect(expected == document)
            case .changed(let text): #expect(text == expected)
            case .dropped: #expect(rest.isEmpty)
            case .rewritten: Issue.record("rewritten")
            }
        }
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).isEmpty)
    }
}
