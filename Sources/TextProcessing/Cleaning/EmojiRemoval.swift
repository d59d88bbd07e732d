/// Removes or replaces emoji: pictographs with their modifiers, joined sequences, flags and keycaps.
///
/// Signs that are text unless a variation selector says otherwise (™, ↔, ♥) count only with the selector U+FE0F.
/// See Unicode Technical Standard 51.
public struct EmojiRemoval: TextOperator {
    /// What is written instead of each emoji.
    public let replacement: String

    /// Creates the operator.
    ///
    /// - Parameter replacement: what is written instead of each emoji; nothing by default.
    public init(replacement: String = "") { self.replacement = replacement }

    /// The operator's name.
    public var name: String { "emoji_removal" }
    /// The replacement.
    public var settings: String { replacement }
    /// It rewrites.
    public var kind: TextOperatorKind { .mapper }

    /// Removes the emoji of a text.
    ///
    /// - Parameter text: any text.
    /// - Returns: the text without them and their number, or unchanged.
    public func apply(to text: String) -> TextOutcome {
        var count = 0
        let result = text.rewrittenUntilStable { rewriter in
            let bytes = rewriter.bytes
            var place = 0
            while place < bytes.count {
                if bytes[place] < 0xE2, !isKeycap(bytes, at: place) {
                    place += 1
                    continue
                }
                let end = emojiEnd(bytes, from: place)
                guard end > place else {
                    place += scalar(in: bytes, at: place).length
                    continue
                }
                if !replacement.utf8.elementsEqual(bytes[place..<end]) {
                    count += 1
                    if replacement.isEmpty {
                        rewriter.removeWithSpace(place..<end)
                    } else {
                        rewriter.replace(place..<end, with: replacement.utf8)
                    }
                }
                place = end
            }
        }
        return TextOutcome(result, found: ["emoji": count])
    }

    /// Whether a digit, `#` or `*` with the sign of a keycap stands at a place.
    @inline(__always)
    private func isKeycap(_ bytes: UnsafeBufferPointer<UInt8>, at place: Int) -> Bool {
        let byte = bytes[place]
        guard Characters.isDigit(byte) || byte == UInt8(ascii: "#") || byte == UInt8(ascii: "*"),
            place + 3 < bytes.count, bytes[place + 1] >= 0xE2
        else { return false }
        return Characters.matches("\u{FE0F}\u{20E3}", in: bytes, at: place + 1)
            || Characters.matches("\u{20E3}", in: bytes, at: place + 1)
    }

    /// Where the emoji at a place ends; the place itself when there is none.
    private func emojiEnd(_ bytes: UnsafeBufferPointer<UInt8>, from start: Int) -> Int {
        if bytes[start] < 0x80 {
            return start + 1 + (Characters.matches("\u{FE0F}", in: bytes, at: start + 1) ? 6 : 3)
        }
        var place = start
        while true {
            guard let end = element(bytes, at: place) else { return place == start ? start : place }
            place = end
            // A joiner takes a further element with it; one that joins nothing goes too.
            guard Characters.matches("\u{200D}", in: bytes, at: place) else { return place }
            place += 3
            guard place < bytes.count else { return place }
        }
    }

    /// One pictograph with selectors, skin tones and tags, or one flag.
    private func element(_ bytes: UnsafeBufferPointer<UInt8>, at start: Int) -> Int? {
        func at(_ place: Int) -> (value: UInt32, length: Int) {
            place < bytes.count ? scalar(in: bytes, at: place) : (0, 0)
        }
        let (value, length) = at(start)
        var place = start + length
        var next = at(place)
        if 0x1F1E6...0x1F1FF ~= value {
            return 0x1F1E6...0x1F1FF ~= next.value ? place + next.length : place
        }
        guard let properties = Unicode.Scalar(value)?.properties, value >= 0x2000, properties.isEmoji else {
            return nil
        }
        guard
            properties.isEmojiPresentation || next.value == 0xFE0F || 0x1F3FB...0x1F3FF ~= next.value
                || value >= 0x1F000
        else { return nil }
        while next.value == 0xFE0F || 0x1F3FB...0x1F3FF ~= next.value || 0xE0020...0xE007F ~= next.value
            || next.value == 0x20E3
        {
            place += next.length
            next = at(place)
        }
        return place
    }
}
