/// The search for the best sequence of tags of one sentence, from left to right.
struct TagBeamSearch {
    /// A sequence of tags that is still followed: its end, and where it came from in the column before.
    struct State {
        var score: Float
        var tag: UInt16
        var before: UInt16
        var origin: Int32
    }

    private let context: TaggingContext
    private let lexicon: TagLexicon
    private let tagCount: Int
    private let width: Int
    /// One column per word.
    private(set) var columns: [[State]]

    init(_ context: TaggingContext, count: Int, lexicon: TagLexicon, tagCount: Int, width: Int) {
        (self.context, self.lexicon, self.tagCount, self.width) = (context, lexicon, tagCount, width)
        columns = []
        columns.reserveCapacity(count)
        self.count = count
    }

    private let count: Int

    /// The best tags of the whole sentence.
    mutating func best(_ scorer: some FeatureScorer) -> [UInt16] {
        var scores = [Float](repeating: 0, count: tagCount)
        var fixed = scores
        for position in 0..<count { step(position, scorer, &fixed, &scores) }
        return path(endingAt: count - 1, state: 0)
    }

    /// The tags of a state and of those it came from.
    func path(endingAt position: Int, state: Int) -> [UInt16] {
        guard position >= 0 else { return [] }
        var (tags, state) = ([UInt16](repeating: 0, count: position + 1), state)
        for place in stride(from: position, through: 0, by: -1) {
            tags[place] = columns[place][state].tag
            state = Int(columns[place][state].origin)
        }
        return tags
    }

    /// Adds the column of a position; the tag behind the last column's number `tagCount` is the sentence's start.
    mutating func step(
        _ position: Int,
        _ scorer: some FeatureScorer,
        _ fixed: inout [Float],
        _ scores: inout [Float],
        gold: UInt16? = nil
    ) {
        let start = UInt16(tagCount)
        let previous =
            columns.last ?? [State(score: 0, tag: start, before: start, origin: 0)]
        var candidates = lexicon.candidates(form: context[position].form)
        if let gold, !candidates.contains(gold) { candidates.append(gold) }
        var column: [State] = []
        column.reserveCapacity(width + 1)
        if candidates.count == 1, width == 1 {
            let from = previous[0]
            columns.append([State(score: from.score, tag: candidates[0], before: from.tag, origin: 0)])
            return
        }
        fixed.withUnsafeMutableBufferPointer { fixed in
            fixed.update(repeating: 0)
            guard let base = fixed.baseAddress else { return }
            context.forEachStaticKey(at: position) { scorer.add($0, to: base) }
        }
        for (origin, from) in previous.enumerated() {
            scores.withUnsafeMutableBufferPointer { scores in
                guard let base = scores.baseAddress else { return }
                for index in 0..<tagCount { scores[index] = fixed[index] }
                context.forEachDynamicKey(at: position, Int(from.tag), Int(from.before)) {
                    scorer.add($0, to: base)
                }
            }
            for tag in candidates {
                let score = from.score + scores[Int(tag)]
                if column.count == width, score <= column[width - 1].score { continue }
                insert(
                    State(score: score, tag: tag, before: from.tag, origin: Int32(origin)),
                    into: &column
                )
            }
        }
        columns.append(column)
    }

    /// Keeps the column in descending order and at most `width` long; equal scores keep their order.
    @inline(__always)
    private func insert(_ state: State, into column: inout [State]) {
        // Of two sequences that end in the same two tags only the better can win.
        if let twin = column.firstIndex(where: { $0.tag == state.tag && $0.before == state.before }) {
            if column[twin].score >= state.score { return }
            column.remove(at: twin)
        }
        let place = column.firstIndex { $0.score < state.score } ?? column.count
        column.insert(state, at: place)
        if column.count > width { column.removeLast() }
    }
}

/// Learns the weights of a tagger.
struct TaggerTrainer {
    private let sentences: [(words: [String], tags: [UInt16])]
    private let contexts: [TaggingContext]
    private let lexicon: TagLexicon
    private let tagCount: Int
    private let width: Int
    private let table = PerceptronTable()

    init(
        _ sentences: [(words: [String], tags: [UInt16])],
        lexicon: TagLexicon,
        tagCount: Int,
        beamWidth: Int
    ) {
        (self.sentences, self.lexicon, self.tagCount, width) = (sentences, lexicon, tagCount, beamWidth)
        contexts = sentences.map { TaggingContext($0.words, lexicon: lexicon) }
    }

    /// The averaged weights after all passes.
    func train(
        passes: Int,
        seed: UInt64,
        _ threshold: Float
    ) -> [(key: UInt64, weights: [(label: UInt16, value: Float)])] {
        var order = Array(sentences.indices)
        var random = SegmentationRandom(seed: seed)
        for _ in 0..<max(passes, 1) {
            random.shuffle(&order)
            for index in order { width == 1 ? learnGreedily(index) : learn(index) }
        }
        return table.averaged(threshold: threshold)
    }

