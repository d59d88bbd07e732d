import Foundation
import Testing
import YuyanFileFormats
import YuyanReports
import YuyanTasks
import YuyanTestSupport

/// Explanations of classifiers that learned from a few telling words.
@Suite(.serialized) struct ExplanationTests {
    /// A folder that does not tell that it learned from single texts takes pairs, too.
    private func explainer(
        _ family: String,
        _ settings: [String] = [],
        tellsPairs: Bool = true
    ) throws -> any TaskExplainer {
        let labelled = try LabelledFolder()
        try labelled.writeParts()
        try labelled.train(labelled.recipe(family, "out", settings))
        let place = "\(labelled.folder.path)/out"
        if !tellsPairs { try FileManager.default.removeItem(atPath: "\(place)/data.json") }
        return try TaskCatalog.run(Recipe(modelFolder: place), registryFolder: nil, version: "test")
            .explainer(folder: place)
    }

    /// The explanation of a text as a whole.
    private func explain(
        _ explainer: any TaskExplainer,
        _ text: String,
        pair: String? = nil,
        label: String? = nil,
        method: ExplanationMethod? = nil
    ) throws -> Explanation {
        var request = ExplanationRequest(text)
        (request.pair, request.label, request.method) = (pair, label, method)
        let found = try explainer.explain(request)
        #expect(found.explanations.count == 1 && found.headline.isEmpty && found.answer.isEmpty)
        return try #require(found.explanations.first)
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
            let found = try explain(explainer, text, label: "good", method: method)
            #expect(found.parts.map(\.text).joined() == text)
            #expect(found.probability > 0.5)
            let best = found.strongest.prefix(2).map { $0.text.trimmingCharacters(in: .whitespaces) }
            #expect(Set(best) == ["lovely", "好"], "\(family) \(method): \(found.parts)")
            #expect(found.strongest.prefix(2).allSatisfy { $0.value > 0 })
            let against = try explain(explainer, text, label: "bad", method: method)
            #expect(against.strongest.prefix(2).allSatisfy { $0.value < 0 })
            var page = ReportPage(title: "x")
            found.add(to: &page)
            #expect(page.html.contains("rgba(59,111,182"))
        }
    }

    @Test func encodersSayWhereTheyLook() throws {
        let explainer = try explainer(
            "encoder",
            ["hidden_size=32", "num_attention_heads=2", "intermediate_size=64", "tokenizer.vocab_size=300"],
            tellsPairs: false
        )
        #expect(explainer.methods == [.integratedGradients, .occlusion, .attentionRollout])
        let found = try explain(explainer, text, pair: "a scene", method: .attentionRollout)
        #expect(found.parts.map(\.text).joined() == text + "a scene")
        #expect(found.parts.allSatisfy { $0.value >= 0 } && found.gap == nil)
        let gradients = try explain(explainer, text)
        #expect(gradients.method == .integratedGradients && gradients.gap != nil)
        #expect(gradients.json["parts"]?.arrayValue?.count == gradients.parts.count)
    }

    /// What is cut off a long text has no share, whatever the method, and is told.
    @Test func whatIsCutOffHasNoShare() throws {
        let explainer = try explainer("bag-of-embeddings", ["max_length=6"], tellsPairs: false)
        let long = "the film was lovely and very dull grim awful scene"
        for method in explainer.methods {
            let found = try explain(explainer, long, label: "good", method: method)
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
        let pair = try explain(explainer, long, pair: "a scene")
        #expect(pair.parts.map(\.text).joined() == long + "a scene")
        let unread = pair.parts.filter { !$0.isRead }.map { $0.text.trimmingCharacters(in: .whitespaces) }
        #expect(unread == ["and very dull grim awful scene"])
        let short = try explain(explainer, "the film")
        #expect(short.cutNote == nil && short.json["cut"] == nil && short.parts.allSatisfy(\.isRead))
    }

    @Test func mistakesAreNamed() throws {
        let explainer = try explainer("linear")
        let method = #expect(throws: RecipeError.self) {
            try explain(explainer, "a", method: .attentionRollout)
        }
        #expect(method?.description.contains("there is weights, occlusion") == true)
        let label = #expect(throws: RecipeError.self) {
            try explain(explainer, "a", label: "fine")
        }
        #expect(label?.description.contains("bad, good") == true)
        #expect(try explain(explainer, "").parts.isEmpty)
        for (change, option) in Self.misused {
            var request = ExplanationRequest("a")
            change(&request)
            let error = #expect(throws: RecipeError.self) { try explainer.explain(request) }
            #expect(error?.description.contains(option) == true, "\(error?.description ?? "-")")
        }
        // Language models have none.
        let model = try TaskCatalog.run(
            Recipe(task: "language-modeling"),
            registryFolder: nil,
            version: "test"
        )
        let none = #expect(throws: RecipeError.self) { try model.explainer(folder: "nowhere") }
        #expect(
            none?.description.contains("classifiers, taggers, models that answer questions") == true
        )
    }

    private static var misused: [((inout ExplanationRequest) -> Void, String)] {
        [
            ({ $0.question = "why?" }, "--question means nothing to a classifier"),
            ({ $0.positions = [0] }, "--position"), ({ $0.words = ["a"] }, "--word"),
            ({ $0.steps = 0 }, "--steps is 0"),
        ]
    }

    /// The weights of a linear model and its intercept are the logarithm of the odds, exactly.
    @Test func weightsOfLinearModelsAreExact() throws {
        let explainer = try explainer(
            "linear",
            ["word_ngrams=1,2", "character_ngrams=1,3"],
            tellsPairs: false
        )
        #expect(explainer.methods == [.weights, .occlusion])
        for pair in [nil, "a  scene"] {
            let found = try explain(explainer, text, pair: pair, label: "good")
            #expect(found.method == .weights && found.parts.map(\.text).joined() == text + (pair ?? ""))
            let score = try #require(found.score)
            #expect(score.name == "log-odds" && score.baseline == 0)
            let gap = try #require(found.gap)
            #expect(abs(gap) < 1e-9)
            #expect(abs(1 / (1 + exp(-score.value)) - found.probability) < 1e-5)
            #expect(found.features.first.map { abs($0.value) } == found.features.map { abs($0.value) }.max())
            #expect(found.json["features"]?.arrayValue?.isEmpty == false)
        }
    }
}

