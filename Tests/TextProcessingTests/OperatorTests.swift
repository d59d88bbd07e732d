import Foundation
import Testing
import YuyanTextProcessing

private func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

private func result(_ step: some TextOperator, _ text: String) -> [UInt8]? {
    switch step.apply(to: text) {
    case .unchanged: bytes(text)
    case .changed(let rewritten): bytes(rewritten)
    case .rewritten(let rewritten, _): bytes(rewritten)
    case .dropped: nil
    }
}

@Suite("Text operators")
struct OperatorTests {
    @Test("NFC composes, leaves composed text alone and tells the difference")
    func composition() {
        let nfc = UnicodeNormalization()
        #expect(result(nfc, "cafe\u{301}") == bytes("caf\u{E9}"))
        #expect(nfc.apply(to: "caf\u{E9}") == .unchanged)
        #expect(nfc.apply(to: "plain text, 中文，かな") == .unchanged)
        #expect(result(nfc, "\u{1112}\u{1161}\u{11AB}") == bytes("\u{D55C}"))
        #expect(result(nfc, "\u{AC00}\u{11A8}") == bytes("\u{AC01}"))
        #expect(result(nfc, "か\u{3099}") == bytes("\u{304C}"))
        #expect(result(nfc, "\u{212B}") == bytes("\u{C5}"))
        #expect(result(nfc, "q\u{307}\u{323}") == bytes("q\u{323}\u{307}"))
        #expect(result(nfc, "ﬁ Ａ") == bytes("ﬁ Ａ"))
        #expect(result(UnicodeNormalization(.nfkc), "ﬁ Ａ") == bytes("fi A"))
        #expect(result(UnicodeNormalization(.nfd), "\u{E9}") == bytes("e\u{301}"))
    }

    @Test("every scalar taken for inert is so, alone and after every kind of letter")
    func inertScalars() {
        var strangers: [UInt32] = []
        for value in UInt32(0)..<0x11_0000 where UnicodeNormalization.isInertUnderNFC(value) {
            guard let scalar = Unicode.Scalar(value) else { continue }
            for before in ["", "a", "\u{E9}", "か", "\u{AC00}", "\u{395}", "\u{418}"] {
                let text = before + String(scalar)
                let normal = text.precomposedStringWithCanonicalMapping
                if !normal.utf8.elementsEqual(text.utf8) { strangers.append(value) }
            }
        }
        #expect(strangers == [])
    }

