"""Writes what the learned tables are made from: corpus.tsv (name, nationality) and classes.tsv (forms).

    python3 bench/matching/train/export.py --corpus name2nats.pkl --names person_names.txt.gz OUT

The rare classes (Wikidata, CC0) of the part *report* are left out, as `equal_names.py` tells them: figures of that part are of
names that the tables have not seen.
"""

import argparse
import gzip
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

import corpus  # noqa: E402
from equal_names import Classes  # noqa: E402


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", required=True)
    parser.add_argument("--names", required=True)
    parser.add_argument("out", type=pathlib.Path)
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    people = corpus.load(args.corpus)
    with open(args.out / "corpus.tsv", "w", encoding="utf-8") as out:
        out.writelines(f"{name}\t{nationality}\n" for name, nationality in people)
    held_out = set(Classes(args.names, corpus.token_counts(people)).held_out())
    with gzip.open(args.names, "rt", encoding="utf-8") as lines, open(args.out / "classes.tsv", "w", encoding="utf-8") as out:
        for line in lines:
            forms, _, ident = line.rstrip("\n").rpartition(" => ")
            if forms and ident not in held_out:
                out.write("\t".join(forms.split(", ")) + "\n")


if __name__ == "__main__":
    main()
