"""Ways a listed name comes in other writing: one function a kind, each (base, rng, world) -> (name, birth date) or None."""

import re

from corpus import fold, tokens
from tables import KEYBOARD, NICKNAMES, OCR

_MRZ = {"Ä": "AE", "Ö": "OE", "Ü": "UE", "ß": "SS", "ẞ": "SS", "Å": "AA", "Æ": "AE", "Ø": "OE", "Œ": "OE", "Þ": "TH", "Ð": "D",
        "Đ": "D", "Ł": "L", "Ħ": "H", "I": "I", "İ": "I", "Ñ": "N", "Ĳ": "IJ", "Ə": "E"}
_MRZ_LENGTH = 39


class Base:
    """A listed name taken apart: given names and family name, in the usual Western order."""

    def __init__(self, record, birth_date):
        self.record, self.birth_date = record, birth_date
        self.published = record["names"][0]["full"]
        self.person = record["kind"] == "person"
        family, comma, given = self.published.partition(", ")
        if self.person and not comma:
            head, _, family = self.published.rpartition(" ")
            given = head
        if not self.person:
            family, given = self.published, ""
        self.family, self.given = _title(family) if self.person else family, given
        self.name = f"{self.given} {self.family}".strip()
        self.words = self.name.split()


class World:
    """What other people are called: for added names and for how rare a family name is."""

    def __init__(self, bases, counts):
        self.counts = counts
        self.given, self.families = {}, {}
        for base in bases:
            if base.person and base.given:
                for country in base.record["countries"][:1]:
                    self.given.setdefault(country, []).append(base.given.split()[0])
                    self.families.setdefault(country, []).append(base.family)

    def other(self, table, base, rng, old):
        """A name of another person of the same country, if enough of them are known."""
        names = table.get(next(iter(base.record["countries"]), None), ())
        if len(names) < 10:
            return None
        for _ in range(20):
            name = rng.choice(names)
            if len(name) > 2 and not set(tokens(name)) & set(tokens(old)):
                return name
        return None


def _title(text):
    """KOVAC -> Kovac; text that is not all capitals stays."""
    words = []
    for word in text.split(" "):
        words.append("-".join(part[:1] + part[1:].lower() if not part.startswith("'") else part[:2] + part[2:].lower()
                              for part in word.split("-")) if word.isupper() else word)
    return " ".join(words)


def _place(words, rng, used=()):
    """The number of a word long enough to bear an error, or None."""
    numbers = [n for n, word in enumerate(words) if len(word) >= 4 and n not in used] or \
              [n for n, word in enumerate(words) if len(word) >= 3]
    return rng.choice(numbers) if numbers else None


def _change_word(words, number, change, rng):
    new = change(words[number], rng)
    return None if new is None else words[:number] + [new] + words[number + 1:]


def _slip(word, rng):
    """A neighbouring key is hit instead of, or beside, a letter."""
    spots = [n for n, ch in enumerate(word) if ch.lower() in KEYBOARD]
    if not spots:
        return None
    spot = rng.choice(spots)
    key = rng.choice(KEYBOARD[word[spot].lower()])
    key = key.upper() if word[spot].isupper() else key
    return word[:spot] + key + word[spot + (rng.random() < 0.7):]


def _drop(word, rng):
    spots = [n for n, ch in enumerate(word) if ch.isalpha()]
    spot = rng.choice(spots) if spots else None
    return None if spot is None else word[:spot] + word[spot + 1:]


def _double(word, rng):
    """A double letter is written once; else a letter is written twice."""
    twins = [n for n in range(1, len(word)) if word[n].isalpha() and word[n].lower() == word[n - 1].lower()]
    if twins:
        spot = rng.choice(twins)
        return word[:spot] + word[spot + 1:]
    spots = [n for n, ch in enumerate(word) if ch.isalpha() and n]
    spot = rng.choice(spots) if spots else None
    return None if spot is None else word[:spot] + (word[spot].lower() if word[spot].islower() else word[spot]) + word[spot:]


def _swap(word, rng):
    spots = [n for n in range(1, len(word)) if word[n].isalpha() and word[n - 1].isalpha() and word[n].lower() != word[n - 1].lower()]
    if not spots:
        return None
    spot = rng.choice(spots)
    pair = word[spot] + word[spot - 1]
    if word[spot - 1].isupper() and word[spot].islower():
        pair = pair[0].upper() + pair[1].lower()
    return word[:spot - 1] + pair + word[spot + 1:]


def _ocr(word, rng):
    fits = [(n, old, new) for old, new in OCR for n in range(len(word)) if word.startswith(old, n)]
    if not fits:
        return None
    spot, old, new = rng.choice(fits)
    return word[:spot] + new + word[spot + len(old):]


def _in_one_word(change):
    def kind(base, rng, world):
        number = _place(base.words, rng)
        words = None if number is None else _change_word(base.words, number, change, rng)
        return words and (" ".join(words), base.birth_date)
    return kind


def _two_slips(base, rng, world):
    first = _place(base.words, rng)
    words = None if first is None else _change_word(base.words, first, _slip, rng)
    second = words and _place(words, rng, (first,))
    if second is None or words is None:
        return None
    words = _change_word(words, second, _slip, rng)
    return words and (" ".join(words), base.birth_date)


def _ocr_kind(base, rng, world):
    """Only words that hold a letter optical reading stumbles over."""
    fits = [n for n, word in enumerate(base.words) if len(word) >= 3 and any(old in word for old, _ in OCR)]
    if not fits:
        return None
    return " ".join(_change_word(base.words, rng.choice(fits), _ocr, rng)), base.birth_date


