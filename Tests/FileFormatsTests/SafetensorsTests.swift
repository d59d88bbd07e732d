import Testing
import YuyanFileFormats

@Suite struct SafetensorsTests {
    /// A file with a given header text and data.
    private func bytes(_ header: String, data: Int = 0) -> [UInt8] {
        let text = Array(header.utf8)
        let length = (0..<8).map { UInt8(truncatingIfNeeded: text.count >> (8 * $0)) }
        return length + text + [UInt8](repeating: 7, count: data)
    }

    @Test func writesAndReadsEveryType() throws {
        let folder = try TemporaryFolder()
        let path = folder.file("all.safetensors")
        let entries = SafetensorsDType.allCases.map {
            SafetensorsWriter.Entry("t.\($0.rawValue)", $0, [2, 3])
        }
        let writer = try SafetensorsWriter(
            path: path,
            metadata: ["format": "pt", "语": "燕"],
            entries: entries
        )
        for (index, entry) in entries.enumerated() {
            let count = 6 * entry.dtype.byteCount
            try writer.write(elements: (0..<count).map { UInt8(index * 7 + $0) }, to: entry.name)
        }
        #expect(try folder.names.contains("all.safetensors") == false)
        try writer.finish()
        #expect(try folder.names == ["all.safetensors"])
        let file = try SafetensorsFile(path: path)
        #expect(file.metadata == ["format": "pt", "语": "燕"])
        #expect(file.tensors.count == entries.count)
        for (index, entry) in entries.enumerated() {
            let count = 6 * entry.dtype.byteCount
            let found = try file.entry(entry.name)
            #expect(found.shape == [2, 3] && found.dtype == entry.dtype && found.elementCount == 6)
            #expect(found.byteRange.lowerBound % entry.dtype.byteCount == 0)
            let content = try file.withBytes(of: entry.name) { Array($0) }
            #expect(content == (0..<count).map { UInt8(index * 7 + $0) })
        }
    }

    @Test func piecesInAnyOrderMakeTheSameFile() throws {
        let folder = try TemporaryFolder()
        let values = (0..<1000).map { Float($0) * 0.25 - 3 }
        let entries: [SafetensorsWriter.Entry] = [
            .init("weight", .f32, [10, 100]), .init("bias", .i64, [3]), .init("empty", .f32, [0, 4]),
            .init("scalar", .f64, []),
        ]
        for (name, order) in [("a", entries), ("b", Array(entries.reversed()))] {
            let writer = try SafetensorsWriter(path: folder.file(name), entries: order)
            for entry in order {
                switch entry.name {
                case "weight":
                    try writer.write(elements: Array(values[..<333]), to: "weight")
                    try writer.write(elements: Array(values[333...]), to: "weight")
                case "bias": try writer.write(elements: [Int64(1), -2, 3], to: "bias")
                case "scalar": try writer.write(elements: [2.5], to: "scalar")
                default: break
                }
            }
            try writer.finish()
        }
        #expect(try SafeFile.read(folder.file("a")) == SafeFile.read(folder.file("b")))
        let file = try SafetensorsFile(path: folder.file("a"))
        #expect(try file.elements(of: "weight", dtype: .f32, as: Float.self) == values)
        #expect(try file.elements(of: "bias", dtype: .i64, as: Int64.self) == [1, -2, 3])
        #expect(try file.elements(of: "scalar", dtype: .f64, as: Double.self) == [2.5])
        #expect(try file.elements(of: "empty", dtype: .f32, as: Float.self) == [])
        expectFailure(.mismatch, "weight", "F32") {
            _ = try file.elements(of: "weight", dtype: .f64, as: Double.self)
        }
        expectFailure(.missing, "absent") { _ = try file.entry("absent") }
    }

    @Test func anUnfinishedFileLeavesNothing() throws {
        let folder = try TemporaryFolder()
        do {
            let writer = try SafetensorsWriter(path: folder.file("x"), entries: [.init("a", .f32, [2])])
            try writer.write(elements: [Float(1)], to: "a")
            expectFailure(.missing, "'a'", "4 bytes") { try writer.finish() }
        }
        #expect(try folder.names == [])
        expectFailure(.duplicate, "'a'") {
            _ = try SafetensorsWriter(
                path: folder.file("x"),
                entries: [.init("a", .f32, [2]), .init("a", .f32, [1])]
            )
        }
    }

