import Foundation
import Testing
import YuyanFileFormats
import YuyanModels

/// What `Tools/golden/similarity.py` wrote.
struct SimilarityGolden: Decodable {
    struct Outcome: Decodable {
        let loss: Double
        let first: [Double]
        let second: [Double]
    }

    struct Losses: Decodable {
        let rows: Int
        let columns: Int
        let width: Int
        let temperature: Double
        let targets: [Int]
        let excluded: [[Int]]
        let scores: [Double]
        let firstRows: [Double]
        let secondRows: [Double]
        let contrastive: Outcome
        let cosine: Outcome
        let cosent: Outcome
    }

    struct BM25: Decodable {
        let texts: [[String]]
        let queries: [[String]]
        let okapi: [[Double]]
        let lucene: [[Double]]
    }

    struct Averages: Decodable {
        let words: [String]
        let dimension: Int
        let vectors: [Float]
        let counts: [Int]
        let texts: [[String]]
        let smoothing: Double
        let averages: [String: [Double]]
    }

    let losses: Losses
    let bm25: BM25
    let averages: Averages

    static func read() throws -> SimilarityGolden {
        let path = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent().appending(
                path: "Fixtures/search/similarity.json"
            )
        return try JSONDecoder().decode(SimilarityGolden.self, from: Data(contentsOf: path))
    }
}

/// Rows of normal numbers around a few centres, as embeddings lie.
func clusteredRows(_ count: Int, width: Int, seed: UInt64, centres: Int = 40, spread: Float = 0.7) -> [Float]
{
    var random = RandomSource(seed: seed)
    let middle = Tensor.normal([centres, width], standardDeviation: 1, random: &random).floats()
    let noise = Tensor.normal([count, width], standardDeviation: Double(spread), random: &random).floats()
    return (0..<count * width).map { place in
        noise[place] + middle[place / width * 7919 % centres * width + place % width]
    }
}

/// Changes one byte of a file, or cuts it.
func damage(_ path: String, at offset: Int? = nil, keeping count: Int? = nil) throws {
    var bytes = try Data(contentsOf: URL(fileURLWithPath: path))
    if let offset { bytes[offset] ^= 0x80 }
    if let count { bytes = bytes.prefix(count) }
    try bytes.write(to: URL(fileURLWithPath: path))
}
