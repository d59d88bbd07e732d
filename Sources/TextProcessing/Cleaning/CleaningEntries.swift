extension OperatorCatalog {
    /// The mappers of cleaning.
    static let cleaningEntries = scriptEntries + markupEntries + lineEntries

    private static let scriptEntries = [
        OperatorEntry(
            "width_normalization",
            "full-width letters in half width or the reverse (to: half or full, letters: true, digits: true, "
                + "punctuation: false, space: true)"
        ) { parameters in
            let widths = WidthNormalization.Width.allCases.map(\.rawValue)
            let width =
                try parameters.text("to", oneOf: widths).flatMap(WidthNormalization.Width.init) ?? .half
            var classes: WidthNormalization.Classes = []
            if try parameters.flag("letters", default: true) { classes.insert(.letters) }
            if try parameters.flag("digits", default: true) { classes.insert(.digits) }
            if try parameters.flag("punctuation", default: false) { classes.insert(.punctuation) }
            if try parameters.flag("space", default: true) { classes.insert(.space) }
            return WidthNormalization(to: width, classes)
        },
        OperatorEntry("traditional_to_simplified", "traditional Chinese in simplified characters") { _ in
            ChineseSimplification()
        },
        OperatorEntry(
            "whitespace_tidying",
            "spaces at line ends, runs of spaces and of blank lines (trim: true, collapse: true, unify: false for "
                + "ideographic and other Unicode spaces, blank_lines: 1)"
        ) { parameters in
            WhitespaceTidying(
                trimsLines: try parameters.flag("trim", default: true),
                collapsesSpaces: try parameters.flag("collapse", default: true),
                unifiesSpaces: try parameters.flag("unify", default: false),
                blankLines: try parameters.integer("blank_lines", default: 1, in: 0...1000)
            )
        },
        OperatorEntry(
            "stop_word_removal",
            "removes function words from text cut by spaces (language: both, en or zh; file: a list of the user's, "
                + "one word a line, in place of the built-in ones)"
        ) { parameters in
            let language = try parameters.text("language", oneOf: ["both", "en", "zh"])
            if let path = try parameters.text("file") { return StopWordRemoval(try StopWords(path: path)) }
            return switch language {
            case "en": StopWordRemoval(.english)
            case "zh": StopWordRemoval(.chinese)
            default: StopWordRemoval()
            }
        },
    ]

    private static let markupEntries = [
        OperatorEntry(
            "html_removal",
            "HTML becomes plain text (whitespace: auto, collapse or keep; cells: tab or space, alt_text: false, "
                + "noscript: false)"
        ) { parameters in
            let kinds = HTMLRemoval.Whitespace.allCases.map(\.rawValue)
            let whitespace = try parameters.text("whitespace", oneOf: kinds).flatMap(
                HTMLRemoval.Whitespace.init
            )
            let cells = try parameters.text("cells", oneOf: ["tab", "space"])
            return HTMLRemoval(
                whitespace: whitespace ?? .auto,
                cellSeparator: cells == "space" ? " " : "\t",
                keepsAltText: try parameters.flag("alt_text", default: false),
                keepsNoscript: try parameters.flag("noscript", default: false)
            )
        },
        OperatorEntry(
            "url_removal",
            "removes web addresses (replacement: empty, bare_domains: false for those like example.com)"
        ) { parameters in
            URLRemoval(
                replacement: try parameters.text("replacement") ?? "",
                includesBareDomains: try parameters.flag("bare_domains", default: false)
            )
        },
        OperatorEntry(
            "social_media_cleaning",
            "removes what posts carry besides words (parts: emails, mentions, topics or topic_signs, reposts, "
                + "repost_marks, emoticons; all but topics by default)"
        ) { parameters in
            let all = SocialMediaCleaning.Parts.names
            guard let names = try parameters.list("parts", oneOf: all.map(\.name)) else {
                return SocialMediaCleaning()
            }
            var parts: SocialMediaCleaning.Parts = []
            for entry in all where names.contains(entry.name) { parts.insert(entry.part) }
            return SocialMediaCleaning(parts)
        },
        OperatorEntry("emoji_removal", "removes emoji (replacement: empty)") { parameters in
            EmojiRemoval(replacement: try parameters.text("replacement") ?? "")
        },
    ]

    private static let lineEntries = [
        OperatorEntry(
            "boilerplate_removal",
            "removes lines of cookie notices, menus, rights, buttons and page numbers (kinds: all by default, "
                + "\(BoilerplateKind.allCases.map(\.key).joined(separator: ", ")); max_length: 200 bytes)"
        ) { parameters in
            let names = try parameters.list("kinds", oneOf: BoilerplateKind.allCases.map(\.key))
            let kinds = BoilerplateKind.allCases.filter { names?.contains($0.key) ?? true }
            return BoilerplateRemoval(
                Set(kinds),
                maximumLength: try parameters.integer("max_length", default: 200, in: 1...10_000)
            )
        },
        OperatorEntry(
            "repeated_line_removal",
            "removes lines or paragraphs that occur again in a document (unit: lines or paragraphs, "
                + "min_length: 20 bytes, allowed: 1)"
        ) { parameters in
            let units = RepeatedLineRemoval.Unit.allCases.map(\.rawValue)
            let unit = try parameters.text("unit", oneOf: units).flatMap(RepeatedLineRemoval.Unit.init)
            return RepeatedLineRemoval(
                unit ?? .lines,
                minimumLength: try parameters.integer("min_length", default: 20, in: 0...1_000_000),
                allowed: try parameters.integer("allowed", default: 1, in: 1...1_000_000)
            )
        },
        OperatorEntry(
            "running_header_removal",
            "removes headers, footers and numbers of pages (pages: 3, max_length: 160 bytes)"
        ) { parameters in
            RunningHeaderRemoval(
                minimumPages: try parameters.integer("pages", default: 3, in: 2...1_000_000),
                maximumLength: try parameters.integer("max_length", default: 160, in: 1...10_000)
            )
        },
        OperatorEntry(
            "personal_data_scrubbing",
            "replaces personal data and secrets (kinds: "
                + "\(PersonalDataKind.allCases.map(\.rawValue).joined(separator: ", ")), the last five not by default; "
                + "mode: tag, mask, hash or remove; salt: for hashes, keep_loopback: true, spelled_emails: false)"
        ) { parameters in
            let all = PersonalDataKind.allCases.map(\.rawValue)
            let kinds = try parameters.list("kinds", oneOf: all)?.compactMap(PersonalDataKind.init)
            let modes = PersonalDataScrubbing.Mode.allCases.map(\.rawValue)
            let mode = try parameters.text("mode", oneOf: modes).flatMap(PersonalDataScrubbing.Mode.init)
            return PersonalDataScrubbing(
                kinds.map(Set.init) ?? PersonalDataKind.standard,
                mode: mode ?? .tag,
                salt: try parameters.text("salt") ?? "",
                keepsLoopback: try parameters.flag("keep_loopback", default: true),
                findsSpelledEmails: try parameters.flag("spelled_emails", default: false)
            )
        },
    ]
}
