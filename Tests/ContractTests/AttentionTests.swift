import Testing
import YuyanCPUBackend
import YuyanTensorCore

/// One attention with its inputs in double, run in any dtype and kernel set.
struct AttentionCase: Sendable, CustomStringConvertible {
    var B = 1, T = 1, S = 1, H = 1, K = 1, E = 8
    var isCausal = false
    var queryOffset = 0
    /// Segment ids: (queries [B·T], keys [B·S]), or none.
    var segments: (queries: [Int32], keys: [Int32])?
    var dropout: Float = 0
    /// Whether q, k and v lie in one [B, T, 3, H, E] array, and so do their gradients (needs T = S and H = K).
    var isPacked = false
    var seed: UInt64 = 1

    var description: String {
        "B\(B) T\(T) S\(S) H\(H) K\(K) E\(E) causal \(isCausal) offset \(queryOffset) "
            + "segments \(segments != nil) dropout \(dropout) packed \(isPacked)"
    }

    var options: AttentionOptions {
        AttentionOptions(
            scale: 1 / Float(max(E, 1)).squareRoot(),
            isCausal: isCausal,
            queryOffset: queryOffset,
            dropout: dropout,
            random: RandomSource(seed: 7, stream: 3, position: 5)
        )
    }

    /// Values roughly normal, rounded to bf16 so that every dtype sees the same numbers.
    func values(_ count: Int, _ purpose: UInt64) -> [Double] {
        var random = RandomSource(seed: seed).derived(purpose)
        return (0..<count).map { _ in
            let sum = (0..<4).reduce(Float(0)) { total, _ in total + random.nextUniform() }
            return Double(bf16Value(bf16Bits((sum - 2) * 1.7)))
        }
    }
}

/// What a run produced, as doubles in [B, positions, heads, E].
struct AttentionResult: Sendable {
    var out: [Double], lse: [Double], dq: [Double], dk: [Double], dv: [Double]
}

func bf16Bits(_ x: Float) -> UInt16 {
    let bits = x.bitPattern
    if x.isNaN { return UInt16(truncatingIfNeeded: bits >> 16 | 0x40) }
    return UInt16(truncatingIfNeeded: (bits &+ 0x7FFF &+ (bits >> 16 & 1)) >> 16)
}
func bf16Value(_ bits: UInt16) -> Float { Float(bitPattern: UInt32(bits) << 16) }

/// An array in a dtype, with room around it that must stay untouched.
final class AttentionBlock {
    let dtype: DType
    let count: Int
    let address: UnsafeMutableRawPointer
    init(_ dtype: DType, _ count: Int) {
        self.dtype = dtype
        self.count = count
        let room = UnsafeMutableRawPointer.allocate(byteCount: (count + 64) * 8, alignment: 64)
        room.initializeMemory(as: UInt8.self, repeating: 0xFF, count: (count + 64) * 8)
        address = room
    }
    deinit { address.deallocate() }
    subscript(_ i: Int) -> Double {
        get {
            switch dtype {
            case .f32: Double(address.load(fromByteOffset: i * 4, as: Float.self))
            case .bf16: Double(bf16Value(address.load(fromByteOffset: i * 2, as: UInt16.self)))
            case .f64: address.load(fromByteOffset: i * 8, as: Double.self)
            default: Double(address.load(fromByteOffset: i * 4, as: Int32.self))
            }
        }
        set {
            switch dtype {
            case .f32: address.storeBytes(of: Float(newValue), toByteOffset: i * 4, as: Float.self)
            case .bf16:
                address.storeBytes(of: bf16Bits(Float(newValue)), toByteOffset: i * 2, as: UInt16.self)
            case .f64: address.storeBytes(of: newValue, toByteOffset: i * 8, as: Double.self)
            default: address.storeBytes(of: Int32(newValue), toByteOffset: i * 4, as: Int32.self)
            }
        }
    }
    /// Whether the bytes behind the elements are as they were.
    var tailIsUntouched: Bool {
        let end = count * dtype.byteCount
        return (end..<end + 64).allSatisfy { address.load(fromByteOffset: $0, as: UInt8.self) == 0xFF }
    }
}

