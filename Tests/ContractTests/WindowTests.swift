import Testing
import YuyanCPUBackend
import YuyanTensorCore

extension KernelContract {
    /// `rowMaxima` and `windowMaximaGradient`.
    @Suite struct Windows {
        /// One call of `rowMaxima` on sequences with a gap of a row between them, into the right half of a wider result.
        private struct Maxima {
            let batch: Int
            let count: Int
            let width: Int
            let lengths: [Int]?
            let positions: Int
            let dtype: DType
            let rows: [Double]

            func rowCount(_ b: Int) -> Int {
                guard let lengths else { return count }
                return lengths[b] == 0 ? 0 : max(count - positions + lengths[b], 0)
            }

            func row(_ b: Int, _ n: Int, _ f: Int) -> Double { rows[((b * (count + 1)) + n) * width + f] }

            func expected() -> [[Double]] {
                var (values, places): ([Double], [Double]) = ([], [])
                for b in 0..<batch {
                    values += [Double](repeating: 77, count: width)
                    places += [Double](repeating: 77, count: width)
                    for f in 0..<width {
                        let found = (0..<rowCount(b)).map { row(b, $0, f) }
                        let best =
                            found.firstIndex(where: \.isNaN)
                            ?? found.indices.max {
                                found[$0] < found[$1] || (found[$0] == found[$1] && $0 > $1)
                            }
                        values.append(best.map { found[$0] } ?? 0)
                        places.append(Double(best ?? -1))
                    }
                }
                return [values, places]
            }

            func run() -> [[Double]] {
                let source = GuardedBlock(rows, dtype, [batch * (count + 1), width])
                let values = GuardedBlock(dtype, [batch, 2 * width]),
                    places = GuardedBlock(.i32, [batch, 2 * width])
                let own = lengths.map { GuardedBlock($0.map(Double.init), .i32, [batch]) }
                func right(_ block: GuardedBlock) -> TensorView {
                    block.view.advanced(by: width, shape: [batch, width], strides: [2 * width, 1])
                }
                var call = RowMaxima(
                    values: right(values),
                    places: right(places),
                    rows: source.view.reinterpreted(
                        shape: [batch, count, width],
                        strides: [(count + 1) * width, width, 1]
                    )
                )
                (call.lengths, call.positions) = (own?.view, positions)
                CPUBackend.shared.rowMaxima(call)
                #expect(areUntouched(source, values, places))
                return [values.values, places.values]
            }
        }

        @Test(arguments: [DType.f32, .f64])
        func maximaAreFirstLargest(_ dtype: DType) {
            let sizes: [(Int, Int, Int, [Int]?, Int)] = [
                (1, 1, 1, nil, 0), (3, 5, 100, nil, 0), (4, 7, 37, [7, 0, 3, 1], 7), (3, 9, 8, [5, 7, 0], 7),
                (3, 2, 5, [1, 2, 3], 4), (2, 0, 3, nil, 0), (0, 3, 3, nil, 0),
            ]
            for (batch, count, width, lengths, positions) in sizes {
                var numbers = TestNumbers(seed: UInt64(count * 100 + width))
                // Few different numbers, so that many are equal; some are none, and some are infinite.
                let rows = numbers.next(batch * (count + 1) * width, .f32).enumerated().map { index, value in
                    index % 97 == 5 ? .nan : index % 89 == 7 ? -.infinity : (value * 2).rounded()
                }
                let maxima = Maxima(
                    batch: batch,
                    count: count,
                    width: width,
                    lengths: lengths,
                    positions: positions,
                    dtype: dtype,
                    rows: rows
                )
                checkRows(
                    "maxima \(batch)×\(count)×\(width)",
                    dtype,
                    tolerance: 0,
                    absolute: 0,
                    expected: maxima.expected()
                ) { maxima.run() }
            }
        }

        /// One call of `windowMaximaGradient`, with all gradients wanted.
        private struct Gradient {
            let (batch, positions, channels, filters, width, leading): (Int, Int, Int, Int, Int, Int)
            let lengths: [Int]?
            let dtype: DType
            let source: [Double]
            let weight: [Double]
            let gradient: [Double]
            let places: [Int]

