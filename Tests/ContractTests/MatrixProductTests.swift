import Testing
import YuyanCPUBackend
import YuyanTensorCore

/// One product with what surrounds it.
struct ProductCase: Sendable {
    var batch: Int?
    var m: Int
    var n: Int
    var k: Int
    var type: DType = .f32
    var result: DType?
    var transposedA = false
    var transposedB = false
    var alpha: Float = 1
    var accumulate = false
    var bias: DType?
    var activation = Activation.identity
    var keepsPre = false
    var takesSlope = false
    var residual: DType?
    var residualIsResult = false
    var gap = 0

    var label: String {
        "\(batch.map { "\($0)×" } ?? "")\(m)×\(k)×\(n) \(type)→\(result ?? type) "
            + "\(transposedA ? "T" : "N")\(transposedB ? "T" : "N") \(activation)"
            + (accumulate ? " +=" : "") + (bias.map { " bias \($0)" } ?? "") + (keepsPre ? " pre" : "")
            + (takesSlope ? " slope" : "")
            + (residual.map { " residual \($0)" } ?? "")
    }

    func shape(_ rows: Int, _ columns: Int) -> [Int] {
        batch.map { [$0, rows, columns] } ?? [rows, columns]
    }

    /// The values of c and preActivation; `exact` computes in f64, of absolute values when asked.
    func run(exact: Bool = false, absolute: Bool = false) -> (c: [Double], pre: [Double], intact: Bool) {
        var numbers = TestNumbers(seed: UInt64(m * 31 + n * 17 + k))
        let items = batch ?? 1
        let result = self.result ?? type
        func block(
            _ dtype: DType,
            _ dimensions: [Int],
            transposed: Bool = false,
            gap: Int? = nil
        ) -> MatrixBlock {
            var values = numbers.next(dimensions.reduce(1, *), dtype)
            if absolute { values = values.map(abs) }
            return MatrixBlock(
                values,
                exact ? .f64 : dtype,
                dimensions,
                transposed: transposed,
                gap: gap ?? self.gap
            )
        }
        let a = block(type, shape(m, k), transposed: transposedA)
        let b = block(type, shape(k, n), transposed: transposedB)
        let c = block(result, shape(m, n))
        var call = MatrixProduct(c: c.view, a: a.view, b: b.view)
        call.alpha = absolute ? abs(alpha) : alpha
        call.accumulate = accumulate
        let biasBlock = bias.map { block($0, [n], gap: 0) }
        call.bias = biasBlock?.view
        if !absolute { call.activation = activation }
        let points = takesSlope ? block(result, shape(m, n)) : nil
        // What is kept beside c: sums before an activation, or activations where the product takes their slope.
        let pre =
            keepsPre || takesSlope
            ? MatrixBlock(
                [Double](repeating: 7, count: items * m * n),
                exact ? .f64 : result,
                shape(m, n),
                gap: gap
            ) : nil
        if takesSlope {
            if !absolute { (call.slopeAt, call.activated) = (points?.view, pre?.view) }
        } else {
            call.preActivation = pre?.view
        }
        let added = residual.map { block($0, shape(m, n)) }
        call.residual = residualIsResult ? c.view : added?.view
        CPUBackend.shared.matrixProduct(call)
        return withExtendedLifetime((a, b, biasBlock, added, points)) {
            (c.values, pre?.values ?? [], c.gapsAreUntouched && (pre?.gapsAreUntouched ?? true))
        }
    }

