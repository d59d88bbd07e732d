import Foundation
import Testing
import YuyanDatasets

/// Sentences drawn from a small seeded grammar.
private func sentences(_ count: Int, seed: UInt64) -> [[UInt8]] {
    var generator = TestGenerator(seed)
    let names = ["the cat", "a swift", "雨燕", "my text", "the old sea"]
    let verbs = ["sees", "learns", "forgets", "写"]
    return (0..<count).map { _ in
        var words: [String] = []
        for _ in 0..<Int.random(in: 1...4, using: &generator) {
            words += [
                names.randomElement(using: &generator) ?? "", verbs.randomElement(using: &generator) ?? "",
            ]
        }
        return Array((words.joined(separator: " ") + ".\n").utf8)
    }
}

/// Interpolated modified Kneser–Ney written from its definition with dictionaries.
private struct Reference {
    /// Counts by sequence: raw for the longest, numbers of predecessors for the others.
    var counts: [[[UInt8]: Int]] = []
    let contextLength: Int

    init(_ documents: [[UInt8]], contextLength: Int) {
        self.contextLength = contextLength
        var longest: [[UInt8]: Int] = [:]
        for document in documents {
            let padded = [UInt8](repeating: 0, count: contextLength) + document
            for end in contextLength..<padded.count {
                longest[Array(padded[end - contextLength...end]), default: 0] += 1
            }
        }
        counts = [longest]
        for _ in 0..<contextLength {
            var shorter: [[UInt8]: Int] = [:]
            for sequence in counts[0].keys { shorter[Array(sequence.dropFirst()), default: 0] += 1 }
            counts.insert(shorter, at: 0)
        }
    }

    func probability(_ byte: UInt8, _ context: [UInt8]) -> Double {
        var probability = 1.0 / 256
        for length in 0...contextLength {
            let table = counts[length]
            let n = (0...4).map { wanted in Double(table.values.filter { $0 == wanted }.count) }
            var discount = [0, 0.5, 0.5, 0.5]
            if n[1] > 0, n[2] > 0 {
                for k in 1...3 where n[k] > 0 {
                    let share = n[1] / (n[1] + 2 * n[2])
                    let estimate = Double(k) - Double(k + 1) * share * n[k + 1] / n[k]
                    discount[k] = min(max(estimate, 0.05), Double(k) - 0.05)
                }
            }
            let history = Array(context.suffix(length))
            let followers = table.filter { Array($0.key.dropLast()) == history }
            if followers.isEmpty { break }
            let total = Double(followers.values.reduce(0, +))
            let left = followers.values.reduce(0.0) { $0 + discount[min($1, 3)] }
            let own = followers[history + [byte]] ?? 0
            probability = (Double(own) - discount[min(own, 3)]) / total + left / total * probability
        }
        return probability
    }
}

@Suite("Baselines")
struct NGramTests {
    @Test("every probability equals the definition's")
    func definition() {
        let training = sentences(40, seed: 1)
        for length in [1, 2, 5] {
            let model = NGramModel(documents: training, contextLength: length)
            let reference = Reference(training, contextLength: length)
            for document in sentences(2, seed: 2) + [Array("zzz 雨雨\u{0}".utf8)] {
                let padded = [UInt8](repeating: 0, count: length) + document
                for place in length..<padded.count {
                    let context = Array(padded[place - length..<place])
                    let expected = reference.probability(padded[place], context)
                    let found = model.probability(of: padded[place], after: context)
                    #expect(abs(found - expected) < 1e-12 * max(expected, 1e-3))
                }
            }
        }
    }

    @Test("probabilities add up to one after known and unknown contexts")
    func sums() {
        let model = NGramModel(documents: sentences(100, seed: 3))
        for context in ["", "the c", "quack", "雨", "\u{0}\u{0}\u{0}\u{0}", "a swift le"] {
            let all = (0...255).map { model.probability(of: UInt8($0), after: Array(context.utf8)) }
            #expect(abs(all.reduce(0, +) - 1) < 1e-12)
            #expect(all.allSatisfy { $0 > 0 })
        }
        let untrained = NGramModel(documents: [])
        #expect(abs(untrained.bitsPerByte(of: [Array("abc".utf8)]) - 8) < 1e-12)
        #expect(untrained.bitsPerByte(of: []).isNaN)
    }

    @Test("likelihood is the sum of the conditional probabilities")
    func likelihood() {
        let model = NGramModel(documents: sentences(50, seed: 4), contextLength: 3)
        let text = Array("the cat learns 雨燕".utf8)
        var expected = 0.0
        for place in text.indices {
            let context = [UInt8](repeating: 0, count: 3) + text[..<place]
            expected -= log(model.probability(of: text[place], after: context))
        }
        #expect(abs(model.nats(of: text) - expected) < 1e-9)
    }

    @Test("it learns: more text helps, and it beats gzip on unseen text of the same kind")
    func learning() throws {
        let validation = sentences(60, seed: 5)
        let few = NGramModel(documents: sentences(20, seed: 6)).bitsPerByte(of: validation)
        let many = NGramModel(documents: sentences(2000, seed: 7)).bitsPerByte(of: validation)
        #expect(many < few)
        #expect(try many < gzipBitsPerByte(validation))
    }

    @Test("counting stops at the bound")
    func bound() {
        let documents = sentences(6, seed: 8)
        let bytes = documents.reduce(0) { $0 + $1.count }
        let bounded = NGramModel(documents: documents, maximumBytes: bytes / 2)
        #expect(bounded.trainedByteCount == bytes / 2)
        let whole = NGramModel(documents: documents)
        #expect(whole.trainedByteCount == bytes && whole.entryCount > bounded.entryCount)
    }

    @Test("gzip's figures: repetitive text is cheap, random bytes cost their size and the wrapping")
    func gzip() throws {
        var generator = TestGenerator(9)
        let random = (0..<100_000).map { _ in UInt8.random(in: 0...255, using: &generator) }
        let cost = try gzipBitsPerByte([random])
        #expect(cost > 8 && cost < 8.01)
        #expect(try gzipBitsPerByte([[UInt8](repeating: 65, count: 100_000)]) < 0.02)
        let text = sentences(300, seed: 1)
        let joined = text.flatMap { $0 }
        #expect(try gzipBitsPerByte(text) == gzipBitsPerByte([joined]))
        #expect(try gzipBitsPerByte([joined], level: 9) <= gzipBitsPerByte([joined], level: 1))
        #expect(try gzipBitsPerByte([]).isNaN)
        #expect(throws: (any Error).self) { try gzipBitsPerByte([joined], level: 0) }
    }
}
