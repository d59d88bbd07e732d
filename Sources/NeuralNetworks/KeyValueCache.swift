/// The keys and values of positions that a decoder has seen, for every layer: room for a fixed number of rows and
/// positions, taken once.
///
/// Each row («slot») has its own length, so that prompts of different lengths live side by side without padding: the
/// positions of a slot always begin at 0. Rows are computed as if they were alone, so that what a slot yields does not
/// depend on its neighbours.
///
/// Not Sendable: belongs to the thread that decodes.
public final class KeyValueCache {
    /// The number of rows.
    public let slotCount: Int
    /// The number of positions that a row can hold.
    public let capacity: Int
    /// The number of positions each row holds.
    public private(set) var lengths: [Int]
    /// The keys per layer [slots, capacity, K, E].
    let keys: [Tensor]
    /// The values per layer [slots, capacity, K, E].
    let values: [Tensor]

    /// Takes the memory of a cache.
    ///
    /// Traps when an extent is negative.
    ///
    /// - Parameters:
    ///   - layers: The number of layers.
    ///   - slots: The number of rows.
    ///   - capacity: The number of positions per row.
    ///   - heads: The number of key/value heads K.
    ///   - headWidth: The width of a head E.
    ///   - dtype: The dtype that the model computes in.
    public init(layers: Int, slots: Int, capacity: Int, heads: Int, headWidth: Int, dtype: DType) {
        slotCount = slots
        self.capacity = capacity
        lengths = [Int](repeating: 0, count: slots)
        let shape: Shape = [slots, capacity, heads, headWidth]
        keys = (0..<layers).map { _ in Tensor.uninitialized(shape, dtype: dtype) }
        values = (0..<layers).map { _ in Tensor.uninitialized(shape, dtype: dtype) }
    }

    /// The memory held, in bytes.
    public var byteCount: Int {
        keys.reduce(0) { $0 + 2 * $1.elementCount * $1.dtype.byteCount }
    }

    /// Shortens a slot: positions from `length` on are forgotten.
    ///
    /// Traps when the slot holds fewer positions.
    ///
    /// - Parameters:
    ///   - slot: The row.
    ///   - length: The number of positions kept.
    public func truncate(slot: Int, to length: Int = 0) {
        require(
            length >= 0 && length <= lengths[slot],
            "KeyValueCache.truncate: slot \(slot) holds \(lengths[slot]) positions, not \(length)"
        )
        lengths[slot] = length
    }

    /// Gives a slot what another one holds.
    ///
    /// - Parameters:
    ///   - source: The row to copy.
    ///   - target: The row that holds the same afterwards.
    public func copy(slot source: Int, to target: Int) {
        if source == target { return }
        for store in keys + values {
            let shape: Shape = [1, lengths[source], store.shape[2], store.shape[3]]
            func row(_ slot: Int) -> TensorView {
                store.view.advanced(by: slot * store.strides[0], shape: shape, strides: store.strides)
            }
            store.backend.copy(row(target), from: row(source))
        }
        lengths[target] = lengths[source]
    }

    /// Counts new positions in, after every layer has taken them up.
    ///
    /// - Parameters:
    ///   - slots: The rows.
    ///   - count: The number of new positions of each.
    public func advance(slots: [Int], by count: Int) {
        for slot in slots { lengths[slot] += count }
    }
}

/// Some rows of a cache, one for each row of a batch.
public struct CacheSlots {
    /// The cache.
    public let cache: KeyValueCache
    /// The cache's row for each row of the batch.
    public let slots: [Int]

    /// Chooses rows.
    ///
    /// Traps when a row does not exist or is named twice.
    ///
    /// - Parameters:
    ///   - cache: The cache.
    ///   - slots: The cache's row for each row of the batch; all of them when nil.
    public init(_ cache: KeyValueCache, slots: [Int]? = nil) {
        let slots = slots ?? Array(0..<cache.slotCount)
        require(
            slots.allSatisfy { $0 >= 0 && $0 < cache.slotCount } && Set(slots).count == slots.count,
            "CacheSlots: \(slots) must name rows of 0..<\(cache.slotCount), each once"
        )
        self.cache = cache
        self.slots = slots
    }
}

