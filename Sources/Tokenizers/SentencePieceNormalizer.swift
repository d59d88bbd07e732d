import YuyanFileFormats

/// Bytes that grow, and for each the offset in the original text that it comes from, if asked for.
final class NormalizedText {
    private(set) var bytes: UnsafeMutablePointer<UInt8>
    private var capacity = 1024
    var count = 0
    /// The origin of every byte and of the end.
    var origins: [Int32] = []

    init() { bytes = .allocate(capacity: capacity) }

    deinit { bytes.deallocate() }

    @inline(__always)
    func reserve(_ more: Int) {
        if count + more > capacity { grow(more) }
    }

    private func grow(_ more: Int) {
        capacity = max(capacity * 2, count + more)
        let larger = UnsafeMutablePointer<UInt8>.allocate(capacity: capacity)
        larger.update(from: bytes, count: count)
        bytes.deallocate()
        bytes = larger
    }

    /// Empties the text and gives back unusually much memory.
    func clear() {
        count = 0
        origins.removeAll(keepingCapacity: origins.count < 1 << 20)
        if capacity > 1 << 24 {
            bytes.deallocate()
            capacity = 1024
            bytes = .allocate(capacity: capacity)
        }
    }
}

/// Normalises text as SentencePiece does: replacements by the longest match, white space, the dummy prefix.
///
/// Differences, which no published model can show: a string longer than `PrecompiledCharsmap.longestMatch` bytes has no
/// rule; more than 32 rules (or 64 user-defined symbols) that begin alike at one place are all considered.
final class SentencePieceNormalizer: Sendable {
    private enum Class {
        /// Must be looked up.
        static let complex: UInt8 = 0
        /// Stays as it is when an ASCII byte or nothing follows.
        static let plain: UInt8 = 1
        /// Is or becomes one space when an ASCII byte or nothing follows.
        static let space: UInt8 = 2
    }

    private let charsmap: PrecompiledCharsmap?
    private let symbols: PieceTrie?
    private let addsPrefix: Bool
    private let addsSuffix: Bool
    private let removesExtraWhitespace: Bool
    private let escapesWhitespace: Bool
    /// How ASCII bytes are treated.
    private let classes: [UInt8]
    /// One bit per scalar of the basic plane: whether it must be looked up.
    private let complexScalars: [UInt64]

    init(
        _ spec: SentencePieceFile.NormalizerSpec,
        whitespaceIsSuffix: Bool,
        symbols: PieceTrie?,
        path: String?
    )
        throws(FileFormatError)
    {
        charsmap =
            spec.precompiledCharsmap.isEmpty
            ? nil : try PrecompiledCharsmap(spec.precompiledCharsmap, path: path)
        self.symbols = symbols
        addsPrefix = spec.addsDummyPrefix && !whitespaceIsSuffix
        addsSuffix = spec.addsDummyPrefix && whitespaceIsSuffix
        removesExtraWhitespace = spec.removesExtraWhitespace
        escapesWhitespace = spec.escapesWhitespace
        (classes, complexScalars) = Self.tables(charsmap, symbols)
    }

    private static func tables(_ charsmap: PrecompiledCharsmap?, _ symbols: PieceTrie?) -> ([UInt8], [UInt64])
    {
        var classes = [UInt8](repeating: Class.plain, count: 128)
        var complex = [UInt64](repeating: 0, count: 1024)
        classes[32] = Class.space
        func begins(_ bytes: [UInt8]) -> Bool {
            guard let symbols else { return false }
            var node = symbols.root
            for byte in bytes {
                guard let next = symbols.step(node, byte) else { return false }
                node = next
                if PieceTrie.value(node) >= 0 { return true }
            }
            return true
        }
        func examine(_ walk: PrecompiledCharsmap.Walk?) {
            for byte in UInt8(0)..<128 {
                if begins([byte]) { classes[Int(byte)] = Class.complex }
                guard let walk, byte > 0, let place = walk.step(0, byte) else { continue }
                let replacement = walk.replacement(place).map { Array(walk.replacements[$0]) }
                if walk.hasChild(place, in: 0...127) || (replacement != nil && replacement != [32]) {
                    classes[Int(byte)] = Class.complex
                } else if replacement == [32], classes[Int(byte)] == Class.plain {
                    classes[Int(byte)] = Class.space
                }
            }
            for value in UInt32(0x80)..<0x10000 {
                guard let scalar = Unicode.Scalar(value) else { continue }
                let bytes = Array(String(scalar).utf8)
                var isComplex = begins(bytes)
                if let walk, !isComplex {
                    var place = 0
                    var matched = true
                    for byte in bytes {
                        guard let next = walk.step(place, byte) else {
                            matched = false
                            break
                        }
                        place = next
                        if walk.replacement(place) != nil { break }
                    }
                    isComplex = matched
                }
                if isComplex { complex[Int(value >> 6)] |= 1 << UInt64(value & 63) }
            }
        }
        if let charsmap { charsmap.withWalk { examine($0) } } else { examine(nil) }
        return (classes, complex)
    }

