import Foundation

/// Trains a language identifier from texts.
///
/// Stochastic gradient descent as in fastText (Joulin and others 2017); then the embeddings are rounded to four bits
/// and the small output layer is trained again on the rounded ones.
///
/// The same texts and seed give the same identifier.
public struct LanguageTrainer: Sendable {
    /// How often each language is drawn in an epoch.
    public var samplesPerLanguage = 4000
    /// The number of epochs of the whole network.
    public var epochs = 12
    /// The number of epochs of the output layer on rounded embeddings.
    public var outputEpochs = 3
    /// The learning rate at the beginning; it falls evenly to 0.
    public var learningRate: Float = 1.0
    /// The lengths of the drawn pieces in bytes, even on a logarithmic scale.
    public var pieceBytes: ClosedRange<Int> = 10...240
    /// Another seed draws other pieces.
    public var seed: UInt64 = 1

    /// A trainer with the usual settings.
    public init() {}

    /// Trains an identifier.
    ///
    /// Traps when there are fewer than two languages, or one without text.
    ///
    /// - Parameters:
    ///   - texts: For each language tag its text as UTF-8, sentences divided by line feeds.
    ///   - ideographClasses: Four bits for each of U+4E00 … U+9FFF, low half of a byte first: 1 for GB 2312, 2 for
    ///     Big5, 4 for JIS X 0208; by default those of the identifier that comes with the house.
    ///   - progress: Called after every epoch with the mean loss.
    /// - Returns: The identifier.
    public func train(
        _ texts: [String: [UInt8]],
        ideographClasses: [UInt8]? = nil,
        progress: (Int, Double) -> Void = { _, _ in }
    ) -> LanguageIdentifier {
        let languages = texts.keys.sorted()
        let contents = languages.map { texts[$0] ?? [] }
        guard languages.count > 1, contents.allSatisfy({ $0.count >= 16 }) else {
            fatalError(
                "LanguageTrainer: \(languages.count) languages; two with 16 bytes or more each are needed"
            )
        }
        let classes = ideographClasses ?? LanguageIdentifier.shared.features.ideographClasses
        var network = LanguageNetwork(languages: languages.count, seed: seed)
        let features = LanguageFeatures(ideographClasses: classes)
        let total = languages.count * samplesPerLanguage
        var draws = PieceDraws(state: seed, lengths: pieceBytes)
        for epoch in 0..<(epochs + outputEpochs) {
            if epoch == epochs { network.round() }
            var loss = 0.0
            for step in 0..<total {
                let isOutput = epoch >= epochs
                let (done, all) =
                    isOutput ? (epoch - epochs, outputEpochs) : (epoch, epochs)
                let left = 1 - (Float(done) + Float(step) / Float(total)) / Float(all)
                let language = draws.below(languages.count)
                let rate = learningRate * left * (isOutput ? 0.3 : 1)
                loss += contents[language].withUnsafeBufferPointer { text in
                    network.learn(features, draws.piece(of: text), language, rate: rate)
                }
            }
            progress(epoch, loss / Double(total))
        }
        return LanguageIdentifier(
            languages: languages,
            ideographClasses: classes,
            knownBlocks: Self.blocks(contents),
            embeddings: network.rounded,
            outputs: network.outputs.map { $0 * network.scale },
            biases: network.biases
        )
    }

    /// The blocks of 128 scalars in which at least a ten-thousandth of some language's letters lie.
    private static func blocks(_ contents: [[UInt8]]) -> [UInt8] {
        var known = [UInt8](repeating: 0, count: 64)
        let table = ScalarTable.shared
        for content in contents {
            var (counts, letters) = ([Int](repeating: 0, count: 512), 0)
            content.withUnsafeBufferPointer { bytes in
                var offset = 0
                while offset < bytes.count {
                    let scalar = nextScalar(bytes, &offset)
                    guard scalar < 0x10000, table.kind(scalar) != ScalarKind.separator.rawValue else {
                        continue
                    }
                    letters += 1
                    counts[Int(scalar >> 7)] += 1
                }
            }
            for (block, count) in counts.enumerated() where count > 0 && count * 10_000 >= letters {
                known[block / 8] |= 1 << UInt8(block % 8)
            }
        }
        return known
    }
}

