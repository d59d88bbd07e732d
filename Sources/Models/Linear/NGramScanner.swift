/// Where an n-gram that has a column stands.
struct NGramOccurrence {
    let column: Int32
    /// Its bytes in the text as it is counted; for n-grams of characters that run over the whole text, the numbers of
    /// the scalars of its line.
    let place: Range<Int>
    let isOfLine: Bool
}

/// Finds the n-grams of one text after another and counts their columns.
struct NGramScanner {
    private let options: TextFeatureOptions
    /// Where the n-grams of the last text stand; nil where that is not asked for.
    private(set) var occurrences: [NGramOccurrence]?
    private var columns: [Int32] = []
    private var words: [Range<Int>] = []
    private var scratch: [UInt8] = []

    init(_ options: TextFeatureOptions, tellsPlaces: Bool = false) {
        self.options = options
        occurrences = tellsPlaces ? [] : nil
    }

    /// Calls `column` for every n-gram; those without a column are passed over.
    mutating func scan(_ text: String, _ column: (UnsafeBufferPointer<UInt8>) -> Int32?) {
        columns.removeAll(keepingCapacity: true)
        occurrences?.removeAll()
        var text = options.lowercases ? text.lowercased() : text
        text.withUTF8 { bytes in
            if let sizes = options.wordNGrams { scanWords(bytes, sizes, column) }
            guard let sizes = options.characterNGrams else { return }
            if options.charactersStayInWords {
                scanCharactersOfWords(bytes, sizes, column)
            } else {
                scanCharacters(bytes, sizes, column)
            }
        }
    }

    /// Adds a row: each column once, with how often it came.
    mutating func appendCounts(to part: inout SparseMatrix.Part) {
        columns.sort()
        var index = 0
        while index < columns.count {
            var end = index + 1
            while end < columns.count, columns[end] == columns[index] { end += 1 }
            part.places.append(columns[index])
            part.values.append(Float(end - index))
            index = end
        }
        part.starts.append(Int64(part.places.count))
    }

    private mutating func add(
        _ column: Int32?,
        at place: @autoclosure () -> Range<Int>,
        isOfLine: Bool = false
    ) {
        guard let column else { return }
        columns.append(column)
        guard occurrences != nil else { return }
        occurrences?.append(
            NGramOccurrence(column: column, place: place(), isOfLine: isOfLine)
        )
    }

    private mutating func scanWords(
        _ bytes: UnsafeBufferPointer<UInt8>,
        _ sizes: ClosedRange<Int>,
        _ column: (UnsafeBufferPointer<UInt8>) -> Int32?
    ) {
        WordScanner.find(bytes, options.words, &words)
        for start in words.indices {
            scratch.removeAll(keepingCapacity: true)
            for size in 1...sizes.upperBound where start + size <= words.count {
                if size > 1 { scratch.append(0x20) }
                scratch.append(contentsOf: bytes[words[start + size - 1]])
                guard size >= sizes.lowerBound else { continue }
                let (first, last) = (words[start].lowerBound, words[start + size - 1].upperBound)
                add(scratch.withUnsafeBufferPointer { column($0) }, at: first..<last)
            }
        }
    }

    private mutating func scanCharacters(
        _ bytes: UnsafeBufferPointer<UInt8>,
        _ sizes: ClosedRange<Int>,
        _ column: (UnsafeBufferPointer<UInt8>) -> Int32?
    ) {
        let (line, starts) = WordScanner.singleSpaced(bytes)
        for start in 0..<starts.count - 1 {
            scratch.removeAll(keepingCapacity: true)
            scratch.append(TextFeatures.characterMark)
            for size in 1...sizes.upperBound where start + size < starts.count {
                scratch.append(contentsOf: line[starts[start + size - 1]..<starts[start + size]])
                guard size >= sizes.lowerBound else { continue }
                let found = scratch.withUnsafeBufferPointer { column($0) }
                add(found, at: start..<start + size, isOfLine: true)
            }
        }
    }

