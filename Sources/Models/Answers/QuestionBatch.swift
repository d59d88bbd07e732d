import YuyanNeuralNetworks

/// Questions and stretches of the texts that may answer them, side by side.
///
/// Axes: B questions, C places of the texts. Answers are told by places in 0...C: place 0 stands for «no answer here»,
/// place 1 + i for the text's token i.
public struct QuestionBatch: Sendable, Hashable {
    /// The questions' tokens.
    public let questions: TokenBatch
    /// The texts' tokens.
    public let contexts: TokenBatch
    /// Both as one sequence: what begins it, the question, a separator, the text, a separator.
    ///
    /// Its segments are 0 for the question, 1 for the text, and 2 for the tokens of the text that the question has, too.
    public let framed: TokenBatch
    /// The places in ``framed`` of its first token and of the text's tokens, B × (1 + C); 0 beyond a text's end.
    public let places: [Int32]
    /// The place in ``framed`` at which every question begins.
    public let questionStart: Int
    /// 1 for tokens of the texts that their questions have, too, B × C.
    public let matches: [Float]

    /// Lays questions and texts side by side.
    ///
    /// Traps when there are not as many texts as questions.
    ///
    /// - Parameters:
    ///   - questions: The token ids of each question.
    ///   - contexts: The token ids of each text.
    ///   - frame: What begins a sequence and what ends each of its two parts.
    ///   - marksOverlap: Whether segment 2 is used.
    public init(
        questions: [[Int32]],
        contexts: [[Int32]],
        frame: (prefix: [Int32], separator: [Int32]),
        marksOverlap: Bool
    ) {
        require(
            questions.count == contexts.count,
            "QuestionBatch: \(contexts.count) texts for \(questions.count) questions"
        )
        self.questions = TokenBatch(questions)
        self.contexts = TokenBatch(contexts)
        let width = self.contexts.length
        var (sequences, types): ([[Int32]], [[Int32]]) = ([], [])
        var places = [Int32](repeating: 0, count: questions.count * (1 + width))
        var matches = [Float](repeating: 0, count: questions.count * width)
        for (row, (question, context)) in zip(questions, contexts).enumerated() {
            let head = frame.prefix + question + frame.separator
            let own = Set(question)
            var segments = [Int32](repeating: 0, count: head.count)
            for (place, token) in context.enumerated() {
                let isMatch = own.contains(token)
                if isMatch { matches[row * width + place] = 1 }
                segments.append(isMatch && marksOverlap ? 2 : 1)
                places[row * (1 + width) + 1 + place] = Int32(head.count + place)
            }
            sequences.append(head + context + frame.separator)
            types.append(segments + [Int32](repeating: 1, count: frame.separator.count))
        }
        framed = TokenBatch(sequences, types: types)
        (self.places, self.matches) = (places, matches)
        questionStart = frame.prefix.count
    }

    /// The number of questions B.
    public var rows: Int { contexts.rows }
}
