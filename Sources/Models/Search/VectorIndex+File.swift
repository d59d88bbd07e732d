import YuyanFileFormats

extension VectorIndex {
    /// What a file of an index says that it is.
    private static let format = "yuyan-vector-index 1"

    /// Writes the index to a safetensors file, which appears whole or not at all.
    ///
    /// - Parameter path: The file.
    /// - Throws: `FileFormatError` when the disk refuses.
    public func write(to path: String) throws {
        var entries: [SafetensorsWriter.Entry] = [.init("rows", .f32, [count, dimension])]
        let metadata = [
            "format": Self.format, "kind": options.kind.rawValue, "metric": options.metric.rawValue,
            "M": String(options.connections), "ef_construction": String(options.constructionWidth),
            "ef_search": String(options.searchWidth), "seed": String(options.seed),
            "entry": String(links?.entry ?? 0),
        ]
        let upperCount = try links?.upper.withNumbers(\.count) ?? 0
        if let links {
            entries.append(.init("levels", .u8, [count]))
            entries.append(.init("links", .i32, [count, 1 + 2 * links.connections]))
            entries.append(.init("upper_starts", .i32, [count]))
            entries.append(.init("upper_links", .i32, [upperCount]))
        }
        let writer = try SafetensorsWriter(path: path, metadata: metadata, entries: entries)
        for name in writer.names {
            switch name {
            case "rows": try Self.write(rows, writer, name)
            case "levels": if let links { try Self.write(links.levels, writer, name) }
            case "links": if let links { try Self.write(links.base, writer, name) }
            case "upper_starts": if let links { try Self.write(links.upperStarts, writer, name) }
            default: if let links { try Self.write(links.upper, writer, name) }
            }
        }
        try writer.finish()
    }

    private static func write<Number>(
        _ numbers: NumberStorage<Number>,
        _ writer: SafetensorsWriter,
        _ name: String
    ) throws {
        try numbers.withNumbers { try writer.write(UnsafeRawBufferPointer($0), to: name) }
    }

    /// Opens a file that ``write(to:)`` made.
    ///
    /// Rows and links are mapped, and read when they are touched; the links are looked through once, so that a damaged
    /// file cannot lead a search astray.
    ///
    /// - Parameter path: The file.
    /// - Throws: `FileFormatError` that says what is wrong in it.
    public convenience init(contentsOf path: String) throws {
        let file = try SafetensorsFile(path: path)
        guard file.metadata["format"] == Self.format else {
            throw FileFormatError(.unsupported, path: path, at: .key("format"), "'\(Self.format)' is needed")
        }
        let options = try Self.options(file)
        let shape = try file.entry("rows").shape
        guard shape.count == 2, shape[0] >= 1, shape[0] <= Self.mostRows, shape[1] >= 1 else {
            throw FileFormatError(.malformed, path: path, at: .key("rows"), "\(shape) are no rows")
        }
        let count = shape[0]
        let rows = try NumberStorage<Float>(file, "rows", .f32, shape: shape)
        var links: HNSWLinks?
        if options.kind == .hnsw {
            let upper = try file.entry("upper_links").shape
            let most = 1 + 2 * options.connections
            let found = HNSWLinks(
                connections: options.connections,
                entry: try Self.number(file, "entry"),
                levels: try NumberStorage(file, "levels", .u8, shape: [count]),
                base: try NumberStorage(file, "links", .i32, shape: [count, most]),
                upperStarts: try NumberStorage(file, "upper_starts", .i32, shape: [count]),
                upper: try NumberStorage(file, "upper_links", .i32, shape: upper)
            )
            guard upper.count == 1, upper[0] >= 1 else {
                throw FileFormatError(.malformed, path: path, at: .key("upper_links"), "\(upper) is no list")
            }
            let blocks = upper[0] / (1 + options.connections)
            let problem = try found.withGraph(count: count) { $0.problem(upperBlocks: blocks) }
            if let problem {
                throw FileFormatError(
                    .malformed,
                    path: path,
                    at: .key("links"),
                    "the graph is damaged: \(problem)"
                )
            }
            links = found
        }
        self.init(count: count, dimension: shape[1], options: options, rows: rows, links: links)
    }

    private static func options(_ file: SafetensorsFile) throws(FileFormatError) -> VectorIndexOptions {
        var options = VectorIndexOptions()
        guard let kind = VectorIndexOptions.Kind(rawValue: file.metadata["kind"] ?? "") else {
            throw wrong(file, "kind")
        }
        guard let metric = VectorMetric(rawValue: file.metadata["metric"] ?? "") else {
            throw wrong(file, "metric")
        }
        (options.kind, options.metric) = (kind, metric)
        options.connections = try number(file, "M")
        options.constructionWidth = try number(file, "ef_construction")
        options.searchWidth = try number(file, "ef_search")
        options.seed = try number(file, "seed")
        if let problem = options.problem { throw FileFormatError(.malformed, path: file.path, problem) }
        return options
    }

    private static func number<Number: FixedWidthInteger>(
        _ file: SafetensorsFile,
        _ key: String
    ) throws(FileFormatError) -> Number {
        guard let number = Number(file.metadata[key] ?? "") else { throw wrong(file, key) }
        return number
    }

    private static func wrong(_ file: SafetensorsFile, _ key: String) -> FileFormatError {
        let found = file.metadata[key].map { "'\($0.prefix(40))'" } ?? "nothing"
        return FileFormatError(
            .malformed,
            path: file.path,
            at: .key(key),
            "\(found) stands where an index has its \(key)"
        )
    }
}
