#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

extension Unicode.Scalar {
    /// White space as Python's `str.isspace` and `\s` have it.
    var isPythonSpace: Bool {
        switch value {
        case 9...13, 28...32, 0x85, 0xA0, 0x1680, 0x2000...0x200A, 0x2028, 0x2029, 0x202F, 0x205F, 0x3000:
            true
        default: false
        }
    }

    var isASCIIDigit: Bool { ("0"..."9").contains(self) }

    var hexadecimalDigit: UInt32? {
        switch self {
        case "0"..."9": value - 48
        case "a"..."f": value - 87
        case "A"..."F": value - 55
        default: nil
        }
    }

    /// Whether a line ends with it, as Python's `str.splitlines` has it.
    var isPythonLineEnd: Bool {
        switch value {
        case 10...13, 28...30, 0x85, 0x2028, 0x2029: true
        default: false
        }
    }

    /// Whether Python shows it as it is.
    var isPythonPrintable: Bool {
        if self == " " { return true }
        switch properties.generalCategory {
        case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator, .paragraphSeparator,
            .spaceSeparator:
            return false
        default: return true
        }
    }

    /// Whether a letter has upper and lower case.
    var isCased: Bool { properties.isUppercase || properties.isLowercase || isTitlecase }

    private var isTitlecase: Bool { properties.generalCategory == .titlecaseLetter }
}

/// Text as Python's `str` treats it: a sequence of Unicode scalars.
enum JinjaStrings {
    static func text(_ scalars: some Sequence<Unicode.Scalar>) -> String {
        var view = String.UnicodeScalarView()
        view.append(contentsOf: scalars)
        return String(view)
    }

    static func scalar(_ index: Int, of text: String) -> Unicode.Scalar? {
        let scalars = text.unicodeScalars
        if index >= 0 { return scalars.dropFirst(index).first }
        guard index >= -scalars.count else { return nil }
        return scalars.suffix(-index).first
    }

    /// The byte offset at which a text first stands in another.
    static func find(_ part: String, in text: String) -> Int? {
        find(Array(part.utf8), in: Array(text.utf8), 0)
    }

    /// Where elements first stand in others, from a place on; by Knuth, Morris and Pratt, in linear time.
    static func find<Element: Equatable>(_ part: [Element], in text: [Element], _ start: Int) -> Int? {
        guard !part.isEmpty else { return start <= text.count ? start : nil }
        guard start + part.count <= text.count else { return nil }
        let borders = borders(part)
        var length = 0
        for index in start..<text.count {
            while length > 0, text[index] != part[length] { length = borders[length - 1] }
            if text[index] == part[length] { length += 1 }
            if length == part.count { return index - length + 1 }
        }
        return nil
    }

    private static func borders<Element: Equatable>(_ part: [Element]) -> [Int] {
        var result = [Int](repeating: 0, count: part.count)
        var length = 0
        for index in 1..<max(part.count, 1) {
            while length > 0, part[index] != part[length] { length = result[length - 1] }
            if part[index] == part[length] { length += 1 }
            result[index] = length
        }
        return result
    }

    /// All places at which elements stand in others without overlap.
    static func places<Element: Equatable>(_ part: [Element], in text: [Element], limit: Int = .max) -> [Int]
    {
        guard !part.isEmpty, limit > 0 else { return [] }
        let borders = borders(part)
        var result: [Int] = []
        var length = 0
        for index in text.indices {
            while length > 0, text[index] != part[length] { length = borders[length - 1] }
            if text[index] == part[length] { length += 1 }
            guard length == part.count else { continue }
            result.append(index - length + 1)
            length = 0
            if result.count == limit { break }
        }
        return result
    }

    static func stripped(
        _ text: String,
        _ characters: String? = nil,
        leading: Bool = true,
        trailing: Bool = true
    ) -> String {
        let set = characters.map { Set($0.unicodeScalars) }
        func goes(_ scalar: Unicode.Scalar) -> Bool { set?.contains(scalar) ?? scalar.isPythonSpace }
        var view = text.unicodeScalars[...]
        if leading { while let first = view.first, goes(first) { view.removeFirst() } }
        if trailing { while let last = view.last, goes(last) { view.removeLast() } }
        return String(view)
    }

    static func lines(_ text: String, keepsEnds: Bool = false) -> [String] {
        var result: [String] = []
        var line = String.UnicodeScalarView()
        var isOpen = false
        var afterReturn = false
        for scalar in text.unicodeScalars {
            if afterReturn {
                afterReturn = false
                if scalar == "\n" {
                    if keepsEnds { result[result.count - 1] += "\n" }
                    continue
                }
            }
            isOpen = !scalar.isPythonLineEnd
            if isOpen || keepsEnds { line.append(scalar) }
            guard !isOpen else { continue }
            result.append(String(line))
            line = String.UnicodeScalarView()
            afterReturn = scalar == "\r"
        }
        if isOpen { result.append(String(line)) }
        return result
    }

    static func lower(_ text: String) -> String {
        text.unicodeScalars.map(\.properties.lowercaseMapping).joined()
    }

