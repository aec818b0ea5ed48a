"""The peer trigram: similarity() of PostgreSQL's extension pg_trgm, on names transliterated by any_ascii.

As there: lower case, each word with two blanks before it and one behind, the set of all groups of three characters, and of
two names the share of the groups of either that both have. It knows nothing of dates and countries.
"""

import re
from collections import Counter

from anyascii import anyascii

import common


def trigrams(name):
    """The set of groups of three characters of a name."""
    found = set()
    for word in re.findall(r"[^\W_]+", anyascii(name).lower()):
        padded = f"  {word} "
        found.update(padded[place:place + 3] for place in range(len(padded) - 2))
    return found


class Index:
    """The names of a list by their trigrams."""

    def __init__(self, records):
        names, self.owners = common.names_of(records)
        self.sizes, self.places = [], {}
        for number, name in enumerate(names):
            found = trigrams(name)
            self.sizes.append(len(found))
            for trigram in found:
                self.places.setdefault(trigram, []).append(number)

    def scores(self, name):
        """Record number -> similarity, of all records that have a trigram of the name; of several names the best."""
        asked, shared, scores = trigrams(name), Counter(), {}
        for trigram in asked:
            shared.update(self.places.get(trigram, ()))
        for number, both in shared.items():
            score = both / (len(asked) + self.sizes[number] - both)
            owner = self.owners[number]
            if score > scores.get(owner, 0):
                scores[owner] = score
        return scores


def main():
    """Each query against the index."""
    args = common.parse_arguments(__doc__)
    records, queries = common.load(args)
    index = Index(records)

    def ask(query):
        """By name alone."""
        scores = {records[number]["id"]: score for number, score in index.scores(query["name"]).items()}
        return common.answer(query, scores, None, len(records))

    common.run(args, queries, "trigram", ask)


if __name__ == "__main__":
    main()
