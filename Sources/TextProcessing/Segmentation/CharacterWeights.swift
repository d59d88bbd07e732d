/// The weights of a model of word boundaries: four small numbers for each feature, found by open addressing.
struct CharacterWeights: Sendable {
    private struct Slot {
        var key: UInt64 = 0
        var weights: SIMD4<Int16> = .zero
    }

    private let slots: [Slot]
    /// Sixteen scores from label to label, in the same unit as the weights.
    let transitions: [Float]

    /// The number of features.
    let featureCount: Int

    /// Rounds averaged weights to 16 bits; all are scaled alike, so the best path is that of the scaled scores.
    init(
        _ rows: [(key: UInt64, weights: [(label: UInt16, value: Float)])],
        transitions: [Float]
    ) {
        let largest = rows.reduce(Float(1)) { $1.weights.reduce($0) { max($0, abs($1.value)) } }
        let scale = min(32_000 / largest, 1000)
        var (keys, values) = ([UInt64](), [SIMD4<Int16>]())
        for row in rows {
            var weights = SIMD4<Int16>.zero
            for weight in row.weights {
                weights[Int(weight.label)] = Int16((weight.value * scale).rounded())
            }
            guard weights != .zero else { continue }
            keys.append(row.key)
            values.append(weights)
        }
        self.init(keys: keys, weights: values, transitions: transitions.map { ($0 * scale).rounded() })
    }

    private init(keys: [UInt64], weights: [SIMD4<Int16>], transitions: [Float]) {
        var capacity = 16
        while capacity < keys.count * 2 { capacity *= 2 }
        var slots = [Slot](repeating: Slot(), count: capacity)
        for (key, weights) in zip(keys, weights) {
            var place = Int(truncatingIfNeeded: key >> 20) & (capacity - 1)
            while slots[place].key != 0 { place = (place + 1) & (capacity - 1) }
            slots[place] = Slot(key: key, weights: weights)
        }
        (self.slots, self.transitions, featureCount) = (slots, transitions, keys.count)
    }

    /// Four scores for each unit.
    func emissions(_ features: CharacterFeatures, count: Int) -> [Float] {
        [Float](unsafeUninitializedCapacity: count * 4) { scores, used in
            slots.withUnsafeBufferPointer { slots in
                let mask = slots.count - 1
                for position in 0..<count {
                    var sum = SIMD4<Int32>.zero
                    features.forEachKey(at: position) { key in
                        var place = Int(truncatingIfNeeded: key >> 20) & mask
                        while slots[place].key != key {
                            if slots[place].key == 0 { return }
                            place = (place + 1) & mask
                        }
                        sum &+= SIMD4<Int32>(truncatingIfNeeded: slots[place].weights)
                    }
                    for label in 0..<4 { scores[position * 4 + label] = Float(sum[label]) }
                }
            }
            used = count * 4
        }
    }

    func write(to file: inout ModelWriter) {
        let filled = slots.filter { $0.key != 0 }.sorted { $0.key < $1.key }
        file.write(filled.map(\.key))
        file.write(filled.flatMap { slot in (0..<4).map { slot.weights[$0] } })
        file.write(transitions.map { Int32($0) })
    }

    init(from file: inout ModelReader) throws(SegmentationError) {
        let keys: [UInt64] = try file.list()
        let flat: [Int16] = try file.list()
        let transitions: [Int32] = try file.list(limit: 16)
        guard flat.count == keys.count * 4, transitions.count == 16 else {
            throw SegmentationError(.malformed, at: file.place, "the lists of weights differ in length")
        }
        guard zip(keys, keys.dropFirst()).allSatisfy({ $0 < $1 }), keys.first != 0 else {
            throw SegmentationError(.malformed, at: file.place, "features must ascend")
        }
        let weights = keys.indices.map {
            SIMD4(flat[$0 * 4], flat[$0 * 4 + 1], flat[$0 * 4 + 2], flat[$0 * 4 + 3])
        }
        self.init(keys: keys, weights: weights, transitions: transitions.map { Float($0) })
    }
}
