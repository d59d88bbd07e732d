import Testing
import YuyanTextProcessing

@Suite("Width, script and white space")
struct ScriptTests {
    @Test("full width becomes half width by class")
    func halfWidth() {
        let step = WidthNormalization()
        #expect(cleaned(step, "ＡＢＣ１２３，好！") == "ABC123，好！")
        #expect(cleaned(step, "你\u{3000}好") == "你 好")
        #expect(step.apply(to: "plain 中文，。") == .unchanged)
        #expect(step.apply(to: "") == .unchanged)
        #expect(cleaned(WidthNormalization(to: .half, .punctuation), "ＡＢ！（～") == "ＡＢ!(~")
        #expect(cleaned(WidthNormalization(to: .half, .letters), "Ａ１\u{3000}") == "A１\u{3000}")
        // Neighbours of the block stay: U+FF00 is nothing, U+FF5F is a bracket, U+FF61 … half-width katakana.
        #expect(
            WidthNormalization(to: .half, [.letters, .digits, .punctuation, .space]).apply(to: "｟｡ｱ￥")
                == .unchanged
        )
    }

    @Test("half width becomes full width and back")
    func fullWidth() {
        let all: WidthNormalization.Classes = [.letters, .digits, .punctuation, .space]
        var ascii = ""
        for value in UInt8(0x20)...0x7E { ascii.unicodeScalars.append(Unicode.Scalar(value)) }
        let wide = cleaned(WidthNormalization(to: .full, all), ascii + "中\n")
        #expect(wide?.unicodeScalars.filter { $0.value < 0x80 && $0 != "\n" }.isEmpty == true)
        #expect(same(wide.flatMap { cleaned(WidthNormalization(to: .half, all), $0) }, ascii + "中\n"))
        #expect(cleaned(WidthNormalization(to: .full, .digits), "a1") == "a１")
    }

    @Test("traditional characters and words in which they stay")
    func simplification() {
        let step = ChineseSimplification()
        let pairs = [
            ("漢語詞典", "汉语词典"), ("頭髮發展", "头发发展"), ("乾隆皇帝吃乾麵", "乾隆皇帝吃干面"), ("著名作家看著書", "著名作家看着书"),
            ("瞭望瞭解", "瞭望了解"),
            ("裏面、裡面、週末遊覽", "里面、里面、周末游览"), ("覆蓋與答覆", "覆盖与答复"), ("彷彿彷徨", "仿佛彷徨"), ("甚麼於是", "什么于是"),
            ("臺灣颱風", "台湾台风"),
            ("皇后後面", "皇后后面"), ("憑藉藉口狼藉", "凭借借口狼藉"), ("為了證據", "为了证据"),
        ]
        for (source, target) in pairs { #expect(cleaned(step, source) == target) }
        // Simplified text has 著, 乾 and 藉 too; nothing shows that they are anything else.
        for text in ["鲁迅著，原著", "乾陵", "慰藉", "plain", "", "简体中文，标点。", "ｱ㐀"] {
            #expect(step.apply(to: text) == .unchanged, "\(text)")
        }
    }

    @Test("white space")
    func tidying() {
        let step = WhitespaceTidying()
        #expect(cleaned(step, "a  b\t c  \n\n\n\n  d\n") == "a b c\n\n  d\n")
        #expect(cleaned(step, "\n \n a\n\n\n") == " a\n")
        #expect(cleaned(step, " \n\t\n") == "")
        #expect(cleaned(step, "x \t") == "x")
        #expect(step.apply(to: "a\n\nb\n") == .unchanged)
        #expect(step.apply(to: "") == .unchanged)
        #expect(cleaned(WhitespaceTidying(blankLines: 0), "a\n\n\nb") == "a\nb")
        #expect(cleaned(WhitespaceTidying(unifiesSpaces: true), "\u{3000}你\u{3000}\u{A0}好\u{2003}") == " 你 好")
        #expect(
            cleaned(WhitespaceTidying(trimsLines: false, blankLines: 1), "a \n\n\n\nb \n\n\n")
                == "a \n\nb \n\n"
        )
        #expect(
            cleaned(WhitespaceTidying(collapsesSpaces: false), "def  f():\n    x  \n") == "def  f():\n    x\n"
        )
    }
}
