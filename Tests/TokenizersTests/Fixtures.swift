import Foundation
import Testing
import YuyanFileFormats
import YuyanTokenizers

/// Where the golden files and the published vocabularies lie.
enum Fixtures {
    static let package: URL = {
        var folder = URL(fileURLWithPath: #filePath).resolvingSymlinksInPath()
        for _ in 0..<3 { folder.deleteLastPathComponent() }
        return folder
    }()

    static func path(_ name: String) -> String {
        package.appendingPathComponent("Fixtures/tokenizers/\(name)").path
    }

    static func json(_ name: String) throws -> JSONValue { try JSONValue(contentsOf: path(name)) }

    static func texts() throws -> [String] { try strings(json("texts.json")) }

    static func strings(_ value: JSONValue) throws -> [String] {
        try #require(value.arrayValue).map { try #require($0.stringValue) }
    }

    /// The golden ids of an encoding, one list per text.
    static func ids(_ encoding: String) throws -> [[Int32]] {
        let lists = try #require(try json("ids.json")[encoding]?.arrayValue)
        return try lists.map { try #require($0.arrayValue).map { Int32(try #require($0.integerValue)) } }
    }

    /// A published vocabulary beside the package; nil, with a word about it, when it is not there.
    static func published(_ name: String) -> String? {
        let path = package.deletingLastPathComponent().appendingPathComponent("shared/data/\(name)").path
        if FileManager.default.fileExists(atPath: path) { return path }
        print("skipped: \(path) is not there")
        return nil
    }

    static func load(_ name: String) throws -> BPETokenizer {
        try #require(try TokenizerFiles.load(document: path(name)) as? BPETokenizer)
    }
}

/// A repeatable source of random numbers.
struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ value >> 30) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ value >> 27) &* 0x94D0_49BB_1331_11EB
        return value ^ value >> 31
    }
}

/// A folder that disappears with the object.
final class TemporaryFolder {
    let path: String

    init() throws {
        path =
            FileManager.default.temporaryDirectory.appendingPathComponent("yuyan-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    func write(_ text: String, _ name: String) throws -> String {
        try SafeFile.write(text: text, to: "\(path)/\(name)")
        return "\(path)/\(name)"
    }
}

/// Text that mixes scripts, white space, digits, quotes and, if asked, bytes that are no UTF-8.
func randomText(_ random: inout SplitMix, length: Int, wellFormed: Bool = true) -> [UInt8] {
    let pieces = [
        " ", "  ", "\n", "\r\n", "\t", "\u{3000}", "\u{A0}", "'s", "'LL", "'", "a", "the", "XYZ", "é",
        "e\u{301}", "语言",
        "ภาษา", "हिन्दी", "한국", "العربية", "👩‍👧", "1", "2345", "½", "!", "...", "/", "<|endoftext|>", "ǅ", "\u{0}",
        "aaaa",
    ]
    var bytes: [UInt8] = []
    while bytes.count < length {
        if !wellFormed, Int.random(in: 0..<8, using: &random) == 0 {
            bytes.append(UInt8.random(in: 0...255, using: &random))
        } else {
            bytes.append(contentsOf: pieces[Int.random(in: 0..<pieces.count, using: &random)].utf8)
        }
    }
    return bytes
}
