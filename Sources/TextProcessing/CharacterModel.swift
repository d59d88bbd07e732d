import Foundation

/// What is wrong with a stored model of characters.
public struct CharacterModelError: Error, Equatable, CustomStringConvertible {
    /// The file; nil for bytes in memory.
    public let path: String?
    /// What is wrong and what would be right.
    public let message: String
    /// Path and message.
    public var description: String { (path.map { "\($0): " } ?? "") + message }
}

/// A small language model over characters, to tell usual text from unusual: interpolated Witten–Bell smoothing
/// (Witten and Bell 1991; Chen and Goodman 1998, method of section 2.5).
///
/// Case does not count, every run of white space is one space and every digit a 0. Below the shortest context stands
/// the even distribution over the characters of the reference text and one more for all others, so probabilities add
/// up to 1. Keys are hashes of 64 bits; 12 bytes are kept for each n-gram and context, about 16 while in use.
public struct CharacterModel: Sendable {
    /// The number of characters in the longest n-gram.
    public let order: Int
    /// The number of different characters in the reference text.
    public let characterCount: Int
    /// The number of n-grams and contexts.
    public var entryCount: Int { keys.count }
    /// Keys in ascending order, and for each the share that an n-gram has of its context's counts (discounted), or
    /// the weight that a context leaves to shorter ones.
    private let keys: [UInt64]
    private let values: [Float]
    /// Open addressing: place of a key, and 0xFFFF_FFFF for none.
    private let table: [UInt32]
    private let mask: Int

    fileprivate init(order: Int, characterCount: Int, keys: [UInt64], values: [Float]) {
        (self.order, self.characterCount, self.keys, self.values) = (order, characterCount, keys, values)
        var size = 16
        while size < keys.count * 2 { size *= 2 }
        var table = [UInt32](repeating: UInt32.max, count: size)
        for (place, key) in keys.enumerated() {
            var slot = Int(truncatingIfNeeded: key) & (size - 1)
            while table[slot] != UInt32.max { slot = (slot + 1) & (size - 1) }
            table[slot] = UInt32(place)
        }
        (self.table, mask) = (table, size - 1)
    }

    @inline(__always)
    private func value(_ key: UInt64) -> Float? {
        var slot = Int(truncatingIfNeeded: key) & mask
        while table[slot] != UInt32.max {
            let place = Int(table[slot])
            if keys[place] == key { return values[place] }
            slot = (slot + 1) & mask
        }
        return nil
    }

    /// The perplexity of a text for each character.
    ///
    /// - Parameter text: Any text.
    /// - Returns: e to the mean negative log-likelihood of its characters; 1 for a text without any.
    public func perplexity(of text: String) -> Double {
        var (nats, count) = (0.0, 0)
        CharacterStream.walk(text, order: order) { contexts, scalar in
            nats -= log(probability(of: scalar, after: contexts))
            count += 1
        }
        return count == 0 ? 1 : exp(nats / Double(count))
    }

    /// The probability of a character after the characters of a text.
    ///
    /// - Parameters:
    ///   - scalar: The character; no space where the text is empty or ends with one.
    ///   - text: What stands before it; its beginning counts as such.
    /// - Returns: A probability above 0.
    public func probability(of scalar: Unicode.Scalar, after text: String) -> Double {
        var last = 0.0
        CharacterStream.walk(text + String(Character(scalar)), order: order) { contexts, scalar in
            last = probability(of: scalar, after: contexts)
        }
        return last
    }

    @inline(__always)
    private func probability(of scalar: UInt32, after contexts: UnsafeBufferPointer<UInt64>) -> Double {
        var probability = 1 / Double(characterCount + 1)
        for context in contexts {
            guard let backoff = value(context) else { break }
            let own = value(CharacterStream.key(context, scalar)) ?? 0
            probability = Double(own) + Double(backoff) * probability
        }
        return probability
    }
}

/// Cuts text into the characters that a model counts.
private enum CharacterStream {
    static let maximumOrder = 8

