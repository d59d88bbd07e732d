import YuyanFileFormats

/// A question on a text, with the answers as they stand in the text.
public struct QuestionAnsweringExample: DatasetExample {
    /// A stretch of the text that answers the question.
    public struct Answer: Sendable, Hashable {
        /// The answer.
        public let text: String
        /// Where it begins, in Unicode scalars of the context; nil when it does not stand where the data set says.
        public let start: Int?
        /// Its UTF-8 bytes in the context, where `start` is known.
        public let bytes: Range<Int>?

        /// Makes an answer.
        ///
        /// - Parameters:
        ///   - text: the answer.
        ///   - start: where it begins, in Unicode scalars of the context.
        ///   - bytes: its UTF-8 bytes in the context.
        public init(text: String, start: Int? = nil, bytes: Range<Int>? = nil) {
            (self.text, self.start, self.bytes) = (text, start, bytes)
        }
    }

    /// The question's own name in the data set.
    public let id: String?
    /// The title of the article.
    public let title: String?
    /// The question.
    public let question: String
    /// The text.
    public let context: String
    /// The reference answers; none for a question that the text does not answer.
    public let answers: [Answer]

    /// Makes an example.
    ///
    /// - Parameters:
    ///   - id: the question's own name in the data set.
    ///   - title: the title of the article.
    ///   - question: the question.
    ///   - context: the text.
    ///   - answers: the reference answers.
    public init(id: String? = nil, title: String? = nil, question: String, context: String, answers: [Answer])
    {
        (self.id, self.title, self.question) = (id, title, question)
        (self.context, self.answers) = (context, answers)
    }

    /// Whether the text holds no answer (SQuAD 2.0).
    public var isImpossible: Bool { answers.isEmpty }
    /// The context and the question.
    public var texts: [String] { [context, question] }
    /// The article, or the text itself where it has no title.
    public var splitGroup: String? { title ?? context }

    /// The fields of SQuAD's articles, and those of rows with one question each.
    public static var roles: [ExampleRole] {
        ["title", "paragraphs", "id", "question", "context", "answers"].map {
            ExampleRole($0, isRequired: false)
        }
    }
    /// `data`, as SQuAD has it.
    public static var recordsKey: String? { "data" }

    /// Makes the examples of an article of SQuAD (`paragraphs`, each with `context` and `qas`), or of a row with
    /// `question`, `context` and `answers`.
    ///
    /// - Parameters:
    ///   - record: an article or row.
    ///   - settings: how the data set is read: `answersMustMatch`.
    /// - Returns: an example or error for each question.
    /// - Throws: `FileFormatError` when the article is malformed.
    public static func examples(
        from record: Record,
        settings: DataSettings
    ) throws(FileFormatError) -> [Result<QuestionAnsweringExample, FileFormatError>] {
        try examples(from: record, answersMustMatch: settings.answersMustMatch)
    }

    /// Makes the questions of an article of SQuAD, or of a row, to be answered: what answers there are is not looked at.
    ///
    /// - Parameter record: an article or row.
    /// - Returns: the questions, without answers.
    /// - Throws: `FileFormatError` when a question or its text is missing.
    public static func questions(
        from record: Record
    ) throws(FileFormatError) -> [QuestionAnsweringExample] {
        var found: [QuestionAnsweringExample] = []
        for question in try examples(from: record, answersMustMatch: nil) {
            found.append(try question.get())
        }
        return found
    }

    /// `answersMustMatch` is nil where answers are not read.
    private static func examples(
        from record: Record,
        answersMustMatch: Bool?
    ) throws(FileFormatError) -> [Result<QuestionAnsweringExample, FileFormatError>] {
        let title = try record.text("title")
        guard let paragraphs = record["paragraphs"] else {
            let context = ContextIndex(try record.requiredText("context"))
            let question = try record.requiredText("question")
            let answers: JSONValue? =
                switch record["answers"] {
                case .json(let value)?: value
                case .list(let texts)?: .array(texts.map { .string($0) })
                case .text(let text)?: .string(text)
                case nil: nil
                }
            return [
                result { () throws(FileFormatError) in
                    try make(try record.text("id"), title, question, context, answers, answersMustMatch)
                }
            ]
        }
        guard case .json(.array(let list)) = paragraphs else {
            if case .list(let list) = paragraphs, list.isEmpty { return [] }
            throw FileFormatError(.mismatch, at: .key("paragraphs"), "a list of objects is needed")
        }
        var found: [Result<QuestionAnsweringExample, FileFormatError>] = []
        for (number, paragraph) in list.enumerated() {
            guard let text = paragraph["context"]?.stringValue, let questions = paragraph["qas"]?.arrayValue
            else {
                throw FileFormatError(
                    .missing,
                    at: .key("paragraphs[\(number)]"),
                    "an object with the text 'context' and the list 'qas' is needed"
                )
            }
            let context = ContextIndex(text)
            for question in questions {
                found.append(
                    result { () throws(FileFormatError) in
                        guard let asked = question["question"]?.stringValue else {
                            throw FileFormatError(
                                .missing,
                                at: .key("paragraphs[\(number)].qas"),
                                "a question has no text 'question'"
                            )
                        }
                        let id = question["id"].map { $0.stringValue ?? $0.printed(indent: nil) }
                        let isImpossible = question["is_impossible"]?.boolValue ?? false
                        let answers = isImpossible ? JSONValue.array([]) : question["answers"]
                        return try make(id, title, asked, context, answers, answersMustMatch)
                    }
                )
            }
        }
        return found
    }

