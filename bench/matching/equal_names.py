"""Classes of equal names in many scripts, and people's names written with them."""

import gzip
import hashlib

from corpus import fold
from east_asia import FAMILIES, JapaneseOrder, han_fits, hangul_fits, long_vowels_kept, pinyin_pairs
from letters import ALPHABETS, in_script, kana_only, likeness, shares_consonant

# origin -> (script, nationalities of the corpus)
ORIGINS = {
    "arabic": ("Arab", ["Egyptian", "Syrian", "Iraqi", "Lebanese", "Saudi", "Moroccan", "Algerian", "Tunisian", "Libyan", "Yemeni",
                        "Jordanian", "Palestinian", "Sudanese", "Kuwaiti", "Bahraini", "Qatari", "Emirati", "Omani"]),
    "persian": ("Arab", ["Iranian", "Afghan"]),
    "urdu": ("Arab", ["Pakistani"]),
    "russian": ("Cyrl", ["Russian"]),
    "ukrainian": ("Cyrl", ["Ukrainian"]),
    "belarusian": ("Cyrl", ["Belarusian"]),
    "bulgarian": ("Cyrl", ["Bulgarian"]),
    "serbian": ("Cyrl", ["Serb", "Montenegrin"]),
    "macedonian": ("Cyrl", ["Macedonian"]),
    "chinese": ("Hani", ["Chinese"]),
    "taiwanese": ("Hani", ["Taiwanese"]),
    "korean": ("Hang", ["Korean"]),
    "japanese": ("Kana", ["Japanese"]),
    "japanese-kanji": ("Hani", ["Japanese"]),
    "israeli": ("Hebr", ["Israeli"]),
    "greek": ("Grek", ["Greek", "Cypriot"]),
    "thai": ("Thai", ["Thai"]),
    "indian": ("Deva", ["Indian"]),
    "georgian": ("Geor", ["Georgian"]),
    "armenian": ("Armn", ["Armenian"]),
}
COMMON = 200  # a class borne by more people than this may stand in both parts
USUAL_CHARACTER = 60  # names of two characters that a character must stand in to be put in a compound


class Classes:
    """The classes of the file, found by folded Latin form."""

    def __init__(self, path, counts):
        self.by_latin, self.readings, self.latin_of = {}, {}, {}
        self.part, self.rare, self.ids, self.han_use = {}, {}, [], {}
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            for line in lines:
                forms, _, ident = line.rstrip("\n").rpartition(" => ")
                if forms:
                    self._add(ident, forms.split(", "), counts)

    def _add(self, ident, forms, counts):
        forms = [form for form in forms if " " not in form]
        latin = sorted({fold(form) for form in forms if form and (form[0] < "\u0250" or "\u1e00" <= form[0] < "\u1f00")})
        native = [form for form in forms if form and form[0] >= "\u0370" and not "\u1e00" <= form[0] < "\u1f00"]
        self.ids.append(ident)
        self.part[ident] = "tune" if hashlib.sha256(ident.encode()).digest()[0] < 128 else "report"
        self.rare[ident] = sum(counts.get(form, 0) for form in latin) <= COMMON
        if not native:
            return
        for form in latin:
            self.by_latin.setdefault(form, []).append((ident, native, latin))
        for form in native:
            self.latin_of.setdefault(form, []).append(latin)
            if len(form) == 2 and in_script(form, "Hani"):
                self._read_pair(form, latin, native)

    def _read_pair(self, form, latin, native):
        """Notes the characters of a form of two, and how they are read if the class is not Japanese."""
        for ch in form:
            self.han_use[ch] = self.han_use.get(ch, 0) + 1
        if any(in_script(other, "Kana") for other in native):
            return
        for pair in (pair for text in latin for pair in pinyin_pairs(text)):
            for ch, sound in zip(form, pair):
                votes = self.readings.setdefault(ch, {})
                votes[sound] = votes.get(sound, 0) + 1

    def held_out(self):
        """Ids of the rare classes of the report part."""
        return [ident for ident in self.ids if self.rare[ident] and self.part[ident] == "report"]

    def latin_forms(self, form):
        """All Latin spellings of the classes a native form stands in."""
        found = {latin for group in self.latin_of.get(form, ()) for latin in group}
        if form.startswith("ال") and len(form) > 3:
            found |= {article + latin for group in self.latin_of.get(form[2:], ()) for latin in group for article in ("al", "el")}
        return found


def _fitness(token, form, script, hard):
    """How well a form fits the Latin word, 0 for not at all; hard: any form will do that is not plainly another word."""
    if hard and script != "Kana":
        like = 1.0 if shares_consonant(token, form, script) else 0
    else:
        like = likeness(token, form, script)
    # -ov and -ova, the two genders of a family name, share a class.
    if script == "Cyrl" and (form[-1] in "ая") != (token[-1] == "a"):
        like -= 0.06
    return like


