/// Removes lines that pages repeat and readers skip, by rules with named kinds in English and Chinese.
public struct BoilerplateRemoval: TextOperator {
    /// The kinds that are removed.
    public let kinds: Set<BoilerplateKind>
    /// The longest line in UTF-8 bytes that can be boilerplate.
    public let maximumLength: Int
    private let rules: BoilerplateRules

    /// Creates the operator.
    ///
    /// - Parameters:
    ///   - kinds: the kinds that are removed; all by default.
    ///   - maximumLength: the longest line in UTF-8 bytes that can be boilerplate.
    public init(_ kinds: Set<BoilerplateKind> = Set(BoilerplateKind.allCases), maximumLength: Int = 200) {
        (self.kinds, self.maximumLength) = (kinds, maximumLength)
        rules = BoilerplateRules(kinds)
    }

    /// The operator's name.
    public var name: String { "boilerplate_removal" }
    /// The kinds and the longest line.
    public var settings: String {
        "rules:1,max_length:\(maximumLength),kinds:"
            + BoilerplateKind.allCases.filter(kinds.contains).map(\.key).joined(separator: ",")
    }
    /// It rewrites.
    public var kind: TextOperatorKind { .mapper }

    /// Removes the lines of these kinds.
    ///
    /// - Parameter text: any text.
    /// - Returns: the text without them and their numbers by kind, or unchanged.
    public func apply(to text: String) -> TextOutcome {
        var found: [String: Int] = [:]
        let result = text.rewritten { rewriter in
            let bytes = rewriter.bytes
            var start = 0
            while start < bytes.count {
                let end = Characters.endOfLine(bytes, from: start)
                if end > start, end - start <= maximumLength,
                    let kind = rules.kind(of: UnsafeBufferPointer(rebasing: bytes[start..<end]))
                {
                    found[kind.rawValue, default: 0] += 1
                    rewriter.replace(start..<min(end + 1, bytes.count))
                }
                start = end + 1
            }
        }
        return TextOutcome(result, found: found)
    }
}

/// Removes lines and paragraphs that occur again in the same document; the first stays.
public struct RepeatedLineRemoval: TextOperator {
    /// What is compared.
    public enum Unit: String, Sendable, CaseIterable {
        /// Lines.
        case lines
        /// Paragraphs: what stands between blank lines.
        case paragraphs
    }

    /// What is compared.
    public let unit: Unit
    /// Shorter units in UTF-8 bytes stay, such as refrains and brackets.
    public let minimumLength: Int
    /// How many times a unit may occur.
    public let allowed: Int

    /// Creates the operator.
    ///
    /// - Parameters:
    ///   - unit: what is compared.
    ///   - minimumLength: shorter units in UTF-8 bytes stay, white space at both ends not counted.
    ///   - allowed: how many times a unit may occur; at least 1.
    public init(_ unit: Unit = .lines, minimumLength: Int = 20, allowed: Int = 1) {
        guard allowed > 0 else { fatalError("RepeatedLineRemoval: allowed must be positive, not \(allowed)") }
        (self.unit, self.minimumLength, self.allowed) = (unit, minimumLength, allowed)
    }

    /// The operator's name.
    public var name: String { "repeated_line_removal" }
    /// What is compared, the shortest unit and how often it may occur.
    public var settings: String { "\(unit.rawValue),min_length:\(minimumLength),allowed:\(allowed)" }
    /// It rewrites.
    public var kind: TextOperatorKind { .mapper }

    /// Removes the repetitions.
    ///
    /// - Parameter text: any text.
    /// - Returns: the text with each unit once (or as often as allowed), or unchanged.
    public func apply(to text: String) -> TextOutcome {
        var removed = 0
        let result = text.rewritten { rewriter in
            let bytes = rewriter.bytes
            var seen: [TextFingerprint: Int] = [:]
            var start = 0
            while start < bytes.count {
                let (end, next) = unitEnd(bytes, from: start)
                let content = Self.trimmed(bytes, start..<end)
                if content.count >= max(minimumLength, 1) {
                    let piece = UnsafeRawBufferPointer(UnsafeBufferPointer(rebasing: bytes[content]))
                    let times = seen[TextFingerprint(bytes: piece), default: 0] + 1
                    seen[TextFingerprint(bytes: piece)] = times
                    if times > allowed {
                        removed += 1
                        rewriter.replace(start..<next)
                    }
                }
                start = next
            }
        }
        return TextOutcome(result, found: ["repeated \(unit.rawValue)": removed])
    }

    /// Where the unit that begins at `start` ends, and where the next one begins.
    private func unitEnd(_ bytes: UnsafeBufferPointer<UInt8>, from start: Int) -> (end: Int, next: Int) {
        var end = Characters.endOfLine(bytes, from: start)
        guard unit == .paragraphs else { return (end, min(end + 1, bytes.count)) }
        while end + 1 < bytes.count {
            let lineEnd = Characters.endOfLine(bytes, from: end + 1)
            if Self.trimmed(bytes, (end + 1)..<lineEnd).isEmpty {
                // The blank line after a paragraph goes with it.
                return (end, min(lineEnd + 1, bytes.count))
            }
            end = lineEnd
        }
        return (end, bytes.count)
    }

