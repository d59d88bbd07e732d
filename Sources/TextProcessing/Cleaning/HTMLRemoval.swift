/// Turns HTML into plain text.
///
/// Tags, comments, declarations and the content of script, style, noscript and template elements go; character
/// references become characters; block elements and `<br>` become line breaks and table cells are set apart. A
/// less-than sign that opens nothing known stays, so that mathematics, code in Markdown (`vector<int>`) and Markdown
/// itself come through; tags of unknown names go only where the text has known ones as well.
public struct HTMLRemoval: TextOperator {
    /// What happens with line breaks and runs of spaces outside `pre`.
    public enum Whitespace: String, Sendable, CaseIterable {
        /// As in a browser: a run is one space.
        case collapse
        /// They stay, as Markdown with some tags wants it.
        case keep
        /// Like collapse for whole pages (with a doctype, html, head or body), otherwise like keep.
        case auto
    }

    /// What happens with white space.
    public let whitespace: Whitespace
    /// What stands between two table cells.
    public let cellSeparator: String
    /// Whether an image leaves its alternative text.
    public let keepsAltText: Bool
    /// Whether the content of noscript elements stays.
    public let keepsNoscript: Bool

    /// Creates the operator.
    ///
    /// - Parameters:
    ///   - whitespace: what happens with line breaks and runs of spaces.
    ///   - cellSeparator: what stands between two table cells.
    ///   - keepsAltText: whether an image leaves its alternative text.
    ///   - keepsNoscript: whether the content of noscript elements stays.
    public init(
        whitespace: Whitespace = .auto,
        cellSeparator: String = "\t",
        keepsAltText: Bool = false,
        keepsNoscript: Bool = false
    ) {
        (self.whitespace, self.cellSeparator) = (whitespace, cellSeparator)
        (self.keepsAltText, self.keepsNoscript) = (keepsAltText, keepsNoscript)
    }

    /// The operator's name.
    public var name: String { "html_removal" }
    /// How white space, cells, images and noscript are handled.
    public var settings: String {
        let cells = cellSeparator.utf8.map { String($0, radix: 16) }.joined()
        return "\(whitespace.rawValue),cells:\(cells),alt:\(keepsAltText),noscript:\(keepsNoscript)"
    }
    /// It rewrites.
    public var kind: TextOperatorKind { .mapper }

    /// Removes the markup of a text.
    ///
    /// - Parameter text: HTML, a piece of it, or plain text.
    /// - Returns: the plain text, or unchanged when there is no markup.
    public func apply(to text: String) -> TextOutcome {
        var text = text
        let plain = text.withUTF8 { bytes -> String? in
            var tokenizer = HTMLTokenizer(bytes)
            guard let survey = HTMLSurvey(&tokenizer) else { return nil }
            var writer = HTMLTextWriter(
                bytes,
                collapses: whitespace == .collapse || whitespace == .auto && survey.isPage,
                cellSeparator: Array(cellSeparator.utf8)
            )
            tokenizer = HTMLTokenizer(bytes)
            tokenizer.takesUnknownTags = survey.hasKnownTags
            tokenizer.skipsNoscript = !keepsNoscript
            while let token = tokenizer.next() {
                switch token {
                case .text(let range): writer.write(range)
                case .verbatim(let range): writer.writeVerbatim(range)
                case .markup: break
                case .tag(let tag):
                    writer.note(tag)
                    if keepsAltText, tag.element == .image, let alt = tokenizer.attribute("alt", of: tag) {
                        writer.write(alt)
                    }
                }
            }
            return writer.finish()
        }
        guard let plain, !plain.utf8.elementsEqual(text.utf8) else { return .unchanged }
        return .changed(plain)
    }
}

/// What a first pass over a text finds.
private struct HTMLSurvey {
    var hasKnownTags = false
    /// Whether the text is a whole page.
    var isPage = false

    /// Nil when there is neither markup nor a character reference.
    init?(_ tokenizer: inout HTMLTokenizer) {
        let bytes = tokenizer.bytes
        let hasReferences = Characters.find(UInt8(ascii: "&"), in: bytes, from: 0) != nil
        guard hasReferences || Characters.find(UInt8(ascii: "<"), in: bytes, from: 0) != nil else {
            return nil
        }
        var isMarked = false
        while let token = tokenizer.next() {
            switch token {
            case .text, .verbatim: break
            case .markup(let isDoctype):
                isMarked = true
                isPage = isPage || isDoctype
            case .tag(let tag):
                (isMarked, hasKnownTags) = (true, true)
                isPage = isPage || tag.element == .page
            }
        }
        if !isMarked, !hasReferences { return nil }
    }
}

