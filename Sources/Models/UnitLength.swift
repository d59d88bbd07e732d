extension [Float] {
    /// Brings rows to length 1; rows of zeros stay.
    ///
    /// Traps when the numbers are no whole rows.
    ///
    /// - Parameter width: The width of a row, at least 1.
    package mutating func normalizeRows(width: Int) {
        withUnsafeMutableBufferPointer { rows in
            for start in stride(from: 0, to: rows.count, by: width) {
                var sum = 0.0
                for place in start..<start + width { sum += Double(rows[place]) * Double(rows[place]) }
                guard sum > 0 else { continue }
                let scale = 1 / sum.squareRoot()
                for place in start..<start + width { rows[place] = Float(Double(rows[place]) * scale) }
            }
        }
    }
}
