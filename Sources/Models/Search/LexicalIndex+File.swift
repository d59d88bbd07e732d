import YuyanFileFormats

extension LexicalIndex {
    private static let format = "yuyan-lexical-index 1"

    /// Writes the index to a safetensors file, which appears whole or not at all.
    ///
    /// - Parameter path: The file.
    /// - Throws: `FileFormatError` when the disk refuses.
    public func write(to path: String) throws {
        let (bytes, pairs) = (try termBytes.withNumbers(\.count), try texts.withNumbers(\.count))
        let writer = try SafetensorsWriter(
            path: path,
            metadata: [
                "format": Self.format, "k1": String(options.k1), "b": String(options.b),
                "weighting": options.weighting.rawValue,
            ],
            entries: [
                .init("term_bytes", .u8, [bytes]), .init("term_ends", .i64, [termCount + 1]),
                .init("starts", .i64, [termCount + 1]), .init("texts", .i32, [pairs]),
                .init("counts", .i32, [pairs]), .init("lengths", .i32, [count]),
            ]
        )
        for name in writer.names {
            switch name {
            case "term_bytes": try termBytes.withNumbers { try writer.write(.init($0), to: name) }
            case "term_ends": try termEnds.withNumbers { try writer.write(.init($0), to: name) }
            case "starts": try starts.withNumbers { try writer.write(.init($0), to: name) }
            case "texts": try texts.withNumbers { try writer.write(.init($0), to: name) }
            case "counts": try counts.withNumbers { try writer.write(.init($0), to: name) }
            default: try lengths.withNumbers { try writer.write(.init($0), to: name) }
            }
        }
        try writer.finish()
    }

    /// Opens a file that ``write(to:)`` made; it is mapped, and looked through once for damage.
    ///
    /// - Parameter path: The file.
    /// - Throws: `FileFormatError` that says what is wrong in it.
    public convenience init(contentsOf path: String) throws {
        let file = try SafetensorsFile(path: path)
        func wrong(_ key: String, _ message: String) -> FileFormatError {
            FileFormatError(.malformed, path: path, at: .key(key), message)
        }
        guard file.metadata["format"] == Self.format else {
            throw FileFormatError(.unsupported, path: path, at: .key("format"), "'\(Self.format)' is needed")
        }
        var options = BM25Options()
        guard let k1 = Double(file.metadata["k1"] ?? ""), let b = Double(file.metadata["b"] ?? ""),
            let weighting = BM25Options.Weighting(rawValue: file.metadata["weighting"] ?? "")
        else { throw wrong("k1", "k1, b and weighting are needed") }
        (options.k1, options.b, options.weighting) = (k1, b, weighting)
        if let problem = options.problem { throw wrong("k1", problem) }
        func list<Number>(
            _ name: String,
            _ dtype: SafetensorsDType,
            _ type: Number.Type
        ) throws
            -> (NumberStorage<Number>, Int)
        {
            let shape = try file.entry(name).shape
            guard shape.count == 1 else { throw wrong(name, "\(shape) is no list") }
            return (try NumberStorage<Number>(file, name, dtype, shape: shape), shape[0])
        }
        let (bytes, byteCount) = try list("term_bytes", .u8, UInt8.self)
        let (ends, endCount) = try list("term_ends", .i64, Int64.self)
        let (starts, startCount) = try list("starts", .i64, Int64.self)
        let (texts, pairCount) = try list("texts", .i32, Int32.self)
        let (counts, countCount) = try list("counts", .i32, Int32.self)
        let (lengths, count) = try list("lengths", .i32, Int32.self)
        guard endCount >= 1, startCount == endCount, countCount == pairCount, count >= 1,
            count <= VectorIndex.mostRows
        else { throw wrong("starts", "the lists' lengths do not fit one another") }
        func rises(_ numbers: UnsafeBufferPointer<Int64>, to end: Int) -> Bool {
            numbers[0] == 0 && numbers[numbers.count - 1] == Int64(end)
                && zip(numbers, numbers.dropFirst()).allSatisfy { $0 <= $1 }
        }
        let isWhole =
            try ends.withNumbers { rises($0, to: byteCount) }
            && starts.withNumbers { rises($0, to: pairCount) }
            && texts.withNumbers { $0.allSatisfy { $0 >= 0 && $0 < Int32(count) } }
            && counts.withNumbers { $0.allSatisfy { $0 > 0 } }
            && lengths.withNumbers { $0.allSatisfy { $0 >= 0 } }
        guard isWhole else {
            throw wrong("texts", "the lists hold numbers that cannot be; the file is damaged")
        }
        try self.init(
            options: options,
            termBytes: bytes,
            termEnds: ends,
            starts: starts,
            texts: texts,
            counts: counts,
            lengths: lengths
        )
    }
}
