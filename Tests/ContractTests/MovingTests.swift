import Testing
import YuyanCPUBackend
import YuyanTensorCore
import YuyanTestSupport

extension KernelContract {
    @Suite struct MovingTests {
        static let shapes: [Shape] = [
            [], [0], [1], [7], [3, 0], [5, 4], [33, 65], [100, 70], [2, 40, 37], [3, 2, 20, 9],
            [2, 2, 3, 1, 2, 2, 3, 2],
        ]

        /// Whole numbers that every dtype holds.
        private func numbers(_ count: Int) -> [Double] { (0..<count).map { Double(($0 * 37 + 11) % 251) } }

        @Test(arguments: DType.allCases, DType.allCases)
        func copiesAreRight(_ to: DType, _ from: DType) {
            for set in CPUBackend.availableKernelSets {
                withKernels(set) {
                    for shape in Self.shapes {
                        let values = numbers(shape.elementCount)
                        for target in StridedBlock.Order.allCases {
                            for source in StridedBlock.Order.allCases {
                                let out = StridedBlock([], to, shape, target)
                                let x = StridedBlock(values, from, shape, source)
                                CPUBackend.shared.copy(out.view, from: x.view)
                                #expect(out.values == values, "\(shape) \(target) from \(source), \(set)")
                                #expect(out.gapsAreUntouched)
                            }
                        }
                    }
                }
            }
        }

        @Test(arguments: [1, 2])
        func largeTranspositions(_ threads: Int) {
            let shape: Shape = [3, 190, 260]
            let values = numbers(shape.elementCount)
            for (to, from) in [
                (DType.f32, DType.f32), (.bf16, .bf16), (.bf16, .f32), (.f64, .f64), (.u8, .u8),
            ] {
                withKernels(.scalar, threads: threads) {
                    let out = StridedBlock([], to, shape, .padded)
                    CPUBackend.shared.copy(
                        out.view,
                        from: StridedBlock(values, from, shape, .transposed).view
                    )
                    #expect(out.values == values, "\(to) from \(from)")
                    #expect(out.gapsAreUntouched)
                }
            }
        }

        @Test func broadcastCopies() {
            let shape: Shape = [4, 6, 9]
            let values = numbers(shape.elementCount)
            for repeated in [Set([0]), [1], [2], [0, 2], [0, 1, 2]] {
                let out = StridedBlock([], .f32, shape)
                CPUBackend.shared.copy(
                    out.view,
                    from: StridedBlock(values, .f32, shape, repeated: repeated).view
                )
                #expect(out.values == BinaryReference.spread(values, shape, repeated), "\(repeated)")
            }
        }

        @Test func negativeStrides() {
            let x = StridedBlock(numbers(100), .f32, [100])
            let back = x.view.advanced(by: 99, shape: [100], strides: [-1])
            let out = StridedBlock([], .f32, [100])
            CPUBackend.shared.copy(out.view, from: back)
            #expect(out.values == numbers(100).reversed())
        }

        @Test(arguments: CPUBackend.availableKernelSets)
        func roundingIsToNearestEven(_ set: KernelSet) {
            // Half-way cases of bf16, and f64 values whose rounding through f32 would go the wrong way.
            let f32: [Double] = [
                1 + 0x1p-8, 1 + 3 * 0x1p-8, 1 + 0x1p-8 + 0x1p-23, -1 - 0x1p-8, 0x1.FEFp127, 0x1p-149, 0,
            ]
            let nearest: [Double] = [1, 1 + 0x1p-6, 1 + 0x1p-7, -1, 0x1.FEp127, 0, 0]
            withKernels(set) {
                for repeats in [1, 5] {
                    let x = (0..<repeats).flatMap { _ in f32 }
                    let out = StridedBlock([], .bf16, [x.count])
                    CPUBackend.shared.copy(out.view, from: StridedBlock(x, .f32, [x.count]).view)
                    let expected = (0..<repeats).flatMap { _ in nearest }
                    #expect(out.values == expected)
                }
                let f64: [Double] = [
                    1 + 0x1p-8 + 0x1p-40, 1 + 0x1p-8 - 0x1p-40, 1 + 3 * 0x1p-8 - 0x1p-50, .infinity,
                ]
                let out = StridedBlock([], .bf16, [4])
                CPUBackend.shared.copy(out.view, from: StridedBlock(f64, .f64, [4]).view)
                #expect(out.values == [1 + 0x1p-7, 1, 1 + 0x1p-7, .infinity])
                let single = StridedBlock([], .f32, [2])
                CPUBackend.shared.copy(single.view, from: StridedBlock([1 + 0x1p-24, 1e300], .f64, [2]).view)
                #expect(single.values == [1, .infinity])
            }
        }

        @Test func wholeNumbersTruncateAndStop() {
            let x: [Double] = [1.9, -1.9, 3e9, -3e9, .nan, 300, -5, 0.99]
            let i32 = StridedBlock([], .i32, [8]), u8 = StridedBlock([], .u8, [8])
            CPUBackend.shared.copy(i32.view, from: StridedBlock(x, .f64, [8]).view)
            CPUBackend.shared.copy(u8.view, from: StridedBlock(x, .f64, [8]).view)
            #expect(i32.values == [1, -1, 2_147_483_647, -2_147_483_648, 0, 300, -5, 0])
            #expect(u8.values == [1, 0, 255, 0, 0, 255, 0, 0])
        }

        @Test func notANumberStays() {
            for (to, from) in [
                (DType.bf16, DType.f32), (.f32, .bf16), (.f64, .bf16), (.bf16, .f64), (.f32, .f64),
            ] {
                for set in CPUBackend.availableKernelSets {
                    withKernels(set) {
                        let x = StridedBlock([Double](repeating: .nan, count: 20), .f32, [20])
                        let source = StridedBlock([], from, [20]), out = StridedBlock([], to, [20])
                        CPUBackend.shared.copy(source.view, from: x.view)
                        CPUBackend.shared.copy(out.view, from: source.view)
                        #expect(out.values.count(where: \.isNaN) == 20, "\(to) from \(from), \(set)")
                    }
                }
            }
        }

        @Test(arguments: DType.allCases)
        func fills(_ dtype: DType) {
            for shape in Self.shapes {
                for order in StridedBlock.Order.allCases {
                    let out = StridedBlock([], dtype, shape, order)
                    CPUBackend.shared.fill(out.view, with: 7)
                    #expect(
                        out.values == [Double](repeating: 7, count: shape.elementCount),
                        "\(shape) \(order)"
                    )
                    #expect(out.gapsAreUntouched)
                }
            }
            let large = StridedBlock([], dtype, [200_001])
            CPUBackend.shared.fill(large.view, with: 1)
            #expect(large.values == [Double](repeating: 1, count: 200_001))
        }
    }
}
