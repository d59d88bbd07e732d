import Dispatch
import Foundation
import Synchronization
import YuyanFileFormats
import YuyanTextProcessing

extension CorpusPreparer {
    /// Turns the text that no finished part holds into parts.
    ///
    /// Rounds of segments are worked on by all threads while one of them reads the next round; results are written
    /// in the order of reading.
    func tokenize(
        _ plan: PreparationPlan,
        _ log: PreparationLog,
        progress: (PreparationProgress) -> Void,
        isCancelled: () -> Bool
    ) throws {
        let start = log.parts.last?.position ?? ReaderPosition()
        let reader = RoundReader(
            DocumentReader(
                sources: plan.listing.sources,
                limits: plan.limits,
                columns: plan.columns,
                from: start
            ),
            roundBytes: options.roundBytes ?? max(options.threads, 2) << 21
        )
        let workshop = Workshop(reader, plan.processor, tallies: options.pipeline.emptyTallies)
        var round = workshop.readRound()
        var writer: PartWriter?
        var tokens = log.parts.reduce(0) { $0 + $1.tokens }
        while !round.segments.isEmpty || round.failure != nil {
            if isCancelled() { throw CancellationError() }
            let (results, following) = workshop.process(round.segments, threads: options.threads)
            for (segment, result) in zip(round.segments, results) {
                if writer == nil { writer = try PartWriter(log, tallies: options.pipeline.emptyTallies) }
                let (processed, tallies) = try result.get()
                try writer?.append(processed, rawByteCount: segment.bytes.count)
                for index in tallies.indices { writer?.entry.tallies[index].add(tallies[index]) }
                tokens += processed.record.tokens
            }
            // What was read before the failure is worth keeping only as far as parts were finished.
            if let failure = round.failure { throw failure }
            for (source, digest) in round.digests { writer?.entry.digests[source] = digest }
            writer?.entry.position = round.end
            if following.isLast {
                // The end of the last source may be met only here.
                for (source, digest) in following.digests { writer?.entry.digests[source] = digest }
                writer?.entry.position = following.end
            }
            if let part = writer, part.textBytes >= options.partBytes || following.isLast {
                try part.finish(log)
                writer = nil
            }
            progress(plan.progress(.tokenizing, bytesDone: round.storedByteCount, tokens: tokens))
            round = following
        }
    }

    /// Joins the parts into shards.
    func merge(
        _ plan: PreparationPlan,
        _ log: PreparationLog,
        isCancelled: () -> Bool
    ) throws -> DatasetDescription {
        let parts = try PartReader(log, width: plan.width)
        var split = DocumentSplit(
            parts.documents(sources: plan.listing.sources),
            removesDuplicates: options.removesDuplicates
        )
        if let settings = options.nearDuplicates {
            let search = NearDuplicateSearch(
                settings,
                tokenizer: tokenizer,
                width: plan.width,
                comparedBytes: options.comparedBytes
            )
            let clusters = try search.clusters(
                split.kept,
                parts,
                folder: log.nearFolder("\(settings) \(options.comparedBytes)"),
                isCancelled: isCancelled
            )
            split.removeNearDuplicates(clusters)
        }
        try split.divide(
            by: options.split,
            key: splitKey,
            fraction: options.validationFraction,
            seed: options.seed,
            hasGivenFiles: !validationPaths.isEmpty
        )
        try check(split)
        try Self.removeLeftovers(in: folder)
        var train = try ShardWriter(
            folder: folder,
            name: "train",
            width: plan.width,
            endOfText: tokenizer.endOfText
        )
        var validation: ShardWriter?
        if split.method != .none {
            validation = try ShardWriter(
                folder: folder,
                name: "validation",
                width: plan.width,
                endOfText: tokenizer.endOfText
            )
        }
        var tokensOfSources = sources.map { _ in 0 }
        if split.method == .tailOfOnlyDocument, var tail = validation {
            try OnlyDocument(split.kept[0], parts, plan, fraction: options.validationFraction)
                .write(beginning: &train, end: &tail)
            validation = tail
        } else {
            for (document, isValidation) in zip(split.kept, split.isValidation) {
                let tokensBefore = train.part.tokens
                func write(_ writer: inout ShardWriter) throws {
                    try writer.beginDocument()
                    try parts.withTokens(document.start..<document.start + document.tokens) {
                        try writer.append($0)
                    }
                    try writer.endDocument(bytes: document.bytes, characters: document.characters)
                }
                if isValidation, var other = validation {
                    validation = nil
                    try write(&other)
                    validation = other
                } else {
                    try write(&train)
                }
                tokensOfSources[document.origin] += train.part.tokens - tokensBefore
            }
        }
        var description = try finish(plan, log, split, train: &train, validation: &validation)
        if sources.contains(where: { $0.weight != 1 }) {
            // A single document is of a single source.
            if split.method == .tailOfOnlyDocument {
                tokensOfSources[split.kept[0].origin] = description.train.tokens
            }
            description.mixture = zip(sources, tokensOfSources).map {
                DatasetDescription.MixtureShare(path: $0.path, weight: $0.weight, tokens: $1)
            }
        }
        return description
    }