    private mutating func scanCharactersOfWords(
        _ bytes: UnsafeBufferPointer<UInt8>,
        _ sizes: ClosedRange<Int>,
        _ column: (UnsafeBufferPointer<UInt8>) -> Int32?
    ) {
        WordScanner.find(bytes, .whitespace, &words)
        var starts: [Int] = []
        for word in words {
            // A space, the word's scalars and a space, counted from the byte before the word.
            starts.removeAll(keepingCapacity: true)
            starts.append(0)
            for place in word where bytes[place] & 0xC0 != 0x80 { starts.append(place - word.lowerBound + 1) }
            starts += [word.count + 1, word.count + 2]
            let scalars = starts.count - 1
            // A word that is shorter than the shortest n-gram is one.
            let shortest = min(sizes.lowerBound, scalars)
            for start in 0...scalars - shortest {
                scratch.removeAll(keepingCapacity: true)
                scratch.append(TextFeatures.characterMark)
                for size in 1...sizes.upperBound where start + size <= scalars {
                    let (first, last) = (starts[start + size - 1], starts[start + size])
                    if first == 0 || first == word.count + 1 {
                        scratch.append(0x20)
                    } else {
                        let place = word.lowerBound + first - 1
                        scratch.append(contentsOf: bytes[place..<place + last - first])
                    }
                    guard size >= shortest else { continue }
                    let found = scratch.withUnsafeBufferPointer { column($0) }
                    let low = word.lowerBound + max(starts[start] - 1, 0)
                    let high = word.lowerBound + min(last - 1, word.count)
                    add(found, at: low < high ? low..<high : word)
                }
            }
        }
    }
}

/// Finds words as scikit-learn's pattern for them does.
enum WordScanner {
    static func find(
        _ bytes: UnsafeBufferPointer<UInt8>,
        _ kind: TextFeatureOptions.Words,
        _ words: inout [Range<Int>]
    ) {
        words.removeAll(keepingCapacity: true)
        var (place, start, scalars) = (0, 0, 0)
        while place < bytes.count {
            let (scalar, length) = scalar(bytes, place)
            let belongs = kind == .letters ? isWordScalar(scalar) : !isWhiteSpace(scalar)
            if belongs {
                if scalars == 0 { start = place }
                scalars += 1
            } else {
                if scalars >= (kind == .letters ? 2 : 1) { words.append(start..<place) }
                scalars = 0
            }
            place += length
        }
        if scalars >= (kind == .letters ? 2 : 1) { words.append(start..<place) }
    }

    /// The text with runs of white space of two or more as one space, and where its scalars begin, its end included.
    static func singleSpaced(_ bytes: UnsafeBufferPointer<UInt8>) -> (bytes: [UInt8], starts: [Int]) {
        var (line, starts, place): ([UInt8], [Int], Int) = ([], [], 0)
        line.reserveCapacity(bytes.count)
        while place < bytes.count {
            var (value, end) = scalar(bytes, place)
            end += place
            starts.append(line.count)
            guard isWhiteSpace(value) else {
                line.append(contentsOf: bytes[place..<end])
                place = end
                continue
            }
            let first = place..<end
            while end < bytes.count, case let next = scalar(bytes, end), isWhiteSpace(next.value) {
                end += next.length
            }
            if end > first.upperBound { line.append(0x20) } else { line.append(contentsOf: bytes[first]) }
            place = end
        }
        starts.append(line.count)
        return (line, starts)
    }

    /// Where the scalars of ``singleSpaced(_:)`` begin in the bytes that it was made of, their end included.
    static func origins(_ bytes: UnsafeBufferPointer<UInt8>) -> [Int] {
        var (origins, place): ([Int], Int) = ([], 0)
        while place < bytes.count {
            origins.append(place)
            let (value, length) = scalar(bytes, place)
            place += length
            guard isWhiteSpace(value) else { continue }
            while place < bytes.count, case let next = scalar(bytes, place), isWhiteSpace(next.value) {
                place += next.length
            }
        }
        return origins + [bytes.count]
    }

    /// The scalar at a place of valid UTF-8, and its length.
    private static func scalar(
        _ bytes: UnsafeBufferPointer<UInt8>,
        _ place: Int
    ) -> (value: UInt32, length: Int) {
        let first = UInt32(bytes[place])
        if first < 0x80 { return (first, 1) }
        let length = first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4
        var value = first & (0xFF >> UInt32(length + 1))
        for next in place + 1..<place + length { value = value << 6 | UInt32(bytes[next]) & 0x3F }
        return (value, length)
    }

    static func isWordScalar(_ value: UInt32) -> Bool {
        if value < 0x80 {
            return value >= 0x61 && value <= 0x7A || value >= 0x30 && value <= 0x39
                || value >= 0x41 && value <= 0x5A
                || value == 0x5F
        }
        if value >= 0x4E00, value <= 0x9FFF { return true }
        guard let scalar = Unicode.Scalar(value) else { return false }
        switch scalar.properties.generalCategory {
        case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter,
            .decimalNumber,
            .letterNumber, .otherNumber:
            return true
        default: return false
        }
    }

    static func isWhiteSpace(_ value: UInt32) -> Bool {
        if value < 0x80 {
            return value == 0x20 || value >= 0x09 && value <= 0x0D || value >= 0x1C && value <= 0x1F
        }
        if value >= 0x3001 { return false }
        return Unicode.Scalar(value)?.properties.isWhitespace ?? false
    }
}
