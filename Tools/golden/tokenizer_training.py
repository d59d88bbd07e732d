#!/usr/bin/env python3
"""Writes Fixtures/training/golden.json: vocabularies that the reference's trainers learn from small texts full of ties."""

import hashlib
import json
import os
import pathlib
import random

os.environ["TOKENIZERS_PARALLELISM"] = "false"

import tokenizers
from tokenizers import Regex, Tokenizer, models, pre_tokenizers, trainers

ROOT = pathlib.Path(__file__).resolve().parents[2]
OUT = ROOT / "Fixtures/training"
SEED = 20261
CL100K = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)
ALPHABETS = ["ab", "abc", "aé语ß", "=-a", "abcdefgh", "é语言模型训练ñ"]


def texts(source):
    """Texts of random words over few letters."""
    letters = source.choice(ALPHABETS)
    words = [
        ["".join(source.choice(letters) for _ in range(source.choice([1, 2, 3, 5, 9, 14]))) for _ in range(25)]
        for _ in range(source.randint(2, 5))
    ]
    return [source.choice([" ", "  ", "\n"]).join(line) for line in words]


def train(case, model, splitter, trainer, **options):
    tokenizer = Tokenizer(model)
    tokenizer.pre_tokenizer = splitter
    if case.get("maxlen"):
        options["max_token_length"] = case["maxlen"]
    if case.get("limit"):
        options["limit_alphabet"] = case["limit"]
    tokenizer.train_from_iterator(
        case["texts"],
        trainer(
            vocab_size=case["vocab"],
            min_frequency=case["minfreq"],
            special_tokens=case["specials"],
            show_progress=False,
            **options,
        ),
    )
    vocabulary = tokenizer.get_vocab(with_added_tokens=False)
    case["tokens"] = sorted(vocabulary, key=vocabulary.get)
    merges = json.loads(tokenizer.to_str())["model"].get("merges")
    if merges is not None:
        case["merges"] = [" ".join(merge) for merge in merges]
    return case


def learn(case):
    kind = case["kind"]
    spaces = pre_tokenizers.WhitespaceSplit()
    if kind == "gpt2":
        alphabet = pre_tokenizers.ByteLevel.alphabet()
        splitter = pre_tokenizers.ByteLevel(add_prefix_space=False)
        return train(case, models.BPE(), splitter, trainers.BpeTrainer, initial_alphabet=alphabet)
    if kind == "cl100k":
        alphabet = pre_tokenizers.ByteLevel.alphabet()
        plain = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
        splitter = pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(CL100K), "isolated"), plain])
        return train(case, models.BPE(), splitter, trainers.BpeTrainer, initial_alphabet=alphabet)
    if kind == "characters":
        return train(case, models.BPE(), spaces, trainers.BpeTrainer)
    if kind == "spaces":
        splitter = pre_tokenizers.Metaspace(prepend_scheme="always")
        return train(case, models.BPE(), splitter, trainers.BpeTrainer)
    if kind == "words":
        return train(case, models.WordLevel(), spaces, trainers.WordLevelTrainer)
    return train(case, models.WordPiece(), spaces, trainers.WordPieceTrainer)


def wordpiece(source):
    """A case whose tokens do not depend on the reference's order of marked letters, which is new in every run."""
    while True:
        case = {"kind": "wordpiece", "texts": texts(source), "vocab": source.choice([25, 40, 60]), "minfreq": 2}
        case["specials"] = ["[PAD]", "[UNK]"]
        results = {json.dumps(sorted(learn(dict(case))["tokens"])) for _ in range(60)}
        if len(results) == 1:
            return case | {"tokens": json.loads(results.pop())}


def main():
    source = random.Random(SEED)
    cases = []
    for number in range(24):
        kind = ["gpt2", "cl100k", "characters", "spaces", "words", "wordpiece"][number % 6]
        case = {"kind": kind, "texts": texts(source), "minfreq": source.choice([0, 2, 3])}
        case["specials"] = source.choice([[], ["<|endoftext|>"], ["<s>", "</s>"]])
        case["vocab"] = source.choice([12, 40, 90]) + (256 if kind in ("gpt2", "cl100k") else 0)
        case["maxlen"] = source.choice([None, None, 3, 5]) if kind in ("gpt2", "cl100k", "characters") else None
        if kind == "spaces":
            case["texts"] = [text.strip() for text in case["texts"]]
        cases.append(wordpiece(source) if kind == "wordpiece" else learn(case))
    OUT.mkdir(parents=True, exist_ok=True)
    text = json.dumps(cases, ensure_ascii=False, separators=(",", ":")).replace("},{", "},\n{")
    (OUT / "golden.json").write_text(text + "\n", encoding="utf-8", newline="\n")
    path = ROOT / "Fixtures/MANIFEST.json"
    manifest = json.loads(path.read_text(encoding="utf-8"))
    manifest["training/golden.json"] = {
        "sha256": hashlib.sha256((OUT / "golden.json").read_bytes()).hexdigest(),
        "script": "Tools/golden/tokenizer_training.py",
        "tokenizers": tokenizers.__version__,
        "seed": SEED,
    }
    path.write_text(json.dumps(dict(sorted(manifest.items())), indent=2) + "\n", encoding="utf-8", newline="\n")


main()
