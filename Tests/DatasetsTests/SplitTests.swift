import Testing
import YuyanDatasets
import YuyanFileFormats

@Suite("Splits")
struct SplitTests {
    func rows(_ count: Int, seed: UInt64) -> [Splitter.Row] {
        var random = TestGenerator(seed)
        return (0..<count).map { number in
            Splitter.Row(
                text: "text \(number)",
                label: ["a", "b", "c"][min(Int.random(in: 0..<7, using: &random), 2)],
                group: "g\(Int.random(in: 0..<max(count / 5, 1), using: &random))",
                time: String(Int.random(in: 0..<1000, using: &random))
            )
        }
    }

    @Test(
        "shares are exact by largest remainder, for any seed, rule and number of rows",
        arguments: [1, 2, 3] as [UInt64]
    )
    func exact(seed: UInt64) throws {
        var random = TestGenerator(seed)
        for _ in 0..<200 {
            let rows = rows(Int.random(in: 0...200, using: &random), seed: random.next())
            let shares = (0..<Int.random(in: 1...5, using: &random)).map { _ in
                Double(Int.random(in: 1...9, using: &random))
            }
            let total = shares.reduce(0, +)
            for rule in [Splitter.Rule.random, .stratified] {
                let parts = try Splitter(fractions: shares, rule: rule, seed: seed).split(rows)
                #expect(parts.flatMap { $0 }.sorted() == Array(rows.indices))
                for (part, share) in zip(parts, shares) {
                    let exact = Double(rows.count) * share / total
                    #expect(
                        abs(Double(part.count) - exact) < 1,
                        "seed \(seed): \(rule) \(rows.count) \(shares)"
                    )
                    guard rule == .stratified else { continue }
                    for label in ["a", "b", "c"] {
                        let all = rows.count { $0.label == label }
                        let here = part.count { rows[$0].label == label }
                        #expect(abs(Double(here) - Double(all) * share / total) < 2, "seed \(seed): \(label)")
                    }
                }
            }
        }
    }

    @Test("the same seed gives the same parts, another seed others; parts are mixed")
    func seeds() throws {
        let rows = rows(1000, seed: 1)
        let first = try Splitter(fractions: [8, 1, 1], seed: 5).assign(rows)
        #expect(try Splitter(fractions: [0.8, 0.1, 0.1], seed: 5).assign(rows) == first)
        #expect(try Splitter(fractions: [8, 1, 1], seed: 6).assign(rows) != first)
        #expect(first[..<100].contains(1) && first[900...].contains(0))
    }

    @Test("rows of a group, and equal texts, never fall into two parts", arguments: [1, 2] as [UInt64])
    func together(seed: UInt64) throws {
        var rows = rows(600, seed: seed)
        for number in stride(from: 0, to: 600, by: 3) { rows[number].text = "same \(number % 40)" }
        for rule in [Splitter.Rule.random, .stratified, .groups, .time, .hash] {
            let parts = try Splitter(fractions: [8, 1, 1], rule: rule, seed: seed).assign(rows)
            var seen: [String: Int] = [:]
            for (row, part) in zip(rows, parts) {
                for key in [row.text] + (rule == .groups ? [row.group ?? ""] : []) {
                    #expect(seen[key, default: part] == part, "seed \(seed): \(rule) \(key)")
                    seen[key] = part
                }
            }
            #expect(Set(parts).count >= (rule == .groups ? 1 : 2))
        }
        let loose = try Splitter(fractions: [1, 1], seed: seed, keepsEqualTextsTogether: false).assign(rows)
        #expect(Set(zip(rows, loose).filter { $0.0.text == "same 0" }.map(\.1)).count == 2)
        #expect(loose.count { $0 == 0 } == 300)
        let grouped = rows.enumerated().map { Splitter.Row(text: "t\($0)", group: $1.group) }
        let sizes = try Splitter(fractions: [8, 1, 1], rule: .groups, seed: seed).split(grouped).map(\.count)
        #expect(abs(sizes[0] - 480) <= 6 && abs(sizes[1] - 60) <= 6, "\(sizes)")
    }

    @Test("by time the earliest rows come first, and rows of one time stay together")
    func time() throws {
        let times = ["2024-03-01", "2024-01-01", "2024-02-01", "2024-02-01", "2024-04-01"]
        let rows = times.enumerated().map { Splitter.Row(text: "\($0)", time: $1) }
        let splitter = try Splitter(fractions: [2, 3], rule: .time)
        #expect(try splitter.split(rows) == [[1, 2, 3], [0, 4]])
        let numbers = ["10", "9", "100", "8"].enumerated().map { Splitter.Row(text: "\($0)", time: $1) }
        #expect(try Splitter(fractions: [1, 1], rule: .time).split(numbers) == [[1, 3], [0, 2]])
        #expect(message { _ = try splitter.split([Splitter.Row(text: "a")]) }.contains("row 1 has no time"))
    }

    @Test("by hash a row keeps its part when others come, and shares hold on average")
    func hash() throws {
        let rows = rows(20_000, seed: 3)
        let splitter = try Splitter(fractions: [7, 2, 1], rule: .hash, seed: 9)
        let all = try splitter.assign(rows)
        #expect(try splitter.assign(Array(rows[5000..<6000])) == Array(all[5000..<6000]))
        for (part, share) in [0.7, 0.2, 0.1].enumerated() {
            #expect(abs(Double(all.count { $0 == part }) / 20_000 - share) < 0.015)
        }
    }

    @Test("folds are equal and cover every row once; senseless shares are refused")
    func folds() throws {
        let parts = try Splitter(folds: 5, rule: .stratified, seed: 2).split(rows(103, seed: 8))
        #expect(parts.map(\.count).sorted() == [20, 20, 21, 21, 21])
        for shares in [[], [0, 0], [-1, 2], [Double.nan]] {
            #expect(throws: FileFormatError.self) { try Splitter(fractions: shares) }
        }
        #expect(throws: FileFormatError.self) { try Splitter(folds: 1) }
        #expect(try Splitter(fractions: [1, 0]).assign(rows(10, seed: 1)).allSatisfy { $0 == 0 })
    }
}