    /// Calls `body` for each character with the keys of its contexts, from none to `order` − 1 characters.
    static func walk(_ text: String, order: Int, _ body: (UnsafeBufferPointer<UInt64>, UInt32) -> Void) {
        let table = ScalarTable.shared
        var text = text
        text.withUTF8 { bytes in
            withUnsafeTemporaryAllocation(of: UInt32.self, capacity: order) { history in
                withUnsafeTemporaryAllocation(of: UInt64.self, capacity: order) { contexts in
                    history.initialize(repeating: 0x20)
                    var (offset, isSpace) = (0, true)
                    while offset < bytes.count {
                        let scalar = folded(nextScalar(bytes, &offset), table)
                        if scalar == 0x20, isSpace { continue }
                        isSpace = scalar == 0x20
                        contexts[0] = start
                        for length in 1..<max(order, 1) {
                            contexts[length] = extend(contexts[length - 1], history[length - 1])
                        }
                        body(UnsafeBufferPointer(contexts), scalar)
                        for place in stride(from: order - 1, to: 0, by: -1) {
                            history[place] = history[place - 1]
                        }
                        history[0] = scalar
                    }
                }
            }
        }
    }

    static let start: UInt64 = 0x9E37_79B9_7F4A_7C15

    /// The key of a context that reaches one character further back.
    @inline(__always)
    static func extend(_ context: UInt64, _ scalar: UInt32) -> UInt64 {
        mixed(context &+ (UInt64(scalar) + 1) &* 0x9FB2_1C65_1E98_DF25)
    }

    /// The key of a context with the character after it.
    @inline(__always)
    static func key(_ context: UInt64, _ scalar: UInt32) -> UInt64 {
        mixed(context ^ (UInt64(scalar) + 1) &* 0xD6E8_FEB8_6659_FD93)
    }

    @inline(__always)
    private static func folded(_ scalar: UInt32, _ table: ScalarTable) -> UInt32 {
        switch scalar {
        case 0x30...0x39: 0x30
        case 0...0x20, 0x85, 0xA0, 0x2000...0x200A, 0x2028, 0x2029, 0x3000: 0x20
        default: table.lowercased(scalar)
        }
    }
}

/// Counts a reference text for a model of characters.
public struct CharacterModelTrainer {
    private struct Gram: Hashable {
        var context: UInt64
        var scalar: UInt32
    }

    private let order: Int
    private let maximumGrams: Int
    private var counts: [Gram: UInt32] = [:]
    private var characters: Set<UInt32> = []
    private var pruned: UInt32 = 0

    /// A trainer that has seen nothing.
    ///
    /// Traps when `order` is not in 1 … 8 or fewer than 1,000 n-grams are allowed.
    ///
    /// - Parameters:
    ///   - order: The number of characters in the longest n-gram.
    ///   - maximumGrams: The most n-grams held; when there are more, the rarest are forgotten (lossy counting;
    ///     Manku and Motwani 2002).
    public init(order: Int = 5, maximumGrams: Int = 2_000_000) {
        guard (1...CharacterStream.maximumOrder).contains(order), maximumGrams >= 1000 else {
            fatalError("CharacterModelTrainer: order \(order) or \(maximumGrams) n-grams are out of range")
        }
        (self.order, self.maximumGrams) = (order, maximumGrams)
    }

    /// Counts a text.
    ///
    /// - Parameter text: A text of the kind that should count as usual.
    public mutating func add(_ text: String) {
        CharacterStream.walk(text, order: order) { contexts, scalar in
            characters.insert(scalar)
            for context in contexts { counts[Gram(context: context, scalar: scalar), default: 0] += 1 }
        }
        while counts.count > maximumGrams {
            pruned += 1
            let limit = pruned
            counts = counts.filter { $0.value > limit }
        }
    }

    /// The model of everything counted so far.
    ///
    /// - Returns: The model.
    public func finish() -> CharacterModel {
        var contexts: [UInt64: (total: UInt64, different: UInt64)] = [:]
        for (gram, count) in counts {
            let context = contexts[gram.context] ?? (0, 0)
            contexts[gram.context] = (context.total + UInt64(count), context.different + 1)
        }
        var entries: [(key: UInt64, value: Float)] = []
        entries.reserveCapacity(counts.count + contexts.count)
        for (context, sums) in contexts {
            entries.append((context, Float(Double(sums.different) / Double(sums.total + sums.different))))
        }
        for (gram, count) in counts {
            guard let sums = contexts[gram.context] else { continue }
            let share = Float(Double(count) / Double(sums.total + sums.different))
            entries.append((CharacterStream.key(gram.context, gram.scalar), share))
        }
        entries.sort { $0.key < $1.key }
        return CharacterModel(
            order: order,
            characterCount: characters.count,
            keys: entries.map(\.key),
            values: entries.map(\.value)
        )
    }
}