    /// Compares every kernel set with f64, and one thread with two and three.
    func check(_ set: KernelSet) {
        let expected = run(exact: true)
        let magnitude = run(exact: true, absolute: true)
        // Half a unit of f32 for each of about √K steps; the sum of absolute values scales it.
        let unit = 0x1p-24
        let growth = 2 * Double(max(k, 1)).squareRoot() + 16
        let store = (result ?? type) == .bf16 ? 0x1p-8 : 0
        func tolerance(_ values: [Double], _ sizes: [Double]) -> [Double] {
            zip(values, sizes).map { abs($0) * store + growth * unit * ($1 + 1) + 1e-30 }
        }
        withKernels(set) {
            let actual = run()
            let name = "\(set.rawValue) \(label)"
            #expect(actual.intact, "\(name): wrote outside its rows")
            expectWithin(actual.c, expected.c, tolerance: tolerance(expected.c, magnitude.c), name)
            expectWithin(
                actual.pre,
                expected.pre,
                tolerance: tolerance(expected.pre, magnitude.c),
                name + " pre"
            )
            for threads in m * n * k > 1_000_000 ? [1] : [1, 3] {
                CPUBackend.threadCount = threads
                let other = run()
                #expect(
                    other.c.map(\.bitPattern) == actual.c.map(\.bitPattern) && other.pre == actual.pre,
                    "\(name): differs with \(threads) threads"
                )
            }
        }
    }
}

extension KernelContract {
    @Suite struct MatrixProductContract {
        static let sizes = [
            (1, 1, 1), (1, 7, 3), (3, 1, 5), (2, 17, 33), (5, 31, 64), (6, 16, 8), (7, 33, 31), (8, 40, 257),
            (13, 48, 300), (32, 32, 32), (33, 65, 97), (64, 30, 512), (97, 130, 70), (200, 90, 520),
            (1, 300, 1000), (4, 129, 770), (17, 513, 129), (400, 50, 65), (50, 400, 1030), (12, 100, 4200),
            (410, 70, 4300),
        ]

        @Test(arguments: CPUBackend.availableKernelSets)
        func everyTransposition(_ set: KernelSet) {
            for (m, n, k) in Self.sizes {
                for layout in 0..<4 {
                    for (type, result) in [(DType.f32, DType.f32), (.bf16, .bf16), (.bf16, .f32)] {
                        // The largest in one layout each.
                        if m * n * k > 2_000_000 && layout != (m + n) % 4 { continue }
                        ProductCase(
                            m: m,
                            n: n,
                            k: k,
                            type: type,
                            result: result,
                            transposedA: layout & 1 != 0,
                            transposedB: layout & 2 != 0,
                            gap: (m + layout) % 3
                        ).check(set)
                    }
                }
            }
        }

        @Test(arguments: CPUBackend.availableKernelSets)
        func epilogues(_ set: KernelSet) {
            for (m, n, k) in [(1, 37, 40), (3, 16, 21), (37, 45, 300), (70, 64, 513), (250, 33, 48)] {
                for (type, result) in [(DType.f32, DType.f32), (.bf16, .bf16), (.bf16, .f32)] {
                    var base = ProductCase(
                        m: m,
                        n: n,
                        k: k,
                        type: type,
                        result: result,
                        transposedB: m % 2 == 1
                    )
                    base.alpha = -0.37
                    base.check(set)
                    base.accumulate = true
                    base.check(set)
                    base.bias = .f32
                    base.check(set)
                    base.gap = 3
                    for activation in Activation.allCases {
                        base.activation = activation
                        base.keepsPre = activation != .identity
                        base.bias = activation == .relu ? .bf16 : .f32
                        base.check(set)
                    }
                    base.keepsPre = false
                    base.takesSlope = true
                    for activation in Activation.allCases {
                        base.activation = activation
                        base.check(set)
                    }
                    base.takesSlope = false
                    base.keepsPre = true
                    base.residual = .bf16
                    base.check(set)
                    base.residual = .f32
                    base.accumulate = false
                    base.check(set)
                    base.activation = .identity
                    base.keepsPre = false
                    base.residualIsResult = true
                    base.check(set)
                }
            }
        }

