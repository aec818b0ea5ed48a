"""How sure a score is: for each step of evidence, the share of true pairs among the best hits of as many listed as unlisted
people, from the answers of `portcullis-matching` on the part tune. The scale of search/src/score.rs is drawn through these.

    python3 bench/matching/train/scale.py DATA [SET]
"""

import bisect
import json
import pathlib
import re
import sys

SCORE = pathlib.Path(__file__).resolve().parents[3] / "search" / "src" / "score.rs"


def scale():
    """The scale as it stands: bits, score."""
    text = SCORE.read_text(encoding="utf-8").split("const SCALE", 1)[1].split("];", 1)[0]
    pairs = re.findall(r"\(([\d_]+), ([\d_]+)\)", text)
    return [(int(bits.replace("_", "")) / 100, int(score.replace("_", "")) / 1e6) for bits, score in pairs]


def bits_of(score, steps):
    """The evidence that a score shows."""
    at = min(max(1, bisect.bisect_left([score for _, score in steps], score)), len(steps) - 1)
    (low, start), (high, end) = steps[at - 1], steps[at]
    return low + (high - low) * (score - start) / (end - start)


def main():
    data, group = pathlib.Path(sys.argv[1]), (sys.argv[2:] + ["real"])[0]
    steps = scale()
    with open(data / "queries.jsonl", encoding="utf-8") as lines:
        queries = {query["id"]: query for query in map(json.loads, lines)}
    for form, column in (("name", 1), ("full", 3)):
        listed, unlisted = [], []
        with open(data / "answers" / "portcullis" / f"{group}-tune.jsonl", encoding="utf-8") as lines:
            for answer in map(json.loads, lines):
                query = queries[answer["id"]]
                if query["truth"]:
                    if query["kind"] in ("real-alias", "exact") or group == "script":
                        listed.append(bits_of(answer["truth"][column], steps))
                else:
                    unlisted.append(bits_of(answer[form][0][1], steps) if answer[form] else 0)
        print(form, len(listed), "listed", len(unlisted), "unlisted")
        for low in (0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 16, 18):
            high = low + (1 if low < 14 else 2)
            share = [sum(low <= bits < high for bits in some) / len(some) for some in (listed, unlisted)]
            print(f"  {low:3} to {high:3} bits: {share[0]:.4f} {share[1]:.4f}  {share[0] / (sum(share) or 1):.3f}")


if __name__ == "__main__":
    main()