/// Explanations of taggers.
@Suite(.serialized) struct TagExplanationTests {
    private let tagged: TaggedFolder
    private let sentence = " Dr Chen  Bo saw Salzburg"
    private let parts = [" Dr ", "Chen  ", "Bo ", "saw ", "Salzburg"]

    init() throws {
        tagged = try TaggedFolder()
        try tagged.write(TaggedFolder.sentences(150, seed: 1), to: "train.conll")
        try tagged.write(TaggedFolder.sentences(50, seed: 2), to: "dev.conll")
    }

    private func explainer(_ recipe: Recipe) throws -> any TaskExplainer {
        _ = try TaskCatalog.run(recipe, registryFolder: nil, version: "test").train { _ in }
        let place = "\(tagged.folder.path)/out"
        return try TaskCatalog.run(Recipe(modelFolder: place), registryFolder: nil, version: "test")
            .explainer(folder: place)
    }

    /// Every entity has its explanation, and the shares sum to the score that is told.
    private func expectEntities(_ explainer: any TaskExplainer, quantity: String, within gap: Double) throws {
        var request = ExplanationRequest(sentence)
        request.steps = 400
        let found = try explainer.explain(request)
        #expect(found.headline == "Dr/O Chen/B-PER Bo/I-PER saw/O Salzburg/B-LOC")
        #expect(found.explanations.map(\.label) == ["PER", "LOC"])
        #expect(found.explanations.map { $0.subject?.text } == ["Chen Bo", "Salzburg"])
        for own in found.explanations {
            #expect(own.parts.map(\.text) == parts)
            #expect(own.probability > 0 && own.probability <= 1)
            let score = try #require(own.score)
            #expect(score.name == quantity)
            if quantity == "log-probability" {
                #expect(abs(exp(score.value) - own.probability) < 1e-4)
            }
            let size = max(1, abs(score.value - score.baseline))
            let missing = try #require(own.gap)
            #expect(abs(missing) < gap * size, "\(own.completeness ?? "-")")
            #expect(own.completeness?.contains(quantity) == true)
        }
        let json = found.json
        #expect(json["tags"]?.arrayValue?.count == 5 && json["entities"]?.arrayValue?.count == 2)
        let first = json["explanations"]?.arrayValue?.first
        #expect(first?["start"]?.integerValue == 1 && first?["end"]?.integerValue == 3)
        #expect(first?["tags"] == ["B-PER", "I-PER"] && first?["gap"] != nil)
        var page = ReportPage(title: "x")
        found.add(to: &page)
        #expect(page.html.components(separatedBy: "<td class=\"marked\">").count == 3)
    }

