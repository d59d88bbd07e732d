import Foundation

/// Estimates how alike texts are from short signatures: MinHash (Broder 1997) by one-permutation hashing.
///
/// Every shingle is hashed once; the hash chooses one of `permutations` bins and a value, and each bin keeps its
/// smallest value (Li, Owen and Zhang 2012). An empty bin takes the value of a bin that is drawn for it by hashing,
/// again until a filled one is found (optimal densification; Shrivastava 2017), so the share of equal slots is an
/// unbiased estimate of the Jaccard similarity also for short texts. A slot keeps 16 bits (b-bit minwise hashing;
/// Li and König 2010); two different minima agree by chance once in 65,536.
public struct MinHasher: Sendable, Hashable {
    /// The number of slots in a signature.
    public let permutations: Int
    /// How texts are cut.
    public let shingling: Shingling
    /// Another seed gives unrelated signatures.
    public let seed: UInt64

    /// Creates a maker of signatures.
    ///
    /// Traps when `permutations` is not a multiple of 16 in 16 … 1024.
    ///
    /// - Parameters:
    ///   - permutations: The number of slots; the standard error of an estimate is about its inverse square root
    ///     times √(J(1 − J)).
    ///   - shingling: How texts are cut.
    ///   - seed: Any number.
    public init(permutations: Int = 128, shingling: Shingling = Shingling(), seed: UInt64 = 0) {
        guard (16...1024).contains(permutations), permutations % 16 == 0 else {
            fatalError("MinHasher: \(permutations) permutations; a multiple of 16 in 16 … 1024 is needed")
        }
        (self.permutations, self.shingling, self.seed) = (permutations, shingling, seed)
    }

    /// The signature of a text.
    ///
    /// - Parameter text: Any text.
    /// - Returns: The signature; an empty one, similar to nothing, for a text without letters and digits.
    public func signature(of text: String) -> MinHashSignature {
        signature(ofHashes: shingling.hashes(of: text))
    }

    /// The signature of a set.
    ///
    /// - Parameter hashes: 64-bit hashes of its members; repeated members do not count twice.
    /// - Returns: The signature; an empty one, similar to nothing, for the empty set.
    public func signature(ofHashes hashes: [UInt64]) -> MinHashSignature {
        guard !hashes.isEmpty else { return MinHashSignature(slots: []) }
        let bins = UInt64(permutations)
        let start = mixed(seed &+ 0x9E37_79B9_7F4A_7C15)
        // The low half of a hash is the value; an empty bin holds more than any value.
        var minima = [UInt64](repeating: UInt64.max, count: permutations)
        minima.withUnsafeMutableBufferPointer { minima in
            for hash in hashes {
                let spread = mixed(hash ^ start)
                let bin = Int(truncatingIfNeeded: ((spread >> 32) &* bins) >> 32)
                minima[bin] = min(minima[bin], spread & 0xFFFF_FFFF)
            }
        }
        var slots = [UInt16](repeating: 0, count: permutations)
        for bin in 0..<permutations {
            var source = bin
            var attempt: UInt64 = 0
            while minima[source] == UInt64.max {
                attempt &+= 1
                let draw = mixed(start ^ mixed(UInt64(bin) &<< 32 | attempt))
                source = Int(truncatingIfNeeded: ((draw >> 32) &* bins) >> 32)
            }
            slots[bin] = UInt16(truncatingIfNeeded: mixed(minima[source] &+ start) >> 48)
        }
        return MinHashSignature(slots: slots)
    }
}

/// The signature of a text: what MinHash keeps of it.
public struct MinHashSignature: Sendable, Hashable {
    /// One value for each permutation; none for a text without shingles.
    public let slots: [UInt16]

    /// A signature from its slots, as read from a file.
    ///
    /// - Parameter slots: The values.
    public init(slots: [UInt16]) { self.slots = slots }

    /// The estimated Jaccard similarity of two texts' sets of shingles.
    ///
    /// Traps when the signatures have different lengths.
    ///
    /// - Parameter other: A signature by the same hasher.
    /// - Returns: The share of equal slots; 0 where one of the texts has no shingles.
    public func similarity(to other: MinHashSignature) -> Double {
        if slots.isEmpty || other.slots.isEmpty { return 0 }
        return slots.withUnsafeBufferPointer { left in
            other.slots.withUnsafeBufferPointer { MinHashSignature.similarity(left, $0) }
        }
    }

    /// The share of equal slots of two signatures that lie in memory.
    package static func similarity(
        _ left: UnsafeBufferPointer<UInt16>,
        _ right: UnsafeBufferPointer<UInt16>
    ) -> Double {
        guard left.count == right.count, left.count % 16 == 0 else {
            fatalError("MinHashSignature: \(left.count) and \(right.count) slots cannot be compared")
        }
        var equal = SIMD16<UInt16>(repeating: 0)
        let (a, b) = (UnsafeRawBufferPointer(left), UnsafeRawBufferPointer(right))
        for offset in stride(from: 0, to: a.count, by: 32) {
            let one = a.loadUnaligned(fromByteOffset: offset, as: SIMD16<UInt16>.self)
            let two = b.loadUnaligned(fromByteOffset: offset, as: SIMD16<UInt16>.self)
            equal &+= SIMD16<UInt16>(repeating: 0).replacing(with: 1, where: one .== two)
        }
        return Double(equal.wrappedSum()) / Double(left.count)
    }
}

