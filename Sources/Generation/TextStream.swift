import YuyanTokenizers

/// Turns generated ids into text as far as it is certain, and watches for stop strings.
///
/// Text that may still become a stop string is held back.
struct TextStream {
    private var decoder: StreamingDecoder
    private let stops: [[UInt8]]
    private var held: [UInt8] = []
    /// All text handed out.
    private(set) var text = ""
    /// The stop string that ended the text, as a number in the list given.
    private(set) var stop: Int?

    init(tokenizer: any Tokenizer, stopStrings: [String]) {
        decoder = StreamingDecoder(tokenizer, skippingSpecialTokens: true)
        stops = stopStrings.map { Array($0.utf8) }
    }

    /// Takes the next id and returns the text that is now certain.
    mutating func append(_ id: Int32) -> String { take(decoder.append(id), isEnd: false) }

    /// Ends the text and returns what was held back.
    mutating func finish() -> String { take(decoder.finish(), isEnd: true) }

    private mutating func take(_ piece: String, isEnd: Bool) -> String {
        if stop != nil { return "" }
        held += piece.utf8
        var ready = held.count
        if let (place, number) = firstStop() {
            stop = number
            ready = place
        } else if !isEnd {
            ready -= heldBack()
        }
        let out = String(decoding: held[..<ready], as: UTF8.self)
        held.removeFirst(ready)
        if stop != nil { held = [] }
        text += out
        return out
    }

    /// The earliest stop string in the held text; of several at one place the longest.
    private func firstStop() -> (place: Int, number: Int)? {
        for place in held.indices {
            let found = stops.indices.filter { held[place...].starts(with: stops[$0]) }
            if let longest = found.max(by: { stops[$0].count < stops[$1].count }) { return (place, longest) }
        }
        return nil
    }

    /// The length of the longest end of the held text that begins a stop string.
    private func heldBack() -> Int {
        let longest = stops.reduce(0) { max($0, $1.count) }
        for length in stride(from: min(held.count, longest - 1), to: 0, by: -1) {
            let tail = held[(held.count - length)...]
            if stops.contains(where: { $0.count > length && $0.starts(with: tail) }) { return length }
        }
        return 0
    }
}
