import CKernels
import Foundation
import Testing

extension KernelContract {
    @Suite struct WordVectors {
        /// Draws by a linear congruential rule.
        struct Draws {
            var state: UInt64
            mutating func next(_ bound: Int) -> Int {
                state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                return Int(state >> 33) % bound
            }
            mutating func number() -> Float { Float(next(2001) - 1000) / 1000 }
        }

        /// The tasks of one stream, with their memory.
        final class Stream {
            let tasks: Int
            var starts: [[Int32]] = [[0], [0]]
            var rows: [[Int32]] = [[], []]
            var weights: [[Float]] = [[], []]
            var labels: [Float] = []

            init(_ draws: inout Draws, tasks: Int, rows counts: [Int], most: [Int]) {
                self.tasks = tasks
                for _ in 0..<tasks {
                    for side in 0..<2 {
                        var chosen: [Int32] = []
                        for _ in 0...draws.next(most[side]) {
                            let row = Int32(draws.next(counts[side]))
                            if !chosen.contains(row) { chosen.append(row) }
                        }
                        rows[side] += chosen
                        weights[side] += chosen.map { _ in Float(1 + draws.next(2)) }
                        if side == 1 { labels += chosen.map { _ in Float(draws.next(3)) / 2 } }
                        starts[side].append(Int32(rows[side].count))
                    }
                }
            }