    static func upper(_ text: String) -> String {
        text.unicodeScalars.map(\.properties.uppercaseMapping).joined()
    }

    static func capitalized(_ text: String) -> String {
        guard let first = text.unicodeScalars.first else { return "" }
        return first.properties.titlecaseMapping + lower(String(text.unicodeScalars.dropFirst()))
    }

    /// As `str.title`: a letter after no letter begins a word.
    static func titled(_ text: String) -> String {
        var result = ""
        var isInWord = false
        for scalar in text.unicodeScalars {
            result += isInWord ? scalar.properties.lowercaseMapping : scalar.properties.titlecaseMapping
            isInWord = scalar.isCased
        }
        return result
    }

    /// Python's way to show a text in a list.
    static func quoted(_ text: String) -> String {
        let scalars = text.unicodeScalars
        let quote: Unicode.Scalar = scalars.contains("'") && !scalars.contains("\"") ? "\"" : "'"
        var result = String.UnicodeScalarView([quote])
        for scalar in scalars {
            switch scalar {
            case quote, "\\": result.append(contentsOf: ["\\", scalar])
            case "\n": result.append(contentsOf: "\\n".unicodeScalars)
            case "\r": result.append(contentsOf: "\\r".unicodeScalars)
            case "\t": result.append(contentsOf: "\\t".unicodeScalars)
            case _ where scalar.isPythonPrintable: result.append(scalar)
            default:
                let (letter, width) =
                    scalar.value < 256 ? ("x", 2) : scalar.value < 65536 ? ("u", 4) : ("U", 8)
                let digits = String(scalar.value, radix: 16)
                let zeros = String(repeating: "0", count: width - digits.utf8.count)
                result.append(contentsOf: "\\\(letter)\(zeros)\(digits)".unicodeScalars)
            }
        }
        result.append(quote)
        return String(result)
    }

    static func escaped(_ text: String) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": result += "&amp;"
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            case "'": result += "&#39;"
            case "\"": result += "&#34;"
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }

    /// Text filled up with spaces or another scalar.
    static func padded(_ text: String, _ left: Int, _ right: Int, _ fill: Unicode.Scalar = " ") -> String {
        let fill = String(fill)
        return String(repeating: fill, count: max(left, 0)) + text
            + String(repeating: fill, count: max(right, 0))
    }
}

/// Numbers as Python computes and prints them.
enum JinjaNumbers {
    static func power(_ base: Double, _ exponent: Double) -> Double { pow(base, exponent) }

    /// Quotient and remainder, the remainder with the sign of the divisor.
    static func divided(_ one: Double, _ two: Double) -> (Double, Double) {
        var remainder = fmod(one, two)
        var quotient = (one - remainder) / two
        if remainder != 0 {
            if (two < 0) != (remainder < 0) {
                remainder += two
                quotient -= 1
            }
        } else {
            remainder = Double(signOf: two, magnitudeOf: 0)
        }
        guard quotient != 0 else { return (Double(signOf: one / two, magnitudeOf: 0), remainder) }
        let floor = quotient.rounded(.down)
        return (quotient - floor > 0.5 ? floor + 1 : floor, remainder)
    }

    /// A number with so many digits behind the point, rounded exactly.
    static func fixed(_ value: Double, _ digits: Int, format: String = "f") -> String {
        var buffer = [CChar](repeating: 0, count: 400 + min(max(digits, 0), 400))
        let count = withVaList([CInt(min(max(digits, 0), 400)), value]) { list in
            vsnprintf(&buffer, buffer.count, "%.*\(format)", list)
        }
        return String(
            decoding: buffer.prefix(max(Int(count), 0)).map { UInt8(bitPattern: $0) },
            as: UTF8.self
        )
    }

    static func parsed(_ text: String) -> Double? {
        let text = JinjaStrings.stripped(text)
        guard let last = text.utf8.last, last != UInt8(ascii: "_"), text.utf8.first != UInt8(ascii: "_"),
            !text.utf8.contains(UInt8(ascii: "x")), !text.utf8.contains(UInt8(ascii: "X")),
            !text.utf8.contains(UInt8(ascii: "(")), JinjaStrings.find("__", in: text) == nil
        else { return nil }
        return Double(text.unicodeScalars.filter { $0 != "_" }.map { String($0) }.joined())
    }

    static func integer(_ text: String, radix: Int) -> Int? {
        var text = JinjaStrings.stripped(text)
        let prefixes = [16: "0x", 8: "0o", 2: "0b"]
        if let prefix = prefixes[radix] {
            let lowered = JinjaStrings.lower(text)
            if lowered.hasPrefix(prefix) { text = String(text.unicodeScalars.dropFirst(2)) }
        }
        guard let last = text.utf8.last, last != UInt8(ascii: "_"), text.utf8.first != UInt8(ascii: "_"),
            JinjaStrings.find("__", in: text) == nil
        else { return nil }
        return Int(text.unicodeScalars.filter { $0 != "_" }.map { String($0) }.joined(), radix: radix)
    }
}
