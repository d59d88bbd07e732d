import CKernels
import YuyanTensorCore

/// A block of aligned memory that lives as long as its owner.
final class NumberTable {
    let values: UnsafeMutablePointer<Float>
    let rows: Int
    let stride: Int

    /// Rows of zeros; the stride is rounded up to whole cache lines.
    init(rows: Int, width: Int) {
        (self.rows, stride) = (rows, (width + 15) / 16 * 16)
        let bytes = max(rows * stride, 1) * MemoryLayout<Float>.stride
        guard let memory = yk_allocate(bytes) else {
            fatalError("no memory for \(bytes) bytes of word vectors")
        }
        memory.initializeMemory(as: UInt8.self, repeating: 0, count: bytes)
        values = memory.bindMemory(to: Float.self, capacity: max(rows * stride, 1))
    }

    deinit { yk_free(values) }

    func row(_ index: Int) -> UnsafeMutablePointer<Float> { values + index * stride }
}

/// Calls `body` once for each piece, on the threads of the kernels.
func forEachPiece(_ pieces: Int, _ body: (Int) -> Void) {
    withoutActuallyEscaping(body) { body in
        var context = body
        withUnsafeMutablePointer(to: &context) { context in
            yk_parallel(
                Int64(pieces),
                { context, piece in
                    context?.assumingMemoryBound(to: ((Int) -> Void).self).pointee(Int(piece))
                },
                context
            )
        }
    }
}

/// What all makers of tasks read.
struct WordTaskPlan {
    let options: Word2VecOptions
    let ids: UnsafePointer<Int32>
    let count: Int
    let thresholds: UnsafePointer<UInt64>
    let alias: UnsafePointer<AliasTable.Slot>
    let words: Int
    let tree: HuffmanTree?
    let inputs: InputRows?

    /// The words that a random position has at most.
    var draws: Int { options.negatives == 0 ? 4 : (1 + options.negatives * drawnSets + 3) / 4 * 4 }
    /// How many times negatives are drawn for one middle word.
    var drawnSets: Int { isWhole ? 2 * options.window : 1 }
    /// Whether a middle word is the input and its context the outputs, so that subwords are gathered once.
    var isWhole: Bool { options.architecture == .skipGram && inputs != nil }
}

/// Makes the tasks of one stream from a stretch of the corpus.
///
/// What is drawn for a place of the corpus depends on the seed, the epoch and the place alone.
final class WordTaskMaker {
    static let stretch = 1024
    /// How far beyond its stretch a maker looks for context.
    private let reach: Int
    private let plan: WordTaskPlan
    private let inputStarts: UnsafeMutablePointer<Int32>
    private let outputStarts: UnsafeMutablePointer<Int32>
    private let inputs: UnsafeMutablePointer<Int32>
    private let inputWeights: UnsafeMutablePointer<Float>
    private let outputs: UnsafeMutablePointer<Int32>
    private let outputWeights: UnsafeMutablePointer<Float>
    private let labels: UnsafeMutablePointer<Float>
    /// The words kept in a stretch and around it, and where they stand, counted from its beginning.
    private let line: UnsafeMutablePointer<Int32>
    private let places: UnsafeMutablePointer<Int32>
    private let drawn: UnsafeMutablePointer<UInt32>
    private var tasks = 0
    private var inputEnd = 0
    private var outputEnd = 0

    init(_ plan: WordTaskPlan) {
        self.plan = plan
        let options = plan.options
        reach = 8 * options.window + 64
        let (span, context) = (Self.stretch + 2 * reach, 2 * options.window)
        let mostRows = plan.inputs?.most ?? 1
        let mostInputs = plan.isWhole ? mostRows : context * mostRows
        let path = plan.tree?.longestPath ?? 1 + options.negatives
        let mostOutputs = path * (plan.isWhole ? context : 1)
        inputStarts = .allocate(capacity: Self.stretch + 1)
        outputStarts = .allocate(capacity: Self.stretch + 1)
        inputs = .allocate(capacity: Self.stretch * mostInputs)
        inputWeights = .allocate(capacity: Self.stretch * mostInputs)
        outputs = .allocate(capacity: Self.stretch * mostOutputs)
        outputWeights = .allocate(capacity: Self.stretch * mostOutputs)
        labels = .allocate(capacity: Self.stretch * mostOutputs)
        line = .allocate(capacity: span)
        places = .allocate(capacity: span)
        drawn = .allocate(capacity: max(span, Self.stretch * plan.draws))
        (inputStarts[0], outputStarts[0]) = (0, 0)
    }

    deinit {
        for numbers in [inputStarts, outputStarts, inputs, outputs, line, places] { numbers.deallocate() }
        for weights in [inputWeights, outputWeights, labels] { weights.deallocate() }
        drawn.deallocate()
    }

    /// The tasks made last; valid until the next are made.
    var stream: yk_word_stream {
        yk_word_stream(
            tasks: Int64(tasks),
            input_starts: UnsafePointer(inputStarts),
            output_starts: UnsafePointer(outputStarts),
            inputs: UnsafePointer(inputs),
            input_weights: UnsafePointer(inputWeights),
            outputs: UnsafePointer(outputs),
            output_weights: UnsafePointer(outputWeights),
            labels: UnsafePointer(labels)
        )
    }

