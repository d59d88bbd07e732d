/// Finds the strings that occur often in words: the nodes of their suffix tree, by sorting suffixes.
///
/// Suffixes are sorted only as deep as pieces may be long. A node is a string that is followed by different things (or by the
/// ends of different words); its frequency is the sum of the counts of the words it occurs in, once for each occurrence.
struct UnigramSeeds {
    /// The letters of all words, each word ended by 0; a letter is the index of a scalar plus one.
    let letters: [UInt32]
    /// The count of the word, for every letter.
    let weights: [Int32]
    /// The longest string looked for, in letters.
    let longest: Int

    struct Seed {
        var start: Int32
        var count: Int32
        var frequency: Int
        var score: Int { frequency * Int(count) }
    }

    /// The strings of at least two letters that occur twice and are accepted, those with the most letters covered first.
    func find(limit: Int, accepts: (ArraySlice<UInt32>) -> Bool) -> [Seed] {
        var order = sortedSuffixes()
        var seeds: [Seed] = []
        letters.withUnsafeBufferPointer { letters in
            order.withUnsafeMutableBufferPointer { order in
                collect(letters, UnsafeBufferPointer(order), &seeds)
            }
        }
        seeds.removeAll { seed in
            !accepts(self.letters[Int(seed.start)..<Int(seed.start + seed.count)])
        }
        seeds.sort { left, right in
            left.score != right.score
                ? left.score > right.score : (left.start, left.count) < (right.start, right.count)
        }
        if seeds.count > limit { seeds.removeLast(seeds.count - limit) }
        return seeds
    }

    /// The positions of all letters but the ends, in the order of what begins there.
    private func sortedSuffixes() -> [Int32] {
        var order: [Int32] = []
        order.reserveCapacity(letters.count)
        for position in letters.indices where letters[position] != 0 { order.append(Int32(position)) }
        let depth = longest + 1
        letters.withUnsafeBufferPointer { letters in
            order.withUnsafeMutableBufferPointer { order in
                var pending: [(low: Int, high: Int, depth: Int)] = [(0, order.count, 0)]
                while let (low, high, at) = pending.popLast() {
                    guard high - low > 1, at < depth else { continue }
                    if high - low < 16 {
                        Self.insertionSort(letters, order, low, high, at, depth)
                        continue
                    }
                    let (less, greater) = Self.partition(letters, order, low, high, at)
                    pending.append((low, less, at))
                    pending.append((greater, high, at))
                    if letters[Int(order[less]) + at] != 0 { pending.append((less, greater, at + 1)) }
                }
            }
        }
        return order
    }

    /// Three-way partition by the letter at a depth (Bentley and Sedgewick 1997).
    private static func partition(
        _ letters: UnsafeBufferPointer<UInt32>,
        _ order: UnsafeMutableBufferPointer<Int32>,
        _ low: Int,
        _ high: Int,
        _ depth: Int
    ) -> (less: Int, greater: Int) {
        func letter(_ index: Int) -> UInt32 { letters[Int(order[index]) + depth] }
        let (first, second, third) = (letter(low), letter((low + high) / 2), letter(high - 1))
        let pivot = max(min(first, second), min(max(first, second), third))
        var less = low
        var greater = high
        var index = low
        while index < greater {
            let value = letter(index)
            if value < pivot {
                order.swapAt(less, index)
                less += 1
                index += 1
            } else if value > pivot {
                greater -= 1
                order.swapAt(greater, index)
            } else {
                index += 1
            }
        }
        return (less, greater)
    }

    private static func insertionSort(
        _ letters: UnsafeBufferPointer<UInt32>,
        _ order: UnsafeMutableBufferPointer<Int32>,
        _ low: Int,
        _ high: Int,
        _ depth: Int,
        _ limit: Int
    ) {
        for index in low + 1..<high {
            let moved = order[index]
            var place = index
            while place > low, comesBefore(letters, moved, order[place - 1], depth, limit) {
                order[place] = order[place - 1]
                place -= 1
            }
            order[place] = moved
        }
    }

    private static func comesBefore(
        _ letters: UnsafeBufferPointer<UInt32>,
        _ left: Int32,
        _ right: Int32,
        _ depth: Int,
        _ limit: Int
    ) -> Bool {
        var depth = depth
        while depth < limit {
            let first = letters[Int(left) + depth]
            let second = letters[Int(right) + depth]
            if first != second { return first < second }
            if first == 0 { break }
            depth += 1
        }
        return false
    }

    /// Walks the sorted suffixes with a stack of the intervals that are open.
    private func collect(
        _ letters: UnsafeBufferPointer<UInt32>,
        _ order: UnsafeBufferPointer<Int32>,
        _ seeds: inout [Seed]
    ) {
        guard !order.isEmpty else { return }
        var stack: [(depth: Int, weight: Int)] = []
        var before = 0
        for index in order.indices {
            let position = Int(order[index])
            let after = index + 1 < order.count ? common(letters, position, Int(order[index + 1])) : 0
            var weight = Int(weights[position])
            let length = lengthOfSuffix(letters, position)
            // A whole suffix that no other shares is a node when its word occurs twice.
            if length > max(before, after), length <= longest, length > 1, weight > 1 {
                seeds.append(Seed(start: Int32(position), count: Int32(length), frequency: weight))
            }
            if after > before {
                stack.append((after, weight))
            } else {
                if !stack.isEmpty { stack[stack.count - 1].weight += weight }
                while let top = stack.last, top.depth > after {
                    stack.removeLast()
                    weight = top.weight
                    if top.depth > 1, top.depth <= longest, weight > 1 {
                        seeds.append(Seed(start: Int32(position), count: Int32(top.depth), frequency: weight))
                    }
                    if let next = stack.last, next.depth >= after {
                        stack[stack.count - 1].weight += weight
                    } else if after > 0 {
                        stack.append((after, weight))
                    }
                }
            }
            before = after
        }
    }

    private func common(_ letters: UnsafeBufferPointer<UInt32>, _ left: Int, _ right: Int) -> Int {
        var count = 0
        while count <= longest, letters[left + count] == letters[right + count], letters[left + count] != 0 {
            count += 1
        }
        return count
    }

    private func lengthOfSuffix(_ letters: UnsafeBufferPointer<UInt32>, _ start: Int) -> Int {
        var count = 0
        while count <= longest, letters[start + count] != 0 { count += 1 }
        return count
    }
}
