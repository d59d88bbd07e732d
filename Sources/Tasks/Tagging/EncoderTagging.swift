import YuyanDatasets
import YuyanFileFormats
import YuyanModels
import YuyanTokenizers

/// A Transformer encoder over the pieces of words, with its tokenizer.
struct EncoderTagging: TaggingNetwork {
    let model: EncoderTagger
    private let tokenizer: any Tokenizer
    private let cutter: WordCutter

    init(_ model: EncoderTagger, _ tokenizer: any Tokenizer) throws {
        (self.model, self.tokenizer) = (model, tokenizer)
        cutter = WordCutter(tokenizer, maxLength: model.configuration.encoder.maxPositionEmbeddings)
        guard cutter.room >= 1 else {
            throw RecipeError(
                "model.max_position_embeddings is \(model.configuration.encoder.maxPositionEmbeddings); it must have "
                    + "room for a piece of a word"
            )
        }
    }

    /// Reads a model folder.
    init(folder: String) throws {
        let model = try EncoderTagger(folder: folder)
        let tokenizer = try TokenizerFiles.load(folder: folder)
        let known = model.configuration.encoder.vocabSize
        guard tokenizer.vocabularySize <= known else {
            throw FileFormatError(
                .mismatch,
                path: folder,
                "a tokenizer of \(tokenizer.vocabularySize) tokens for a model of \(known)"
            )
        }
        try self.init(model, tokenizer)
    }

    var isOfCharacters: Bool { model.configuration.isOfCharacters }
    var extent: String { "vocabulary \(tokenizer.vocabularySize)" }

    func sentences(_ inputs: [TaggerInput]) -> PieceSentences { PieceSentences(inputs, cutter) }

    var hasAttention: Bool { true }

    func wordValues(_ values: [Double], of sentence: TaggerInput) -> [Double] {
        let owners = cutter.owners(sentence.tokens.map(cutter.pieces))
        let length = owners.map(\.count).max() ?? 0
        var sums = [Double](repeating: 0, count: sentence.tokens.count)
        for (row, owners) in owners.enumerated() {
            for (place, owner) in owners.enumerated() {
                if let owner { sums[owner] += values[row * length + place] }
            }
        }
        return sums
    }

    func attentionRollout(from places: [Int], in sentence: TaggerInput) -> [Double]? {
        let words = sentence.tokens.map(cutter.pieces)
        var sums = [Double](repeating: 0, count: words.count)
        var first = 0
        for (window, owners) in zip(cutter.windows(words), cutter.owners(words)) {
            // The words that are read here follow those of the window before.
            let read = places.filter { (first..<first + window.firsts.count).contains($0) }
                .map { window.firsts[$0 - first] }
            first += window.firsts.count
            guard !read.isEmpty else { continue }
            let shares = model.encoder.attentionRollout(TokenBatch([window.pieces]), from: read)
            for (owner, share) in zip(owners, shares) {
                if let owner { sums[owner] += share * Double(read.count) / Double(places.count) }
            }
        }
        return sums
    }

    func notes(on sentence: TaggerInput) -> [String] {
        let words = sentence.tokens.filter(cutter.isCut)
        var notes: [String] = []
        if !words.isEmpty {
            notes.append(
                "of \(words.map { "'\($0)'" }.joined(separator: ", ")) the model reads the first \(cutter.room) pieces"
            )
        }
        return notes + (sentences([sentence]).note.map { [$0] } ?? [])
    }

    func save(to folder: String, labels: [String]) throws {
        try model.save(to: folder, labels: labels)
        try TokenizerFiles.save(tokenizer, to: folder)
    }

    func loadWeights(folder: String) throws {
        try model.loadParameters(from: WeightFiles(path: folder), map: model.configuration.keyMap)
    }
}

/// How the words of a sentence become pieces, and those windows that a model has positions for.
struct WordCutter: Sendable {
    /// The most pieces of words in a window.
    let room: Int
    private let tokenizer: any Tokenizer
    private let prefix: [Int32]
    private let suffix: [Int32]
    /// Stands for a word of which the tokenizer leaves nothing.
    private let unknown: Int32
    /// Whether a space goes before a word, as in text.
    private let isSpaced: Bool

    init(_ tokenizer: any Tokenizer, maxLength: Int) {
        self.tokenizer = tokenizer
        let added = tokenizer.addedTokens
        let end = [tokenizer.endOfText ?? 0]
        prefix = added.prefix.isEmpty ? end : added.prefix
        suffix = added.suffix.isEmpty ? end : added.suffix
        unknown = added.unknown ?? end[0]
        room = maxLength - prefix.count - suffix.count
        // Where a space would be a piece of its own, words stand without.
        isSpaced = tokenizer.encode(" a").count <= tokenizer.encode("a").count
    }