def candidates(classes, origin, word, hard):
    """[(native form, ids of the classes that hold word and form)] for one word of a name, the unlikely ones left out."""
    script, alphabet, token = ORIGINS[origin][0], ALPHABETS.get(origin), fold(word)
    found = {}
    for ident, native, latin in classes.by_latin.get(token, ()):
        for form in native:
            if form in found:
                found[form][1].append(ident)
            elif not in_script(form, script) or (alphabet and any(ch not in alphabet for ch in form)) or form.endswith("σ"):
                continue
            elif script == "Hani":
                if han_fits(classes.readings, origin, word, token, form, native + latin):
                    found[form] = (1.0, [ident])
            elif script != "Hang" or hangul_fits(word, form):
                like = _fitness(token, form, script, hard)
                if like > 0:
                    found[form] = (like, [ident])
    best = max((like for like, _ in found.values()), default=0)
    # Forms far below the best one are mostly the other name of a class that joins two, or a pet form.
    slack = 0.03 if script in ("Armn", "Geor") else 0.05  # there the classes hold declined forms too
    return [(form, ids) for form, (like, ids) in sorted(found.items()) if like >= best - slack]


class Writer:
    """Writes Latin names of one origin in its script."""

    def __init__(self, classes, origin, names, hard):
        self.classes, self.origin, self.script, self.hard = classes, origin, ORIGINS[origin][0], hard
        self.order = JapaneseOrder(names) if origin.startswith("japanese") else None
        self.known = {}

    def _token(self, word):
        """[(form, parts)] of one word of a name; parts are those of all rare classes that hold word and form."""
        if word not in self.known:
            found = [(form, {self.classes.part[ident] for ident in ids if self.classes.rare[ident]})
                     for form, ids in candidates(self.classes, self.origin, word, self.hard)]
            if self.origin == "japanese":
                found = long_vowels_kept(word, found)
            self.known[word] = found or self._compound(word)
        return self.known[word]

    def _compound(self, word):
        """Words with a hyphen whose pieces are names, and Arabic names with the article."""
        pieces = word.split("-")
        if len(pieces) != 2:
            return []
        if self.origin == "arabic" and pieces[0].casefold() in ("al", "el"):
            return [(form if form.startswith("ال") else "ال" + form, parts) for form, parts in self._token(pieces[1])]
        if self.script not in ("Hang", "Hani"):
            return []
        halves = [[item for item in self._token(piece) if len(item[0]) == 1 and self._usual(item[0])] for piece in pieces]
        return [(a + b, left | right) for a, left in halves[0] for b, right in halves[1]]

    def _usual(self, character):
        """Whether a Chinese character stands in the names of many; rare ones make odd compounds."""
        return self.script != "Hani" or self.classes.han_use.get(character, 0) >= USUAL_CHARACTER

    def _weight(self, form):
        """How usual a form is: by the number of names its characters (Chinese) or it itself (others) stand in."""
        if self.origin in ("chinese", "taiwanese"):
            return min(self.classes.han_use.get(ch, 1) for ch in form) ** 2
        return len(self.classes.latin_of[form]) ** 2 if form in self.classes.latin_of else 1

    def _pick(self, word, family, part, rng):
        forms = [form for form, parts in self._token(word) if parts <= {part}]
        families = FAMILIES.get(self.origin)
        if families and family:
            forms = [form for form in forms if form in families]
            weights = [families[form] for form in forms]
        else:
            weights = [self._weight(form) for form in forms]
        return rng.choices(forms, weights)[0] if forms else None

    def _family_last(self, name):
        """Whether an East Asian name stands given name first."""
        if self.order:
            return self.order.family_last(name)
        return not any(form in FAMILIES[self.origin] for form, _ in self._token(name.split()[0]))

    def write(self, name, part, rng):
        """(the name in the script, its words), all its rare classes in one part; None if it cannot be written so."""
        words = name.split()
        east = self.script in ("Hani", "Hang", "Kana")
        if east and len(words) != 2:
            return None
        last = east and self._family_last(name)
        chosen = [self._pick(word, number == (1 if last else 0), part, rng) for number, word in enumerate(words)]
        if None in chosen:
            return None
        chosen = chosen[::-1] if last else chosen
        return self._join(chosen, rng), chosen

    def _join(self, words, rng):
        """The native way of putting the words: no blanks in East Asia, capitals where the script has them."""
        if self.script == "Kana":
            want = rng.choice(["hira", "kata", "kata"])
            return " ".join(kana_only(word, want) for word in words)
        if self.script in ("Hani", "Hang"):
            return (" " if self.origin.startswith("japanese") and rng.random() < 0.3 else "").join(words)
        if self.script in ("Cyrl", "Grek", "Armn"):
            words = [word[0].upper() + word[1:] for word in words]
        return " ".join(words)
