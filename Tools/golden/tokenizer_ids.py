#!/usr/bin/env python3
"""Writes Fixtures/tokenizers/: pieces, ids and merges as tokenizers and tiktoken give them.

usage: tokenizer_ids.py [FOLDER]    FOLDER holds tok-gpt2/ and tok-tiktoken/ (default: ../shared/data beside the package);
                                 without it the ids of the published vocabularies are left as they are.
"""

import base64
import hashlib
import json
import pathlib
import random
import sys

import tiktoken
import tokenizers
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

ROOT = pathlib.Path(__file__).resolve().parents[2]
OUT = ROOT / "Fixtures/tokenizers"
WORD = r"\p{L}\p{N}"
CL100K = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n" + WORD + r"]?\p{L}+|\p{N}{1,3}| ?[^\s" + WORD + r"]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)
CL100K_JOINED = (
    r"'(?i:[sdmt]|ll|ve|re)|[^\r\n" + WORD + r"]?+\p{L}++|\p{N}{1,3}+| ?[^\s" + WORD + r"]++[\r\n]*+"
    r"|\s++$|\s*[\r\n]|\s+(?!\S)|\s"
)
UPPER, LOWER = r"\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}", r"\p{Ll}\p{Lm}\p{Lo}\p{M}"
TAIL = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
O200K = (
    r"[^\r\n" + WORD + "]?[" + UPPER + "]*[" + LOWER + "]+" + TAIL + r"|[^\r\n" + WORD + "]?[" + UPPER + "]+["
    + LOWER + "]*" + TAIL + r"|\p{N}{1,3}| ?[^\s" + WORD + r"]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)

TEXTS = [
    "",
    " ",
    "The quick brown fox doesn't jump; they'll say we've 'S, 'LL and 'tis I'M \u0027\u017f it'd.",
    "  Two  spaces   here\tand\ttabs \n\n\n then lines\r\n\r\n  indented\n   ",
    "func add(_ a: Int, b: [String: Any]?) -> Int {\n\t\treturn a &+ 0xFF_u8 // 'sum'\n}\n\n#include <stdio.h>\r\n",
    "Long digits 12345678901234567890, 3.14159, 1,000,000, ½ ⅔ Ⅷ ² ٣٤٥ १२३ ๑๒๓ 一二三 ①②③.",
    "camelCase XMLHttpRequest HTTPServer iPhone McDONALD'S ÀÉÎõü ŒUVRE straße ǅ ǆ Ǆ ʰʲ ªº",
    "中文和 English 混排：语言模型（LLM）在2026年的 GPU 上训练，价格为￥1,234.50！「引号」、『书名』《红楼梦》",
    "繁體中文：燕子飛過紅磚牆，語言與雨燕。𠀀𠮷𪚥",
    "日本語のテキスト、カタカナとひらがな。ﾊﾝｶｸ ガギグ",
    "한국어 문장입니다. 훈민정음 ㄱㄴㄷ 각",
    "ภาษาไทยไม่มีช่องว่างระหว่างคำ กำลังทดสอบ๑๒๓",
    "ພາສາລາວ ທົດສອບ",
    "မြန်မာဘာသာ စမ်းသပ်",
    "ភាសាខ្មែរ សាកល្បង",
    "བོད་ཡིག་གི་ཚོད་ལྟ། བཀྲ་ཤིས་བདེ་ལེགས༎ ༠༡༢",
    "हिन्दी में परीक्षण: क्षत्रिय ज्ञान श्रृंखला।",
    "বাংলা ভাষায় পরীক্ষা। ক্ষ ত্র",
    "தமிழ் மொழி சோதனை கௌ",
    "తెలుగు పరీక్ష క్ష్మ",
    "ಕನ್ನಡ ಪರೀಕ್ಷೆ",
    "മലയാളം പരീക്ഷണം ൻ്റ",
    "ગુજરાતી પરીક્ષણ",
    "ਪੰਜਾਬੀ ਪਰਖ",
    "සිංහල පරීක්ෂණය ක්‍ර",
    "اللغة العربية: اختبار مُشَكَّل، لا إله؟ ـــ ١٢٣",
    "فارسی می‌خواهم نیم‌فاصله",
    "עברית עם נִקּוּד: שָׁלוֹם",
    "ܠܫܢܐ ܣܘܪܝܝܐ",
    "Русский текст с ёлкой и ЗАГЛАВНЫМИ; українська ґанок",
    "Ελληνικά κείμενο: άλφα ΒΗΤΑ ς",
    "Հայերեն տեքստ և",
    "ქართული ტექსტი ᲥᲐᲠᲗᲣᲚᲘ",
    "አማርኛ ፈተና፡ ሰላም።",
    "ᏣᎳᎩ ᎦᏬᏂᎯᏍᏗ ꭰꭱ",
    "ᠮᠣᠩᠭᠣᠯ ᠪᠢᠴᠢᠭ᠌",
    "ꦧꦱꦗꦮ ᮘᮞ ᮞᮥᮔ᮪ᮓ",
    "𐌲𐌿𐍄𐌹𐍃𐌺 𓀀𓁐 𝔘𝔫𝔦𝔠𝔬𝔡𝔢 𝟙𝟚𝟛",
    "e\u0301 vs \u00e9, a\u0308\u0323, Z\u0351\u036b\u0343a\u0329\u032dl\u0348\u0353g\u033b\u031co\u034d, \u0301alone",
    "emoji: 👩‍👩‍👧‍👦 👍🏽 🇨🇳🇫🇷 1️⃣ ❤️‍🔥 🏴󠁧󠁢󠁥󠁮󠁧󠁿 ☕︎ ✨✨✨",
    "control \u0000\u0001\u001b[31mred\u001b[0m\u007f\u0080\u0085 nbsp\u00a0\u202fideographic\u3000line\u2028para\u2029 zero\u200bwidth\u200e\ufeff",
    "punct!!! ??? ... --- === *** /// // /\n/\n\\ ~`@#$%^&*()_+{}|:\"<>?[];',. “quotes” — en–em …",
    "a" * 300 + " " * 200 + "x" + "\n" * 50 + "-" * 130 + "!?" * 60 + "语" * 120,
    "<|endoftext|> is text here <|endoftext|><|im_start|>",
    "https://example.org/a/b?c=d&e=%20#frag user@example.com C:\\dir\\file.txt",
    "tail space   \n  ",
    "\n",
    "\r\n \r\n",
    "a'\u017fb A'\u017fB 'llama 'REal x'dy It'\u017f",
]

ENGLISH = (
    "The training of a language model begins with its text. Words that occur often become tokens of their own; rare words "
    "are spelled with several. The merges are learned one by one: the most frequent pair of neighbouring tokens is joined, "
    "everywhere at once, and the counts are brought up to date. When two pairs occur equally often, the one with the smaller "
    "numbers goes first, so that the result is always the same. "
)


def corpus():
    """The texts, English prose and random words over a small alphabet, where ties are frequent."""
    generator = random.Random(7)
    words = ["".join(generator.choice("abcd") for _ in range(generator.randint(1, 9))) for _ in range(3000)]
    return TEXTS + [ENGLISH * 3, " ".join(words)]


def split(pattern):
    splitter = pre_tokenizers.Split(Regex(pattern), "isolated")
    return lambda text: [piece for piece, _ in splitter.pre_tokenize_str(text)]


def train(name, pre_tokenizer, vocabulary):
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizer
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=["<|endoftext|>", "<|im_start|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(corpus(), trainer)
    tokenizer.save(str(OUT / name))
    return [tokenizer.encode(text).ids for text in TEXTS]


def ranks(path):
    with open(path, "rb") as lines:
        return {base64.b64decode(token): int(rank) for token, rank in (line.split() for line in lines)}


def write(name, value):
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":")).replace("],[", "],\n[")
    (OUT / name).write_text(text + "\n", encoding="utf-8", newline="\n")


