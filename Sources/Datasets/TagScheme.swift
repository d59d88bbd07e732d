import YuyanFileFormats

/// How tags of tokens mark spans.
public enum TagScheme: String, Sendable, Hashable, CaseIterable {
    /// Every span begins with B- and goes on with I- (also called IOB2).
    case bio
    /// As BIO, with E- on the last token of a span and S- on a span of one token.
    case bioes
    /// As BIOES, with L- for E- and U- for S- (Ratinov and Roth, 2009).
    case bilou
    /// I- inside spans; B- only where a span follows another of the same type (Ramshaw and Marcus, 1995).
    case iob1

    /// The letters of the last token of a span and of a span of one token, where the scheme marks those.
    private var ends: (last: String, single: String)? {
        switch self {
        case .bio, .iob1: nil
        case .bioes: ("E", "S")
        case .bilou: ("L", "U")
        }
    }

    /// The letters before types.
    private var letters: String { ends.map { "BI\($0.last)\($0.single)" } ?? "BI" }

    /// Finds the spans that tags mark.
    ///
    /// - Parameter tags: the tags of a sentence, such as `O`, `B-PER`, `I-PER`.
    /// - Returns: the spans in order.
    /// - Throws: `FileFormatError` naming the token whose tag breaks the scheme, and why.
    public func spans(_ tags: [String]) throws(FileFormatError) -> [TagSpan] {
        var (spans, open): ([TagSpan], (type: String, start: Int)?) = ([], nil)
        let (ends, known) = (ends, letters)
        func isEnd(_ mark: UInt8, _ letter: String?) -> Bool { letter?.utf8.first == mark }
        func close(_ end: Int) {
            if let span = open { spans.append(TagSpan(type: span.type, range: span.start..<end)) }
            open = nil
        }
        for (place, tag) in tags.enumerated() {
            func wrong(_ message: String) -> FileFormatError {
                let scheme = rawValue.uppercased()
                return FileFormatError(.malformed, "token \(place + 1), tag '\(tag)': \(message) (\(scheme))")
            }
            if tag == "O" {
                if let ends, let open {
                    throw wrong("the span of \(open.type) before it has no \(ends.last)-")
                }
                close(place)
                continue
            }
            let bytes = tag.utf8
            let mark = bytes.first ?? 0
            guard bytes.count > 2, bytes.dropFirst().first == 0x2D, known.utf8.contains(mark) else {
                let marks = known.utf8.map { "\(Unicode.Scalar($0))-" }.joined(separator: ", ")
                throw wrong("a tag is O or a type after \(marks)")
            }
            let type = String(decoding: bytes.dropFirst(2), as: UTF8.self)
            let goesOn = open?.type == type
            switch (mark, self) {
            case _ where ends != nil && (mark == UInt8(ascii: "B") || isEnd(mark, ends?.single)):
                if let open { throw wrong("the span of \(open.type) before it has no \(ends?.last ?? "")-") }
                open = (type, place)
                if mark != UInt8(ascii: "B") { close(place + 1) }
            case (UInt8(ascii: "B"), .iob1):
                guard goesOn else { throw wrong("B- stands only after a span of the same type") }
                close(place)
                open = (type, place)
            case (UInt8(ascii: "B"), _):
                close(place)
                open = (type, place)
            case (UInt8(ascii: "I"), .iob1):
                if !goesOn {
                    close(place)
                    open = (type, place)
                }
            default:
                guard goesOn else { throw wrong("no span of \(type) is open before it") }
                if isEnd(mark, ends?.last) { close(place + 1) }
            }
        }
        if let ends, let open {
            throw FileFormatError(
                .malformed,
                "the sentence ends inside a span of \(open.type); \(ends.last)- is missing (\(rawValue.uppercased()))"
            )
        }
        close(tags.count)
        return spans
    }

    /// Writes spans as tags.
    ///
    /// Traps when spans overlap, are empty, are out of order or leave the sentence.
    ///
    /// - Parameters:
    ///   - spans: spans in order.
    ///   - count: the number of tokens.
    /// - Returns: as many tags.
    public func tags(_ spans: [TagSpan], count: Int) -> [String] {
        var tags = [String](repeating: "O", count: count)
        var previous = TagSpan(type: "", range: 0..<0)
        for span in spans {
            require(
                !span.range.isEmpty && span.range.lowerBound >= previous.range.upperBound
                    && span.range.upperBound <= count,
                "TagScheme: the span \(span) is empty, out of order or beyond \(count) tokens"
            )
            for place in span.range { tags[place] = "I-\(span.type)" }
            let (first, last) = (span.range.lowerBound, span.range.upperBound - 1)
            let touches = previous.range.upperBound == first && previous.type == span.type
            if self != .iob1 || touches { tags[first] = "B-\(span.type)" }
            if let ends { tags[last] = "\(first == last ? ends.single : ends.last)-\(span.type)" }
            previous = span
        }
        return tags
    }

    /// Turns tags of this scheme into those of another.
    ///
    /// - Parameters:
    ///   - tags: the tags of a sentence.
    ///   - scheme: the scheme wanted.
    /// - Returns: as many tags that mark the same spans.
    /// - Throws: `FileFormatError` when a tag breaks this scheme.
    public func convert(_ tags: [String], to scheme: TagScheme) throws(FileFormatError) -> [String] {
        scheme.tags(try spans(tags), count: tags.count)
    }
}

/// A span of tokens with its type.
public struct TagSpan: Sendable, Hashable {
    /// The type, such as `PER`.
    public let type: String
    /// The tokens.
    public let range: Range<Int>

    /// Makes a span.
    ///
    /// - Parameters:
    ///   - type: the type.
    ///   - range: the tokens.
    public init(type: String, range: Range<Int>) {
        self.type = type
        self.range = range
    }
}
