/// Mixes the number of a template and the parts of a feature into its 64-bit key.
struct FeatureKey {
    private(set) var value: UInt64

    @inline(__always)
    init(_ template: UInt64) { value = template &* 0x9E37_79B9_7F4A_7C15 }

    @inline(__always)
    func with(_ part: UInt64) -> FeatureKey {
        var key = self
        let mixed = (value ^ part) &* 0xBF58_476D_1CE4_E5B9
        key.value = (mixed ^ (mixed >> 29)) &* 0x94D0_49BB_1331_11EB
        return key
    }
}

/// Anything that can add a feature's weights to the scores of the labels.
protocol FeatureScorer {
    func add(_ key: UInt64, to scores: UnsafeMutablePointer<Float>)
}

/// The weights of an averaged perceptron while it learns: sparse rows by feature, in one growing pool.
///
/// Averaging by the sum of all weights over time, kept lazily per weight: Freund and Schapire, "Large Margin
/// Classification Using the Perceptron Algorithm", 1999; Collins, EMNLP 2002.
final class PerceptronTable: FeatureScorer {
    private struct Weight {
        var value: Float
        var label: UInt16
    }

    private struct History {
        var total: Double
        var stamp: Int32
    }

    /// A row's weights stand side by side, with room to grow.
    private struct Row {
        var start: UInt32 = 0
        var count: UInt16 = 0
        var capacity: UInt16 = 0
    }

    /// The number of updates so far; the clock of the averages.
    private(set) var step: Int32 = 1
    private var keys: ContiguousArray<UInt64>
    private var rows: ContiguousArray<Row>
    private var used = 0
    private var weights: ContiguousArray<Weight> = []
    private var histories: ContiguousArray<History> = []

    init() {
        keys = ContiguousArray(repeating: 0, count: 1 << 16)
        rows = ContiguousArray(repeating: Row(), count: 1 << 16)
    }

    /// The place of a key: its own, or the free one where it belongs.
    @inline(__always)
    private func slot(_ key: UInt64) -> Int {
        let mask = keys.count - 1
        var place = Int(truncatingIfNeeded: key >> 20) & mask
        while keys[place] != key, keys[place] != 0 { place = (place + 1) & mask }
        return place
    }

    @inline(__always)
    func add(_ key: UInt64, to scores: UnsafeMutablePointer<Float>) {
        let row = rows[slot(key)]
        let start = Int(row.start)
        weights.withUnsafeBufferPointer { weights in
            for index in start..<start + Int(row.count) {
                scores[Int(weights[index].label)] += weights[index].value
            }
        }
    }

    /// Moves the weight of one label of a feature.
    func update(_ key: UInt64, label: Int, by delta: Float) {
        var place = slot(key)
        if keys[place] == 0 {
            if used * 2 >= keys.count {
                grow()
                place = slot(key)
            }
            (keys[place], used) = (key, used + 1)
        }
        let row = rows[place]
        let (start, end) = (Int(row.start), Int(row.start) + Int(row.count))
        let found = (start..<end).first { Int(weights[$0].label) == label }
        let index = found ?? addedWeight(place, label)
        histories[index].total += Double(step - histories[index].stamp) * Double(weights[index].value)
        histories[index].stamp = step
        weights[index].value += delta
    }

    /// Lets the clock tick: after every example.
    func tick() { step += 1 }

    /// Makes a weight of zero at the end of a row, which moves when it is full.
    private func addedWeight(_ place: Int, _ label: Int) -> Int {
        let row = rows[place]
        if row.count == row.capacity {
            let capacity = min(max(2, Int(row.capacity) * 2), Int(UInt16.max))
            let old = Int(row.start)..<Int(row.start) + Int(row.count)
            rows[place].start = UInt32(weights.count)
            rows[place].capacity = UInt16(capacity)
            for index in old {
                weights.append(weights[index])
                histories.append(histories[index])
            }
            for _ in old.count..<capacity {
                weights.append(Weight(value: 0, label: 0))
                histories.append(History(total: 0, stamp: 0))
            }
        }
        let index = Int(rows[place].start) + Int(row.count)
        rows[place].count += 1
        weights[index] = Weight(value: 0, label: UInt16(label))
        histories[index] = History(total: 0, stamp: step)
        return index
    }

    private func grow() {
        let (oldKeys, oldRows) = (keys, rows)
        keys = ContiguousArray(repeating: 0, count: oldKeys.count * 2)
        rows = ContiguousArray(repeating: Row(), count: oldKeys.count * 2)
        for (key, row) in zip(oldKeys, oldRows) where key != 0 {
            let place = slot(key)
            (keys[place], rows[place]) = (key, row)
        }
    }

