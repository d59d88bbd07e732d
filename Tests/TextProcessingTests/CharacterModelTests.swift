import Foundation
import Testing
import YuyanTextProcessing

@Suite("the model of characters and its filter")
struct CharacterModelTests {
    private static let reference = [
        "The committee agreed that the bridge should be finished before winter.",
        "The river rose in spring, and the bridge was closed for 12 days.",
        "She said that the price of steel would rise before the next year.",
    ]

    private static func model(order: Int = 4, repeats: Int = 1) -> CharacterModel {
        var trainer = CharacterModelTrainer(order: order)
        for _ in 0..<repeats { for text in reference { trainer.add(text) } }
        return trainer.finish()
    }

    @Test("probabilities over all characters add up to 1 after seen and unseen contexts")
    func normalization() {
        let model = Self.model()
        let seen = Set(
            Self.reference.joined().lowercased().unicodeScalars.map {
                (48...57).contains($0.value) ? "0" : $0
            }
        )
        #expect(seen.count == model.characterCount)
        for context in ["the b", "bri", "x", "zq", "€"] {
            let sum = seen.reduce(0.0) { $0 + model.probability(of: $1, after: context) }
            let unseen = model.probability(of: "語", after: context)
            #expect(abs(sum + unseen - 1) < 1e-5, "after '\(context)': \(sum) + \(unseen)")
        }
    }

    @Test("Witten–Bell by hand: a single text aab")
    func byHand() {
        var trainer = CharacterModelTrainer(order: 2)
        trainer.add("aab")
        let model = trainer.finish()
        // Base 1/3 (a, b and one more); order 1: N = 3, T = 2; after a: a and b once each.
        let unigram = (2.0 + 2 * (1.0 / 3)) / 5
        let bigram = (1 + 2 * unigram) / 4
        #expect(abs(model.probability(of: "a", after: "a") - bigram) < 1e-6)
        #expect(abs(model.perplexity(of: "aa") - exp(-(log((1 + unigram) / 2) + log(bigram)) / 2)) < 1e-5)
    }

    @Test("text of the same kind has the lower perplexity; case, digits and runs of spaces do not count")
    func order() {
        let model = Self.model(order: 5)
        let usual = model.perplexity(of: "The bridge was closed before winter")
        #expect(usual < model.perplexity(of: "xq zzv kjw 77 qqqp vvxz") / 4)
        #expect(model.perplexity(of: "THE  BRIDGE\n34") == model.perplexity(of: "the bridge 12"))
        #expect(model.perplexity(of: "") == 1)
    }

    @Test("saved and read back it is the same; damaged files are refused with their path")
    func storage() throws {
        let model = Self.model()
        let path = NSTemporaryDirectory() + "yuyan-characters-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: path) }
        try model.save(to: path)
        let again = try CharacterModel(contentsOf: path)
        #expect(again.serialized() == model.serialized())
        #expect(again.perplexity(of: "the river") == model.perplexity(of: "the river"))
        #expect(throws: CharacterModelError.self) { try CharacterModel(contentsOf: path + "-none") }
        let bytes = model.serialized()
        for cut in [0, 7, 47, bytes.count - 1] {
            #expect(throws: CharacterModelError.self) { try CharacterModel(bytes: Array(bytes[..<cut])) }
        }
        for place in [9, 24, 31, 33, 60, bytes.count - 1] {
            var damaged = bytes
            damaged[place] ^= 0x40
            #expect(throws: CharacterModelError.self) { try CharacterModel(bytes: damaged) }
        }
        let filter = try OperatorCatalog.make(
            "perplexity_filter",
            ["model": .text(path), "maximum": .number(8)]
        )
        #expect(filter.apply(to: "the bridge") == .unchanged)
        #expect(filter.apply(to: "qqzx vvk") == .dropped(reason: "perplexity above 8"))
        #expect(throws: OperatorError.self) {
            try OperatorCatalog.make("perplexity_filter", ["model": .text(path)])
        }
        let low = PerplexityFilter(model: Self.model(repeats: 40), maximum: 1000, minimum: 2.5)
        #expect(low.apply(to: Self.reference[0]) == .dropped(reason: "perplexity below 2.5"))
        #expect(low.settings != filter.settings)
    }

    @Test("a bound on the n-grams forgets the rare ones and keeps sums at 1")
    func pruning() {
        var trainer = CharacterModelTrainer(order: 4, maximumGrams: 1000)
        var random = RandomText(seed: 8)
        for _ in 0..<40 { trainer.add(random.words(50).joined(separator: " ") + Self.reference[0]) }
        let model = trainer.finish()
        #expect(model.entryCount < 2500)
        #expect(model.perplexity(of: Self.reference[0]) < 12)
    }
}