/// Draws pieces of text.
private struct PieceDraws {
    var state: UInt64
    let lengths: ClosedRange<Int>

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        return mixed(state)
    }

    mutating func below(_ count: Int) -> Int { Int(next().multipliedFullWidth(by: UInt64(count)).high) }

    /// A piece from a random place, begun after a space or line feed where one is near.
    mutating func piece(of text: UnsafeBufferPointer<UInt8>) -> UnsafeBufferPointer<UInt8> {
        let span = log(Double(lengths.upperBound) / Double(lengths.lowerBound))
        let length = Int(Double(lengths.lowerBound) * exp(span * Double(below(1 << 20)) / Double(1 << 20)))
        var start = below(max(text.count - length, 1))
        var steps = 0
        while start > 0, start < text.count - 8, steps < 24, text[start - 1] > 0x20 {
            (start, steps) = (start + 1, steps + 1)
        }
        while start < text.count, text[start] & 0xC0 == 0x80 { start += 1 }
        var end = min(start + length, text.count)
        while end < text.count, text[end] & 0xC0 == 0x80 { end += 1 }
        return UnsafeBufferPointer(rebasing: text[start..<end])
    }
}

/// The weights while they are learned.
private struct LanguageNetwork {
    private var embeddings: [SIMD16<Float>]
    private(set) var outputs: [SIMD16<Float>]
    private(set) var biases: [Float]
    private(set) var rounded: [SIMD16<Int8>] = []
    private(set) var scale: Float = 1
    private var buckets: [Int] = []

    init(languages: Int, seed: UInt64) {
        var draws = PieceDraws(state: ~seed, lengths: 1...2)
        embeddings = (0..<LanguageFeatures.bucketCount).map { _ in
            var row = SIMD16<Float>()
            for index in 0..<16 { row[index] = (Float(draws.below(1 << 16)) / 32768 - 1) / 16 }
            return row
        }
        outputs = [SIMD16<Float>](repeating: SIMD16(), count: languages)
        biases = [Float](repeating: 0, count: languages)
    }

    /// One step; the loss before it.
    mutating func learn(
        _ features: LanguageFeatures,
        _ piece: UnsafeBufferPointer<UInt8>,
        _ language: Int,
        rate: Float
    ) -> Double {
        buckets.removeAll(keepingCapacity: true)
        features.scan(piece) {
            buckets.append($0)
        } letter: { _ in
        }
        guard !buckets.isEmpty else { return 0 }
        var hidden = SIMD16<Float>()
        for bucket in buckets { hidden += embeddings[bucket] }
        hidden /= Float(buckets.count)
        let probabilities = LanguageIdentifier.softmax(zip(outputs, biases).map { ($0 * hidden).sum() + $1 })
        var gradient = SIMD16<Float>()
        for index in outputs.indices {
            let error = rate * ((index == language ? 1 : 0) - probabilities[index])
            gradient += outputs[index] * error
            outputs[index] += hidden * error
            biases[index] += error * 0.05
        }
        if rounded.isEmpty {
            gradient /= Float(buckets.count)
            for bucket in buckets { embeddings[bucket] += gradient }
        }
        return -log(Double(max(probabilities[language], 1e-30)))
    }

    /// Rounds the embeddings to −8 … 7 steps of the size with the least squared error.
    mutating func round() {
        let highest = embeddings.reduce(Float(0)) { max($0, $1.max(), -$1.min()) }
        var best = Float.infinity
        for share in stride(from: Float(0.05), through: 1, by: 0.05) {
            let step = max(highest * share / 7, 1e-12)
            let error = embeddings.reduce(Float(0)) { sum, row in
                let rest = row - Self.steps(row, step) * step
                return sum + (rest * rest).sum()
            }
            if error < best { (best, scale) = (error, step) }
        }
        rounded = embeddings.map { SIMD16<Int8>(Self.steps($0, scale)) }
        embeddings = rounded.map { SIMD16<Float>($0) * scale }
    }

    private static func steps(_ row: SIMD16<Float>, _ step: Float) -> SIMD16<Float> {
        (row / step).rounded(.toNearestOrEven).clamped(
            lowerBound: SIMD16(repeating: -8),
            upperBound: SIMD16(repeating: 7)
        )
    }
}
