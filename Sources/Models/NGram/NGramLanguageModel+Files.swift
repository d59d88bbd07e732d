import YuyanCheckpoints
import YuyanFileFormats

extension NGramLanguageModel {
    /// The file of the tables in a model folder.
    static let tableFile = "model.safetensors"
    /// What the file says that it is.
    private static let format = "yuyan-n-gram 1"

    /// Writes `config.json` and `model.safetensors`.
    ///
    /// The folder must exist. Each file appears whole or not at all; `config.json` comes last.
    ///
    /// - Parameter folder: The folder.
    /// - Throws: `FileFormatError` when the disk refuses.
    public func save(to folder: String) throws {
        var entries: [SafetensorsWriter.Entry] = [.init("unigrams", .f32, [vocabularySize])]
        for (number, level) in levels.enumerated() {
            try level.withView { view in
                let name = Self.names(number + 1)
                entries.append(.init(name.contexts, .u32, [view.contexts.count]))
                entries.append(.init(name.backoffs, .f32, [view.backoffs.count]))
                entries.append(.init(name.children, .u32, [view.children.count]))
                entries.append(.init(name.starts, .u32, [view.starts.count]))
                entries.append(.init(name.tokens, .u32, [view.tokens.count]))
                entries.append(.init(name.probabilities, .f32, [view.probabilities.count]))
            }
        }
        let writer = try SafetensorsWriter(
            path: "\(folder)/\(Self.tableFile)",
            metadata: ["format": Self.format],
            entries: entries
        )
        try unigrams.withNumbers { try writer.write(UnsafeRawBufferPointer($0), to: "unigrams") }
        for (number, level) in levels.enumerated() {
            try level.withView { view in
                let name = Self.names(number + 1)
                try writer.write(UnsafeRawBufferPointer(view.contexts), to: name.contexts)
                try writer.write(UnsafeRawBufferPointer(view.backoffs), to: name.backoffs)
                try writer.write(UnsafeRawBufferPointer(view.children), to: name.children)
                try writer.write(UnsafeRawBufferPointer(view.starts), to: name.starts)
                try writer.write(UnsafeRawBufferPointer(view.tokens), to: name.tokens)
                try writer.write(UnsafeRawBufferPointer(view.probabilities), to: name.probabilities)
            }
        }
        try writer.finish()
        try document.write(to: "\(folder)/config.json")
    }

    /// The names of the lists of a level.
    private static func names(
        _ length: Int
    ) -> (
        contexts: String, backoffs: String, children: String, starts: String, tokens: String,
        probabilities: String
    ) {
        (
            "contexts.\(length)", "backoffs.\(length)", "children.\(length)", "starts.\(length)",
            "tokens.\(length)", "probabilities.\(length)"
        )
    }

    private var document: JSONValue {
        [
            "model_type": .string(Self.modelType), "order": .integer(order),
            "vocab_size": .integer(vocabularySize),
            "eos_token_id": endOfText.map { .integer(Int($0)) } ?? .null,
            "unseen_probability": .number(Double(unseenProbability)),
            "min_counts": .array(minimumCounts.map { .integer($0) }),
            "discounts": .array(
                discounts.map { discounts in
                    [
                        "amounts": .array(discounts.amounts.map { .number($0) }),
                        "estimated": .bool(discounts.isEstimated),
                    ]
                }
            ),
            "ngrams": .array(ngramCounts.map { .integer($0) }),
        ]
    }

    /// Reads a folder that ``save(to:)`` wrote; the model gives the same probabilities, bit for bit.
    ///
    /// The tables are mapped and looked through once, so that a damaged file cannot lead a look-up astray.
    ///
    /// - Parameter folder: The folder.
    /// - Throws: `FileFormatError` naming the file and what is wrong in it.
    public convenience init(folder: String) throws {
        let reader = try ConfigurationReader(contentsOf: "\(folder)/config.json")
        func wrong(_ key: String, _ message: String) -> FileFormatError {
            FileFormatError(.malformed, path: reader.path, at: .key(key), message)
        }
        try reader.expectModelType(Self.modelType)
        let order = try reader.requiredInteger("order")
        guard NGramOptions.orders.contains(order) else {
            throw wrong("order", "\(order) lies outside \(NGramOptions.orders)")
        }
        let vocabularySize = try reader.requiredInteger("vocab_size")
        guard vocabularySize > 0, vocabularySize < Int(Int32.max) else {
            throw wrong("vocab_size", "\(vocabularySize) tokens cannot be")
        }
        let endOfText = try reader.integer("eos_token_id")
        guard endOfText.map({ (0..<vocabularySize).contains($0) }) ?? true else {
            throw wrong("eos_token_id", "no token of \(vocabularySize)")
        }
        let file = try SafetensorsFile(path: "\(folder)/\(Self.tableFile)")
        guard file.metadata["format"] == Self.format else {
            throw FileFormatError(
                .unsupported,
                path: file.path,
                at: .key("format"),
                "'\(Self.format)' is needed"
            )
        }
        let unigrams = try NumberStorage<Float>(file, "unigrams", .f32, shape: [vocabularySize])
        let levels = try (1..<order).map { try Self.level(file, $0, isLast: $0 == order - 1) }
        try Self.check(file, unigrams, levels)
        try self.init(
            vocabularySize: vocabularySize,
            endOfText: endOfText.map { Int32($0) },
            minimumCounts: reader.integers("min_counts"),
            discounts: Self.discounts(reader),
            unseenProbability: Float(try reader.number("unseen_probability") ?? 0),
            unigrams: unigrams,
            levels: levels
        )
    }

