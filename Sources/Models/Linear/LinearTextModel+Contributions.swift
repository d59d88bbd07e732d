import YuyanTensorCore

/// What an n-gram adds to a class's logit.
public struct NGramContribution: Sendable, Hashable {
    /// The n-gram as it is counted; where n-grams are hashed, those of the text that share a column.
    public let name: String
    /// Its weight times its weighed count in the text.
    public let value: Double
    /// Where it stands in the text, in bytes.
    public let places: [Range<Int>]
}

/// What makes up a class's logit, exactly.
public struct LinearContributions: Sendable, Hashable {
    /// What the n-grams add.
    public let ngrams: [NGramContribution]
    /// What is added whatever the text.
    public let intercept: Double
    /// The logit; with two classes of `multinomial` the logarithm of the odds of one against the other.
    public let logit: Double
    /// Whether it is one of the logarithms of odds.
    public let isOfOdds: Bool
}

extension LinearTextModel {
    /// What the n-grams of a text add to the logit of a class.
    ///
    /// Traps when the class does not exist.
    ///
    /// - Parameters:
    ///   - text: The text.
    ///   - target: The class.
    /// - Returns: The parts of the logit.
    public func contributions(of text: String, to target: Int) -> LinearContributions {
        require((0..<classes).contains(target), "contributions: class \(target) of \(classes)")
        // With one output the logit of the first class is that of the second the other way round.
        let isSingle = outputs < classes
        let (output, sign) = isSingle ? (0, target == 1 ? 1.0 : -1.0) : (target, 1.0)
        var (places, names): ([Int32: [Range<Int>]], [Int32: [String]]) = ([:], [:])
        let bytes = Array(text.utf8)
        for (column, place) in features.places(in: text) {
            places[column, default: []].append(place)
            guard features.vocabulary == nil else { continue }
            let own = String(decoding: bytes[place], as: UTF8.self)
            if names[column]?.contains(own) != true { names[column, default: []].append(own) }
        }
        let row = features.rows([text])
        var (ngrams, logit): ([NGramContribution], Double) = ([], sign * bias[output])
        for (column, count) in zip(row.places, row.values) {
            let value = sign * weight(Int(column), output) * Double(count)
            logit += value
            let name = features.vocabulary?[Int(column)] ?? names[column]?.joined(separator: " | ") ?? ""
            ngrams.append(
                NGramContribution(
                    name: String(String.UnicodeScalarView(name.unicodeScalars.drop { $0 == "\u{1}" })),
                    value: value,
                    places: places[column] ?? []
                )
            )
        }
        return LinearContributions(
            ngrams: ngrams,
            intercept: sign * bias[output],
            logit: logit,
            isOfOdds: isSingle
        )
    }
}

extension TextFeatures {
    /// The columns of a text's n-grams, with the bytes that they stand in.
    fileprivate func places(in text: String) -> [(Int32, Range<Int>)] {
        var counted = options.lowercases ? text.lowercased() : text
        let (starts, ends) = options.lowercases ? Self.origins(of: text) : Self.identity(text)
        let size = text.utf8.count
        return counted.withUTF8 { bytes in
            let hasLine = options.characterNGrams != nil && !options.charactersStayInWords
            let line = hasLine ? WordScanner.origins(bytes) : []
            return occurrences(in: text).map { found in
                let own =
                    found.isOfLine
                    ? line[found.place.lowerBound]..<line[found.place.upperBound] : found.place
                // Small letters that are no scalar's own cannot be traced back.
                guard starts.count == bytes.count, !own.isEmpty else { return (found.column, 0..<size) }
                return (found.column, starts[own.lowerBound]..<ends[own.upperBound - 1])
            }
        }
    }

    /// For each byte of a text in small letters, where the scalar that it comes from begins and ends.
    private static func origins(of text: String) -> (starts: [Int], ends: [Int]) {
        var (starts, ends, place): ([Int], [Int], Int) = ([], [], 0)
        for scalar in text.unicodeScalars {
            let end = place + UTF8.width(scalar)
            for _ in scalar.properties.lowercaseMapping.utf8 {
                starts.append(place)
                ends.append(end)
            }
            place = end
        }
        return (starts, ends)
    }

    private static func identity(_ text: String) -> (starts: [Int], ends: [Int]) {
        (Array(0..<text.utf8.count), Array(1..<text.utf8.count + 1))
    }
}
