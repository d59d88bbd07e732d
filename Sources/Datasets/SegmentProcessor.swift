import Foundation
import YuyanFileFormats
import YuyanTextProcessing
import YuyanTokenizers

/// What to do with text that is not valid UTF-8.
public enum InvalidTextPolicy: String, Sendable, CaseIterable, Codable {
    /// Stop with an error that says where.
    case refuse
    /// Replace each ill-formed piece by U+FFFD.
    case replace
    /// Leave the document out and count it.
    case skipDocument = "skip"
}

/// Turns stored segments into clean text.
struct SegmentCleaner: Sendable {
    let sources: [TextSource]
    let textColumn: String
    /// What the split goes by besides the text.
    let splitKey: SplitKey?
    let policy: InvalidTextPolicy
    let pipeline: TextPipeline

    /// What became of a segment.
    enum Outcome {
        case text(String)
        case invalid
        case dropped
    }

    init(sources: [TextSource], options: PreparationOptions, splitKey: SplitKey? = nil) {
        self.sources = sources
        self.splitKey = splitKey
        (textColumn, policy, pipeline) = (options.textColumn, options.invalidText, options.pipeline)
    }

    /// Reads the text of a segment and applies the operators.
    ///
    /// - Parameters:
    ///   - segment: The segment.
    ///   - key: Becomes the key that the split goes by.
    ///   - tallies: The operators' counts.
    /// - Returns: What became of it.
    /// - Throws: `FileFormatError` that names file and place.
    func clean(
        _ segment: RawSegment,
        key: inout SplitKey.Value?,
        tallies: inout [OperatorTally]
    ) throws -> Outcome {
        guard let raw = try validText(segment) else { return .invalid }
        let text: String
        if sources[segment.source].format == .jsonLines {
            let object = try object(of: raw, segment)
            text = try column(of: object, segment)
            if let splitKey { key = try keyValue(object[splitKey.column]?.columnText, splitKey, segment) }
        } else {
            text = raw
            if let splitKey { key = try keyValue(segment.key, splitKey, segment) }
        }
        let cleaned = pipeline.process(
            text,
            isContinuation: !segment.startsDocument,
            isValidation: sources[segment.source].isValidation,
            tallies: &tallies
        )
        return cleaned.map { .text($0) } ?? .dropped
    }

    private func validText(_ segment: RawSegment) throws -> String? {
        if let text = String(validating: segment.bytes, as: UTF8.self) { return text }
        switch policy {
        case .replace: return String(decoding: segment.bytes, as: UTF8.self)
        case .skipDocument: return nil
        case .refuse:
            let place = segment.bytes.withUnsafeBytes { UTF8Validation.firstInvalidByte(in: $0) } ?? 0
            let line = segment.line + segment.bytes[..<place].count { $0 == 0x0A }
            let byte = String(segment.bytes[place], radix: 16, uppercase: true)
            throw FileFormatError(
                .malformed,
                path: sources[segment.source].path,
                at: .offset(segment.offset + place),
                "not valid UTF-8 (byte 0x\(byte) in line \(line)); convert the file to UTF-8, or choose to replace "
                    + "such bytes or to skip such documents"
            )
        }
    }

    private func keyValue(_ text: String?, _ key: SplitKey, _ segment: RawSegment) throws -> SplitKey.Value {
        let place = RecordPlace(path: sources[segment.source].path, line: segment.line)
        guard let text else {
            throw FileFormatError(
                .missing,
                path: place.path,
                at: place.location,
                "the row has no text or number in the column '\(key.column)', which the split goes by"
            )
        }
        do {
            return try key.value(text)
        } catch {
            throw place.stated(error)
        }
    }

    private func object(of line: String, _ segment: RawSegment) throws -> JSONObject {
        let path = sources[segment.source].path
        let value: JSONValue
        do {
            value = try JSONValue(parsing: line)
        } catch {
            var column: Int?
            if case .line(_, let place)? = error.location { column = place }
            throw FileFormatError(
                error.code,
                path: path,
                at: .line(segment.line, column: column),
                error.message
            )
        }
        guard case .object(let object) = value else {
            throw FileFormatError(
                .malformed,
                path: path,
                at: .line(segment.line, column: nil),
                "\(value.kindName) stands where every line must hold a JSON object"
            )
        }
        return object
    }

    private func column(of object: JSONObject, _ segment: RawSegment) throws -> String {
        let path = sources[segment.source].path
        let textColumn = sources[segment.source].textColumn ?? textColumn
        guard let member = object[textColumn] else {
            let keys = object.map { "'\($0.key)'" }.joined(separator: ", ")
            throw FileFormatError(
                .missing,
                path: path,
                at: .line(segment.line, column: nil),
                "no column '\(textColumn)'; the line has \(keys.isEmpty ? "no columns" : keys)"
            )
        }
        guard let text = member.stringValue else {
            throw FileFormatError(
                .mismatch,
                path: path,
                at: .line(segment.line, column: nil),
                "column '\(textColumn)' holds \(member.kindName); it must hold a string"
            )
        }
        return text
    }
}

