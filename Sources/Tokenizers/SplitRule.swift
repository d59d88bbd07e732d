/// How text is cut into the pieces within which byte-pair merges happen.
///
/// The cuts equal those of the regular expressions in use with published vocabularies; they are found by hand-written
/// scanners in one pass. Ill-formed UTF-8 is treated as symbols.
public enum SplitRule: Sendable, Hashable {
    /// GPT-2's rule: words with a leading space, runs of digits, runs of symbols.
    case gpt2
    /// cl100k's rule, which also joins a leading symbol to a word, cuts digits into groups and keeps line ends together.
    ///
    /// `digits` is the longest group of digits (3 for cl100k and Llama 3, 1 for Qwen 2). With `joinsTrailingSpace` the
    /// white space at the end of the text is one piece even if it holds line ends, as in tiktoken's present pattern.
    case cl100k(digits: Int, joinsTrailingSpace: Bool)
    /// o200k's rule: as cl100k, but words are also cut where lower case turns to upper case.
    case o200k
    /// No cuts at all.
    case whole

    /// The regular expression that makes the same cuts; nil for `gpt2` and `whole`, which have names of their own in
    /// tokenizer files.
    public var pattern: String? {
        switch self {
        case .gpt2, .whole: nil
        case .cl100k(let digits, let joins): Self.cl100kPattern(digits: digits, joinsTrailingSpace: joins)
        case .o200k: Self.o200kPattern
        }
    }

    /// Recognises the regular expressions found in tokenizer files.
    ///
    /// - Parameter pattern: A regular expression, to be known letter by letter.
    public init?(pattern: String) {
        for digits in [3, 1] {
            for joins in [false, true]
            where Self.cl100kPattern(digits: digits, joinsTrailingSpace: joins) == pattern {
                self = .cl100k(digits: digits, joinsTrailingSpace: joins)
                return
            }
        }
        switch pattern {
        case Self.o200kPattern: self = .o200k
        case Self.cl100kFastPattern: self = .cl100k(digits: 3, joinsTrailingSpace: true)
        case Self.gpt2Pattern, Self.gpt2FastPattern: self = .gpt2
        default: return nil
        }
    }

    /// With `joinsTrailingSpace`, `\s+(?![\s\S])` stands for the end of the text: `$` and possessive counts mean other
    /// things to other engines.
    private static func cl100kPattern(digits: Int, joinsTrailingSpace: Bool) -> String {
        let numbers = digits == 1 ? #"\p{N}"# : #"\p{N}{1,\#(digits)}"#
        let trailing = joinsTrailingSpace ? #"|\s+(?![\s\S])"# : ""
        return #"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\#(numbers)| ?[^\s\p{L}\p{N}]+[\r\n]*"#
            + trailing + #"|\s*[\r\n]+|\s+(?!\S)|\s+"#
    }

    private static let cl100kFastPattern =
        #"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*+"#
        + #"|\s++$|\s*[\r\n]|\s+(?!\S)|\s"#

    private static let o200kPattern =
        #"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?"#
        + #"|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?"#
        + #"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"#

    private static let gpt2Pattern =
        #"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"#

    private static let gpt2FastPattern =
        #"'(?:[sdmt]|ll|ve|re)| ?\p{L}++| ?\p{N}++| ?[^\s\p{L}\p{N}]++|\s++$|\s+(?!\S)|\s"#

    /// The pieces of a text, for looking at; encoding does not use it.
    ///
    /// - Parameter text: The text.
    /// - Returns: The pieces in order; joined they give the text.
    public func pieces(of text: String) -> [String] {
        let bytes = Array(text.utf8)
        return bytes.withUnsafeBufferPointer { buffer in
            guard let base = buffer.baseAddress else { return [] }
            let scanned = ScannedText(base, end: buffer.count)
            var result: [String] = []
            var position = 0
            while position < buffer.count {
                let next = endOfPiece(scanned, from: position)
                result.append(String(decoding: buffer[position..<next], as: UTF8.self))
                position = next
            }
            return result
        }
    }

    /// Where the piece that begins at `position` ends.
    @inline(__always)
    func endOfPiece(_ text: ScannedText, from position: Int) -> Int {
        switch self {
        case .gpt2: Scanner.gpt2(text, position)
        case .cl100k(let digits, let joins):
            Scanner.cl100k(text, position, digits: digits, joinsTrailingSpace: joins)
        case .o200k: Scanner.o200k(text, position)
        case .whole: text.end
        }
    }
}
