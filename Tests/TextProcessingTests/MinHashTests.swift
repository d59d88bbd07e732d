import Foundation
import Testing
import YuyanTextProcessing

/// Random words and texts from a seed.
struct RandomText {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func below(_ count: Int) -> Int {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return Int((state ^ (state >> 33)) >> 20) % count
    }

    mutating func words(_ count: Int, vocabulary: Int = 4000) -> [String] {
        (0..<count).map { _ in "w\(below(vocabulary))" }
    }
}

@Suite("shingles, MinHash and bands")
struct MinHashTests {
    @Test("case, punctuation and spaces do not count; order does")
    func normalization() {
        let shingling = Shingling(words: 3)
        let one = shingling.hashes(of: "The quick, brown fox: JUMPS!")
        #expect(one.count == 3)
        #expect(one == shingling.hashes(of: "  the QUICK brown\nfox (jumps)"))
        #expect(one != shingling.hashes(of: "quick the brown fox jumps"))
        #expect(shingling.hashes(of: "ÄRGER über Straße") == shingling.hashes(of: "ärger ÜBER Straße"))
        #expect(shingling.hashes(of: "?! … 😀").isEmpty)
        #expect(shingling.hashes(of: "only two").count == 1)
    }

    @Test("scripts without spaces are cut into characters, chosen by the text or the setting")
    func units() {
        let text = "我们在北京大学学习自然语言处理"
        #expect(Shingling(characters: 5).hashes(of: text).count == 11)
        #expect(Shingling(unit: .words, words: 3).hashes(of: text).count == 13)
        #expect(Shingling(words: 2, characters: 4).hashes(of: "We study in 北京 today").count == 5)
        #expect(Shingling(characters: 3).hashes(of: "ภาษาไทย").count == 5)
        // Mostly Chinese with a word in between, which is one item.
        #expect(Shingling(characters: 4).hashes(of: "使用Swift语言编程").count == 4)
    }

    @Test("equal sets have similarity 1, unlike sets about 0, empty ones 0")
    func extremes() {
        let hasher = MinHasher(permutations: 64)
        var random = RandomText(seed: 5)
        let one = hasher.signature(of: random.words(200).joined(separator: " "))
        let other = hasher.signature(of: random.words(200).joined(separator: " "))
        #expect(one.similarity(to: one) == 1)
        #expect(one.similarity(to: other) < 0.1)
        let empty = hasher.signature(of: "…")
        #expect(empty.similarity(to: empty) == 0 && empty.similarity(to: one) == 0)
        #expect(hasher.signature(ofHashes: [1, 2, 3]) == hasher.signature(ofHashes: [3, 3, 1, 2, 1]))
        #expect(hasher.signature(of: "a b c") != MinHasher(permutations: 64, seed: 9).signature(of: "a b c"))
    }

    @Test("estimates are unbiased with the spread of MinHash, for short sets too", arguments: [20, 60, 3000])
    func estimates(size: Int) {
        let hasher = MinHasher(permutations: 128)
        print("seed 11, sets of \(size)")
        var random = RandomText(seed: 11)
        for share in [0.2, 0.5, 0.8, 0.95] {
            let trials = 200
            var (sum, squares, exact) = (0.0, 0.0, 0.0)
            for _ in 0..<trials {
                let common = Int(2 * share / (1 + share) * Double(size))
                let all = (0..<(2 * size - common)).map { _ in UInt64(random.below(1 << 40)) }
                exact = Double(common) / Double(all.count)
                let one = hasher.signature(ofHashes: Array(all[..<size]))
                let other = hasher.signature(ofHashes: Array(all[(size - common)...]))
                let error = one.similarity(to: other) - exact
                sum += error
                squares += error * error
            }
            let deviation = (squares / Double(trials)).squareRoot()
            // Densified slots of a short set depend on each other, which widens the spread.
            let expected = (exact * (1 - exact) / Double(min(128, size))).squareRoot()
            #expect(abs(sum / Double(trials)) < 4 * deviation / Double(trials).squareRoot() + 1e-4)
            #expect(deviation < 1.6 * expected, "J \(exact): \(deviation) against \(expected)")
        }
    }

    @Test("bands follow the threshold")
    func bands() {
        for threshold in [0.4, 0.5, 0.7, 0.8, 0.9] {
            let permutations = LSHBands.permutations(threshold: threshold)
            let bands = LSHBands(threshold: threshold, permutations: permutations)
            #expect(bands.bands * bands.rows <= permutations)
            #expect(bands.probability(similarity: threshold) > 0.9)
            #expect(bands.probability(similarity: threshold / 3) < 0.25)
        }
        // With equal weights the choice is that of the peers' formula.
        #expect(LSHBands(threshold: 0.8, permutations: 128, missWeight: 0.5) == LSHBands(bands: 9, rows: 13))
        #expect(LSHBands(threshold: 0.5, permutations: 128, missWeight: 0.5) == LSHBands(bands: 25, rows: 5))
        #expect(abs(LSHBands(bands: 20, rows: 5).probability(similarity: 0.8) - 0.99964) < 1e-5)
    }
}

@Suite("parts of a text")
struct TextPartTests {
    @Test("paragraphs and lines without what surrounds them")
    func parts() {
        let text = "\n  one\ntwo  \r\n\r\n \nthree\n"
        func strings(_ partition: TextPartition) -> [String] {
            let bytes = Array(text.utf8)
            return partition.parts(of: text).map { String(decoding: bytes[$0], as: UTF8.self) }
        }
        #expect(strings(.paragraphs) == ["one\ntwo", "three"])
        #expect(strings(.lines) == ["one", "two", "three"])
        #expect(TextPartition.lines.parts(of: "").isEmpty)
    }

    @Test("removing keeps what stands between the others")
    func removal() {
        let text = "one\n\ntwo\n\nthree"
        let parts = TextPartition.paragraphs.parts(of: text)
        func without(_ numbers: Set<Int>) -> String? {
            TextPartition.paragraphs.removing(from: text, parts: parts) { numbers.contains($0) }
        }
        #expect(without([]) == nil)
        #expect(without([1]) == "one\n\nthree")
        #expect(without([2]) == "one\n\ntwo")
        #expect(without([0, 1, 2]) == "")
    }
}
