import YuyanCheckpoints
import YuyanFileFormats

extension LinearTextModel {
    /// What `config.json` calls the model.
    public static let modelType = "linear-text"

    /// Writes `config.json`, `model.safetensors` and, unless n-grams are hashed, `vocabulary.json`.
    ///
    /// The folder must exist. Each file appears whole or not at all; `config.json` comes last.
    ///
    /// - Parameter folder: the folder.
    /// - Throws: `FileFormatError` when the disk refuses.
    public func save(to folder: String) throws(FileFormatError) {
        var entries: [SafetensorsWriter.Entry] = [
            .init("weights", .f64, [features.columns, outputs]), .init("intercepts", .f64, [outputs]),
        ]
        if features.inverseFrequencies != nil {
            entries.append(.init("inverse_frequencies", .f32, [features.columns]))
        }
        let writer = try SafetensorsWriter(path: "\(folder)/model.safetensors", entries: entries)
        try writer.write(elements: weights, to: "weights")
        try writer.write(elements: bias, to: "intercepts")
        if let inverse = features.inverseFrequencies {
            try writer.write(elements: inverse, to: "inverse_frequencies")
        }
        try writer.finish()
        if let vocabulary = features.vocabulary {
            try JSONValue.array(vocabulary.map { .string($0) }).write(
                to: "\(folder)/vocabulary.json",
                indent: nil
            )
        }
        try document.write(to: "\(folder)/config.json")
    }

    private var document: JSONValue {
        let own = options.features
        func range(_ range: ClosedRange<Int>?) -> JSONValue {
            range.map { .array([.integer($0.lowerBound), .integer($0.upperBound)]) } ?? .null
        }
        return [
            "model_type": .string(Self.modelType), "num_labels": .integer(classes),
            "scheme": .string(options.scheme.rawValue),
            "inverse_regularization": .number(options.inverseRegularization),
            "tolerance": .number(options.tolerance), "max_iterations": .integer(options.maximumIterations),
            "is_converged": .bool(isConverged), "iterations": .integer(iterations),
            "word_ngrams": range(own.wordNGrams), "character_ngrams": range(own.characterNGrams),
            "characters_within_words": .bool(own.charactersStayInWords),
            "words": .string(own.words.rawValue), "lowercase": .bool(own.lowercases),
            "min_texts": .integer(own.minimumTexts),
            "max_features": own.maximumFeatures.map { .integer($0) } ?? .null,
            "hashed_columns": own.hashedColumns.map { .integer($0) } ?? .null,
            "sublinear": .bool(own.sublinear), "inverse_frequencies": .bool(own.usesInverseFrequencies),
            "normalize": .bool(own.normalizes), "balance_ngrams": .bool(own.balancesKinds),
        ]
    }

    /// Reads a folder that `save(to:)` wrote; the model gives the same probabilities, bit for bit.
    ///
    /// - Parameter folder: the folder.
    /// - Throws: `FileFormatError` naming the file and what is wrong in it.
    public init(folder: String) throws {
        let reader = try ConfigurationReader(contentsOf: "\(folder)/config.json")
        try reader.expectModelType(Self.modelType)
        let options = try Self.options(reader)
        let classes = try reader.requiredInteger("num_labels")
        let file = try SafetensorsFile(path: "\(folder)/model.safetensors")
        let vocabulary =
            options.features.hashedColumns == nil
            ? try uniqueStrings("\(folder)/vocabulary.json", "an n-gram") : nil
        let columns = vocabulary?.count ?? options.features.hashedColumns ?? 0
        let outputs = options.scheme == .multinomial && classes == 2 ? 1 : classes
        func check(_ name: String, _ shape: [Int]) throws {
            try file.expect(shape, of: name, from: "the configuration and the vocabulary")
        }
        guard classes >= 1, classes <= 1 << 20 else {
            throw FileFormatError(.malformed, path: reader.path, at: .key("num_labels"), "\(classes) labels")
        }
        try check("weights", [columns, outputs])
        try check("intercepts", [outputs])
        var inverse: [Float]?
        if options.features.usesInverseFrequencies {
            try check("inverse_frequencies", [columns])
            inverse = try file.elements(of: "inverse_frequencies", dtype: .f32, as: Float.self)
        }
        self.init(
            options: options,
            classes: classes,
            features: TextFeatures(
                options: options.features,
                vocabulary: vocabulary,
                inverseFrequencies: inverse
            ),
            weights: try file.elements(of: "weights", dtype: .f64, as: Double.self),
            bias: try file.elements(of: "intercepts", dtype: .f64, as: Double.self),
            isConverged: try reader.flag("is_converged") ?? true,
            iterations: try reader.integer("iterations") ?? 0
        )
    }

    private static func options(_ reader: ConfigurationReader) throws -> LinearTextOptions {
        var (options, features) = (LinearTextOptions(), TextFeatureOptions())
        func range(_ key: String) throws -> ClosedRange<Int>? {
            guard let value = reader.object[key], !value.isNull else { return nil }
            let numbers = try reader.integers(key)
            guard numbers.count == 2, numbers[0] <= numbers[1] else {
                throw FileFormatError(
                    .malformed,
                    path: reader.path,
                    at: .key(key),
                    "the least and the most are needed"
                )
            }
            return numbers[0]...numbers[1]
        }
        let schemes = KeyValuePairs(
            dictionaryLiteral: ("multinomial", LinearTextOptions.Scheme.multinomial),
            ("one-vs-rest", .oneVersusRest),
            ("multi-label", .multiLabel)
        )
        options.scheme = try reader.choice("scheme", schemes) ?? .multinomial
        options.inverseRegularization = try reader.number("inverse_regularization") ?? 1
        options.tolerance = try reader.number("tolerance") ?? options.tolerance
        options.maximumIterations = try reader.integer("max_iterations") ?? options.maximumIterations
        (features.wordNGrams, features.characterNGrams) = (
            try range("word_ngrams"), try range("character_ngrams")
        )
        features.words =
            try reader.choice("words", ["letters": .letters, "whitespace": .whitespace]) ?? .letters
        features.lowercases = try reader.flag("lowercase") ?? true
        features.minimumTexts = try reader.integer("min_texts") ?? 1
        features.maximumFeatures = try reader.integer("max_features")
        features.hashedColumns = try reader.integer("hashed_columns")
        features.sublinear = try reader.flag("sublinear") ?? false
        features.usesInverseFrequencies = try reader.flag("inverse_frequencies") ?? true
        features.normalizes = try reader.flag("normalize") ?? true
        features.balancesKinds = try reader.flag("balance_ngrams") ?? false
        features.charactersStayInWords = try reader.flag("characters_within_words") ?? false
        options.features = features
        if let problem = options.problem { throw FileFormatError(.malformed, path: reader.path, problem) }
        return options
    }
}
