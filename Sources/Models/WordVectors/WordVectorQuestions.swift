import YuyanFileFormats

/// A list of analogies (a : b = c : d) in sections.
public struct WordAnalogies: Sendable {
    /// A section with its questions.
    public struct Section: Sendable {
        /// Its name.
        public let name: String
        /// The four words of each question.
        public let questions: [[String]]
    }

    /// The outcome of a section.
    public struct Score: Sendable, Hashable {
        /// The section's name.
        public let name: String
        /// Questions answered rightly.
        public let right: Int
        /// Questions whose words all are among the searched ones.
        public let asked: Int
        /// Questions left out because one of their words has no vector, or is not among the searched ones.
        public let unknown: Int

        /// The share of right answers among the questions asked; nil when none was.
        public var accuracy: Double? { asked > 0 ? Double(right) / Double(asked) : nil }
    }

    /// The sections in order.
    public let sections: [Section]

    /// Reads questions: four words on each line, with white space between them; a line ": name" begins a section.
    ///
    /// - Parameters:
    ///   - path: the file.
    ///   - name: the name of what stands before the first section.
    /// - Throws: `FileFormatError` with the line.
    public init(contentsOf path: String, name: String) throws {
        var (sections, current, questions): ([Section], String, [[String]]) = ([], name, [])
        let reader = try LineReader(path: path)
        while let line = try reader.nextLine() {
            let fields = line.unicodeScalars.split { $0 == " " || $0 == "\t" }.map { String($0) }
            guard let first = fields.first else { continue }
            if first.utf8.first == UInt8(ascii: ":") {
                if !questions.isEmpty { sections.append(Section(name: current, questions: questions)) }
                let rest =
                    (first == ":" ? [] : [String(first.unicodeScalars.dropFirst())]) + fields.dropFirst()
                (current, questions) = (rest.joined(separator: " "), [])
                continue
            }
            guard fields.count == 4 else {
                throw FileFormatError(
                    .malformed,
                    path: path,
                    at: .line(reader.lineNumber, column: nil),
                    "four words are needed, not \(fields.count)"
                )
            }
            questions.append(fields)
        }
        if !questions.isEmpty { sections.append(Section(name: current, questions: questions)) }
        guard !sections.isEmpty else { throw FileFormatError(.missing, path: path, "there is no question") }
        self.sections = sections
    }

    /// Asks all questions.
    ///
    /// The three words of a question are no answers, as in all published figures. A word that has a vector in small
    /// letters alone is asked in these.
    ///
    /// - Parameters:
    ///   - index: the words.
    ///   - method: how the fourth word is found.
    /// - Returns: a score for each section.
    public func scores(_ index: WordVectorIndex, method: AnalogyMethod = .addition) -> [Score] {
        sections.map { section in
            let known = section.questions.compactMap { words -> [Int]? in
                let places = words.compactMap { index.vectors.place(of: index.vectors.spelling(of: $0)) }
                return places.count == 4 && places.allSatisfy { $0 < index.searchedCount } ? places : nil
            }
            let answers = index.answers(to: known.map { ($0[0], $0[1], $0[2]) }, method: method)
            return Score(
                name: section.name,
                right: zip(known, answers).reduce(0) { $0 + ($1.0[3] == $1.1 ? 1 : 0) },
                asked: known.count,
                unknown: section.questions.count - known.count
            )
        }
    }
}

/// Pairs of words with people's judgements of how similar they are.
public struct WordSimilarities: Sendable {
    /// The pairs with their judgements.
    public let pairs: [(first: String, second: String, judgement: Double)]

    /// Reads pairs: two words and a number on each line, with white space between them; lines that begin with # are
    /// passed over.
    ///
    /// - Parameter path: the file.
    /// - Throws: `FileFormatError` with the line.
    public init(contentsOf path: String) throws {
        var pairs: [(first: String, second: String, judgement: Double)] = []
        let reader = try LineReader(path: path)
        while let line = try reader.nextLine() {
            let fields = line.unicodeScalars.split { $0 == " " || $0 == "\t" }.map { String($0) }
            guard let first = fields.first, first.utf8.first != UInt8(ascii: "#") else { continue }
            guard fields.count == 3, let judgement = Double(fields[2]), judgement.isFinite else {
                throw FileFormatError(
                    .malformed,
                    path: path,
                    at: .line(reader.lineNumber, column: nil),
                    "two words and a number are needed"
                )
            }
            pairs.append((first, fields[1], judgement))
        }
        guard !pairs.isEmpty else { throw FileFormatError(.missing, path: path, "there is no pair") }
        self.pairs = pairs
    }

    /// The cosines of the pairs whose words have vectors, beside the judgements.
    ///
    /// A word that has a vector in small letters alone is compared in these.
    ///
    /// - Parameter index: the words.
    /// - Returns: cosines and judgements, and the number of pairs left out.
    public func compared(_ index: WordVectorIndex) -> (cosines: [Double], judgements: [Double], unknown: Int)
    {
        var (cosines, judgements): ([Double], [Double]) = ([], [])
        for pair in pairs {
            do {
                let (first, second) = (
                    index.vectors.spelling(of: pair.first), index.vectors.spelling(of: pair.second)
                )
                cosines.append(try index.similarity(first, second))
                judgements.append(pair.judgement)
            } catch {
                // The word has no vector: the pair is counted as unknown.
                continue
            }
        }
        return (cosines, judgements, pairs.count - cosines.count)
    }
}
