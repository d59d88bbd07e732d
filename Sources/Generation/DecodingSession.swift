import YuyanModels

/// Texts in the making: a number of slots, each with what it has seen.
///
/// What a slot answers depends on its own tokens alone, never on the other slots.
public protocol DecodingSession: AnyObject {
    /// The number of tokens V.
    var vocabularySize: Int { get }
    /// The number of positions that a slot can hold.
    var capacity: Int { get }

    /// Takes up the beginning of a text in an empty slot.
    ///
    /// - Parameters:
    ///   - ids: The text's tokens, at least one.
    ///   - slot: The slot.
    /// - Returns: Logits of the next token f32 [1, V].
    func begin(_ ids: [Int32], slot: Int) -> Tensor

    /// Takes up one token in each of several slots.
    ///
    /// - Parameters:
    ///   - ids: One token for each slot.
    ///   - slots: The slots.
    /// - Returns: Logits of the next tokens f32 [slots, V].
    func step(_ ids: [Int32], slots: [Int]) -> Tensor

    /// Empties a slot.
    ///
    /// - Parameter slot: The slot.
    func reset(slot: Int)
}

/// A model that continues texts.
public protocol GenerativeModel: AnyObject {
    /// The number of tokens V.
    var vocabularySize: Int { get }
    /// The most positions that a text may have.
    var contextLength: Int { get }
    /// The tokens that end a text.
    var endTokens: Set<Int32> { get }

    /// Begins a session.
    ///
    /// - Parameters:
    ///   - slots: The number of texts at a time.
    ///   - capacity: The number of positions of each, at most ``contextLength``.
    /// - Returns: A session with empty slots.
    func makeSession(slots: Int, capacity: Int) -> any DecodingSession
}

extension DecoderModel: GenerativeModel {
    /// The number of tokens V.
    public var vocabularySize: Int { configuration.vocabSize }
    /// The most positions that a text may have.
    public var contextLength: Int { configuration.maxPositionEmbeddings }
    /// The tokens that end a text.
    public var endTokens: Set<Int32> { Set(configuration.eosTokenIds.map { Int32($0) }) }

    /// Begins a session with a key/value cache.
    ///
    /// - Parameters:
    ///   - slots: The number of texts at a time.
    ///   - capacity: The number of positions of each.
    /// - Returns: A session with empty slots.
    public func makeSession(slots: Int, capacity: Int) -> any DecodingSession {
        DecoderSession(self, slots: slots, capacity: capacity)
    }
}

/// A decoder's session: one cache row for each slot.
///
/// A text's beginning is computed alone; later tokens are computed together, row by row with kernels whose sums run in
/// the same order whatever the number of rows.
final class DecoderSession: DecodingSession {
    private let model: DecoderModel
    private let cache: KeyValueCache

    init(_ model: DecoderModel, slots: Int, capacity: Int) {
        self.model = model
        cache = model.makeCache(slots: slots, capacity: capacity)
    }

    var vocabularySize: Int { model.vocabularySize }
    var capacity: Int { cache.capacity }

    func begin(_ ids: [Int32], slot: Int) -> Tensor {
        require(!ids.isEmpty, "DecoderSession.begin: there are no tokens")
        cache.truncate(slot: slot)
        return Tape.withoutRecording {
            let input = Tensor(ids, shape: [1, ids.count])
            let hidden = model.hiddenStates(input, cache: CacheSlots(cache, slots: [slot]))
            let last = hidden.slice(axis: 1, ids.count - 1..<ids.count).contiguous()
            return vocabularyLogits(last, weight: model.projection).reshaped([1, vocabularySize])
        }
    }

    func step(_ ids: [Int32], slots: [Int]) -> Tensor {
        Tape.withoutRecording {
            let input = Tensor(ids, shape: [ids.count, 1])
            let logits = model.logits(input, cache: CacheSlots(cache, slots: slots))
            return logits.reshaped([ids.count, vocabularySize])
        }
    }

    func reset(slot: Int) { cache.truncate(slot: slot) }
}
