"""Writes tagged sentences of public data sets as DATASET/train.conll and DATASET/dev.conll: token TAB tag.

Semantic roles are written as DATASET/train.jsonl and DATASET/dev.jsonl: tokens, predicates, arguments.

    python3 tagging_data.py DATA OUT [DATASET...]

DATA is a folder with the published files, each set in a folder of its own as `SETS` names it. Of WikiANN every tenth
sentence is taken, of MSRA the first 5,000; Weibo's characters lose the positions that follow them; the treebank's tags
are its universal parts of speech. Of Universal Propositions, whose development parts alone are taken, every fifth
sentence with a predicate is there to judge by; a sentence that has not a column for each predicate is left out.
Sentences to judge by whose tokens stand in the training part are left out everywhere.
"""
import gzip
import itertools
import json
import pathlib
import sys


def sentences(path, token=lambda text: text):
    opener = gzip.open if path.suffix == ".gz" else open
    found, current = [], []
    with opener(path, "rt", encoding="utf-8", newline="\n") as file:
        for line in itertools.chain(file, [""]):
            cells = line.rstrip("\r\n").split("\t")
            if len(cells) > 1 and cells[0].strip("\ufeff "):
                current.append((token(cells[0]), cells[1]))
            elif current:
                found.append(current)
                current = []
    return found


def wnut(folder):
    return sentences(folder / "wnut17train.conll"), sentences(folder / "emerging.dev.conll")


def wikiann(folder):
    def read(name):
        return sentences(folder / name, lambda text: text.removeprefix("en:"))[::10]
    return read("train.bio.gz"), read("dev.bio")


def weibo(folder):
    def read(part):
        return sentences(folder / f"weiboNER_2nd_conll.{part}", lambda text: text[0])
    return read("train"), read("dev")


def msra(folder):
    rows = (folder / "dev.tsv").read_text(encoding="utf-8").split("\n")[1:]
    cells = (row.split("\t") for row in rows if row)
    return (sentences(folder / "dh_msra_first20000.bio.gz")[:5000],
            [list(zip(text.split(" "), tags.split(" "), strict=True)) for text, tags in cells])


def trees(path):
    """The cells of each word of each sentence of CoNLL-U."""
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt", encoding="utf-8") as file:
        blocks = file.read().split("\n\n")
    rows = ([line.split("\t") for line in block.split("\n") if line and line[0] != "#"] for block in blocks)
    found = ([cells for cells in block if cells[0].isdigit()] for block in rows)
    return [sentence for sentence in found if sentence]


def treebank(folder):
    def read(name):
        return [[(cells[1], cells[3]) for cells in sentence] for sentence in trees(folder / name)]
    return read("en_ewt-ud-train.rebuilt.conllu.gz"), read("en_ewt-ud-dev.conllu.gz")


def propositions(path, word, rolesets):
    """Sentences with predicates: (token, roleset, a role for each predicate); roles stand in the last columns."""
    def is_whole(sentence):
        count = sum(cells[1] not in ("", "_") for cells in sentence)
        return count > 0 and {len(cells) for cells in sentence} == {2 + count}
    rows = [[(cells[word], cells[rolesets], *cells[rolesets + 1:]) for cells in sentence] for sentence in trees(path)]
    found = list(filter(is_whole, rows))
    return [sentence for place, sentence in enumerate(found) if place % 5 != 4], found[4::5]


SETS = {
    "wnut17": ("ner-wnut17-en", wnut),
    "wikiann": ("ner-wikiann-en", wikiann),
    "weibo-ner": ("ner-weibo-zh", weibo),
    "msra": ("ner-msra-zh", msra),
    "ewt": ("pos-ud-ewt-en", treebank),
    "up-english": ("srl-up-ewt-en", lambda folder: propositions(folder / "en_ewt-up-dev.conllu.gz", 1, 10)),
    "up-chinese": ("srl-up-zh", lambda folder: propositions(folder / "zh-up-dev.conllu", 2, 9)),
}
ROLES = {"up-english", "up-chinese"}


def main(data, out, *names):
    for name in names or SETS:
        folder, read = SETS[name]
        training, validation = read(pathlib.Path(data) / folder)
        known = {tuple(cells[0] for cells in sentence) for sentence in training}
        kept = [sentence for sentence in validation if tuple(cells[0] for cells in sentence) not in known]
        target = pathlib.Path(out) / name
        target.mkdir(parents=True, exist_ok=True)
        for part, chosen in (("train", training), ("dev", kept)):
            if name in ROLES:
                rows = ([list(column) for column in zip(*sentence)] for sentence in chosen)
                found = (dict(tokens=row[0], predicates=row[1], arguments=row[2:]) for row in rows)
                text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in found)
            else:
                text = "".join("".join(f"{token}\t{tag}\n" for token, tag in sentence) + "\n" for sentence in chosen)
            ending = "jsonl" if name in ROLES else "conll"
            (target / f"{part}.{ending}").write_text(text, encoding="utf-8", newline="\n")
        print(f"{name}: {len(training)} sentences to learn from, {len(kept)} to judge by, "
              f"{len(validation) - len(kept)} left out")


if __name__ == "__main__":
    main(*sys.argv[1:])
