import Foundation

/// Cuts text by a dictionary: the path of words with the largest product of frequencies.
///
/// Characters that no word covers stay alone, or are joined by a hidden Markov model of the characters of words that
/// is learned from the dictionary itself. Runs of letters or digits that the dictionary does not have stay whole.
public struct DictionarySegmenter: WordSegmenter {
    /// What becomes of characters that no word of the dictionary covers.
    public enum UnknownWords: String, Sendable, CaseIterable {
        /// Each stands alone.
        case characters
        /// They are joined where the dictionary's words make it likely.
        case hiddenMarkov = "hidden_markov"
    }

    private let path: UnigramPath
    private let tags: [String?]
    private let markov: WordMarkovModel?

    /// Makes a segmenter of a dictionary.
    ///
    /// - Parameters:
    ///   - lexicon: The words; an empty dictionary leaves every character alone.
    ///   - unknown: What becomes of characters that no word covers.
    public init(_ lexicon: WordLexicon, unknown: UnknownWords = .hiddenMarkov) {
        path = UnigramPath(lexicon)
        tags = lexicon.entries.map(\.tag)
        markov = unknown == .hiddenMarkov ? WordMarkovModel(lexicon) : nil
    }

    /// Finds the words of a text.
    ///
    /// - Parameter text: Any text.
    /// - Returns: The places of the words in the text's UTF-8 bytes, in order; they hold every character but white
    ///   space.
    public func ranges(in text: String) -> [Range<Int>] {
        pieces(of: text).map(\.range)
    }

    /// Cuts a text into words and gives each the dictionary's tag.
    ///
    /// - Parameter text: Any text.
    /// - Returns: The words with their tags; nil where the dictionary has none.
    public func taggedWords(in text: String) -> [(word: String, tag: String?)] {
        let found = pieces(of: text)
        return zip(slices(of: text, found.map(\.range)), found).map { word, piece in
            (word, piece.number < 0 ? nil : tags[Int(piece.number)])
        }
    }

    private struct Piece {
        let range: Range<Int>
        let number: Int32
    }

    private func pieces(of text: String) -> [Piece] {
        var text = text
        return text.withUTF8 { bytes in
            var (pieces, start) = ([Piece](), 0)
            while start < bytes.count {
                // White space is part of no word, so what stands between it is worked on alone.
                let (value, length) = utf8Scalar(in: bytes, at: start)
                if CharacterUnits.isWhiteSpace(value) {
                    start += length
                    continue
                }
                var end = start
                while end < bytes.count, end - start < 1 << 16 {
                    let (next, length) = utf8Scalar(in: bytes, at: end)
                    if CharacterUnits.isWhiteSpace(next) { break }
                    end += length
                }
                append(UnsafeBufferPointer(rebasing: bytes[start..<end]), offset: start, to: &pieces)
                start = end
            }
            return pieces
        }
    }

    private func append(_ bytes: UnsafeBufferPointer<UInt8>, offset: Int, to pieces: inout [Piece]) {
        var (scalars, offsets, place) = ([UInt32](), [Int](), 0)
        scalars.reserveCapacity(bytes.count / 2)
        offsets.reserveCapacity(bytes.count / 2)
        while place < bytes.count {
            let (value, length) = utf8Scalar(in: bytes, at: place)
            scalars.append(value)
            offsets.append(offset + place)
            place += length
        }
        offsets.append(offset + bytes.count)
        let next = path.best(scalars)
        var (start, unknown) = (0, 0)
        while start < scalars.count {
            let end = Int(next[start].end)
            let isLone = end - start == 1 && CharacterUnits.kind(of: scalars[start]).isIdeographic
            if !isLone || markov == nil {
                flush(unknown..<start, scalars, offsets, to: &pieces)
                pieces.append(Piece(range: offsets[start]..<offsets[end], number: next[start].number))
                unknown = end
            }
            start = end
        }
        flush(unknown..<start, scalars, offsets, to: &pieces)
    }

    /// Joins lone characters that stand side by side.
    private func flush(_ run: Range<Int>, _ scalars: [UInt32], _ offsets: [Int], to pieces: inout [Piece]) {
        guard let markov, !run.isEmpty else { return }
        for part in markov.words(scalars[run]) {
            let number = part.count == 1 ? path.number(of: scalars[part]) : -1
            pieces.append(Piece(range: offsets[part.lowerBound]..<offsets[part.upperBound], number: number))
        }
    }
}

extension UnitKind {
    var isIdeographic: Bool { self == .han || self == .numeral || self == .calendar }
}

/// The path of words with the largest product of relative frequencies.
struct UnigramPath: Sendable {
    private let trie: WordTrie
    /// log(frequency / total) of each word.
    private let logarithms: [Double]
    /// The same for a character that the dictionary does not have.
    private let unknown: Double

    /// Where the best word that begins at a place ends, and its number in the dictionary.
    struct Step {
        var end: Int32
        var number: Int32
    }

