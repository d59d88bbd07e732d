/// Cuts text into words as BERT does: normalised, at white space, with punctuation and ideographs by themselves.
public struct BertWords: Sendable {
    private let normalizer: BertTextNormalizer

    /// A cutter.
    ///
    /// - Parameter settings: Which normalisation; its tokens are not used.
    public init(settings: BertSettings = BertSettings()) {
        normalizer = BertTextNormalizer(
            cleansText: true,
            separatesIdeographs: settings.separatesIdeographs,
            stripsAccents: settings.stripsAccents,
            lowercases: settings.lowercases
        )
    }

    /// Lends every word of a text.
    ///
    /// - Parameters:
    ///   - text: The text.
    ///   - body: Reads the bytes of a word; the pointer must not leave it.
    /// - Throws: What `body` throws.
    public func forEach<Failure: Error>(
        in text: String,
        _ body: (UnsafeBufferPointer<UInt8>) throws(Failure) -> Void
    ) throws(Failure) {
        var list = PieceList()
        list.text = AlignedText(text)
        normalizer.normalize(&list.text)
        if list.text.isEmpty { return }
        list.pieces = [PieceList.Piece(start: 0, end: list.text.count, origin: 0)]
        BertPreTokenizer().apply(to: &list)
        try list.text.bytes.withUnsafeBufferPointer { bytes throws(Failure) in
            for piece in list.pieces where piece.end > piece.start {
                try body(UnsafeBufferPointer(rebasing: bytes[piece.start..<piece.end]))
            }
        }
    }
}
