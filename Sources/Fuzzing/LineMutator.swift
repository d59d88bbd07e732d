/// Damages texts made of lines, such as YAML, CSV or CoNLL: lines lost, doubled, moved, indented and with other fields.
public struct LineMutator: Sendable {
    /// What stands between the fields of a line.
    public let separators: [UInt8]
    /// Fields that mean something.
    public let fields: [[UInt8]]

    /// A mutator.
    ///
    /// - Parameters:
    ///   - separators: The bytes between the fields of a line.
    ///   - fields: Fields that mean something.
    public init(separators: String, fields: [String]) {
        self.separators = Array(separators.utf8)
        self.fields = fields.map { Array($0.utf8) }
    }

    /// A damaged copy.
    ///
    /// - Parameters:
    ///   - seed: The text.
    ///   - others: Other texts, whose lines may be mixed in.
    ///   - random: Where chance comes from.
    /// - Returns: The copy.
    public func damaged(
        _ seed: [UInt8],
        others: [[UInt8]] = [],
        using random: inout some RandomNumberGenerator
    ) -> [UInt8] {
        var lines = Self.lines(seed)
        for _ in 0...random.below(5) where !lines.isEmpty {
            let line = random.below(lines.count)
            switch random.below(9) {
            case 0: lines.remove(at: line)
            case 1: lines.insert(lines[line], at: random.below(lines.count + 1))
            case 2: lines.swapAt(line, random.below(lines.count))
            case 3 where !others.isEmpty:
                let other = Self.lines(random.one(of: others))
                if !other.isEmpty { lines.insert(random.one(of: other), at: line) }
            case 4: lines[line] = Array(repeating: 32, count: random.below(9)) + lines[line]
            case 5: lines[line] = Array(lines[line].drop { $0 == 32 })
            case 6: lines.insert([], at: line)
            default: lines[line] = otherField(lines[line], &random)
            }
        }
        return Array(lines.joined(separator: [10]))
    }

    private static func lines(_ text: [UInt8]) -> [[UInt8]] {
        text.split(separator: 10, omittingEmptySubsequences: false).map(Array.init)
    }

    /// The line with one field lost, doubled or another.
    private func otherField(_ line: [UInt8], _ random: inout some RandomNumberGenerator) -> [UInt8] {
        guard let separator = separators.randomElement(using: &random) else { return line }
        var parts = line.split(separator: separator, omittingEmptySubsequences: false).map(Array.init)
        guard !parts.isEmpty else { return line }
        let place = random.below(parts.count)
        switch random.below(4) {
        case 0: parts.remove(at: place)
        case 1: parts.insert(parts[place], at: place)
        default: parts[place] = fields.randomElement(using: &random) ?? []
        }
        return Array(parts.joined(separator: [separator]))
    }
}
