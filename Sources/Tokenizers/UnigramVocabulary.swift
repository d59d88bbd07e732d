import YuyanFileFormats

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// The characters that pieces are made of: required ones, then the most frequent ones up to the coverage asked for.
struct TrainingAlphabet {
    private(set) var characters: [(scalar: UInt32, count: Int)] = []
    private var indices: [UInt32: UInt32] = [:]

    init(_ words: TrainingWords, coverage: Double, required: String) {
        var counts: [UInt32: Int] = [:]
        Self.forEachScalar(words) { scalar, count, _ in counts[scalar, default: 0] += count }
        let wanted = Set(required.unicodeScalars.map(\.value).filter { $0 != 0 && $0 != 32 })
        let total = counts.values.reduce(0, +)
        var sorted = counts.filter { $0.key != 0 && $0.key != 32 }.map { (scalar: $0.key, count: $0.value) }
        sorted += wanted.filter { counts[$0] == nil }.map { ($0, 0) }
        sorted.sort { left, right in
            let isWanted = (wanted.contains(left.scalar), wanted.contains(right.scalar))
            if isWanted.0 != isWanted.1 { return isWanted.0 }
            return left.count != right.count ? left.count > right.count : left.scalar > right.scalar
        }
        var covered = 0
        for character in sorted {
            if !wanted.contains(character.scalar), Double(covered) >= coverage * Double(total) { break }
            covered += character.count
            characters.append(character)
            indices[character.scalar] = UInt32(characters.count)
        }
    }

    static func log(_ value: Double) -> Double {
        #if canImport(Glibc)
        Glibc.log(value)
        #elseif canImport(Musl)
        Musl.log(value)
        #else
        Darwin.log(value)
        #endif
    }

    static func bytes(_ scalar: UInt32) -> [UInt8] {
        Unicode.Scalar(scalar).map { Array(String($0).utf8) } ?? [0xEF, 0xBF, 0xBD]
    }

    /// Calls a body with every scalar, the count of its word, and the number of the word.
    private static func forEachScalar(_ words: TrainingWords, _ body: (UInt32, Int, Int) -> Void) {
        words.arena.withUnsafeBufferPointer { arena in
            guard let base = arena.baseAddress else { return }
            for word in words.counts.indices {
                var position = words.starts[word]
                let end = words.starts[word + 1]
                while position < end {
                    let step = UTF8Validation.decode(base, at: position, end: end)
                    body(step.isInvalid ? 0 : step.scalar, words.counts[word], word)
                    position += step.count
                }
            }
        }
    }

    /// The words cut at the characters that are not in the alphabet.
    func cut(_ words: TrainingWords) -> TrainingWords {
        let result = WordTable()
        words.arena.withUnsafeBufferPointer { arena in
            guard let base = arena.baseAddress else { return }
            for word in words.counts.indices {
                var start = words.starts[word]
                var position = start
                let end = words.starts[word + 1]
                while position < end {
                    let step = UTF8Validation.decode(base, at: position, end: end)
                    if step.isInvalid || indices[step.scalar] == nil {
                        if position > start {
                            result.add(
                                base + start,
                                count: position - start,
                                hasRoom: false,
                                times: words.counts[word]
                            )
                        }
                        start = position + step.count
                    }
                    position += step.count
                }
                if end > start {
                    result.add(
                        base + start,
                        count: end - start,
                        hasRoom: false,
                        times: words.counts[word]
                    )
                }
            }
        }
        return TrainingWords(result)
    }

    /// The words as indices of characters plus one, each word ended by 0, and the count of the word for each of them.
    func letters(of words: TrainingWords) -> (letters: [UInt32], weights: [Int32]) {
        var letters: [UInt32] = []
        var weights: [Int32] = []
        letters.reserveCapacity(words.arena.count + words.counts.count)
        weights.reserveCapacity(words.arena.count + words.counts.count)
        var last = 0
        func endWord() {
            letters.append(0)
            weights.append(0)
        }
        Self.forEachScalar(words) { scalar, count, word in
            if word != last { endWord() }
            last = word
            letters.append(indices[scalar] ?? 0)
            weights.append(Int32(clamping: count))
        }
        endWord()
        return (letters, weights)
    }
}

