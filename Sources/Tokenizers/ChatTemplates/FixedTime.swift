/// A moment that templates may print, always the same.
public struct FixedTime: Sendable, Hashable {
    private let year: Int
    private let month: Int
    private let day: Int

    private static let months = [
        "January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
        "November",
        "December",
    ]
    private static let days = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"]

    /// Midnight of the first day of 2026.
    public static let beginningOf2026 = FixedTime(year: 2026, month: 1, day: 1)

    private init(year: Int, month: Int, day: Int) {
        (self.year, self.month, self.day) = (year, month, day)
    }

    /// Midnight of a day of the Gregorian calendar.
    ///
    /// - Parameters:
    ///   - year: The year, 1 to 9999.
    ///   - month: The month, 1 to 12.
    ///   - day: The day of the month.
    /// - Returns: nil when there is no such day.
    public static func day(year: Int, month: Int, day: Int) -> FixedTime? {
        guard (1...9999).contains(year), (1...12).contains(month), day >= 1 else { return nil }
        guard day <= lengths(year)[month - 1] else { return nil }
        return FixedTime(year: year, month: month, day: day)
    }

    private static func lengths(_ year: Int) -> [Int] {
        let isLeap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
        return [31, isLeap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
    }

    private var dayOfYear: Int { Self.lengths(year)[..<(month - 1)].reduce(0, +) + day }

    /// 0 for Sunday.
    private var weekday: Int {
        let before = year - 1
        return (before * 365 + before / 4 - before / 100 + before / 400 + dayOfYear) % 7
    }

    /// The moment as C's `strftime` formats it in the plain locale.
    ///
    /// - Parameter format: The format; of the conversions a, A, b, B, d, e, H, I, j, m, M, p, S, w, y, Y, F, T, %.
    /// - Returns: The text; other conversions stand in it as they are.
    public func formatted(_ format: String) -> String {
        var result = String.UnicodeScalarView()
        var isConversion = false
        for scalar in format.unicodeScalars {
            if isConversion {
                result.append(contentsOf: (conversion(scalar) ?? "%\(scalar)").unicodeScalars)
                isConversion = false
            } else if scalar == "%" {
                isConversion = true
            } else {
                result.append(scalar)
            }
        }
        if isConversion { result.append("%") }
        return String(result)
    }

    private func conversion(_ letter: Unicode.Scalar) -> String? {
        func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
        switch letter {
        case "a": return String(Self.days[weekday].unicodeScalars.prefix(3))
        case "A": return Self.days[weekday]
        case "b", "h": return String(Self.months[month - 1].unicodeScalars.prefix(3))
        case "B": return Self.months[month - 1]
        case "d": return two(day)
        case "e": return day < 10 ? " \(day)" : "\(day)"
        case "H", "M", "S": return "00"
        case "I": return "12"
        case "j": return String(String(1000 + dayOfYear).unicodeScalars.dropFirst())
        case "m": return two(month)
        case "p": return "AM"
        case "w": return "\(weekday)"
        case "y": return two(year % 100)
        case "Y": return "\(year)"
        case "F": return "\(year)-\(two(month))-\(two(day))"
        case "T": return "00:00:00"
        case "%": return "%"
        default: return nil
        }
    }
}
