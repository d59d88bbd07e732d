/// A JSON value that keeps the order of keys and the difference between integers and other numbers.
public enum JSONValue: Sendable, Hashable {
    /// `null`.
    case null
    /// `true` or `false`.
    case bool(Bool)
    /// A number written without fraction or exponent that fits 64 bits.
    case integer(Int)
    /// Any other number.
    case number(Double)
    /// A string.
    case string(String)
    /// An array.
    case array([JSONValue])
    /// An object, its keys in the order of the file.
    case object(JSONObject)

    /// Compares values; strings are equal when their bytes are.
    ///
    /// - Parameters:
    ///   - left: A value.
    ///   - right: Another value.
    /// - Returns: True when both are the same kind and content; 1 and 1.0 differ.
    public static func == (left: JSONValue, right: JSONValue) -> Bool {
        switch (left, right) {
        case (.null, .null): true
        case (.bool(let one), .bool(let two)): one == two
        case (.integer(let one), .integer(let two)): one == two
        case (.number(let one), .number(let two)): one == two
        case (.string(let one), .string(let two)): one.utf8.elementsEqual(two.utf8)
        case (.array(let one), .array(let two)): one == two
        case (.object(let one), .object(let two)): one == two
        default: false
        }
    }

    /// Feeds the value to a hasher.
    ///
    /// - Parameter hasher: The hasher.
    public func hash(into hasher: inout Hasher) {
        switch self {
        case .null: hasher.combine(0)
        case .bool(let value): hasher.combine(value)
        case .integer(let value): hasher.combine(value)
        case .number(let value): hasher.combine(value)
        case .string(let value): value.utf8.forEach { hasher.combine($0) }
        case .array(let values): hasher.combine(values)
        case .object(let object): object.forEach { $0.value.hash(into: &hasher) }
        }
    }

    /// The member of an object, or nil when this is no object or lacks the key.
    ///
    /// - Parameter key: The key, compared by bytes.
    public subscript(key: String) -> JSONValue? {
        guard case .object(let object) = self else { return nil }
        return object[key]
    }

    /// The string, if it is one.
    public var stringValue: String? {
        if case .string(let value) = self { value } else { nil }
    }

    /// The integer, if it is one.
    public var integerValue: Int? {
        if case .integer(let value) = self { value } else { nil }
    }

    /// The number, integer or not, if it is one.
    public var numberValue: Double? {
        switch self {
        case .integer(let value): Double(value)
        case .number(let value): value
        default: nil
        }
    }

    /// The truth value, if it is one.
    public var boolValue: Bool? {
        if case .bool(let value) = self { value } else { nil }
    }

    /// The elements, if it is an array.
    public var arrayValue: [JSONValue]? {
        if case .array(let value) = self { value } else { nil }
    }

    /// The object, if it is one.
    public var objectValue: JSONObject? {
        if case .object(let value) = self { value } else { nil }
    }

    /// True for `null`.
    public var isNull: Bool { self == .null }

    /// The kind in words, for error messages: "a string", "an object" and so on.
    public var kindName: String {
        switch self {
        case .null: "null"
        case .bool: "a truth value"
        case .integer: "an integer"
        case .number: "a number"
        case .string: "a string"
        case .array: "an array"
        case .object: "an object"
        }
    }
}

extension JSONValue: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByFloatLiteral,
    ExpressibleByBooleanLiteral, ExpressibleByNilLiteral, ExpressibleByArrayLiteral,
    ExpressibleByDictionaryLiteral
{
    /// A string.
    ///
    /// - Parameter value: The literal.
    public init(stringLiteral value: String) { self = .string(value) }
    /// An integer.
    ///
    /// - Parameter value: The literal.
    public init(integerLiteral value: Int) { self = .integer(value) }
    /// A number.
    ///
    /// - Parameter value: The literal.
    public init(floatLiteral value: Double) { self = .number(value) }
    /// A truth value.
    ///
    /// - Parameter value: The literal.
    public init(booleanLiteral value: Bool) { self = .bool(value) }
    /// `null`.
    ///
    /// - Parameter nilLiteral: The literal.
    public init(nilLiteral: ()) { self = .null }
    /// An array.
    ///
    /// - Parameter elements: The elements.
    public init(arrayLiteral elements: JSONValue...) { self = .array(elements) }
    /// An object with the keys in the order written.
    ///
    /// Traps on a repeated key.
    ///
    /// - Parameter elements: Keys and values.
    public init(dictionaryLiteral elements: (String, JSONValue)...) {
        var object = JSONObject()
        for (key, value) in elements {
            guard object.append(key, value) else { fatalError("JSONValue: key '\(key)' written twice") }
        }
        self = .object(object)
    }
}

