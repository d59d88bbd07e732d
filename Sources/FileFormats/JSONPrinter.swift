extension JSONValue {
    /// The document as UTF-8 bytes.
    ///
    /// Text outside ASCII is written as it is. A number that is not finite becomes `null`, since JSON has no word
    /// for it.
    ///
    /// - Parameter indent: Spaces per level, one member per line; nil writes everything on one line.
    /// - Returns: The document, without a line end.
    public func printedBytes(indent: Int? = 2) -> [UInt8] {
        var out: [UInt8] = []
        print(into: &out, indent: indent, level: 0)
        return out
    }

    /// The document as text; see `printedBytes(indent:)`.
    ///
    /// - Parameter indent: Spaces per level; nil writes everything on one line.
    /// - Returns: The document, without a line end.
    public func printed(indent: Int? = 2) -> String {
        String(decoding: printedBytes(indent: indent), as: UTF8.self)
    }

    /// Writes the document and a line end to a file, atomically.
    ///
    /// - Parameters:
    ///   - path: The file to make or replace.
    ///   - indent: Spaces per level; nil writes everything on one line.
    /// - Throws: `FileFormatError` when the disk refuses.
    public func write(to path: String, indent: Int? = 2) throws(FileFormatError) {
        try SafeFile.write(printedBytes(indent: indent) + [10], to: path)
    }

    private func print(into out: inout [UInt8], indent: Int?, level: Int) {
        switch self {
        case .null: out.append(contentsOf: "null".utf8)
        case .bool(let value): out.append(contentsOf: (value ? "true" : "false").utf8)
        case .integer(let value): out.append(contentsOf: String(value).utf8)
        case .number(let value): out.append(contentsOf: (value.isFinite ? "\(value)" : "null").utf8)
        case .string(let value): Self.print(value, into: &out)
        case .array(let elements):
            Self.printList(elements, "[", "]", into: &out, indent, level) { element, out in
                element.print(into: &out, indent: indent, level: level + 1)
            }
        case .object(let object):
            Self.printList(object, "{", "}", into: &out, indent, level) { member, out in
                Self.print(member.key, into: &out)
                out.append(UInt8(ascii: ":"))
                if indent != nil { out.append(32) }
                member.value.print(into: &out, indent: indent, level: level + 1)
            }
        }
    }

    private static func printList<Items: Collection>(
        _ items: Items,
        _ open: Unicode.Scalar,
        _ close: Unicode.Scalar,
        into out: inout [UInt8],
        _ indent: Int?,
        _ level: Int,
        _ printItem: (Items.Element, inout [UInt8]) -> Void
    ) {
        out.append(UInt8(ascii: open))
        var first = true
        for item in items {
            if !first { out.append(UInt8(ascii: ",")) }
            first = false
            newLine(into: &out, indent, level + 1)
            printItem(item, &out)
        }
        if !first { newLine(into: &out, indent, level) }
        out.append(UInt8(ascii: close))
    }

    private static func newLine(into out: inout [UInt8], _ indent: Int?, _ level: Int) {
        guard let indent else { return }
        out.append(10)
        out.append(contentsOf: repeatElement(32, count: indent * level))
    }

    private static func print(_ text: String, into out: inout [UInt8]) {
        out.append(UInt8(ascii: "\""))
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"): out.append(contentsOf: [UInt8(ascii: "\\"), byte])
            case 8: out.append(contentsOf: "\\b".utf8)
            case 9: out.append(contentsOf: "\\t".utf8)
            case 10: out.append(contentsOf: "\\n".utf8)
            case 12: out.append(contentsOf: "\\f".utf8)
            case 13: out.append(contentsOf: "\\r".utf8)
            case 0..<32, 127:
                let digits = String(byte, radix: 16)
                out.append(contentsOf: "\\u00\(digits.count == 1 ? "0" : "")\(digits)".utf8)
            default: out.append(byte)
            }
        }
        out.append(UInt8(ascii: "\""))
    }
}
