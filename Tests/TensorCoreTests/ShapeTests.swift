import Testing
import YuyanTensorCore

@Suite struct ShapeTests {
    @Test func countsAndStrides() {
        let shape: Shape = [2, 3, 4]
        #expect(shape.rank == 3)
        #expect(shape.elementCount == 24)
        #expect(shape.contiguousStrides == [12, 4, 1])
        #expect(shape[0] == 2 && shape[-1] == 4 && shape[-3] == 2)
        #expect(shape.description == "[2, 3, 4]")
        #expect(([] as Shape).elementCount == 1)
        #expect(([] as Shape).contiguousStrides.isEmpty)
        #expect(([3, 0, 2] as Shape).elementCount == 0)
    }

    @Test func negativeAxesCountFromTheEnd() {
        let shape: Shape = [5, 6]
        #expect(shape.normalized(axis: -2) == 0)
        #expect(shape.normalized(axis: 1) == 1)
    }

    @Test(arguments: [
        ([2, 3], [2, 3], [2, 3]), ([2, 3], [3], [2, 3]), ([2, 1], [1, 3], [2, 3]), ([], [4], [4]),
        ([], [], []),
        ([5, 1, 3], [4, 1], [5, 4, 3]), ([0, 3], [1, 3], [0, 3]), ([1], [0], [0]),
    ])
    func broadcastFollowsNumPy(_ left: [Int], _ right: [Int], _ result: [Int]) {
        #expect(Shape.broadcast(Shape(left), Shape(right)) == Shape(result))
        #expect(Shape.broadcast(Shape(right), Shape(left)) == Shape(result))
    }

    @Test func broadcastRefusesWhatDoesNotFit() {
        #expect(Shape.broadcast([2, 3], [2]) == nil)
        #expect(Shape.broadcast([2, 3], [4, 3]) == nil)
        #expect(Shape.broadcast([0], [2]) == nil)
    }

    @Test func misuseStops() async {
        let missing = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
            _ = ([2, 3] as Shape)[2]
        }
        let text = missing.map { String(decoding: $0.standardErrorContent, as: UTF8.self) } ?? ""
        #expect(text.contains("axis 2 does not exist in shape [2, 3]"))
        await #expect(processExitsWith: .failure) { _ = Shape([2, -1]) }
    }
}

@Suite struct DTypeTests {
    @Test func sizes() {
        #expect(DType.allCases.map(\.byteCount) == [4, 2, 8, 4, 1])
        #expect(DType.allCases.filter(\.isFloatingPoint) == [.f32, .bf16, .f64])
    }
}

@Suite struct TensorViewTests {
    private func view(_ shape: Shape, _ strides: [Int]) -> TensorView {
        // Never read: only the layout is looked at.
        let address = UnsafeMutableRawPointer(bitPattern: 4096)
        return TensorView(
            address: address ?? .allocate(byteCount: 1, alignment: 1),
            dtype: .f32,
            shape: shape,
            strides: strides
        )
    }

    @Test func contiguity() {
        #expect(view([2, 3], [3, 1]).isContiguous)
        #expect(!view([2, 3], [1, 2]).isContiguous)
        #expect(!view([2, 3], [4, 1]).isContiguous)
        #expect(!view([2, 3], [0, 1]).isContiguous)
        #expect(view([1, 3, 1], [77, 1, 5]).isContiguous)
        #expect(view([], []).isContiguous)
        #expect(view([4, 0], [9, 9]).isContiguous)
    }

    @Test func reshapingKeepsTheMemory() {
        let whole = view([2, 6], [6, 1])
        let other = whole.reshaped([3, 4])
        #expect(other.address == whole.address)
        #expect(other.strides == [4, 1])
        #expect(other.elementCount == 12)
    }

    @Test func advancingCountsElements() {
        let part = view([4, 4], [4, 1]).advanced(by: 6, shape: [2, 2], strides: [4, 1])
        #expect(Int(bitPattern: part.address) == 4096 + 24)
        #expect(part.shape == [2, 2])
        #expect(!part.isContiguous)
    }

    @Test func misuseStops() async {
        await #expect(processExitsWith: .failure) {
            let memory = UnsafeMutableRawPointer.allocate(byteCount: 64, alignment: 64)
            _ = TensorView(address: memory, dtype: .f32, shape: [2, 3]).reshaped([4, 2])
        }
        await #expect(processExitsWith: .failure) {
            let memory = UnsafeMutableRawPointer.allocate(byteCount: 64, alignment: 64)
            _ = TensorView(address: memory, dtype: .f32, shape: [2, 3], strides: [1, 2]).reshaped([3, 2])
        }
    }
}
