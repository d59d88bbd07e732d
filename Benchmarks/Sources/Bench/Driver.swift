import CCeilings
import Foundation
import YuyanCPUBackend
import YuyanModels

/// One line of `results.json`.
struct Entry: Codable {
    let benchmark: String
    let unit: String
    /// The median of our figures.
    let ours: Double
    /// The median of the peer's; nil where there is none.
    let peer: Double?
    /// The median over pairs of how many times better ours is: rates ours/peer, memory peer/ours.
    let ratio: Double?
}

/// What `results.json` holds.
struct Results: Codable {
    var machine: String
    var backend: String
    var peer: String?
    var entries: [Entry]
}

/// Runs benchmarks on both sides in turn.
struct Driver {
    var quick = false
    /// Counts the time of the processor on both sides and not that on the wall: for one thread on a busy machine.
    var countsProcessorTime = false
    /// Only benchmarks whose words begin like this.
    var only = ""
    var outputPath = "results.json"
    var peersFolder = "peers"
    /// The Python of the peers; nil for none.
    var python: String?

    private var usesBF16: Bool { standardBackend.prefersBF16 }

    func run() throws {
        note(standardBackend.summary + (python.map { ", peer \($0)" } ?? ", without a peer"))
        print(Driver.line("benchmark", "unit", "ours", "peer", "ratio"))
        var entries: [Entry] = []
        func add(_ entry: Entry) {
            entries.append(entry)
            print(Driver.line(entry))
            fflush(nil)
        }
        ceilings().filter(wanted).forEach(add)
        let dtypes = usesBF16 ? ["f32", "bf16"] : ["f32"]
        let kernels = Benchmark.kernels(quick: quick, dtypes: dtypes)
        try measure(
            kernels,
            script: "kernels.py",
            pairs: quick ? 3 : 7,
            seconds: quick ? 0.05 : 0.3,
            add: add
        )
        for dtype in dtypes {
            for size in [ModelSize.a, .b4] {
                let pairs = quick ? (size.name == "a" ? 3 : 2) : 5
                try measure(
                    [.train(size, dtype)],
                    script: "train.py",
                    pairs: pairs,
                    seconds: 0,
                    memory: true,
                    add: add
                )
            }
        }
        try measure(
            [.biLSTM("last"), .biLSTM("max")],
            script: "recurrent.py",
            pairs: quick ? 3 : 7,
            seconds: 0,
            memory: true,
            add: add
        )
        try measure(
            dtypes.flatMap { [.textCNN($0, 20), .textCNN($0, 60)] },
            script: "textcnn.py",
            pairs: quick ? 3 : 7,
            seconds: quick ? 0.3 : 1,
            memory: true,
            add: add
        )
        for (list, script) in [
            (dtypes.map(Benchmark.encoder), "encoder.py"), (dtypes.map(Benchmark.sequence), "sequence.py"),
        ] {
            try measure(list, script: script, pairs: quick ? 2 : 5, seconds: 0, memory: true, add: add)
        }
        try measure(
            Benchmark.latencies,
            script: "latency.py",
            pairs: quick ? 3 : 7,
            seconds: quick ? 0.3 : 1,
            add: add
        )
        for dtype in ["f32", "bf16"] {
            try measure(
                [.decode(.b4, dtype)],
                script: "decode.py",
                pairs: quick ? 3 : 7,
                seconds: quick ? 1 : 3,
                memory: true,
                add: add
            )
        }
        try save(entries)
    }

    private func wanted(_ entry: Entry) -> Bool { entry.benchmark.hasPrefix(only) }