/// One layer of a cache for some of its rows, during one forward pass.
public struct CacheWindow {
    let cache: KeyValueCache
    let layer: Int
    let slots: [Int]

    /// Looks at one layer.
    ///
    /// - Parameters:
    ///   - cache: The cache.
    ///   - layer: The layer's number.
    ///   - slots: The cache's row for each row of the batch.
    public init(_ cache: KeyValueCache, layer: Int, slots: [Int]) {
        self.cache = cache
        self.layer = layer
        self.slots = slots
    }

    /// Writes keys and values behind those of the slots and attends over all of them.
    ///
    /// Every row is a call of its own over exactly its own positions: the arithmetic of a row depends on nothing but
    /// that row.
    ///
    /// Traps when the rows do not fit the slots or a slot overflows.
    ///
    /// - Parameters:
    ///   - queries: New queries [B, T, H, E].
    ///   - keys: New keys [B, T, K, E].
    ///   - values: New values [B, T, K, E].
    ///   - bias: What is added to the scores of every row [H, T, positions held and new]; nil for nothing.
    ///   - options: Scale; new positions see each other causally.
    /// - Returns: [B, T, H, E].
    func attention(
        queries: Tensor,
        keys: Tensor,
        values: Tensor,
        bias: Tensor? = nil,
        options: AttentionOptions
    ) -> Tensor {
        let count = queries.shape[1]
        require(
            queries.shape[0] == slots.count && keys.dtype == cache.keys[layer].dtype,
            "KeyValueCache: \(queries.dtype) rows \(queries.shape) do not fit \(slots.count) slots of "
                + "\(cache.keys[layer].dtype)"
        )
        let backend = queries.backend
        let out = Tensor.uninitialized(queries.shape, dtype: queries.dtype, backend: backend)
        let heads = Shape(Array(queries.shape.dimensions.dropFirst()))
        for (row, slot) in slots.enumerated() {
            let past = cache.lengths[slot]
            require(
                past + count <= cache.capacity,
                "KeyValueCache: \(count) positions do not fit slot \(slot), which holds \(past) of \(cache.capacity)"
            )
            let keyRow = take(keys, row: row, into: cache.keys[layer], slot: slot, at: past)
            let valueRow = take(values, row: row, into: cache.values[layer], slot: slot, at: past)
            var options = options
            options.isCausal = count > 1
            options.queryOffset = past
            let target = out.view.advanced(
                by: row * heads.elementCount,
                shape: Shape([1] + heads.dimensions),
                strides: out.strides
            )
            let query = queries.slice(axis: 0, row..<row + 1)
            if let bias {
                func held(_ store: Tensor) -> Tensor {
                    store.slice(axis: 0, slot..<slot + 1).slice(axis: 1, 0..<past + count)
                }
                let mixed = biasedAttention(
                    query,
                    held(cache.keys[layer]),
                    held(cache.values[layer]),
                    bias: bias,
                    options: options
                )
                backend.copy(target, from: mixed.view)
                continue
            }
            backend.attentionForward(
                AttentionForward(
                    out: target,
                    logSumExp: nil,
                    q: query.view,
                    k: keyRow,
                    v: valueRow,
                    options: options
                )
            )
        }
        return out
    }

    /// Copies new positions of a row behind a slot's and returns all of the slot's positions [1, S, K, E].
    private func take(_ new: Tensor, row: Int, into store: Tensor, slot: Int, at past: Int) -> TensorView {
        let source = new.slice(axis: 0, row..<row + 1)
        let count = new.shape[1]
        let start = store.view.advanced(
            by: slot * store.strides[0] + past * store.strides[1],
            shape: source.shape,
            strides: store.strides
        )
        store.backend.copy(start, from: source.view)
        return store.view.advanced(
            by: slot * store.strides[0],
            shape: [1, past + count, store.shape[2], store.shape[3]],
            strides: store.strides
        )
    }
}