            func withStream<Result>(_ body: (yk_word_stream) -> Result) -> Result {
                starts[0].withUnsafeBufferPointer { inputStarts in
                    starts[1].withUnsafeBufferPointer { outputStarts in
                        rows[0].withUnsafeBufferPointer { inputs in
                            rows[1].withUnsafeBufferPointer { outputs in
                                weights[0].withUnsafeBufferPointer { inputWeights in
                                    weights[1].withUnsafeBufferPointer { outputWeights in
                                        labels.withUnsafeBufferPointer { labels in
                                            body(
                                                yk_word_stream(
                                                    tasks: Int64(tasks),
                                                    input_starts: inputStarts.baseAddress,
                                                    output_starts: outputStarts.baseAddress,
                                                    inputs: inputs.baseAddress,
                                                    input_weights: inputWeights.baseAddress,
                                                    outputs: outputs.baseAddress,
                                                    output_weights: outputWeights.baseAddress,
                                                    labels: labels.baseAddress
                                                )
                                            )
                                        }
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }

        /// Both tables with rows of a stride.
        struct Tables {
            var values: [[Float]]
            let width: Int
            let stride: Int

            init(_ draws: inout Draws, rows: [Int], width: Int) {
                let stride = (width + 15) / 16 * 16
                (self.width, self.stride) = (width, stride)
                values = [[], []]
                for side in 0..<2 {
                    for _ in 0..<rows[side] {
                        for column in 0..<stride { values[side].append(column < width ? draws.number() : 0) }
                    }
                }
            }
        }

        static func train(
            _ tables: Tables,
            _ streams: [Stream],
            _ mode: yk_word_mode,
            rate: Float,
            threads: Int32
        ) -> (values: [[Float]], loss: Double, counted: Double) {
            var (first, second) = (tables.values[0], tables.values[1])
            var firstMarks = [UInt32](repeating: 0, count: first.count / tables.stride)
            var secondMarks = [UInt32](repeating: 0, count: second.count / tables.stride)
            let before = yk_thread_count()
            yk_set_thread_count(threads)
            defer { yk_set_thread_count(before) }
            func lend(_ rest: ArraySlice<Stream>, _ got: [yk_word_stream], _ body: ([yk_word_stream]) -> Void)
            {
                guard let first = rest.first else { return body(got) }
                first.withStream { lend(rest.dropFirst(), got + [$0], body) }
            }
            var (loss, counted) = (0.0, 0.0)
            let width = Int64(tables.width)
            let stride = Int64(tables.stride)
            lend(streams[...], []) { list in
                first.withUnsafeMutableBufferPointer { inputs in
                    second.withUnsafeMutableBufferPointer { outputs in
                        firstMarks.withUnsafeMutableBufferPointer { inputMarks in
                            secondMarks.withUnsafeMutableBufferPointer { outputMarks in
                                var training = yk_word_training(
                                    input_table: inputs.baseAddress,
                                    output_table: outputs.baseAddress,
                                    input_rows: Int64(inputMarks.count),
                                    output_rows: Int64(outputMarks.count),
                                    D: width,
                                    stride: stride,
                                    input_marks: inputMarks.baseAddress,
                                    output_marks: outputMarks.baseAddress,
                                    mark: 0,
                                    mode: mode,
                                    learning_rate: rate,
                                    loss: 0,
                                    counted: 0
                                )
                                // Twice: the second call must tell its marks from those of the first.
                                for _ in 0..<2 { #expect(yk_word_train(&training, list, Int64(list.count))) }
                                (loss, counted) = (training.loss, training.counted)
                            }
                        }
                    }
                }
            }
            return ([first, second], loss, counted)
        }

        /// The same in double, one task after the other.
        static func reference(
            _ tables: Tables,
            _ streams: [Stream],
            _ mode: yk_word_mode,
            rate: Double
        ) -> [[Double]] {
            var values = tables.values.map { $0.map(Double.init) }
            let (width, stride) = (tables.width, tables.stride)
            func row(_ side: Int, _ index: Int32) -> [Double] {
                Array(values[side][Int(index) * stride..<Int(index) * stride + width])
            }
            for _ in 0..<2 {
                for k in 0..<(streams.map(\.tasks).max() ?? 0) {
                    for s in streams where k < s.tasks {
                        let ins = Int(s.starts[0][k])..<Int(s.starts[0][k + 1])
                        let outs = Int(s.starts[1][k])..<Int(s.starts[1][k + 1])
                        let x = ins.map { row(0, s.rows[0][$0]) }
                        let y = outs.map { row(1, s.rows[1][$0]) }
                        let inWeights = ins.map { Double(s.weights[0][$0]) }
                        var pooled = x
                        var shares = inWeights
                        if mode != YK_WORD_PAIRS {
                            let scale = mode == YK_WORD_SUM ? 1 : 1 / inWeights.reduce(0, +)
                            var mean = [Double](repeating: 0, count: width)
                            for (vector, weight) in zip(x, inWeights) {
                                for d in 0..<width { mean[d] += scale * weight * vector[d] }
                            }
                            (pooled, shares) = ([mean], [1])
                        }
                        var toX = pooled.map { _ in [Double](repeating: 0, count: width) }
                        for (t, out) in outs.enumerated() {
                            var toY = [Double](repeating: 0, count: width)
                            for c in pooled.indices {
                                let dot = zip(pooled[c], y[t]).reduce(0) { $0 + $1.0 * $1.1 }
                                let weight = rate * Double(s.weights[1][out]) * shares[c]
                                let slope = (Double(s.labels[out]) - 1 / (1 + exp(-dot))) * weight
                                for d in 0..<width {
                                    toX[c][d] += slope * y[t][d]
                                    toY[d] += slope * pooled[c][d]
                                }
                            }
                            for d in 0..<width { values[1][Int(s.rows[1][out]) * stride + d] += toY[d] }
                        }
                        let back = mode == YK_WORD_MEAN ? 1 / inWeights.reduce(0, +) : 1
                        for (c, place) in ins.enumerated() {
                            let gradient = mode == YK_WORD_PAIRS ? toX[c] : toX[0]
                            let factor = mode == YK_WORD_PAIRS ? 1 : back * inWeights[c]
                            for d in 0..<width {
                                values[0][Int(s.rows[0][place]) * stride + d] += factor * gradient[d]
                            }
                        }
                    }
                }
            }
            return values
        }

        static let modes: [UInt32] = [0, 1, 2, 3]

        @Test(arguments: modes, [7, 16, 100])
        func tasksChangeRowsAsOneAfterTheOther(_ mode: UInt32, _ width: Int) {
            var draws = Draws(state: UInt64(mode) << 32 | UInt64(width))
            let rows = [23, 31]
            let tables = Tables(&draws, rows: rows, width: width)
            let streams = (0..<5).map { Stream(&draws, tasks: 4 + 3 * $0, rows: rows, most: [10, 15]) }
            let kind = yk_word_mode(mode)
            let expected = Self.reference(tables, streams, kind, rate: 0.03)
            for name in ["scalar", "avx2", "avx512"] {
                var set = YK_SCALAR
                guard yk_kernel_set_from_name(name, &set), yk_kernel_set_available(set) else { continue }
                let before = yk_active_kernel_set()
                #expect(yk_use_kernel_set(set))
                defer { _ = yk_use_kernel_set(before) }
                let one = Self.train(tables, streams, kind, rate: 0.03, threads: 1)
                for side in 0..<2 {
                    for (place, value) in one.values[side].enumerated() {
                        let wanted = expected[side][place]
                        #expect(
                            abs(Double(value) - wanted) < 2e-4 * max(1, abs(wanted)),
                            "\(name) \(side) \(place)"
                        )
                    }
                }
                #expect(one.counted > 0 && one.loss > 0)
                for threads in [2, 5] {
                    let many = Self.train(tables, streams, kind, rate: 0.03, threads: Int32(threads))
                    #expect(many.values == one.values, "\(name), \(threads) threads")
                    #expect(many.loss == one.loss && many.counted == one.counted)
                }
            }
        }

        @Test func queuesThatNoThreadHasTakenAreCarriedOut() {
            // Inside a piece of another job, all queues fall to the calling thread.
            var draws = Draws(state: 5)
            let tables = Tables(&draws, rows: [6, 6], width: 20)
            let streams = (0..<4).map { _ in Stream(&draws, tasks: 20, rows: [6, 6], most: [4, 6]) }
            let alone = Self.train(tables, streams, YK_WORD_PAIRS, rate: 0.02, threads: 1)
            final class Box { var values: [[[Float]]] = [[], []] }
            let box = Box()
            var body: (Int) -> Void = { piece in
                box.values[piece] = Self.train(tables, streams, YK_WORD_PAIRS, rate: 0.02, threads: 4).values
            }
            let before = yk_thread_count()
            yk_set_thread_count(1)
            withUnsafeMutablePointer(to: &body) { body in
                yk_parallel(
                    2,
                    { $0?.assumingMemoryBound(to: ((Int) -> Void).self).pointee(Int($1)) },
                    body
                )
            }
            yk_set_thread_count(before)
            for values in box.values { #expect(values == alone.values) }
        }

        @Test(arguments: [1, 8, 50, 100])
        func dotProductsOfRows(_ width: Int) {
            var draws = Draws(state: 77)
            let rows = (0..<width * 5000).map { _ in draws.number() }
            let query = (0..<width).map { _ in draws.number() }
            var out = [Float](repeating: 0, count: 5000)
            yk_row_dots(&out, rows, query, 5000, Int64(width))
            for row in 0..<5000 {
                let exact = (0..<width).reduce(0.0) {
                    $0 + Double(rows[row * width + $1]) * Double(query[$1])
                }
                #expect(abs(Double(out[row]) - exact) < 1e-4)
            }
        }
    }
}
