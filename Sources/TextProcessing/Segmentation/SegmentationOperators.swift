/// Writes text with its words set apart, as models of words need it for Chinese.
public struct WordSegmentation: TextOperator {
    private let segmenter: any WordSegmenter
    private let source: String
    /// What stands between words.
    public let separator: String

    /// Makes the operator.
    ///
    /// - Parameters:
    ///   - segmenter: What cuts.
    ///   - source: What `segmenter` is, for signatures: equal sources must cut equally.
    ///   - separator: What stands between words.
    public init(_ segmenter: any WordSegmenter, source: String, separator: String = " ") {
        (self.segmenter, self.source, self.separator) = (segmenter, source, separator)
    }

    /// The operator's name.
    public var name: String { "word_segmentation" }
    /// What cuts, and the separator.
    public var settings: String { "\(source),separator=\(separator.debugDescription)" }
    /// It rewrites.
    public var kind: TextOperatorKind { .mapper }

    /// Sets the words of a text apart; line feeds stay, other white space goes.
    ///
    /// - Parameter text: Any text.
    /// - Returns: The text with the separator between words, or unchanged.
    public func apply(to text: String) -> TextOutcome {
        var text = text
        let ranges = segmenter.ranges(in: text)
        let output = text.withUTF8 { bytes -> [UInt8]? in
            var (output, last, lineEnds) = ([UInt8](), 0, [UInt8]())
            output.reserveCapacity(bytes.count + ranges.count * separator.utf8.count)
            for range in ranges {
                lineEnds = bytes[last..<range.lowerBound].filter { $0 == 0x0A }
                if !lineEnds.isEmpty {
                    output.append(contentsOf: lineEnds)
                } else if last > 0 {
                    output.append(contentsOf: separator.utf8)
                }
                output.append(contentsOf: bytes[range])
                last = range.upperBound
            }
            output.append(contentsOf: bytes[last...].filter { $0 == 0x0A })
            return output.elementsEqual(bytes) ? nil : output
        }
        return output.map { .changed(String(decoding: $0, as: UTF8.self)) } ?? .unchanged
    }
}

/// Writes every sentence on a line of its own.
public struct SentencePerLine: TextOperator {
    private let splitter: SentenceSplitter

    /// Makes the operator.
    ///
    /// - Parameter splitter: What finds the sentences.
    public init(_ splitter: SentenceSplitter = SentenceSplitter()) { self.splitter = splitter }

    /// The operator's name.
    public var name: String { "sentence_per_line" }
    /// What a line end means.
    public var settings: String {
        splitter.lineEnds.rawValue + (splitter.splitsAtSemicolons ? ",semicolons" : "")
    }
    /// It rewrites.
    public var kind: TextOperatorKind { .mapper }

    /// Puts line feeds between sentences; line ends inside a sentence become spaces.
    ///
    /// - Parameter text: Any text.
    /// - Returns: One sentence per line, or unchanged.
    public func apply(to text: String) -> TextOutcome {
        var text = text
        let ranges = splitter.ranges(in: text)
        let output = text.withUTF8 { bytes -> [UInt8]? in
            var output: [UInt8] = []
            output.reserveCapacity(bytes.count + ranges.count)
            for range in ranges {
                if !output.isEmpty { output.append(0x0A) }
                for place in range {
                    let byte = bytes[place]
                    if byte == 0x0D, place + 1 < range.upperBound, bytes[place + 1] == 0x0A { continue }
                    output.append(byte == 0x0A || byte == 0x0D ? 0x20 : byte)
                }
            }
            if bytes.last == 0x0A, !output.isEmpty { output.append(0x0A) }
            return output.elementsEqual(bytes) ? nil : output
        }
        return output.map { .changed(String(decoding: $0, as: UTF8.self)) } ?? .unchanged
    }
}

extension OperatorCatalog {
    /// Words and sentences.
    static let segmentationEntries = [
        OperatorEntry(
            "word_segmentation",
            "sets words apart (model or dictionary: a file, or english: true; unknown: hidden_markov; separator: ' ')"
        ) { parameters in
            let name = "word_segmentation"
            let model = try parameters.text("model")
            let dictionary = try parameters.text("dictionary")
            let isEnglish = try parameters.flag("english", default: false)
            let kinds = DictionarySegmenter.UnknownWords.allCases.map(\.rawValue)
            let unknown = try parameters.text("unknown", oneOf: kinds)
            let separator = try parameters.text("separator") ?? " "
            switch (model, dictionary, isEnglish) {
            case (let path?, nil, false):
                let segmenter = try CharacterSegmenter(contentsOf: path)
                return WordSegmentation(
                    segmenter,
                    source: fingerprint(path, segmenter.serialized()),
                    separator: separator
                )
            case (nil, let path?, false):
                let lexicon = try WordLexicon(contentsOf: path)
                let kind = unknown.flatMap(DictionarySegmenter.UnknownWords.init(rawValue:)) ?? .hiddenMarkov
                let source = fingerprint(path, Array(lexicon.text().utf8)) + ",unknown=\(kind.rawValue)"
                return WordSegmentation(
                    DictionarySegmenter(lexicon, unknown: kind),
                    source: source,
                    separator: separator
                )
            case (nil, nil, true):
                return WordSegmentation(EnglishTokenizer(), source: "english", separator: separator)
            default:
                throw OperatorError(
                    name,
                    key: "model",
                    "give one of model (a file), dictionary (a file), english: true"
                )
            }
        },
        OperatorEntry(
            "sentence_per_line",
            "one sentence per line (line_ends: always, paragraphs, never; semicolons: false)"
        ) { parameters in
            let kinds = SentenceSplitter.LineEnds.allCases.map(\.rawValue)
            let lineEnds = try parameters.text("line_ends", oneOf: kinds).flatMap(
                SentenceSplitter.LineEnds.init(rawValue:)
            )
            return SentencePerLine(
                SentenceSplitter(
                    lineEnds: lineEnds ?? .always,
                    splitsAtSemicolons: try parameters.flag("semicolons", default: false)
                )
            )
        },
    ]

    /// A file by what it holds, so that a signature changes with the file and not with its place.
    private static func fingerprint(_ path: String, _ bytes: [UInt8]) -> String {
        let print = bytes.withUnsafeBytes { TextFingerprint(bytes: $0) }
        let name = path.utf8.split(separator: 0x2F).last.map { String(Substring($0)) } ?? path
        return "\(name)@\(String(print.high, radix: 16))"
    }
}
