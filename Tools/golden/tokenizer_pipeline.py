#!/usr/bin/env python3
"""Writes Fixtures/tokenizers/pipelines.json: tokenizers of every component, and what tokenizers gives for some texts.

Each case holds a text or a pair, the ids without frame, everything about the framed encoding, and two decodings.
"""

import collections
import json
import random

import tokenizers
from tokenizers import AddedToken, Regex, Tokenizer, decoders as D, models, normalizers as N
from tokenizers import pre_tokenizers as P, processors as PP

from golden import FIXTURES, write_json

SEED = 11
SPECIAL = ["[UNK]", "[CLS]", "[SEP]", "[PAD]", "[MASK]"]
TEXTS = [text[:90] for text in json.loads((FIXTURES / "tokenizers/texts.json").read_text())]
PIECES = [
    " ", "  ", "\n", "\t", "\u3000", "\xa0", "'s", "n't", " do not", " .", "a", "the", "The", "XYZ", "é", "e\u0301",
    "a\u0323\u0307", "a\u0307\u0323", "ﬁ", "Ⅷ", "½", "İ", "ß", "Σς", "语言", "中文", "ภาษา", "क्षि", "한국",
    "\u1112\u1161\u11ab", "العربية", "שָׁלוֹם", "👩‍👧", "1", "2345", "٣", "!", "...", "/", "##a", "[CLS]", "[SEP]", "[MASK]",
    "<s>", " <mask> ", "<|end|> ", "<tool>", "Ünïcode", "ünïcode", "HELLO", "New York", "new york", "ǅ", "\x00", "\x0c",
    "\ufffd", "\u200b", "\u0345", "\u302e", "\u037e", "≠", "aaaa", "▁", "<0x41>", "Ġ", "</w>",
]


def counted_pieces(normalizer, pre_tokenizer):
    """The pieces of the texts with their counts."""
    counts = collections.Counter()
    for text in TEXTS:
        text = normalizer.normalize_str(text) if normalizer else text
        pieces = pre_tokenizer.pre_tokenize_str(text) if pre_tokenizer else [(text, None)]
        counts.update(piece for piece, _ in pieces if piece)
    return counts


def most(counts, limit):
    """The most frequent keys, equal ones in the order of their scalars: the trainers of tokenizers leave that open."""
    return sorted(counts, key=lambda key: (-counts[key], key))[:limit]


def assembled(model, normalizer, pre_tokenizer, special=SPECIAL):
    tokenizer = Tokenizer(model)
    if normalizer:
        tokenizer.normalizer = normalizer
    if pre_tokenizer:
        tokenizer.pre_tokenizer = pre_tokenizer
    tokenizer.add_special_tokens(special)
    return tokenizer


def numbered(tokens):
    return {token: index for index, token in enumerate(dict.fromkeys(tokens))}


def word_piece(normalizer, pre_tokenizer, **settings):
    prefix = settings.get("continuing_subword_prefix", "##")
    pieces = counted_pieces(normalizer, pre_tokenizer)
    first, rest, parts = collections.Counter(), collections.Counter(), collections.Counter()
    for piece, count in pieces.items():
        first[piece[0]] += count
        for c in piece[1:]:
            rest[prefix + c] += count
        for length in (2, 3):
            for start in range(1, len(piece) - length + 1):
                parts[prefix + piece[start:start + length]] += count
    tokens = SPECIAL + most(first, 140) + most(rest, 80) + most(pieces, 60) + most(parts, 40)
    vocabulary = numbered(tokens)
    return assembled(models.WordPiece(vocabulary, unk_token="[UNK]", **settings), normalizer, pre_tokenizer)


def pairs(normalizer, pre_tokenizer, unknown="[UNK]", special=SPECIAL, merges=110, alphabet=200, initial=(), **settings):
    prefix = settings.get("continuing_subword_prefix") or ""
    suffix = settings.get("end_of_word_suffix") or ""
    words = {}
    for piece, count in counted_pieces(normalizer, pre_tokenizer).items():
        symbols = [(prefix if i else "") + c for i, c in enumerate(piece)]
        symbols[-1] += suffix
        words[tuple(symbols)] = count
    letters = collections.Counter()
    for word, count in words.items():
        for symbol in word:
            letters[symbol] += count
    kept = set(most(letters, alphabet)) | set(initial)
    tokens, rules = special + sorted(kept), []
    words = {word: count for word, count in words.items() if kept.issuperset(word)}
    while len(rules) < merges:
        counts = collections.Counter()
        for word, count in words.items():
            for pair in zip(word, word[1:]):
                counts[pair] += count
        if not counts:
            break
        pair = most(counts, 1)[0]
        union = pair[0] + pair[1].removeprefix(prefix)
        rules.append(pair)
        tokens.append(union)
        joined = {}
        for word, count in words.items():
            result, i = [], 0
            while i < len(word):
                if word[i:i + 2] == pair:
                    result.append(union)
                    i += 2
                else:
                    result.append(word[i])
                    i += 1
            joined[tuple(result)] = joined.get(tuple(result), 0) + count
        words = joined
    if unknown is not None:
        settings["unk_token"] = unknown
    return assembled(models.BPE(numbered(tokens), rules, **settings), normalizer, pre_tokenizer, special[:5])