extension AttentionCase {
    /// Places [B, n, heads, E] values in memory: contiguous, or as part `part` of a packed projection.
    private func view(_ block: AttentionBlock, _ n: Int, _ heads: Int, part: Int) -> TensorView {
        let shape: Shape = [B, n, heads, E]
        guard isPacked else { return TensorView(address: block.address, dtype: block.dtype, shape: shape) }
        let width = 3 * H * E
        return TensorView(
            address: block.address + part * H * E * block.dtype.byteCount,
            dtype: block.dtype,
            shape: shape,
            strides: [n * width, width, E, 1]
        )
    }

    private func write(_ values: [Double], _ view: TensorView, _ block: AttentionBlock) {
        for (flat, i) in offsets(view, block).enumerated() { block[i] = values[flat] }
    }

    private func read(_ view: TensorView, _ block: AttentionBlock) -> [Double] {
        offsets(view, block).map { block[$0] }
    }

    private func offsets(_ view: TensorView, _ block: AttentionBlock) -> [Int] {
        let start = (view.address - block.address) / block.dtype.byteCount
        let d = view.shape.dimensions, s = view.strides
        var result: [Int] = []
        result.reserveCapacity(view.elementCount)
        for b in 0..<d[0] {
            for t in 0..<d[1] {
                for h in 0..<d[2] {
                    for e in 0..<d[3] { result.append(start + b * s[0] + t * s[1] + h * s[2] + e * s[3]) }
                }
            }
        }
        return result
    }

    /// Runs forward and, unless told otherwise, backward.
    func run(
        _ dtype: DType,
        backward: Bool = true,
        replacing: [Int: [Double]] = [:]
    ) -> AttentionResult {
        let queries = B * T * H * E, keys = B * S * K * E
        let together = isPacked ? 3 * queries : 0
        let packed = AttentionBlock(dtype, together), packedGradient = AttentionBlock(dtype, together)
        func place(_ count: Int) -> AttentionBlock { isPacked ? packed : AttentionBlock(dtype, count) }
        func placeGradient(_ count: Int) -> AttentionBlock {
            isPacked ? packedGradient : AttentionBlock(dtype, count)
        }
        let qBlock = place(queries), kBlock = place(keys), vBlock = place(keys)
        let q = view(qBlock, T, H, part: 0), k = view(kBlock, S, K, part: 1), v = view(vBlock, S, K, part: 2)
        write(replacing[0] ?? values(queries, 10), q, qBlock)
        write(replacing[1] ?? values(keys, 11), k, kBlock)
        write(replacing[2] ?? values(keys, 12), v, vBlock)
        let outBlock = AttentionBlock(dtype, queries),
            lseBlock = AttentionBlock(dtype == .f64 ? .f64 : .f32, B * H * T)
        let out = TensorView(address: outBlock.address, dtype: dtype, shape: q.shape)
        let lse = TensorView(address: lseBlock.address, dtype: lseBlock.dtype, shape: [B, H, T])
        var call = AttentionForward(out: out, logSumExp: lse, q: q, k: k, v: v, options: options)
        let qs = AttentionBlock(.i32, B * T), ks = AttentionBlock(.i32, B * S)
        if let segments {
            for i in 0..<B * T { qs[i] = Double(segments.queries[i]) }
            for i in 0..<B * S { ks[i] = Double(segments.keys[i]) }
            call.querySegments = TensorView(address: qs.address, dtype: .i32, shape: [B, T])
            call.keySegments = TensorView(address: ks.address, dtype: .i32, shape: [B, S])
        }
        CPUBackend.shared.attentionForward(call)
        var result = AttentionResult(
            out: read(out, outBlock),
            lse: (0..<B * H * T).map { lseBlock[$0] },
            dq: [],
            dk: [],
            dv: []
        )
        #expect(outBlock.tailIsUntouched && lseBlock.tailIsUntouched, "\(self): wrote past the end")
        guard backward else { return result }
        let doutBlock = AttentionBlock(dtype, queries)
        let dout = TensorView(address: doutBlock.address, dtype: dtype, shape: q.shape)
        write(replacing[3] ?? values(queries, 13), dout, doutBlock)
        let dqBlock = placeGradient(queries), dkBlock = placeGradient(keys), dvBlock = placeGradient(keys)
        let dq = view(dqBlock, T, H, part: 0)
        let dk = view(dkBlock, S, K, part: 1), dv = view(dvBlock, S, K, part: 2)
        CPUBackend.shared.attentionBackward(
            AttentionBackward(dq: dq, dk: dk, dv: dv, dout: dout, forward: call)
        )
        result.dq = read(dq, dqBlock)
        result.dk = read(dk, dkBlock)
        result.dv = read(dv, dvBlock)
        #expect(
            dqBlock.tailIsUntouched && dkBlock.tailIsUntouched && dvBlock.tailIsUntouched,
            "\(self): wrote past the end"
        )
        return result
    }
}