    private static func trimmed(_ bytes: UnsafeBufferPointer<UInt8>, _ range: Range<Int>) -> Range<Int> {
        var (start, end) = (range.lowerBound, range.upperBound)
        while start < end, Characters.isSpace(bytes[start]) { start += 1 }
        while end > start, Characters.isSpace(bytes[end - 1]) { end -= 1 }
        return start..<end
    }
}

/// Removes headers, footers and numbers of pages from text taken out of books and papers.
///
/// Pages end at form feeds or at lines that are marked page numbers. The lines at the beginning and end of pages
/// whose words (digits aside) come back on enough pages go, again and again until none does.
public struct RunningHeaderRemoval: TextOperator {
    /// On how many pages a line must stand to count as a header or footer.
    public let minimumPages: Int
    /// The longest header in UTF-8 bytes.
    public let maximumLength: Int

    /// Creates the operator.
    ///
    /// - Parameters:
    ///   - minimumPages: on how many pages a line must stand to count as a header or footer; at least 2.
    ///   - maximumLength: the longest header in UTF-8 bytes.
    public init(minimumPages: Int = 3, maximumLength: Int = 160) {
        guard minimumPages >= 2 else {
            fatalError("RunningHeaderRemoval: minimumPages must be 2 or more, not \(minimumPages)")
        }
        (self.minimumPages, self.maximumLength) = (minimumPages, maximumLength)
    }

    /// The operator's name.
    public var name: String { "running_header_removal" }
    /// The least number of pages and the longest header.
    public var settings: String { "pages:\(minimumPages),max_length:\(maximumLength)" }
    /// It rewrites.
    public var kind: TextOperatorKind { .mapper }

    /// Removes headers and footers.
    ///
    /// - Parameter text: the text of a book or paper.
    /// - Returns: the text without them, form feeds and marked page numbers, or unchanged.
    public func apply(to text: String) -> TextOutcome {
        var (headers, numbers) = (0, 0)
        let result = text.rewritten { rewriter in
            let bytes = rewriter.bytes
            var pages: [[Range<Int>]] = [[]]
            var removed: [Range<Int>] = []
            var start = 0
            while start < bytes.count {
                let end = Characters.endOfLine(bytes, from: start)
                let line = UnsafeBufferPointer(rebasing: bytes[start..<end])
                var first = start
                if let feed = line.lastIndex(of: 0x0C) {
                    // Form feeds stand at the beginning of a line.
                    for (place, byte) in line[...feed].enumerated() where byte == 0x0C {
                        removed.append((start + place)..<(start + place + 1))
                    }
                    first = start + feed + 1
                    pages.append([])
                }
                if PageNumber.isMarked(UnsafeBufferPointer(rebasing: bytes[first..<end])) {
                    removed.append(first..<min(end + 1, bytes.count))
                    numbers += 1
                    pages.append([])
                } else if !bytes[first..<end].allSatisfy(Characters.isSpace) {
                    pages[pages.count - 1].append(first..<min(end + 1, bytes.count))
                }
                start = end + 1
            }
            let running = Self.peel(pages, bytes, minimumPages, maximumLength)
            headers = running.count
            for range in (removed + running).sorted(by: { $0.lowerBound < $1.lowerBound }) {
                rewriter.replace(range)
            }
        }
        var found: [String: Int] = [:]
        if headers > 0 { found["running header"] = headers }
        if numbers > 0 { found["page number"] = numbers }
        return TextOutcome(result, found: found)
    }

    /// The first and last lines of pages whose words come back on enough pages, until there are none.
    private static func peel(
        _ pages: [[Range<Int>]],
        _ bytes: UnsafeBufferPointer<UInt8>,
        _ minimum: Int,
        _ longest: Int
    ) -> [Range<Int>] {
        var pages = pages.filter { !$0.isEmpty }.map { $0[...] }
        var removed: [Range<Int>] = []
        guard pages.count >= minimum else { return [] }
        var isStable = false
        while !isStable {
            isStable = true
            for isFirst in [true, false] {
                var counts: [TextFingerprint: Int] = [:]
                let prints = pages.map { page -> TextFingerprint? in
                    guard let line = isFirst ? page.first : page.last, line.count <= longest else {
                        return nil
                    }
                    return shape(bytes, line)
                }
                for print in prints { if let print { counts[print, default: 0] += 1 } }
                for (index, print) in prints.enumerated() {
                    guard let print, counts[print, default: 0] >= minimum else { continue }
                    removed.append(isFirst ? pages[index].removeFirst() : pages[index].removeLast())
                    isStable = false
                }
            }
            pages.removeAll { $0.isEmpty }
        }
        return removed
    }

    /// The fingerprint of a line's words: digits as 0, no spaces.
    private static func shape(_ bytes: UnsafeBufferPointer<UInt8>, _ line: Range<Int>) -> TextFingerprint {
        var shape: [UInt8] = []
        for byte in bytes[line] where !Characters.isSpace(byte) {
            if Characters.isDigit(byte) {
                if shape.last != 0x30 { shape.append(0x30) }
            } else {
                shape.append(Characters.lowercased(byte))
            }
        }
        return shape.withUnsafeBytes { TextFingerprint(bytes: $0) }
    }
}