def word_level(normalizer, pre_tokenizer):
    tokens = SPECIAL + most(counted_pieces(normalizer, pre_tokenizer), 250)
    return assembled(models.WordLevel(numbered(tokens), unk_token="[UNK]"), normalizer, pre_tokenizer)


def bert_frame():
    return PP.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 1), ("[SEP]", 2)]
    )


def bert_family(found):
    t = found["bert"] = word_piece(N.BertNormalizer(), P.BertPreTokenizer())
    t.post_processor, t.decoder = bert_frame(), D.WordPiece()
    t = found["bert-cased"] = word_piece(N.BertNormalizer(True, False, False, False), P.BertPreTokenizer())
    t.post_processor, t.decoder = PP.BertProcessing(("[SEP]", 2), ("[CLS]", 1)), D.WordPiece(cleanup=False)
    found["bert-noclean"] = word_piece(N.BertNormalizer(False, True, False, True), P.BertPreTokenizer())
    t = found["bert-padded"] = word_piece(
        N.BertNormalizer(lowercase=False, strip_accents=True), P.BertPreTokenizer(), max_input_chars_per_word=20
    )
    t.enable_padding(pad_id=3, pad_token="[PAD]", length=24, direction="left", pad_type_id=1)
    t.post_processor = bert_frame()
    t = found["added"] = word_piece(N.BertNormalizer(), P.BertPreTokenizer())
    t.post_processor, t.decoder = bert_frame(), D.WordPiece()
    t.add_tokens([
        AddedToken("Ünïcode", normalized=True), AddedToken("HELLO", normalized=False),
        AddedToken("New York", normalized=True, single_word=True), AddedToken("中文", normalized=True),
        AddedToken("语", single_word=True),
    ])
    t.add_special_tokens([AddedToken("<|end|>", rstrip=True), AddedToken("<mask>", lstrip=True, normalized=False)])


def sequences(found):
    t = found["nfkd-punctuation"] = word_piece(
        N.Sequence([N.NFKD(), N.StripAccents(), N.Lowercase()]),
        P.Sequence([P.WhitespaceSplit(), P.Punctuation("merged_with_previous"), P.Digits(True)]),
        continuing_subword_prefix="@@",
    )
    t.decoder = D.WordPiece(prefix="@@")
    t = found["nfkc-truncated"] = word_piece(N.Sequence([N.NFKC(), N.Nmt(), N.Strip()]), P.Whitespace())
    t.enable_truncation(9, stride=2)
    t.post_processor = bert_frame()
    t = found["nfd-scripts"] = word_piece(
        N.Sequence([N.NFD(), N.Strip(left=True, right=False)]),
        P.Sequence([P.Whitespace(), P.Digits(False), P.UnicodeScripts()]),
    )
    t.enable_truncation(8, stride=1, direction="left")
    t.enable_padding(pad_to_multiple_of=4, pad_id=3, pad_token="[PAD]")
    t.post_processor = bert_frame()
    for behavior in ["removed", "isolated", "merged_with_previous", "merged_with_next", "contiguous"]:
        found["split-" + behavior] = word_level(
            N.NFC(), P.Sequence([P.CharDelimiterSplit(" "), P.Punctuation(behavior), P.Split("e", behavior)])
        )
        t = found["regex-" + behavior] = pairs(
            N.NFC(), P.Split(Regex(r"\d+|\s+"), behavior, invert=behavior != "isolated"), fuse_unk=True
        )
        t.decoder = D.Sequence([D.Fuse(), D.Replace("a", "A")])
    t = found["chars"] = word_level(
        N.Sequence([N.NFC(), N.Strip(left=False, right=True)]), P.Split(Regex(r"[\s\S]"), "isolated")
    )
    t.decoder = D.Fuse()
    t = found["fixed-length"] = word_level(None, P.FixedLength(length=3))
    t.decoder = D.CTC(pad_token="[PAD]")
    t = found["metaspace-first"] = word_level(
        N.Sequence([N.NFKC(), N.Replace("a", "aa"), N.Replace("e", "")]),
        P.Sequence([P.Metaspace(prepend_scheme="first"), P.Punctuation("contiguous")]),
    )
    t.decoder = D.Metaspace()


