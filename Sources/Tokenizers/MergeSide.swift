/// One side of a merged pair: the neighbours there, and in which words they were met.
final class MergeSide {
    /// What a merge does to the pairs with one neighbour.
    struct Neighbour {
        /// How many pairs with the result are formed.
        var count = 0
        /// First how many words hold the pair, then where the next goes; -1 for a pair that is not queued.
        var place = 0
        var lastWord: UInt32 = 0
    }

    /// By symbol.
    let neighbours = GrowingBuffer<Neighbour>()
    /// The symbols met, in order of their first meeting.
    private let met = GrowingBuffer<Int32>()
    private let log = GrowingBuffer<(symbol: Int32, word: UInt32)>()

    /// Notes that a neighbour was met in a word.
    @inline(__always)
    func note(_ symbol: Int32, _ times: Int, _ word: Int) {
        let neighbour = neighbours.base + Int(symbol)
        neighbour.pointee.count += times
        let word = UInt32(truncatingIfNeeded: word)
        guard neighbour.pointee.lastWord != word else { return }
        if neighbour.pointee.place == 0 { met.append(symbol) }
        neighbour.pointee.lastWord = word
        neighbour.pointee.place += 1
        log.append((symbol, word))
    }

    /// Calls `body` with every symbol met and how many pairs with it are formed.
    @inline(__always)
    func forEachMet(_ body: (Int32, Int) -> Void) {
        for index in 0..<met.count { body(met[index], neighbours[Int(met[index])].count) }
    }

    /// Takes over the words in which another side met a symbol, but not the count.
    func takeWords(of symbol: Int32, from other: MergeSide) {
        guard other.neighbours[Int(symbol)].place > 0 else { return }
        for index in 0..<other.log.count where other.log[index].symbol == symbol {
            note(symbol, 0, Int(other.log[index].word))
        }
        other.neighbours.base[Int(symbol)].place = 0
    }

    /// Writes the words of every queued pair to its places.
    func writeWords(to places: GrowingBuffer<UInt32>) {
        for index in 0..<log.count {
            let (symbol, word) = log[index]
            let place = neighbours[Int(symbol)].place
            guard place >= 0 else { continue }
            places[place] = word
            neighbours.base[Int(symbol)].place = place + 1
        }
    }

    func clear() {
        for index in 0..<met.count { neighbours[Int(met[index])] = Neighbour() }
        met.removeAll()
        log.removeAll()
    }
}
