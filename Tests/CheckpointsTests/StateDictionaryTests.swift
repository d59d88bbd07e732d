import Foundation
import Testing
import YuyanCheckpoints

/// A module of all kinds of mappings.
private final class Toy: Module {
    let table: Parameter
    let packed: Parameter
    let norms: [Parameter]

    init(_ start: Float) {
        func values(_ shape: Shape, _ offset: Float) -> Parameter {
            Parameter(Tensor((0..<shape.elementCount).map { start + offset + Float($0) }, shape: shape))
        }
        table = values([3, 2], 0)
        packed = values([5, 2], 100)
        norms = [values([2], 200), values([2], 300)]
    }

    static let map = KeyMap(
        [
            KeyMapping("table", "base.table", isTransposed: true),
            KeyMapping("packed", parts: [("base.query", 2), ("base.key", 3)]),
            KeyMapping("norms.*", "base.layer.*.norm"),
        ],
        optionalPrefixes: ["base."],
        ignoredKeys: ["base.layer.*.buffer"]
    )

    var allValues: [Float] { parameters().flatMap { $0.value.floats() } }
}

@Suite struct StateDictionaryTests {
    private func temporaryPath(_ name: String) -> String {
        FileManager.default.temporaryDirectory.appendingPathComponent("\(UUID().uuidString)-\(name)").path
    }

    private func write(_ tensors: [(String, [Int], [Float])], to path: String) throws {
        let entries = tensors.map { SafetensorsWriter.Entry($0.0, .f32, $0.1) }
        let writer = try SafetensorsWriter(path: path, entries: entries)
        for tensor in tensors { try writer.write(elements: tensor.2, to: tensor.0) }
        try writer.finish()
    }

    private var whole: [(String, [Int], [Float])] {
        [
            ("base.table", [2, 3], [1, 2, 3, 4, 5, 6]), ("base.query", [2, 2], [1, 2, 3, 4]),
            ("base.key", [3, 2], [5, 6, 7, 8, 9, 10]), ("base.layer.0.norm", [2], [11, 12]),
            ("base.layer.1.norm", [2], [13, 14]),
        ]
    }

