import Foundation
import Testing
import YuyanCPUBackend
import YuyanTensorCore
import YuyanTestSupport

/// Functions of two values, comparisons and selection, scaled sums.
enum BinaryReference {
    static func value(_ operation: BinaryOperation, _ a: Double, _ b: Double) -> Double {
        switch operation {
        case .add: a + b
        case .subtract: a - b
        case .multiply: a * b
        case .divide: a / b
        case .maximum: a.isNaN || b.isNaN ? .nan : max(a, b)
        case .minimum: a.isNaN || b.isNaN ? .nan : min(a, b)
        case .power: pow(a, b)
        }
    }

    static func value(_ comparison: YuyanTensorCore.Comparison, _ a: Double, _ b: Double) -> Bool {
        switch comparison {
        case .equal: a == b
        case .notEqual: a != b
        case .less: a < b
        case .lessOrEqual: a <= b
        case .greater: a > b
        case .greaterOrEqual: a >= b
        }
    }

    /// The elements of a shape, of which those along `repeated` axes are those at index 0.
    static func spread(_ values: [Double], _ shape: Shape, _ repeated: Set<Int>) -> [Double] {
        let strides = shape.contiguousStrides
        return values.indices.map { index in
            var place = 0
            for axis in 0..<shape.rank where !repeated.contains(axis) {
                place += index / strides[axis] % shape.dimensions[axis] * strides[axis]
            }
            return values[place]
        }
    }
}

extension KernelContract {
    @Suite struct BinaryTests {
        static let shapes: [Shape] = [
            [], [0], [1], [5], [1, 1], [3, 0, 4], [31], [4, 33], [3, 5, 17], [2, 1, 3, 1, 9],
            [2, 3, 2, 2, 2, 3, 2, 2],
            [6, 520],
        ]

        private func numbers(_ count: Int, _ dtype: DType, seed: UInt64) -> [Double] {
            var source = TestNumbers(seed: seed)
            let raw = source.next(count, .f32)
            return rounded(raw.map { dtype == .i32 ? ($0 * 100).rounded() : $0 * 3 }, dtype)
        }

        @Test(arguments: BinaryOperation.allCases, [DType.f32, .bf16, .f64, .i32])
        func broadcastsAreRight(_ operation: BinaryOperation, _ dtype: DType) {
            for set in CPUBackend.availableKernelSets {
                withKernels(set) {
                    for shape in Self.shapes {
                        check(operation, dtype, shape, set)
                    }
                }
            }
        }

        private func check(_ operation: BinaryOperation, _ dtype: DType, _ shape: Shape, _ set: KernelSet) {
            let count = shape.elementCount
            var a = numbers(count, dtype, seed: 1), b = numbers(count, dtype, seed: 2)
            if operation == .power {
                a = a.map { dtype == .i32 ? ($0 / 20).rounded() : abs($0) + 0.125 }
                if dtype == .i32 { b = b.map { (abs($0) / 20).rounded() } }
                a = rounded(a, dtype)
            }
            if operation == .divide { b = b.map { abs($0) < 0.25 ? 1 : $0 } }
            var repeats: [Set<Int>] = [[]]
            for axis in 0..<min(shape.rank, 3) { repeats.append([axis, shape.rank - 1 - axis]) }
            if shape.rank > 0 {
                repeats += [[shape.rank - 1], Set(0..<(shape.rank - 1)), Set(0..<shape.rank)]
            }
            for (number, repeated) in repeats.enumerated() {
                for other in number == 0 ? [Set<Int>()] : [[], repeated] {
                    let left = BinaryReference.spread(a, shape, other)
                    let right = BinaryReference.spread(b, shape, repeated)
                    let orders = StridedBlock.Order.allCases
                    let order = orders[(count + number) % orders.count]
                    let out = StridedBlock([], dtype, shape, orders[number % orders.count])
                    CPUBackend.shared.binary(
                        operation,
                        out.view,
                        StridedBlock(left, dtype, shape, order, repeated: other).view,
                        StridedBlock(
                            right,
                            dtype,
                            shape,
                            number % 2 == 0 ? .contiguous : order,
                            repeated: repeated
                        )
                        .view
                    )
                    let exact = zip(left, right).map { BinaryReference.value(operation, $0, $1) }
                    let unit = dtype == .i32 ? 0 : unitRoundoff(dtype) * (operation == .power ? 2 : 0.51)
                    expectClose(
                        actual: out.values,
                        expected: dtype == .i32 ? exact.map { $0.rounded(.towardZero) } : exact,
                        relative: unit,
                        "\(operation) \(dtype) \(shape) repeating \(other), \(repeated) \(set)"
                    )
                    #expect(out.gapsAreUntouched)
                }
            }
        }

