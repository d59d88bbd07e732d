import YuyanFileFormats

/// Kinds of personal data and secrets that text holds.
public enum PersonalDataKind: String, Sendable, CaseIterable {
    /// Addresses of mail (RFC 5321, without quoting).
    case email
    /// Telephone numbers: Chinese, North American and international (E.164).
    case phone
    /// Chinese identity cards of 18 digits (GB 11643, ISO 7064 MOD 11-2) and of 15.
    case identityCard = "identity_card"
    /// Numbers of bank cards (ISO/IEC 7812: issuer prefix, length and Luhn digit).
    case bankCard = "bank_card"
    /// IPv4 and IPv6 addresses.
    case ipAddress = "ip_address"
    /// Hardware addresses of network interfaces.
    case macAddress = "mac_address"
    /// International bank account numbers (ISO 13616, mod 97).
    case iban
    /// Social security numbers of the United States.
    case socialSecurity = "social_security"
    /// API keys, tokens and private keys of known form.
    case apiKey = "api_key"
    /// Values of assignments to names such as `password`.
    case secret
    /// Passport numbers after the word.
    case passport
    /// Social credit codes of Chinese organisations (GB 32100, mod 31).
    case creditCode = "credit_code"
    /// Dates of birth after words that say so.
    case birthDate = "birth_date"
    /// Chinese licence plates.
    case licencePlate = "licence_plate"
    /// Universally unique identifiers.
    case uuid

    /// What is looked for unless a recipe says otherwise: all but the last five.
    public static let standard: Set<PersonalDataKind> = Set(allCases).subtracting([
        .passport, .creditCode, .birthDate, .licencePlate, .uuid,
    ])

    /// The kind's place in a ``PersonalDataKindSet``.
    fileprivate var bit: UInt32 {
        switch self {
        case .email: 1
        case .phone: 1 << 1
        case .identityCard: 1 << 2
        case .bankCard: 1 << 3
        case .ipAddress: 1 << 4
        case .macAddress: 1 << 5
        case .iban: 1 << 6
        case .socialSecurity: 1 << 7
        case .apiKey: 1 << 8
        case .secret: 1 << 9
        case .passport: 1 << 10
        case .creditCode: 1 << 11
        case .birthDate: 1 << 12
        case .licencePlate: 1 << 13
        case .uuid: 1 << 14
        }
    }

    /// What stands in place of a find, such as `EMAIL`.
    public var tag: String { rawValue.uppercased() }
}

/// Kinds that are looked up at every word of a text, which a hash table is too slow for.
struct PersonalDataKindSet {
    private let bits: UInt32

    init(_ kinds: Set<PersonalDataKind>) { bits = kinds.reduce(0) { $0 | $1.bit } }

    @inline(__always)
    func contains(_ kind: PersonalDataKind) -> Bool { bits & kind.bit != 0 }
}

/// A piece of personal data found in a text.
public struct PersonalDataMatch: Sendable, Equatable {
    /// What it is.
    public let kind: PersonalDataKind
    /// Where it stands: offsets of UTF-8.
    public let range: Range<Int>

    /// A find.
    ///
    /// - Parameters:
    ///   - kind: what it is.
    ///   - range: where it stands: offsets of UTF-8.
    public init(kind: PersonalDataKind, range: Range<Int>) { (self.kind, self.range) = (kind, range) }
}

/// Replaces personal data and secrets, and reports how many of each kind there were.
///
/// Detectors check what the definition of a kind lets them check (check digits, regions, dates, lengths by issuer or
/// country); what has no check, such as a telephone number without a plus sign, needs the shape of one, and where that
/// is not enough the words around it decide.
public struct PersonalDataScrubbing: TextOperator {
    /// What stands in place of a find.
    public enum Mode: String, Sendable, CaseIterable {
        /// The kind: `[EMAIL]`.
        case tag
        /// Stars for its letters and digits: `****@*******.***`.
        case mask
        /// The kind and a salted hash, the same for the same value: `[EMAIL:bdgkmnopacef]`.
        case hash
        /// Nothing.
        case remove
    }

    /// What is looked for.
    public let kinds: Set<PersonalDataKind>
    /// What stands in place of a find.
    public let mode: Mode
    /// What hashes depend on besides the value.
    public let salt: String
    /// Whether addresses of the own machine (127.0.0.1, ::1, 0.0.0.0) stay.
    public let keepsLoopback: Bool
    /// Whether "name at domain dot com" counts as an address of mail.
    public let findsSpelledEmails: Bool