    @Test func mapsBothWays() throws {
        let path = temporaryPath("toy.safetensors")
        defer { unlink(path) }
        let toy = Toy(0.5)
        try toy.saveParameters(to: path, map: Toy.map)
        let file = try SafetensorsFile(path: path)
        #expect(file.metadata["format"] == "pt")
        #expect(
            Set(file.names)
                == ["base.table", "base.query", "base.key", "base.layer.0.norm", "base.layer.1.norm"]
        )
        let table = try file.elements(of: "base.table", dtype: .f32, as: Float.self)
        #expect(table == [0.5, 2.5, 4.5, 1.5, 3.5, 5.5])
        #expect(try file.entry("base.table").shape == [2, 3])
        let keys = try file.elements(of: "base.key", dtype: .f32, as: Float.self)
        #expect(keys == [104.5, 105.5, 106.5, 107.5, 108.5, 109.5])
        let other = Toy(9)
        try other.loadParameters(from: WeightFiles(path: path), map: Toy.map)
        #expect(other.allValues == toy.allValues)
    }

    @Test func savingAgainGivesTheSameBytes() throws {
        let (first, second) = (temporaryPath("a.safetensors"), temporaryPath("b.safetensors"))
        defer {
            unlink(first)
            unlink(second)
        }
        try Toy(3).saveParameters(to: first, map: Toy.map)
        let other = Toy(0)
        try other.loadParameters(from: WeightFiles(path: first), map: Toy.map)
        try other.saveParameters(to: second, map: Toy.map)
        #expect(try SafeFile.read(first) == SafeFile.read(second))
    }

    @Test func acceptsMissingPrefixesAndKnownBuffers() throws {
        let path = temporaryPath("bare.safetensors")
        defer { unlink(path) }
        let bare = whole.map { (String($0.0.dropFirst(5)), $0.1, $0.2) }
        try write(bare + [("layer.0.buffer", [1], [7])], to: path)
        let toy = Toy(0)
        try toy.loadParameters(from: WeightFiles(path: path), map: Toy.map)
        #expect(toy.allValues == [1, 4, 2, 5, 3, 6, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14])
    }

    @Test(arguments: ["base.key", "base.layer.1.norm"]) func namesWhatIsMissing(key: String) throws {
        let path = temporaryPath("missing.safetensors")
        defer { unlink(path) }
        try write(whole.filter { $0.0 != key }, to: path)
        let toy = Toy(0)
        let before = toy.allValues
        let error = #expect(throws: FileFormatError.self) {
            try toy.loadParameters(from: WeightFiles(path: path), map: Toy.map)
        }
        #expect(error?.code == .missing)
        #expect(error?.location == .key(key))
        #expect(error?.path == path)
        #expect(toy.allValues == before)
    }

    @Test func namesWhatIsUnexpected() throws {
        let path = temporaryPath("unexpected.safetensors")
        defer { unlink(path) }
        try write(whole + [("base.layer.2.norm", [2], [1, 1])], to: path)
        let error = #expect(throws: FileFormatError.self) {
            try Toy(0).loadParameters(from: WeightFiles(path: path), map: Toy.map)
        }
        #expect(error?.code == .mismatch)
        #expect(error?.location == .key("base.layer.2.norm"))
    }

    @Test func namesWrongShapesBeforeAnythingChanges() throws {
        let path = temporaryPath("shape.safetensors")
        defer { unlink(path) }
        let wrong = whole.map { $0.0 == "base.layer.1.norm" ? ($0.0, [3], [1, 2, 3]) : $0 }
        try write(wrong, to: path)
        let toy = Toy(0)
        let before = toy.allValues
        let error = #expect(throws: FileFormatError.self) {
            try toy.loadParameters(from: WeightFiles(path: path), map: Toy.map)
        }
        #expect(error?.description.contains("base.layer.1.norm") == true)
        #expect(error?.description.contains("[3]") == true)
        #expect(toy.allValues == before)
    }

    @Test func bfloat16RoundsToNearestEven() throws {
        let path = temporaryPath("bf16.safetensors")
        defer { unlink(path) }
        let toy = Toy(0)
        toy.norms[0].assign(Tensor([1.00390625, 1.01171875] as [Float], shape: [2]))
        try toy.saveParameters(to: path, dtype: .bf16)
        #expect(try SafetensorsFile(path: path).entry("norms.0").dtype == .bf16)
        let other = Toy(1)
        try other.loadParameters(from: WeightFiles(path: path))
        #expect(other.norms[0].value.floats() == [1, 1.015625])
    }

    @Test func readsHalfPrecision() throws {
        let path = temporaryPath("half.safetensors")
        defer { unlink(path) }
        // 1, −2, the largest finite, the smallest subnormal, a subnormal, −0, infinity
        let bits: [UInt16] = [0x3C00, 0xC000, 0x7BFF, 0x0001, 0x03FF, 0x8000, 0x7C00]
        let writer = try SafetensorsWriter(path: path, entries: [.init("x", .f16, [bits.count])])
        try writer.write(elements: bits, to: "x")
        try writer.finish()
        let values = try WeightFiles(path: path).tensor("x").floats()
        #expect(values == [1, -2, 65_504, 0x1p-24, 1023 * 0x1p-24, 0, .infinity])
        #expect(values[5].sign == .minus)
    }

    @Test func readsShardsThroughTheirIndex() throws {
        let folder = temporaryPath("shards")
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try write(Array(whole[..<2]), to: "\(folder)/model-00001-of-00002.safetensors")
        try write(Array(whole[2...]), to: "\(folder)/model-00002-of-00002.safetensors")
        var map = JSONObject()
        for (number, tensor) in whole.enumerated() {
            map[tensor.0] = .string("model-0000\(number < 2 ? 1 : 2)-of-00002.safetensors")
        }
        let index = "\(folder)/model.safetensors.index.json"
        try (["weight_map": .object(map)] as JSONValue).write(to: index)
        let toy = Toy(0)
        try toy.loadParameters(from: WeightFiles(path: folder), map: Toy.map)
        #expect(toy.packed.value.floats() == [1, 2, 3, 4, 5, 6, 7, 8, 9, 10])

        map["base.key"] = "../../etc/passwd"
        try (["weight_map": .object(map)] as JSONValue).write(to: index)
        #expect(throws: FileFormatError.self) { try WeightFiles(path: folder) }
        map["base.key"] = "model-00001-of-00002.safetensors"
        try (["weight_map": .object(map)] as JSONValue).write(to: index)
        let error = #expect(throws: FileFormatError.self) { try WeightFiles(path: folder) }
        #expect(error?.location == .key("base.key"))
    }

    @Test func saysWhatAFolderLacks() {
        let error = #expect(throws: FileFormatError.self) { try WeightFiles(path: "/nonexistent/model") }
        #expect(error?.code == .notFound)
    }
}
