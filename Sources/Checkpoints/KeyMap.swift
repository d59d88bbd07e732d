@_exported import YuyanFileFormats
@_exported import YuyanNeuralNetworks

/// How one parameter lies in a file: under which keys and in which form.
public struct KeyMapping: Sendable, Hashable {
    /// The parameter's path in the model; `*` stands for a number.
    public let parameter: String
    /// The file's keys, each with as many `*` as the path; several hold parts of the rows, in this order.
    public let keys: [String]
    /// The number of rows of each part; empty for a single key.
    public let rows: [Int]
    /// Whether the file holds the matrix [in, out] instead of [out, in].
    public let isTransposed: Bool

    /// A parameter that is one tensor of the file.
    ///
    /// - Parameters:
    ///   - parameter: The parameter's path.
    ///   - key: The file's key.
    ///   - isTransposed: Whether the file holds the transposed matrix.
    public init(_ parameter: String, _ key: String, isTransposed: Bool = false) {
        self.parameter = parameter
        keys = [key]
        rows = []
        self.isTransposed = isTransposed
    }

    /// A parameter whose rows are spread over several tensors of the file.
    ///
    /// Traps when there are not as many row counts as keys.
    ///
    /// - Parameters:
    ///   - parameter: The parameter's path.
    ///   - parts: Keys and their numbers of rows, from the first row on.
    public init(_ parameter: String, parts: [(key: String, rows: Int)]) {
        require(!parts.isEmpty, "KeyMapping: \(parameter) has no parts")
        self.parameter = parameter
        keys = parts.map(\.key)
        rows = parts.map(\.rows)
        isTransposed = false
    }
}

/// One table that translates a model's parameter paths to a file layout's keys and back.
public struct KeyMap: Sendable, Hashable {
    /// The entries.
    public let mappings: [KeyMapping]
    /// Beginnings of keys that some files leave out.
    public let optionalPrefixes: [String]
    /// Keys that files may hold beside the table's (`*` stands for a number): buffers, copies of tied weights.
    public let ignoredKeys: [String]
    /// Beginnings of further such keys: layers that stand on the part of a model that is read.
    public let ignoredPrefixes: [String]

    /// Makes a table.
    ///
    /// - Parameters:
    ///   - mappings: The entries.
    ///   - optionalPrefixes: Beginnings of keys that some files leave out.
    ///   - ignoredKeys: Keys that files may hold beside the table's.
    ///   - ignoredPrefixes: Beginnings of further such keys.
    public init(
        _ mappings: [KeyMapping],
        optionalPrefixes: [String] = [],
        ignoredKeys: [String] = [],
        ignoredPrefixes: [String] = []
    ) {
        self.mappings = mappings
        self.optionalPrefixes = optionalPrefixes
        self.ignoredKeys = ignoredKeys
        self.ignoredPrefixes = ignoredPrefixes
    }

    /// The table of files that name tensors as the model names its parameters.
    public static let identity = KeyMap([])

    /// The entry of a parameter with every `*` filled in; without any entries, the parameter's own path.
    ///
    /// - Parameter parameter: The parameter's path.
    /// - Returns: The entry, or nil when the table does not cover the parameter.
    public func mapping(of parameter: String) -> KeyMapping? {
        if mappings.isEmpty { return KeyMapping(parameter, parameter) }
        for mapping in mappings {
            guard let numbers = KeyMap.match(parameter, mapping.parameter) else { continue }
            let keys = mapping.keys.map { KeyMap.fill($0, numbers) }
            if mapping.rows.isEmpty {
                return KeyMapping(parameter, keys[0], isTransposed: mapping.isTransposed)
            }
            return KeyMapping(
                parameter,
                parts: Array(zip(keys, mapping.rows)).map { (key: $0.0, rows: $0.1) }
            )
        }
        return nil
    }

    /// The spellings under which a file may hold a key.
    func spellings(of key: String) -> [String] {
        [key] + optionalPrefixes.filter { key.hasPrefix($0) }.map { String(key.dropFirst($0.count)) }
    }

    /// Whether a file may hold a key that the table does not name.
    func ignores(_ key: String) -> Bool {
        if ignoredPrefixes.contains(where: { spellings(of: $0).contains { key.hasPrefix($0) } }) {
            return true
        }
        return ignoredKeys.contains { pattern in
            spellings(of: pattern).contains { KeyMap.match(key, $0) != nil }
        }
    }

    /// The numbers that `*` stands for, or nil when the text does not fit the pattern.
    private static func match(_ text: String, _ pattern: String) -> [String]? {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        let wanted = pattern.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == wanted.count else { return nil }
        var numbers: [String] = []
        for (part, want) in zip(parts, wanted) {
            if want == "*" {
                guard !part.isEmpty, part.utf8.allSatisfy({ $0 >= 48 && $0 <= 57 }) else { return nil }
                numbers.append(String(part))
            } else if part != want {
                return nil
            }
        }
        return numbers
    }

    private static func fill(_ pattern: String, _ numbers: [String]) -> String {
        var rest = numbers[...]
        return pattern.split(separator: ".", omittingEmptySubsequences: false)
            .map { $0 == "*" ? rest.popFirst() ?? "*" : String($0) }
            .joined(separator: ".")
    }
}
