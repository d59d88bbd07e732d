import Foundation
import Testing
import YuyanTasks

/// What the pictures of a page tell where a pointer rests on them.
struct PagePictures {
    let html: String

    init(_ evaluation: TaskEvaluation) throws { html = try #require(evaluation.page?.html) }

    init(_ html: String) { self.html = html }

    /// The values of a picture, by their names: bars and columns, and dots by their places.
    ///
    /// - Parameter caption: How the line above the picture begins.
    /// - Returns: Names and values in their order.
    /// - Throws: When there is no such picture.
    func values(_ caption: String) throws -> [(name: String, value: Double)] {
        let start = try #require(html.range(of: "<figcaption>\(caption)"), "no picture \(caption)")
        let rest = html[start.upperBound...]
        let end = try #require(rest.range(of: "</figure>"))
        return rest[..<end.lowerBound].components(separatedBy: "<title>").dropFirst().compactMap { part in
            guard let title = part.components(separatedBy: "</title>").first,
                let colon = title.range(of: ": ", options: .backwards),
                let value = Double(title[colon.upperBound...])
            else { return nil }
            return (String(title[..<colon.lowerBound]), value)
        }
    }

    /// The value of a name in a picture; 0 where it has none.
    func value(_ name: String, in caption: String) throws -> Double {
        try values(caption).first { $0.name == name }?.value ?? 0
    }

    /// The sum of a picture's values.
    func sum(_ caption: String) throws -> Double { try values(caption).reduce(0) { $0 + $1.value } }

    /// Nothing that is no number stands in a picture.
    var isPlain: Bool { !html.contains("\"nan") && !html.contains("\"-nan") && !html.contains("\"inf") }
}
