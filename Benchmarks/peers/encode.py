"""A peer's side of the tokenizer benchmark: loads, encodes a text once on one thread, answers with one line of JSON.

usage: encode.py gigatoken|tokenizers|fastokens FOLDER ENCODING TEXT

FOLDER holds ENCODING_base.tiktoken and, for tokenizers and fastokens (and gpt2), ENCODING.json in the Hugging Face layout.
Times are those that the processor gave the process.
"""
import json
import os
import sys
import time

os.environ["RAYON_NUM_THREADS"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"

import numpy  # noqa: E402


def gigatoken(folder, encoding, raw):
    import gigatoken

    start = time.process_time()
    if encoding == "gpt2":
        tokenizer = gigatoken.Tokenizer(f"{folder}/gpt2.json")
    else:
        tokenizer = gigatoken.Tokenizer.from_tiktoken(f"{folder}/{encoding}_base.tiktoken")
    return start, lambda: tokenizer.encode(raw), numpy.asarray


def tokenizers(folder, encoding, raw):
    import tokenizers

    text = raw.decode()
    start = time.process_time()
    tokenizer = tokenizers.Tokenizer.from_file(f"{folder}/{encoding}.json")
    return start, lambda: tokenizer.encode(text, add_special_tokens=False), lambda result: numpy.array(result.ids)


def fastokens(folder, encoding, raw):
    import fastokens

    text = raw.decode()
    start = time.process_time()
    tokenizer = fastokens.Tokenizer.from_file(f"{folder}/{encoding}.json")
    return start, lambda: tokenizer.encode_batch_flat([text]), lambda result: numpy.frombuffer(result[0], numpy.uint32)


def digest(ids):
    """FNV-1a over the ids as 32-bit numbers."""
    value = 0xCBF29CE484222325
    for number in ids.tolist():
        value = (value ^ number) * 0x100000001B3 & 0xFFFFFFFFFFFFFFFF
    return format(value, "x")


def main():
    peer, folder, encoding, path = sys.argv[1:5]
    with open(path, "rb") as file:
        raw = file.read()
    start, encode, unpack = {"gigatoken": gigatoken, "tokenizers": tokenizers, "fastokens": fastokens}[peer](
        folder, encoding, raw
    )
    loaded = time.process_time()
    result = encode()
    encoded = time.process_time()
    ids = unpack(result)
    answer = {"load": loaded - start, "first": encoded - loaded, "ids": len(ids), "digest": digest(ids)}
    print(json.dumps(answer), flush=True)


main()