        @Test(arguments: [DType.f32, .bf16, .f64])
        func inPlace(_ dtype: DType) {
            let shape: Shape = [7, 130]
            let a = numbers(shape.elementCount, dtype, seed: 3),
                b = numbers(shape.elementCount, dtype, seed: 4)
            for set in CPUBackend.availableKernelSets {
                withKernels(set) {
                    for order in StridedBlock.Order.allCases {
                        let same = StridedBlock(a, dtype, shape, order)
                        CPUBackend.shared.binary(
                            .subtract,
                            same.view,
                            same.view,
                            StridedBlock(b, dtype, shape).view
                        )
                        #expect(same.values == rounded(zip(a, b).map { $0 - $1 }, dtype), "\(order) \(set)")
                    }
                }
            }
        }

        @Test func notANumberPasses() {
            let a = [Double.nan, 1, .nan, 1], b = [1, Double.nan, .nan, 2]
            for set in CPUBackend.availableKernelSets {
                withKernels(set) {
                    for (operation, last) in [(BinaryOperation.maximum, 2.0), (.minimum, 1)] {
                        for count in [4, 20] {
                            let (x, y) = (0..<count).reduce(into: ([Double](), [Double]())) {
                                $0.0.append(a[$1 % 4])
                                $0.1.append(b[$1 % 4])
                            }
                            let out = StridedBlock([], .f32, [count])
                            CPUBackend.shared.binary(
                                operation,
                                out.view,
                                StridedBlock(x, .f32, [count]).view,
                                StridedBlock(y, .f32, [count]).view
                            )
                            expectClose(
                                actual: out.values,
                                expected: (0..<count).map { $0 % 4 == 3 ? last : .nan },
                                matchingNaN: true
                            )
                        }
                    }
                }
            }
        }

        @Test(arguments: YuyanTensorCore.Comparison.allCases, DType.allCases)
        func comparisonsAreRight(_ comparison: YuyanTensorCore.Comparison, _ dtype: DType) {
            for set in CPUBackend.availableKernelSets {
                withKernels(set) {
                    for shape in Self.shapes {
                        let whole = numbers(shape.elementCount, .i32, seed: 8).map {
                            abs(($0 / 30).rounded())
                        }
                        let other = numbers(shape.elementCount, .i32, seed: 9).map {
                            abs(($0 / 30).rounded())
                        }
                        for order in [StridedBlock.Order.contiguous, .transposed, .spread] {
                            let out = StridedBlock([], .u8, shape, order)
                            CPUBackend.shared.compare(
                                comparison,
                                out.view,
                                StridedBlock(whole, dtype, shape, order).view,
                                StridedBlock(other, dtype, shape).view
                            )
                            let expected = zip(whole, other).map {
                                BinaryReference.value(comparison, $0, $1) ? 1.0 : 0
                            }
                            #expect(out.values == expected, "\(shape) \(order) \(set)")
                            #expect(out.gapsAreUntouched)
                        }
                    }
                }
            }
        }