    /// Makes the tasks of the places of a range.
    func make(_ range: Range<Int>, epoch: Int) {
        (tasks, inputEnd, outputEnd) = (0, 0, 0)
        guard !range.isEmpty else { return }
        let count = keep(range, epoch: epoch)
        draw(range.lowerBound * plan.draws, range.count * plan.draws, stream: 2 * UInt64(epoch) + 1)
        let length = Int32(range.count)
        for middle in 0..<count where line[middle] >= 0 && places[middle] >= 0 && places[middle] < length {
            let random = UnsafePointer(drawn + Int(places[middle]) * plan.draws)
            var extent = plan.options.window
            if plan.options.windowIsDynamic { extent -= Int(UInt64(random[0]) &* UInt64(extent) >> 32) }
            if plan.isWhole {
                addContextOutputs(middle, extent, count, random + 1)
                if outputEnd > outputStarts[tasks] { addRows(line[middle], weight: 1) }
            } else {
                addContextInputs(middle, extent, count)
                if inputEnd > inputStarts[tasks] { addOutputs(line[middle], random + 1) }
            }
            let isUsable = inputEnd > inputStarts[tasks] && outputEnd > outputStarts[tasks]
            if isUsable {
                tasks += 1
            } else {
                (inputEnd, outputEnd) = (Int(inputStarts[tasks]), Int(outputStarts[tasks]))
            }
            (inputStarts[tasks], outputStarts[tasks]) = (Int32(inputEnd), Int32(outputEnd))
        }
    }

    private func draw(_ position: Int, _ count: Int, stream: UInt64) {
        let source = yk_random(seed: plan.options.seed, stream: stream, position: UInt64(position))
        yk_random_words(drawn, source, Int64(count))
    }

    /// Fills `line` and `places`.
    private func keep(_ range: Range<Int>, epoch: Int) -> Int {
        let wide = max(0, range.lowerBound - reach)..<min(plan.count, range.upperBound + reach)
        draw(wide.lowerBound, wide.count, stream: 2 * UInt64(epoch))
        var count = 0
        for place in wide {
            let id = plan.ids[place]
            guard id < 0 || UInt64(drawn[place - wide.lowerBound]) < plan.thresholds[Int(id)] else {
                continue
            }
            line[count] = id
            places[count] = Int32(place - range.lowerBound)
            count += 1
        }
        return count
    }

    /// Calls `body` with the words around a middle word, up to the sentence's ends.
    @inline(__always)
    private func forContext(_ middle: Int, _ extent: Int, _ count: Int, _ body: (Int32) -> Void) {
        var place = middle - 1
        while place >= max(0, middle - extent), line[place] >= 0 {
            body(line[place])
            place -= 1
        }
        place = middle + 1
        while place < min(count, middle + extent + 1), line[place] >= 0 {
            body(line[place])
            place += 1
        }
    }

    private func addContextInputs(_ middle: Int, _ extent: Int, _ count: Int) {
        forContext(middle, extent, count) { word in
            if plan.inputs == nil { addInput(word, weight: 1) } else { addRows(word, weight: 1) }
        }
    }

    /// The rows of a word and of its n-grams.
    private func addRows(_ word: Int32, weight: Float) {
        guard let rows = plan.inputs else { return }
        for index in Int(rows.starts[Int(word)])..<Int(rows.starts[Int(word) + 1]) {
            addInput(rows.rows[index], weight: weight * rows.weights[index])
        }
    }

    @inline(__always)
    private func addInput(_ row: Int32, weight: Float) {
        for index in Int(inputStarts[tasks])..<inputEnd where inputs[index] == row {
            inputWeights[index] += weight
            return
        }
        inputs[inputEnd] = row
        inputWeights[inputEnd] = weight
        inputEnd += 1
    }

    private func addContextOutputs(
        _ middle: Int,
        _ extent: Int,
        _ count: Int,
        _ random: UnsafePointer<UInt32>
    ) {
        var random = random
        forContext(middle, extent, count) { word in
            addOutputs(word, random)
            random += plan.options.negatives
        }
    }

    /// What a word is told by: itself and words drawn, or the path to it.
    @inline(__always)
    private func addOutputs(_ word: Int32, _ random: UnsafePointer<UInt32>) {
        if let tree = plan.tree {
            for index in Int(tree.starts[Int(word)])..<Int(tree.starts[Int(word) + 1]) {
                addOutput(tree.nodes[index], tree.labels[index])
            }
            return
        }
        addOutput(word, 1)
        let words = UInt64(plan.words)
        for index in 0..<plan.options.negatives {
            let negative = AliasTable.draw(random[index], plan.alias, words)
            if negative != word { addOutput(negative, 0) }
        }
    }

    /// A row that is there already counts once more, its label the mean.
    @inline(__always)
    private func addOutput(_ row: Int32, _ label: Float) {
        for index in Int(outputStarts[tasks])..<outputEnd where outputs[index] == row {
            let weight = outputWeights[index] + 1
            labels[index] = (labels[index] * outputWeights[index] + label) / weight
            outputWeights[index] = weight
            return
        }
        outputs[outputEnd] = row
        outputWeights[outputEnd] = 1
        labels[outputEnd] = label
        outputEnd += 1
    }
}