    @Test(arguments: [
        (#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#, 7, "truncated", "leave"),
        (#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#, 9, "malformed", "belong to no tensor"),
        (#"{"a":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}}"#, 8, "malformed", "needs 12 bytes"),
        (#"{"a":{"dtype":"F33","shape":[2],"data_offsets":[0,8]}}"#, 8, "unsupported", "F33"),
        (
            #"{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"U8","shape":[2],"data_offsets":[1,3]}}"#,
            3, "malformed", "overlap"
        ),
        (
            #"{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"U8","shape":[2],"data_offsets":[3,5]}}"#,
            5, "malformed", "'b'"
        ),
        (
            #"{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"a":{"dtype":"U8","shape":[2],"data_offsets":[2,4]}}"#,
            4, "duplicate", "'a'"
        ),
        (#"{"a":{"dtype":"U8","dtype":"U8","shape":[2],"data_offsets":[0,2]}}"#, 2, "duplicate", "dtype"),
        (
            #"{"a":{"dtype":"U8","shape":[4611686018427387904,4],"data_offsets":[0,0]}}"#, 0, "malformed",
            "overflows"
        ),
        (#"{"a":{"dtype":"U8","shape":[-1],"data_offsets":[0,0]}}"#, 0, "malformed", "from 0 up"),
        (#"{"a":{"dtype":"U8","shape":[2.0],"data_offsets":[0,2]}}"#, 2, "malformed", "integers"),
        (#"{"a":{"dtype":"U8","shape":[2],"data_offsets":[2,0]}}"#, 2, "malformed", "begin"),
        (#"{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2],"x":1}}"#, 2, "malformed", "unknown key 'x'"),
        (#"{"__metadata__":{"x":1}}"#, 0, "malformed", "__metadata__.x"),
        (#" {}"#, 0, "malformed", "begin with '{'"),
        (#"{"a":"#, 0, "truncated", "header"),
    ])
    func lyingHeadersAreRefused(header: String, data: Int, code: String, words: String) throws {
        let folder = try TemporaryFolder()
        let path = try folder.write(bytes(header, data: data))
        do {
            _ = try SafetensorsFile(path: path)
            Issue.record("accepted \(header)")
        } catch {
            #expect(error.code.description == code, "\(error)")
            #expect(error.description.contains(words) && error.description.contains(path), "\(error)")
        }
    }

    @Test func headerLengthsAreChecked() throws {
        let folder = try TemporaryFolder()
        expectFailure(.truncated) { _ = try SafetensorsFile(path: folder.write([])) }
        expectFailure(.truncated) { _ = try SafetensorsFile(path: folder.write([1, 0, 0])) }
        expectFailure(.limitExceeded) {
            _ = try SafetensorsFile(path: folder.write([UInt8](repeating: 255, count: 8) + Array("{}".utf8)))
        }
        expectFailure(.truncated) {
            _ = try SafetensorsFile(path: folder.write([3, 0, 0, 0, 0, 0, 0, 0] + Array("{}".utf8)))
        }
        expectFailure(.notFound, "absent") { _ = try SafetensorsFile(path: folder.file("absent")) }
        let empty = try SafetensorsFile(path: folder.write(bytes("{}  ")))
        #expect(empty.names.isEmpty)
    }

    @Test func everyTruncationAndManyFlipsAreSurvived() throws {
        let folder = try TemporaryFolder()
        let header =
            #"{"b":{"dtype":"F32","shape":[2,2],"data_offsets":[0,16]},"c":{"dtype":"U8","shape":[3],"data_offsets":[16,19]}}"#
        let good = bytes(header, data: 19)
        _ = try SafetensorsFile(path: folder.write(good))
        for count in 0..<good.count {
            #expect(throws: FileFormatError.self) {
                _ = try SafetensorsFile(path: folder.write(Array(good[..<count])))
            }
        }
        var random = SystemRandomNumberGenerator()
        for _ in 0..<500 {
            var bad = good
            bad[Int.random(in: 0..<8 + header.utf8.count, using: &random)] = UInt8.random(
                in: 0...255,
                using: &random
            )
            let path = try folder.write(bad)
            if let file = try? SafetensorsFile(path: path) {
                let total = file.tensors.values.reduce(0) { $0 + $1.byteRange.count }
                #expect(total == 19, "a damaged header gave other data: \(bad)")
            }
        }
    }
}