    /// The averaged weights, by ascending key and label; those nearer to zero than `threshold` are left out.
    func averaged(threshold: Float) -> [(key: UInt64, weights: [(label: UInt16, value: Float)])] {
        var result: [(key: UInt64, weights: [(label: UInt16, value: Float)])] = []
        result.reserveCapacity(used)
        for (key, row) in zip(keys, rows) where key != 0 {
            var kept: [(label: UInt16, value: Float)] = []
            for index in Int(row.start)..<Int(row.start) + Int(row.count) {
                let (weight, history) = (weights[index], histories[index])
                let total = history.total + Double(step - history.stamp) * Double(weight.value)
                let value = Float(total / Double(step))
                if abs(value) > threshold { kept.append((weight.label, value)) }
            }
            if !kept.isEmpty { result.append((key, kept.sorted { $0.label < $1.label })) }
        }
        return result.sorted { $0.key < $1.key }
    }
}

/// Weights in their final form: read-only, compact, found by open addressing.
struct SparseWeights: FeatureScorer, Sendable {
    private struct Slot {
        var key: UInt64 = 0
        var start: UInt32 = 0
        var count: UInt32 = 0
    }

    /// The keys in ascending order, with the number of weights of each.
    private let keys: [UInt64]
    private let counts: [UInt16]
    private let labels: [UInt16]
    private let values: [Float]
    private let slots: [Slot]

    /// The number of features.
    var featureCount: Int { keys.count }

    init(_ rows: [(key: UInt64, weights: [(label: UInt16, value: Float)])]) {
        self.init(
            keys: rows.map(\.key),
            counts: rows.map { UInt16($0.weights.count) },
            labels: rows.flatMap { $0.weights.map(\.label) },
            values: rows.flatMap { $0.weights.map(\.value) }
        )
    }

    private init(keys: [UInt64], counts: [UInt16], labels: [UInt16], values: [Float]) {
        (self.keys, self.counts, self.labels, self.values) = (keys, counts, labels, values)
        var capacity = 16
        while capacity < keys.count * 2 { capacity *= 2 }
        var (slots, start) = ([Slot](repeating: Slot(), count: capacity), 0)
        for (key, count) in zip(keys, counts) {
            var place = Int(truncatingIfNeeded: key >> 20) & (capacity - 1)
            while slots[place].count != 0 { place = (place + 1) & (capacity - 1) }
            slots[place] = Slot(key: key, start: UInt32(start), count: UInt32(count))
            start += Int(count)
        }
        self.slots = slots
    }

    @inline(__always)
    func add(_ key: UInt64, to scores: UnsafeMutablePointer<Float>) {
        slots.withUnsafeBufferPointer { slots in
            let mask = slots.count - 1
            var place = Int(truncatingIfNeeded: key >> 20) & mask
            while slots[place].count != 0 {
                if slots[place].key == key {
                    let start = Int(slots[place].start)
                    for index in start..<start + Int(slots[place].count) {
                        scores[Int(labels[index])] += values[index]
                    }
                    return
                }
                place = (place + 1) & mask
            }
        }
    }

    func write(to file: inout ModelWriter) {
        file.write(keys)
        file.write(counts)
        file.write(labels)
        file.write(values.map(\.bitPattern))
    }

    /// Reads weights whose labels lie below `labelCount`.
    init(from file: inout ModelReader, labelCount: Int) throws(SegmentationError) {
        let keys: [UInt64] = try file.list()
        let counts: [UInt16] = try file.list(limit: keys.count)
        let labels: [UInt16] = try file.list()
        let values = try file.list(UInt32.self).map { Float(bitPattern: $0) }
        let sum = counts.reduce(0) { $0 + Int($1) }
        guard counts.count == keys.count, labels.count == sum, values.count == sum else {
            throw SegmentationError(.malformed, at: file.place, "the lists of weights differ in length")
        }
        guard zip(keys, keys.dropFirst()).allSatisfy({ $0 < $1 }), keys.first != 0, !counts.contains(0) else {
            throw SegmentationError(.malformed, at: file.place, "features must ascend and have weights")
        }
        guard labels.allSatisfy({ Int($0) < labelCount }), values.allSatisfy({ abs($0) < 1e9 }) else {
            throw SegmentationError(
                .malformed,
                at: file.place,
                "a weight has an unknown label or no sane value"
            )
        }
        self.init(keys: keys, counts: counts, labels: labels, values: values)
    }
}
