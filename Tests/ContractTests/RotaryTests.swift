import Testing
import YuyanCPUBackend
import YuyanTensorCore

#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

extension KernelContract {
    @Suite struct Rotary {
        /// Positions and head widths; the positions reach far, where careless angles go wrong.
        static let cases: [[Int]] = [
            [1, 1, 1, 2], [2, 5, 3, 8], [1, 37, 2, 64], [1, 3, 1, 6], [2, 20, 4, 80], [1, 0, 2, 4],
            [3, 7, 0, 4],
            [1, 4, 1, 256],
        ]

        private func frequencies(_ e: Int) -> [Float] {
            (0..<e / 2).map { Float(pow(10000, -2 * Double($0) / Double(e))) }
        }

        private func turn(
            _ dtype: DType,
            _ sizes: [Int],
            _ x: [Double],
            _ positions: [Int],
            inverse: Bool,
            inPlace: Bool
        ) -> [Double] {
            let (b, t, h, e) = (sizes[0], sizes[1], sizes[2], sizes[3])
            // Heads apart by a gap, as in a packed projection.
            let strides = [t * (h + 1) * e, (h + 1) * e, e, 1]
            let input = AttentionBlock(dtype, b * t * (h + 1) * e),
                output = AttentionBlock(dtype, b * t * (h + 1) * e)
            let at = AttentionBlock(.i32, b * t), turns = AttentionBlock(.f32, e / 2)
            for (i, p) in positions.enumerated() { at[i] = Double(p) }
            for (i, f) in frequencies(e).enumerated() { turns[i] = Double(f) }
            let rows = b * t * h
            for i in 0..<rows * e { input[i / (h * e) * (h + 1) * e + i % (h * e)] = x[i] }
            let target = inPlace ? input : output
            let shape: Shape = [b, t, h, e]
            CPUBackend.shared.rotary(
                RotaryCall(
                    out: TensorView(address: target.address, dtype: dtype, shape: shape, strides: strides),
                    x: TensorView(address: input.address, dtype: dtype, shape: shape, strides: strides),
                    positions: TensorView(address: at.address, dtype: .i32, shape: [b, t]),
                    frequencies: TensorView(address: turns.address, dtype: .f32, shape: [e / 2]),
                    inverse: inverse
                )
            )
            #expect(target.tailIsUntouched)
            return (0..<rows * e).map { target[$0 / (h * e) * (h + 1) * e + $0 % (h * e)] }
        }

        @Test(arguments: cases)
        func everySetTurnsByTheAngle(_ sizes: [Int]) {
            let before = CPUBackend.kernelSet
            defer { CPUBackend.use(before) }
            let (b, t, h, e) = (sizes[0], sizes[1], sizes[2], sizes[3])
            let x = AttentionCase().values(b * t * h * e, 20)
            let positions = (0..<b * t).map { [0, 1, 2, 77, 1_000, 131_071, 10_000_019, -5][$0 % 8] }
            for set in CPUBackend.availableKernelSets {
                CPUBackend.use(set)
                for (dtype, tolerance) in [(DType.f32, 3e-7), (.bf16, 4e-3), (.f64, 1e-15)] {
                    for inverse in [false, true] {
                        var expected = x
                        let frequencies = frequencies(e)
                        for row in 0..<b * t * h {
                            for i in 0..<e / 2 {
                                let angle = Double(positions[row / max(h, 1)]) * Double(frequencies[i])
                                let (c, s) = (cos(angle), inverse ? -sin(angle) : sin(angle))
                                let (low, high) = (x[row * e + i], x[row * e + i + e / 2])
                                expected[row * e + i] = low * c - high * s
                                expected[row * e + i + e / 2] = high * c + low * s
                            }
                        }
                        for inPlace in [false, true] {
                            let actual = turn(dtype, sizes, x, positions, inverse: inverse, inPlace: inPlace)
                            let report = attentionDifference(
                                actual,
                                expected,
                                relative: tolerance,
                                absolute: dtype == .bf16 ? 1e-6 : tolerance
                            )
                            #expect(
                                report == nil,
                                "\(set) \(dtype) \(sizes) inverse \(inverse): \(report ?? "")"
                            )
                        }
                    }
                }
            }
        }
    }
}
