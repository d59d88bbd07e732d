import Testing
import YuyanFileFormats

@Suite struct NameSuggestionTests {
    @Test func theNearestNameIsMeant() {
        let names = ["seed", "learning_rate", "warmup_ratio"]
        #expect(NameSuggestion.nearest(to: "learnin_rate", among: names) == "learning_rate")
        #expect(NameSuggestion.nearest(to: "LEARNING_RATE", among: names) == "learning_rate")
        #expect(NameSuggestion.words(for: "sed", among: names) == "; did you mean 'seed'?")
    }

    @Test func nothingNearIsNothing() {
        #expect(NameSuggestion.nearest(to: "x", among: []) == nil)
        #expect(NameSuggestion.words(for: "colour", among: ["seed", "warmup_ratio"]) == "")
    }
}
