// Trains the language identifier: `trainer TEXT_FOLDER IDEOGRAPH_CLASSES OUTPUT`. Tools/languages/train compiles and
// runs it together with the sources of TextProcessing.
import Foundation

let arguments = CommandLine.arguments
guard arguments.count >= 4 else { fatalError("usage: trainer TEXT_FOLDER IDEOGRAPH_CLASSES OUTPUT") }
var texts: [String: [UInt8]] = [:]
for name in try FileManager.default.contentsOfDirectory(atPath: arguments[1]).sorted()
where name.hasSuffix(".txt") {
    var text = try String(contentsOfFile: "\(arguments[1])/\(name)", encoding: .utf8)
    let language = String(name.dropLast(4))
    if language == "code" { text = text.replacingOccurrences(of: "\\n", with: "\n") }
    if text.utf8.count > 20_000 { texts[language] = Array(text.utf8) }
}
texts[LanguageIdentifier.unknown] = Gibberish(seed: 1).text(bytes: 2_000_000)
let classes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: arguments[2])))
var trainer = LanguageTrainer()
if let value = ProcessInfo.processInfo.environment["EPOCHS"].flatMap(Int.init) { trainer.epochs = value }
if let value = ProcessInfo.processInfo.environment["SAMPLES"].flatMap(Int.init) {
    trainer.samplesPerLanguage = value
}
if let value = ProcessInfo.processInfo.environment["RATE"].flatMap(Float.init) {
    trainer.learningRate = value
}
print("\(texts.count) classes: \(texts.keys.sorted().joined(separator: " "))")
let identifier = trainer.train(texts, ideographClasses: classes) { epoch, loss in
    print("epoch \(epoch + 1): loss \(loss)")
    fflush(nil)
}
try Data(identifier.serialized()).write(to: URL(fileURLWithPath: arguments[3]))

/// Text in no language: random letters, hexadecimal numbers, base64, the same few keys again and again.
struct Gibberish {
    var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func below(_ count: Int) -> Int {
        state &+= 0x9E37_79B9_7F4A_7C15
        return Int(mixed(state).multipliedFullWidth(by: UInt64(count)).high)
    }

    func text(bytes: Int) -> [UInt8] {
        var copy = self
        var text: [UInt8] = []
        let alphabets = [
            "abcdefghijklmnopqrstuvwxyz", "0123456789abcdef", "ABCDEFGHIJKLMNOPQRSTUVWXYZ",
            "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", "asdfghjkl", "qwertyuiop",
        ]
        while text.count < bytes {
            let alphabet = Array(alphabets[copy.below(alphabets.count)].utf8)
            let isRun = copy.below(8) == 0
            let letters = isRun ? [alphabet[copy.below(alphabet.count)]] : alphabet
            for _ in 0..<(1 + copy.below(6)) {
                for _ in 0..<(3 + copy.below(isRun ? 8 : 20)) {
                    text.append(letters[copy.below(letters.count)])
                }
                text.append(UInt8(ascii: " "))
            }
            text.append(UInt8(ascii: "\n"))
        }
        return text
    }
}
