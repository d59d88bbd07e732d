import YuyanFileFormats

/// Reads the fields of a configuration file and says which one is wrong.
public struct ConfigurationReader {
    /// The fields.
    public let object: JSONObject
    /// The file, for messages.
    public let path: String?

    /// Reads fields of an object.
    ///
    /// - Parameters:
    ///   - value: The object.
    ///   - path: The file it is from.
    /// - Throws: `FileFormatError` when the value is no object.
    public init(_ value: JSONValue, path: String? = nil) throws(FileFormatError) {
        guard let object = value.objectValue else {
            throw FileFormatError(
                .malformed,
                path: path,
                "a configuration must be an object, found \(value.kindName)"
            )
        }
        self.object = object
        self.path = path
    }

    /// Reads a configuration file.
    ///
    /// - Parameter path: The file.
    /// - Throws: `FileFormatError` when it cannot be read or is no JSON object.
    public init(contentsOf path: String) throws(FileFormatError) {
        try self.init(JSONValue(contentsOf: path), path: path)
    }

    /// Reads the `config.json` of a model folder, or takes fields in its place.
    ///
    /// - Parameters:
    ///   - folder: The folder.
    ///   - fields: What stands for the file's fields; nil for none.
    /// - Throws: `FileFormatError` when the file is needed and cannot be read or is no JSON object.
    public init(folder: String, fields: JSONObject? = nil) throws(FileFormatError) {
        let path = "\(folder)/config.json"
        if let fields {
            try self.init(.object(fields), path: path)
        } else {
            try self.init(contentsOf: path)
        }
    }

    /// The first of several spellings of a field that is there and not null.
    private func value(_ keys: [String]) -> (key: String, value: JSONValue)? {
        for key in keys {
            if let value = object[key], !value.isNull { return (key, value) }
        }
        return nil
    }

    private func wrong(_ key: String, _ wanted: String, _ value: JSONValue) -> FileFormatError {
        FileFormatError(.malformed, path: path, at: .key(key), "must be \(wanted), found \(value.kindName)")
    }

    /// A whole number.
    ///
    /// - Parameter keys: The field's spellings.
    /// - Returns: The number, or nil when the field is not there or null.
    /// - Throws: `FileFormatError` when the field holds something else.
    public func integer(_ keys: String...) throws(FileFormatError) -> Int? {
        guard let (key, value) = value(keys) else { return nil }
        guard let number = value.integerValue else { throw wrong(key, "a whole number", value) }
        return number
    }

    /// A whole number that must be there.
    ///
    /// - Parameter keys: The field's spellings.
    /// - Returns: The number.
    /// - Throws: `FileFormatError` when the field is missing or holds something else.
    public func requiredInteger(_ keys: String...) throws(FileFormatError) -> Int {
        for key in keys {
            if let number = try integer(key) { return number }
        }
        throw FileFormatError(
            .missing,
            path: path,
            at: .key(keys.first ?? ""),
            "the configuration lacks this whole number"
        )
    }

    /// A number.
    ///
    /// - Parameter keys: The field's spellings.
    /// - Returns: The number, or nil when the field is not there or null.
    /// - Throws: `FileFormatError` when the field holds something else.
    public func number(_ keys: String...) throws(FileFormatError) -> Double? {
        guard let (key, value) = value(keys) else { return nil }
        guard let number = value.numberValue else { throw wrong(key, "a number", value) }
        return number
    }

    /// A truth value.
    ///
    /// - Parameter keys: The field's spellings.
    /// - Returns: The value, or nil when the field is not there or null.
    /// - Throws: `FileFormatError` when the field holds something else.
    public func flag(_ keys: String...) throws(FileFormatError) -> Bool? {
        guard let (key, value) = value(keys) else { return nil }
        guard let flag = value.boolValue else { throw wrong(key, "true or false", value) }
        return flag
    }

    /// A string.
    ///
    /// - Parameter keys: The field's spellings.
    /// - Returns: The string, or nil when the field is not there or null.
    /// - Throws: `FileFormatError` when the field holds something else.
    public func string(_ keys: String...) throws(FileFormatError) -> String? {
        guard let (key, value) = value(keys) else { return nil }
        guard let text = value.stringValue else { throw wrong(key, "a string", value) }
        return text
    }

    /// Checks that `model_type` names a kind of model.
    ///
    /// - Parameter types: What it may be.
    /// - Returns: What it is.
    /// - Throws: `FileFormatError` that names both.
    @discardableResult
    public func expectModelType(_ types: [String]) throws(FileFormatError) -> String {
        let own = try string("model_type")
        if let own, types.contains(own) { return own }
        let found = own.map { "is '\($0)'" } ?? "is missing"
        let known = types.map { "'\($0)'" }.joined(separator: ", ")
        throw FileFormatError(
            .unsupported,
            path: path,
            at: .key("model_type"),
            "\(found); \(types.count == 1 ? "" : "one of ")\(known) is needed"
        )
    }

    /// The same for one kind.
    ///
    /// - Parameter type: What it must be.
    /// - Throws: `FileFormatError` that names both.
    public func expectModelType(_ type: String) throws(FileFormatError) { try expectModelType([type]) }

    /// One whole number or an array of them.
    ///
    /// - Parameter keys: The field's spellings.
    /// - Returns: The numbers; none when the field is not there or null.
    /// - Throws: `FileFormatError` when the field holds something else.
    public func integers(_ keys: String...) throws(FileFormatError) -> [Int] {
        guard let (key, value) = value(keys) else { return [] }
        if let number = value.integerValue { return [number] }
        guard let array = value.arrayValue else { throw wrong(key, "whole numbers", value) }
        var numbers: [Int] = []
        for element in array {
            guard let number = element.integerValue else { throw wrong(key, "whole numbers", element) }
            numbers.append(number)
        }
        return numbers
    }

    /// One of several words.
    ///
    /// - Parameters:
    ///   - key: The field.
    ///   - choices: The words and what they stand for.
    /// - Returns: The choice, or nil when the field is not there or null.
    /// - Throws: `FileFormatError` listing the words when the field holds something else.
    public func choice<Value>(
        _ key: String,
        _ choices: KeyValuePairs<String, Value>
    ) throws(FileFormatError) -> Value? {
        guard let word = try string(key) else { return nil }
        if let choice = choices.first(where: { $0.key == word }) { return choice.value }
        let known = choices.map(\.key).joined(separator: ", ")
        throw FileFormatError(
            .unsupported,
            path: path,
            at: .key(key),
            "'\(word)' is not known; known are \(known)"
        )
    }

    /// The fields of an object inside this one.
    ///
    /// - Parameter keys: The field's spellings.
    /// - Returns: Its fields, or nil when the field is not there or null.
    /// - Throws: `FileFormatError` when the field holds something else.
    public func object(_ keys: String...) throws(FileFormatError) -> ConfigurationReader? {
        guard let (key, value) = value(keys) else { return nil }
        guard value.objectValue != nil else { throw wrong(key, "an object", value) }
        return try ConfigurationReader(value, path: path)
    }
}
