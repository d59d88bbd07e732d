import Testing
import YuyanFileFormats

/// A field of a protobuf message, as the wire has it.
private struct Field: Equatable {
    let number: Int
    var integer: UInt64 = 0
    var bytes: [UInt8] = []

    static func parse(_ bytes: [UInt8]) throws -> [Field] {
        var position = 0
        func varint() throws -> UInt64 {
            var value: UInt64 = 0
            var shift: UInt64 = 0
            while true {
                let byte = try #require(position < bytes.count ? bytes[position] : nil)
                position += 1
                value |= UInt64(byte & 0x7F) << shift
                if byte < 0x80 { return value }
                shift += 7
            }
        }
        var fields: [Field] = []
        while position < bytes.count {
            let key = try varint()
            var field = Field(number: Int(key >> 3))
            var count = 0
            switch key & 7 {
            case 0: field.integer = try varint()
            case 1: count = 8
            case 5: count = 4
            default: count = Int(try varint())
            }
            try #require(position + count <= bytes.count)
            field.bytes = Array(bytes[position..<position + count])
            position += count
            fields.append(field)
        }
        return fields
    }

    var text: String { String(decoding: bytes, as: UTF8.self) }
    var bits: UInt64 { bytes.reversed().reduce(0) { $0 << 8 | UInt64($1) } }
}

@Suite struct TensorBoardTests {
    /// Splits a file into records, checking both checksums of each.
    private func records(_ bytes: [UInt8]) throws -> [[UInt8]] {
        var result: [[UInt8]] = []
        var position = 0
        func number(_ range: Range<Int>) -> UInt64 {
            bytes[range].reversed().reduce(0) { $0 << 8 | UInt64($1) }
        }
        while position < bytes.count {
            try #require(position + 12 <= bytes.count)
            let count = Int(number(position..<position + 8))
            #expect(
                number(position + 8..<position + 12) == UInt64(CRC32C.masked(bytes[position..<position + 8]))
            )
            let start = position + 12
            try #require(start + count + 4 <= bytes.count)
            let payload = Array(bytes[start..<start + count])
            #expect(number(start + count..<start + count + 4) == UInt64(CRC32C.masked(payload)))
            result.append(payload)
            position = start + count + 4
        }
        return result
    }

    @Test func scalarsAndTextsComeBack() throws {
        let folder = try TemporaryFolder()
        let writer = try TensorBoardWriter(folder: folder.path)
        let name = try #require(writer.path.split(separator: "/").last)
        #expect(name.hasPrefix("events.out.tfevents.") && name.hasSuffix(".0"))
        try writer.add(scalar: 2.5, tag: "train/loss", step: 300, wallTime: 1234.5)
        try writer.add(scalar: -.infinity, tag: "x", step: -1, wallTime: 1)
        try writer.close()
        let again = try TensorBoardWriter(path: writer.path)
        try again.add(text: "语 **燕**", tag: "note", step: 1 << 40, wallTime: 2)
        try again.flush()
        let events = try records(SafeFile.read(writer.path)).map { try Field.parse($0) }
        #expect(events.count == 4)
        #expect(events[0].map(\.number) == [1, 3] && events[0][1].text == "brain.Event:2")
        #expect(events[1].map(\.number) == [1, 2, 5])
        #expect(Double(bitPattern: events[1][0].bits) == 1234.5 && events[1][1].integer == 300)
        let value = try Field.parse(Field.parse(events[1][2].bytes)[0].bytes)
        #expect(value.map(\.number) == [1, 2] && value[0].text == "train/loss")
        #expect(Float(bitPattern: UInt32(value[1].bits)) == 2.5)
        #expect(Int64(bitPattern: events[2][1].integer) == -1)
        #expect(events[3][1].integer == 1 << 40)
        let text = try Field.parse(Field.parse(events[3][2].bytes)[0].bytes)
        #expect(text.map(\.number) == [1, 8, 9])
        let tensor = try Field.parse(text[1].bytes)
        #expect(tensor.map(\.number) == [1, 2, 8] && tensor[0].integer == 7 && tensor[2].text == "语 **燕**")
        #expect(try Field.parse(Field.parse(text[2].bytes)[0].bytes)[0].text == "text")
    }
}
