/// A list of operators with their settings that suits a kind of text.
public struct OperatorPreset: Sendable {
    /// The preset's name in recipes.
    public let name: String
    /// What it is for, in one line.
    public let summary: String
    /// The operators, first to last.
    public let steps: [Step]

    /// An operator by name with its settings.
    public struct Step: Sendable {
        /// The operator's name.
        public let name: String
        /// Its settings.
        public let values: [String: OperatorValue]

        init(_ name: String, _ values: [String: OperatorValue] = [:]) {
            (self.name, self.values) = (name, values)
        }
    }
}

extension OperatorCatalog {
    /// Lists of operators for kinds of text.
    public static let presets: [OperatorPreset] = [
        OperatorPreset(
            name: "web",
            summary: "pages of the web in any language",
            steps: [
                .init("html_removal"), .init("unicode_normalization"), .init("newline_normalization"),
                .init("control_character_removal", ["invisible": .flag(true)]),
                .init("boilerplate_removal"), .init("repeated_line_removal"), .init("url_removal"),
                .init("whitespace_tidying", ["unify": .flag(true)]), .init("personal_data_scrubbing"),
                .init("quality_filter"),
            ]
        ),
        OperatorPreset(
            name: "social-zh",
            summary: "posts of Chinese social media",
            steps: [
                .init("unicode_normalization"), .init("newline_normalization"),
                .init("control_character_removal", ["invisible": .flag(true)]), .init("width_normalization"),
                .init("traditional_to_simplified"), .init("url_removal"), .init("social_media_cleaning"),
                .init("personal_data_scrubbing"), .init("whitespace_tidying", ["unify": .flag(true)]),
                .init("min_length", ["scalars": .number(5)]),
            ]
        ),
        OperatorPreset(
            name: "books",
            summary: "books and papers taken from scans or PDF",
            steps: [
                .init("unicode_normalization"), .init("newline_normalization"),
                .init("running_header_removal"),
                .init("control_character_removal", ["invisible": .flag(true)]), .init("whitespace_tidying"),
                .init("replacement_share_filter"), .init("mojibake_share_filter"),
            ]
        ),
        OperatorPreset(
            name: "code",
            summary: "source code; its spaces and signs stay as they are",
            steps: [
                .init("newline_normalization", ["unicode_separators": .flag(false)]),
                .init("personal_data_scrubbing", ["kinds": .list(["email", "api_key", "secret"])]),
                .init("quality_filter", ["preset": .text("code")]),
            ]
        ),
    ]

    /// Makes the operators of a preset.
    ///
    /// - Parameter name: the preset's name.
    /// - Returns: the operators, first to last.
    /// - Throws: `OperatorError` when there is no such preset.
    public static func make(preset name: String) throws -> [any TextOperator] {
        guard let preset = presets.first(where: { $0.name == name }) else {
            let known = presets.map(\.name).joined(separator: ", ")
            throw OperatorError(name, "there is no such preset; known are \(known)")
        }
        return try preset.steps.map { try make($0.name, $0.values) }
    }
}
