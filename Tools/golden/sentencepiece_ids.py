#!/usr/bin/env python3
"""Writes Fixtures/tokenizers/sentencepiece.json: small models trained by sentencepiece, with ids, byte ranges and decoded text.

usage: sentencepiece_ids.py
"""

import base64
import io
import os
import random
import tempfile

import sentencepiece

from golden import write_json

SEED = 20261
ENGLISH = """
The swift builds its nest under the eaves and returns every spring to the same street.
A model of language counts what it has read and guesses what may follow.
Pieces that occur often become tokens; pieces that occur rarely are spelled out.
In 2026 the library held 1,234,567 volumes, of which 89 were lost in the flood of 1931.
She said: "don't hurry", and he didn't; they'll be back before twelve o'clock.
Training, training and more training: the trainer trains the trained.
An unlikely hyphen-ated word, an e-mail address and a path/to/file.txt stand here.
"""
CHINESE = """
燕子每年春天都回到同一条街上筑巢。
语言模型统计它读过的文字，并猜测接下来会出现什么。
常见的片段成为词元，罕见的片段则逐字拼写。
二〇二六年图书馆藏书一百二十三万册，其中八十九册毁于洪水。
她说：“不要着急。”他没有着急，他们十二点以前就回来了。
训练，训练，再训练：训练者训练被训练的人。
"""
POOL = [
    " ", "  ", "\n", "\t", "\u3000", "\u00a0", "▁", "▁▁", " ▁", "'s", "a", "the", "train", "swift", "é", "e\u0301", "语言",
    "训练", "ภาษา", "한국", "👩‍👧", "1", "2345", "½", "!", "...", "ﬁ", "Ａ", "①", "[X]", "<sep>", "<ctl>", "<s>", "</s>",
    "<unk>", "<0x41>", "abc", "\u200b", "\x00", "\x7f", "か\u3099", "𠀀", "\ufffd",
]
# Rules as sentencepiece's TSV has them: code points, a tab, code points (nothing deletes).
RULES = ["9\t20", "A\t20", "3000\t20", "A0\t20", "200B\t", "7F\t", "FB01\t66 69", "FF21\t41", "2460\t31", "65 301\tE9",
         "304B 3099\t304C", "BD\t31 2044 32"]
MODELS = {
    "unigram": dict(model_type="unigram", vocab_size=300, rules=True, user_defined_symbols=["[X]", "ab", "abc"],
                    control_symbols=["<ctl>"], pad_id=3),
    "unigram-bytes": dict(model_type="unigram", vocab_size=560, byte_fallback=True, character_coverage=0.98,
                          remove_extra_whitespaces=False),
    "unigram-suffix": dict(model_type="unigram", vocab_size=300, rules=True, treat_whitespace_as_suffix=True),
    "unigram-across": dict(model_type="unigram", vocab_size=300, split_by_whitespace=False, add_dummy_prefix=False),
    "bpe": dict(model_type="bpe", vocab_size=340, rules=True, user_defined_symbols=["[X]", "abc"]),
    "bpe-bytes": dict(model_type="bpe", vocab_size=600, byte_fallback=True, character_coverage=0.98,
                      remove_extra_whitespaces=False),
    "char": dict(model_type="char", vocab_size=260, rules=True, user_defined_symbols=["[X]"]),
    "word": dict(model_type="word", vocab_size=100, rules=True),
}


def train(options, folder):
    options = dict(options)
    if options.pop("rules", False):
        path = os.path.join(folder, "rules.tsv")
        with open(path, "w") as file:
            file.write("".join(rule + "\n" for rule in RULES))
        options["normalization_rule_tsv"] = path
    else:
        options["normalization_rule_name"] = "identity"
    lines = [line for line in (ENGLISH + CHINESE).split("\n") if line]
    output = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(lines), model_writer=output, num_threads=1, minloglevel=2, hard_vocab_limit=False,
        **options)
    return output.getvalue()


def texts(generator):
    result = [b"", b" ", "▁".encode(), (ENGLISH + CHINESE).encode()]
    for count in [1, 2, 3, 5, 8, 20] * 12:
        text = b""
        for _ in range(count):
            if generator.random() < 0.06:
                text += bytes([generator.randrange(128, 256)])
            else:
                text += generator.choice(POOL).encode()
        result.append(text)
    return result


def main():
    generator = random.Random(SEED)
    inputs = texts(generator)
    value = {"texts": [base64.b64encode(text).decode() for text in inputs], "models": {}}
    with tempfile.TemporaryDirectory() as folder:
        for name, options in MODELS.items():
            model = train(options, folder)
            processor = sentencepiece.SentencePieceProcessor(model_proto=model)
            ids, ends, decoded = [], [], []
            for text in inputs:
                pieces = processor.encode(text, return_type="proto").pieces
                ids.append([piece.id for piece in pieces])
                ends.append([offset for piece in pieces for offset in (piece.begin, piece.end)])
                decoded.append(processor.decode(ids[-1]))
            value["models"][name] = {
                "model": base64.b64encode(model).decode(), "ids": ids, "ranges": ends, "decoded": decoded,
            }
            print(name, len(model), "bytes", processor.get_piece_size(), "pieces")
    write_json("tokenizers/sentencepiece.json", value, "sentencepiece_ids.py", SEED,
               sentencepiece=sentencepiece.__version__)


main()