    private func expectChoices(_ explainer: any TaskExplainer) throws {
        var request = ExplanationRequest(sentence)
        (request.positions, request.words) = ([3, 0, 3], ["Bo"])
        let found = try explainer.explain(request)
        #expect(found.explanations.map(\.label) == ["O", "I-PER", "O"])
        request.label = "B-LOC"
        let other = try explainer.explain(request)
        #expect(other.explanations.map(\.label) == ["B-LOC", "B-LOC", "B-LOC"])
        #expect(zip(other.explanations, found.explanations).allSatisfy { $0.probability < $1.probability })
    }

    private func refuse(
        _ explainer: any TaskExplainer,
        _ text: String,
        _ wanted: String,
        _ change: (inout ExplanationRequest) -> Void = { _ in }
    ) {
        var request = ExplanationRequest(text)
        change(&request)
        let error = #expect(throws: RecipeError.self) { try explainer.explain(request) }
        #expect(error?.description.contains(wanted) == true, "\(error?.description ?? "-")")
    }

    @Test func entitiesOfRecurrentTaggers() throws {
        let explainer = try explainer(tagged.recipe("lstm"))
        #expect(explainer.methods == [.integratedGradients])
        try expectEntities(explainer, quantity: "log-probability", within: 0.02)
        try expectChoices(explainer)
        refuse(explainer, "", "--text is empty")
        refuse(explainer, " \t ", "--text is empty")
        refuse(explainer, sentence, "--position is 5; it must be from 0 to 4: the tokens are 0 Dr, 1 Chen") {
            $0.positions = [1, 5]
        }
        refuse(explainer, sentence, "--position is -1") { $0.positions = [-1] }
        refuse(explainer, sentence, "part of the token 'Salzburg'") { $0.words = ["burg"] }
        refuse(explainer, sentence, "'Rome' is no token of the text; the tokens are") { $0.words = ["Rome"] }
        refuse(explainer, sentence, "--label needs --position or --word") { $0.label = "O" }
        refuse(explainer, sentence, "no tag 'B-ORG'; it knows") { ($0.label, $0.positions) = ("B-ORG", [0]) }
        refuse(explainer, sentence, "--pair means nothing to a tagger") { $0.pair = "x" }
        refuse(explainer, sentence, "--method: this model has no weights; there is integrated-gradients") {
            $0.method = .weights
        }
        // A single token, and one that looks like markup.
        var request = ExplanationRequest("<b>&\"'")
        request.positions = [0]
        let found = try explainer.explain(request)
        #expect(found.explanations.first?.parts.map(\.text) == ["<b>&\"'"])
        var page = ReportPage(title: "x")
        found.add(to: &page)
        #expect(!page.html.contains("<b>") && page.html.contains("&lt;b&gt;&amp;&quot;&#39;"))
        let none = try explainer.explain(ExplanationRequest("the river"))
        #expect(none.explanations.isEmpty && none.json["explanations"] == [])
    }

