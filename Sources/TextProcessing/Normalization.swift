import Foundation

/// The Unicode normal forms.
public enum NormalizationForm: String, Sendable, CaseIterable, Codable {
    /// Canonical composition: é is one scalar.
    case nfc
    /// Canonical decomposition: é is e and a combining accent.
    case nfd
    /// Compatibility composition: also ﬁ becomes fi and Ａ becomes A.
    case nfkc
    /// Compatibility decomposition.
    case nfkd
}

/// Brings text into a Unicode normal form.
public struct UnicodeNormalization: TextOperator {
    /// The normal form.
    public let form: NormalizationForm

    /// Creates the operator.
    ///
    /// - Parameter form: the normal form; NFC by default.
    public init(_ form: NormalizationForm = .nfc) { self.form = form }

    /// The operator's name.
    public var name: String { "unicode_normalization" }
    /// The normal form's name.
    public var settings: String { form.rawValue }
    /// It rewrites.
    public var kind: TextOperatorKind { .mapper }

    /// Brings a text into the normal form.
    ///
    /// - Parameter text: any text.
    /// - Returns: the text in the normal form, or unchanged.
    public func apply(to text: String) -> TextOutcome {
        var text = text
        let normal = text.withUTF8 { bytes -> [UInt8]? in
            guard let first = firstDoubt(in: bytes, from: 0) else { return nil }
            // Nothing joins across a line end, so only lines in doubt take the long way.
            var output: [UInt8] = []
            output.reserveCapacity(bytes.count)
            var (start, doubt, isChanged) = (0, Optional(first), false)
            while let place = doubt {
                let begin = bytes[start..<place].lastIndex(of: 0x0A).map { $0 + 1 } ?? start
                let end = bytes[place...].firstIndex(of: 0x0A) ?? bytes.count
                let line = UnsafeBufferPointer(rebasing: bytes[begin..<end])
                output.append(contentsOf: bytes[start..<begin])
                let before = output.count
                output.append(contentsOf: normalized(String(decoding: line, as: UTF8.self)).utf8)
                isChanged = isChanged || !output[before...].elementsEqual(line)
                start = end
                doubt = firstDoubt(in: bytes, from: end)
            }
            output.append(contentsOf: bytes[start...])
            return isChanged ? output : nil
        }
        return normal.map { .changed(String(decoding: $0, as: UTF8.self)) } ?? .unchanged
    }

    private func normalized(_ text: String) -> String {
        switch form {
        case .nfc: Self.composedHangul(text.precomposedStringWithCanonicalMapping)
        case .nfd: text.decomposedStringWithCanonicalMapping
        case .nfkc: Self.composedHangul(text.precomposedStringWithCompatibilityMapping)
        case .nfkd: text.decomposedStringWithCompatibilityMapping
        }
    }

    /// Joins a Hangul syllable without a final and the final that follows it, a pair that Foundation leaves apart.
    private static func composedHangul(_ text: String) -> String {
        guard text.unicodeScalars.contains(where: { (0x11A8...0x11C2).contains($0.value) }) else {
            return text
        }
        var composed = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            let last = composed.last?.value ?? 0
            if (0x11A8...0x11C2).contains(scalar.value), (0xAC00...0xD7A3).contains(last),
                (last - 0xAC00).isMultiple(of: 28), let joined = Unicode.Scalar(last + scalar.value - 0x11A7)
            {
                composed.removeLast()
                composed.append(joined)
            } else {
                composed.append(scalar)
            }
        }
        return String(composed)
    }

    /// The first scalar that this form may change or join with a neighbour; nil when there is none.
    private func firstDoubt(in bytes: UnsafeBufferPointer<UInt8>, from start: Int) -> Int? {
        var place = start
        while place < bytes.count {
            if bytes[place] < 0x80 {
                place += 1
                continue
            }
            let (value, length) = scalar(in: bytes, at: place)
            guard form == .nfc, Self.isInertUnderNFC(value) else { return place }
            place += length
        }
        return nil
    }

    /// Whether a scalar lies in a block whose members stay alone and unchanged under NFC.
    ///
    /// The list is not complete (others take the long way); it covers Latin, Greek and Cyrillic letters,
    /// kana, Chinese characters, Hangul syllables and full-width forms.
    package static func isInertUnderNFC(_ value: UInt32) -> Bool {
        switch value {
        case 0..<0x300, 0x3B1...0x3CE, 0x400...0x482, 0x48A...0x52F: true
        case 0x2010...0x2027, 0x3001...0x3029, 0x3041...0x3096, 0x309B...0x30FF: true
        case 0x3400...0x4DBF, 0x4E00...0x9FFF, 0xAC00...0xD7A3, 0xFF01...0xFFEE: true
        default: false
        }
    }
}

/// Writes every line end as a line feed.
public struct NewlineNormalization: TextOperator {
    /// Whether U+0085, U+2028 and U+2029 become line feeds too.
    public let includesUnicodeSeparators: Bool

    /// Creates the operator.
    ///
    /// - Parameter includesUnicodeSeparators: whether next line (U+0085), line separator (U+2028) and paragraph
    ///   separator (U+2029) become line feeds too.
    public init(includesUnicodeSeparators: Bool = true) {
        self.includesUnicodeSeparators = includesUnicodeSeparators
    }

