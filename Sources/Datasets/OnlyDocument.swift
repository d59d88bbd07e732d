import YuyanFileFormats
import YuyanTextProcessing

/// The only document of a corpus, whose end becomes the validation text.
///
/// It is cut in its cleaned text, near the wanted share of bytes, before a line, a word or a scalar; both sides are
/// tokenised on their own.
struct OnlyDocument {
    private let document: DocumentEntry
    private let parts: PartReader
    private let plan: PreparationPlan
    private let fraction: Double

    init(_ document: DocumentEntry, _ parts: PartReader, _ plan: PreparationPlan, fraction: Double) {
        self.document = document
        self.parts = parts
        self.plan = plan
        self.fraction = fraction
    }

    func write(beginning: inout ShardWriter, end: inout ShardWriter) throws {
        guard document.characters >= 2 else {
            throw FileFormatError(
                .missing,
                path: plan.listing.sources.first?.path,
                "the only document has \(document.characters) character; it cannot be divided"
            )
        }
        let wanted = min(max(Int((Double(document.bytes) * (1 - fraction)).rounded()), 1), document.bytes - 1)
        let place = find(wanted)
        let text = try read(place)
        var cut = Self.cut(Array(text.utf8), near: wanted - place.bytesBefore)
        // A cut at the edge of a segment is right as long as both sides keep some text.
        if place.bytesBefore + cut == 0 { cut = text.unicodeScalars.first.map { UTF8.width($0) } ?? 0 }
        if place.bytesBefore + cut == document.bytes {
            cut -= text.unicodeScalars.last.map { UTF8.width($0) } ?? 0
        }
        let halves = [text.utf8.prefix(cut), text.utf8.dropFirst(cut)].map { String(Substring($0)) }
        let charactersFirst = place.charactersBefore + halves[0].unicodeScalars.count

        try beginning.beginDocument()
        try parts.withTokens(document.start..<place.tokensBefore) { try beginning.append($0) }
        try append(halves[0], to: &beginning)
        try beginning.endDocument(bytes: place.bytesBefore + cut, characters: charactersFirst)

        try end.beginDocument()
        try append(halves[1], to: &end)
        let rest = place.tokensBefore + place.tokens..<document.start + document.tokens
        try parts.withTokens(rest) { try end.append($0) }
        try end.endDocument(
            bytes: document.bytes - place.bytesBefore - cut,
            characters: document.characters - charactersFirst
        )
    }

    private struct Place {
        /// The number of the segment inside its source, and the source.
        var segmentInSource = 0
        var source = 0
        var bytesBefore = 0
        var charactersBefore = 0
        /// Tokens before the segment, counted over all parts.
        var tokensBefore = 0
        var tokens = 0
    }

    /// The segment that holds a byte of the document.
    private func find(_ wanted: Int) -> Place {
        var (place, found): (Place, Place?) = (Place(), nil)
        var (number, start, source, inSource) = (0, 0, -1, 0)
        parts.forEachSegment { record in
            if record.source != source { (source, inSource) = (record.source, 0) }
            if number >= document.firstSegment, found == nil, start < document.start + document.tokens {
                place.segmentInSource = inSource
                place.source = source
                place.tokensBefore = start
                place.tokens = record.tokens
                if place.bytesBefore + record.bytes > wanted {
                    found = place
                } else {
                    place.bytesBefore += record.bytes
                    place.charactersBefore += record.characters
                }
            }
            number += 1
            inSource += 1
            start += record.tokens
        }
        return found ?? place
    }

    /// Reads the cleaned text of a segment again.
    private func read(_ place: Place) throws -> String {
        var reader = DocumentReader(
            sources: plan.listing.sources,
            limits: plan.limits,
            columns: plan.columns,
            from: ReaderPosition(source: place.source)
        )
        for _ in 0..<place.segmentInSource { _ = try reader.next() }
        var tallies = plan.processor.cleaner.pipeline.emptyTallies
        var key: SplitKey.Value?
        guard let segment = try reader.next(),
            case .text(let text) = try plan.processor.cleaner.clean(segment, key: &key, tallies: &tallies)
        else {
            throw FileFormatError(
                .mismatch,
                path: plan.listing.sources[place.source].path,
                "the file changed while it was prepared"
            )
        }
        return text
    }

    private func append(_ text: String, to writer: inout ShardWriter) throws {
        let packed = plan.width.pack(plan.processor.tokenizer.encode(text))
        try packed.withUnsafeBytes { try writer.append($0) }
    }

    /// A good place to cut text, at or before a wanted one: before a line, else a word, else a scalar.
    static func cut(_ bytes: [UInt8], near wanted: Int) -> Int {
        let wanted = min(max(wanted, 0), bytes.count)
        if wanted == bytes.count || wanted == 0 { return wanted }
        let lowest = max(wanted - max(wanted / 2, 1), 1)
        var beforeSpace: Int?
        for place in stride(from: wanted, through: lowest, by: -1) {
            if bytes[place - 1] == 0x0A, bytes[place] > 0x20 { return place }
            if beforeSpace == nil, bytes[place] == 0x20, bytes[place - 1] > 0x20 { beforeSpace = place }
        }
        if let beforeSpace { return beforeSpace }
        var place = wanted
        while place > 0, bytes[place] & 0xC0 == 0x80 { place -= 1 }
        return place
    }
}