extension JSONValue {
    /// A text, number or truth value as a column of a table would hold it.
    fileprivate var columnText: String? {
        switch self {
        case .string(let text): text
        case .integer, .number, .bool: printed(indent: nil)
        case .null, .array, .object: nil
        }
    }
}

/// What the log of a preparation keeps about a segment: seven numbers of 64 bits.
struct SegmentRecord: Sendable, Hashable {
    static let fieldCount = 7
    static let byteCount = 8 * fieldCount
    static let starts: UInt64 = 1
    static let ends: UInt64 = 2
    static let dropped: UInt64 = 4
    static let invalid: UInt64 = 8
    static let dated: UInt64 = 16

    /// Flags in the low 8 bits, the script in the next 8, the language in the next 16, the source's number above.
    var header: UInt64
    var tokens = 0
    var bytes = 0
    var characters = 0
    var fingerprint = TextFingerprint(high: 0, low: 0)
    /// What the split goes by besides the text, see ``SplitKey/Value``.
    var key: UInt64 = 0

    var startsDocument: Bool { header & Self.starts != 0 }
    var endsDocument: Bool { header & Self.ends != 0 }
    var isDropped: Bool { header & Self.dropped != 0 }
    var isInvalid: Bool { header & Self.invalid != 0 }
    /// Whether the key is a time that was written as a date.
    var isDated: Bool { header & Self.dated != 0 }
    var source: Int { Int(header >> 32) }
    /// The place of the language in the identifier's list, and 1; 0 for a later segment, which is not judged.
    var language: Int { Int(UInt16(truncatingIfNeeded: header >> 16)) }
    var script: WritingSystem { WritingSystem(rawValue: UInt8(truncatingIfNeeded: header >> 8)) ?? .other }

    init(_ segment: RawSegment) {
        header = UInt64(segment.source) << 32
        if segment.startsDocument { header |= Self.starts }
        if segment.endsDocument { header |= Self.ends }
    }

    /// Reads the record at a place of a file of records.
    init(_ file: MappedFile, at place: Int) {
        func number(_ field: Int) -> UInt64 { file.number(UInt64.self, at: place * Self.fieldCount + field) }
        header = number(0)
        tokens = Int(number(1))
        bytes = Int(number(2))
        characters = Int(number(3))
        fingerprint = TextFingerprint(high: number(4), low: number(5))
        key = number(6)
    }

    func append(to output: inout [UInt8]) {
        let fields = [
            header, UInt64(tokens), UInt64(bytes), UInt64(characters), fingerprint.high, fingerprint.low, key,
        ]
        for field in fields { withUnsafeBytes(of: field.littleEndian) { output.append(contentsOf: $0) } }
    }
}

/// A segment as tokens, packed as the shard will hold them.
struct ProcessedSegment: Sendable {
    var record: SegmentRecord
    var packedTokens: [UInt8] = []
}

/// Turns stored segments into tokens; any number of threads may share one.
struct SegmentProcessor: Sendable {
    let cleaner: SegmentCleaner
    let tokenizer: any Tokenizer
    let width: TokenWidth

    func process(_ segment: RawSegment, tallies: inout [OperatorTally]) throws -> ProcessedSegment {
        var result = ProcessedSegment(record: SegmentRecord(segment))
        var key: SplitKey.Value?
        let outcome = try cleaner.clean(segment, key: &key, tallies: &tallies)
        if let key {
            result.record.key = key.bits
            if key.isDate { result.record.header |= SegmentRecord.dated }
        }
        switch outcome {
        case .invalid: result.record.header |= SegmentRecord.invalid
        case .dropped: result.record.header |= SegmentRecord.dropped
        case .text(var text):
            let tokens = tokenizer.encode(text)
            let script = text.withUTF8 { WritingSystem.dominant(in: $0) }
            result.record.header |= UInt64(script.rawValue) << 8
            if segment.startsDocument {
                let language = LanguageIdentifier.shared.identify(text).language
                let place = LanguageIdentifier.shared.languages.firstIndex(of: language).map { $0 + 1 } ?? 0
                result.record.header |= UInt64(UInt16(clamping: place)) << 16
            }
            result.record.tokens = tokens.count
            result.record.bytes = text.utf8.count
            result.record.characters = text.unicodeScalars.count
            result.record.fingerprint = TextFingerprint(text)
            result.packedTokens = width.pack(tokens)
        }
        return result
    }
}

extension TokenWidth {
    /// The little-endian bytes of tokens.
    ///
    /// Traps when a token does not fit.
    func pack(_ tokens: [Int32]) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: tokens.count * byteCount) { buffer, filled in
            let raw = UnsafeMutableRawBufferPointer(buffer)
            for (place, token) in tokens.enumerated() {
                switch self {
                case .uint16:
                    require(token >= 0 && token <= 0xFFFF, "token \(token) does not fit into two bytes")
                    raw.storeBytes(of: UInt16(token).littleEndian, toByteOffset: place * 2, as: UInt16.self)
                case .uint32:
                    require(token >= 0, "token \(token) is negative")
                    raw.storeBytes(of: UInt32(token).littleEndian, toByteOffset: place * 4, as: UInt32.self)
                }
            }
            filled = tokens.count * byteCount
        }
    }
}
