"""Two peers by the library rapidfuzz: token-sort (token_sort_ratio) and jaro-winkler.

Both compare names transliterated to ASCII by any_ascii and casefolded; they know nothing of dates and countries.
"""

from anyascii import anyascii
from rapidfuzz import process
from rapidfuzz.distance import JaroWinkler
from rapidfuzz.fuzz import ratio

import common


def plain(name):
    """The name in ASCII, casefolded, without punctuation."""
    return " ".join("".join(ch if ch.isalnum() else " " for ch in anyascii(name).casefold()).split())


def sort_tokens(name):
    """token_sort_ratio is the ratio of names treated so."""
    return " ".join(sorted(name.split()))


def main():
    """Each query against all names of the list."""
    args = common.parse_arguments(__doc__)
    records, queries = common.load(args)
    names, owners = common.names_of(records)
    names = [plain(name) for name in names]
    for peer, treat, scorer, top in (("token-sort", sort_tokens, ratio, 100), ("jaro-winkler", str, JaroWinkler.similarity, 1)):
        listed = [treat(name) for name in names]

        def ask(query):
            """Scores from 0 to 1; of several names of a record the best counts."""
            scores = {}
            asked = treat(plain(query["name"]))
            for number, score in zip(owners, process.cdist([asked], listed, scorer=scorer)[0].tolist()):
                ident = records[number]["id"]
                if score > scores.get(ident, 0):
                    scores[ident] = score
            return common.answer(query, {ident: score / top for ident, score in scores.items()}, None, len(records))

        common.run(args, queries, peer, ask)


if __name__ == "__main__":
    main()
