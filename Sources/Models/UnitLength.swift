import YuyanTensorCore

extension [Float] {
    /// Brings rows to length 1; rows of zeros stay.
    ///
    /// Traps when the numbers are no whole rows.
    ///
    /// - Parameter width: The width of a row, at least 1.
    package mutating func normalizeRows(width: Int) {
        for start in stride(from: 0, to: count, by: width) { normalize(start..<start + width) }
    }

    /// Brings the numbers of a range to length 1; zeros stay.
    ///
    /// Traps when the range lies outside the numbers.
    ///
    /// - Parameter range: The range.
    mutating func normalize(_ range: Range<Int>) {
        require(
            range.lowerBound >= 0 && range.upperBound <= count,
            "normalize: \(range) lies outside the \(count) numbers"
        )
        withUnsafeMutableBufferPointer { numbers in
            var sum = 0.0
            for place in range { sum += Double(numbers[place]) * Double(numbers[place]) }
            guard sum > 0 else { return }
            let scale = 1 / sum.squareRoot()
            for place in range { numbers[place] = Float(Double(numbers[place]) * scale) }
        }
    }
}
