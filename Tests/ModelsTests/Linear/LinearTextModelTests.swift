import Foundation
import Testing
import YuyanFileFormats
import YuyanModels

@Suite struct LinearTextModelTests {
    struct Golden: Decodable {
        struct Case: Decodable {
            let name, scheme: String
            let texts, others, features: [String]
            let labels: [Int32]
            let classes, minimumTexts: Int
            let c: Double
            let charactersStayInWords, sublinear: Bool
            let words, characters: [Int]?
            let coefficients, probabilities: [[Double]]
            let intercepts: [Double]
        }
        let linear: [Case]
    }

    private static func options(_ golden: Golden.Case) -> LinearTextOptions {
        var options = LinearTextOptions()
        options.features.wordNGrams = golden.words.map { $0[0]...$0[1] }
        options.features.characterNGrams = golden.characters.map { $0[0]...$0[1] }
        options.features.charactersStayInWords = golden.charactersStayInWords
        options.features.balancesKinds = golden.words != nil && golden.characters != nil
        options.features.minimumTexts = golden.minimumTexts
        options.features.sublinear = golden.sublinear
        (options.inverseRegularization, options.tolerance) = (golden.c, 1e-9)
        options.scheme = golden.scheme == "one-vs-rest" ? .oneVersusRest : .multinomial
        return options
    }

    @Test func weightsAreThoseOfScikitLearn() throws {
        let cases = try classicalGolden(Golden.self).linear
        #expect(cases.count == 6)
        for golden in cases {
            let model = try LinearTextModel.train(
                texts: golden.texts,
                labels: golden.labels,
                classes: golden.classes,
                options: Self.options(golden)
            )
            #expect(model.isConverged)
            let names = model.featureNames ?? []
            #expect(Set(names) == Set(golden.features), "\(golden.name)")
            var places: [String: Int] = [:]
            for (place, name) in golden.features.enumerated() { places[name] = place }
            var largest = 0.0
            for (feature, name) in names.enumerated() {
                guard let place = places[name] else { continue }
                for output in golden.coefficients.indices {
                    let difference = model.weight(feature, output) - golden.coefficients[output][place]
                    largest = max(largest, abs(difference))
                }
            }
            for (own, wanted) in zip(model.intercepts, golden.intercepts) {
                largest = max(largest, abs(own - wanted))
            }
            #expect(largest < 1e-5, "\(golden.name)")
            let odds = model.probabilities(golden.others)
            for (own, wanted) in zip(odds, golden.probabilities.joined()) {
                #expect(abs(Double(own) - wanted) < 1e-6, "\(golden.name)")
            }
        }
    }

    private static func sample(_ count: Int) -> (texts: [String], labels: [Int32]) {
        var (texts, labels, state): ([String], [Int32], UInt64) = ([], [], 11)
        for _ in 0..<count {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            let label = Int(state >> 40) % 3
            labels.append(Int32(label))
            texts.append(
                (0..<6).map { "w\(label * 5 + Int(state >> UInt64(8 * $0) & 0xFFFF) % 9)" }.joined(
                    separator: " "
                )
            )
        }
        return (texts, labels)
    }

    @Test func threadsDoNotChangeAnything() throws {
        let (texts, labels) = Self.sample(600)
        func train(_ threads: Int32) throws -> [Float] {
            try withThreads(threads) {
                try LinearTextModel.train(texts: texts, labels: labels, classes: 3).probabilities(texts)
            }
        }
        #expect(try train(1) == train(2))
    }

    @Test func aSavedModelAnswersTheSame() throws {
        let (texts, labels) = Self.sample(200)
        for (hashed, scheme, classes) in [
            (nil, LinearTextOptions.Scheme.multinomial, 3), (512, .oneVersusRest, 3), (nil, .multiLabel, 4),
            (64, .multinomial, 2),
        ] as [(Int?, LinearTextOptions.Scheme, Int)] {
            let folder = try ScratchFolder()
            var options = LinearTextOptions()
            (options.scheme, options.features.hashedColumns) = (scheme, hashed)
            options.features.characterNGrams = 2...3
            options.features.balancesKinds = hashed == nil
            options.features.charactersStayInWords = classes == 3
            let own = labels.map { classes == 2 ? min($0, 1) : $0 }
            let model = try LinearTextModel.train(
                texts: texts,
                labels: own,
                classes: classes,
                options: options
            )
            try model.save(to: folder.path)
            let read = try LinearTextModel(folder: folder.path)
            #expect(read.options == model.options)
            #expect(read.probabilities(texts) == model.probabilities(texts))
            let odds = model.probabilities(texts)
            #expect(odds.count == texts.count * classes)
            if scheme != .multiLabel {
                let right = texts.indices.filter { text in
                    let row = odds[text * classes..<(text + 1) * classes]
                    #expect(abs(row.reduce(0, +) - 1) < 1e-5)
                    return row.firstIndex(of: row.max() ?? 0) == row.startIndex + Int(own[text])
                }
                #expect(right.count > texts.count * 8 / 10)
            }
        }
    }

