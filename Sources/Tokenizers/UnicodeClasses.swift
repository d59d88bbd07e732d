import YuyanFileFormats

/// The class of a scalar, as far as splitting rules care.
@usableFromInline
enum ScalarClass {
    @usableFromInline static let other: UInt8 = 0
    @usableFromInline static let uppercase: UInt8 = 1
    @usableFromInline static let titlecase: UInt8 = 2
    @usableFromInline static let lowercase: UInt8 = 3
    @usableFromInline static let modifier: UInt8 = 4
    @usableFromInline static let otherLetter: UInt8 = 5
    @usableFromInline static let mark: UInt8 = 6
    @usableFromInline static let number: UInt8 = 7
    @usableFromInline static let whitespace: UInt8 = 8
}

/// The classes of all scalars in one flat table, unpacked once.
enum UnicodeClasses {
    /// Class by scalar value, 0x110000 entries, never changed after this line.
    nonisolated(unsafe) static let table: UnsafePointer<UInt8> = {
        let table = UnsafeMutablePointer<UInt8>.allocate(capacity: 0x110000)
        var scalar = 0
        var current: UInt8 = 0
        var length = 0
        var begun = false
        func endRun() {
            guard begun else { return }
            let count = max(length, 1)
            (table + scalar).initialize(repeating: current, count: count)
            scalar += count
        }
        runs.withUTF8Buffer { text in
            for byte in text {
                if byte >= UInt8(ascii: "a") {
                    endRun()
                    begun = true
                    current = byte - UInt8(ascii: "a")
                    length = 0
                } else {
                    let digit =
                        byte >= UInt8(ascii: "A") ? byte - UInt8(ascii: "A") + 10 : byte - UInt8(ascii: "0")
                    length = length * 32 + Int(digit)
                }
            }
        }
        endRun()
        guard scalar == 0x110000 else { fatalError("UnicodeClasses: the table ends at \(scalar)") }
        return UnsafePointer(table)
    }()
}

/// Text under a scanner: bytes, their end, and the class table.
struct ScannedText {
    let bytes: UnsafePointer<UInt8>
    let end: Int
    private let classes: UnsafePointer<UInt8>

    init(_ bytes: UnsafePointer<UInt8>, end: Int) {
        self.bytes = bytes
        self.end = end
        classes = UnicodeClasses.table
    }

    /// The class and length of the scalar at a position before the end; ill-formed bytes count as `other`.
    @inline(__always)
    func scalar(at position: Int) -> (kind: UInt8, count: Int) {
        let byte = bytes[position]
        if byte < 0x80 { return (classes[Int(byte)], 1) }
        return wideScalar(at: position)
    }

    private func wideScalar(at position: Int) -> (kind: UInt8, count: Int) {
        // Three bytes whose second may be any continuation: most of what is written in no alphabet.
        if bytes[position] &- 0xE1 <= 0x0B, position + 2 < end {
            let (second, third) = (bytes[position + 1], bytes[position + 2])
            if second & 0xC0 == 0x80, third & 0xC0 == 0x80 {
                let high = Int(bytes[position] & 0x0F) << 12
                return (classes[high | Int(second & 0x3F) << 6 | Int(third & 0x3F)], 3)
            }
        }
        let step = UTF8Validation.decode(bytes, at: position, end: end)
        return step.isInvalid ? (ScalarClass.other, step.count) : (classes[Int(step.scalar)], step.count)
    }

    /// Where the run of spaces that reaches to `start` ends.
    @inline(__always)
    func endOfSpaces(from start: Int) -> Int {
        var position = start
        while position + 8 <= end {
            let run = ByteLanes.run(ByteLanes.spaces(ByteLanes.load(bytes + position)))
            position += run
            if run < 8 { return position }
        }
        while position < end, bytes[position] == 0x20 { position += 1 }
        return position
    }

    /// Where the run of scalars whose class is in `set` ends.
    @inline(__always)
    func endOfRun(_ set: ClassSet, from start: Int) -> Int {
        var position = start
        while position < end {
            let (kind, count) = scalar(at: position)
            guard set.contains(kind) else { break }
            position += count
        }
        return position
    }
}

/// A set of scalar classes.
struct ClassSet {
    private let bits: UInt16

    init(_ kinds: UInt8...) { bits = kinds.reduce(0) { $0 | 1 << UInt16($1) } }
    private init(bits: UInt16) { self.bits = bits }

    @inline(__always)
    func contains(_ kind: UInt8) -> Bool { bits >> UInt16(kind) & 1 != 0 }

    /// The set `\p{L}`.
    static let letters = ClassSet(bits: 0b0_0011_1110)
    /// The set `\p{N}`.
    static let numbers = ClassSet(bits: 0b0_1000_0000)
    /// The set `\s`.
    static let whitespace = ClassSet(bits: 0b1_0000_0000)
    /// The set `[^\s\p{L}\p{N}]`.
    static let symbols = ClassSet(bits: 0b0_0100_0001)
    /// The set `[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]`.
    static let upperish = ClassSet(bits: 0b0_0111_0110)
    /// The set `[\p{Ll}\p{Lm}\p{Lo}\p{M}]`.
    static let lowerish = ClassSet(bits: 0b0_0111_1000)
}
