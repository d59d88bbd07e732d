import CKernels
import Testing

extension KernelContract {
    @Suite struct VectorSearch {
        @Test(arguments: [1, 7, 16, 64, 100, 133]) func distancesOfNamedRows(_ width: Int) {
            var draws = WordVectors.Draws(state: 78)
            let rows = (0..<width * 60).map { _ in draws.number() }
            let query = (0..<width).map { _ in draws.number() }
            let ids: [Int32] = [59, 0, 3, 3, 17, 58, 21]
            for count in [0, 1, 4, 7] {
                var (dots, squares) = ([Float](repeating: -9, count: 7), [Float](repeating: -9, count: 7))
                yk_gathered_dots(&dots, rows, ids, query, Int64(count), Int64(width))
                yk_gathered_squares(&squares, rows, ids, query, Int64(count), Int64(width))
                for (place, id) in ids.enumerated() where place < count {
                    let own = rows[Int(id) * width..<(Int(id) + 1) * width].map { Double($0) }
                    var (dot, square) = (0.0, 0.0)
                    for (a, b) in zip(own, query) {
                        dot += a * Double(b)
                        square += (a - Double(b)) * (a - Double(b))
                    }
                    #expect(abs(Double(dots[place]) - dot) < 1e-4)
                    #expect(abs(Double(squares[place]) - square) < 1e-4)
                }
                #expect(dots[count...].allSatisfy { $0 == -9 } && squares[count...].allSatisfy { $0 == -9 })
            }
        }
    }
}
