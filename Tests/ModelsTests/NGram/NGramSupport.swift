import Foundation
import Testing
import YuyanFileFormats
import YuyanModels

/// What the golden script wrote.
struct NGramGolden: Decodable {
    struct Query: Decodable {
        let context: [Int32]
        let probabilities: [Double]
    }
    let name: String
    let vocabulary, order: Int
    let minCounts: [Int]
    let endOfText: Int32?
    let documents: [[Int32]]
    let queries: [Query]
    let discounts: [[Double]]
    let ngrams: [Int]

    static func all() throws -> [NGramGolden] {
        let path = URL(filePath: #filePath).resolvingSymlinksInPath().deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
            .appending(path: "Fixtures/ngram/kneser_ney.json")
        return try JSONDecoder().decode([NGramGolden].self, from: Data(contentsOf: path))
    }
}

/// Numbers of a linear congruential generator.
struct Draws {
    var state: UInt64

    mutating func callAsFunction(_ bound: Int) -> Int {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return Int(state >> 33) % bound
    }
}

/// Documents whose tokens depend on those before.
func ngramDocuments(
    _ count: Int,
    vocabulary: Int,
    longest: Int = 30,
    endOfText: Int32? = nil,
    seed: UInt64
) -> [[Int32]] {
    var draws = Draws(state: seed)
    let inner = max(vocabulary - 1, 1)
    return (0..<count).map { _ in
        var words = [Int32(draws(inner))]
        while words.count < longest, draws(12) > 0 {
            let last = Int(words.last ?? 0)
            words.append(Int32(draws(3) == 0 ? draws(inner) : (last * 5 + draws(3)) % inner))
        }
        return words + (endOfText.map { [$0] } ?? [])
    }
}

func ngramOptions(_ order: Int, _ minimumCounts: [Int] = [1]) -> NGramOptions {
    var options = NGramOptions()
    (options.order, options.minimumCounts) = (order, minimumCounts)
    return options
}

/// A model of documents in memory.
func ngramModel(
    _ documents: [[Int32]],
    vocabulary: Int,
    endOfText: Int32? = nil,
    _ options: NGramOptions = NGramOptions()
) throws -> NGramLanguageModel {
    try NGramLanguageModel.train(
        NGramDocuments(documents),
        vocabularySize: vocabulary,
        endOfText: endOfText,
        options: options
    )
}
