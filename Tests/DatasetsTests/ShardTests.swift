import Foundation
import Testing
import YuyanDatasets
import YuyanFileFormats

@Suite("Random numbers and permutations")
struct RandomTests {
    @Test("Philox gives its published words")
    func philox() {
        let zero = CounterRandom(seed: 0).words(at: 0)
        #expect(zero == SIMD4(0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8))
        let ones = CounterRandom(seed: .max, stream: .max).words(at: .max)
        #expect(ones == SIMD4(0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd))
        let pi = CounterRandom(seed: 0x299f_31d0_a409_3822, stream: 0x0370_7344_1319_8a2e)
            .words(at: 0x85a3_08d3_243f_6a88)
        #expect(pi == SIMD4(0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1))
    }

    @Test("a permutation meets every entry once, for every size")
    func permutation() {
        for count in [0, 1, 2, 3, 4, 5, 7, 16, 17, 63, 64, 65, 1000, 4097] {
            let permutation = SeededPermutation(count: count, seed: 3, round: 1)
            #expect(Set((0..<count).map { permutation[$0] }) == Set(0..<count), "\(count)")
        }
    }

    @Test("a permutation is even: every entry reaches every place about equally often, and rounds differ")
    func evenness() {
        var hits = [[Int]](repeating: [Int](repeating: 0, count: 10), count: 10)
        for seed in 0..<5000 {
            let permutation = SeededPermutation(count: 10, seed: UInt64(seed))
            for place in 0..<10 { hits[place][permutation[place]] += 1 }
        }
        // 500 expected with a deviation near 21.
        #expect(hits.allSatisfy { $0.allSatisfy { abs($0 - 500) < 110 } })
        let orders = (0..<3).map { round in
            let permutation = SeededPermutation(count: 100, seed: 1, round: round)
            return (0..<100).map { permutation[$0] }
        }
        #expect(orders[0] != orders[1] && orders[1] != orders[2] && orders[0] != Array(0..<100))
    }
}

@Suite("Token shards")
struct ShardTests {
    let folder = TemporaryFolder()

    @Test("both widths give their tokens back")
    func widths() throws {
        for width in TokenWidth.allCases {
            let large: Int32 = width == .uint16 ? 65_535 : 1_000_000
            let shard = try makeShard(folder, documents: [[1, 2, large], [4]], width: width)
            #expect(shard.count == 4 && shard.documentCount == 2)
            #expect(shard[0..<4] == [1, 2, large, 4])
            #expect(shard[1..<1] == [])
            #expect(shard.range(ofDocument: 1) == 3..<4)
            #expect([0, 1, 3, 4, 9].map { shard.firstDocument(from: $0) } == [0, 1, 1, 2, 2])
            try shard.checkTokens(below: Int(large) + 1)
            #expect(throws: FileFormatError.self) { try shard.checkTokens(below: Int(large)) }
        }
        #expect(
            TokenWidth(vocabularySize: 65_535) == .uint16 && TokenWidth(vocabularySize: 65_536) == .uint32
        )
    }

    @Test("cut, lying and random files are refused, never read beyond their end")
    func damaged() throws {
        _ = try makeShard(folder, documents: [[1, 2], [3]])
        let tokens = try #require(folder.bytes("shard.bin"))
        let index = try #require(folder.bytes("shard.idx"))
        func opens(_ tokens: [UInt8], _ index: [UInt8]) throws {
            _ = try TokenShard(
                path: folder.write("a.bin", tokens),
                width: .uint16,
                indexPath: folder.write("a.idx", index)
            )
        }
        try opens(tokens, index)
        #expect(throws: FileFormatError.self) { try opens(Array(tokens.dropLast()), index) }
        #expect(throws: FileFormatError.self) { try opens(Array(tokens.dropLast(2)), index) }
        #expect(throws: FileFormatError.self) { try opens(tokens, []) }
        #expect(throws: FileFormatError.self) { try opens(tokens, Array(index.dropLast(3))) }
        #expect(throws: FileFormatError.self) { try opens(tokens, Array(index.dropLast(8))) }
        var generator = TestGenerator(11)
        var refused = 0
        for _ in 0..<300 {
            var changed = index
            let place = Int.random(in: 0..<changed.count, using: &generator)
            changed[place] = UInt8.random(in: 0...255, using: &generator)
            do {
                try opens(tokens, changed)
                // Only another first boundary inside the tokens can be right.
                #expect(changed == index || (changed[8] == 1 && changed[9...15].allSatisfy { $0 == 0 }))
            } catch {
                refused += 1
            }
        }
        #expect(refused > 250)
    }
}
