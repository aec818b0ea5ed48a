"""Writes the test data by which name matchers are measured side by side.

Three sets: "real" (aliases of the OFAC list asked against its primary names), "made" (names with one known change each) and
"script" (people listed in Latin letters, asked for in their own script), each with innocents who stand on no list.
Written to --out: lists/ofac_full.jsonl (with aliases), lists/ofac.jsonl (primary names only: the list of the set real),
lists/made.jsonl (the same and 2,000 people more), lists/latin.jsonl (the list of the set script), queries.jsonl (each with
the id of the record it should find, or null), heldout_classes.txt (rare classes of equal names kept for the part "report")
and summary.txt (counts). A query of kind "namesake" comes from an innocent who bears a listed name.

See --help for the inputs; what is missing is named on stderr and its sets are left out.
"""

import argparse
import collections
import hashlib
import json
import os
import random
import sys

import corpus
import innocents
import ofac
import people_in_scripts
from equal_names import Classes
from tables import ORIGIN_OF
from variations import Base, made_queries

HERE = os.path.dirname(os.path.abspath(__file__))
INNOCENT_CORPUS, INNOCENT_FAKER = 4000, 3000  # for each list in Latin letters


def part_of(text):
    """Half of all people are for tuning, half for the report."""
    return "tune" if hashlib.sha256(text.encode()).digest()[0] < 128 else "report"


class Output:
    """Gathers the queries and counts them."""

    def __init__(self, folder):
        self.folder = folder
        self.numbers = collections.Counter()
        self.counts = collections.Counter()
        os.makedirs(os.path.join(folder, "lists"), exist_ok=True)
        self.handle = open(os.path.join(folder, "queries.jsonl"), "w", encoding="utf-8")

    def write_list(self, name, records):
        """One record a line."""
        with open(os.path.join(self.folder, "lists", f"{name}.jsonl"), "w", encoding="utf-8") as handle:
            for record in records:
                handle.write(json.dumps(record, ensure_ascii=False) + "\n")

    def query(self, group, listed, kind, script, origin, name, birth_date, country, truth, part=None):
        """One query; an innocent's part goes by its own number."""
        self.numbers[group] += 1
        ident = f"{group}-{self.numbers[group]:06}"
        part = part or part_of(truth or ident)
        row = {"id": ident, "set": group, "list": listed, "kind": kind, "script": script, "origin": origin, "name": name,
               "birth_date": birth_date, "country": country, "truth": truth, "part": part}
        self.handle.write(json.dumps(row, ensure_ascii=False) + "\n")
        self.counts[group, kind, script, part] += 1

    def close(self):
        """Writes the counts."""
        self.handle.close()
        with open(os.path.join(self.folder, "summary.txt"), "w", encoding="utf-8") as handle:
            handle.write(f"{'set':8}{'kind':18}{'script':8}{'tune':>8}{'report':>8}\n")
            for group, kind, script in sorted({key[:3] for key in self.counts}):
                tune, report = (self.counts[group, kind, script, part] for part in ("tune", "report"))
                handle.write(f"{group:8}{kind:18}{script:8}{tune:8}{report:8}\n")
            for group in sorted(self.numbers):
                handle.write(f"{group:8}{'all':18}{'':8}{self.numbers[group]:16}\n")


def first_country(record):
    """The first country of a record, or None."""
    return next(iter(record["countries"]), None)


def write_real(out, records):
    """Aliases against primary names."""
    for record, kind, name in ofac.real_queries(records):
        country = first_country(record)
        out.query("real", "ofac", kind, "Latn", ORIGIN_OF.get(country, "other"), name, ofac.full_date(record), country, record["id"])


def made_people(groups, rng, taken):
    """2,000 real-looking people of the corpus, as records."""
    people = innocents.corpus_names(groups, rng, 2000, taken)
    return [{"id": f"made-{number:06}", "kind": "person", "names": [{"full": name, "weak": False}],
             "birth_dates": [innocents.birth_date(rng, 2004)], "countries": [country]}
            for number, (name, country) in enumerate(people)]


def write_made(out, listed, extra, counts, rng, per_kind):
    """Changed names against the listed ones."""
    persons = [record for record in listed if record["kind"] == "person"]
    entities = [record for record in listed if record["kind"] == "entity"]
    chosen = rng.sample(persons, min(3000, len(persons))) + rng.sample(entities, min(500, len(entities))) + extra
    bases = [Base(record, ofac.full_date(record)) for record in chosen]
    for record, kind, name, birth_date in made_queries(bases, counts, rng, per_kind):
        country = first_country(record)
        out.query("made", "made", kind, "Latn", ORIGIN_OF.get(country, "other"), name, birth_date, country, record["id"])