/// Nil when every element is within `relative · |expected| + absolute · s`, where s is the root mean square of what
/// is expected, and the errors' root mean square is small beside s; else a report.
func attentionDifference(
    _ actual: [Double],
    _ expected: [Double],
    relative: Double,
    absolute: Double
) -> String? {
    guard actual.count == expected.count else {
        return "\(actual.count) elements instead of \(expected.count)"
    }
    let finite = expected.filter(\.isFinite)
    let scale = (finite.reduce(0) { $0 + $1 * $1 } / Double(max(finite.count, 1))).squareRoot()
    var worst = 0.0, at = -1, squares = 0.0
    for (i, (a, e)) in zip(actual, expected).enumerated() {
        if a == e || (a.isNaN && e.isNaN) { continue }
        let error = abs(a - e)
        squares += error.isFinite ? error * error : 0
        let excess = error.isFinite ? error / (relative * abs(e) + absolute * scale) : .infinity
        if !(excess <= worst) { (worst, at) = (excess.isNaN ? .infinity : excess, i) }
    }
    let rmse = (squares / Double(max(expected.count, 1))).squareRoot()
    if worst <= 1 && rmse <= max(relative, absolute / 4) * scale { return nil }
    if at < 0 { at = 0 }
    return
        "worst at \(at): \(actual[at]) instead of \(expected[at]) (\(worst) times the tolerance), rmse \(rmse), scale \(scale)"
}

