import YuyanFileFormats

/// A sentence of CoNLL-U (universaldependencies.org/format.html), also with the further columns that Universal
/// Propositions adds.
public struct ConlluSentence: Sendable, Hashable {
    /// A syntactic word, an empty node or a multiword token: its columns as they stand in the file.
    public struct Row: Sendable, Hashable {
        /// All columns: id, form, lemma, upos, xpos, feats, head, deprel, deps, misc and further ones.
        public let columns: [String]
        /// The line in the file.
        public let line: Int

        /// The form.
        public var form: String { columns[1] }
        /// Whether a space follows in the text: not when the tenth column holds `SpaceAfter=No`.
        public var isFollowedBySpace: Bool {
            !columns[9].utf8.split(separator: 0x7C).contains { $0.elementsEqual("SpaceAfter=No".utf8) }
        }
    }

    /// The comments without `#` and the spaces behind it.
    public let comments: [String]
    /// The syntactic words 1, 2, ….
    public let words: [Row]
    /// The multiword tokens and the words (counted from 0) that each stands for.
    public let multiwordTokens: [(words: Range<Int>, row: Row)]
    /// The empty nodes of the enhanced graph, such as 8.1.
    public let emptyNodes: [Row]

    /// The value of a comment `# key = value`.
    ///
    /// - Parameter key: the key, such as `sent_id`.
    /// - Returns: the value of the first such comment.
    public func comment(_ key: String) -> String? {
        for comment in comments {
            let parts = comment.utf8.split(separator: 0x3D, maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2 else { continue }
            let name = String(Substring(parts[0])).trimmed
            if name == key { return String(Substring(parts[1])).trimmed }
        }
        return nil
    }

    /// The text of the sentence put together from the tokens and `SpaceAfter`.
    public var text: String {
        var (text, word) = ("", 0)
        var multiwords = multiwordTokens[...]
        while word < words.count {
            var row = words[word]
            if let next = multiwords.first, next.words.lowerBound == word {
                row = next.row
                word = next.words.upperBound
                multiwords = multiwords.dropFirst()
            } else {
                word += 1
            }
            text += row.form
            if word < words.count, row.isFollowedBySpace { text += " " }
        }
        return text
    }

    /// Compares comments, words, multiword tokens and empty nodes.
    ///
    /// - Parameters:
    ///   - left: a sentence.
    ///   - right: another sentence.
    /// - Returns: true when all are equal.
    public static func == (left: ConlluSentence, right: ConlluSentence) -> Bool {
        left.comments == right.comments && left.words == right.words && left.emptyNodes == right.emptyNodes
            && left.multiwordTokens.elementsEqual(right.multiwordTokens) {
                $0.words == $1.words && $0.row == $1.row
            }
    }

    /// Feeds the words to a hasher.
    ///
    /// - Parameter hasher: the hasher.
    public func hash(into hasher: inout Hasher) { hasher.combine(words) }

    /// Reads the lines of a sentence and checks ids and heads.
    init(_ lines: SentenceLines) throws(FileFormatError) {
        var (words, multiwords, nodes): ([Row], [(words: Range<Int>, row: Row)], [Row]) = ([], [], [])
        var (width, cellCount): (Int?, Int) = (nil, 0)
        for line in lines.tokens {
            func wrong(_ message: String) -> FileFormatError {
                FileFormatError(
                    .malformed,
                    path: lines.place.path,
                    at: .line(line.number, column: nil),
                    message
                )
            }
            var columns: [String] = []
            for cell in SentenceLines.cells(line.bytes, delimiter: 0x09) {
                guard let text = String(validating: cell, as: UTF8.self) else {
                    throw wrong("not valid UTF-8; convert the file to UTF-8")
                }
                columns.append(text)
            }
            guard columns.count >= 10 else {
                throw wrong("\(columns.count) columns separated by tabs where CoNLL-U has 10")
            }
            if let width, width != columns.count {
                throw wrong("\(columns.count) columns where the sentence began with \(width)")
            }
            width = columns.count
            cellCount += columns.count
            guard cellCount <= SentenceLines.maximumCells else {
                throw wrong("the sentence has more than \(SentenceLines.maximumCells) columns in all")
            }
            let row = Row(columns: columns, line: line.number)
            switch Self.id(columns[0]) {
            case .word(let number)?:
                guard number == words.count + 1 else {
                    throw wrong("the id is \(number) where \(words.count + 1) should follow")
                }
                words.append(row)
            case .multiword(let first, let last)?:
                guard first == words.count + 1, last >= first,
                    first > (multiwords.last?.words.upperBound ?? 0)
                else {
                    throw wrong("the multiword token \(first)-\(last) must stand before word \(first)")
                }
                multiwords.append((first - 1..<last, row))
            case .empty(let word)?:
                guard word == words.count else {
                    throw wrong("the empty node \(columns[0]) must stand behind word \(word)")
                }
                nodes.append(row)
            case nil: throw wrong("'\(shortened(columns[0]))' is no id: a number, a range or a decimal")
            }
        }
        if let last = multiwords.last, last.words.upperBound > words.count {
            throw FileFormatError(
                .malformed,
                path: lines.place.path,
                at: .line(last.row.line, column: nil),
                "the multiword token reaches word \(last.words.upperBound) of \(words.count)"
            )
        }
        for word in words where word.columns[6] != "_" {
            guard let head = Int(word.columns[6]), (0...words.count).contains(head) else {
                throw FileFormatError(
                    .malformed,
                    path: lines.place.path,
                    at: .line(word.line, column: nil),
                    "the head '\(shortened(word.columns[6]))' is no word of the sentence, which has \(words.count)"
                )
            }
        }
        comments = lines.comments.map { String(decoding: $0.bytes.dropFirst(), as: UTF8.self).trimmed }
        (self.words, multiwordTokens, emptyNodes) = (words, multiwords, nodes)
    }

    private enum Identifier {
        case word(Int)
        case multiword(Int, Int)
        case empty(Int)
    }

    private static func id(_ text: String) -> Identifier? {
        if let number = Int(text) { return .word(number) }
        for (mark, isRange) in [(UInt8(0x2D), true), (0x2E, false)] {
            let parts = text.utf8.split(separator: mark, omittingEmptySubsequences: false)
            guard parts.count == 2, let first = Int(Substring(parts[0])), let last = Int(Substring(parts[1]))
            else { continue }
            return isRange ? .multiword(first, last) : .empty(first)
        }
        return nil
    }
}

extension String {
    /// The text without spaces at its ends.
    var trimmed: String {
        var part = utf8[...]
        while part.first == 0x20 { part = part.dropFirst() }
        while part.last == 0x20 { part = part.dropLast() }
        return String(Substring(part))
    }
}

/// Finds the sentences of CoNLL-U files.
///
/// Fields are the columns by their names (`form`, `upos`, …, as lists over the syntactic words), `predicates` (a
/// roleset or `_` per word), `arguments` (one list of roles per predicate), `text` and `sent_id`.
final class ConlluScanner: RecordScanner {
    static let columnNames = [
        "id", "form", "lemma", "upos", "xpos", "feats", "head", "deprel", "deps", "misc",
    ]

