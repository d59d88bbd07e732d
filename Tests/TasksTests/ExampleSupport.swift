import Foundation
import YuyanDatasets
import YuyanFileFormats
import YuyanTasks

/// Rows written as the `data` section of a recipe describes them.
struct ExampleFile {
    private let settings: DataSettings
    private let format: DataFormat

    /// - Parameter recipe: The recipe; without `format` the name of `data.train` tells it.
    init(_ recipe: Recipe) {
        settings = recipe.data.examples.settings
        format = settings.format ?? DataFormat(path: recipe.data.train)
    }

    /// The text of a file.
    ///
    /// - Parameter rows: What each role of a row holds.
    /// - Returns: The file's text; nil for formats of sentences.
    func text(_ rows: [[String: String]]) -> String? {
        switch format {
        case .csv: table(rows, ",") { "\"\($0.replacingOccurrences(of: "\"", with: "\"\""))\"" }
        case .tsv: table(rows, "\t") { $0 }
        case .jsonl:
            rows.map { row in
                var object = JSONObject()
                for role in row.keys.sorted() { object[column(role).description] = .string(row[role] ?? "") }
                return JSONValue.object(object).printed(indent: nil) + "\n"
            }.joined()
        case .fasttext: rows.map { "__label__\($0["label"] ?? "") \($0["text"] ?? "")\n" }.joined()
        case .lines, .json, .conll, .conllu: nil
        }
    }

    /// The text of a file of tagged sentences.
    ///
    /// - Parameter sentences: The sentences' words and tags.
    /// - Returns: The file's text; nil for formats of rows.
    func text(_ sentences: [[(word: String, tag: String)]]) -> String? {
        switch format {
        case .conll:
            sentences.map { $0.map { "\($0.word) \($0.tag)\n" }.joined() + "\n" }.joined()
        case .conllu:
            sentences.map { sentence in
                sentence.enumerated().map { number, token in
                    "\(number + 1)\t\(token.word)\t_\t\(token.tag)\t_\t_\t0\t_\t_\t_\n"
                }.joined() + "\n"
            }.joined()
        default: nil
        }
    }

    private func column(_ role: String) -> ColumnReference { settings.columns[role] ?? .name(role) }

    /// Columns that no role names hold a hyphen.
    private func table(_ rows: [[String: String]], _ delimiter: String, _ cell: (String) -> String) -> String
    {
        let roles = (rows.first?.keys).map { $0.sorted() } ?? []
        if settings.header {
            let lines =
                [roles.map { column($0).description }] + rows.map { row in roles.map { row[$0] ?? "" } }
            return lines.map { $0.map(cell).joined(separator: delimiter) + "\n" }.joined()
        }
        let places = roles.compactMap { role -> (role: String, place: Int)? in
            guard case .number(let place) = column(role) else { return nil }
            return (role, place)
        }
        let width = 1 + (places.map(\.place).max() ?? 0)
        return rows.map { row in
            var cells = [String](repeating: "-", count: width)
            for (role, place) in places { cells[place] = row[role] ?? "" }
            return cells.map(cell).joined(separator: delimiter) + "\n"
        }.joined()
    }
}
