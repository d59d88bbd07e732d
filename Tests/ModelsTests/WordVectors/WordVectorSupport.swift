import CKernels
import Foundation
import Testing
import YuyanFileFormats
import YuyanModels

/// A folder that disappears with the object.
final class ScratchFolder {
    let path: String

    init() throws {
        path =
            FileManager.default.temporaryDirectory.appendingPathComponent("yuyan-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    func file(_ name: String) -> String { "\(path)/\(name)" }

    func write(_ text: String, _ name: String) throws -> String {
        try Data(text.utf8).write(to: URL(fileURLWithPath: file(name)))
        return file(name)
    }
}

/// What the golden script wrote.
func classicalGolden<Value: Decodable>(_ type: Value.Type) throws -> Value {
    let path = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent().appending(
            path: "Fixtures/classical/classical.json"
        )
    return try JSONDecoder().decode(type, from: Data(contentsOf: path))
}

/// Runs with a number of threads.
func withThreads<Result>(_ count: Int32, _ body: () throws -> Result) rethrows -> Result {
    let before = yk_thread_count()
    yk_set_thread_count(count)
    defer { yk_set_thread_count(before) }
    return try body()
}

/// Text about several themes; the words of a theme stand together, and every theme has the same filler.
func themedCorpus(sentences: Int, themes: Int = 5, seed: UInt64 = 3) -> WordCorpus {
    let builder = WordCorpusBuilder()
    var state = seed
    func draw(_ bound: Int) -> Int {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return Int(state >> 33) % bound
    }
    for _ in 0..<sentences {
        let theme = draw(themes)
        builder.add(
            sentence: (0..<12).map { _ in draw(4) == 0 ? "of\(draw(3))" : "theme\(theme)word\(draw(8))" }
        )
    }
    return builder.finish(minimumCount: 5)
}

/// The share of words whose nearest word is of the same theme.
func themeAccuracy(_ vectors: WordVectors) throws -> Double {
    let index = WordVectorIndex(vectors)
    let words = vectors.words.filter { $0.hasPrefix("theme") }
    let right = try words.filter { word in
        try index.nearest(to: word, count: 1).first?.word.hasPrefix(String(word.prefix(6))) ?? false
    }
    return Double(right.count) / Double(words.count)
}

/// Expects a failure with a code and words of its message.
func expectFileFailure(
    _ code: FileFormatError.Code,
    _ words: String...,
    sourceLocation: SourceLocation = #_sourceLocation,
    _ body: () throws -> Void
) {
    do {
        try body()
        Issue.record("nothing was thrown", sourceLocation: sourceLocation)
    } catch let error as FileFormatError {
        #expect(error.code == code, "\(error)", sourceLocation: sourceLocation)
        for word in words {
            #expect(error.description.contains(word), "\(error)", sourceLocation: sourceLocation)
        }
    } catch {
        Issue.record("another error: \(error)", sourceLocation: sourceLocation)
    }
}
