import Foundation
import YuyanTestSupport

extension ScratchFolder {
    /// Writes each text to a file of its own, `0.txt`, `1.txt` …, in the folder `texts`.
    func writeTexts(_ texts: [String]) throws {
        try FileManager.default.createDirectory(atPath: "\(path)/texts", withIntermediateDirectories: true)
        for (number, text) in texts.enumerated() { try write(text, to: "texts/\(number).txt") }
    }
}