def write_latin_innocents(out, group, listed_name, known, groups, faker, rng, seed, taken):
    """People on no list, for a list in Latin letters; known are the listed ones with all their aliases."""
    listed = innocents.Listed(known)
    people = [(name, code, "innocent-corpus") for name, code in
              (innocents.corpus_names(groups, rng, INNOCENT_CORPUS, taken) if groups else ())]
    if faker:
        people += [(name, code, "innocent-faker") for name, code in innocents.faker_latin(faker, rng, INNOCENT_FAKER, seed)]
    for name, code, kind in people:
        if kind == "innocent-corpus" and not listed.holds(name) and listed.may_mean(name, code):
            continue  # a politician of Wikipedia, say, who is on the list: no innocent
        kind = "namesake" if listed.holds(name) else kind
        out.query(group, listed_name, kind, "Latn", ORIGIN_OF.get(code, "other"), name, innocents.birth_date(rng), code, None)


def write_script(out, groups, classes, faker, rng, seed, hard):
    """People in their own scripts, and innocents in the same."""
    records, queries, strangers = people_in_scripts.build(groups, classes, rng, part_of, hard)
    out.write_list("latin", records)
    asked = set()
    for record, script, origin, written, part in queries:
        asked.add(written.replace(" ", ""))
        out.query("script", "latin", f"script-{origin}", script, origin.partition("-")[0], written, record["birth_dates"][0],
                  first_country(record), record["id"], part)
    listed = innocents.Listed(records)
    people = [(*person, "innocent-corpus") for person in strangers]
    if faker:
        people += [(*person, None, "innocent-faker") for person in people_in_scripts.faker_strangers(faker, rng, seed)]
    for script, origin, name, words, country, part, kind in people:
        if name.replace(" ", "") in asked or listed.holds_written(words, classes):
            kind = "namesake"
        out.query("script", "latin", kind, script, origin.partition("-")[0], name, innocents.birth_date(rng), country, None, part)
    with open(os.path.join(out.folder, "heldout_classes.txt"), "w", encoding="utf-8") as handle:
        handle.writelines(f"{ident}\n" for ident in classes.held_out())


def parse_arguments():
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    shared = os.path.join(HERE, "..", "..", "..", "shared", "data")
    parser.add_argument("--out", required=True, help="directory to write to")
    parser.add_argument("--ofac", default=os.path.join(shared, "ofac"), help="directory with sdn.csv, alt.csv and add.csv")
    parser.add_argument("--names", default=os.path.join(shared, "names"), help="directory with person_names.txt.gz (package rigour)")
    parser.add_argument("--corpus", help="name2nats.pkl of the package name2nat 0.5.1")
    parser.add_argument("--per-kind", type=int, default=1500, help="queries of each kind of the set made, at most (default 1500)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--hard", action=argparse.BooleanOptionalAction, default=True,
                        help="names of the set script written in any form of their class that is not plainly another word; "
                             "--no-hard: only in those most like them (Han and kana always by their reading)")
    return parser.parse_args()


def present(path, what, left_out):
    """Whether an input is there; else a line on stderr."""
    if path and os.path.exists(path):
        return True
    print(f"prepare: no {what} at {path}: {left_out} left out", file=sys.stderr)
    return False


def main():
    """Reads what is there and writes the sets that can be made of it."""
    args = parse_arguments()
    names_path = os.path.join(args.names, "person_names.txt.gz")
    have_ofac = all(present(os.path.join(args.ofac, name), "OFAC file", "sets real and made are")
                    for name in ("sdn.csv", "alt.csv", "add.csv"))
    have_corpus = present(args.corpus, "corpus", "set script, generated people and innocent-corpus are")
    have_names = present(names_path, "classes of equal names", "set script is")
    people = corpus.load(args.corpus) if have_corpus else []
    counts, groups = corpus.token_counts(people), corpus.by_nationality(people)
    faker = innocents.load_faker()
    out = Output(args.out)

    # Each set draws from a source of its own, so that one set stays as it is when another changes.
    if have_ofac:
        records = ofac.read(args.ofac)
        listed = [ofac.strip_aliases(record) for record in records]
        out.write_list("ofac_full", records)
        out.write_list("ofac", listed)
        taken = set()
        write_real(out, records)
        rng = random.Random(f"{args.seed} real")
        write_latin_innocents(out, "real", "ofac", records, groups, faker, rng, args.seed, taken)
        rng = random.Random(f"{args.seed} made")
        extra = made_people(groups, rng, taken) if groups else []
        out.write_list("made", listed + extra)
        write_made(out, listed, extra, counts, rng, args.per_kind)
        write_latin_innocents(out, "made", "made", records + extra, groups, faker, rng, args.seed + 1, taken)
    if have_corpus and have_names:
        classes = Classes(names_path, counts)
        write_script(out, groups, classes, faker, random.Random(f"{args.seed} script"), args.seed, args.hard)
    out.close()


if __name__ == "__main__":
    main()