    /// Writes the normalised text to `output`, which must be empty.
    ///
    /// - Parameters:
    ///   - text: The text; every byte that is not part of well-formed UTF-8 counts as U+FFFD.
    ///   - output: Where the result goes.
    ///   - tracksOrigins: Whether origins are written.
    func normalize(_ text: UnsafeBufferPointer<UInt8>, into output: NormalizedText, tracksOrigins: Bool) {
        guard let base = text.baseAddress, text.count > 0 else { return }
        if let charsmap {
            charsmap.withWalk { normalize(base, text.count, $0, output, tracksOrigins) }
        } else {
            normalize(base, text.count, nil, output, tracksOrigins)
        }
    }

    private func normalize(
        _ bytes: UnsafePointer<UInt8>,
        _ end: Int,
        _ walk: PrecompiledCharsmap.Walk?,
        _ output: NormalizedText,
        _ tracksOrigins: Bool
    ) {
        var position = 0
        if removesExtraWhitespace {
            while position < end {
                let step = prefix(bytes, position, end, walk)
                guard step.isSpace(bytes, walk) else { break }
                position = step.end
            }
            if position == end { return }
        }
        if addsPrefix { appendSpace(output, tracksOrigins ? position : nil) }
        var afterSpace = removesExtraWhitespace
        output.reserve(end - position + 64)
        classes.withUnsafeBufferPointer { classes in
            complexScalars.withUnsafeBufferPointer { complexScalars in
                let fast = FastTables(classes: classes, complexScalars: complexScalars)
                while position < end {
                    if !tracksOrigins {
                        position = copyPlain(bytes, position, end, fast, output, &afterSpace)
                        if position == end { break }
                    }
                    let step = prefix(bytes, position, end, walk)
                    append(step, bytes, walk, output, tracksOrigins ? position : nil, &afterSpace)
                    position = step.end
                    if !removesExtraWhitespace { afterSpace = false }
                }
            }
        }
        var consumed = end
        if removesExtraWhitespace {
            while endsWithSpace(output) {
                output.count -= escapesWhitespace ? 3 : 1
                if tracksOrigins {
                    consumed = Int(output.origins[output.count])
                    output.origins.removeLast(output.origins.count - output.count)
                }
            }
        }
        if addsSuffix { appendSpace(output, tracksOrigins ? consumed : nil) }
        if tracksOrigins { output.origins.append(Int32(truncatingIfNeeded: consumed)) }
    }

    private struct FastTables {
        let classes: UnsafeBufferPointer<UInt8>
        let complexScalars: UnsafeBufferPointer<UInt64>
    }

    /// Copies what needs no look-up; the offset of the first byte that does, or `end`.
    @inline(__always)
    private func copyPlain(
        _ bytes: UnsafePointer<UInt8>,
        _ start: Int,
        _ end: Int,
        _ fast: FastTables,
        _ output: NormalizedText,
        _ afterSpace: inout Bool
    ) -> Int {
        var position = start
        output.reserve(3 * min(end - position, 1024) + 4)
        var limit = min(end, position + 1024)
        var out = output.bytes + output.count
        while position < end {
            if position >= limit {
                output.count = out - output.bytes
                output.reserve(3 * min(end - position, 1024) + 4)
                limit = min(end, position + 1024)
                out = output.bytes + output.count
            }
            let byte = bytes[position]
            if byte < 0x80 {
                let kind = fast.classes[Int(byte)]
                guard kind != Class.complex, position + 1 == end || bytes[position + 1] < 0x80 else { break }
                position += 1
                if kind == Class.plain {
                    out.pointee = byte
                    out += 1
                    afterSpace = false
                    continue
                }
                if afterSpace { continue }
                if escapesWhitespace {
                    (out[0], out[1], out[2]) = (0xE2, 0x96, 0x81)
                    out += 3
                } else {
                    out.pointee = 32
                    out += 1
                }
                afterSpace = removesExtraWhitespace
                continue
            }
            if byte >= 0xE1, byte < 0xF0, byte != 0xED {
                guard position + 2 < end, bytes[position + 1] & 0xC0 == 0x80,
                    bytes[position + 2] & 0xC0 == 0x80
                else { break }
                let middle = Int(bytes[position + 1] & 0x3F)
                let scalar = Int(byte & 0x0F) << 12 | middle << 6 | Int(bytes[position + 2] & 0x3F)
                guard fast.complexScalars[scalar >> 6] >> UInt64(scalar & 63) & 1 == 0 else { break }
                (out[0], out[1], out[2]) = (byte, bytes[position + 1], bytes[position + 2])
                out += 3
                position += 3
            } else {
                guard byte >= 0xC2, byte < 0xE0, position + 1 < end, bytes[position + 1] & 0xC0 == 0x80
                else { break }
                let scalar = Int(byte & 0x1F) << 6 | Int(bytes[position + 1] & 0x3F)
                guard fast.complexScalars[scalar >> 6] >> UInt64(scalar & 63) & 1 == 0 else { break }
                (out[0], out[1]) = (byte, bytes[position + 1])
                out += 2
                position += 2
            }
            afterSpace = false
        }
        output.count = out - output.bytes
        return position
    }

