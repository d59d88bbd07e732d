import YuyanFileFormats
import YuyanTextProcessing

extension DocumentSplit {
    /// Decides which of the kept documents are for validation; each side gets at least one.
    ///
    /// - Parameters:
    ///   - rule: How documents are divided.
    ///   - key: What the rule goes by besides the text.
    ///   - fraction: The share that validates; 0 for none.
    ///   - seed: The seed of chance.
    ///   - hasGivenFiles: Whether files were named for validation, which decide instead.
    /// - Throws: `FileFormatError` when all documents would stand on one side.
    mutating func divide(
        by rule: DocumentSplitRule,
        key: SplitKey?,
        fraction: Double,
        seed: UInt64,
        hasGivenFiles: Bool
    ) throws {
        isValidation = kept.map { _ in false }
        if hasGivenFiles {
            method = .givenFiles
            isValidation = kept.map(\.isGivenForValidation)
        } else if fraction == 0 || kept.isEmpty {
            return
        } else if kept.count == 1 {
            method = .tailOfOnlyDocument
        } else {
            let target = min(max(Int((fraction * Double(kept.count)).rounded()), 1), kept.count - 1)
            switch rule {
            case .document:
                method = key == nil ? .documentHash : .keyHash
                divideByHash(units(key, seed), fraction)
            case .random:
                method = .random
                divideByChance(units(key, seed), target)
            case .time:
                method = .time
                try divideByTime(key, target)
            }
            try checkSides(key)
        }
    }

    /// A random number for each document, the same for those that stay together.
    private func units(_ key: SplitKey?, _ seed: UInt64) -> [UInt64] {
        kept.map { document in
            guard key != nil else { return document.fingerprint.spread(seed: seed) }
            return TextFingerprint(high: document.key.bits, low: ~document.key.bits).spread(seed: seed)
        }
    }

    /// Sends what has a hash below the fraction to validation.
    private mutating func divideByHash(_ hashes: [UInt64], _ fraction: Double) {
        isValidation = hashes.map { Double($0 >> 11) * 0x1p-53 < fraction }
        if !isValidation.contains(true), let lowest = hashes.min() {
            isValidation = hashes.map { $0 == lowest }
        }
        if !isValidation.contains(false), let highest = hashes.max() {
            isValidation = hashes.map { $0 != highest }
        }
    }

    /// Sends so many documents to validation, or fewer where those that stay together do not fit.
    private mutating func divideByChance(_ hashes: [UInt64], _ target: Int) {
        let order = hashes.indices.sorted { (hashes[$0], $0) < (hashes[$1], $1) }
        var (place, taken) = (0, 0)
        while place < order.count, taken < target {
            let end = order[place...].firstIndex { hashes[$0] != hashes[order[place]] } ?? order.count
            if taken == 0 || taken + end - place <= target {
                for document in order[place..<end] { isValidation[document] = true }
                taken += end - place
            }
            place = end
        }
    }

    /// Sends the latest documents to validation; of equal times none is parted, and of equal texts the first decides.
    private mutating func divideByTime(_ key: SplitKey?, _ target: Int) throws {
        var order = Array(kept.indices)
        if let key {
            let dated = kept.count { $0.key.isDate }
            guard dated == 0 || dated == kept.count else {
                throw FileFormatError(
                    .mismatch,
                    at: .key(key.column),
                    "\(dated) of \(kept.count) times are dates and the others numbers; write all in one way"
                )
            }
            order.sort { (kept[$0].key.bits, $0) < (kept[$1].key.bits, $1) }
        }
        func isTie(_ place: Int) -> Bool {
            key != nil && place > 0 && place < order.count
                && kept[order[place]].key.bits == kept[order[place - 1]].key.bits
        }
        var border = order.count - target
        while isTie(border) { border += 1 }
        if border == order.count {
            border -= 1
            while isTie(border) { border -= 1 }
        }
        let trained = Set(order[..<border].map { kept[$0].fingerprint })
        for document in order[border...] {
            isValidation[document] = !trained.contains(kept[document].fingerprint)
        }
    }

    private func checkSides(_ key: SplitKey?) throws {
        guard !isValidation.contains(true) || !isValidation.contains(false) else { return }
        let same = key.map { "have the same '\($0.column)'" } ?? "are equal"
        throw FileFormatError(
            .mismatch,
            at: .key("split"),
            "the \(kept.count) documents cannot be divided, as all \(same); name validation files or another split"
        )
    }
}