    /// Measures some benchmarks with one process on each side, ours and the peer's in turn.
    private func measure(
        _ list: [Benchmark],
        script: String,
        pairs: Int,
        seconds: Double,
        memory: Bool = false,
        add: (Entry) -> Void
    ) throws {
        let list = list.filter { $0.specification.hasPrefix(only) }
        guard !list.isEmpty else { return }
        var environment = ["BENCH_THREADS": String(CPUBackend.threadCount)]
        if countsProcessorTime { environment["BENCH_CLOCK"] = "processor" }
        let ours = try Side(
            name: "ours",
            executable: CommandLine.arguments[0],
            arguments: ["worker"],
            environment: environment
        )
        let peer = try python.map {
            try Side(
                name: script,
                executable: $0,
                arguments: ["\(peersFolder)/\(script)"],
                environment: environment
            )
        }
        defer {
            ours.stop()
            peer?.stop()
        }
        for benchmark in list {
            guard try ours.prepare(benchmark.specification) else { continue }
            let hasPeer = try peer?.prepare(Driver.peerWords(benchmark.specification)) ?? false
            var rates: [(ours: Double, peer: Double?)] = []
            for _ in 0..<pairs {
                let mine = benchmark.rate(seconds: try ours.measure(seconds: seconds))
                let other = hasPeer ? try peer?.measure(seconds: seconds) : nil
                rates.append((mine, other.map { benchmark.rate(seconds: $0) }))
            }
            let others = rates.compactMap(\.peer)
            let ratios = rates.compactMap { pair in pair.peer.map { pair.ours / $0 } }
            add(
                Entry(
                    benchmark: benchmark.specification,
                    unit: benchmark.unit,
                    ours: median(rates.map(\.ours)),
                    peer: others.isEmpty ? nil : median(others),
                    ratio: ratios.isEmpty ? nil : median(ratios)
                )
            )
            guard memory else { continue }
            let mine = try ours.memory() / 1_048_576
            let other = hasPeer ? try peer.map { try $0.memory() / 1_048_576 } : nil
            add(
                Entry(
                    benchmark: benchmark.specification + " peak memory",
                    unit: "MiB",
                    ours: mine,
                    peer: other,
                    ratio: other.map { $0 / mine }
                )
            )
        }
    }

    /// The words for a peer: models are spelled out in sizes.
    private static func peerWords(_ specification: String) throws -> String {
        let words = specification.split(separator: " ").map(String.init)
        guard ["train", "decode"].contains(words[0]) else { return specification }
        return "\(words[0]) \(words[2]) \(try ModelSize.named(words[1]).words)"
    }

    /// What the processor and its memory can do at most.
    private func ceilings() -> [Entry] {
        let threads = Int32(clamping: CPUBackend.threadCount)
        let seconds = quick ? 0.2 : 0.5
        var list = [
            ("ceiling f32 multiply-adds", "GFLOP/s", ceiling_fma(threads, seconds)),
            ("ceiling reading memory", "GB/s", ceiling_read(threads, seconds)),
        ]
        let tiles = ceiling_tiles(threads, seconds)
        if tiles > 0 { list.append(("ceiling bf16 tiles", "GFLOP/s", tiles)) }
        return list.map { Entry(benchmark: $0.0, unit: $0.1, ours: $0.2, peer: nil, ratio: nil) }
    }

    private func save(_ entries: [Entry]) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        let results = Results(
            machine: Driver.processor(),
            backend: standardBackend.summary,
            peer: python == nil ? nil : "PyTorch",
            entries: entries
        )
        try (encoder.encode(results) + Data("\n".utf8)).write(to: URL(fileURLWithPath: outputPath))
        note("written: \(outputPath)")
    }

    private static func processor() -> String {
        let lines =
            (try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8))?.split(separator: "\n") ?? []
        let model = lines.first { $0.hasPrefix("model name") }?.split(separator: ":").last
        return model.map { $0.trimmingCharacters(in: .whitespaces) } ?? "unknown"
    }

    private static func line(_ entry: Entry) -> String {
        func text(_ value: Double?, _ format: String) -> String {
            value.map { String(format: format, $0) } ?? ""
        }
        return line(
            entry.benchmark,
            entry.unit,
            text(entry.ours, "%.1f"),
            text(entry.peer, "%.1f"),
            text(entry.ratio, "%.2f")
        )
    }

    private static func line(_ name: String, _ unit: String, _ figures: String...) -> String {
        func padded(_ text: String, _ width: Int) -> String {
            String(repeating: " ", count: max(0, width - text.count)) + text
        }
        let left = name + String(repeating: " ", count: max(1, 44 - name.count))
        return left + padded(unit, 9) + figures.map { padded($0, 10) }.joined()
    }
}
