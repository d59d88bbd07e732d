import YuyanFileFormats
import YuyanNeuralNetworks

// A model's parameters to a safetensors file and back, through one table of keys.

extension Module {
    /// Reads all parameters from files.
    ///
    /// Both directions are checked before anything changes: every parameter that is not optional must be in the files with its shape, and
    /// the files may hold nothing that the table does not know.
    ///
    /// - Parameters:
    ///   - files: The open files.
    ///   - map: The table of keys.
    ///   - optional: The beginnings of parameters' paths that the files may lack; such parameters stay as they are.
    /// - Returns: The parameters that the files lack.
    /// - Throws: `FileFormatError` naming file and key of what is missing, unexpected or of another shape.
    @discardableResult public func loadParameters(
        from files: WeightFiles,
        map: KeyMap = .identity,
        optional: [String] = []
    ) throws -> [String] {
        var lacking: [String] = []
        var plans: [LoadPlan] = []
        var used: Set<String> = []
        var missing: [String] = []
        for item in namedParameters() {
            let mapping = try map.covered(item.name, path: files.path)
            let names = mapping.keys.map { key in
                map.spellings(of: key).first { files.shape(of: $0) != nil }
            }
            let found = names.compactMap { $0 }
            if found.isEmpty, optional.contains(where: { item.name.hasPrefix($0) }) {
                lacking.append(item.name)
                continue
            }
            missing += zip(mapping.keys, names).filter { $0.1 == nil }.map(\.0)
            used.formUnion(found)
            if found.count == mapping.keys.count {
                plans.append(LoadPlan(parameter: item.parameter, mapping: mapping, names: found))
            }
        }
        let unexpected = files.names.filter { !used.contains($0) && !map.ignores($0) }
        try refuse(missing, unexpected, path: files.path)
        for plan in plans { try plan.check(files) }
        for plan in plans { try plan.run(files) }
        return lacking
    }

    /// Writes all parameters to a safetensors file.
    ///
    /// Traps when the dtype is not of a floating-point kind.
    ///
    /// - Parameters:
    ///   - path: The file to make or replace; it appears whole or not at all.
    ///   - map: The table of keys.
    ///   - dtype: f32, bf16 (rounded to nearest even) or f64.
    ///   - metadata: Free-form strings beside `format: pt`, which readers of the layout ask for.
    /// - Throws: `FileFormatError` when the table does not cover a parameter or the disk refuses.
    public func saveParameters(
        to path: String,
        map: KeyMap = .identity,
        dtype: DType = .f32,
        metadata: [String: String] = [:]
    ) throws(FileFormatError) {
        var entries: [SafetensorsWriter.Entry] = []
        var parts: [String: SavedPart] = [:]
        for item in namedParameters() {
            let mapping = try map.covered(item.name, path: path)
            for part in SavedPart.parts(of: item.parameter, mapping) {
                entries.append(.init(part.key, dtype.fileType, part.shape))
                parts[part.key] = part
            }
        }
        let writer = try SafetensorsWriter(
            path: path,
            metadata: ["format": "pt"].merging(metadata) { $1 },
            entries: entries
        )
        for name in writer.names {
            guard let part = parts[name] else { continue }
            try writer.write(elements: part.tensor.cast(to: dtype).hostBytes(), to: name)
        }
        try writer.finish()
    }

    private func refuse(_ missing: [String], _ unexpected: [String], path: String) throws(FileFormatError) {
        if missing.isEmpty && unexpected.isEmpty { return }
        var sentences: [String] = []
        if !missing.isEmpty { sentences.append("missing \(listed(missing))") }
        if !unexpected.isEmpty { sentences.append("unexpected \(listed(unexpected))") }
        throw FileFormatError(
            missing.isEmpty ? .mismatch : .missing,
            path: path,
            at: (missing.first ?? unexpected.first).map { .key($0) },
            "the tensors do not fit the model: " + sentences.joined(separator: "; ")
        )
    }

    private func listed(_ names: [String]) -> String {
        let shown = names.prefix(5).joined(separator: ", ")
        return "\(names.count) (\(shown)\(names.count > 5 ? ", …" : ""))"
    }
}

extension KeyMap {
    fileprivate func covered(_ parameter: String, path: String) throws(FileFormatError) -> KeyMapping {
        guard let mapping = mapping(of: parameter) else {
            throw FileFormatError(
                .unsupported,
                path: path,
                at: .key(parameter),
                "this layout of files has no place for the parameter"
            )
        }
        return mapping
    }
}

/// Where a parameter's values are in open files.
private struct LoadPlan {
    let parameter: Parameter
    let mapping: KeyMapping
    let names: [String]

    func check(_ files: WeightFiles) throws(FileFormatError) {
        var wanted = parameter.shape.dimensions
        if mapping.isTransposed { wanted.swapAt(0, 1) }
        for (number, name) in names.enumerated() {
            if !mapping.rows.isEmpty { wanted[0] = mapping.rows[number] }
            let found = files.shape(of: name) ?? []
            guard found == wanted else {
                throw FileFormatError(
                    .mismatch,
                    path: files.file(of: name),
                    at: .key(name),
                    "has the shape \(found), the model's \(mapping.parameter) needs \(wanted)"
                )
            }
        }
    }

    func run(_ files: WeightFiles) throws {
        let dtype = parameter.value.dtype
        var parts: [Tensor] = []
        for name in names { parts.append(try files.tensor(name, dtype: dtype)) }
        let whole = parts.count == 1 ? parts[0] : concatenate(parts, axis: 0)
        parameter.assign(mapping.isTransposed ? whole.transposed() : whole)
    }
}

/// A tensor of a file, made of a parameter or some of its rows.
private struct SavedPart {
    let key: String
    let tensor: Tensor
    var shape: [Int] { tensor.shape.dimensions }

    static func parts(of parameter: Parameter, _ mapping: KeyMapping) -> [SavedPart] {
        let value = parameter.value
        if mapping.rows.isEmpty {
            return [
                SavedPart(key: mapping.keys[0], tensor: mapping.isTransposed ? value.transposed() : value)
            ]
        }
        return zip(mapping.keys, value.split(axis: 0, mapping.rows)).map { SavedPart(key: $0, tensor: $1) }
    }
}

extension DType {
    fileprivate var fileType: SafetensorsDType {
        switch self {
        case .f32: .f32
        case .bf16: .bf16
        case .f64: .f64
        case .i32, .u8: fatalError("saveParameters: weights are written as f32, bf16 or f64, not \(self)")
        }
    }
}
