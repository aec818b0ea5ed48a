"""What all peers share: options, reading lists and queries, and writing answers."""

import argparse
import hashlib
import heapq
import json
import os
import sys
import time

BEST = 10


def parse_arguments(doc):
    """The command line of a peer."""
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True, help="directory that prepare.py wrote")
    parser.add_argument("--set", required=True, choices=["real", "made", "script"])
    parser.add_argument("--part", required=True, choices=["tune", "report"])
    parser.add_argument("--sample", type=int, metavar="N",
                        help="about N queries with an answer and 2N innocents, every k-th of each kind (default: all)")
    parser.add_argument("--scripts", help="only queries in these, for example Arab,Cyrl (default: all)")
    parser.add_argument("--seconds", type=float, help="stop asking after so long; the queries come in a mixed order")
    return parser.parse_args()


def _rows(path):
    with open(path, encoding="utf-8") as handle:
        return [json.loads(line) for line in handle]


def thin(queries, number):
    """About number of the queries: the same share of each kind and script, evenly spread."""
    groups = {}
    for query in queries:
        groups.setdefault((query["kind"], query["script"]), []).append(query)
    kept = []
    for key in sorted(groups):
        group = groups[key]
        wanted = min(len(group), max(1, round(number * len(group) / len(queries))))
        kept += [group[place * len(group) // wanted] for place in range(wanted)]
    return kept


def load(args):
    """(records, queries) of a set; the queries in an order that does not depend on their kinds."""
    scripts = args.scripts.split(",") if args.scripts else None
    queries = [query for query in _rows(os.path.join(args.data, "queries.jsonl"))
               if query["set"] == args.set and query["part"] == args.part and (not scripts or query["script"] in scripts)]
    if not queries:
        sys.exit("no such queries")
    if args.sample:
        asked = thin([query for query in queries if query["truth"]], args.sample)
        queries = asked + thin([query for query in queries if not query["truth"]], 2 * args.sample)
    queries.sort(key=lambda query: hashlib.sha256(query["id"].encode()).digest())
    return _rows(os.path.join(args.data, "lists", f"{queries[0]['list']}.jsonl")), queries


def names_of(records):
    """(all names, the number of the record of each)."""
    pairs = [(name["full"], number) for number, record in enumerate(records) for name in record["names"]]
    return [name for name, _ in pairs], [number for _, number in pairs]


def is_person(query, kinds):
    """Whether a person is asked for: whoever asks knows that; kinds is record id -> kind."""
    return kinds.get(query["truth"], "person") == "person"


def given_and_family(name):
    """A person's name taken apart: at the comma as lists write it, else before the last word."""
    family, comma, given = name.partition(", ")
    if comma:
        return given, family
    given, _, family = name.rpartition(" ")
    return given, family


def ranked(scores, truth, count):
    """(the ten best, rank and score of the truth) of scores, record id -> score; who is not there has 0.

    The rank counts the records that score at least as high, so ties count against the matcher.
    """
    best = heapq.nlargest(BEST, scores.items(), key=lambda item: (item[1], item[0]))
    best = [[ident, round(score, 6)] for ident, score in best if score > 0]
    score = scores.get(truth, 0)
    rank = sum(other >= score for other in scores.values()) if score > 0 else count
    return best, rank, round(score, 6)


def answer(query, name, full, count):
    """One line of the answers; name and full are record id -> score, full None if the peer knows names only."""
    row = {"id": query["id"]}
    row["name"], *by_name = ranked(name, query["truth"], count)
    in_full = [None, None]
    if full is not None:
        row["full"], *in_full = ranked(full, query["truth"], count)
    if query["truth"]:
        row["truth"] = by_name + in_full
    return row


def run(args, queries, peer, ask):
    """Asks all queries and writes answers/<peer>/<set>-<part>.jsonl; ask makes the row of a query."""
    folder = os.path.join(args.data, "answers", peer)
    os.makedirs(folder, exist_ok=True)
    path = os.path.join(folder, f"{args.set}-{args.part}.jsonl")
    begun, number = time.monotonic(), 0
    with open(path + ".new", "w", encoding="utf-8") as handle:
        for query in queries:
            if args.seconds and time.monotonic() - begun > args.seconds:
                break
            handle.write(json.dumps(ask(query), ensure_ascii=False) + "\n")
            number += 1
    os.replace(path + ".new", path)
    spent = time.monotonic() - begun
    print(f"{peer}: {args.set}-{args.part}: {number} of {len(queries)} queries in {spent:.0f} s", file=sys.stderr)