// MARK: - Storage

extension CharacterModel {
    private static let magic = Array("YLCHAR1\n".utf8)
    private static let headerBytes = 48

    /// The model as bytes: a mark, the sizes, a fingerprint of what follows, keys and values.
    ///
    /// - Returns: 48 bytes and 12 for each entry.
    public func serialized() -> [UInt8] {
        var body: [UInt8] = []
        body.reserveCapacity(12 * keys.count)
        for key in keys { withUnsafeBytes(of: key.littleEndian) { body += $0 } }
        for value in values { withUnsafeBytes(of: value.bitPattern.littleEndian) { body += $0 } }
        let fingerprint = body.withUnsafeBytes { TextFingerprint(bytes: $0) }
        var bytes = Self.magic
        for number in [
            UInt64(order), UInt64(characterCount), UInt64(keys.count), fingerprint.high, fingerprint.low,
        ] {
            withUnsafeBytes(of: number.littleEndian) { bytes += $0 }
        }
        return bytes + body
    }

    /// Reads a model.
    ///
    /// - Parameter bytes: What ``serialized()`` gave.
    /// - Throws: `CharacterModelError` when the bytes are something else, cut short or damaged.
    public init(bytes: [UInt8]) throws(CharacterModelError) {
        func fail(_ message: String) -> CharacterModelError {
            CharacterModelError(path: nil, message: message)
        }
        guard bytes.count >= Self.headerBytes, Array(bytes[..<8]) == Self.magic else {
            throw fail("the bytes do not begin as a model of characters")
        }
        func number(_ offset: Int) -> UInt64 {
            bytes.withUnsafeBytes {
                UInt64(littleEndian: $0.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
            }
        }
        let (order, characters, count) = (number(8), number(16), number(24))
        guard (1...UInt64(CharacterStream.maximumOrder)).contains(order), characters <= 0x110000,
            count < UInt64(UInt32.max), bytes.count == Self.headerBytes + 12 * Int(count)
        else {
            throw fail("\(bytes.count) bytes do not hold \(count) entries of order \(order)")
        }
        let fingerprint = bytes.withUnsafeBytes {
            TextFingerprint(bytes: UnsafeRawBufferPointer(rebasing: $0[Self.headerBytes...]))
        }
        guard fingerprint == TextFingerprint(high: number(32), low: number(40)) else {
            throw fail("the content is damaged: its fingerprint is wrong")
        }
        let keys = (0..<Int(count)).map { number(Self.headerBytes + 8 * $0) }
        let values = bytes.withUnsafeBytes { raw in
            (0..<Int(count)).map { index in
                let place = Self.headerBytes + 8 * Int(count) + 4 * index
                return Float(
                    bitPattern: UInt32(
                        littleEndian: raw.loadUnaligned(fromByteOffset: place, as: UInt32.self)
                    )
                )
            }
        }
        guard values.allSatisfy({ $0 >= 0 && $0 <= 1 }) else { throw fail("a share is not in 0 … 1") }
        self.init(order: Int(order), characterCount: Int(characters), keys: keys, values: values)
    }

    /// Writes the model so that a crash leaves the old file or the new one.
    ///
    /// - Parameter path: The file.
    /// - Throws: `CharacterModelError` when the disk refuses.
    public func save(to path: String) throws(CharacterModelError) {
        do {
            try Data(serialized()).write(to: URL(fileURLWithPath: path), options: .atomic)
        } catch {
            throw CharacterModelError(path: path, message: "cannot write: \(error.localizedDescription)")
        }
    }

    /// Reads a model from a file.
    ///
    /// - Parameter path: The file.
    /// - Throws: `CharacterModelError` when it cannot be read or is no such model.
    public init(contentsOf path: String) throws(CharacterModelError) {
        let data: Data
        do {
            data = try Data(contentsOf: URL(fileURLWithPath: path))
        } catch {
            throw CharacterModelError(path: path, message: "cannot read: \(error.localizedDescription)")
        }
        do throws(CharacterModelError) {
            try self.init(bytes: [UInt8](data))
        } catch {
            throw CharacterModelError(path: path, message: error.message)
        }
    }
}