def main():
    OUT.mkdir(parents=True, exist_ok=True)
    byte_level = pre_tokenizers.ByteLevel(add_prefix_space=False)
    plain_bytes = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    gpt2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
    write("texts.json", TEXTS)
    write("corpus.json", corpus())
    splitters = {
        "gpt2": split(gpt2), "cl100k": split(CL100K), "qwen2": split(CL100K.replace("{1,3}", "")), "o200k": split(O200K),
    }
    write("pieces.json", {name: [cut(text) for text in TEXTS] for name, cut in splitters.items()})
    ids = {
        "bpe-gpt2": train("bpe-gpt2.json", byte_level, 900),
        "bpe-cl100k": train(
            "bpe-cl100k.json", pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(CL100K), "isolated"), plain_bytes]), 900
        ),
    }
    data = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT.parent / "shared/data"
    if data.exists():
        reference = Tokenizer(
            models.BPE.from_file(str(data / "tok-gpt2/encoder.json"), str(data / "tok-gpt2/vocab.bpe"))
        )
        reference.pre_tokenizer = byte_level
        ids["gpt2"] = [reference.encode(text).ids for text in TEXTS]
        for name, pattern in [("cl100k", CL100K_JOINED), ("o200k", O200K)]:
            encoding = tiktoken.Encoding(
                name,
                pat_str=pattern,
                mergeable_ranks=ranks(data / f"tok-tiktoken/{name}_base.tiktoken"),
                special_tokens={},
            )
            ids[name] = [encoding.encode_ordinary(text) for text in TEXTS]
    else:
        old = json.loads((OUT / "ids.json").read_text(encoding="utf-8"))
        ids |= {name: old[name] for name in ["gpt2", "cl100k", "o200k"]}
    write("ids.json", ids)
    record()


def record():
    """Notes hash and origin of every file in Fixtures/MANIFEST.json, leaving other entries alone."""
    path = ROOT / "Fixtures/MANIFEST.json"
    manifest = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    for file in sorted(OUT.iterdir()):
        manifest[f"tokenizers/{file.name}"] = {
            "sha256": hashlib.sha256(file.read_bytes()).hexdigest(),
            "script": "Tools/golden/tokenizer_ids.py",
            "tokenizers": tokenizers.__version__,
            "tiktoken": "0.14.0",
            "seed": 7,
        }
    path.write_text(json.dumps(dict(sorted(manifest.items())), indent=2) + "\n", encoding="utf-8", newline="\n")


main()