    init(_ lexicon: WordLexicon) {
        trie = lexicon.trie
        let total = log(Double(max(lexicon.total, 1)))
        logarithms = lexicon.entries.map { log(Double($0.frequency)) - total }
        unknown = -total
    }

    func number(of word: ArraySlice<UInt32>) -> Int32 { trie.value(of: word) }

    /// The best step from every place, found from the end; of equal paths the one with the longer first word.
    func best(_ scalars: [UInt32]) -> [Step] {
        let count = scalars.count
        var steps = [Step](repeating: Step(end: 0, number: -1), count: count)
        var scores = [Double](repeating: 0, count: count + 1)
        var (runEnd, isRun) = (count, false)
        for start in stride(from: count - 1, through: 0, by: -1) {
            let kind = CharacterUnits.kind(of: scalars[start])
            let continues = kind == .letter || kind == .digit
            if !(continues && isRun) { runEnd = start + 1 }
            isRun = continues
            var (score, step) = (unknown + scores[runEnd], Step(end: Int32(runEnd), number: -1))
            var (node, place) = (Int32(0), start)
            while place < count, let next = trie.step(node, scalars[place]) {
                (node, place) = (next, place + 1)
                let number = trie.value(at: node)
                guard number >= 0 else { continue }
                let candidate = logarithms[Int(number)] + scores[place]
                if candidate > score || (candidate == score && place >= step.end) {
                    (score, step) = (candidate, Step(end: Int32(place), number: number))
                }
            }
            (steps[start], scores[start]) = (step, score)
        }
        return steps
    }
}

/// A hidden Markov model of the places of characters in words, learned from a dictionary.
struct WordMarkovModel: Sendable {
    private var emissions: [UInt32: SIMD4<Float>] = [:]
    private var transitions = [Float](repeating: 0, count: 16)
    private var unseen = SIMD4<Float>.zero

    /// Counts the characters of all words as often as the words occur.
    init(_ lexicon: WordLexicon) {
        var (counts, sums) = ([UInt32: SIMD4<Double>](), SIMD4<Double>(repeating: 1))
        var (ends, singles) = (1.0, 1.0)
        var middles = SIMD2<Double>(1, 1)
        for entry in lexicon.entries {
            let scalars = entry.word.unicodeScalars.map(\.value)
            guard scalars.allSatisfy({ CharacterUnits.kind(of: $0).isIdeographic }) else { continue }
            let weight = Double(entry.frequency)
            for (index, scalar) in scalars.enumerated() {
                let label =
                    scalars.count == 1
                    ? BoundaryLabels.single
                    : index == 0
                        ? BoundaryLabels.begin
                        : index == scalars.count - 1 ? BoundaryLabels.end : BoundaryLabels.middle
                counts[scalar, default: .zero][label] += weight
                sums[label] += weight
            }
            if scalars.count == 1 { singles += weight } else { ends += weight }
            if scalars.count > 2 { middles[0] += weight }
            middles[1] += weight * Double(max(scalars.count - 3, 0))
        }
        let kinds = Double(counts.count + 1)
        let smoothing = 0.1
        for (scalar, count) in counts {
            var row = SIMD4<Float>.zero
            for label in 0..<4 {
                row[label] = Float(log((count[label] + smoothing) / (sums[label] + smoothing * kinds)))
            }
            emissions[scalar] = row
        }
        for label in 0..<4 { unseen[label] = Float(log(smoothing / (sums[label] + smoothing * kinds))) }
        let longer = middles[0] / ends
        let goOn = middles[1] / (middles[1] + middles[0])
        let opens = ends / (ends + singles)
        set(
            BoundaryLabels.begin,
            [BoundaryLabels.middle: min(longer, 0.99), BoundaryLabels.end: max(1 - longer, 0.01)]
        )
        set(BoundaryLabels.middle, [BoundaryLabels.middle: goOn, BoundaryLabels.end: 1 - goOn])
        for label in [BoundaryLabels.end, BoundaryLabels.single] {
            set(label, [BoundaryLabels.begin: opens, BoundaryLabels.single: 1 - opens])
        }
    }

    private mutating func set(_ label: Int, _ next: [Int: Double]) {
        for (other, probability) in next {
            transitions[label * 4 + other] = Float(log(max(probability, 1e-6)))
        }
    }

    /// The words of a run of characters, as ranges of the slice's indices.
    func words(_ run: ArraySlice<UInt32>) -> [Range<Int>] {
        if run.count == 1 { return [run.indices] }
        var scores: [Float] = []
        for scalar in run {
            let row = emissions[scalar] ?? unseen
            for label in 0..<4 { scores.append(row[label]) }
        }
        var allowed = [UInt8](repeating: 0b1111, count: run.count)
        allowed[run.count - 1] = BoundaryLabels.closing
        let labels = BoundaryLabels.best(emissions: scores, transitions: transitions, allowed: allowed)
        var (words, start) = ([Range<Int>](), run.startIndex)
        for (index, label) in zip(run.indices, labels)
        where Int(label) == BoundaryLabels.end || Int(label) == BoundaryLabels.single {
            words.append(start..<index + 1)
            start = index + 1
        }
        return words
    }
}
