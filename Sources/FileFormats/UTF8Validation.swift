/// UTF-8 checked and decoded scalar by scalar.
package enum UTF8Validation {
    /// One scalar, or one ill-formed piece, at the beginning of a range.
    package struct Step {
        /// The scalar value; 0xFFFF_FFFF for an ill-formed piece.
        package let scalar: UInt32
        /// The number of bytes, at least 1.
        package let count: Int

        /// True for an ill-formed piece.
        @inlinable package var isInvalid: Bool { scalar == 0xFFFF_FFFF }

        @inlinable package init(scalar: UInt32, count: Int) {
            self.scalar = scalar
            self.count = count
        }
    }

    /// Decodes the scalar at `position`.
    ///
    /// An ill-formed piece is a maximal subpart as the Unicode standard defines it, the unit that decoders replace
    /// by one U+FFFD.
    ///
    /// - Parameters:
    ///   - bytes: The text.
    ///   - position: An index below `end`.
    ///   - end: Where the text ends.
    /// - Returns: The scalar and its length.
    @inlinable
    package static func decode(_ bytes: UnsafePointer<UInt8>, at position: Int, end: Int) -> Step {
        let first = bytes[position]
        if first < 0x80 { return Step(scalar: UInt32(first), count: 1) }
        guard first >= 0xC2, first <= 0xF4 else { return Step(scalar: 0xFFFF_FFFF, count: 1) }
        let needed = first < 0xE0 ? 1 : (first < 0xF0 ? 2 : 3)
        var low: UInt8 = 0x80
        var high: UInt8 = 0xBF
        switch first {
        case 0xE0: low = 0xA0
        case 0xED: high = 0x9F
        case 0xF0: low = 0x90
        case 0xF4: high = 0x8F
        default: break
        }
        var scalar = UInt32(first) & (needed == 1 ? 0x1F : (needed == 2 ? 0x0F : 0x07))
        var index = 1
        while index <= needed {
            guard position + index < end else { return Step(scalar: 0xFFFF_FFFF, count: index) }
            let byte = bytes[position + index]
            guard byte >= low, byte <= high else { return Step(scalar: 0xFFFF_FFFF, count: index) }
            low = 0x80
            high = 0xBF
            scalar = scalar << 6 | UInt32(byte & 0x3F)
            index += 1
        }
        return Step(scalar: scalar, count: needed + 1)
    }

    /// The offset of the first byte that is not part of well-formed UTF-8.
    ///
    /// - Parameter bytes: The text.
    /// - Returns: nil when all of it is well-formed.
    package static func firstInvalidByte(in bytes: UnsafeRawBufferPointer) -> Int? {
        guard let base = bytes.baseAddress?.assumingMemoryBound(to: UInt8.self) else { return nil }
        var position = 0
        while position < bytes.count {
            if base[position] < 0x80 {
                position += 1
                continue
            }
            let step = decode(base, at: position, end: bytes.count)
            if step.isInvalid { return position }
            position += step.count
        }
        return nil
    }
}
