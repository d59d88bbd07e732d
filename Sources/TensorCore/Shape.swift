/// The extents of a tensor's axes, outermost first.
///
/// An empty shape is a scalar.
public struct Shape: Sendable, Hashable, ExpressibleByArrayLiteral, CustomStringConvertible {
    /// The extents, outermost first.
    public let dimensions: [Int]

    /// Makes a shape of the given extents.
    ///
    /// Traps when an extent is negative.
    public init(_ dimensions: [Int]) {
        require(dimensions.allSatisfy { $0 >= 0 }, "Shape: the extents \(dimensions) must not be negative")
        self.dimensions = dimensions
    }

    /// Makes a shape from a literal such as `[2, 3]`.
    public init(arrayLiteral elements: Int...) {
        self.init(elements)
    }

    /// The number of axes.
    public var rank: Int { dimensions.count }

    /// The number of elements: the product of the extents (1 for a scalar).
    public var elementCount: Int { dimensions.reduce(1, *) }

    /// The extent of an axis; negative axes count from the end (−1 is the last).
    ///
    /// Traps when the axis does not exist.
    public subscript(axis: Int) -> Int { dimensions[normalized(axis: axis)] }

    /// The strides, in elements, of a contiguous tensor of this shape.
    public var contiguousStrides: [Int] {
        var strides = [Int](repeating: 1, count: rank)
        var step = 1
        for axis in stride(from: rank - 1, through: 0, by: -1) {
            strides[axis] = step
            step *= dimensions[axis]
        }
        return strides
    }

    /// The axis as a number from 0 to `rank` − 1; negative axes count from the end.
    ///
    /// Traps when the axis does not exist.
    public func normalized(axis: Int, file: StaticString = #fileID, line: UInt = #line) -> Int {
        let positive = axis < 0 ? axis + rank : axis
        require(
            positive >= 0 && positive < rank,
            "axis \(axis) does not exist in shape \(self); it must lie in \(-rank)..<\(rank)",
            file: file,
            line: line
        )
        return positive
    }

    /// The shape that both shapes broadcast to, or nil when they do not fit (NumPy's rule: axes are aligned at
    /// the end, and an extent of 1 stretches).
    public static func broadcast(_ left: Shape, _ right: Shape) -> Shape? {
        if left == right { return left }
        let rank = max(left.rank, right.rank)
        var result = [Int](repeating: 1, count: rank)
        for offset in 1...max(rank, 1) where rank > 0 {
            let a = offset <= left.rank ? left.dimensions[left.rank - offset] : 1
            let b = offset <= right.rank ? right.dimensions[right.rank - offset] : 1
            guard a == b || a == 1 || b == 1 else { return nil }
            result[rank - offset] = a == 1 ? b : a
        }
        return Shape(result)
    }

    /// The shape in brackets, for example `[2, 3]`.
    public var description: String { "[" + dimensions.map(String.init).joined(separator: ", ") + "]" }
}
