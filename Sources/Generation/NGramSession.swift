import Foundation
import YuyanModels

extension NGramLanguageModel: GenerativeModel {
    /// No bound: the model looks at its last tokens alone.
    public var contextLength: Int { Int(Int32.max) }
    /// The token that ends a text, where there is one.
    public var endTokens: Set<Int32> { Set(endOfText.map { [$0] } ?? []) }

    /// Begins a session that remembers the last tokens of each text.
    ///
    /// - Parameters:
    ///   - slots: The number of texts at a time.
    ///   - capacity: The number of positions of each.
    /// - Returns: A session with empty slots.
    public func makeSession(slots: Int, capacity: Int) -> any DecodingSession {
        NGramSession(self, slots: slots, capacity: capacity)
    }
}

/// An n-gram model's session; logits are logarithms of probabilities.
final class NGramSession: DecodingSession {
    private let model: NGramLanguageModel
    private var contexts: [[Int32]]
    let capacity: Int

    init(_ model: NGramLanguageModel, slots: Int, capacity: Int) {
        (self.model, self.capacity) = (model, capacity)
        contexts = Array(repeating: [], count: slots)
    }

    var vocabularySize: Int { model.vocabularySize }

    func begin(_ ids: [Int32], slot: Int) -> Tensor {
        require(!ids.isEmpty, "NGramSession.begin: there are no tokens")
        contexts[slot] = Array(ids.suffix(model.order - 1))
        return logits([slot])
    }

    func step(_ ids: [Int32], slots: [Int]) -> Tensor {
        for (id, slot) in zip(ids, slots) {
            contexts[slot] = (contexts[slot] + [id]).suffix(model.order - 1)
        }
        return logits(slots)
    }

    func reset(slot: Int) { contexts[slot] = [] }

    private func logits(_ slots: [Int]) -> Tensor {
        var rows: [Float] = []
        rows.reserveCapacity(slots.count * vocabularySize)
        for slot in slots {
            do {
                rows += try model.probabilities(after: contexts[slot], fromStart: false).map { log($0) }
            } catch {
                // The generator reports logits that are no numbers.
                rows += repeatElement(.nan, count: vocabularySize)
            }
        }
        return Tensor(rows, shape: [slots.count, vocabularySize])
    }
}