    private let buffer: InputBuffer
    private let selection: FieldSelection
    private let predicateColumn: Int
    private let argumentColumn: Int
    private var lines: SentenceLines
    private var sentence: ConlluSentence?
    let names: [String]

    init(_ buffer: InputBuffer, settings: DataSettings, selection: FieldSelection) throws {
        self.buffer = buffer
        let all = Self.columnNames + ["text", "sent_id"]
        let entries = selection.entries ?? all.map { .init(role: $0, column: .name($0), isRequired: false) }
        self.selection = FieldSelection(entries: entries)
        names = entries.map(\.role)
        lines = SentenceLines(path: buffer.path)
        func number(_ role: String, _ usual: Int) throws -> Int {
            switch settings.columns[role] {
            case nil, .name(role)?: return usual
            case .number(let number)? where (0..<TableScanner.maximumColumns).contains(number): return number
            default:
                throw FileFormatError(
                    .mismatch,
                    path: buffer.path,
                    at: .key("columns.\(role)"),
                    "the number of a column is needed, from 0 to \(TableScanner.maximumColumns - 1)"
                )
            }
        }
        predicateColumn = try number("predicates", 10)
        argumentColumn = try number("arguments", predicateColumn + 1)
        for entry in entries where entry.isRequired {
            guard case .name(let name) = entry.column, !["predicates", "arguments"].contains(entry.role),
                !all.contains(name)
            else { continue }
            let near = NameSuggestion.words(for: name, among: all)
            let known = all.map { "'\($0)'" }.joined(separator: ", ")
            throw FileFormatError(
                .missing,
                path: buffer.path,
                "there is no column '\(name)' for '\(entry.role)'; the columns are \(known)\(near)"
            )
        }
    }

