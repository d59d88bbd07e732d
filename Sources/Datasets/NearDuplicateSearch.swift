import YuyanFileFormats
import YuyanTokenizers

/// Finds near-duplicates among the documents of finished parts, read back from their tokens.
///
/// Signatures lie in a folder of their own, so that a search that was stopped goes on where it was.
struct NearDuplicateSearch {
    private let settings: NearDuplicateSettings
    private let tokenizer: any Tokenizer
    private let width: TokenWidth
    private let comparedBytes: Int

    /// About how much text is decoded before it is handed to all threads, in bytes.
    private static let batchBytes = 8 << 20

    init(_ settings: NearDuplicateSettings, tokenizer: any Tokenizer, width: TokenWidth, comparedBytes: Int) {
        (self.settings, self.tokenizer, self.width) = (settings, tokenizer, width)
        self.comparedBytes = comparedBytes
    }

    /// The clusters of the documents, numbered in their order.
    func clusters(
        _ documents: [DocumentEntry],
        _ parts: PartReader,
        folder: String,
        isCancelled: () -> Bool
    ) throws -> DuplicateClusters {
        let index = try NearDuplicateIndex(folder: folder, settings: settings)
        var next = index.count
        guard next <= documents.count else {
            throw FileFormatError(
                .mismatch,
                path: folder,
                "it holds more documents than there are; remove it"
            )
        }
        while next < documents.count {
            if isCancelled() { throw CancellationError() }
            var (texts, bytes): ([String], Int) = ([], 0)
            while next < documents.count, bytes < Self.batchBytes {
                let text = try text(of: documents[next], parts)
                bytes += text.utf8.count
                texts.append(text)
                next += 1
            }
            try index.add(contentsOf: texts)
        }
        try index.sync()
        return try index.clusters()
    }

    /// The text of a document, or its beginning.
    private func text(of document: DocumentEntry, _ parts: PartReader) throws -> String {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(min(document.bytes, comparedBytes))
        try parts.withTokens(document.start..<document.start + document.tokens) { packed in
            for place in 0..<packed.count / width.byteCount {
                if bytes.count >= comparedBytes { return }
                let id =
                    width == .uint16
                    ? Int32(packed.loadUnaligned(fromByteOffset: place * 2, as: UInt16.self).littleEndian)
                    : Int32(
                        bitPattern: packed.loadUnaligned(fromByteOffset: place * 4, as: UInt32.self)
                            .littleEndian
                    )
                tokenizer.appendBytes(of: id, to: &bytes)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