def _reorder(base, rng, world):
    if not base.given:
        return None
    family = base.family.upper() if rng.random() < 0.5 else base.family
    if ", " in base.published or rng.random() < 0.7:
        return f"{family} {base.given}", base.birth_date
    words = base.given.split()
    return " ".join(words[1:] + [family] + words[:1]), base.birth_date


def _drop_middle(base, rng, world):
    """One word is left out; the last family name and the first given name stay."""
    if len(base.words) < 3 or not base.person:
        return None
    gone = rng.randrange(1, len(base.words) - 1)
    return " ".join(base.words[:gone] + base.words[gone + 1:]), base.birth_date


def _add_token(base, rng, world):
    if not base.given:
        return None
    extra = world.other(world.given, base, rng, base.name)
    words = base.given.split()
    return extra and (" ".join(words[:1] + [_title(extra)] + words[1:] + [base.family]), base.birth_date)


def _initials(base, rng, world):
    given = base.given.split()
    if not given or len(given[0]) < 3 or (len(base.words) < 3 and world.counts.get(fold(base.family), 0) >= 50):
        return None
    dot = rng.choice([".", ""])
    return " ".join([given[0].lstrip("'")[0].upper() + dot] + given[1:] + [base.family]), base.birth_date


def _nickname(base, rng, world):
    given = base.given.split()
    nicks = NICKNAMES.get(given[0].lower()) if given else None
    return nicks and (" ".join([rng.choice(nicks).capitalize()] + given[1:] + [base.family]), base.birth_date)


def _joined(base, rng, world):
    if len(base.words) < 2:
        return None
    spot = rng.randrange(len(base.words) - 1)
    pair = base.words[spot] + base.words[spot + 1].lower()
    return " ".join(base.words[:spot] + [pair] + base.words[spot + 2:]), base.birth_date


def _split(base, rng, world):
    """Hyphens become blanks; else a long word is cut in two."""
    if "-" in base.name:
        return base.name.replace("-", " "), base.birth_date
    longs = [n for n, word in enumerate(base.words) if len(word) >= 7 and word.isalpha()]
    if not longs:
        return None
    number = rng.choice(longs)
    word = base.words[number]
    cut = rng.randrange(3, len(word) - 2)
    tail = word[cut:] if word.isupper() else word[cut:].capitalize()
    return " ".join(base.words[:number] + [word[:cut], tail] + base.words[number + 1:]), base.birth_date


def _married(base, rng, world):
    if not base.given:
        return None
    other = world.other(world.families, base, rng, base.name)
    if not other:
        return None
    double = rng.choice([f"{base.family}-{other}", f"{other} {base.family}"])
    return f"{base.given} {double}", base.birth_date


def mrz_text(text):
    """Capitals A-Z and fillers as ICAO Doc 9303 part 3 writes a name."""
    out = []
    for ch in text.upper():
        if ch in _MRZ:
            out.append(_MRZ[ch])
        elif ch in " -":
            out.append("<")
        elif ch.isalpha():
            out.append(fold(ch).upper())
    return re.sub("<+", "<", "".join(out)).strip("<")


def _mrz(base, rng, world):
    """The name as a passport's machine readable line gives it back; only where that differs."""
    if not base.given:
        return None
    line = f"{mrz_text(base.family)}<<{mrz_text(base.given)}"
    if len(line) <= _MRZ_LENGTH and base.name.isascii() and "'" not in base.name:
        return None
    return re.sub("<+", " ", line[:_MRZ_LENGTH]).strip(), base.birth_date


def _day_month(base, rng, world):
    year, month, day = base.birth_date.split("-") if base.birth_date else (0, 0, 99)
    if int(day) > 12 or day == month:
        return None
    return base.name, f"{year}-{day}-{month}"


def valid_date(text):
    """Whether a date can be (no leap day: no one asks for more here)."""
    year, month, day = (int(part) for part in text.split("-"))
    return 1900 <= year <= 2015 and 1 <= month <= 12 and 1 <= day <= (28 if month == 2 else 30 if month in (4, 6, 9, 11) else 31)


def _date_digit(base, rng, world):
    if not base.birth_date:
        return None
    for _ in range(50):
        spot = rng.choice([3, 3, 2, 5, 6, 8, 9])
        new = base.birth_date[:spot] + rng.choice("0123456789") + base.birth_date[spot + 1:]
        if new != base.birth_date and valid_date(new):
            return base.name, new
    return None


def _year_only(base, rng, world):
    return base.birth_date and (base.name, base.birth_date[:4])


def _exact(base, rng, world):
    return base.published, base.birth_date


KINDS = {
    "exact": _exact, "typo-keyboard-1": _in_one_word(_slip), "typo-keyboard-2": _two_slips, "typo-ocr": _ocr_kind,
    "typo-drop": _in_one_word(_drop), "typo-double": _in_one_word(_double), "typo-swap": _in_one_word(_swap),
    "reorder": _reorder, "drop-middle": _drop_middle, "add-token": _add_token, "initials": _initials, "nickname": _nickname,
    "joined": _joined, "split": _split, "married": _married, "mrz-cut": _mrz, "day-month": _day_month,
    "date-digit": _date_digit, "year-only": _year_only,
}


def made_queries(bases, counts, rng, per_kind):
    """For each kind up to per_kind bases, in a random order of its own."""
    world = World(bases, counts)
    for kind, change in KINDS.items():
        order = bases[:]
        rng.shuffle(order)
        made = 0
        for base in order:
            result = change(base, rng, world) if made < per_kind else None
            # A change that leaves no trace (an accent dropped, say) is not one.
            if result and (result != (base.name, base.birth_date) or kind == "exact"):
                made += 1
                yield base.record, kind, result[0], result[1]