    private static func result(
        _ body: () throws(FileFormatError) -> QuestionAnsweringExample
    ) -> Result<QuestionAnsweringExample, FileFormatError> {
        Result(catching: body)
    }

    private static func make(
        _ id: String?,
        _ title: String?,
        _ question: String,
        _ context: ContextIndex,
        _ answers: JSONValue?,
        _ answersMustMatch: Bool?
    ) throws(FileFormatError) -> QuestionAnsweringExample {
        let name = id.map { "question '\(shortened($0))'" } ?? "the question"
        var found: [Answer] = []
        for (text, start) in answersMustMatch == nil ? [] : try references(answers, name) {
            // A negative place, as CMRC has it, marks an answer in words of its own.
            guard let start, start >= 0 else {
                found.append(Answer(text: text, start: nil, bytes: nil))
                continue
            }
            if let bytes = context.place(of: text, at: start) {
                found.append(Answer(text: text, start: start, bytes: bytes))
            } else if answersMustMatch == true {
                throw FileFormatError(
                    .mismatch,
                    "\(name): the answer '\(shortened(text))' does not stand at scalar \(start) of the context "
                        + "(answers_must_match: false keeps it without its place)"
                )
            } else {
                found.append(Answer(text: text, start: nil, bytes: nil))
            }
        }
        return QuestionAnsweringExample(
            id: id,
            title: title,
            question: question,
            context: context.text,
            answers: found
        )
    }

    /// The texts and places of answers: a list of objects, or an object of two lists, or texts alone.
    private static func references(
        _ answers: JSONValue?,
        _ name: String
    ) throws(FileFormatError) -> [(String, Int?)] {
        let wrong = FileFormatError(
            .mismatch,
            "\(name): 'answers' must be a list of objects with 'text' and 'answer_start'"
        )
        switch answers {
        case nil, .null?: return []
        case .string(let text)?: return [(text, nil)]
        case .array(let list)?:
            var found: [(String, Int?)] = []
            for answer in list {
                if let text = answer.stringValue {
                    found.append((text, nil))
                } else {
                    guard let text = answer["text"]?.stringValue,
                        let start = answer["answer_start"]?.integerValue
                    else { throw wrong }
                    found.append((text, start))
                }
            }
            return found
        case .object(let object)?:
            guard let texts = object["text"]?.arrayValue, let starts = object["answer_start"]?.arrayValue,
                texts.count == starts.count
            else { throw wrong }
            var found: [(String, Int?)] = []
            for (text, start) in zip(texts, starts) {
                guard let text = text.stringValue, let start = start.integerValue else { throw wrong }
                found.append((text, start))
            }
            return found
        default: throw wrong
        }
    }
}

/// A text in which places counted in scalars are found quickly.
struct ContextIndex {
    let text: String
    private let bytes: [UInt8]
    /// The offsets of every 64th scalar.
    private var marks: [Int] = []

    init(_ text: String) {
        self.text = text
        bytes = Array(text.utf8)
        var scalar = 0
        for place in bytes.indices where bytes[place] & 0xC0 != 0x80 {
            if scalar & 63 == 0 { marks.append(place) }
            scalar += 1
        }
    }

    /// The bytes of a text that stands at a scalar, or nil when another text does.
    func place(of wanted: String, at scalar: Int) -> Range<Int>? {
        guard scalar >= 0, scalar >> 6 < marks.count else { return nil }
        var (place, left) = (marks[scalar >> 6], scalar & 63)
        while left > 0 {
            place += 1
            while place < bytes.count, bytes[place] & 0xC0 == 0x80 { place += 1 }
            guard place < bytes.count else { return nil }
            left -= 1
        }
        let end = place + wanted.utf8.count
        guard end <= bytes.count, bytes[place..<end].elementsEqual(wanted.utf8) else { return nil }
        return place..<end
    }
}
