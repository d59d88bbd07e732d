import YuyanFileFormats

/// Whether what a model learned from were pairs of texts; its folder's `data.json` keeps it.
enum LearnedPairs: String, CaseIterable {
    /// Every text had a second one.
    case always
    /// Some had, others had none.
    case sometimes
    /// None had.
    case never

    /// What examples are.
    ///
    /// - Parameter pairs: The second text of each; nil where there is none.
    init(_ pairs: some Sequence<String?>) {
        let found = Set(pairs.lazy.map { $0 != nil })
        self = found.count == 2 ? .sometimes : found == [true] ? .always : .never
    }

    /// What a model folder says; where it does not, a recipe that names the column of second texts does.
    ///
    /// - Parameters:
    ///   - folder: The model folder.
    ///   - recipe: The model's recipe.
    ///   - role: The field of second texts.
    /// - Throws: `FileFormatError` for a damaged file.
    init(folder: String, _ recipe: Recipe, role: String) throws {
        guard let known = try RunCard.known("pairs", of: folder) else {
            self = recipe.data.examples.settings.columns[role] == nil ? .sometimes : .always
            return
        }
        guard let found = Self(rawValue: known) else {
            let known = Self.allCases.map(\.rawValue).joined(separator: ", ")
            throw FileFormatError(
                .malformed,
                path: "\(folder)/\(RunCard.dataFile)",
                at: .key("pairs"),
                "one of \(known) is needed"
            )
        }
        self = found
    }

    /// Refuses half a pair where the model knows pairs alone, and a pair where it knows none.
    ///
    /// - Parameters:
    ///   - pair: The second text; nil when there is none.
    ///   - role: The field of second texts.
    /// - Throws: ``RecipeError`` that says what would be right.
    func check(_ pair: String?, role: String) throws {
        if self == .always, pair == nil {
            throw RecipeError(
                "the model learned from pairs of texts, and the second one is missing: give --pair beside --text, or a "
                    + "file that has it in the column '\(role)' (another: columns.\(role))"
            )
        }
        if self == .never, pair != nil {
            throw RecipeError(
                "the model learned from single texts, and there is a second one: leave out --pair, or the column '\(role)'"
            )
        }
    }
}