/// The members of a JSON object in the order of the file, found by key in constant time.
///
/// Keys are compared by their UTF-8 bytes: the canonical equivalence of `String` would take the composed and the
/// decomposed form of a letter for one key.
public struct JSONObject: Sendable, Hashable, RandomAccessCollection {
    /// A key and its value.
    public typealias Element = (key: String, value: JSONValue)

    private var keys: [String] = []
    private var values: [JSONValue] = []
    /// Open addressing over the keys' hashes; empty while a linear search is cheaper.
    private var slots: [Int32] = []

    /// An object without members.
    public init() {}

    /// An object of members; of those of one key the last counts.
    ///
    /// - Parameter members: Keys and values.
    public init(_ members: some Sequence<(String, JSONValue)>) {
        for (key, value) in members { self[key] = value }
    }

    /// The first position.
    public var startIndex: Int { 0 }
    /// The number of members.
    public var endIndex: Int { keys.count }
    /// The member at a position.
    ///
    /// - Parameter position: A position below `count`.
    public subscript(position: Int) -> Element { (keys[position], values[position]) }

    /// The value of a key; assigning replaces or appends, and assigning nil removes.
    ///
    /// - Parameter key: The key, compared by bytes.
    public subscript(key: String) -> JSONValue? {
        get { find(key).map { values[$0] } }
        set {
            if let index = find(key) {
                if let newValue {
                    values[index] = newValue
                } else {
                    keys.remove(at: index)
                    values.remove(at: index)
                    rebuild()
                }
            } else if let newValue {
                append(key, newValue)
            }
        }
    }

    /// Adds a member at the end.
    ///
    /// - Parameters:
    ///   - key: The key.
    ///   - value: The value.
    /// - Returns: False, and nothing changed, when the key exists.
    @discardableResult
    public mutating func append(_ key: String, _ value: JSONValue) -> Bool {
        if keys.count < 8 {
            guard find(key) == nil else { return false }
            keys.append(key)
            values.append(value)
            return true
        }
        if slots.isEmpty || keys.count * 2 >= slots.count {
            keys.reserveCapacity(keys.count * 2)
            values.reserveCapacity(keys.count * 2)
            rebuild(capacity: (keys.count + 1) * 4)
        }
        var slot = Self.hash(key) & (slots.count - 1)
        while slots[slot] >= 0 {
            if Self.same(keys[Int(slots[slot])], key) { return false }
            slot = (slot + 1) & (slots.count - 1)
        }
        slots[slot] = Int32(keys.count)
        keys.append(key)
        values.append(value)
        return true
    }

    /// Compares keys, order and values.
    ///
    /// - Parameters:
    ///   - left: An object.
    ///   - right: Another object.
    /// - Returns: True when both hold the same members in the same order.
    public static func == (left: JSONObject, right: JSONObject) -> Bool {
        left.count == right.count && zip(left.keys, right.keys).allSatisfy { same($0, $1) }
            && left.values == right.values
    }

    /// Feeds the values to a hasher.
    ///
    /// - Parameter hasher: The hasher.
    public func hash(into hasher: inout Hasher) {
        hasher.combine(values)
    }

    private func find(_ key: String) -> Int? {
        if slots.isEmpty { return keys.firstIndex { Self.same($0, key) } }
        var slot = Self.hash(key) & (slots.count - 1)
        while slots[slot] >= 0 {
            if Self.same(keys[Int(slots[slot])], key) { return Int(slots[slot]) }
            slot = (slot + 1) & (slots.count - 1)
        }
        return nil
    }

    private mutating func rebuild(capacity: Int? = nil) {
        guard capacity != nil || keys.count >= 8 else {
            slots = []
            return
        }
        var size = 32
        while size < Swift.max(capacity ?? 0, keys.count * 3) { size *= 2 }
        slots = [Int32](repeating: -1, count: size)
        for (index, key) in keys.enumerated() {
            var slot = Self.hash(key) & (size - 1)
            while slots[slot] >= 0 { slot = (slot + 1) & (size - 1) }
            slots[slot] = Int32(index)
        }
    }

    private static func same(_ left: String, _ right: String) -> Bool {
        let left = left.utf8
        let right = right.utf8
        return left.count == right.count && left.elementsEqual(right)
    }

    private static func hash(_ key: String) -> Int {
        // The seed differs between runs, so that no file can be made whose keys all collide.
        var hash = hashSeed
        let multiplied: Void? = key.utf8.withContiguousStorageIfAvailable { bytes in
            for byte in bytes { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01B3 }
        }
        if multiplied == nil {
            for byte in key.utf8 { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01B3 }
        }
        return Int(truncatingIfNeeded: (hash ^ hash >> 29) &* 0xBF58_476D_1CE4_E5B9 >> 20)
    }
}

private let hashSeed = UInt64.random(in: 0...UInt64.max)