    var place: RecordPlace { lines.place }

    func next() throws -> ScanStep {
        guard try lines.read(buffer, isComment: { _, isInside in !isInside }) else { return .end }
        sentence = nil
        return .record
    }

    /// The present sentence.
    func present() throws(FileFormatError) -> ConlluSentence {
        if let sentence { return sentence }
        let made = try ConlluSentence(lines)
        sentence = made
        return made
    }

    func values() throws(FileFormatError) -> [FieldValue?] {
        let sentence = try present()
        let width = sentence.words.first?.columns.count ?? 0
        var values: [FieldValue?] = []
        for entry in selection.entries ?? [] {
            switch entry.role {
            case "predicates": values.append(.list(try predicates(sentence)))
            case "arguments": values.append(.json(try arguments(sentence)))
            default:
                switch entry.column {
                case .name("text"): values.append(.text(sentence.comment("text") ?? sentence.text))
                case .name("sent_id"): values.append(sentence.comment("sent_id").map { .text($0) })
                case .name(let name):
                    let column = Self.columnNames.firstIndex(of: name)
                    values.append(column.map { column in .list(sentence.words.map { $0.columns[column] }) })
                case .number:
                    guard let column = entry.column.place(in: width) else {
                        throw FileFormatError(
                            .missing,
                            "there is no column \(entry.column) for '\(entry.role)'; the columns are 0 to \(width - 1)"
                        )
                    }
                    values.append(.list(sentence.words.map { $0.columns[column] }))
                }
            }
        }
        return values
    }

    private func predicates(_ sentence: ConlluSentence) throws(FileFormatError) -> [String] {
        guard let width = sentence.words.first?.columns.count, predicateColumn < width else {
            throw FileFormatError(.missing, "there is no column \(predicateColumn) of predicates")
        }
        return sentence.words.map { $0.columns[predicateColumn] }
    }

    private func arguments(_ sentence: ConlluSentence) throws(FileFormatError) -> JSONValue {
        let count = try predicates(sentence).count { $0 != "_" && !$0.isEmpty }
        let width = sentence.words.first?.columns.count ?? 0
        let there = max(width - argumentColumn, 0)
        // A sentence without predicates may have one empty column.
        guard there == count || count == 0 && there == 1 else {
            throw FileFormatError(
                .mismatch,
                "\(there) columns of arguments for \(count) predicates; each predicate needs one"
            )
        }
        return .array(
            (0..<count).map { number in
                .array(sentence.words.map { .string($0.columns[argumentColumn + number]) })
            }
        )
    }
}

/// Reads the sentences of a CoNLL-U file whole: words, multiword tokens, empty nodes and comments.
///
/// Not Sendable: one reader uses it from one thread.
public final class ConlluReader {
    private let scanner: ConlluScanner

    /// Opens a file, plain or gzip.
    ///
    /// - Parameters:
    ///   - path: the file.
    ///   - settings: how to read it; its limits count.
    /// - Throws: `FileFormatError` when the file cannot be opened.
    public init(_ path: String, settings: DataSettings = DataSettings()) throws {
        let buffer = try InputBuffer(path: path, limit: settings.maximumRecordBytes)
        scanner = try ConlluScanner(buffer, settings: settings, selection: FieldSelection(entries: nil))
    }

    /// The next sentence.
    ///
    /// - Returns: the sentence, or nil behind the last.
    /// - Throws: `FileFormatError` with file and line for a malformed sentence; the one after it can be read then.
    public func next() throws -> ConlluSentence? {
        guard case .record = try scanner.next() else { return nil }
        return try scanner.present()
    }
}