/// The cases that every kernel set must serve.
let attentionCases: [AttentionCase] = {
    var cases: [AttentionCase] = [
        AttentionCase(T: 0, S: 4), AttentionCase(T: 3, S: 0), AttentionCase(B: 0, T: 3, S: 3),
        AttentionCase(T: 3, S: 3, E: 1), AttentionCase(T: 5, S: 7, H: 2, K: 1, E: 3),
        AttentionCase(T: 2, S: 2, H: 0, K: 2), AttentionCase(T: 2, S: 2, E: 0),
        AttentionCase(B: 2, T: 64, S: 64, H: 2, K: 2, E: 64, isCausal: true),
        AttentionCase(B: 2, T: 65, S: 65, H: 3, K: 3, E: 40, isCausal: true, isPacked: true),
        AttentionCase(B: 1, T: 130, S: 130, H: 2, K: 2, E: 16, isPacked: true),
        AttentionCase(B: 1, T: 200, S: 333, H: 4, K: 2, E: 24),
        AttentionCase(B: 1, T: 100, S: 260, H: 4, K: 1, E: 17, isCausal: true, queryOffset: 160),
        AttentionCase(B: 1, T: 70, S: 40, H: 2, K: 2, E: 32, isCausal: true),
        AttentionCase(B: 1, T: 70, S: 90, H: 2, K: 1, E: 32, isCausal: true, queryOffset: -30),
        AttentionCase(B: 1, T: 9, S: 300, H: 2, K: 2, E: 128, isCausal: true, queryOffset: 200),
        AttentionCase(B: 1, T: 300, S: 300, H: 1, K: 1, E: 80, isCausal: true, dropout: 0.3),
        AttentionCase(B: 2, T: 33, S: 70, H: 2, K: 1, E: 20, dropout: 0.5),
        AttentionCase(B: 1, T: 20, S: 20, H: 2, K: 2, dropout: 1),
        // Decoding: few queries over a long cache.
        AttentionCase(B: 2, T: 1, S: 77, H: 4, K: 2, E: 64, isCausal: true, queryOffset: 76),
        AttentionCase(B: 1, T: 1, S: 3001, H: 6, K: 3, E: 64),
        AttentionCase(
            B: 1,
            T: 1,
            S: 1500,
            H: 2,
            K: 2,
            E: 33,
            isCausal: true,
            queryOffset: 1200,
            dropout: 0.2
        ),
        AttentionCase(B: 1, T: 3, S: 1100, H: 8, K: 1, E: 128, isCausal: true, queryOffset: 1097),
    ]
    // Packed documents: runs of one segment, in queries and keys alike.
    var documents = AttentionCase(B: 2, T: 150, S: 150, H: 2, K: 2, E: 32, isCausal: true)
    let ids = (0..<300).map { Int32(($0 % 150) < 20 ? 0 : ($0 % 150) < 90 ? 1 : ($0 % 150) < 140 ? 2 : -1) }
    documents.segments = (ids, ids)
    cases.append(documents)
    documents.isPacked = true
    documents.dropout = 0.1
    cases.append(documents)
    documents.isCausal = false
    documents.T = 200
    documents.isPacked = false
    documents.segments = ((0..<400).map { Int32($0 % 3) }, ids)
    cases.append(documents)
    // Padding: queries all seen, keys cut short; the second row sees nothing at all.
    var padding = AttentionCase(B: 2, T: 70, S: 100, H: 2, K: 2, E: 64)
    padding.segments = (
        [Int32](repeating: 0, count: 140), (0..<200).map { $0 < 37 ? 0 : -1 }
    )
    cases.append(padding)
    var decoding = AttentionCase(B: 2, T: 1, S: 900, H: 4, K: 2, E: 64)
    decoding.segments = ([0, 3], (0..<1800).map { $0 % 900 < 500 ? 0 : -1 })
    cases.append(decoding)
    return cases
}()

extension KernelContract {
    @Suite struct Attention {
        @Test(arguments: attentionCases)
        func everySetAgreesWithTheReference(_ item: AttentionCase) {
            let before = CPUBackend.kernelSet
            defer { CPUBackend.use(before) }
            CPUBackend.use(.scalar)
            let expected = item.run(.f64)
            for set in CPUBackend.availableKernelSets {
                CPUBackend.use(set)
                for (dtype, relative, absolute) in [
                    (DType.f32, 1e-5, 2e-5), (DType.bf16, 8e-3, 4e-2), (DType.f64, 1e-13, 1e-13),
                ] {
                    let actual = item.run(dtype)
                    let statistic = dtype == .bf16 ? 1e-4 : relative
                    for (name, a, e, r, s) in [
                        ("out", actual.out, expected.out, relative, absolute),
                        ("lse", actual.lse, expected.lse, statistic, statistic),
                        ("dq", actual.dq, expected.dq, relative, absolute),
                        ("dk", actual.dk, expected.dk, relative, absolute),
                        ("dv", actual.dv, expected.dv, relative, absolute),
                    ] {
                        let report = attentionDifference(a, e, relative: r, absolute: s)
                        #expect(report == nil, "\(set) \(dtype) \(name) of \(item): \(report ?? "")")
                    }
                }
            }
        }

