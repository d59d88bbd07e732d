import YuyanFileFormats
import YuyanFuzzing
import YuyanTasks

private let recipes = [
    """
    task: language-modeling
    data: { train: corpus/, validation_fraction: 0.05 }
    tokenizer: { type: bpe, vocab_size: 8192 }
    model: { family: decoder, num_hidden_layers: 6, hidden_size: 384 }
    training: { output_dir: out, max_steps: 2000, learning_rate: 6.0e-4, seed: 1 }
    """,
    """
    # Pages of the web
    data:
      train: pages/
      deduplicate: true
      near_duplicates: 0.8
      pipeline:
        - html_removal
        - unicode_normalization: { form: nfkc }
        - personal_data_scrubbing:
            kinds: [email, phone]
        - quality_filter: { preset: chinese }
    training:
      max_steps: 1e3
      bf16: off
    """,
    "data: &a\n  train: x\ntokenizer: *a\n",
]

private let words = [
    "task", "data", "tokenizer", "model", "training", "train", "pipeline", "web", "- ", ": ", "{", "}", "[",
    "]", "&a",
    "*a", "<<: *a", "!!binary", "|", ">", "---", "...", "\"", "'", "null", "~", "true", "1e3", "0x10",
    "near_duplicates",
    "html_removal", "form", "nfkc", "language-modeling", "%YAML 1.2",
]

/// Recipes: read, with settings from the command line, and written as JSON.
let recipeTarget: FuzzTarget = {
    let seeds = recipes.map { Array($0.utf8) }
    let bytes = ByteMutator(words: words)
    let lines = LineMutator(separators: " :,", fields: words)
    return FuzzTarget(
        "recipe",
        "recipes in YAML with settings of the command line",
        isRefusal: { $0 is RecipeError },
        make: { random in
            let seed = random.one(of: seeds)
            let text = random.oneIn(3) ? seed : lines.damaged(seed, others: seeds, using: &random)
            return random.oneIn(2) ? text : bytes.damaged(text, others: seeds, using: &random)
        },
        check: { input in
            var overrides: [String] = []
            if input.random.oneIn(3) {
                let setting = Array("training.max_steps=10".utf8)
                overrides.append(
                    String(decoding: bytes.damaged(setting, using: &input.random), as: UTF8.self)
                )
            }
            let recipe = try Recipe(yaml: input.text, name: "recipe.yaml", overrides: overrides)
            guard let again = try? JSONValue(parsing: recipe.resolved.printedBytes(indent: nil)),
                again == recipe.resolved
            else { throw FuzzFinding("the resolved recipe is not the same when printed") }
            return true
        }
    )
}()
