import YuyanFileFormats
import YuyanTextProcessing

/// A file or folder of a corpus, with what is particular about it.
public struct CorpusSource: Sendable, Hashable {
    /// The file or folder.
    public var path: String
    /// How many times an epoch of training goes through its text; 0.5 is half of it.
    public var weight: Double
    /// The format of its files; nil tells it by each file's name, or is what the corpus says.
    public var format: TextFormat?
    /// The column of its rows that holds the text; nil is what the corpus says.
    public var textColumn: String?

    /// A source.
    ///
    /// - Parameters:
    ///   - path: The file or folder.
    ///   - weight: How many times an epoch of training goes through its text.
    ///   - format: The format of its files.
    ///   - textColumn: The column of its rows that holds the text.
    public init(_ path: String, weight: Double = 1, format: TextFormat? = nil, textColumn: String? = nil) {
        (self.path, self.weight, self.format, self.textColumn) = (path, weight, format, textColumn)
    }
}

/// How documents are divided into those that train and those that validate.
public enum DocumentSplitRule: String, Sendable, Hashable, CaseIterable {
    /// By a hash of the text, or of the key: a document keeps its side when others come or go. The share holds on average.
    case document
    /// By chance; the share holds to the document. Equal texts, or documents of one key, stay together.
    case random
    /// In order of time: the latest validate. Without a key the order is the corpus's.
    case time
}

/// What the division of documents goes by besides their text: a column of their rows.
struct SplitKey: Sendable, Hashable {
    let column: String
    let isTime: Bool

    /// A key as 64 bits: a fingerprint of a group's name, or a time that compares as a number.
    struct Value: Sendable, Hashable {
        var bits: UInt64
        /// Whether a time was a date and not a number.
        var isDate = false
    }

    /// The key of a row.
    func value(_ text: String) throws(FileFormatError) -> Value {
        guard isTime else { return Value(bits: TextFingerprint(text).high) }
        if let number = Double(text), number.isFinite { return Value(bits: Self.ordered(number)) }
        guard let seconds = DateText.seconds(text.utf8) else {
            throw FileFormatError(
                .mismatch,
                at: .key(column),
                "'\(shortened(text))' is no time; numbers and dates as 2026-01-31 or 2026-01-31T12:30:00Z are"
            )
        }
        return Value(bits: Self.ordered(seconds), isDate: true)
    }

    /// A number whose order as an unsigned integer is the order of the doubles.
    private static func ordered(_ number: Double) -> UInt64 {
        // Both zeros are one time.
        let bits = (number + 0).bitPattern
        return bits >> 63 == 0 ? bits | 1 << 63 : ~bits
    }
}

/// Reads dates and times as ISO 8601 writes them.
enum DateText {
    /// The seconds since the beginning of 1970 in universal time; nil where a text is no date.
    ///
    /// A month, a day, a time with a space or `T` before it, a fraction of a second and an offset may follow in this order;
    /// without an offset the time is universal.
    static func seconds(_ text: some Collection<UInt8>) -> Double? {
        var rest = ArraySlice(Array(text))
        func take(_ count: Int) -> Int? {
            guard rest.count >= count, rest.prefix(count).allSatisfy({ (48...57).contains($0) }) else {
                return nil
            }
            defer { rest = rest.dropFirst(count) }
            return rest.prefix(count).reduce(0) { $0 * 10 + Int($1) - 48 }
        }
        func takeMark(_ marks: String) -> UInt8? {
            guard let mark = rest.first, marks.utf8.contains(mark) else { return nil }
            rest = rest.dropFirst()
            return mark
        }
        guard let year = take(4), takeMark("-") != nil, let month = take(2), (1...12).contains(month) else {
            return nil
        }
        var day = 1
        if takeMark("-") != nil {
            guard let found = take(2), (1...days(year, month)).contains(found) else { return nil }
            day = found
        }
        var seconds = Double(dayNumber(year, month, day) * 86_400)
        if rest.isEmpty { return seconds }
        guard takeMark("Tt ") != nil, let hour = take(2), takeMark(":") != nil, let minute = take(2),
            hour < 25, minute < 60
        else { return nil }
        seconds += Double(hour * 3600 + minute * 60)
        if takeMark(":") != nil {
            guard let second = take(2), second < 61 else { return nil }
            seconds += Double(second)
            if takeMark(".,") != nil {
                let digits = rest.prefix { (48...57).contains($0) }
                guard !digits.isEmpty else { return nil }
                seconds += Double("0." + String(decoding: digits, as: UTF8.self)) ?? 0
                rest = rest.dropFirst(digits.count)
            }
        }
        if let sign = takeMark("+-") {
            guard let hours = take(2), hours < 24 else { return nil }
            _ = takeMark(":")
            let minutes = rest.isEmpty ? 0 : take(2)
            guard let minutes, minutes < 60 else { return nil }
            seconds -= (sign == 0x2D ? -1 : 1) * Double(hours * 3600 + minutes * 60)
        } else {
            _ = takeMark("Zz")
        }
        return rest.isEmpty ? seconds : nil
    }

    private static func days(_ year: Int, _ month: Int) -> Int {
        let isLeap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
        return month == 2 ? (isLeap ? 29 : 28) : [4, 6, 9, 11].contains(month) ? 30 : 31
    }

    /// Days since the beginning of 1970 in the Gregorian calendar, years beginning in March so that leap days come last.
    private static func dayNumber(_ year: Int, _ month: Int, _ day: Int) -> Int {
        let shifted = month > 2 ? year : year - 1
        let era = (shifted >= 0 ? shifted : shifted - 399) / 400
        let yearOfEra = shifted - era * 400
        let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
        return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
    }
}
