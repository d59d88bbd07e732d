/// The features by which languages are told apart: hashed runs of 1 to 4 letters within words, pairs of characters
/// around ASCII symbols (they give code away), and for each ideograph the national standards that hold it.
struct LanguageFeatures: Sendable {
    /// The number of different features.
    static let bucketCount = 1 << 15
    /// The first bucket that hashes may take; those below are given by name.
    private static let firstHashed = 16
    private static let camelCase = 8
    private static let indentation = 9
    /// The ideographs that have a class: U+4E00 … U+9FFF.
    static let ideographs: ClosedRange<UInt32> = 0x4E00...0x9FFF
    /// The most bytes of a text that are looked at.
    static let byteLimit = 4096

    /// Four bits for each ideograph: 1 for GB 2312, 2 for Big5, 4 for JIS X 0208.
    let ideographClasses: [UInt8]

    /// Calls `take` with the bucket of every feature; counts letters by block of 128 scalars in `blocks`.
    ///
    /// Of a long text four pieces, evenly spread, are looked at.
    @inline(__always)
    func scan(_ bytes: UnsafeBufferPointer<UInt8>, _ take: (Int) -> Void, letter: (UInt32) -> Void) {
        if bytes.count <= Self.byteLimit { return scanPiece(bytes, take, letter) }
        let piece = Self.byteLimit / 4
        for part in 0..<4 {
            var start = (bytes.count - piece) / 3 * part
            while start < bytes.count, bytes[start] & 0xC0 == 0x80 { start += 1 }
            var end = min(start + piece, bytes.count)
            while end < bytes.count, end > start, bytes[end] & 0xC0 == 0x80 { end -= 1 }
            scanPiece(UnsafeBufferPointer(rebasing: bytes[start..<end]), take, letter)
        }
    }

    @inline(__always)
    private func scanPiece(
        _ bytes: UnsafeBufferPointer<UInt8>,
        _ take: (Int) -> Void,
        _ letter: (UInt32) -> Void
    ) {
        let table = ScalarTable.shared
        let space = UInt64(0x20)
        // The letters before this one in its word, packed 16 bits (21 would not fit four) each; a space stands
        // before the first.
        var (history, length, previous) = (space, 1, space)
        var offset = 0
        while offset < bytes.count {
            let scalar = nextScalar(bytes, &offset)
            let shape = Self.shape(scalar)
            if Self.isSymbol(shape) || Self.isSymbol(previous) { take(Self.bucket(shape | previous << 8, 7)) }
            if previous == 0x61, shape == 0x41 { take(Self.camelCase) }
            if previous == 0x0A, shape == 0x20 { take(Self.indentation) }
            previous = shape
            guard table.kind(scalar) != ScalarKind.separator.rawValue, shape != 0x30 else {
                if length > 1 { Self.grams(history << 16 | space, min(length + 1, 4), from: 2, take) }
                (history, length) = (space, 1)
                continue
            }
            letter(scalar)
            history = history << 16 | UInt64(table.lowercased(scalar) & 0xFFFF)
            length = min(length + 1, 4)
            Self.grams(history, scalar >= 0x2E80 ? min(length, 2) : length, from: 1, take)
            if Self.ideographs.contains(scalar) { take(ideographClass(scalar)) }
        }
        if length > 1 { Self.grams(history << 16 | space, min(length + 1, 4), from: 2, take) }
    }

    private func ideographClass(_ scalar: UInt32) -> Int {
        let index = Int(scalar - Self.ideographs.lowerBound)
        guard index / 2 < ideographClasses.count else { return 0 }
        return Int(ideographClasses[index / 2] >> UInt8(index % 2 * 4) & 7)
    }

    /// Takes the last `from` … `longest` scalars of a history.
    @inline(__always)
    private static func grams(_ history: UInt64, _ longest: Int, from: Int, _ take: (Int) -> Void) {
        for count in from...max(from, longest) {
            let gram = count == 4 ? history : history & (UInt64(1) << UInt64(16 * count) - 1)
            take(bucket(gram, UInt64(count)))
        }
    }

    @inline(__always)
    private static func bucket(_ gram: UInt64, _ kind: UInt64) -> Int {
        let hash = mixed(gram &+ kind &* 0x9E37_79B9_7F4A_7C15)
        return firstHashed + Int(((hash >> 32) &* UInt64(bucketCount - firstHashed)) >> 32)
    }

    /// What a scalar looks like to a reader of code: an ASCII symbol is itself, letters and digits are a, A and 0.
    @inline(__always)
    private static func shape(_ scalar: UInt32) -> UInt64 {
        switch scalar {
        case 0x61...0x7A: 0x61
        case 0x41...0x5A: 0x41
        case 0x30...0x39: 0x30
        case 0x09, 0x20: 0x20
        case 0x00...0x7F: UInt64(scalar)
        default: 0x80
        }
    }

    @inline(__always)
    private static func isSymbol(_ shape: UInt64) -> Bool {
        switch shape {
        case 0x20, 0x61, 0x41, 0x30, 0x80: false
        default: true
        }
    }
}
