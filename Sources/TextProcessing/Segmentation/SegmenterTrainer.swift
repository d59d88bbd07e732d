/// Learns where words begin and end.
struct SegmenterTrainer {
    private struct Example {
        let features: CharacterFeatures
        let allowed: [UInt8]
        let gold: [UInt8]
    }

    private var examples: [Example] = []
    private let table = PerceptronTable()
    private var random = SegmentationRandom(seed: 1)
    /// The words whose matches are features: those given, and those that occur twice or more.
    let words: [String]

    /// In how many parts the sentences are divided, so that no sentence's own words are its dictionary.
    private static let foldCount = 8
    /// The key of the transitions from a label.
    private static func transitionKey(_ label: Int) -> UInt64 { FeatureKey(99).with(UInt64(label)).value }

    init(_ sentences: [[String]], lexicon: WordLexicon?) {
        var folds: [String: UInt8] = [:]
        var occurrences: [String: Int] = [:]
        for (index, sentence) in sentences.enumerated() {
            for word in sentence where word.utf8.count > 3 {
                folds[word, default: 0] |= UInt8(1 << (index % Self.foldCount))
                occurrences[word, default: 0] += 1
            }
        }
        let given = (lexicon?.entries ?? []).map(\.word).filter { $0.unicodeScalars.count > 1 }
        let known = Set(given)
        // A word that one part alone has would be known to that part's sentences only by themselves.
        let learned = occurrences.keys.filter { !known.contains($0) }.sorted()
        words = given + learned
        let tries = (0..<Self.foldCount).map { fold in
            var trie = WordTrie()
            for word in given { trie.insert(word.unicodeScalars.lazy.map(\.value), value: 0) }
            for word in learned where (folds[word] ?? 0) & ~UInt8(1 << fold) != 0 {
                trie.insert(word.unicodeScalars.lazy.map(\.value), value: 0)
            }
            return trie
        }
        examples = sentences.enumerated().compactMap { Self.example($1, tries[$0 % Self.foldCount]) }
    }

    /// Whether there is nothing to learn from.
    var isEmpty: Bool { examples.isEmpty }

    /// Builds the text of a sentence and the label of each of its units.
    private static func example(_ words: [String], _ lexicon: WordTrie) -> Example? {
        var (text, ends) = ([UInt8](), Set<Int>())
        for word in words where !word.isEmpty {
            // Letters and digits side by side were kept apart by a space in the text.
            if let last = text.last, let first = word.utf8.first, isASCIIWord(last), isASCIIWord(first) {
                text.append(0x20)
            }
            text.append(contentsOf: word.utf8)
            ends.insert(text.count)
        }
        let units = text.withUnsafeBufferPointer { CharacterUnits.units(of: $0) }
        guard !units.isEmpty else { return nil }
        var (gold, isInside) = ([UInt8](), false)
        for (index, unit) in units.enumerated() {
            let next = index + 1 < units.count ? units[index + 1] : nil
            let isLast = next.map { $0.isAfterSpace || ends.contains(Int(unit.end)) } ?? true
            let label =
                isLast
                ? (isInside ? BoundaryLabels.end : BoundaryLabels.single)
                : (isInside ? BoundaryLabels.middle : BoundaryLabels.begin)
            gold.append(UInt8(label))
            isInside = !isLast
        }
        return Example(
            features: CharacterFeatures(units, lexicon: lexicon),
            allowed: masks(units, locked: []),
            gold: gold
        )
    }

    private static func isASCIIWord(_ byte: UInt8) -> Bool {
        let kind = CharacterUnits.kind(of: UInt32(byte))
        return byte < 0x80 && (kind == .letter || kind == .digit)
    }

    /// Which labels each unit may have: white space and both ends of a locked word are boundaries.
    static func masks(_ units: [CharacterUnit], locked: [Range<Int>]) -> [UInt8] {
        var masks = [UInt8](repeating: 0b1111, count: units.count)
        for (index, unit) in units.enumerated() where unit.isAfterSpace {
            masks[index] &= BoundaryLabels.opening
            if index > 0 { masks[index - 1] &= BoundaryLabels.closing }
        }
        if let last = masks.indices.last { masks[last] &= BoundaryLabels.closing }
        var index = 0
        for range in locked {
            while index < units.count, Int(units[index].start) < range.lowerBound { index += 1 }
            let first = index
            while index < units.count, Int(units[index].end) <= range.upperBound { index += 1 }
            // White space inside a locked word wins over the word.
            guard index > first, !units[first..<index].dropFirst().contains(where: \.isAfterSpace) else {
                continue
            }
            if first > 0 { masks[first - 1] &= BoundaryLabels.closing }
            if index < units.count { masks[index] &= BoundaryLabels.opening }
            for inside in first..<index {
                masks[inside] =
                    index - first == 1
                    ? 1 << UInt8(BoundaryLabels.single)
                    : inside == first
                        ? 1 << UInt8(BoundaryLabels.begin)
                        : inside == index - 1
                            ? 1 << UInt8(BoundaryLabels.end) : 1 << UInt8(BoundaryLabels.middle)
            }
        }
        return masks
    }

    /// The averaged weights after all passes.
    mutating func train(passes: Int, seed: UInt64, threshold: Float) -> CharacterWeights {
        random = SegmentationRandom(seed: seed)
        var order = Array(examples.indices)
        for _ in 0..<max(passes, 1) {
            random.shuffle(&order)
            for index in order { learn(examples[index]) }
        }
        var rows = table.averaged(threshold: 0)
        var transitions = [Float](repeating: 0, count: 16)
        for label in 0..<BoundaryLabels.count {
            let key = Self.transitionKey(label)
            for weight in rows.first(where: { $0.key == key })?.weights ?? [] {
                transitions[label * 4 + Int(weight.label)] = weight.value
            }
            rows.removeAll { $0.key == key }
        }
        for index in rows.indices { rows[index].weights.removeAll { abs($0.value) <= threshold } }
        return CharacterWeights(rows.filter { !$0.weights.isEmpty }, transitions: transitions)
    }

    private func learn(_ example: Example) {
        let count = example.gold.count
        var emissions = [Float](repeating: 0, count: count * 4)
        var transitions = [Float](repeating: 0, count: 16)
        emissions.withUnsafeMutableBufferPointer { scores in
            guard let base = scores.baseAddress else { return }
            for position in 0..<count {
                example.features.forEachKey(at: position) { table.add($0, to: base + position * 4) }
            }
        }
        transitions.withUnsafeMutableBufferPointer { scores in
            guard let base = scores.baseAddress else { return }
            for label in 0..<4 { table.add(Self.transitionKey(label), to: base + label * 4) }
        }
        let guess = BoundaryLabels.best(
            emissions: emissions,
            transitions: transitions,
            allowed: example.allowed
        )
        for position in 0..<count {
            let (right, wrong) = (Int(example.gold[position]), Int(guess[position]))
            if right != wrong {
                example.features.forEachKey(at: position) { key in
                    table.update(key, label: right, by: 1)
                    table.update(key, label: wrong, by: -1)
                }
            }
            guard position > 0 else { continue }
            let (rightBefore, wrongBefore) = (Int(example.gold[position - 1]), Int(guess[position - 1]))
            if right != wrong || rightBefore != wrongBefore {
                table.update(Self.transitionKey(rightBefore), label: right, by: 1)
                table.update(Self.transitionKey(wrongBefore), label: wrong, by: -1)
            }
        }
        table.tick()
    }
}