    /// The operator's name.
    public var name: String { "newline_normalization" }
    /// Which line ends it knows.
    public var settings: String { includesUnicodeSeparators ? "cr,crlf,nel,ls,ps" : "cr,crlf" }
    /// It rewrites.
    public var kind: TextOperatorKind { .mapper }

    /// Rewrites CR LF and CR (and the Unicode separators) as LF.
    ///
    /// - Parameter text: any text.
    /// - Returns: the text with line feeds, or unchanged.
    public func apply(to text: String) -> TextOutcome {
        rewriteScalars(of: text) { value, next in
            switch value {
            case 0x0D: next == 0x0A ? .remove : .replace(with: 0x0A)
            case 0x85, 0x2028, 0x2029: includesUnicodeSeparators ? .replace(with: 0x0A) : .keep
            default: .keep
            }
        }
    }
}

/// Removes control characters, which no reader sees and which waste a vocabulary.
public struct ControlCharacterRemoval: TextOperator {
    /// Whether invisible format characters are removed too.
    public let includesInvisible: Bool

    /// Creates the operator.
    ///
    /// - Parameter includesInvisible: whether zero-width spaces (U+200B, U+2060), soft hyphens (U+00AD) and
    ///   direction controls (U+202A…U+202E, U+2066…U+2069) go too. Joiners (U+200C, U+200D) always stay: Persian,
    ///   Indic scripts and emoji need them.
    public init(includesInvisible: Bool = false) { self.includesInvisible = includesInvisible }

    /// The operator's name.
    public var name: String { "control_character_removal" }
    /// What it removes.
    public var settings: String { includesInvisible ? "c0,c1,bom,invisible" : "c0,c1,bom" }
    /// It rewrites.
    public var kind: TextOperatorKind { .mapper }

    /// Removes C0 and C1 controls except tab, line feed and carriage return, and byte order marks.
    ///
    /// - Parameter text: any text.
    /// - Returns: the text without them, or unchanged.
    public func apply(to text: String) -> TextOutcome {
        rewriteScalars(of: text) { value, _ in
            switch value {
            case 0x09, 0x0A, 0x0D, 0x85: .keep
            case 0..<0x20, 0x7F..<0xA0, 0xFEFF: .remove
            case 0xAD, 0x200B, 0x2060, 0x202A...0x202E, 0x2066...0x2069: includesInvisible ? .remove : .keep
            default: .keep
            }
        }
    }
}

/// Drops documents that are too short.
public struct MinimumLength: TextOperator {
    /// The least number of Unicode scalars.
    public let scalars: Int

    /// Creates the operator.
    ///
    /// - Parameter scalars: the least number of Unicode scalars that a document must have.
    public init(scalars: Int) { self.scalars = scalars }

    /// The operator's name.
    public var name: String { "min_length" }
    /// The least number of scalars.
    public var settings: String { "\(scalars)" }
    /// It decides.
    public var kind: TextOperatorKind { .filter }

    /// Drops a text with fewer scalars, white space at both ends not counted.
    ///
    /// - Parameter text: any text.
    /// - Returns: unchanged or dropped.
    public func apply(to text: String) -> TextOutcome {
        // Every scalar takes at least one byte and at most four.
        if text.utf8.count < scalars { return Self.tooShort }
        var (length, trailing) = (0, 0)
        for scalar in text.unicodeScalars {
            if scalar.properties.isWhitespace {
                if length > 0 { trailing += 1 }
            } else {
                length += 1 + trailing
                trailing = 0
                if length >= scalars { return .unchanged }
            }
        }
        return length >= scalars ? .unchanged : Self.tooShort
    }

    private static let tooShort = TextOutcome.dropped(reason: "too short")
}

/// What becomes of a scalar: it stays, goes, or is replaced by the ASCII character of this value.
private struct ScalarEdit: Equatable {
    let value: Int16

    static let keep = ScalarEdit(value: -1)
    static let remove = ScalarEdit(value: -2)
    static func replace(with byte: UInt8) -> ScalarEdit { ScalarEdit(value: Int16(byte)) }
}

/// Rewrites a text scalar by scalar; the edit sees each scalar's value and the next one's (0 at the end).
@inline(__always)
private func rewriteScalars(of text: String, _ edit: (UInt32, UInt32) -> ScalarEdit) -> TextOutcome {
    var text = text
    let rewritten = text.withUTF8 { bytes -> [UInt8]? in
        // Nearly all texts stay as they are: what there is to change is looked for first.
        var (place, first) = (0, Optional<Int>.none)
        while place < bytes.count {
            if bytes[place] < 0x7F, bytes[place] >= 0x20 || bytes[place] == 0x0A {
                place += 1
                continue
            }
            let (value, length) = scalar(in: bytes, at: place)
            let next = place + length < bytes.count ? scalar(in: bytes, at: place + length).value : 0
            if edit(value, next) != .keep {
                first = place
                break
            }
            place += length
        }
        guard let first else { return nil }
        var output = Array(bytes[..<first])
        output.reserveCapacity(bytes.count)
        place = first
        while place < bytes.count {
            let (value, length) = scalar(in: bytes, at: place)
            let next = place + length < bytes.count ? scalar(in: bytes, at: place + length).value : 0
            let decision = edit(value, next)
            if decision == .keep {
                for offset in 0..<length { output.append(bytes[place + offset]) }
            } else if decision != .remove {
                output.append(UInt8(decision.value))
            }
            place += length
        }
        return output
    }
    return rewritten.map { .changed(String(decoding: $0, as: UTF8.self)) } ?? .unchanged
}