/// Which strings may be pieces.
struct PieceRules {
    private let options: UnigramTrainer.Options
    private static let space: UInt32 = 0x2581
    private static let any: UInt8 = 255

    init(_ options: UnigramTrainer.Options) { self.options = options }

    func accepts(_ scalars: [UInt32]) -> Bool {
        guard !scalars.isEmpty, scalars.count <= options.maximumPieceLength else { return false }
        let isWhitespaceOnly = options.allowsWhitespaceOnlyPieces && scalars.allSatisfy { $0 == Self.space }
        var previous = Self.any
        for (index, scalar) in scalars.enumerated() {
            if scalar == Self.space {
                guard isWhitespaceOnly || allowsSpace(at: index, of: scalars.count) else { return false }
                continue
            }
            var script = UnicodeScript.script(scalar)
            if script == UnicodeScript.inherited { script = previous }
            let isDigit = (0x30...0x39).contains(scalar) || (0xFF10...0xFF19).contains(scalar)
            if isDigit, !options.splitsByNumber { script = Self.any }
            if isDigit, options.splitsDigits, scalars.count > 1 { return false }
            if options.splitsByScript, script != Self.any, previous != Self.any, script != previous {
                return false
            }
            previous = script
        }
        return true
    }

    /// White space stands at the beginning of a piece, and inside only when words are not cut at it.
    private func allowsSpace(at index: Int, of count: Int) -> Bool {
        let isFirst = index == 0
        let isLast = index == count - 1
        if options.treatsWhitespaceAsSuffix { return isLast || !options.splitsByWhitespace && !isFirst }
        return isFirst || !options.splitsByWhitespace && !isLast
    }
}

/// The pieces that do not come from text, with their ids, as SentencePiece numbers them.
struct UnigramVocabulary {
    private let options: UnigramTrainer.Options
    private let special: [SentencePieceFile.Piece]

    var count: Int { special.count }

    init(_ options: UnigramTrainer.Options) {
        self.options = options
        func pieces(_ names: [String], _ kind: SentencePieceFile.Kind) -> [SentencePieceFile.Piece] {
            names.map { SentencePieceFile.Piece(Array($0.utf8), score: 0, kind: kind) }
        }
        var special = pieces(["<unk>"], .unknown) + pieces(["<s>", "</s>"], .control)
        if options.hasPadding { special += pieces(["<pad>"], .control) }
        special += pieces(options.controlSymbols, .control)
        special += pieces(options.userDefinedSymbols, .userDefined)
        if options.byteFallback {
            let digits = Array("0123456789ABCDEF".utf8)
            for byte in 0..<256 {
                let name = Array("<0x".utf8) + [digits[byte >> 4], digits[byte & 15]] + Array(">".utf8)
                special.append(SentencePieceFile.Piece(name, score: 0, kind: .byte))
            }
        }
        self.special = special
    }

    func file(_ learned: [(bytes: [UInt8], score: Double)], _ size: Int) -> SentencePieceFile {
        var file = SentencePieceFile()
        let taken = Set(special.map(\.bytes))
        file.pieces = special
        for piece in learned where !taken.contains(piece.bytes) {
            file.pieces.append(SentencePieceFile.Piece(piece.bytes, score: Float(piece.score)))
        }
        file.trainer.vocabularySize = file.pieces.count
        file.trainer.byteFallback = options.byteFallback
        file.trainer.treatsWhitespaceAsSuffix = options.treatsWhitespaceAsSuffix
        file.trainer.paddingID = options.hasPadding ? 3 : -1
        file.normalizer = options.normalizer
        return file
    }
}