        @Test(arguments: CPUBackend.availableKernelSets)
        func batches(_ set: KernelSet) {
            for (batch, m, n, k) in [
                (1, 3, 4, 5), (3, 1, 9, 40), (5, 17, 16, 33), (40, 24, 40, 64), (3, 130, 70, 300),
            ] {
                for type in [DType.f32, .bf16, .f64] {
                    for layout in 0..<4 {
                        var product = ProductCase(batch: batch, m: m, n: n, k: k, type: type)
                        product.transposedA = layout & 1 != 0
                        product.transposedB = layout & 2 != 0
                        product.gap = layout
                        product.bias = layout == 3 ? .f32 : nil
                        product.residual = layout == 2 ? type : nil
                        product.takesSlope = layout == 1
                        product.activation = layout == 1 ? .geluTanh : .identity
                        product.check(set)
                    }
                }
            }
        }

        @Test(arguments: CPUBackend.availableKernelSets)
        func emptyAxes(_ set: KernelSet) {
            for (m, n, k) in [(0, 4, 3), (4, 0, 3), (0, 0, 0)] {
                ProductCase(m: m, n: n, k: k).check(set)
            }
            for m in [1, 5, 40] {
                for type in [DType.f32, .bf16] {
                    var product = ProductCase(m: m, n: 21, k: 0, type: type)
                    product.check(set)
                    product.bias = .f32
                    product.activation = .gelu
                    product.check(set)
                    product.accumulate = true
                    product.check(set)
                }
            }
            ProductCase(batch: 0, m: 2, n: 3, k: 4).check(set)
        }

        /// One row that stands for all rows of the left factor, as broadcasting makes it.
        @Test(arguments: CPUBackend.availableKernelSets)
        func rowsThatAreOne(_ set: KernelSet) {
            for type in [DType.f32, .bf16] {
                for (m, k, n) in [(70, 96, 40), (300, 512, 130)] {
                    var numbers = TestNumbers(seed: 6)
                    let row = MatrixBlock(numbers.next(k, type), type, [1, k])
                    let b = MatrixBlock(numbers.next(k * n, type), type, [k, n])
                    let c = MatrixBlock([Double](repeating: 0, count: m * n), .f32, [m, n])
                    let single = MatrixBlock([Double](repeating: 0, count: n), .f32, [1, n])
                    withKernels(set) {
                        let a = row.view.reinterpreted(shape: [m, k], strides: [0, 1])
                        CPUBackend.shared.matrixProduct(MatrixProduct(c: c.view, a: a, b: b.view))
                        CPUBackend.shared.matrixProduct(MatrixProduct(c: single.view, a: row.view, b: b.view))
                    }
                    withExtendedLifetime((row, b)) {
                        let expected = (0..<m).flatMap { _ in single.values }
                        #expect(c.values == expected, "\(set.rawValue) \(type) \(m)")
                    }
                }
            }
        }

        /// A row alone, in a small block and in a large one gives the same bits: decoding in a batch changes nothing.
        @Test(arguments: CPUBackend.availableKernelSets)
        func rowsDoNotDependOnTheirNeighbours(_ set: KernelSet) {
            let (k, n) = (1100, 150)
            for type in [DType.f32, .bf16] {
                for transposedB in [false, true] {
                    var numbers = TestNumbers(seed: 5)
                    let rows = numbers.next(600 * k, type)
                    let b = MatrixBlock(numbers.next(k * n, type), type, [k, n], transposed: transposedB)
                    func product(_ m: Int) -> [Double] {
                        let a = MatrixBlock(Array(rows[0..<m * k]), type, [m, k])
                        let c = MatrixBlock([Double](repeating: 0, count: m * n), .f32, [m, n])
                        CPUBackend.shared.matrixProduct(MatrixProduct(c: c.view, a: a.view, b: b.view))
                        return withExtendedLifetime((a, b)) { c.values }
                    }
                    withKernels(set) {
                        let whole = product(600)
                        for m in [1, 2, 3, 5, 8, 9, 16, 17, 70, 300] {
                            #expect(
                                product(m) == Array(whole[0..<m * n]),
                                "\(set.rawValue) \(type) \(transposedB): \(m) rows differ from 600"
                            )
                        }
                    }
                }
            }
        }
    }
}
