import Foundation
import Testing
import YuyanTextProcessing

@Suite("language identification")
struct LanguageTests {
    /// Sentences written for this test, of 30 to 90 characters.
    private static let sentences: [(String, String)] = [
        ("en", "The weather was cold this morning, so we stayed at home and read a book."),
        ("de", "Heute Morgen war es kalt, deshalb sind wir zu Hause geblieben und haben gelesen."),
        ("fr", "Il faisait froid ce matin, alors nous sommes restés à la maison avec un livre."),
        ("es", "Esta mañana hacía frío, así que nos quedamos en casa leyendo un libro."),
        ("it", "Questa mattina faceva freddo, quindi siamo rimasti a casa a leggere un libro."),
        ("pt", "Esta manhã estava frio, então ficamos em casa e não saímos para a rua."),
        ("nl", "Het was koud vanochtend, dus we zijn thuisgebleven en hebben een boek gelezen."),
        ("sv", "Det var kallt i morse, så vi stannade hemma och läste en bok tillsammans."),
        ("fi", "Aamulla oli kylmä, joten jäimme kotiin lukemaan kirjaa yhdessä lasten kanssa."),
        ("pl", "Dziś rano było zimno, więc zostaliśmy w domu i czytaliśmy książkę."),
        ("cs", "Dnes ráno byla zima, a tak jsme zůstali doma a četli jsme si knihu."),
        ("hu", "Ma reggel hideg volt, ezért otthon maradtunk és egy könyvet olvastunk."),
        ("tr", "Bu sabah hava soğuktu, bu yüzden evde kaldık ve birlikte kitap okuduk."),
        ("vi", "Sáng nay trời lạnh nên chúng tôi ở nhà và đọc một cuốn sách hay."),
        ("ru", "Сегодня утром было холодно, поэтому мы остались дома и читали книгу."),
        ("uk", "Сьогодні вранці було холодно, тому ми залишилися вдома і читали книжку."),
        ("el", "Σήμερα το πρωί έκανε κρύο, γι' αυτό μείναμε στο σπίτι και διαβάσαμε."),
        ("he", "הבוקר היה קר, ולכן נשארנו בבית וקראנו ספר ביחד."),
        ("ar", "كان الجو باردا هذا الصباح، لذلك بقينا في المنزل وقرأنا كتابا."),
        ("fa", "امروز صبح هوا سرد بود، برای همین در خانه ماندیم و کتاب خواندیم."),
        ("hi", "आज सुबह ठंड थी, इसलिए हम घर पर रहे और किताब पढ़ते रहे।"),
        ("th", "เช้านี้อากาศหนาว เราจึงอยู่บ้านและอ่านหนังสือด้วยกัน"),
        ("ko", "오늘 아침은 추워서 우리는 집에 머물며 책을 읽었습니다."),
        ("ja", "今朝は寒かったので、家にいて一緒に本を読みました。"),
        ("zh-Hans", "今天早上很冷，所以我们留在家里一起读书。"),
        ("zh-Hant", "今天早上很冷，所以我們留在家裡一起讀書。"),
        ("code", "for (int i = 0; i < n; i++) {\n    sum += values[i];\n}\nreturn sum;"),
        (
            "code",
            "def mean(values):\n    if not values:\n        return None\n    return sum(values) / len(values)"
        ),
    ]

    @Test("sentences of many languages, both scripts of Chinese, and code", arguments: sentences)
    func sentence(language: String, text: String) {
        let guess = LanguageIdentifier.shared.identify(text)
        #expect(guess.language == language, "\(LanguageIdentifier.shared.guesses(text))")
        #expect(guess.probability > 0.5 && guess.probability <= 1)
    }

    @Test("no letters, letters of no known script, and gibberish are unknown")
    func unknown() {
        for text in ["", "12:30, 7 %", "😀 ✅ →", "ᚠᚢᚦᚨᚱᚲ ᚷᚹᚺᚾᛁᛃ", "𓀀𓀁𓀂"] {
            let expected = LanguageGuess(language: LanguageIdentifier.unknown, probability: 1)
            #expect(LanguageIdentifier.shared.identify(text) == expected, "'\(text)'")
        }
        let hash = "d41d8cd98f00b204e9800998ecf8427e e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934c"
        #expect(LanguageIdentifier.shared.identify(hash).language == LanguageIdentifier.unknown)
    }

