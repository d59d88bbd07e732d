extension OperatorCatalog {
    /// The filter of presets, and one filter for each measure.
    static let qualityEntries = [presetEntry] + QualityMeasure.allCases.map(entry)

    private static let presetEntry = OperatorEntry(
        "quality_filter",
        "drops documents by a set of rules (preset: default, strict, code or chinese; min_… and max_… of every "
            + "measure below, such as min_words; bad_words_file: one word a line)"
    ) { parameters in
        let names = QualityPreset.allCases.map(\.rawValue)
        let preset = try parameters.text("preset", oneOf: names).flatMap(QualityPreset.init) ?? .standard
        var limits = preset.limits
        for measure in QualityMeasure.allCases {
            let old = limits[measure] ?? QualityLimit()
            let key = measure.rawValue
            limits[measure] = try limit(&parameters, "min_\(key)", "max_\(key)", old)
        }
        return QualityFilter(preset, changing: limits, badWords: try words(&parameters, "bad_words_file"))
    }

    private static func entry(_ measure: QualityMeasure) -> OperatorEntry {
        let limit = measure.usualLimit
        let bounds = [
            limit.minimum.isFinite ? "min: \(text(limit.minimum))" : "min: none",
            limit.maximum.isFinite ? "max: \(text(limit.maximum))" : "max: none",
        ]
        let file = measure == .badWords ? ", words_file: one word a line, needed" : ""
        return OperatorEntry(
            "\(measure.rawValue)_filter",
            "drops documents by \(measure.label) (\(bounds.joined(separator: ", "))\(file))"
        ) { parameters in
            let limit = try Self.limit(&parameters, "min", "max", limit)
            guard measure == .badWords else { return QualityFilter(measure, limit) }
            let list = try words(&parameters, "words_file")
            guard !list.isEmpty else {
                throw OperatorError(
                    "bad_words_filter",
                    key: "words_file",
                    "must name a file with at least one word"
                )
            }
            return QualityFilter(measure, limit, badWords: list)
        }
    }

    private static func text(_ value: Double) -> String {
        value == value.rounded() ? "\(Int(value))" : "\(value)"
    }

    private static func limit(
        _ parameters: inout OperatorParameters,
        _ minimum: String,
        _ maximum: String,
        _ usual: QualityLimit
    ) throws(OperatorError) -> QualityLimit {
        let all = -Double.infinity...Double.infinity
        return QualityLimit(
            minimum: try parameters.number(minimum, default: usual.minimum, in: all),
            maximum: try parameters.number(maximum, default: usual.maximum, in: all)
        )
    }

    private static func words(_ parameters: inout OperatorParameters, _ key: String) throws -> [String] {
        try parameters.text(key).map { try WordList.read($0) } ?? []
    }
}

extension QualityMeasure {
    /// The limit of the measure's own filter: that of the first preset that has one.
    var usualLimit: QualityLimit {
        for preset in [QualityPreset.standard, .strict, .chinese, .code] {
            if let limit = preset.limits[self] { return limit }
        }
        return QualityLimit()
    }
}