    @Test func severalLabelsAreLearnedApart() throws {
        let (texts, labels) = Self.sample(300)
        let sets: [[Int32]] = labels.map { $0 == 0 ? [] : $0 == 1 ? [0] : [0, 1] }
        let model = try LinearTextModel.train(texts: texts, labelSets: sets, classes: 2)
        let odds = model.probabilities(texts)
        var right = 0
        for (text, labels) in sets.enumerated() {
            for label in 0..<2 where (odds[2 * text + label] > 0.5) == labels.contains(Int32(label)) {
                right += 1
            }
        }
        #expect(right > 2 * 300 * 8 / 10)
    }

    @Test func vocabulariesCanBeBounded() throws {
        var options = LinearTextOptions()
        options.features.words = .whitespace
        options.features.maximumFeatures = 2
        let model = try LinearTextModel.train(
            texts: ["a a b", "a b c", "b d"],
            labels: [0, 1, 1],
            classes: 2,
            options: options
        )
        #expect(model.featureNames == ["a", "b"])
        #expect(model.probabilities([""]).count == 2)
    }

    @Test func misuseAndCancelling() throws {
        #expect(throws: LinearModelError.self) {
            _ = try LinearTextModel.train(texts: ["a"], labels: [2], classes: 2)
        }
        #expect(throws: LinearModelError.self) {
            _ = try LinearTextModel.train(texts: ["aa"], labels: [], classes: 2)
        }
        #expect(throws: LinearModelError.self) {
            _ = try LinearTextModel.train(texts: [], labels: [], classes: 2)
        }
        #expect(throws: LinearModelError.self) {
            _ = try LinearTextModel.train(texts: ["."], labels: [0], classes: 2)
        }
        var options = LinearTextOptions()
        (options.features.hashedColumns, options.features.balancesKinds) = (64, true)
        #expect(options.problem?.contains("balanced") == true)
        #expect(throws: LinearModelError.self) {
            _ = try LinearTextModel.train(texts: ["aa"], labels: [0], classes: 2, options: options)
        }
        let (texts, labels) = Self.sample(50)
        #expect(throws: CancellationError.self) {
            _ = try LinearTextModel.train(texts: texts, labels: labels, classes: 3, isCancelled: { true })
        }
    }

    @Test func hostileFoldersAreRefused() throws {
        let (texts, labels) = Self.sample(50)
        let model = try LinearTextModel.train(texts: texts, labels: labels, classes: 3)
        func expect(_ code: FileFormatError.Code, _ words: String, _ change: (String) throws -> Void) throws {
            let folder = try ScratchFolder()
            try model.save(to: folder.path)
            try change(folder.path)
            expectFileFailure(code, words) { _ = try LinearTextModel(folder: folder.path) }
        }
        func replace(_ file: String, _ old: String, _ new: String) -> (String) throws -> Void {
            { folder in
                let path = "\(folder)/\(file)"
                let text = try String(contentsOfFile: path, encoding: .utf8)
                #expect(text.contains(old))
                try text.replacingOccurrences(of: old, with: new).write(
                    toFile: path,
                    atomically: true,
                    encoding: .utf8
                )
            }
        }
        try expect(.unsupported, "model_type", replace("config.json", "linear-text", "bert"))
        try expect(.mismatch, "weights", replace("config.json", "\"num_labels\": 3", "\"num_labels\": 4"))
        try expect(.unsupported, "scheme", replace("config.json", "multinomial", "other"))
        try expect(
            .malformed,
            "word_ngrams",
            replace("config.json", "\"word_ngrams\": [", "\"word_ngrams\": [7,")
        )
        try expect(.duplicate, "twice", replace("vocabulary.json", "\"w1\"", "\"w0\""))
        try expect(.notFound, "vocabulary.json") {
            try FileManager.default.removeItem(atPath: "\($0)/vocabulary.json")
        }
    }
}
