import Foundation
import Testing
import YuyanModels

/// What features add to a score, in models that are sums.
@Suite struct LinearContributionTests {
    private let texts = ["good good film", "a good plot", "bad film", "a bad bad plot", "odd one", "odd"]

    @Test(arguments: [LinearTextOptions.Scheme.multinomial, .oneVersusRest], [2, 3])
    func ngramsMakeUpTheLogit(scheme: LinearTextOptions.Scheme, classes: Int) throws {
        var options = LinearTextOptions()
        (options.scheme, options.features.wordNGrams) = (scheme, 1...2)
        let labels: [Int32] = [0, 0, 1, 1].map { Int32($0) } + [Int32(classes - 1), Int32(classes - 1)]
        let model = try LinearTextModel.train(
            texts: texts,
            labels: labels,
            classes: classes,
            options: options
        )
        let text = "good film, good plot: unseen"
        let found = (0..<classes).map { model.contributions(of: text, to: $0) }
        for own in found {
            let sum = own.ngrams.reduce(own.intercept) { $0 + $1.value }
            #expect(abs(sum - own.logit) < 1e-12)
            #expect(Set(own.ngrams.map(\.name)) == ["good", "film", "plot", "good film", "good plot"])
        }
        let probabilities = model.probabilities([text]).map { Double($0) }
        if scheme == .multinomial {
            let isOfOdds = classes == 2
            #expect(found.allSatisfy { $0.isOfOdds == isOfOdds })
            let powers = found.map { exp($0.logit) }
            for (place, own) in found.enumerated() {
                let expected =
                    isOfOdds ? 1 / (1 + exp(-own.logit)) : powers[place] / powers.reduce(0, +)
                #expect(abs(probabilities[place] - expected) < 1e-6)
            }
            if isOfOdds { #expect(abs(found[0].logit + found[1].logit) < 1e-12) }
        } else {
            let odds = found.map { 1 / (1 + exp(-$0.logit)) }
            for place in 0..<classes {
                #expect(abs(probabilities[place] - odds[place] / odds.reduce(0, +)) < 1e-6)
            }
        }
    }

    private func places(
        _ text: String,
        _ change: (inout TextFeatureOptions) -> Void
    ) throws -> [String: [Range<Int>]] {
        var options = LinearTextOptions()
        change(&options.features)
        let model = try LinearTextModel.train(
            texts: [text, "zzz yyy"],
            labels: [0, 1],
            classes: 2,
            options: options
        )
        let found = model.contributions(of: text, to: 0).ngrams
        return Dictionary(uniqueKeysWithValues: found.map { ($0.name, $0.places) })
    }

    /// N-grams stand where they do in the text as it was given, whatever small letters and single spaces make of it.
    @Test func ngramsKnowTheirPlaces() throws {
        #expect(try places("Gut GUT böse") { _ in } == ["gut": [0..<3, 4..<7], "böse": [8..<13]])
        let pairs = try places("ab CD  ab") { $0.wordNGrams = 2...2 }
        #expect(pairs == ["ab cd": [0..<5], "cd ab": [3..<9]])
        // A capital of two bytes whose small letter has three, the last two a mark that is no part of a word.
        #expect(try places("İzm ab") { _ in } == ["zm": [2..<4], "ab": [5..<7]])
        let characters = try places("a  b") { ($0.wordNGrams, $0.characterNGrams) = (nil, 2...2) }
        #expect(characters == ["a ": [0..<3], " b": [1..<4]])
        let inner = try places("Äb\n c") {
            ($0.wordNGrams, $0.characterNGrams, $0.charactersStayInWords) = (nil, 3...4, true)
        }
        #expect(inner == [" äb": [0..<3], "äb ": [0..<3], " äb ": [0..<3], " c ": [5..<6]])
        let single = try places("ab") {
            ($0.wordNGrams, $0.characterNGrams, $0.charactersStayInWords) = (nil, 1...1, true)
        }
        #expect(single == [" ": [0..<2, 0..<2], "a": [0..<1], "b": [1..<2]])
        let hashed = try places("ab cd ab") { $0.hashedColumns = 1 << 12 }
        #expect(hashed == ["ab": [0..<2, 6..<8], "cd": [3..<5]])
        let empty = try LinearTextModel.train(texts: ["aa", "bb"], labels: [0, 1], classes: 2)
            .contributions(of: "", to: 1)
        #expect(empty.ngrams.isEmpty && empty.logit == empty.intercept)
    }

    private let sentences = [["Mr.", "Bo", "went"], ["to", "Rome"], ["Bo", "saw", "Rome"], ["to", "go"]]
    private let tags = [["O", "PER", "O"], ["O", "LOC"], ["PER", "O", "LOC"], ["O", "O"]]

    /// The weights at some words, and of the steps that touch them, are what their tags change of the score.
    @Test(arguments: [false, true]) func weightsMakeUpTheScore(pairs: Bool) throws {
        var options = LinearChainCRFOptions()
        options.features.usesPairs = pairs
        let model = try LinearChainCRFModel.train(sentences: sentences, tags: tags, options: options)
        let words = ["Mr.", "Bo", "saw", "Rome"]
        let features = options.features.features(of: words)
        let path = [0, 1, 0, 2]
        for places in [[1], [0], [3], [1, 2], [0, 1, 2, 3]] {
            let found = model.contributions(at: places, of: path, in: words)
            let sum = found.reduce(0) { $0 + $1.value }
            var expected = 0.0
            for place in places {
                expected += features[place].reduce(0) { $0 + model.weight($1, path[place]) }
            }
            for place in 1..<4 where places.contains(place) || places.contains(place - 1) {
                expected += model.transition(path[place - 1], path[place])
            }
            #expect(abs(sum - expected) < 1e-9, "\(places)")
            #expect(abs(model.score(at: places, of: path, in: words) - expected) < 1e-9, "\(places)")
        }
        let own = model.contributions(at: [1], of: path, in: words)
        func looksAt(_ name: String) -> [Int]? { own.first { $0.name == name }?.looksAt }
        #expect(looksAt("w0=bo") == [1] && looksAt("w-1=mr.") == [0] && looksAt("b2=bo") == [1])
        #expect(looksAt("bias")?.isEmpty ?? true)
        if pairs { #expect(looksAt("p-1=mr.|bo") == [0, 1]) }
    }

    /// Templates and further columns are weighed like the usual features, and tell the words that they look at.
    @Test func templatesAreWeighedToo() throws {
        var options = LinearChainCRFOptions()
        options.features.templates = try FeatureTemplates(
            ["word", "pos@-1/pos@+1", "title@1"],
            columns: ["pos"]
        )
        let columns = [[["N", "N", "V"]], [["P", "N"]], [["N", "V", "N"]], [["P", "V"]]]
        let model = try LinearChainCRFModel.train(
            sentences: sentences,
            tags: tags,
            columns: columns,
            options: options
        )
        let words = ["Bo", "saw", "Rome"]
        let found = model.contributions(at: [1], of: [0, 0, 1], in: words, columns: [["N", "V", "N"]])
        #expect(found.first { $0.name == "word@0=saw" }?.looksAt == [1])
        #expect(found.first { $0.name == "pos@-1/pos@1=N|N" }?.looksAt == [0, 2])
        let score = model.score(at: [1], of: [0, 0, 1], in: words, columns: [["N", "V", "N"]])
        #expect(abs(found.reduce(0) { $0 + $1.value } - score) < 1e-9)
    }

    /// The probability of tags is the share of the paths that have them.
    @Test func probabilitiesAreThoseOfAllPaths() throws {
        let model = try LinearChainCRFModel.train(sentences: sentences, tags: tags)
        let words = ["Bo", "went", "to", "Rome"]
        let count = model.tags.count
        var paths: [[Int]] = [[]]
        for _ in words { paths = paths.flatMap { path in (0..<count).map { path + [$0] } } }
        let everywhere = Array(words.indices)
        func weight(_ path: [Int]) -> Double { exp(model.score(at: everywhere, of: path, in: words)) }
        let whole = paths.reduce(0) { $0 + weight($1) }
        let best = model.tags(for: words).map { model.tags.firstIndex(of: $0) ?? 0 }
        for places in [[0], [3], [1, 2], everywhere] {
            let own = paths.filter { path in places.allSatisfy { path[$0] == best[$0] } }
            let expected = own.reduce(0) { $0 + weight($1) } / whole
            #expect(abs(model.probability(at: places, of: best, in: words) - expected) < 1e-9, "\(places)")
        }
    }
}
