import YuyanFileFormats

/// One of the Unicode normal forms, with alignment (Unicode Standard Annex #15).
struct NormalFormNormalizer: TextNormalizer {
    /// The form.
    enum Form: String { case nfc = "NFC", nfd = "NFD", nfkc = "NFKC", nfkd = "NFKD" }

    let form: Form

    func document() -> JSONValue { ["type": .string(form.rawValue)] }

    func normalize(_ text: inout AlignedText) {
        guard text.bytes.contains(where: { $0 >= 0x80 }) else { return }
        let decomposed = Self.decompose(text, isCompatible: form == .nfkc || form == .nfkd)
        let isComposing = form == .nfc || form == .nfkc
        text.transform(isComposing ? Self.compose(decomposed) : decomposed)
    }

    /// Full decomposition in canonical order; a scalar that another one became with stands as inserted after its first.
    static func decompose(_ text: AlignedText, isCompatible: Bool) -> [AlignedText.Change] {
        let tables = NormalFormTables.shared
        var result: [AlignedText.Change] = []
        result.reserveCapacity(text.count)
        /// Where the marks begin that are still to be put in order.
        var pending = 0
        func push(_ scalar: UInt32, isFirst: Bool) {
            if tables.combiningClass(scalar) == 0 {
                tables.sort(&result, from: pending)
                result.append(.init(scalar, isFirst ? 0 : 1))
                pending = result.count
            } else {
                result.append(.init(scalar, isFirst ? 0 : 1))
            }
        }
        text.forEachScalar { scalar, _ in
            if scalar < 0xC0 && !isCompatible || scalar < 0x80 {
                push(scalar, isFirst: true)
            } else if let parts = tables.decomposition(scalar, isCompatible: isCompatible) {
                var isFirst = true
                for part in parts {
                    push(part, isFirst: isFirst)
                    isFirst = false
                }
            } else {
                push(scalar, isFirst: true)
            }
        }
        tables.sort(&result, from: pending)
        return result
    }

    /// Canonical composition of decomposed scalars.
    private static func compose(_ decomposed: [AlignedText.Change]) -> [AlignedText.Change] {
        let tables = NormalFormTables.shared
        var result: [AlignedText.Change] = []
        result.reserveCapacity(decomposed.count)
        /// The last scalar of class 0 in `result`, and the class of what stands after it.
        var starter = -1
        var lastClass = 0
        for next in decomposed {
            let nextClass = tables.combiningClass(next.scalar)
            let isBlocked = lastClass != 0 && lastClass >= nextClass
            if starter >= 0, !isBlocked,
                let composed = tables.composition(result[starter].scalar, next.scalar)
            {
                result[starter] = .init(composed, result[starter].change + next.change - 1)
                continue
            }
            if nextClass == 0 {
                starter = result.count
                lastClass = 0
            } else if starter >= 0 {
                lastClass = nextClass
            }
            result.append(next)
        }
        return result
    }
}

/// The tables of the normal forms.
struct NormalFormTables: Sendable {
    static let shared = NormalFormTables()

    private let classes: [UInt8]
    /// Start in `parts` and count by scalar, packed; 0 for none.
    private let canonical: [UInt32]
    private let compatible: [UInt32]
    private let parts: [UInt32]
    private let pairs: [UInt64: UInt32]

    private init() {
        var classes: [UInt8] = []
        let runs = UnicodeProperties.numbers(UnicodeProperties.combiningRuns)
        var last = 0
        for index in stride(from: 0, to: runs.count - 2, by: 3) {
            let first = last + runs[index]
            classes.append(contentsOf: repeatElement(0, count: first - classes.count))
            classes.append(contentsOf: repeatElement(UInt8(runs[index + 2]), count: runs[index + 1]))
            last = first + runs[index + 1] - 1
        }
        self.classes = classes
        var parts: [UInt32] = []
        canonical = Self.table(UnicodeProperties.canonicalMap, &parts)
        compatible = Self.table(UnicodeProperties.compatibilityMap, &parts)
        self.parts = parts
        var pairs: [UInt64: UInt32] = [:]
        let triples = UnicodeProperties.numbers(UnicodeProperties.compositions)
        for index in stride(from: 0, to: triples.count - 2, by: 3) {
            pairs[UInt64(triples[index]) << 32 | UInt64(triples[index + 1])] = UInt32(triples[index + 2])
        }
        self.pairs = pairs
    }

    private static func table(_ text: StaticString, _ parts: inout [UInt32]) -> [UInt32] {
        let data = UnicodeProperties.numbers(text)
        var table: [UInt32] = []
        var (index, scalar) = (0, 0)
        while index + 1 < data.count {
            scalar += data[index]
            let count = data[index + 1]
            table.append(contentsOf: repeatElement(0, count: scalar - table.count))
            table.append(UInt32(parts.count) << 8 | UInt32(count))
            parts.append(contentsOf: data[index + 2..<index + 2 + count].map { UInt32($0) })
            index += 2 + count
        }
        return table
    }

    /// The canonical combining class.
    @inline(__always)
    func combiningClass(_ scalar: UInt32) -> Int {
        Int(scalar) < classes.count ? Int(classes[Int(scalar)]) : 0
    }

    /// The full decomposition of a scalar that is not ASCII; nil when it is itself.
    func decomposition(_ scalar: UInt32, isCompatible: Bool) -> ArraySlice<UInt32>? {
        if scalar >= 0xAC00, scalar < 0xD7A4 {
            let index = scalar - 0xAC00
            let tail = index % 28
            let pair = [0x1100 + index / 588, 0x1161 + index % 588 / 28]
            return ArraySlice(tail > 0 ? pair + [0x11A7 + tail] : pair)
        }
        if isCompatible, Int(scalar) < compatible.count, compatible[Int(scalar)] != 0 {
            return slice(compatible[Int(scalar)])
        }
        guard Int(scalar) < canonical.count, canonical[Int(scalar)] != 0 else { return nil }
        return slice(canonical[Int(scalar)])
    }

    private func slice(_ packed: UInt32) -> ArraySlice<UInt32> {
        let start = Int(packed >> 8)
        return parts[start..<start + Int(packed & 0xFF)]
    }

    /// What two scalars compose to.
    func composition(_ first: UInt32, _ second: UInt32) -> UInt32? {
        if first >= 0x1100, first < 0x1113, second >= 0x1161, second < 0x1176 {
            return 0xAC00 + (first - 0x1100) * 588 + (second - 0x1161) * 28
        }
        if first >= 0xAC00, first < 0xD7A4, (first - 0xAC00) % 28 == 0, second > 0x11A7, second < 0x11C3 {
            return first + second - 0x11A7
        }
        return pairs[UInt64(first) << 32 | UInt64(second)]
    }

    /// Puts marks into the order of their classes, equal classes as they stand.
    func sort(_ changes: inout [AlignedText.Change], from start: Int) {
        guard changes.count - start > 1 else { return }
        let sorted = changes[start...].enumerated().sorted {
            (combiningClass($0.element.scalar), $0.offset) < (combiningClass($1.element.scalar), $1.offset)
        }
        for (index, item) in sorted.enumerated() { changes[start + index] = item.element }
    }
}
