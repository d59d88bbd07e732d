import YuyanFileFormats

/// Rules that replace strings by others, in SentencePiece's precompiled form: the size of a double array, the double array
/// (of the library darts-clone), and the replacements, each ended by a zero byte, that its values point to.
public struct PrecompiledCharsmap: Sendable, Hashable {
    /// The longest replacement accepted, in bytes; Unicode's own needs 33.
    public static let longestReplacement = 1024
    /// The longest string that is looked for, in bytes.
    public static let longestMatch = 256

    /// The rules as they stand in files.
    public let blob: [UInt8]
    private let units: [UInt32]
    private let replacements: [UInt8]

    /// Reads rules.
    ///
    /// - Parameters:
    ///   - blob: The rules as they stand in files.
    ///   - path: The file they come from, for errors.
    /// - Throws: `FileFormatError` when the sizes contradict each other or a replacement is too long.
    public init(_ blob: [UInt8], path: String? = nil) throws(FileFormatError) {
        func wrong(_ code: FileFormatError.Code, _ message: String) -> FileFormatError {
            FileFormatError(code, path: path, at: .key("precompiled_charsmap"), message)
        }
        guard blob.count > 4 else { throw wrong(.truncated, "\(blob.count) bytes; the size alone takes 4") }
        let size = Int(Self.littleEndian(blob, 0))
        guard size >= 4, size < blob.count - 4, size % 4 == 0 else {
            throw wrong(
                .malformed,
                "an array of \(size) bytes; a multiple of 4, at least 4 and less than \(blob.count - 4) is right"
            )
        }
        self.blob = blob
        units = (1...size / 4).map { Self.littleEndian(blob, 4 * $0) }
        replacements = Array(blob[(4 + size)...])
        var length = 0
        for byte in replacements {
            length = byte == 0 ? 0 : length + 1
            if length > Self.longestReplacement {
                throw wrong(.limitExceeded, "a replacement longer than \(Self.longestReplacement) bytes")
            }
        }
    }

    private static func littleEndian(_ bytes: [UInt8], _ offset: Int) -> UInt32 {
        var value: UInt32 = 0
        for index in 0..<4 { value |= UInt32(bytes[offset + index]) << UInt32(8 * index) }
        return value
    }

    /// What walks of the double array need, without the checks of arrays.
    struct Walk {
        let units: UnsafeBufferPointer<UInt32>
        let replacements: UnsafeBufferPointer<UInt8>

        /// The place that the children of a place are counted from.
        private func children(_ place: Int) -> Int {
            let unit = units[place]
            return place ^ Int((unit >> 10) << ((unit & 0x200) >> 6))
        }

        /// The place after a byte; nil when no rule goes on so.
        func step(_ place: Int, _ byte: UInt8) -> Int? {
            let next = children(place) ^ Int(byte)
            guard next < units.count, units[next] & 0x8000_00FF == UInt32(byte) else { return nil }
            return next
        }

        /// Whether anything follows a place.
        func hasChild(_ place: Int, in bytes: ClosedRange<UInt8>) -> Bool {
            bytes.contains { $0 != 0 && step(place, $0) != nil }
        }

        /// The replacement of the string that ends at a place.
        func replacement(_ place: Int) -> Range<Int>? {
            guard units[place] & 0x100 != 0 else { return nil }
            let leaf = children(place)
            guard leaf < units.count else { return nil }
            let start = Int(units[leaf] & 0x7FFF_FFFF)
            guard start < replacements.count else { return nil }
            var end = start
            while end < replacements.count, replacements[end] != 0 { end += 1 }
            return start..<end
        }

        /// The longest (or the shortest) string with a rule that begins at `start`.
        func match(
            _ bytes: UnsafePointer<UInt8>,
            _ start: Int,
            _ end: Int,
            shortest: Bool = false
        ) -> (end: Int, replacement: Range<Int>)? {
            var place = 0
            var position = start
            let limit = min(end, start + PrecompiledCharsmap.longestMatch)
            var found: (Int, Range<Int>)?
            while position < limit, let next = step(place, bytes[position]) {
                place = next
                position += 1
                if let replacement = replacement(place) {
                    found = (position, replacement)
                    if shortest { return found }
                }
            }
            return found
        }
    }

    func withWalk<Result>(_ body: (Walk) -> Result) -> Result {
        units.withUnsafeBufferPointer { units in
            replacements.withUnsafeBufferPointer { body(Walk(units: units, replacements: $0)) }
        }
    }

    /// The replacement of a string by Hugging Face's rule: that of the *shortest* beginning with one, for the whole string.
    ///
    /// - Parameter bytes: The string.
    /// - Returns: nil when no rule begins so.
    package func replacementOfShortestMatch(_ bytes: UnsafeBufferPointer<UInt8>) -> ArraySlice<UInt8>? {
        guard let base = bytes.baseAddress else { return nil }
        return withWalk { $0.match(base, 0, bytes.count, shortest: true) }.map {
            replacements[$0.replacement]
        }
    }

    /// Two sets of rules are equal when their files are.
    ///
    /// - Parameters:
    ///   - left: Rules.
    ///   - right: Rules.
    /// - Returns: Whether they are equal.
    public static func == (left: Self, right: Self) -> Bool { left.blob == right.blob }

    /// Hashes the file.
    ///
    /// - Parameter hasher: The hasher.
    public func hash(into hasher: inout Hasher) { hasher.combine(blob) }
}