    @Test("guesses are sorted probabilities that add up to 1; the first is the answer")
    func guesses() {
        let identifier = LanguageIdentifier.shared
        #expect(identifier.languages.count >= 62)
        for (_, text) in Self.sentences {
            let all = identifier.guesses(text, count: 1000)
            #expect(all.count == identifier.languages.count)
            #expect(abs(all.reduce(0) { $0 + $1.probability } - 1) < 1e-4)
            #expect(zip(all, all.dropFirst()).allSatisfy { $0.probability >= $1.probability })
            #expect(all.first == identifier.identify(text))
        }
        #expect(identifier.guesses("hello there", count: 0).isEmpty)
    }

    @Test("a long text is judged by pieces of all of it, cut between scalars")
    func longText() {
        let chinese = String(repeating: "今天早上很冷，所以我们留在家里一起读书。", count: 3000)
        #expect(LanguageIdentifier.shared.identify(chinese).language == "zh-Hans")
        #expect(LanguageIdentifier.shared.identify("a" + chinese).language == "zh-Hans")
    }

    @Test("an identifier of one's own: trained, stored, read back; the same seed gives the same")
    func training() throws {
        var trainer = LanguageTrainer()
        (trainer.samplesPerLanguage, trainer.epochs, trainer.outputEpochs) = (300, 3, 1)
        var texts: [String: [UInt8]] = [:]
        for (language, text) in Self.sentences where ["de", "fi", "ru", "zh-Hans"].contains(language) {
            texts[language] = Array((text + "\n").utf8)
        }
        let identifier = trainer.train(texts)
        #expect(identifier.languages == ["de", "fi", "ru", "zh-Hans"])
        #expect(identifier.identify("Heute sind wir zu Hause").language == "de")
        #expect(identifier.identify("Сегодня было холодно").language == "ru")
        let bytes = identifier.serialized()
        #expect(trainer.train(texts).serialized() == bytes)
        let again = try LanguageIdentifier(bytes: bytes)
        #expect(again.identify("jäimme kotiin") == identifier.identify("jäimme kotiin"))
        for cut in [0, 4, 8, 40, 200, bytes.count - 1] {
            #expect(throws: LanguageModelError.self) { try LanguageIdentifier(bytes: Array(bytes[..<cut])) }
        }
        #expect(throws: LanguageModelError.self) { try LanguageIdentifier(bytes: bytes + [0]) }
    }

    @Test("the filter keeps languages and says what it drops; counts for reports")
    func filter() throws {
        let filter = try OperatorCatalog.make("language_filter", ["keep": .list(["en", "zh"])])
        #expect(filter.apply(to: Self.sentences[0].1) == .unchanged)
        #expect(filter.apply(to: "今天早上很冷，所以我们留在家里。") == .unchanged)
        #expect(filter.apply(to: "今天早上很冷，所以我們留在家裡一起讀書。") == .unchanged)
        #expect(filter.apply(to: Self.sentences[1].1) == .dropped(reason: "language de"))
        #expect(filter.apply(to: "123") == .dropped(reason: "language unknown"))
        let strict = LanguageFilter(keep: ["en"], minimumProbability: 1)
        #expect(strict.apply(to: "no idea") != .unchanged)
        #expect(throws: OperatorError.self) { try OperatorCatalog.make("language_filter") }
        #expect(throws: OperatorError.self) {
            try OperatorCatalog.make("language_filter", ["keep": .text("english")])
        }
        var counts = LanguageCounts()
        for (_, text) in Self.sentences { counts.add(text) }
        #expect(counts.ranking.first?.language == "code" && counts.texts["code"] == 2)
        #expect(counts.bytes["en"] == Self.sentences[0].1.utf8.count)
    }
}