    private func finish(
        _ plan: PreparationPlan,
        _ log: PreparationLog,
        _ split: DocumentSplit,
        train: inout ShardWriter,
        validation: inout ShardWriter?
    ) throws -> DatasetDescription {
        var description = DatasetDescription()
        description.train = try train.finish()
        description.validation = try validation?.finish()
        description.configuration = plan.configuration
        description.tokenizerFingerprint = plan.tokenizerFingerprint
        description.vocabularySize = tokenizer.vocabularySize
        description.endOfText = tokenizer.endOfText
        description.width = plan.width
        description.splitMethod = split.method
        description.validationFraction = options.validationFraction
        description.seed = options.seed
        description.documents = split.counts
        description.statistics = CorpusStatistics(split.kept)
        description.operatorSettings = options.pipeline.signature
        description.operators = options.pipeline.emptyTallies
        var digests: [Int: String] = [:]
        for part in log.parts {
            for index in part.tallies.indices { description.operators[index].add(part.tallies[index]) }
            digests.merge(part.digests) { $1 }
        }
        description.sources = plan.listing.sources.enumerated().map { number, source in
            DatasetDescription.Source(
                path: source.path,
                byteCount: source.byteCount,
                sha256: digests[number] ?? "",
                isValidation: source.isValidation
            )
        }
        description.binaryFileCount = plan.listing.binaryFiles.count
        return description
    }

    private func check(_ split: DocumentSplit) throws {
        let counts = split.counts
        let fate =
            "of \(counts.read) documents read, \(counts.empty) were empty, \(counts.dropped) dropped by cleaning, "
            + "\(counts.invalid) not UTF-8, \(counts.duplicates) duplicates, \(counts.nearDuplicates) near-duplicates"
        guard split.kept.count > 0 else {
            throw FileFormatError(.missing, path: paths.first, "the corpus holds no text: \(fate)")
        }
        if split.method == .givenFiles {
            guard split.isValidation.contains(false) else {
                throw FileFormatError(.missing, path: paths.first, "no training text is left: \(fate)")
            }
            guard split.isValidation.contains(true) else {
                throw FileFormatError(
                    .missing,
                    path: validationPaths.first,
                    "no validation text is left: \(fate)"
                )
            }
        }
    }

    /// Removes temporary files that a killed run left.
    private static func removeLeftovers(in folder: String) throws {
        do {
            for name in try FileManager.default.contentsOfDirectory(atPath: folder)
            where name.hasSuffix(".tmp") && (name.hasPrefix("train.") || name.hasPrefix("validation.")) {
                try FileManager.default.removeItem(atPath: "\(folder)/\(name)")
            }
        } catch {
            throw FileFormatError(.inputOutput, path: folder, "cannot clear the folder: \(error)")
        }
    }
}

/// Some segments, read together.
private struct Round: Sendable {
    var segments: [RawSegment] = []
    var digests: [(source: Int, digest: String)] = []
    /// Where the reader stands after them.
    var end = ReaderPosition()
    var storedByteCount = 0
    /// What stopped the reader, after the segments.
    var failure: (any Error)?
    /// Whether nothing was left to read.
    var isLast: Bool { segments.isEmpty && failure == nil }
}

/// Reads rounds of segments.
private struct RoundReader {
    private var reader: DocumentReader
    private let roundBytes: Int
    private var reported = 0

    init(_ reader: DocumentReader, roundBytes: Int) {
        self.reader = reader
        self.roundBytes = roundBytes
    }

    mutating func next() -> Round {
        var round = Round()
        var bytes = 0
        do {
            while bytes < roundBytes, let segment = try reader.next() {
                bytes += segment.bytes.count + 64
                round.segments.append(segment)
            }
        } catch {
            round.failure = error
        }
        round.digests = Array(reader.digests[reported...])
        reported = reader.digests.count
        round.end = reader.position
        round.storedByteCount = reader.storedByteCount
        return round
    }
}

/// Where all threads work on one round while one of them reads the next.
private final class Workshop: Sendable {
    typealias SegmentResult = Result<(ProcessedSegment, [OperatorTally]), any Error>

    private let reader: Mutex<RoundReader>
    private let processor: SegmentProcessor
    private let tallies: [OperatorTally]

    init(_ reader: sending RoundReader, _ processor: SegmentProcessor, tallies: [OperatorTally]) {
        self.reader = Mutex(reader)
        self.processor = processor
        self.tallies = tallies
    }

    func readRound() -> Round { reader.withLock { $0.next() } }

    /// Works on segments by so many threads; the results stand in the segments' order.
    func process(_ segments: [RawSegment], threads: Int) -> (results: [SegmentResult], following: Round) {
        let groups = Self.groups(segments)
        let next = Atomic<Int>(0)
        let results = Mutex([SegmentResult?](repeating: nil, count: segments.count))
        let following = Mutex(Round())
        DispatchQueue.concurrentPerform(iterations: threads) { thread in
            if thread == 0 {
                let round = self.readRound()
                following.withLock { $0 = round }
            }
            while true {
                let group = next.add(1, ordering: .relaxed).oldValue
                guard group < groups.count else { return }
                let made = groups[group].map { self.process(segments[$0]) }
                results.withLock { all in
                    for (place, result) in zip(groups[group], made) { all[place] = result }
                }
            }
        }
        return (results.withLock { $0.compactMap { $0 } }, following.withLock { $0 })
    }

    private func process(_ segment: RawSegment) -> SegmentResult {
        SegmentResult {
            var counts = tallies
            return (try processor.process(segment, tallies: &counts), counts)
        }
    }

    /// Neighbours, taken together until they make some work.
    private static func groups(_ segments: [RawSegment]) -> [Range<Int>] {
        var groups: [Range<Int>] = []
        var (first, bytes) = (0, 0)
        for (place, segment) in segments.enumerated() {
            bytes += segment.bytes.count
            if bytes >= 1 << 17 || place == segments.count - 1 {
                groups.append(first..<place + 1)
                (first, bytes) = (place + 1, 0)
            }
        }
        return groups
    }
}
