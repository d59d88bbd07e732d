import YuyanFileFormats
import YuyanModels
import YuyanTokenizers

/// Saying that models did not read all of a text.
enum CutTexts {
    /// Notes how many texts are longer than the model reads.
    ///
    /// - Parameters:
    ///   - isCut: Of each text whether it is.
    ///   - name: What the texts are called.
    ///   - report: Told of them, if there are any.
    static func note(_ isCut: [Bool], of name: String = "texts", _ report: (TaskEvent) -> Void) {
        let count = isCut.count { $0 }
        guard count > 0 else { return }
        report(.note("\(count) of \(isCut.count) \(name) have more tokens than the model reads and are cut"))
    }

    /// Says in an answer that its text was cut; nothing where it was not.
    static func mark(_ isCut: Bool, _ answer: inout JSONObject) {
        if isCut { answer["cut"] = true }
    }
}

/// How texts, or pairs of texts, become the tokens of a model that reads whole texts.
///
/// A model with a frame sees what its tokenizer puts around texts (`[CLS] A [SEP] B [SEP]`); where the tokenizer has none,
/// the end-of-text token begins, separates and ends. Other models see the tokens alone, those of a pair one after the
/// other. Texts longer than the model are cut at their end, of a pair the longer one first.
struct TextTokens: Sendable {
    let tokenizer: any Tokenizer
    /// The most tokens of a text, its frame included.
    let maxLength: Int
    private let prefix: [Int32]
    private let suffix: [Int32]

    /// A text's tokens and what was done to it.
    struct Encoded: Sendable, Equatable {
        var ids: [Int32]
        /// 0 for the first text, 1 for the second.
        var types: [Int32]
        /// Where the tokens of each text stand, without what is put around them.
        var places: [Range<Int>]
        var isCut = false
    }

    init(_ tokenizer: any Tokenizer, maxLength: Int, isFramed: Bool) {
        self.tokenizer = tokenizer
        self.maxLength = maxLength
        let (before, after) = (tokenizer.addedTokens.prefix, tokenizer.addedTokens.suffix)
        let end = [tokenizer.endOfText ?? 0]
        prefix = isFramed ? (before.isEmpty ? end : before) : []
        suffix = isFramed ? (after.isEmpty ? end : after) : []
    }

    /// Texts that end with a token and have none before them; of a pair both do.
    init(_ tokenizer: any Tokenizer, maxLength: Int, end: Int32) {
        (self.tokenizer, self.maxLength, prefix, suffix) = (tokenizer, maxLength, [], [end])
    }

    func encode(_ text: String, _ second: String? = nil) -> Encoded {
        var one = tokenizer.encode(text)
        var two = second.map { tokenizer.encode($0) } ?? []
        let frame = prefix.count + suffix.count * (second == nil ? 1 : 2)
        let room = max(maxLength - frame, 0)
        let isCut = one.count + two.count > room
        if isCut {
            let half = room / 2
            // The shorter keeps what fits into its half, the longer the rest.
            if one.count <= half {
                two.removeLast(two.count - (room - one.count))
            } else if two.count <= room - half {
                one.removeLast(one.count - (room - two.count))
            } else {
                one.removeLast(one.count - half)
                two.removeLast(two.count - (room - half))
            }
        }
        let first = prefix + one + suffix
        let rest = second == nil ? [] : two + suffix
        return Encoded(
            ids: first + rest,
            types: [Int32](repeating: 0, count: first.count) + [Int32](repeating: 1, count: rest.count),
            places: [prefix.count..<prefix.count + one.count]
                + (second == nil ? [] : [first.count..<first.count + two.count]),
            isCut: isCut
        )
    }
}
