/// Returns the spans of a sentence's tags.
///
/// - Parameters:
///   - tags: one tag for each token, `O` or a letter, a hyphen and a type.
///   - reading: how tags become spans.
/// - Returns: the spans in the order of their first tokens.
/// - Throws: ``MetricError`` for a tag with a letter outside the scheme.
public func labelledSpans(
    _ tags: [String],
    reading: TagReading = .lenient
) throws(MetricError) -> [LabelledSpan] {
    var table = TagTable(reading)
    let parsed = try parse(tags, &table)
    var spans: [NumberedSpan] = []
    switch reading {
    case .lenient: appendLenientSpans(parsed, to: &spans)
    case .strict(let scheme): StrictRules(scheme).appendSpans(parsed, to: &spans)
    }
    return spans.map { named($0, table) }
}

/// Returns the tags that stand for spans.
///
/// - Parameters:
///   - spans: runs of tokens that do not overlap, in any order.
///   - count: the number of tokens.
///   - scheme: how to write them.
/// - Returns: one tag for each token; spans of the type "_" give tags without a type.
/// - Throws: ``MetricError`` when a span is empty, lies outside the tokens or overlaps another.
public func tags(
    for spans: [LabelledSpan],
    count: Int,
    scheme: TagScheme
) throws(MetricError) -> [String] {
    require(count >= 0, "tags: the number of tokens cannot be negative (\(count))")
    var result = [String](repeating: "O", count: count)
    let sorted = spans.sorted()
    for (index, span) in sorted.enumerated() {
        if span.start < 0 || span.end > count || span.start >= span.end {
            let place = "\(span.start) ..< \(span.end)"
            throw .inconsistent("the span \(place) is no run of the \(count) tokens", index: index)
        }
        if index > 0, sorted[index - 1].end > span.start {
            throw .inconsistent("the span \(span.start) ..< \(span.end) overlaps another", index: index)
        }
        let before = index > 0 ? sorted[index - 1] : nil
        let after = index + 1 < sorted.count ? sorted[index + 1] : nil
        let touchesBefore = before.map { $0.end == span.start && $0.label == span.label } ?? false
        let touchesAfter = after.map { $0.start == span.end && $0.label == span.label } ?? false
        let type = span.label == "_" ? "" : "-\(span.label)"
        for position in span.start..<span.end {
            let letter = letter(
                isFirst: position == span.start,
                isLast: position == span.end - 1,
                touches: (touchesBefore, touchesAfter),
                scheme
            )
            result[position] = letter + type
        }
    }
    return result
}

/// Returns the same spans written in another scheme.
///
/// Tags are read leniently, so that every span they can stand for is kept (an I without a B begins one).
///
/// - Parameters:
///   - tags: one tag for each token.
///   - source: the scheme they are written in.
///   - target: the scheme to write.
/// - Returns: one tag for each token.
/// - Throws: ``MetricError`` for a tag with a letter outside the scheme.
public func convertTags(
    _ tags: [String],
    from source: TagScheme,
    to target: TagScheme
) throws(MetricError) -> [String] {
    var table = TagTable(letters: source.letters)
    let parsed = try parse(tags, &table)
    var spans: [NumberedSpan] = []
    appendLenientSpans(parsed, to: &spans)
    return try YuyanMetrics.tags(for: spans.map { named($0, table) }, count: tags.count, scheme: target)
}

private func parse(_ tags: [String], _ table: inout TagTable) throws(MetricError) -> [ParsedTag] {
    var parsed: [ParsedTag] = []
    for (token, tag) in tags.enumerated() {
        parsed.append(try table.parse(tag, sentence: 0, token: token))
    }
    return parsed
}

private func named(_ span: NumberedSpan, _ table: TagTable) -> LabelledSpan {
    LabelledSpan(label: table.types[Int(span.type)], start: Int(span.start), end: Int(span.end))
}

private func letter(
    isFirst: Bool,
    isLast: Bool,
    touches: (before: Bool, after: Bool),
    _ scheme: TagScheme
) -> String {
    switch scheme {
    case .iob1: isFirst && touches.before ? "B" : "I"
    case .iob2: isFirst ? "B" : "I"
    case .ioe1: isLast && touches.after ? "E" : "I"
    case .ioe2: isLast ? "E" : "I"
    case .iobes: isFirst ? (isLast ? "S" : "B") : (isLast ? "E" : "I")
    case .bilou: isFirst ? (isLast ? "U" : "B") : (isLast ? "L" : "I")
    }
}
