"""The corpus of people's names with nationality (package name2nat: titles and categories of English Wikipedia)."""

import collections
import pickle
import re
import unicodedata

from tables import NATIONALITIES

_SAFE = {
    ("builtins", "dict"): dict, ("builtins", "list"): list, ("builtins", "set"): set, ("builtins", "tuple"): tuple,
    ("builtins", "str"): str, ("builtins", "frozenset"): frozenset,
    ("collections", "OrderedDict"): collections.OrderedDict, ("collections", "defaultdict"): collections.defaultdict,
}

_SPECIAL = str.maketrans({
    "ø": "o", "ł": "l", "đ": "d", "ß": "ss", "æ": "ae", "œ": "oe", "ı": "i", "ə": "a", "ð": "d", "þ": "th", "ħ": "h",
})


class SafeUnpickler(pickle.Unpickler):
    """Reads plain containers only: a pickle may otherwise run any code."""

    def find_class(self, module, name):
        if (module, name) in _SAFE:
            return _SAFE[module, name]
        raise pickle.UnpicklingError(f"refused: {module}.{name}")


def fold(text):
    """Lower case, Latin letters without their marks, everything that is no letter or digit left out."""
    text = unicodedata.normalize("NFKD", text.casefold().translate(_SPECIAL))
    return "".join(ch for ch in text if ch.isalnum())


def tokens(name):
    """The parts of a name, folded, hyphens and blanks both parting them."""
    parts = (fold(part) for part in re.split(r"[\s,\-‐–]+", name))
    return [part for part in parts if part]


def _usable(name):
    """A full name of a person: two parts or more, letters only, no brackets, no 'The ...'."""
    words = name.split()
    if not 2 <= len(words) <= 6 or words[0] in ("The", "List", "Mr.", "DJ", "Lil", "MC") or not words[0][0].isupper():
        return False
    if words[-1].rstrip(".") in ("Jr", "Sr", "II", "III", "IV", "V", "VI"):
        return False
    if any(word in ("of", "the", "and", "in", "from", "Prince", "Princess", "King", "Queen", "Saint", "Lord", "Lady", "Sir",
                    "I", "II", "III", "IV", "Emperor", "Bishop", "Pope", "&") for word in words):
        return False
    return all(ch.isalpha() or ch in " -'’.‘ʻʼ" for ch in name) and all(len(word) < 20 for word in words)


def load(path):
    """[(name, nationality)] in the order of the file, one nationality each (people of several are left out)."""
    with open(path, "rb") as handle:
        names = SafeUnpickler(handle).load()
    return [(name, nats[0]) for name, nats in names.items()
            if len(nats) == 1 and nats[0] in NATIONALITIES and _usable(name)]


def token_counts(people):
    """How many people bear each (folded) part of a name."""
    counts = collections.Counter()
    for name, _ in people:
        for word in name.split():
            counts[fold(word)] += 1
            if "-" in word:
                counts.update(fold(part) for part in word.split("-"))
    return counts


def by_nationality(people):
    """nationality -> [name]"""
    groups = {}
    for name, nationality in people:
        groups.setdefault(nationality, []).append(name)
    return groups