    @Test("lines that need no work change nothing in those that do, in every form")
    func lines() {
        var generator = SystemRandomNumberGenerator()
        let pieces = [
            "plain\n", "中文，かな\n", "e\u{301}\n", "か\u{3099}", "\n\n", "\r\n", "ﬁ Ａ\n", "\u{AC00}\u{11A8}",
            "\u{1E9B}\u{323}",
        ]
        for _ in 0..<300 {
            let text = (0..<Int.random(in: 0...8, using: &generator))
                .map { _ in pieces.randomElement(using: &generator) ?? "" }.joined()
            // Each form of the whole text by Foundation, apart from the Hangul pair that it leaves open.
            let closed = text.replacing("\u{AC00}\u{11A8}", with: "\u{AC01}")
            #expect(
                result(UnicodeNormalization(.nfc), text)
                    == bytes(closed.precomposedStringWithCanonicalMapping)
            )
            #expect(
                result(UnicodeNormalization(.nfd), text) == bytes(text.decomposedStringWithCanonicalMapping)
            )
            #expect(
                result(UnicodeNormalization(.nfkc), text)
                    == bytes(closed.precomposedStringWithCompatibilityMapping)
            )
            #expect(
                result(UnicodeNormalization(.nfkd), text)
                    == bytes(text.decomposedStringWithCompatibilityMapping)
            )
        }
    }

    @Test("line ends")
    func newlines() {
        let step = NewlineNormalization()
        #expect(result(step, "a\r\nb\rc\nd\r\r\n") == bytes("a\nb\nc\nd\n\n"))
        #expect(result(step, "x\u{2028}y\u{2029}z\u{85}") == bytes("x\ny\nz\n"))
        let ascii = NewlineNormalization(includesUnicodeSeparators: false)
        #expect(ascii.apply(to: "x\u{2028}y") == .unchanged)
        #expect(step.apply(to: "nothing\nto do 中") == .unchanged)
        #expect(step.apply(to: "") == .unchanged)
    }

    @Test("control characters")
    func controls() {
        let step = ControlCharacterRemoval()
        #expect(result(step, "\u{FEFF}a\u{0}b\u{7}\tc\u{7F}\n\u{9B}d") == bytes("ab\tc\nd"))
        let family = "👩\u{200D}👩\u{200D}👧 می\u{200C}خواهم a\u{200B}b"
        #expect(step.apply(to: family) == .unchanged)
        let all = ControlCharacterRemoval(includesInvisible: true)
        #expect(result(all, family) == bytes("👩\u{200D}👩\u{200D}👧 می\u{200C}خواهم ab"))
        #expect(result(all, "\u{202E}evil\u{202C} so\u{AD}ft") == bytes("evil soft"))
        #expect(result(step, "\u{0}\u{1}") == [])
    }

    @Test("minimal length counts scalars between white space")
    func minimum() {
        let step = MinimumLength(scalars: 3)
        #expect(step.kind == .filter)
        #expect(step.apply(to: "中文字") == .unchanged)
        #expect(step.apply(to: "  ab \n\n") == .dropped(reason: "too short"))
        #expect(step.apply(to: " a b ") == .unchanged)
        #expect(step.apply(to: "中文") == .dropped(reason: "too short"))
        #expect(MinimumLength(scalars: 0).apply(to: "") == .unchanged)
    }

    @Test("a pipeline applies in order, counts, and asks filters about the first part only")
    func pipeline() {
        let pipeline = TextPipeline([NewlineNormalization(), MinimumLength(scalars: 2)])
        var tallies = pipeline.emptyTallies
        let first = pipeline.process("a\r\nb", tallies: &tallies)
        let short = pipeline.process("x\r\n", tallies: &tallies)
        let later = pipeline.process("x\r\n", isContinuation: true, tallies: &tallies)
        #expect(first == "a\nb" && short == nil && later == "x\n")
        #expect(tallies[0].seen == 3 && tallies[0].changed == 3 && tallies[0].bytesRemoved == 3)
        #expect(tallies[1].seen == 2 && tallies[1].dropped == 1 && tallies[1].changed == 0)
        #expect(tallies[1].reasons == ["too short": 1])
        #expect(tallies[1].examples == [OperatorExample(before: "x\n", after: nil, reason: "too short")])
        #expect(tallies[0].examples.map(\.after) == ["a\nb", "x\n", "x\n"])
        #expect(pipeline.signature == ["newline_normalization(cr,crlf,nel,ls,ps)", "min_length(2)"])
    }

    @Test("random scalars come through rewriting as a scalar-by-scalar reference says")
    func reference() {
        var generator = SystemRandomNumberGenerator()
        let seed = UInt64.random(in: 0...UInt64.max, using: &generator)
        var state = seed
        func draw(_ bound: UInt32) -> UInt32 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return UInt32(state >> 33) % bound
        }
        let pool: [Unicode.Scalar] = Array(
            "\r\n\t a\u{0}\u{85}\u{2028}é中\u{FEFF}😀\u{200B}\u{9F}".unicodeScalars
        )
        for _ in 0..<2000 {
            var text = String.UnicodeScalarView()
            for _ in 0..<draw(12) { text.append(pool[Int(draw(UInt32(pool.count)))]) }
            let kept = text.filter {
                let value = $0.value
                let isWhite = [9, 10, 13, 0x85].contains(value)
                return isWhite || !(value < 0x20 || (0x7F..<0xA0).contains(value) || value == 0xFEFF)
            }
            #expect(
                result(ControlCharacterRemoval(), String(text))
                    == bytes(String(String.UnicodeScalarView(kept))),
                "seed \(seed)"
            )
        }
    }
}