    /// Creates the operator.
    ///
    /// - Parameters:
    ///   - kinds: what is looked for.
    ///   - mode: what stands in place of a find.
    ///   - salt: what hashes depend on besides the value; keep it secret, since short values can be guessed.
    ///   - keepsLoopback: whether addresses of the own machine stay.
    ///   - findsSpelledEmails: whether "name at domain dot com" counts.
    public init(
        _ kinds: Set<PersonalDataKind> = PersonalDataKind.standard,
        mode: Mode = .tag,
        salt: String = "",
        keepsLoopback: Bool = true,
        findsSpelledEmails: Bool = false
    ) {
        (self.kinds, self.mode, self.salt) = (kinds, mode, salt)
        (self.keepsLoopback, self.findsSpelledEmails) = (keepsLoopback, findsSpelledEmails)
    }

    /// The operator's name.
    public var name: String { "personal_data_scrubbing" }
    /// The kinds, the mode, the options and a fingerprint of the salt.
    public var settings: String {
        let names = PersonalDataKind.allCases.filter(kinds.contains).map(\.rawValue).joined(separator: "+")
        let salted = mode == .hash ? ",salt:" + Self.letters(of: Self.digest(salt), count: 8) : ""
        return "\(mode.rawValue),\(names),loopback:\(keepsLoopback),spelled:\(findsSpelledEmails)\(salted)"
    }
    /// It rewrites.
    public var kind: TextOperatorKind { .mapper }

    /// Finds personal data.
    ///
    /// - Parameter text: any text.
    /// - Returns: the finds from left to right; they do not overlap.
    public func matches(in text: String) -> [PersonalDataMatch] {
        var text = text
        return text.withUTF8 { bytes in matches(in: bytes) }
    }

    private func matches(in bytes: UnsafeBufferPointer<UInt8>) -> [PersonalDataMatch] {
        var scanner = PersonalDataScanner(
            bytes,
            kinds,
            keepsLoopback: keepsLoopback,
            spelled: findsSpelledEmails
        )
        return scanner.run()
    }

    /// Replaces the personal data of a text.
    ///
    /// - Parameter text: any text.
    /// - Returns: the scrubbed text and the numbers by kind, or unchanged.
    public func apply(to text: String) -> TextOutcome {
        var found: [String: Int] = [:]
        let result = text.rewrittenUntilStable { rewriter in
            for match in matches(in: rewriter.bytes) {
                found[match.kind.rawValue, default: 0] += 1
                let value = UnsafeBufferPointer(rebasing: rewriter.bytes[match.range])
                switch mode {
                case .tag: rewriter.replace(match.range, with: "[\(match.kind.tag)]".utf8)
                case .mask: rewriter.replace(match.range, with: Self.masked(value))
                case .hash:
                    rewriter.replace(match.range, with: "[\(match.kind.tag):\(hash(value, match.kind))]".utf8)
                case .remove: rewriter.removeWithSpace(match.range)
                }
            }
        }
        return TextOutcome(result, found: found)
    }

    /// Stars for letters and digits; signs stay.
    private static func masked(_ value: UnsafeBufferPointer<UInt8>) -> [UInt8] {
        var output: [UInt8] = []
        var place = 0
        while place < value.count {
            let (scalar, length) = scalar(in: value, at: place)
            let isSign = scalar < 0x80 && !Characters.isAlphanumeric(UInt8(scalar))
            output.append(isSign ? UInt8(scalar) : UInt8(ascii: "*"))
            place += length
        }
        return output
    }

    private func hash(_ value: UnsafeBufferPointer<UInt8>, _ kind: PersonalDataKind) -> String {
        let text = String(decoding: value, as: UTF8.self)
        return Self.letters(of: Self.digest("\(salt)\u{0}\(kind.rawValue)\u{0}\(text)"), count: 12)
    }

    private static func digest(_ text: String) -> [UInt8] {
        var hash = SHA256()
        hash.update(Array(text.utf8))
        return hash.digest()
    }

    /// Letters instead of digits, which could look like a number.
    private static func letters(of digest: [UInt8], count: Int) -> String {
        let nibbles = digest.flatMap { [$0 >> 4, $0 & 15] }.prefix(count)
        return String(decoding: nibbles.map { UInt8(ascii: "a") + $0 }, as: UTF8.self)
    }
}
