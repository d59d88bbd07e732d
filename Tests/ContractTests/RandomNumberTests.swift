import CKernels
import Testing
import YuyanCPUBackend
import YuyanTensorCore
import YuyanTestSupport

#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

extension KernelContract {
    @Suite struct RandomNumbers {
        static let counts = [0, 1, 2, 7, 31, 32, 33, 1024, 1025, 20_011]
        /// Positions at every place in a counter's four words, and where the counter passes 2³².
        static let positions: [UInt64] = [0, 1, 2, 3, 4, 1000, (1 << 34) - 6]

        private func source(_ position: UInt64) -> RandomSource {
            RandomSource(seed: 0x1234_5678_9ABC_DEF0, stream: 0xFEDC_BA98_7654_3210, position: position)
        }

        private func words(_ count: Int, _ position: UInt64) -> [UInt32] {
            var source = source(position)
            return (0..<count).map { _ in source.nextWord() }
        }

        @Test(arguments: counts, positions)
        func wordsAreThoseOfTheSource(_ count: Int, _ position: UInt64) {
            let source = source(position)
            let expected = words(count, position)
            for set in CPUBackend.availableKernelSets {
                withKernels(set) {
                    var found = [UInt32](repeating: 77, count: count + 1)
                    let random = yk_random(seed: source.seed, stream: source.stream, position: position)
                    yk_random_words(&found, random, Int64(count))
                    #expect(Array(found[..<count]) == expected && found[count] == 77, "\(set)")
                }
            }
        }

        @Test(arguments: counts, [DType.f32, .bf16, .f64])
        func dropoutKeepsWhatReachesTheThreshold(_ count: Int, _ dtype: DType) {
            var numbers = TestNumbers(seed: 51)
            let x = numbers.next(count, dtype)
            for (probability, position) in [(Float(0.3), 3 as UInt64), (0, 0), (1, 0), (0.999, 8)] {
                let threshold = (Double(probability) * 0x1p32).rounded()
                let scale = 1 / (1 - Double(probability))
                let expected = zip(x, words(count, position)).map {
                    Double($1) >= threshold ? $0 * scale : 0
                }
                checkRows(
                    "dropout \(probability) of \(count)",
                    dtype,
                    tolerance: dtype == .bf16 ? 0x1p-8 : 2e-7,
                    absolute: 0,
                    expected: [expected, expected]
                ) {
                    let input = GuardedBlock(x, dtype, [count]), out = GuardedBlock(dtype, [count])
                    let random = source(position)
                    CPUBackend.shared.dropout(out.view, input.view, probability: probability, random: random)
                    #expect(out.guardsAreUntouched && input.values == x)
                    CPUBackend.shared.dropout(
                        input.view,
                        input.view,
                        probability: probability,
                        random: random
                    )
                    return [out.values, input.values]
                }
            }
        }

        /// A word equal to the threshold keeps its element.
        @Test func dropoutKeepsAtTheThreshold() throws {
            let words = words(4096, 0)
            // A probability has 24 bits: one that meets a word exactly needs a word that ends in zeros.
            let index = try #require(words.firstIndex { $0 % 512 == 0 && $0 > 1 << 30 })
            let probability = Float(words[index]) * 0x1p-32
            let kept = words.map { $0 >= words[index] }
            for set in CPUBackend.availableKernelSets {
                withKernels(set) {
                    let block = GuardedBlock([Double](repeating: 1, count: 4096), .f32, [4096])
                    let random = source(0)
                    CPUBackend.shared.dropout(
                        block.view,
                        block.view,
                        probability: probability,
                        random: random
                    )
                    #expect(block.values.map { $0 != 0 } == kept, "\(set)")
                }
            }
        }

        /// The draws are those of the source, to the bit, with every set of kernels.
        @Test(arguments: counts, [DType.f32, .bf16, .f64])
        func uniformDrawsAreThoseOfTheSource(_ count: Int, _ dtype: DType) {
            for (low, high, position) in [(0.0, 1.0, 0 as UInt64), (-2, 3, 5), (0.5, 0.5, 2)] {
                var source = source(position)
                let expected = (0..<count).map { _ in
                    let value = MatrixBlock.rounded(
                        Double(source.nextUniform()) * (high - low) + low,
                        dtype == .bf16 ? .f32 : dtype
                    )
                    let rounded = MatrixBlock.rounded(value, dtype)
                    // bf16 has 8 bits: the value below 1 is 1 − 2⁻⁸, below 3 it is 3 − 2⁻⁶.
                    return rounded >= high && low < high ? high - (high == 1 ? 0x1p-8 : 0x1p-6) : rounded
                }
                checkRows(
                    "uniform in \(low)..<\(high)",
                    dtype,
                    tolerance: 0,
                    absolute: 0,
                    expected: [expected]
                ) {
                    let out = GuardedBlock(dtype, [count])
                    CPUBackend.shared.randomUniform(
                        out.view,
                        low: low,
                        high: high,
                        random: self.source(position)
                    )
                    #expect(out.guardsAreUntouched)
                    return [out.values]
                }
            }
        }

        @Test(arguments: counts, [DType.f32, .bf16, .f64])
        func normalDrawsAreBoxMullersOfTheSource(_ count: Int, _ dtype: DType) {
            let position: UInt64 = 6
            let words = words(count + 1, position)
            let expected = (0..<count).map { i in
                let u1 = (Double(words[i & ~1]) + 1) * 0x1p-32, u2 = Double(words[i | 1]) * 0x1p-32
                let radius = sqrt(-2 * log(u1))
                return 0.5 + 2 * radius * (i % 2 == 0 ? cos(2 * .pi * u2) : sin(2 * .pi * u2))
            }
            var ofFirstSet: [Double]?
            checkRows(
                "normal",
                dtype,
                tolerance: dtype == .bf16 ? 0x1p-8 : dtype == .f32 ? 0x1p-24 : 1e-14,
                absolute: dtype == .f64 ? 1e-14 : 1e-9,
                expected: [expected]
            ) {
                let out = GuardedBlock(dtype, [count])
                CPUBackend.shared.randomNormal(
                    out.view,
                    mean: 0.5,
                    standardDeviation: 2,
                    random: source(position)
                )
                #expect(out.guardsAreUntouched)
                let values = out.values
                #expect(values == ofFirstSet ?? values, "\(CPUBackend.kernelSet) draws other numbers")
                ofFirstSet = values
                return [values]
            }
        }

        /// The largest and smallest radius: words of zeros and ones are drawn about never, so their formula is checked
        /// where it can be seen, over many draws.
        @Test func normalDrawsHaveTheirMoments() {
            let out = GuardedBlock(.f32, [400_000])
            CPUBackend.shared.randomNormal(out.view, mean: 0, standardDeviation: 1, random: source(0))
            let values = out.values, n = Double(values.count)
            let moments = (1...4).map { k in values.reduce(0) { $0 + pow($1, Double(k)) } / n }
            // Five standard errors of each: √(Var zᵏ / n).
            for (found, (wanted, variance)) in zip(moments, [(0.0, 1.0), (1, 2), (0, 15), (3, 96)]) {
                #expect(abs(found - wanted) < 5 * (variance / n).squareRoot())
            }
        }

        @Test func oddPositionsTrap() async {
            await #expect(processExitsWith: .failure) {
                let out = GuardedBlock(.f32, [4])
                let odd = RandomSource(seed: 1, stream: 0, position: 1)
                CPUBackend.shared.randomNormal(out.view, mean: 0, standardDeviation: 1, random: odd)
            }
        }
    }
}
