// The likeliest way to cut a text.

extension UnigramModel {
    /// Searches `text[start..<end]`; returns by how much the closest decision on the way was taken.
    func search(
        _ text: UnsafePointer<UInt8>,
        _ start: Int,
        _ end: Int,
        _ scratch: WordScratch,
        _ sum: inout Double
    ) -> Double {
        scratch.isClean = true
        return searchScores.withUnsafeBufferPointer { scores in
            rounding == .single
                ? search(text, start, end, scratch, scores, &sum, isSingle: true)
                : search(text, start, end, scratch, scores, &sum, isSingle: false)
        }
    }

    @inline(__always)
    private func search(
        _ text: UnsafePointer<UInt8>,
        _ start: Int,
        _ end: Int,
        _ scratch: WordScratch,
        _ scores: UnsafeBufferPointer<Double>,
        _ sum: inout Double,
        isSingle: Bool
    ) -> Double {
        var margin = Double.infinity
        var flushed = start
        var position = start
        var reach = start
        // States stand at offsets from `flushed`; those up to `reach` are set.
        var states = scratch.states
        states[0] = WordScratch.State(score: sum, second: -.infinity, start: 0, id: -1)
        while position < end {
            if position == reach, position > flushed {
                emit(text, flushed, position, scratch, &margin)
                states[0] = WordScratch.State(
                    score: states[position - flushed].score,
                    second: -.infinity,
                    start: 0,
                    id: -1
                )
                flushed = position
            }
            if isSingle, states[position - flushed].score < Self.lowestSum {
                rebase(states + (position - flushed), reach - position)
                scratch.isClean = false
            }
            let here = states[position - flushed].score
            let length = min(Self.characterLength(text[position]), end - position)
            var isCovered = false
            var node = trie.root
            var next = position
            while next < end, let child = trie.step(node, text[next]) {
                node = child
                next += 1
                let id = PieceTrie.value(node)
                guard id >= 0 else { continue }
                if next > reach { states = extend(scratch, flushed, &reach, next) }
                Self.offer(
                    scores[id] + here,
                    states + (next - flushed),
                    position - flushed,
                    Int32(id),
                    isSingle
                )
                if next - position == length { isCovered = true }
            }
            if !isCovered {
                next = position + length
                if next > reach { states = extend(scratch, flushed, &reach, next) }
                Self.offer(unknownScore + here, states + (next - flushed), position - flushed, -1, isSingle)
            }
            position += length
        }
        emit(text, flushed, end, scratch, &margin)
        sum = states[end - flushed].score
        return margin
    }

    /// Counts sums from a state on anew, as SentencePiece does so that long texts are not rounded too coarsely.
    private func rebase(_ states: UnsafeMutablePointer<WordScratch.State>, _ count: Int) {
        let here = Float(states[0].score)
        for index in 0...count where states[index].score > -.infinity {
            states[index].score = Double(Float(states[index].score) - here)
        }
    }

    /// Compares a way to a state with the best one so far.
    @inline(__always)
    private static func offer(
        _ candidate: Double,
        _ state: UnsafeMutablePointer<WordScratch.State>,
        _ start: Int,
        _ id: Int32,
        _ isSingle: Bool
    ) {
        let candidate = isSingle ? Double(Float(candidate)) : candidate
        if candidate > state.pointee.score {
            state.pointee = WordScratch.State(
                score: candidate,
                second: state.pointee.score,
                start: Int32(truncatingIfNeeded: start),
                id: id
            )
        } else if candidate > state.pointee.second {
            state.pointee.second = candidate
        }
    }

    /// Clears the states up to an end.
    @inline(__always)
    private func extend(
        _ scratch: WordScratch,
        _ flushed: Int,
        _ reach: inout Int,
        _ end: Int
    ) -> UnsafeMutablePointer<WordScratch.State> {
        let states = scratch.reserveStates(end - flushed + 1)
        for index in reach - flushed + 1...end - flushed { states[index] = WordScratch.State.unreached }
        reach = end
        return states
    }

    /// Appends the tokens on the best way from the state at `start` to that at `end`.
    private func emit(
        _ text: UnsafePointer<UInt8>,
        _ start: Int,
        _ end: Int,
        _ scratch: WordScratch,
        _ margin: inout Double
    ) {
        let states = scratch.states
        // The way is turned round in place: `next` holds where the piece that begins here ends.
        var position = end - start
        var following = position
        while position > 0 {
            let state = states[position]
            margin = min(margin, state.score - state.second)
            states[position].next = Int32(truncatingIfNeeded: following)
            following = position
            position = Int(state.start)
        }
        var from = 0
        var to = following
        while from < end - start {
            let id = states[to].id
            let tokenEnd = Int32(truncatingIfNeeded: start + to)
            if id >= 0 {
                scratch.append(id, tokenEnd)
                scratch.wasUnknown = false
                if roles[Int(id)] == .userDefined { scratch.isClean = false }
            } else {
                scratch.isClean = false
                appendUnknown(text + (start + from), to - from, tokenEnd, scratch)
            }
            from = to
            to = Int(states[to].next)
        }
    }

    private func appendUnknown(
        _ text: UnsafePointer<UInt8>,
        _ count: Int,
        _ end: Int32,
        _ scratch: WordScratch
    ) {
        if rounding == .single, let byteIDs {
            for index in 0..<count {
                // All but the last byte cover nothing, as in SentencePiece.
                scratch.append(byteIDs[Int(text[index])], index == count - 1 ? end : end - Int32(count))
            }
            return
        }
        if scratch.wasUnknown, fusesUnknown {
            scratch.tokens[scratch.count - 1].end = end
            return
        }
        scratch.append(rounding == .single ? unknown ?? 0 : Self.deferred, end)
        scratch.wasUnknown = true
    }

    /// The length of a character by its first byte, as SentencePiece counts.
    @inline(__always)
    static func characterLength(_ byte: UInt8) -> Int {
        byte < 0xC0 ? 1 : (byte < 0xE0 ? 2 : (byte < 0xF0 ? 3 : 4))
    }
}