def subwords(found):
    found["pairs-prefix"] = pairs(
        N.Replace(Regex(" {2,}"), " "), P.Whitespace(), continuing_subword_prefix="##"
    )
    t = found["pairs-suffix"] = pairs(N.Lowercase(), P.WhitespaceSplit(), end_of_word_suffix="</w>")
    t.decoder = D.BPEDecoder(suffix="</w>")
    control = ["<unk>", "<s>", "</s>"]
    base = pairs(
        N.Sequence([N.Prepend("▁"), N.Replace(" ", "▁")]), None, "<unk>", control + ["<0x%02X>" % i for i in range(256)],
        alphabet=90,
    )
    document = json.loads(base.to_str())
    document["model"].update(byte_fallback=True, fuse_unk=True)
    document["added_tokens"] = document["added_tokens"][:3]
    t = found["bytes-prepend"] = Tokenizer.from_str(json.dumps(document))
    t.decoder = D.Sequence([D.Replace("▁", " "), D.ByteFallback(), D.Fuse(), D.Strip(" ", 1, 0)])
    t.post_processor = PP.TemplateProcessing(single="<s> $A", pair="<s> $A <s> $B:1", special_tokens=[("<s>", 1)])
    document["normalizer"] = None
    for scheme, split in [("first", False), ("always", True), ("never", True)]:
        document["pre_tokenizer"] = {
            "type": "Metaspace", "replacement": "▁", "prepend_scheme": scheme, "split": split,
        }
        document["model"].update(
            byte_fallback=scheme != "never", fuse_unk=scheme != "never", ignore_merges=scheme == "always"
        )
        t = found["bytes-metaspace-" + scheme] = Tokenizer.from_str(json.dumps(document))
        t.decoder = D.Metaspace(prepend_scheme=scheme, split=split)
    found["bytes-metaspace-always"].add_tokens(
        [AddedToken("<tool>", lstrip=True, rstrip=True), AddedToken("the", single_word=True)]
    )


def byte_level(found):
    t = found["roberta"] = pairs(
        None, P.ByteLevel(add_prefix_space=False), None, ["<s>", "</s>", "<mask>"],
        initial=P.ByteLevel.alphabet(),
    )
    t.decoder = D.ByteLevel()
    t.post_processor = PP.RobertaProcessing(("</s>", 1), ("<s>", 0), add_prefix_space=False)
    text = t.to_str()
    t = found["roberta-prefix"] = Tokenizer.from_str(text)
    t.pre_tokenizer = P.ByteLevel(add_prefix_space=True)
    t.post_processor = PP.RobertaProcessing(("</s>", 1), ("<s>", 0))
    t.add_special_tokens([AddedToken("<mask>", lstrip=True)])
    t.enable_truncation(7, strategy="only_first", stride=1)
    t = found["bytes-nfc"] = Tokenizer.from_str(text)
    t.normalizer = N.NFC()
    t.post_processor = PP.ByteLevel(trim_offsets=True, add_prefix_space=False)
    t = found["bytes-normalizer"] = Tokenizer.from_str(text)
    t.normalizer, t.pre_tokenizer = N.ByteLevel(), None
    t.post_processor = PP.Sequence([
        PP.ByteLevel(trim_offsets=False),
        PP.TemplateProcessing(single="<s> $A </s>", pair="<s> $A </s> $B </s>", special_tokens=[("<s>", 0), ("</s>", 1)]),
    ])


def described(e):
    """All about an encoding; pieces cut off are given without the pieces that theirs are joined with again."""
    return {
        "ids": e.ids, "types": e.type_ids, "offsets": [n for pair in e.offsets for n in pair],
        "words": [-1 if w is None else w for w in e.word_ids], "special": e.special_tokens_mask,
        "attention": e.attention_mask, "sequences": [-1 if s is None else s for s in e.sequence_ids],
    }


def case(tokenizer, first, second, as_text):
    tokenizer.encode_special_tokens = as_text
    truncation, padding = tokenizer.truncation, tokenizer.padding
    tokenizer.no_truncation()
    tokenizer.no_padding()
    result = {"first": first, "plain": tokenizer.encode(first, add_special_tokens=False).ids, "as_text": as_text}
    if second is not None:
        result["second"] = second
    if truncation:
        tokenizer.enable_truncation(**truncation)
    if padding:
        tokenizer.enable_padding(**padding)
    try:
        encoding = tokenizer.encode(first, second)
    except Exception:
        return result
    result["encoding"] = described(encoding)
    result["overflowing"] = [described(piece) for piece in encoding.overflowing[:4]]
    result["decoded"] = [tokenizer.decode(encoding.ids, skip_special_tokens=s) for s in (False, True)]
    return result


def main():
    found = {}
    for family in (bert_family, sequences, subwords, byte_level):
        family(found)
    draw = random.Random(SEED)
    output = {}
    for number, (name, tokenizer) in enumerate(sorted(found.items())):
        cases = []
        for index in range(number % 4, len(TEXTS), 4):
            cases.append(case(tokenizer, TEXTS[index][:50], None, False))
        for index in range(10):
            parts = ["".join(draw.choice(PIECES) for _ in range(draw.choice([1, 3, 8]))) for _ in range(2)]
            cases.append(case(tokenizer, parts[0], parts[1] if index % 2 else None, index % 3 == 0))
        document = json.loads(tokenizer.to_str())
        output[name] = {"document": document, "cases": cases}
    write_json(
        "tokenizers/pipelines.json", output, "tokenizer_pipeline.py", SEED, tokenizers=tokenizers.__version__
    )


main()
