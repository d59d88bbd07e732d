/// What is wrong with a file, where, and what would be right.
///
/// Every reader and writer of this module throws this one type. `code` is extensible on purpose: a `switch`
/// over it needs a `default`.
public struct FileFormatError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The kind of a failure, for programs; the message is for people.
    public struct Code: Sendable, Hashable, CustomStringConvertible {
        /// The stable name of the code.
        public let description: String

        init(_ name: String) { description = name }

        /// The file or folder does not exist.
        public static let notFound = Code("not-found")
        /// The operating system refused to open, read, write, sync or rename.
        public static let inputOutput = Code("input-output")
        /// The file ends before what it announces.
        public static let truncated = Code("truncated")
        /// The content breaks the rules of its format.
        public static let malformed = Code("malformed")
        /// The content is valid, but of a kind that this reader does not know.
        public static let unsupported = Code("unsupported")
        /// The content is larger than a stated bound.
        public static let limitExceeded = Code("limit-exceeded")
        /// A key or name occurs twice.
        public static let duplicate = Code("duplicate")
        /// A named thing is missing from the file.
        public static let missing = Code("missing")
        /// A value has another type or size than asked for.
        public static let mismatch = Code("mismatch")
    }

    /// A place in a file.
    public enum Location: Sendable, Hashable, CustomStringConvertible {
        /// A byte offset from the beginning of the file.
        case offset(Int)
        /// A line and a column, both counted from 1; the column counts bytes.
        case line(Int, column: Int?)
        /// A key, tensor name or path of keys.
        case key(String)

        /// The place in words.
        public var description: String {
            switch self {
            case .offset(let offset): "byte \(offset)"
            case .line(let line, let column?): "line \(line), column \(column)"
            case .line(let line, nil): "line \(line)"
            case .key(let key): "'\(key)'"
            }
        }
    }

    /// The kind of failure.
    public let code: Code
    /// The file concerned, when there is one.
    public let path: String?
    /// The place in the file, when it is known.
    public let location: Location?
    /// What is wrong and what would be right.
    public let message: String

    /// Makes an error.
    ///
    /// - Parameters:
    ///   - code: The kind of failure.
    ///   - path: The file concerned.
    ///   - location: The place in the file.
    ///   - message: What is wrong and what would be right.
    public init(_ code: Code, path: String? = nil, at location: Location? = nil, _ message: String) {
        self.code = code
        self.path = path
        self.location = location
        self.message = message
    }

    /// The whole error on one line: path, place and message.
    public var description: String {
        let place = [path, location?.description].compactMap { $0 }.joined(separator: ", ")
        return place.isEmpty ? message : "\(place): \(message)"
    }

    /// The same error, said of a file.
    ///
    /// - Parameter path: The file; it replaces a missing path only.
    /// - Returns: The error with a path.
    public func inFile(_ path: String?) -> FileFormatError {
        FileFormatError(code, path: self.path ?? path, at: location, message)
    }
}