            init(_ size: (Int, Int, Int, Int, Int, Int), _ lengths: [Int]?, _ dtype: DType) {
                (batch, positions, channels, filters, width, leading) = size
                (self.lengths, self.dtype) = (lengths, dtype)
                var numbers = TestNumbers(seed: UInt64(size.1 * 10 + size.3))
                source = numbers.next(batch * positions * channels, dtype)
                weight = numbers.next(filters * width * channels, dtype)
                gradient = numbers.next(batch * filters, .f32).enumerated().map { $0 % 5 == 3 ? 0 : $1 }
                let (count, own) = (positions, lengths)
                let (filters, leading) = (filters, leading)
                places = (0..<batch * filters).map { index in
                    let length = own?[index / filters] ?? count
                    return length == 0 || index % 7 == 6 ? -1 : index * 3 % (length + leading)
                }
            }

            func expected() -> [[Double]] {
                var sourceGradient = [Double](repeating: 1, count: source.count)
                var weightGradient = [Double](repeating: 0, count: weight.count)
                var biasGradient = [Double](repeating: 0, count: filters)
                for b in 0..<batch {
                    for f in 0..<filters where places[b * filters + f] >= 0 {
                        let d = gradient[b * filters + f]
                        biasGradient[f] += d
                        for k in 0..<width {
                            let position = places[b * filters + f] - leading + k
                            guard position >= 0, position < lengths?[b] ?? positions else { continue }
                            for c in 0..<channels {
                                let (x, w) = (
                                    (b * positions + position) * channels + c, (f * width + k) * channels + c
                                )
                                sourceGradient[x] += d * weight[w]
                                weightGradient[w] += d * source[x]
                            }
                        }
                    }
                }
                return [sourceGradient, weightGradient, biasGradient]
            }

            func run() -> [[Double]] {
                let wide: DType = dtype == .f64 ? .f64 : .f32
                let x = GuardedBlock(source, dtype, [batch, positions, channels])
                let w = GuardedBlock(weight, dtype, [filters, width, channels])
                let d = GuardedBlock(gradient, wide, [batch, filters])
                let at = GuardedBlock(places.map(Double.init), .i32, [batch, filters])
                let own = lengths.map { GuardedBlock($0.map(Double.init), .i32, [batch]) }
                let ones = [Double](repeating: 1, count: source.count)
                let dx = GuardedBlock(ones, wide, [batch, positions, channels])
                let dw = GuardedBlock(wide, [filters, width, channels]), db = GuardedBlock(wide, [filters])
                var call = WindowMaximaGradient(
                    gradient: d.view,
                    places: at.view,
                    source: x.view,
                    weight: w.view
                )
                (call.lengths, call.leading) = (own?.view, leading)
                (call.sourceGradient, call.weightGradient, call.biasGradient) = (dx.view, dw.view, db.view)
                CPUBackend.shared.windowMaximaGradient(call)
                #expect(areUntouched(x, w, d, at, dx, dw, db))
                return [dx.values, dw.values, db.values]
            }
        }

        @Test(arguments: [DType.f32, .bf16, .f64])
        func gradientsAgreeWithSums(_ dtype: DType) {
            let sizes: [((Int, Int, Int, Int, Int, Int), [Int]?)] = [
                ((1, 1, 1, 1, 1, 0), nil), ((3, 7, 19, 9, 3, 2), [7, 0, 2]), ((4, 5, 32, 21, 4, 0), nil),
                ((2, 2, 5, 6, 5, 4), [1, 2]), ((0, 3, 4, 2, 2, 1), nil),
            ]
            for (size, lengths) in sizes {
                let example = Gradient(size, lengths, dtype)
                checkRows(
                    "gradient of windows \(size)",
                    dtype,
                    tolerance: dtype == .f64 ? 1e-13 : 1e-5,
                    absolute: dtype == .f64 ? 1e-13 : 1e-5,
                    expected: example.expected()
                ) { example.run() }
            }
        }

        @Test func rowsThatLieApartTrap() async {
            await #expect(processExitsWith: .failure) {
                let rows = GuardedBlock(.f32, [2, 3, 8]), values = GuardedBlock(.f32, [2, 4])
                let places = GuardedBlock(.i32, [2, 4])
                let spread = rows.view.reinterpreted(shape: [2, 3, 4], strides: [24, 8, 1])
                CPUBackend.shared.rowMaxima(
                    RowMaxima(values: values.view, places: places.view, rows: spread)
                )
            }
        }
    }
}
