import Foundation
import YuyanDatasets

/// A folder that is removed when the object goes.
final class TemporaryFolder {
    let path: String

    init() {
        path = NSTemporaryDirectory() + "yuyan-datasets-\(UUID().uuidString)"
        try? FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    func file(_ name: String) -> String { "\(path)/\(name)" }

    @discardableResult
    func write(_ name: String, _ bytes: some Sequence<UInt8>) throws -> String {
        let target = URL(filePath: file(name))
        try FileManager.default.createDirectory(
            at: target.deletingLastPathComponent(),
            withIntermediateDirectories: true
        )
        try Data(bytes).write(to: target)
        return file(name)
    }

    @discardableResult
    func write(_ name: String, _ text: String) throws -> String { try write(name, text.utf8) }

    func bytes(_ name: String) -> [UInt8]? {
        FileManager.default.contents(atPath: file(name)).map { Array($0) }
    }
}

/// A small seeded generator for tests whose failures can be replayed.
struct TestGenerator: RandomNumberGenerator {
    var state: UInt64

    init(_ seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        var mixed = state
        mixed = (mixed ^ (mixed >> 33)) &* 0xFF51_AFD7_ED55_8CCD
        return mixed ^ (mixed >> 33)
    }
}

/// Writes a shard of documents and its index, and opens it.
func makeShard(
    _ folder: TemporaryFolder,
    documents: [[Int32]],
    width: TokenWidth = .uint16
) throws -> TokenShard {
    var (bytes, offsets): ([UInt8], [UInt8]) = ([], [])
    var count = 0
    func append(_ offset: Int) { withUnsafeBytes(of: UInt64(offset).littleEndian) { offsets += $0 } }
    for document in documents {
        append(count)
        count += document.count
        for token in document {
            switch width {
            case .uint16: withUnsafeBytes(of: UInt16(token).littleEndian) { bytes += $0 }
            case .uint32: withUnsafeBytes(of: UInt32(token).littleEndian) { bytes += $0 }
            }
        }
    }
    append(count)
    return try TokenShard(
        path: folder.write("shard.bin", bytes),
        width: width,
        indexPath: folder.write("shard.idx", offsets)
    )
}