    /// Corrects every wrong decision at once and goes on from the tags decided, right or wrong.
    private func learnGreedily(_ index: Int) {
        let (context, gold) = (contexts[index], sentences[index].tags)
        var (last, before) = (tagCount, tagCount)
        var scores = [Float](repeating: 0, count: tagCount)
        for (position, right) in gold.enumerated() {
            let candidates = lexicon.candidates(form: context[position].form)
            var guess = candidates[0]
            if candidates.count > 1 {
                scores.withUnsafeMutableBufferPointer { scores in
                    scores.update(repeating: 0)
                    guard let base = scores.baseAddress else { return }
                    context.forEachStaticKey(at: position) { table.add($0, to: base) }
                    context.forEachDynamicKey(at: position, last, before) { table.add($0, to: base) }
                }
                for tag in candidates where scores[Int(tag)] > scores[Int(guess)] { guess = tag }
                if guess != right { update(context, position, (last, before), right, guess) }
                table.tick()
            }
            (last, before) = (Int(guess), last)
        }
    }

    private func update(
        _ context: TaggingContext,
        _ position: Int,
        _ history: (last: Int, before: Int),
        _ right: UInt16,
        _ guess: UInt16
    ) {
        func move(_ key: UInt64) {
            table.update(key, label: Int(right), by: 1)
            table.update(key, label: Int(guess), by: -1)
        }
        context.forEachStaticKey(at: position, move)
        context.forEachDynamicKey(at: position, history.last, history.before, move)
    }

    /// Tags a sentence by beam search and corrects the beginning up to where the wrong tags lead by most.
    private func learn(_ index: Int) {
        let (context, gold) = (contexts[index], sentences[index].tags)
        var search = TagBeamSearch(
            context,
            count: gold.count,
            lexicon: lexicon,
            tagCount: tagCount,
            width: width
        )
        var (fixed, scores) = ([Float](repeating: 0, count: tagCount), [Float](repeating: 0, count: tagCount))
        var (goldScore, worst, worstLead) = (Float(0), -1, -Float.infinity)
        for position in gold.indices {
            search.step(position, table, &fixed, &scores, gold: gold[position])
            goldScore += self.score(context, position, gold)
            guard let best = search.columns[position].first else { continue }
            let lead = best.score - goldScore
            if lead > worstLead, search.path(endingAt: position, state: 0) != Array(gold[...position]) {
                (worst, worstLead) = (position, lead)
            }
        }
        if worst >= 0 {
            let guess = search.path(endingAt: worst, state: 0)
            for position in 0...worst { correct(context, position, gold, guess) }
        }
        table.tick()
    }

    private func history(_ tags: [UInt16], _ position: Int) -> (last: Int, before: Int) {
        (
            position > 0 ? Int(tags[position - 1]) : tagCount,
            position > 1 ? Int(tags[position - 2]) : tagCount
        )
    }

    private func score(_ context: TaggingContext, _ position: Int, _ tags: [UInt16]) -> Float {
        let history = history(tags, position)
        return withUnsafeTemporaryAllocation(of: Float.self, capacity: tagCount) { scores in
            scores.initialize(repeating: 0)
            guard let base = scores.baseAddress else { return 0 }
            context.forEachStaticKey(at: position) { table.add($0, to: base) }
            context.forEachDynamicKey(at: position, history.last, history.before) { table.add($0, to: base) }
            return scores[Int(tags[position])]
        }
    }

    private func correct(_ context: TaggingContext, _ position: Int, _ gold: [UInt16], _ guess: [UInt16]) {
        let (right, wrong) = (Int(gold[position]), Int(guess[position]))
        if right != wrong {
            context.forEachStaticKey(at: position) { key in
                table.update(key, label: right, by: 1)
                table.update(key, label: wrong, by: -1)
            }
        }
        let (rightHistory, wrongHistory) = (history(gold, position), history(guess, position))
        guard right != wrong || rightHistory != wrongHistory else { return }
        context.forEachDynamicKey(at: position, rightHistory.last, rightHistory.before) {
            table.update($0, label: right, by: 1)
        }
        context.forEachDynamicKey(at: position, wrongHistory.last, wrongHistory.before) {
            table.update($0, label: wrong, by: -1)
        }
    }
}

/// A repeatable source of order for training.
struct SegmentationRandom {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    private mutating func next(below bound: Int) -> Int {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
        return Int((value ^ (value >> 31)).multipliedFullWidth(by: UInt64(bound)).high)
    }

    /// Fisher and Yates' shuffle.
    mutating func shuffle(_ order: inout [Int]) {
        guard order.count > 1 else { return }
        for index in stride(from: order.count - 1, to: 0, by: -1) {
            order.swapAt(index, next(below: index + 1))
        }
    }
}