@Suite("Fingerprints and duplicates")
struct FingerprintTests {
    @Test("fingerprints are fixed, so that data sets made on other machines keep their split")
    func fixed() {
        let found = ["", "a", "yuyan", String(repeating: "语燕", count: 100)].map { text in
            let print = TextFingerprint(text)
            return [print.high, print.low, print.spread(seed: 1)].map { String($0, radix: 16) }.joined(
                separator: " "
            )
        }
        #expect(found == FingerprintTests.expected)
    }

    static let expected = [
        "89d5218aa39744a7 2ac3c80aa92abbc 36a9ab2fa0b76358",
        "aad7177aeb94a792 8431571096a6e8ed bbcdb946cca59a9",
        "50a588323a4649dc 3eab62215494b4ad bbce15786404b28f",
        "95aa60ea11e4abc1 69293bcebc02fd23 f22ab96012e31f07",
    ]

    @Test("one changed bit changes about half of the fingerprint")
    func avalanche() {
        for length in [1, 7, 8, 15, 16, 17, 100] {
            let plain = [UInt8](repeating: 65, count: length)
            let base = plain.withUnsafeBytes { TextFingerprint(bytes: $0) }
            var (flips, count) = (0, 0)
            for bit in 0..<(8 * length) {
                var other = plain
                other[bit / 8] ^= 1 << UInt8(bit % 8)
                let changed = other.withUnsafeBytes { TextFingerprint(bytes: $0) }
                let different =
                    (base.high ^ changed.high).nonzeroBitCount + (base.low ^ changed.low).nonzeroBitCount
                #expect(different > 30, "length \(length), bit \(bit): \(different)")
                flips += different
                count += 1
            }
            #expect(abs(Double(flips) / Double(count) - 64) < 8)
        }
    }

    @Test("no collisions among similar texts, zeros of every length and permuted blocks")
    func collisions() {
        var prints = Set<TextFingerprint>()
        var count = 0
        for number in 0..<200_000 {
            prints.insert(TextFingerprint("document \(number)"))
            count += 1
        }
        for length in 1..<2000 {
            prints.insert([UInt8](repeating: 0, count: length).withUnsafeBytes { TextFingerprint(bytes: $0) })
            count += 1
        }
        let blocks = ["0123456789abcdef", "fedcba9876543210", "0000000000000000", "ffffffffffffffff"]
        for a in blocks {
            for b in blocks {
                for c in blocks {
                    prints.insert(TextFingerprint(a + b + c))
                    count += 1
                }
            }
        }
        #expect(prints.count == count)
    }

    @Test("spread numbers are even and change with the seed")
    func spread() {
        var buckets = [Int](repeating: 0, count: 16)
        var same = 0
        for number in 0..<16_000 {
            let print = TextFingerprint("text \(number)")
            buckets[Int(print.spread(seed: 1) >> 60)] += 1
            if print.spread(seed: 1) >> 60 == print.spread(seed: 2) >> 60 { same += 1 }
        }
        // 1000 expected in each bucket with a deviation near 31.
        #expect(buckets.allSatisfy { abs($0 - 1000) < 150 })
        #expect(abs(same - 1000) < 150)
    }

    @Test("the first of equal documents passes")
    func duplicates() {
        var filter = DuplicateFilter()
        let joined = TextFingerprint("a").joined(with: TextFingerprint("b"))
        #expect(joined != TextFingerprint("b").joined(with: TextFingerprint("a")))
        let prints = [TextFingerprint("a"), TextFingerprint("b"), TextFingerprint("a"), joined]
        let admitted = prints.map { filter.admits($0) }
        #expect(admitted == [true, true, false, true])
        #expect(filter.duplicateCount == 1)
    }
}
