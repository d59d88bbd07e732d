/// Writes traditional Chinese in simplified characters.
///
/// Characters follow kSimplifiedVariant of the Unicode Unihan database and the list of retired variants; words in
/// which a character stays, or takes its other form, are exceptions. Characters that simplified text has too (著, 乾,
/// 藉 …) are touched only where the text also holds a character or word that can only be traditional.
public struct ChineseSimplification: TextOperator {
    /// Creates the operator.
    public init() {}

    /// The operator's name.
    public var name: String { "traditional_to_simplified" }
    /// The version of its tables.
    public var settings: String { "unihan-15,1" }
    /// It rewrites.
    public var kind: TextOperatorKind { .mapper }

    /// Simplifies a text.
    ///
    /// - Parameter text: any text.
    /// - Returns: the text in simplified characters, or unchanged.
    public func apply(to text: String) -> TextOutcome {
        TextOutcome(text.rewritten(simplify))
    }

    private func simplify(_ rewriter: inout ByteRewriter) {
        let tables = Self.tables
        let bytes = rewriter.bytes
        guard Self.isTraditional(bytes, tables) else { return }
        var place = 0
        while place < bytes.count {
            let lead = bytes[place]
            guard lead >= 0xE3, lead < 0xEA else {
                place += 1
                continue
            }
            let value = scalar(in: bytes, at: place).value
            if let word = tables.word(bytes, at: place, value) {
                if word.source != word.target {
                    rewriter.replace(place..<(place + word.source.count), with: word.target)
                }
                place += word.source.count
                continue
            }
            let form = tables.form(of: value)
            if form != 0 {
                rewriter.replace(
                    place..<(place + 3),
                    with: [
                        UInt8(0xE0 | form >> 12), UInt8(0x80 | form >> 6 & 0x3F), UInt8(0x80 | form & 0x3F),
                    ]
                )
            }
            place += 3
        }
    }

    private static func isTraditional(_ bytes: UnsafeBufferPointer<UInt8>, _ tables: Tables) -> Bool {
        var place = 0
        while place < bytes.count {
            let lead = bytes[place]
            guard lead >= 0xE3, lead < 0xEA else {
                place += 1
                continue
            }
            let value = scalar(in: bytes, at: place).value
            if let word = tables.word(bytes, at: place, value) {
                if word.source != word.target { return true }
                place += word.source.count
                continue
            }
            if tables.form(of: value) != 0, !tables.shared.contains(value) { return true }
            place += 3
        }
        return false
    }

    /// A word and what becomes of it.
    private struct Word: Sendable {
        let source: [UInt8]
        let target: [UInt8]

        func matches(_ bytes: UnsafeBufferPointer<UInt8>, at place: Int) -> Bool {
            place + source.count <= bytes.count
                && source.indices.allSatisfy { source[$0] == bytes[place + $0] }
        }
    }

    private struct Tables: Sendable {
        static let first: UInt32 = 0x3400
        /// The simplified form by scalar from U+3400; 0 for none.
        var forms = [UInt16](repeating: 0, count: 0x9FFF - 0x3400 + 1)
        /// Words by their first scalar, the longest first.
        var words: [UInt32: [Word]] = [:]
        /// Whether words begin with a scalar, from U+3400.
        var heads = [Bool](repeating: false, count: 0x9FFF - 0x3400 + 1)
        /// Characters that simplified text has too.
        var shared: Set<UInt32> = []

        @inline(__always)
        func word(_ bytes: UnsafeBufferPointer<UInt8>, at place: Int, _ value: UInt32) -> Word? {
            let index = Int(value) - Int(Self.first)
            guard index >= 0, index < heads.count, heads[index] else { return nil }
            return words[value]?.first { $0.matches(bytes, at: place) }
        }

        @inline(__always)
        func form(of value: UInt32) -> UInt32 {
            let index = Int(value) - Int(Self.first)
            return index >= 0 && index < forms.count ? UInt32(forms[index]) : 0
        }
    }

    private static let tables: Tables = {
        var tables = Tables()
        let pairs = Array(characterPairs.description.unicodeScalars)
        for index in stride(from: 0, to: pairs.count - 1, by: 2) {
            tables.forms[Int(pairs[index].value - Tables.first)] = UInt16(pairs[index + 1].value)
        }
        tables.shared = Set(sharedCharacters.unicodeScalars.map(\.value))
        for entry in exceptions.split(separator: " ") {
            let sides = entry.split(separator: "=")
            guard let source = sides.first, let target = sides.last, let head = source.unicodeScalars.first
            else { continue }
            if head.value >= Tables.first { tables.heads[Int(head.value - Tables.first)] = true }
            tables.words[head.value, default: []].append(
                Word(source: Array(source.utf8), target: Array(target.utf8))
            )
        }
        for head in tables.words.keys {
            tables.words[head]?.sort { $0.source.count > $1.source.count }
        }
        return tables
    }()

    private static let sharedCharacters = "著乾藉徵摺於夥麽瞭"

    /// Words with their simplified form; a word without an equals sign stays as it is.
    private static let exceptions = """
        乾隆 乾坤 乾清宮=乾清宫 乾元 乾卦 乾縣=乾县 乾陵 乾道 乾嘉 康乾 雍乾 乾符 乾寧=乾宁 乾象 乾德 乾祐 朝乾夕惕 \
        著名 著作 著述 著稱=著称 著者 著書立說=著书立说 著錄=著录 顯著=显著 卓著 昭著 名著 原著 專著=专著 巨著 鉅著=巨著 \
        編著=编著 譯著=译著 合著者 遺著=遗著 拙著 土著 所著 所著墨=所着墨 臭名昭著 彰明較著=彰明较著 見微知著=见微知著 撰著 \
        瞭望 瞭臺=瞭台 瞭解=了解 明瞭=明了 瞭然=了然 狼藉 慰藉 蘊藉=蕴藉 枕藉 藉藉 憑藉=凭借 宮商角徵羽=宫商角徵羽 角徵羽 變徵之聲=变徵之声 \
        答覆=答复 回覆=回复 反覆=反复 批覆=批复 覆信=复信 函覆=函复 覆函=复函 奏覆=奏复 \
        彷彿=仿佛 甚麼=什么 夥頤=夥颐 於菟 樊於期 錢鍾書=钱锺书 \
        崑崙=昆仑 崑曲=昆曲 崑劇=昆剧 崑山=昆山 蘇崑=苏昆
        """
}
