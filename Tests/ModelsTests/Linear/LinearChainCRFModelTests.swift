import Foundation
import Testing
import YuyanFileFormats
import YuyanModels

@Suite struct LinearChainCRFModelTests {
    private static func sample(_ count: Int) -> (sentences: [[String]], tags: [[String]]) {
        var (sentences, tags, state): ([[String]], [[String]], UInt64) = ([], [], 5)
        for _ in 0..<count {
            var (words, labels): ([String], [String]) = ([], [])
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            for place in 0..<Int(state >> 33) % 7 {
                switch Int(state >> UInt64(4 * place) & 0xFFFF) % 4 {
                case 0:
                    words += ["Mr.", "Name\(place)"]
                    labels += ["O", "B-PER"]
                case 1:
                    words += ["in", "Town", "City\(place)"]
                    labels += ["O", "B-LOC", "I-LOC"]
                default:
                    words.append("word\(place)")
                    labels.append("O")
                }
            }
            sentences.append(words)
            tags.append(labels)
        }
        return (sentences, tags)
    }

    /// The loss of every path written out, and its gradient by differences.
    @Test func lossAndGradientAreThoseOfAllPaths() {
        let sentences = [["a", "b", "a"], [], ["c"], ["b", "c"]]
        let tags = [["x", "y", "z"], [], ["y"], ["z", "z"]]
        var options = LinearChainCRFOptions()
        (options.l2, options.features.window, options.features.affixLength) = (0.3, 1, 0)
        let problem = ChainProblem(sentences, tags, options)
        var x = (0..<problem.count).map { Double(($0 * 37) % 19 - 9) / 10 }
        let (width, size) = (problem.tags.count, problem.features.count * problem.tags.count)
        func loss() -> Double {
            var total = 0.0
            for (words, right) in zip(sentences, tags) {
                let features = options.features.features(of: words)
                func score(_ path: [Int]) -> Double {
                    var sum = 0.0
                    for (place, tag) in path.enumerated() {
                        for feature in features[place] {
                            guard let row = problem.features.firstIndex(of: feature) else { continue }
                            sum += x[row * width + tag]
                        }
                        if place > 0 { sum += x[size + path[place - 1] * width + tag] }
                    }
                    return sum
                }
                let paths = words.reduce(into: [[Int]]([[]])) { paths, _ in
                    paths = paths.flatMap { path in (0..<width).map { path + [$0] } }
                }
                let wanted = right.map { tag in problem.tags.firstIndex(of: tag) ?? 0 }
                total += log(paths.reduce(0) { $0 + exp(score($1)) }) - score(wanted)
            }
            return total + 0.3 * x.reduce(0) { $0 + $1 * $1 }
        }
        var gradient = [Double](repeating: 0, count: problem.count)
        let value = problem.evaluate(x, &gradient)
        #expect(abs(value - loss()) < 1e-10 * abs(value))
        for place in stride(from: 0, to: problem.count, by: 5) {
            let before = x[place]
            x[place] = before + 1e-5
            let above = loss()
            x[place] = before - 1e-5
            let below = loss()
            x[place] = before
            #expect(abs((above - below) / 2e-5 - gradient[place]) < 1e-6)
        }
    }

    @Test func learnsTagsWithAnyNumberOfThreads() throws {
        let (sentences, tags) = Self.sample(120)
        func train(_ threads: Int32) throws -> LinearChainCRFModel {
            try withThreads(threads) { try LinearChainCRFModel.train(sentences: sentences, tags: tags) }
        }
        let (one, two) = (try train(1), try train(2))
        for (words, right) in zip(sentences, tags) { #expect(one.tags(for: words) == right) }
        #expect(one.tags(for: ["Mr.", "Unseen"]) == ["O", "B-PER"])
        for feature in one.features.prefix(200) {
            for tag in one.tags.indices { #expect(one.weight(feature, tag) == two.weight(feature, tag)) }
        }
    }

    @Test func absoluteValuesLeaveFewWeights() throws {
        let (sentences, tags) = Self.sample(120)
        var options = LinearChainCRFOptions()
        (options.l1, options.l2) = (0.5, 0.01)
        let sparse = try LinearChainCRFModel.train(sentences: sentences, tags: tags, options: options)
        let dense = try LinearChainCRFModel.train(sentences: sentences, tags: tags)
        func share(_ model: LinearChainCRFModel) -> Double {
            let all = model.features.flatMap { feature in model.tags.indices.map { model.weight(feature, $0) }
            }
            return Double(all.count { $0 != 0 }) / Double(all.count)
        }
        #expect(share(sparse) < 0.3 && share(dense) > 0.9, "\(share(sparse)), \(share(dense))")
        let right = zip(sentences, tags).filter { sparse.tags(for: $0.0) == $0.1 }
        #expect(right.count == sentences.count)
    }

    @Test func aSavedModelTagsTheSame() throws {
        let (sentences, tags) = Self.sample(60)
        var options = LinearChainCRFOptions()
        options.features = .characters
        let model = try LinearChainCRFModel.train(sentences: sentences, tags: tags, options: options)
        let folder = try ScratchFolder()
        try model.save(to: folder.path)
        let read = try LinearChainCRFModel(folder: folder.path)
        #expect(read.options == model.options && read.features == model.features && read.tags == model.tags)
        for words in sentences { #expect(read.tags(for: words) == model.tags(for: words)) }
        #expect(read.transition(0, 1) == model.transition(0, 1))
        #expect(read.tags(for: []).isEmpty)
        let path = folder.file("config.json")
        let text = try String(contentsOfFile: path, encoding: .utf8)
        try text.replacingOccurrences(of: "\"O\"", with: "\"O\", \"X\"").write(
            toFile: path,
            atomically: true,
            encoding: .utf8
        )
        expectFileFailure(.mismatch, "weights") { _ = try LinearChainCRFModel(folder: folder.path) }
    }

    @Test func featuresOfWords() {
        var options = TaggingFeatureOptions()
        (options.window, options.affixLength) = (1, 2)
        #expect(
            options.features(of: ["McDonald's", "中文"]) == [
                [
                    "bias", "w-1=<s>", "w0=mcdonald's", "s0=XxXxx'x", "w1=中文", "s1=xx", "b1=m", "e1=s",
                    "b2=mc", "e2='s",
                ],
                [
                    "bias", "w-1=mcdonald's", "s-1=XxXxx'x", "w0=中文", "s0=xx", "w1=</s>", "b1=中", "e1=文",
                    "b2=中文", "e2=中文",
                ],
            ]
        )
    }

    @Test func misuseIsAnError() {
        #expect(throws: LinearModelError.self) {
            _ = try LinearChainCRFModel.train(sentences: [["a"]], tags: [["x", "y"]])
        }
        #expect(throws: LinearModelError.self) {
            _ = try LinearChainCRFModel.train(sentences: [[]], tags: [[]])
        }
        #expect(throws: CancellationError.self) {
            _ = try LinearChainCRFModel.train(
                sentences: [["a", "b"]],
                tags: [["x", "y"]],
                isCancelled: { true }
            )
        }
    }
}