    private static func discounts(_ reader: ConfigurationReader) throws -> [NGramDiscounts] {
        try (reader.object["discounts"]?.arrayValue ?? []).map { value in
            let own = try ConfigurationReader(value, path: reader.path)
            let amounts = (own.object["amounts"]?.arrayValue ?? []).compactMap(\.numberValue)
            guard amounts.count == 3 else {
                throw FileFormatError(
                    .malformed,
                    path: reader.path,
                    at: .key("discounts"),
                    "three amounts for each length are needed"
                )
            }
            return NGramDiscounts(amounts: amounts, isEstimated: try own.flag("estimated") ?? true)
        }
    }

    private static func level(_ file: SafetensorsFile, _ length: Int, isLast: Bool) throws -> NGramLevel {
        let name = names(length)
        func count(_ name: String) throws -> Int {
            let shape = try file.entry(name).shape
            guard shape.count == 1, shape[0] < Int(UInt32.max) else {
                throw FileFormatError(.malformed, path: file.path, at: .key(name), "\(shape) is no list")
            }
            return shape[0]
        }
        let (contexts, entries) = (try count(name.contexts), try count(name.tokens))
        guard contexts < Int(Int32.max) else {
            throw FileFormatError(
                .limitExceeded,
                path: file.path,
                at: .key(name.contexts),
                "\(contexts) contexts; there can be \(Int32.max)"
            )
        }
        return NGramLevel(
            contexts: try NumberStorage(file, name.contexts, .u32, shape: [contexts]),
            backoffs: try NumberStorage(file, name.backoffs, .f32, shape: [contexts]),
            children: try NumberStorage(file, name.children, .u32, shape: [isLast ? 0 : contexts + 1]),
            starts: try NumberStorage(file, name.starts, .u32, shape: [contexts + 1]),
            tokens: try NumberStorage(file, name.tokens, .u32, shape: [entries]),
            probabilities: try NumberStorage(file, name.probabilities, .f32, shape: [entries])
        )
    }

    /// Looks through the tables: whatever is in them afterwards, no look-up leaves them.
    private static func check(
        _ file: SafetensorsFile,
        _ unigrams: NumberStorage<Float>,
        _ levels: [NGramLevel]
    ) throws {
        func require(_ isRight: Bool, _ key: String, _ message: String) throws {
            guard isRight else { throw FileFormatError(.malformed, path: file.path, at: .key(key), message) }
        }
        func areShares(_ numbers: UnsafeBufferPointer<Float>, below limit: Float) -> Bool {
            numbers.allSatisfy { $0 >= 0 && $0 <= limit }
        }
        let mark = try unigrams.withNumbers { numbers in
            try require(areShares(numbers, below: 1), "unigrams", "a number is no probability")
            return UInt32(numbers.count)
        }
        for (number, level) in levels.enumerated() {
            let name = names(number + 1)
            try level.withView { view in
                try require(
                    view.starts.first == 0 && view.starts.last == UInt32(view.tokens.count)
                        && zip(view.starts, view.starts.dropFirst()).allSatisfy { $0 <= $1 },
                    name.starts,
                    "the numbers do not rise from 0 to the \(view.tokens.count) n-grams"
                )
                try require(
                    rise(view.tokens, within: view.starts, below: mark),
                    name.tokens,
                    "the tokens behind a context do not rise, or lie outside the vocabulary of \(mark)"
                )
                try require(
                    areShares(view.probabilities, below: 1),
                    name.probabilities,
                    "a number is no probability"
                )
                try require(
                    areShares(view.backoffs, below: .greatestFiniteMagnitude),
                    name.backoffs,
                    "a number is no share"
                )
                guard number > 0 else {
                    let whole: [UInt32] = [0, UInt32(view.contexts.count)]
                    return try require(
                        whole.withUnsafeBufferPointer { rise(view.contexts, within: $0, below: mark + 1) },
                        name.contexts,
                        "the contexts do not rise, or lie outside the vocabulary of \(mark)"
                    )
                }
                let above = names(number)
                try levels[number - 1].children.withNumbers { children in
                    try require(
                        children.first == 0 && children.last == UInt32(view.contexts.count)
                            && zip(children, children.dropFirst()).allSatisfy { $0 <= $1 },
                        above.children,
                        "the numbers do not rise from 0 to the \(view.contexts.count) contexts of the next level"
                    )
                    try require(
                        rise(view.contexts, within: children, below: mark + 1),
                        name.contexts,
                        "the contexts below another do not rise, or lie outside the vocabulary of \(mark)"
                    )
                }
            }
        }
    }

    /// Whether numbers rise between each place and the next, and lie below a limit; the places are those of the numbers.
    private static func rise(
        _ numbers: UnsafeBufferPointer<UInt32>,
        within starts: UnsafeBufferPointer<UInt32>,
        below limit: UInt32
    ) -> Bool {
        for (start, end) in zip(starts, starts.dropFirst()) {
            var last: UInt32?
            for place in Int(start)..<Int(end) {
                guard numbers[place] < limit, last.map({ $0 < numbers[place] }) ?? true else { return false }
                last = numbers[place]
            }
        }
        return true
    }
}
