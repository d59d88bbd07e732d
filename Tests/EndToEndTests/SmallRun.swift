import Foundation
import YuyanTestSupport

/// A folder with a small corpus and a recipe over it, trained by the built program.
struct SmallRun {
    let folder: ScratchFolder

    /// One layer of width 16 over bytes, with dropout, so that random numbers count too.
    init(documents: Int = 60) throws {
        folder = try ScratchFolder()
        try folder.write(smallCorpus(documents: documents).joined(separator: "\n\n") + "\n", to: "corpus.txt")
        let recipe = """
            task: language-modeling
            data: { train: corpus.txt, validation_fraction: 0.1, prepared: tokens }
            tokenizer: { type: byte }
            model: { num_hidden_layers: 1, hidden_size: 16, num_attention_heads: 2, max_position_embeddings: 24, dropout: 0.1 }
            training:
              max_steps: 30
              per_device_train_batch_size: 3
              gradient_accumulation_steps: 2
              learning_rate: 3.0e-3
              warmup_steps: 3
              eval_steps: 7
              save_steps: 1
              logging_steps: 2
              seed: 5
            """
        try folder.write(recipe + "\n", to: "recipe.yaml")
    }

    func arguments(_ output: String, _ settings: [String] = []) -> [String] {
        ["train", "recipe.yaml", "output_dir=\(output)"] + settings
    }

    func train(
        _ output: String,
        _ settings: [String] = [],
        environment: [String: String] = [:]
    ) throws -> BuiltProgram.Result {
        try BuiltProgram.run(arguments(output, settings), in: folder.path, environment: environment)
    }

    func start(_ output: String, _ settings: [String] = []) throws -> BuiltProgram.Running {
        try BuiltProgram.start(arguments(output, settings), in: folder.path)
    }

    func weights(_ output: String) -> [UInt8]? { folder.bytes("\(output)/model.safetensors") }

    /// The lines of `train.jsonl` without what depends on the clock.
    func log(_ output: String) throws -> [String] {
        try folder.text("\(output)/train.jsonl").split(separator: "\n").map { line in
            guard
                let object = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Double]
            else { return "not an object of numbers: \(line)" }
            return object.filter { !["tokens_per_second", "peak_share"].contains($0.key) }
                .sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }.joined(separator: ", ")
        }
    }

    /// Folders of checkpoints.
    func checkpoints(_ output: String) -> [String] {
        folder.names(output).filter { $0.hasPrefix("checkpoint-") }
    }
}

/// Random numbers that depend on a seed alone.
struct SeededNumbers: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