    @Test func entitiesOfEncoders() throws {
        let explainer = try explainer(tagged.encoderRecipe())
        #expect(explainer.methods == [.integratedGradients, .attentionRollout])
        try expectEntities(explainer, quantity: "log-probability", within: 0.05)
        var request = ExplanationRequest(sentence)
        request.method = .attentionRollout
        let found = try explainer.explain(request)
        for own in found.explanations {
            #expect(own.score == nil && own.gap == nil && own.parts.allSatisfy { $0.value >= 0 })
            // What stands around the words has the rest.
            let sum = own.parts.reduce(0) { $0 + $1.value }
            #expect(sum > 0.25 && sum < 1)
        }
    }

    /// Without a field the score is what the tag scores; words that are read in several windows have all their shares.
    @Test func longSentencesAreReadInWindows() throws {
        let explainer = try explainer(
            tagged.encoderRecipe(["crf=false", "max_position_embeddings=8", "max_steps=5"])
        )
        let text = "Dr Chen Bo saw Salzburg and Hamburg from Rotterburg"
        for method in explainer.methods {
            var request = ExplanationRequest(text)
            (request.positions, request.method, request.steps) = ([0, 8], method, 300)
            let found = try explainer.explain(request)
            #expect(found.explanations.count == 2)
            for own in found.explanations {
                #expect(own.parts.map(\.text).joined() == text && own.parts.count == 9)
                #expect(own.notes.contains { $0.contains("read in windows") }, "\(own.notes)")
                guard let score = own.score, let gap = own.gap else {
                    #expect(method == .attentionRollout)
                    continue
                }
                #expect(score.name == "logit")
                let size = max(1, abs(score.value - score.baseline))
                #expect(abs(gap) < 0.05 * size, "\(own.completeness ?? "-")")
            }
            // The first word is read without the last one.
            #expect(found.explanations[0].parts[8].value == 0)
        }
    }

    @Test func weightsOfFieldsAreExact() throws {
        let explainer = try explainer(tagged.fieldRecipe())
        #expect(explainer.methods == [.weights])
        try expectEntities(explainer, quantity: "score", within: 1e-9)
        try expectChoices(explainer)
        let found = try explainer.explain(ExplanationRequest(sentence))
        let names = found.explanations[1].features.map(\.name)
        #expect(names.contains { $0.hasPrefix("e") }, "\(names)")
        #expect(found.explanations[1].features.allSatisfy { $0.token == "Salzburg" })
        #expect(found.json["explanations"]?.arrayValue?[1]["features"]?.arrayValue?.isEmpty == false)
        refuse(explainer, "", "--text is empty")
    }
}

/// Explanations of answers to questions.
@Suite(.serialized) struct AnswerExplanationTests {
    private let asked: QuestionFolder
    private let text = "the cup is grey . the boat is blue . the hat is red ."
    private let question = "which colour has the boat ?"

    init() throws {
        asked = try QuestionFolder()
        try asked.write(QuestionFolder.articles(80, seed: 1), to: "train.json")
        try asked.write(QuestionFolder.articles(20, seed: 2), to: "dev.json")
    }

    private func explainer(_ recipe: Recipe) throws -> any TaskExplainer {
        _ = try TaskCatalog.run(recipe, registryFolder: nil, version: "test").train { _ in }
        let place = "\(asked.folder.path)/out"
        return try TaskCatalog.run(Recipe(modelFolder: place), registryFolder: nil, version: "test")
            .explainer(folder: place)
    }

    private func request(_ text: String, _ question: String?) -> ExplanationRequest {
        var request = ExplanationRequest(text)
        (request.question, request.steps) = (question, 400)
        return request
    }

