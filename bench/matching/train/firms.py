"""Makes the tables of firms' names in search/data: legal_phrases.txt, the legal forms of several words and of many languages,
and firms.txt, how rare a word is among names of firms.

    python3 bench/matching/train/firms.py --forms org_types.json --equities database/equities --data search/data

The equities are the files of JerBouma/FinanceDatabase. Only words that are far more frequent among firms than among people are
kept. A quarter of the firms, told by the hash of their names, is left out; --held-out writes these, to be asked for as innocents.
"""

import argparse
import collections
import csv
import hashlib
import json
import math
import pathlib
import re
import unicodedata

# Kinds of the forms that say nothing of what a firm is called; foundations, banks and the like are names.
KINDS = {"LLC": "llc", "JSC": "jsc", "LP": "lp", "LLP": "lp", "GP": "lp", "SP": "sp", "COOP": "coop", "JV": "jv", "SOE": "soe",
         None: "form"}
PHRASE_WORDS = range(2, 9)
# Letters of all words together: of fewer, only initials are a form (`s a r l`).
PHRASE_LETTERS = 8
INITIALS = 3
# A word of so many firms is in the table, when it is rarer by so many hundredths of a bit among people.
SEEN_MIN = 6
RARER_MIN = 200
RARITY_MAX = 1900
PEOPLE_UNSEEN = 1700
NAME_LETTERS = 5
PAPERS = re.compile(r"\d|\b(class|shares?|ordinary|preferred|adr|ads|units?|depositary|cumulative|warrants?|notes?|stock|dl|series"
                    r"|etf|fund|trust|certificates?|registered|fixed)\b", re.I)
# What is written apart becomes one word for a reader of names.
LETTERS = str.maketrans({"ß": "ss", "ø": "o", "ł": "l", "đ": "d", "ð": "d", "æ": "ae", "œ": "oe", "ı": "i"})


def words_of(text):
    """The Latin words of a text as the product reads them; none where it has letters of another script."""
    text = "".join(c for c in unicodedata.normalize("NFKD", text.lower().translate(LETTERS)) if not unicodedata.combining(c))
    text = re.sub(r"['’`\"]", "", text)
    return re.findall(r"[a-z]+", text) if re.fullmatch(r"[ -~–—]*", text) and not re.search(r"\d", text) else []


def dotted(alias):
    """`S.A.R.L.` is one word where the form in one word is known, and letters apart where it is not."""
    return words_of(re.sub(r"[./]", " ", alias))


def phrases(forms):
    """phrase -> kind."""
    found = {}
    for form in forms:
        kind = form.get("generic")
        if kind not in KINDS:
            continue
        for alias in [*form.get("aliases", ()), form.get("display") or "", form.get("compare") or ""]:
            words = dotted(alias)
            initials = all(len(word) == 1 for word in words) and len(words) >= INITIALS
            if len(words) in PHRASE_WORDS and (initials or sum(map(len, words)) >= PHRASE_LETTERS):
                found.setdefault(" ".join(words), KINDS[kind])
    return found


def people(path):
    """word -> how rare it is among people."""
    with open(path, encoding="utf-8") as lines:
        rows = [line.split() for line in lines if not line.startswith("#")]
    return {row[0]: int(row[1]) for row in rows if len(row) == 2}


def firms(folder):
    """The names of firms, without what names a paper and not its firm; in learning, and held out."""
    found, parts = {}, ([], [])
    csv.field_size_limit(10**9)
    for path in sorted(folder.glob("*.csv")):
        with open(path, encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                name = re.sub(r"\s{2,}.*", "", (row.get("name") or "").strip())
                if len(name) >= NAME_LETTERS and not PAPERS.search(name):
                    found.setdefault(re.sub(r"[^a-z]", "", name.lower()), name)
    for key, name in sorted(found.items()):
        parts[int(hashlib.sha256(key.encode()).hexdigest(), 16) % 4 == 0].append(name)
    return parts


def rarities(names, own):
    """word -> how rare it is among firms, for words of firms."""
    counts = collections.Counter()
    for name in names:
        counts.update({word for word in words_of(name) if len(word) > 2})
    table = {}
    for word, count in counts.items():
        rarity = round(-100 * math.log2(count / len(names)))
        if count >= SEEN_MIN and own.get(word, PEOPLE_UNSEEN) - rarity >= RARER_MIN:
            table[word] = min(rarity, RARITY_MAX)
    return table


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--forms", required=True)
    parser.add_argument("--equities", required=True, type=pathlib.Path)
    parser.add_argument("--held-out", type=pathlib.Path)
    parser.add_argument("--data", required=True, type=pathlib.Path)
    args = parser.parse_args()
    with open(args.forms, encoding="utf-8") as file:
        forms = phrases(json.load(file))
    names, held_out = firms(args.equities)
    if args.held_out:
        args.held_out.write_text("".join(f"{name}\n" for name in held_out), encoding="utf-8")
    table = rarities(names, people(args.data / "frequency.txt"))
    made = "Made, not written: raise `VERSION` in `tables.rs` when it is made anew."
    with open(args.data / "legal_phrases.txt", "w", encoding="utf-8") as out:
        out.write("# Legal forms of several words: what they are written as here, and the words.\n"
                  "# Made by `bench/matching/train/firms.py` from the package rigour 2.6.1 (MIT, OpenSanctions), its list of legal\n"
                  f"# forms. {made}\n")
        out.writelines(f"{kind} {phrase}\n" for phrase, kind in sorted(forms.items()))
    with open(args.data / "firms.txt", "w", encoding="utf-8") as out:
        out.write("# How rare a word is among firms, for words that are far rarer among people: `word cost`.\n"
                  "# Made by `bench/matching/train/firms.py` from the names of listed firms in JerBouma/FinanceDatabase (MIT), commit\n"
                  f"# 268be5d29898. Costs are hundredths of a bit. {made}\n")
        out.writelines(f"{word} {cost}\n" for word, cost in sorted(table.items()))
    print(len(forms), "phrases,", len(table), "words of", len(names), "firms")


if __name__ == "__main__":
    main()