    /// A beginning of the text and what it becomes.
    private struct Step {
        enum Source {
            case text
            case rule(Range<Int>)
            case replacementCharacter
        }
        let start: Int
        let end: Int
        let source: Source

        @inline(__always)
        func isSpace(_ bytes: UnsafePointer<UInt8>, _ walk: PrecompiledCharsmap.Walk?) -> Bool {
            switch source {
            case .text: end - start == 1 && bytes[start] == 32
            case .rule(let range): range.count == 1 && walk?.replacements[range.lowerBound] == 32
            case .replacementCharacter: false
            }
        }
    }

    private func prefix(
        _ bytes: UnsafePointer<UInt8>,
        _ start: Int,
        _ end: Int,
        _ walk: PrecompiledCharsmap.Walk?
    ) -> Step {
        if let symbols, let matchEnd = symbols.longestMatch(bytes, start, end) {
            return Step(start: start, end: matchEnd, source: .text)
        }
        if let match = walk?.match(bytes, start, end) {
            return Step(start: start, end: match.end, source: .rule(match.replacement))
        }
        let scalar = UTF8Validation.decode(bytes, at: start, end: end)
        if scalar.isInvalid { return Step(start: start, end: start + 1, source: .replacementCharacter) }
        return Step(start: start, end: start + scalar.count, source: .text)
    }

    private static let replacementCharacter: [UInt8] = [0xEF, 0xBF, 0xBD]

    private func append(
        _ step: Step,
        _ bytes: UnsafePointer<UInt8>,
        _ walk: PrecompiledCharsmap.Walk?,
        _ output: NormalizedText,
        _ origin: Int?,
        _ afterSpace: inout Bool
    ) {
        switch step.source {
        case .text:
            let text = UnsafeBufferPointer(start: bytes + step.start, count: step.end - step.start)
            append(text, output, origin, &afterSpace)
        case .rule(let range):
            guard let walk else { return }
            append(UnsafeBufferPointer(rebasing: walk.replacements[range]), output, origin, &afterSpace)
        case .replacementCharacter:
            Self.replacementCharacter.withUnsafeBufferPointer { append($0, output, origin, &afterSpace) }
        }
    }

    private func append(
        _ text: UnsafeBufferPointer<UInt8>,
        _ output: NormalizedText,
        _ origin: Int?,
        _ afterSpace: inout Bool
    ) {
        var first = 0
        if afterSpace { while first < text.count, text[first] == 32 { first += 1 } }
        guard first < text.count else { return }
        output.reserve(3 * (text.count - first))
        for index in first..<text.count {
            if text[index] == 32 {
                appendSpace(output, origin)
            } else {
                output.bytes[output.count] = text[index]
                output.count += 1
                if let origin { output.origins.append(Int32(truncatingIfNeeded: origin)) }
            }
        }
        afterSpace = text[text.count - 1] == 32
    }

    private func appendSpace(_ output: NormalizedText, _ origin: Int?) {
        output.reserve(3)
        let place = output.bytes + output.count
        let count = escapesWhitespace ? 3 : 1
        if escapesWhitespace { (place[0], place[1], place[2]) = (0xE2, 0x96, 0x81) } else { place[0] = 32 }
        output.count += count
        if let origin {
            output.origins.append(contentsOf: repeatElement(Int32(truncatingIfNeeded: origin), count: count))
        }
    }

    private func endsWithSpace(_ output: NormalizedText) -> Bool {
        let end = output.count
        if !escapesWhitespace { return end > 0 && output.bytes[end - 1] == 32 }
        return end > 2 && output.bytes[end - 3] == 0xE2 && output.bytes[end - 2] == 0x96
            && output.bytes[end - 1] == 0x81
    }
}