    private func encoded(_ word: String) -> [Int32] { tokenizer.encode(isSpaced ? " " + word : word) }

    /// The pieces of a word, at least one; of a word that fills a window, as many as fit.
    func pieces(_ word: String) -> [Int32] {
        let found = encoded(word)
        return found.isEmpty ? [unknown] : Array(found.prefix(room))
    }

    /// Whether a word has more pieces than fit into a window.
    func isCut(_ word: String) -> Bool { encoded(word).count > room }

    /// The windows of a sentence.
    ///
    /// A window ends with the last word that fits; the next begins up to a quarter of a window earlier. Of the words
    /// that two windows share the first half is read in the earlier one.
    ///
    /// - Parameter words: The pieces of each word.
    /// - Returns: At least one window; each word is read in one of them.
    func windows(_ words: [[Int32]]) -> [PieceBatch.Window] {
        stretches(words).map { stretch in
            let start = stretch.words.lowerBound
            return window(
                words[stretch.words],
                reading: stretch.read.lowerBound - start..<stretch.read.upperBound - start
            )
        }
    }

    /// The word that each piece of each window belongs to; nil for what stands around them.
    func owners(_ words: [[Int32]]) -> [[Int?]] {
        func nobody(_ frame: [Int32]) -> [Int?] { [Int?](repeating: nil, count: frame.count) }
        return stretches(words).map { stretch in
            let own = stretch.words.flatMap { [Int?](repeating: $0, count: words[$0].count) }
            return nobody(prefix) + own + nobody(suffix)
        }
    }

    /// The words of each window, and those of them that are read in it.
    private func stretches(_ words: [[Int32]]) -> [(words: Range<Int>, read: Range<Int>)] {
        var stretches: [(words: Range<Int>, read: Range<Int>)] = []
        // The first word that is in the window, and the first that is read in it.
        var (start, read) = (0, 0)
        while true {
            var (end, used) = (start, 0)
            while end < words.count, used + words[end].count <= room {
                used += words[end].count
                end += 1
            }
            var (next, shared) = (end, 0)
            if end < words.count {
                // The next window must go on, and have room for a word that this one lacks.
                let most = min(room / 4, room - words[end].count)
                while next > start + 1, shared + words[next - 1].count <= most {
                    next -= 1
                    shared += words[next].count
                }
            }
            let last = end < words.count ? next + (end - next) / 2 : end
            stretches.append((start..<end, read..<last))
            if end == words.count { return stretches }
            (start, read) = (next, last)
        }
    }

    private func window(_ words: ArraySlice<[Int32]>, reading range: Range<Int>) -> PieceBatch.Window {
        var (pieces, firsts) = (prefix, [Int]())
        for (place, word) in words.enumerated() {
            if range.contains(place) { firsts.append(pieces.count) }
            pieces += word
        }
        return PieceBatch.Window(pieces: pieces + suffix, firsts: firsts)
    }
}

/// Sentences as an encoder takes them.
struct PieceSentences: NetworkSentences {
    /// The pieces of each sentence's words.
    let lengths: [Int]
    private let windows: [[PieceBatch.Window]]
    private let room: Int

    init(_ sentences: [TaggerInput], _ cutter: WordCutter) {
        room = cutter.room
        // By bytes: a tokenizer may tell apart what counts as equal text.
        var known: [[UInt8]: [Int32]] = [:]
        var (lengths, windows): ([Int], [[PieceBatch.Window]]) = ([], [])
        for sentence in sentences {
            let words = sentence.tokens.map { token in
                let bytes = Array(token.utf8)
                if let pieces = known[bytes] { return pieces }
                let pieces = cutter.pieces(token)
                known[bytes] = pieces
                return pieces
            }
            lengths.append(words.reduce(0) { $0 + $1.count })
            windows.append(cutter.windows(words))
        }
        (self.lengths, self.windows) = (lengths, windows)
    }

    /// How many sentences are read in more than one window.
    var note: String? {
        let count = windows.count { $0.count > 1 }
        guard count > 0 else { return nil }
        return
            "\(count) of \(windows.count) sentences have more than \(room) pieces of words and are read in windows"
    }

    func batch(_ members: [Int]) -> PieceBatch { PieceBatch(members.map { windows[$0] }) }
}
