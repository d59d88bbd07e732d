import Foundation
import Testing
import YuyanFileFormats
import YuyanReports
import YuyanTasks
import YuyanTestSupport

/// Explanations of classifiers that learned from a few telling words.
@Suite(.serialized) struct ExplanationTests {
    private func explainer(_ family: String, _ settings: [String] = []) throws -> any TaskExplainer {
        let labelled = try LabelledFolder()
        try labelled.writeParts()
        try labelled.train(labelled.recipe(family, "out", settings))
        let place = "\(labelled.folder.path)/out"
        return try TaskCatalog.run(Recipe(modelFolder: place), registryFolder: nil, version: "test")
            .explainer(folder: place)
    }

    private let text = "the film was  lovely and 好 with\tthe plot"

    /// Whatever the model and method, the words that tell the label have the largest shares, and the parts are the text.
    @Test(
        arguments: [
            ("linear", ["word_ngrams=1", "words=whitespace"]), ("bag-of-embeddings", []),
            ("text-cnn", ["embedding_dim=32"]),
            ("lstm", ["hidden_size=24", "embedding_dim=32", "learning_rate=1e-2"]),
        ] as [(String, [String])]
    )
    func tellingWordsCountMost(family: String, settings: [String]) throws {
        let explainer = try explainer(family, settings)
        for method in explainer.methods {
            let found = try explainer.explain(text, pair: nil, label: "good", method: method)
            #expect(found.parts.map(\.text).joined() == text)
            #expect(found.probability > 0.5)
            let best = found.strongest.prefix(2).map { $0.text.trimmingCharacters(in: .whitespaces) }
            #expect(Set(best) == ["lovely", "好"], "\(family) \(method): \(found.parts)")
            #expect(found.strongest.prefix(2).allSatisfy { $0.value > 0 })
            let against = try explainer.explain(text, pair: nil, label: "bad", method: method)
            #expect(against.strongest.prefix(2).allSatisfy { $0.value < 0 })
            var page = ReportPage(title: "x")
            found.add(to: &page)
            #expect(page.html.contains("rgba(59,111,182"))
        }
    }

    @Test func encodersSayWhereTheyLook() throws {
        let explainer = try explainer(
            "encoder",
            ["hidden_size=32", "num_attention_heads=2", "intermediate_size=64", "tokenizer.vocab_size=300"]
        )
        #expect(explainer.methods == [.integratedGradients, .occlusion, .attentionRollout])
        let found = try explainer.explain(text, pair: "a scene", label: nil, method: .attentionRollout)
        #expect(found.parts.map(\.text).joined() == text + "a scene")
        #expect(found.parts.allSatisfy { $0.value >= 0 } && found.gap == nil)
        let gradients = try explainer.explain(text, pair: nil, label: nil, method: nil)
        #expect(gradients.method == .integratedGradients && gradients.gap != nil)
        #expect(gradients.json["parts"]?.arrayValue?.count == gradients.parts.count)
    }

    /// What is cut off a long text has no share, whatever the method, and is told.
    @Test func whatIsCutOffHasNoShare() throws {
        let explainer = try explainer("bag-of-embeddings", ["max_length=6"])
        let long = "the film was lovely and very dull grim awful scene"
        for method in explainer.methods {
            let found = try explainer.explain(long, pair: nil, label: "good", method: method)
            #expect(found.parts.map(\.text).joined() == long)
            let unread = found.parts.filter { !$0.isRead }
            #expect(unread.count == 1 && found.parts.last?.isRead == false, "\(method): \(found.parts)")
            let rest = unread.first?.text.trimmingCharacters(in: .whitespaces)
            #expect(rest == "dull grim awful scene", "\(method): \(found.parts)")
            #expect(!found.strongest.isEmpty && found.strongest.allSatisfy(\.isRead))
            #expect(found.json["cut"]?.boolValue == true)
            let last = found.json["parts"]?.arrayValue?.last
            #expect(last?["read"]?.boolValue == false && last?["value"] == .null)
            #expect(found.cutNote?.contains("\(found.unreadCount) characters") == true)
            var page = ReportPage(title: "x")
            found.add(to: &page)
            #expect(page.html.contains("<s title=\"not read\">") && page.html.contains("cut off"))
        }
        // Of a pair the longer text is cut: four of its words are read beside the two of the other.
        let pair = try explainer.explain(long, pair: "a scene", label: nil, method: nil)
        #expect(pair.parts.map(\.text).joined() == long + "a scene")
        let unread = pair.parts.filter { !$0.isRead }.map { $0.text.trimmingCharacters(in: .whitespaces) }
        #expect(unread == ["and very dull grim awful scene"])
        let short = try explainer.explain("the film", pair: nil, label: nil, method: nil)
        #expect(short.cutNote == nil && short.json["cut"] == nil && short.parts.allSatisfy(\.isRead))
    }

    @Test func mistakesAreNamed() throws {
        let explainer = try explainer("linear")
        let method = #expect(throws: RecipeError.self) {
            try explainer.explain("a", pair: nil, label: nil, method: .attentionRollout)
        }
        #expect(method?.description.contains("there is occlusion") == true)
        let label = #expect(throws: RecipeError.self) {
            try explainer.explain("a", pair: nil, label: "fine", method: nil)
        }
        #expect(label?.description.contains("bad, good") == true)
        #expect(try explainer.explain("", pair: nil, label: nil, method: nil).parts.isEmpty)
        let tagged = try TaggedFolder()
        try tagged.write(TaggedFolder.sentences(30, seed: 1), to: "train.conll")
        try tagged.write(TaggedFolder.sentences(9, seed: 2), to: "dev.conll")
        let run = try TaskCatalog.run(
            try tagged.recipe("gru", ["max_steps=1"]),
            registryFolder: nil,
            version: "test"
        )
        #expect(throws: RecipeError.self) { try run.explainer(folder: tagged.folder.path) }
    }
}