        @Test(arguments: attentionCases)
        func threadsChangeNothing(_ item: AttentionCase) {
            let before = CPUBackend.kernelSet, threads = CPUBackend.threadCount
            defer {
                CPUBackend.use(before)
                CPUBackend.threadCount = threads
            }
            for set in CPUBackend.availableKernelSets {
                CPUBackend.use(set)
                for dtype in [DType.f32, .bf16] {
                    CPUBackend.threadCount = 1
                    let one = item.run(dtype)
                    CPUBackend.threadCount = 2
                    let two = item.run(dtype)
                    for (a, b) in [
                        (one.out, two.out), (one.lse, two.lse), (one.dq, two.dq), (one.dk, two.dk),
                        (one.dv, two.dv),
                    ] {
                        #expect(a.map(\.bitPattern) == b.map(\.bitPattern), "\(set) \(dtype) of \(item)")
                    }
                }
            }
        }

        @Test func notANumberStaysInItsQuery() {
            let before = CPUBackend.kernelSet
            defer { CPUBackend.use(before) }
            for item in [
                AttentionCase(T: 70, S: 70, H: 2, K: 2, E: 32, isCausal: true),
                AttentionCase(T: 2, S: 300, H: 2, K: 1, E: 32),
            ] {
                var queries = item.values(item.T * item.H * item.E, 10)
                queries[item.H * item.E + 3] = .nan  // position 1, head 0
                for set in CPUBackend.availableKernelSets {
                    CPUBackend.use(set)
                    for dtype in [DType.f32, .bf16, .f64] {
                        let out = item.run(dtype, backward: false, replacing: [0: queries]).out
                        for i in out.indices {
                            let isIts = i / item.E == item.H
                            #expect(
                                out[i].isNaN == isIts,
                                "\(set) \(dtype) element \(i) of \(item): \(out[i])"
                            )
                        }
                    }
                }
            }
        }

        /// Central differences of Σ out·w in f64 against the backward pass.
        @Test(arguments: [
            AttentionCase(B: 2, T: 5, S: 6, H: 4, K: 2, E: 3),
            AttentionCase(B: 1, T: 6, S: 6, H: 2, K: 2, E: 4, isCausal: true, dropout: 0.4),
            AttentionCase(B: 1, T: 4, S: 7, H: 2, K: 1, E: 2, isCausal: true, queryOffset: 3),
            AttentionCase(B: 1, T: 5, S: 5, E: 2, segments: ([0, 0, 1, 1, -1], [0, 0, 1, 1, -1])),
        ])
        func gradientsMatchCentralDifferences(_ item: AttentionCase) {
            let queries = item.B * item.T * item.H * item.E, keys = item.B * item.S * item.K * item.E
            let inputs = [item.values(queries, 10), item.values(keys, 11), item.values(keys, 12)]
            let weights = item.values(queries, 13)
            let result = item.run(.f64)
            func loss(_ which: Int, _ values: [Double]) -> Double {
                let out = item.run(.f64, backward: false, replacing: [which: values]).out
                return zip(out, weights).reduce(0) { $0 + $1.0 * $1.1 }
            }
            for (which, gradient) in [result.dq, result.dk, result.dv].enumerated() {
                for i in inputs[which].indices {
                    var up = inputs[which], down = inputs[which]
                    up[i] += 1e-5
                    down[i] -= 1e-5
                    let slope = (loss(which, up) - loss(which, down)) / 2e-5
                    #expect(
                        abs(slope - gradient[i]) <= 1e-8 + 1e-7 * abs(slope),
                        "input \(which), element \(i) of \(item): \(gradient[i]) instead of \(slope)"
                    )
                }
            }
        }
    }
}