    @Test func endsOfAnswersOfReaders() throws {
        let explainer = try explainer(asked.recipe("reader"))
        #expect(explainer.methods == [.integratedGradients])
        let found = try explainer.explain(request(text, question))
        #expect(found.answer["answer"]?.stringValue == "blue" && found.headline == "\(question) blue")
        #expect(found.explanations.map { $0.subject?.fields["end"]?.stringValue } == ["start", "end"])
        for own in found.explanations {
            #expect(own.label == "blue" && own.parts.allSatisfy(\.isRead))
            let ofQuestion = own.parts.filter(\.isOfQuestion).map(\.text).joined()
            #expect(ofQuestion == question && own.parts.map(\.text).joined() == question + text)
            #expect(own.shown.map(\.text).joined() == "\(question)\n\(text)")
            let score = try #require(own.score)
            let size = max(1, abs(score.value - score.baseline))
            let missing = try #require(own.gap)
            #expect(abs(missing) < 0.05 * size, "\(own.completeness ?? "-")")
        }
        let first = found.json["explanations"]?.arrayValue?.first?["parts"]?.arrayValue?.first
        #expect(
            first?["in"]?.stringValue == "question" && first?["text"]?.stringValue?.hasPrefix("which") == true
        )
        for (text, question, wanted) in [
            (text, nil, "--question is needed"), (text, "", "--question is empty"),
            ("", "which ?", "--text is empty"),
        ] {
            let error = #expect(throws: RecipeError.self) { try explainer.explain(request(text, question)) }
            #expect(error?.description.contains(wanted) == true, "\(error?.description ?? "-")")
        }
        var wrong = request(text, question)
        wrong.label = "blue"
        let error = #expect(throws: RecipeError.self) { try explainer.explain(wrong) }
        #expect(error?.description.contains("--label means nothing") == true)
    }

    /// Of a long text, what is not read together with the answer has no share.
    @Test func endsOfAnswersOfEncoders() throws {
        let explainer = try explainer(
            asked.recipe(
                "encoder",
                [
                    "max_steps=3", "max_position_embeddings=40", "max_question_length=10", "doc_stride=12",
                ]
            )
        )
        #expect(explainer.methods == [.integratedGradients, .attentionRollout])
        let long = [String](repeating: text, count: 4).joined(separator: " ")
        for method in explainer.methods {
            var request = request(long, question)
            request.method = method
            let found = try explainer.explain(request)
            for own in found.explanations {
                #expect(own.parts.map(\.text).joined() == question + long)
                #expect(own.unreadCount > 0 && own.cutNote?.contains("together with the answer") == true)
                #expect(own.json["stretch"]?.boolValue == true && own.json["cut"] == nil)
                #expect((own.score == nil) == (method == .attentionRollout))
            }
        }
    }
}

/// What written tokens look at.
@Suite(.serialized) struct AlignmentTests {
    @Test(arguments: ["recurrent", "encoder-decoder"]) func writtenTokensLookAtTheSource(
        family: String
    ) throws {
        let pairs = try TranslationFolder()
        try pairs.write(TranslationFolder.pairs(60, seed: 1), to: "train.tsv")
        try pairs.write(TranslationFolder.pairs(10, seed: 2), to: "dev.tsv")
        let recipe = try pairs.recipe(family, ["max_steps=30"])
        _ = try TaskCatalog.run(recipe, registryFolder: nil, version: "test").train { _ in }
        let place = "\(pairs.folder.path)/out"
        let explainer = try TaskCatalog.run(
            Recipe(modelFolder: place),
            registryFolder: nil,
            version: "test"
        ).explainer(folder: place)
        #expect(explainer.methods == [.crossAttention])
        let found = try explainer.explain(ExplanationRequest("one red dog"))
        let alignment = try #require(found.alignment)
        #expect(alignment.weights.count == alignment.target.count && !alignment.target.isEmpty)
        for weights in alignment.weights {
            #expect(weights.count == alignment.source.count && weights.allSatisfy { $0 >= 0 })
            #expect(abs(weights.reduce(0, +) - 1) < 1e-3)
        }
        #expect(alignment.source.joined().hasPrefix("one red dog"))
        #expect(alignment.lines.count == alignment.target.count)
        #expect(found.json["alignment"]?["weights"]?.arrayValue?.count == alignment.target.count)
        #expect(found.json["target"]?.stringValue == found.headline)
        var page = ReportPage(title: "x")
        found.add(to: &page)
        #expect(page.html.contains("<svg") && page.html.contains("What the written tokens look at"))
        let error = #expect(throws: RecipeError.self) { try explainer.explain(ExplanationRequest("")) }
        #expect(error?.description.contains("--text is empty") == true)
    }
}