/// How a signature is cut into bands for locality-sensitive hashing (Indyk and Motwani 1998; Leskovec, Rajaraman
/// and Ullman, Mining of Massive Datasets, chapter 3): texts that agree in all rows of some band are candidates.
public struct LSHBands: Sendable, Hashable {
    /// The number of bands.
    public let bands: Int
    /// The number of slots in a band.
    public let rows: Int

    /// Bands of a given shape.
    ///
    /// Traps unless both are positive.
    ///
    /// - Parameters:
    ///   - bands: The number of bands.
    ///   - rows: The number of slots in a band.
    public init(bands: Int, rows: Int) {
        guard bands > 0, rows > 0 else { fatalError("LSHBands: \(bands) bands of \(rows) rows") }
        (self.bands, self.rows) = (bands, rows)
    }

    /// The shape with the least weighted error around a threshold.
    ///
    /// The error is the integral of the probability of becoming a candidate below the threshold, and of not becoming
    /// one above it. Traps unless 0 < threshold < 1 and there is a permutation.
    ///
    /// - Parameters:
    ///   - threshold: The Jaccard similarity from which texts count as near-duplicates.
    ///   - permutations: The number of slots in a signature.
    ///   - missWeight: The weight of missed pairs, in 0 … 1. Candidates that are verified cost time only, so that
    ///     misses should weigh more.
    public init(threshold: Double, permutations: Int, missWeight: Double = 0.985) {
        guard threshold > 0, threshold < 1, permutations > 0 else {
            fatalError("LSHBands: threshold \(threshold), \(permutations) permutations")
        }
        var best = (bands: 1, rows: permutations, error: Double.infinity)
        for bands in 1...permutations {
            for rows in 1...(permutations / bands) {
                let shape = LSHBands(bands: bands, rows: rows)
                let wrong = Self.integral(0, threshold) { shape.probability(similarity: $0) }
                let missed = Self.integral(threshold, 1) { 1 - shape.probability(similarity: $0) }
                let error = (1 - missWeight) * wrong + missWeight * missed
                if error < best.error { best = (bands, rows, error) }
            }
        }
        self.init(bands: best.bands, rows: best.rows)
    }

    /// The probability that texts of a similarity become candidates.
    ///
    /// - Parameter similarity: Their Jaccard similarity.
    /// - Returns: 1 − (1 − Jʳ)ᵇ.
    public func probability(similarity: Double) -> Double {
        1 - pow(1 - pow(similarity, Double(rows)), Double(bands))
    }

    /// The number of slots that makes estimates around a threshold good and bands sharp.
    ///
    /// - Parameter threshold: The Jaccard similarity from which texts count as near-duplicates.
    /// - Returns: The least of 128, 192 and 256 with which pairs at the threshold become candidates with
    ///   probability 0.95 or more, and pairs at half the threshold with 0.15 or less.
    public static func permutations(threshold: Double) -> Int {
        let choices = [128, 192, 256]
        return choices.first { count in
            let shape = LSHBands(threshold: threshold, permutations: count)
            return shape.probability(similarity: threshold) >= 0.95
                && shape.probability(similarity: threshold / 2) <= 0.15
        } ?? 256
    }

    /// The keys of a signature's bands: texts with a key in common are candidates.
    ///
    /// - Parameter slots: The slots of a signature.
    /// - Returns: One key for each band; bands have no keys in common but by chance.
    package func keys(_ slots: UnsafeBufferPointer<UInt16>) -> [UInt64] {
        guard bands * rows <= slots.count else {
            fatalError("LSHBands: \(bands) bands of \(rows) rows in \(slots.count) slots")
        }
        return (0..<bands).map { band in
            var key = mixed(UInt64(band) &+ 0x9E37_79B9_7F4A_7C15)
            for slot in slots[(band * rows)..<((band + 1) * rows)] {
                key = (key ^ UInt64(slot)) &* 0x9FB2_1C65_1E98_DF25
                key ^= key >> 32
            }
            return mixed(key)
        }
    }

    /// Simpson's rule over 64 intervals.
    private static func integral(_ from: Double, _ to: Double, _ function: (Double) -> Double) -> Double {
        let intervals = 64
        let step = (to - from) / Double(intervals)
        var sum = function(from) + function(to)
        for index in 1..<intervals {
            sum += function(from + Double(index) * step) * (index % 2 == 1 ? 4 : 2)
        }
        return sum * step / 3
    }
}