        @Test func comparisonsWithNaNAreFalse() {
            for comparison in YuyanTensorCore.Comparison.allCases {
                let out = StridedBlock([], .u8, [3])
                CPUBackend.shared.compare(
                    comparison,
                    out.view,
                    StridedBlock([.nan, 1, .nan], .f32, [3]).view,
                    StridedBlock([1, .nan, .nan], .f32, [3]).view
                )
                #expect(out.values == [Double](repeating: comparison == .notEqual ? 1 : 0, count: 3))
            }
        }

        @Test(arguments: DType.allCases)
        func selectionIsRight(_ dtype: DType) {
            for shape in Self.shapes {
                let count = shape.elementCount
                let a = (0..<count).map { Double($0 % 120) }, b = (0..<count).map { Double(120 + $0 % 100) }
                let condition = (0..<count).map { Double($0 % 3 == 0 ? 0 : $0 % 4) }
                for order in StridedBlock.Order.allCases {
                    let out = StridedBlock([], dtype, shape, order)
                    CPUBackend.shared.select(
                        out.view,
                        condition: StridedBlock(condition, .u8, shape, order).view,
                        StridedBlock(a, dtype, shape).view,
                        StridedBlock(
                            BinaryReference.spread(b, shape, Set(0..<shape.rank)),
                            dtype,
                            shape,
                            repeated: Set(0..<shape.rank)
                        ).view
                    )
                    let first = rounded([b.first ?? 0], dtype)[0]
                    let expected = zip(condition, rounded(a, dtype)).map { $0 != 0 ? $1 : first }
                    #expect(out.values == expected, "\(shape) \(order)")
                    #expect(out.gapsAreUntouched)
                }
            }
        }

        @Test(arguments: [DType.f32, .bf16, .f64], [DType.f32, .bf16, .f64])
        func scaledSums(_ to: DType, _ from: DType) {
            for set in CPUBackend.availableKernelSets {
                withKernels(set) {
                    for count in [0, 1, 9, 511, 513, 40_000] {
                        let x = numbers(count, from, seed: 12), y = numbers(count, to, seed: 13)
                        let sum = StridedBlock(y, to, [count])
                        CPUBackend.shared.accumulate(
                            sum.view,
                            StridedBlock(x, from, [count]).view,
                            alpha: 0.75
                        )
                        expectClose(
                            actual: sum.values,
                            expected: zip(x, y).map { $0 * 0.75 + $1 },
                            relative: unitRoundoff(to) * 0.51,
                            absolute: to == .f64 ? 1e-15 : 1e-6,
                            "accumulate \(to) \(from) \(set) [\(count)]"
                        )
                        guard to == from else { continue }
                        CPUBackend.shared.affine(
                            sum.view,
                            StridedBlock(x, to, [count]).view,
                            scale: -2.5,
                            shift: 0.5
                        )
                        expectClose(
                            actual: sum.values,
                            expected: x.map { $0 * -2.5 + 0.5 },
                            relative: unitRoundoff(to) * 0.51,
                            absolute: to == .f64 ? 1e-15 : 1e-6,
                            "affine \(to) \(set) [\(count)]"
                        )
                    }
                }
            }
        }

        @Test(arguments: [DType.f32, .bf16])
        func threadsDoNotMatter(_ dtype: DType) {
            let shape: Shape = [300, 333]
            let a = numbers(shape.elementCount, dtype, seed: 5),
                b = numbers(shape.elementCount, dtype, seed: 6)
            for set in CPUBackend.availableKernelSets {
                let results = [1, 2].map { threads in
                    let out = StridedBlock([], dtype, shape, .reversed)
                    withKernels(set, threads: threads) {
                        CPUBackend.shared.binary(
                            .divide,
                            out.view,
                            StridedBlock(a, dtype, shape).view,
                            StridedBlock(b, dtype, shape, repeated: [0]).view
                        )
                    }
                    return out.bytes
                }
                #expect(results[0] == results[1], "\(set)")
            }
        }
    }
}
