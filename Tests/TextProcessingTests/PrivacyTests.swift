import Testing
import YuyanTextProcessing

@Suite("Scrubbing of personal data")
struct PrivacyTests {
    private static let all = Set(PersonalDataKind.allCases).subtracting([.uuid])

    /// A sentence of the fixture without its labels, and what stands in it.
    private static func parse(_ line: Substring) -> (text: String, labels: [PersonalDataMatch]) {
        var text = ""
        var labels: [PersonalDataMatch] = []
        for (index, piece) in line.split(separator: "⟦", omittingEmptySubsequences: false).enumerated() {
            guard index > 0 else {
                text += piece
                continue
            }
            let parts = piece.split(separator: "⟧", maxSplits: 1, omittingEmptySubsequences: false)
            let label = parts[0].split(separator: "|", maxSplits: 1, omittingEmptySubsequences: false)
            let start = text.utf8.count
            text += label[1].replacing("¦", with: "")
            if let kind = PersonalDataKind(rawValue: String(label[0])) {
                labels.append(PersonalDataMatch(kind: kind, range: start..<text.utf8.count))
            }
            text += parts[1]
        }
        return (text, labels)
    }

    @Test("precision and recall on labelled sentences, half of them look-alikes")
    func labelled() throws {
        guard let cases = packageText("Fixtures/privacy/cases.txt") else { return }
        let step = PersonalDataScrubbing(Self.all)
        var (hits, wanted, given):
            ([PersonalDataKind: Int], [PersonalDataKind: Int], [PersonalDataKind: Int]) =
                ([:], [:], [:])
        var wrong: [String] = []
        let lines = cases.split(separator: "\n")
        for line in lines {
            let (text, labels) = Self.parse(line)
            let matches = step.matches(in: text)
            for label in labels {
                wanted[label.kind, default: 0] += 1
                if matches.contains(label) { hits[label.kind, default: 0] += 1 }
            }
            for match in matches { given[match.kind, default: 0] += 1 }
            if matches != labels { wrong.append("\(line) -> \(matches.map { "\($0.kind) \($0.range)" })") }
        }
        #expect(lines.count >= 2000)
        func share(_ part: Int, _ whole: Int) -> Double { whole == 0 ? 1 : Double(part) / Double(whole) }
        var report: [String] = []
        for kind in PersonalDataKind.allCases where wanted[kind] != nil || given[kind] != nil {
            let precision = share(hits[kind, default: 0], given[kind, default: 0])
            let recall = share(hits[kind, default: 0], wanted[kind, default: 0])
            report.append("\(kind.rawValue): precision \(precision), recall \(recall)")
            #expect(precision >= 0.95 && recall >= 0.95, "\(kind.rawValue): \(precision), \(recall)")
        }
        let (hit, give, want) = (
            hits.values.reduce(0, +), given.values.reduce(0, +), wanted.values.reduce(0, +)
        )
        print("personal data: precision \(share(hit, give)), recall \(share(hit, want)) of \(want)")
        print(report.joined(separator: "\n"))
        print(wrong.prefix(60).joined(separator: "\n"))
        #expect(share(hit, give) >= 0.98 && share(hit, want) >= 0.98)
    }

    @Test("what stands in place of a find")
    func modes() {
        let text = "mail a.b@c.com or 13812345678"
        #expect(cleaned(PersonalDataScrubbing(), text) == "mail [EMAIL] or [PHONE]")
        #expect(found(PersonalDataScrubbing(), text) == ["email": 1, "phone": 1])
        #expect(cleaned(PersonalDataScrubbing(mode: .mask), text) == "mail *.*@*.*** or ***********")
        #expect(cleaned(PersonalDataScrubbing(mode: .remove), text) == "mail or ")
        let hashed = cleaned(PersonalDataScrubbing(mode: .hash, salt: "s"), text)
        #expect(hashed == cleaned(PersonalDataScrubbing(mode: .hash, salt: "s"), text))
        #expect(hashed != cleaned(PersonalDataScrubbing(mode: .hash, salt: "t"), text))
        #expect(hashed?.hasPrefix("mail [EMAIL:") == true)
        #expect(!PersonalDataScrubbing(mode: .hash, salt: "pepper").settings.contains("pepper"))
        #expect(PersonalDataScrubbing([.phone]).apply(to: "a@b.com") == .unchanged)
        #expect(PersonalDataScrubbing().apply(to: "") == .unchanged)
    }

    @Test("check digits, regions and dates")
    func checks() {
        func kinds(_ text: String) -> [PersonalDataKind] {
            PersonalDataScrubbing(Self.all).matches(in: text).map(\.kind)
        }
        // The example of GB 11643, and the same with another last digit, region and date.
        #expect(kinds("11010519491231002X") == [.identityCard])
        #expect(kinds("110105194912310021") == [] && kinds("990105194912310027") == [])
        #expect(kinds("4111 1111 1111 1111") == [.bankCard] && kinds("4111 1111 1111 1112") == [])
        #expect(kinds("GB82 WEST 1234 5698 7654 32") == [.iban] && kinds("GB82 WEST 1234 5698 7654 33") == [])
        #expect(
            kinds("078-05-1120") == [.socialSecurity] && kinds("666-05-1120") == []
                && kinds("078-00-1120") == []
        )
        #expect(kinds("256.1.1.1") == [] && kinds("1.2.3.4.5") == [] && kinds("host 1.2.3.4") == [.ipAddress])
        #expect(kinds("127.0.0.1 ::1") == [])
        #expect(
            PersonalDataScrubbing(keepsLoopback: false).matches(in: "127.0.0.1").map(\.kind) == [.ipAddress]
        )
        #expect(kinds("91350100M000100Y43") == [.creditCode] && kinds("91350100M000100Y44") == [])
        #expect(kinds("12:34:56 10:20") == [] && kinds("2001:db8::1") == [.ipAddress])
    }

    @Test("options")
    func options() {
        let spelled = PersonalDataScrubbing([.email], findsSpelledEmails: true)
        #expect(cleaned(spelled, "ask ann at example dot com today") == "ask [EMAIL] today")
        #expect(cleaned(spelled, "ann [at] example [dot] co [dot] uk.") == "[EMAIL].")
        #expect(spelled.apply(to: "look at example dots") == .unchanged)
        #expect(spelled.apply(to: "meet at noon dot dot dot") == .unchanged)
        #expect(PersonalDataScrubbing().apply(to: "ann at example dot com") == .unchanged)
        let uuid = "550e8400-e29b-41d4-a716-446655440000"
        #expect(PersonalDataScrubbing().apply(to: uuid) == .unchanged)
        #expect(cleaned(PersonalDataScrubbing([.uuid]), uuid) == "[UUID]")
        let key = "-----BEGIN RSA PRIVATE KEY-----\nMIIabc\n-----END RSA PRIVATE KEY-----"
        #expect(cleaned(PersonalDataScrubbing(), "x \(key) y") == "x [API_KEY] y")
        #expect(
            PersonalDataScrubbing().apply(to: "-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----")
                == .unchanged
        )
    }
}
