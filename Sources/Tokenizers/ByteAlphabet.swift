/// GPT-2's printable stand-ins for bytes: tokenizer files spell byte tokens with them ("Ġ" is the space).
public enum ByteAlphabet {
    /// The stand-in of every byte: itself for printable Latin-1, else U+0100 and up in order.
    public static let scalars: [Unicode.Scalar] = {
        var next: UInt32 = 256
        return (0..<256).map { byte in
            let value = UInt32(byte)
            if isPrintable(value) { return Unicode.Scalar(UInt8(byte)) }
            defer { next += 1 }
            return Unicode.Scalar(next) ?? "?"
        }
    }()

    private static let bytes: [Int16] = {
        var table = [Int16](repeating: -1, count: 324)
        for (byte, scalar) in scalars.enumerated() { table[Int(scalar.value)] = Int16(byte) }
        return table
    }()

    private static func isPrintable(_ value: UInt32) -> Bool {
        (33...126).contains(value) || (161...172).contains(value) || (174...255).contains(value)
    }

    /// The byte a scalar stands for.
    ///
    /// - Parameter scalar: Any scalar.
    /// - Returns: nil when it stands for none.
    public static func byte(for scalar: Unicode.Scalar) -> UInt8? {
        guard scalar.value < 324, bytes[Int(scalar.value)] >= 0 else { return nil }
        return UInt8(bytes[Int(scalar.value)])
    }

    /// Spells bytes with their stand-ins.
    ///
    /// - Parameter bytes: Any bytes.
    /// - Returns: One scalar per byte.
    public static func spell(_ bytes: some Sequence<UInt8>) -> String {
        var text = String.UnicodeScalarView()
        for byte in bytes { text.append(scalars[Int(byte)]) }
        return String(text)
    }

    /// The bytes that a spelling stands for.
    ///
    /// - Parameter text: A spelling.
    /// - Returns: nil when a scalar is no stand-in.
    public static func bytes(of text: String) -> [UInt8]? {
        var result: [UInt8] = []
        result.reserveCapacity(text.utf8.count)
        for scalar in text.unicodeScalars {
            guard let byte = byte(for: scalar) else { return nil }
            result.append(byte)
        }
        return result
    }
}