/// Writes the text of a page: breaks between blocks, white space as asked.
private struct HTMLTextWriter {
    private let bytes: UnsafeBufferPointer<UInt8>
    private let collapses: Bool
    private let cellSeparator: [UInt8]
    private var output: [UInt8] = []
    private var preDepth = 0
    private var pendingBreak = false
    private var pendingSpace = false
    private var pendingCell = false

    init(_ bytes: UnsafeBufferPointer<UInt8>, collapses: Bool, cellSeparator: [UInt8]) {
        (self.bytes, self.collapses, self.cellSeparator) = (bytes, collapses, cellSeparator)
        output.reserveCapacity(bytes.count)
    }

    mutating func note(_ tag: HTMLTokenizer.Tag) {
        switch tag.element {
        case .lineBreak:
            flushBreak()
            pendingSpace = false
            output.append(0x0A)
        case .block, .page, .row: breakLine()
        case .preformatted:
            breakLine()
            preDepth = max(0, preDepth + (tag.isEnd ? -1 : 1))
        case .cell:
            if tag.isEnd { pendingCell = true } else if pendingCell { separateCell() }
        case .inline, .image: break
        }
    }

    private mutating func breakLine() {
        (pendingBreak, pendingSpace, pendingCell) = (!output.isEmpty, false, false)
    }

    private mutating func separateCell() {
        flushBreak()
        output.append(contentsOf: cellSeparator)
        (pendingCell, pendingSpace) = (false, false)
    }

    private mutating func flushBreak() {
        guard pendingBreak else { return }
        pendingBreak = false
        if collapses, preDepth == 0 {
            while output.last == 0x20 || output.last == 0x09 { output.removeLast() }
        }
        if output.last != 0x0A { output.append(0x0A) }
    }

    /// Writes text whose references are decoded.
    mutating func write(_ range: Range<Int>) {
        var place = range.lowerBound
        while place < range.upperBound {
            let reference = place + (bytes[place..<range.upperBound].firstOffset(of: UInt8(ascii: "&")))
            emit(UnsafeBufferPointer(rebasing: bytes[place..<reference]))
            guard reference < range.upperBound else { break }
            if let (value, next) = HTMLEntities.decode(bytes, at: reference, end: range.upperBound) {
                // A no-break space of the source is a space of the text.
                let isSpace = value == [0xC2, 0xA0]
                (isSpace ? [0x20] : value).withUnsafeBufferPointer { emit($0) }
                place = next
            } else {
                emit(UnsafeBufferPointer(rebasing: bytes[reference..<(reference + 1)]))
                place = reference + 1
            }
        }
    }

    /// Writes text as it is, references and all.
    mutating func writeVerbatim(_ range: Range<Int>) {
        emit(UnsafeBufferPointer(rebasing: bytes[range]))
    }

    private mutating func emit(_ piece: UnsafeBufferPointer<UInt8>) {
        guard !piece.isEmpty else { return }
        if !collapses || preDepth > 0 {
            // Between blocks, white space alone is no content.
            if pendingBreak || pendingCell, piece.allSatisfy(Characters.isSpace) {
                if !piece.contains(0x0A) { return }
                if pendingBreak, preDepth == 0 {
                    pendingBreak = false
                    let isEnded = output.last == 0x0A
                    output.append(
                        contentsOf: isEnded ? Array(piece.drop { $0 != 0x0A }.dropFirst()) : Array(piece)
                    )
                    return
                }
            }
            if pendingCell { separateCell() }
            flushBreak()
            output.append(contentsOf: piece)
            return
        }
        var place = 0
        while place < piece.count {
            if Characters.isSpace(piece[place]) {
                pendingSpace = true
                place += 1
                continue
            }
            var end = place + 1
            while end < piece.count, !Characters.isSpace(piece[end]) { end += 1 }
            if pendingCell { separateCell() }
            let startsLine = pendingBreak || output.isEmpty || output.last == 0x0A || output.last == 0x09
            flushBreak()
            if pendingSpace, !startsLine { output.append(0x20) }
            pendingSpace = false
            output.append(contentsOf: UnsafeBufferPointer(rebasing: piece[place..<end]))
            place = end
        }
    }

    mutating func finish() -> String {
        if collapses {
            while let last = output.last, Characters.isSpace(last) { output.removeLast() }
        }
        return String(decoding: output, as: UTF8.self)
    }
}

extension Slice<UnsafeBufferPointer<UInt8>> {
    /// How far from the beginning a byte first stands; the length when it does not occur.
    fileprivate func firstOffset(of byte: UInt8) -> Int {
        (firstIndex(of: byte) ?? endIndex) - startIndex
    }
}
