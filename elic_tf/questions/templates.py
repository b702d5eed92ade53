"""The questions that can be asked: wordings, and the program that answers them.

Wordings begin as the questions of VQA do, so that `question_type`, the official list of beginnings, fits. "this
person" asks about a picture of one face; everything else about a row of two to four.
"""

import dataclasses
import functools
import itertools

from elic_tf.questions import programs


@dataclasses.dataclass(frozen=True)
class Template:
    """One question in several wordings. people: "one" face in the picture, "two", or a "group" of two to four."""

    people: str
    program: programs.Step
    wordings: tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class _Phrase:
    """A fact in words: is he `be`? does he `do`? the person `who`."""

    who: str
    be: str = ""
    do: str = ""


_PHRASES = {
    ("young", "yes"): _Phrase("who looks young", be="young"),
    ("smiling", "yes"): _Phrase("who is smiling", be="smiling"),
    ("mouth_open", "yes"): _Phrase("with an open mouth", do="have an open mouth"),
    ("eyeglasses", "yes"): _Phrase("with glasses", be="wearing glasses", do="wear eyeglasses"),
    ("hat", "yes"): _Phrase("with a hat", be="wearing a hat", do="wear a hat"),
    ("beard", "yes"): _Phrase("with a beard", do="have a beard"),
    ("goatee", "yes"): _Phrase("with a goatee", do="have a goatee"),
    ("moustache", "yes"): _Phrase("with a mustache", do="have a mustache"),
    ("bald", "yes"): _Phrase("who is bald", be="bald"),
    ("bangs", "yes"): _Phrase("with bangs", do="have bangs"),
    ("receding_hairline", "yes"): _Phrase("with a receding hairline", do="have a receding hairline"),
    ("hair_color", "black"): _Phrase("with black hair", do="have black hair"),
    ("hair_color", "brown"): _Phrase("with brown hair", do="have brown hair"),
    ("hair_color", "blond"): _Phrase("with blond hair", be="blond", do="have blond hair"),
    ("hair_color", "red"): _Phrase("with red hair", do="have red hair"),
    ("hair_color", "gray"): _Phrase("with gray hair", do="have gray hair"),
    ("hair_length", "long"): _Phrase("with long hair", do="have long hair"),
    ("hair_length", "short"): _Phrase("with short hair", do="have short hair"),
    ("hair_texture", "wavy"): _Phrase("with wavy hair", do="have wavy hair"),
    ("makeup", "yes"): _Phrase("with makeup", be="wearing makeup", do="wear makeup"),
    ("lipstick", "yes"): _Phrase("with lipstick", be="wearing lipstick", do="wear lipstick"),
    ("earrings", "yes"): _Phrase("with earrings", be="wearing earrings", do="wear earrings"),
    ("necklace", "yes"): _Phrase("with a necklace", be="wearing a necklace", do="wear a necklace"),
    ("necktie", "yes"): _Phrase("with a tie", be="wearing a tie", do="wear a tie"),
}

_WHAT = {
    "gender": ("Is this a man or a woman?", "What is the gender of this person?", "What gender is this person?"),
    "age": ("How old is this person?", "What is the age of this person?", "What age does this person look?"),
    "hair_color": (
        "What color is the hair of this person?", "What color is this person's hair?",
        "What is the color of the hair of this person?",
    ),
    "hair_length": ("How long is the hair of this person?", "How long is this person's hair?"),
    "hair_texture": ("What kind of hair does this person have?", "What type of hair does this person have?"),
    "eye_color": ("What color are the eyes of this person?", "What color are this person's eyes?"),
    "glasses_style": ("What kind of glasses is this person wearing?", "What type of glasses does this person wear?"),
    "hat_style": ("What kind of hat is this person wearing?", "What type of hat does this person wear?"),
    "clothing": ("What is this person wearing?", "What clothing is this person wearing?"),
    "background": ("What is behind this person?", "What is in the background of this person?"),
}  # fmt: skip

_WORN = {
    "eyeglasses": "glasses", "hat": "a hat", "earrings": "earrings", "lipstick": "lipstick",
    "necklace": "a necklace", "necktie": "a tie",
}  # fmt: skip

# In words, and the faces of a row that are meant.
_CROWDS = {
    "men": "filter(gender, man, scene())",
    "women": "filter(gender, woman, scene())",
    "people with glasses": "filter(eyeglasses, yes, scene())",
    "people with a hat": "filter(hat, yes, scene())",
    "people with earrings": "filter(earrings, yes, scene())",
    "smiling people": "filter(smiling, yes, scene())",
    "people who are not smiling": "filter(smiling, no, scene())",
}
_COMPARED = (
    ("men", "women"),
    ("women", "men"),
    ("smiling people", "people who are not smiling"),
    ("people who are not smiling", "smiling people"),
    ("women", "people with earrings"),
    ("men", "smiling people"),
    ("people with glasses", "people with a hat"),
    ("people with earrings", "people with glasses"),
)

_SAME = {
    "gender": ("Are both people of the same gender?", "Do the two people have the same gender?"),
    "hair_color": ("Do the two people have the same hair color?", "Is the hair color of the two people the same?"),
    "hair_length": ("Is the hair of the two people equally long?", "Do the two people have the same hair length?"),
    "eye_color": ("Do the two people have the same eye color?", "Is the eye color of the two people the same?"),
    "age": ("Are the two people of about the same age?", "Do the two people look the same age?"),
}


def _is(attribute, value, faces="scene()"):
    return f"exist(filter({attribute}, {value}, {faces}))"


def _one_person():
    for value in ("man", "woman"):
        wordings = (f"Is this a {value}?", f"Is this person a {value}?", f"Is it a {value}?")
        yield "one", _is("gender", value), wordings
    for (attribute, value), phrase in _PHRASES.items():
        wordings = []
        if phrase.be:
            wordings += [f"Is this person {phrase.be}?", f"Is the person in the picture {phrase.be}?"]
        if phrase.do:
            wordings += [f"Does this person {phrase.do}?", f"Does the person in the picture {phrase.do}?"]
        yield "one", _is(attribute, value), wordings
    for attribute, wordings in _WHAT.items():
        yield "one", f"query({attribute}, unique(scene()))", wordings
    # A style is known only of those who wear the thing: first those, then the style.
    sunglasses = _is("glasses_style", "sunglasses", "filter(eyeglasses, yes, scene())")
    yield "one", sunglasses, ("Is this person wearing sunglasses?", "Does this person wear sunglasses?")
    for three in itertools.combinations(_WORN, 3):
        listed = ", ".join(_WORN[thing] for thing in three)
        wordings = (
            f"How many of these things does this person wear: {listed}?",
            f"How many of these is this person wearing: {listed}?",
        )
        yield "one", f"tally({', '.join(_is(thing, 'yes') for thing in three)})", wordings
    for value, attribute in itertools.product(("man", "woman"), ("eyeglasses", "hat", "earrings", "smiling", "bangs")):
        who = _PHRASES[attribute, "yes"].who
        wordings = (f"Is this a {value} {who}?", f"Is this person a {value} {who}?")
        yield "one", f"and({_is('gender', value)}, {_is(attribute, 'yes')})", wordings
    for attribute, what in (("beard", "a beard"), ("moustache", "a mustache")):
        wordings = (f"Is this a man without {what}?", f"Is this person a man without {what}?")
        yield "one", f"and({_is('gender', 'man')}, not({_is(attribute, 'yes')}))", wordings
    for first, second in itertools.combinations(("smiling", "eyeglasses", "hat", "earrings"), 2):
        either = f"{_PHRASES[first, 'yes'].be} or {_PHRASES[second, 'yes'].be}"
        wordings = (f"Is this person {either}?", f"Is the person in the picture {either}?")
        yield "one", f"or({_is(first, 'yes')}, {_is(second, 'yes')})", wordings


def _several_people():
    for value, plural in (("man", "men"), ("woman", "women")):
        faces = f"filter(gender, {value}, scene())"
        yield "group", f"count({faces})", (f"How many {plural} are there?", f"How many of the people are {plural}?")
        yield "group", f"exist({faces})", (f"Is there a {value}?", f"Is anyone a {value}?")
        of = f"unique({faces})"
        yield "group", _is("smiling", "yes", of), (f"Is the {value} smiling?",)
        yield (
            "group",
            _is("eyeglasses", "yes", of),
            (f"Is the {value} wearing glasses?", f"Does the {value} wear glasses?"),
        )
        yield (
            "group",
            f"query(hair_color, {of})",
            (f"What color is the hair of the {value}?", f"What color is the {value}'s hair?"),
        )
    for (attribute, value), phrase in _PHRASES.items():
        faces = f"filter({attribute}, {value}, scene())"
        many, anyone = [], []
        if phrase.be:
            many += [f"How many people are {phrase.be}?", f"How many of the people are {phrase.be}?"]
            anyone += [f"Is anyone {phrase.be}?", f"Is anybody {phrase.be}?"]
        if phrase.do:
            many += [f"How many people {phrase.do}?", f"How many of the people {phrase.do}?"]
            anyone += [f"Does anyone {phrase.do}?", f"Does anybody {phrase.do}?"]
        yield "group", f"count({faces})", many
        yield "group", f"exist({faces})", anyone
        of, person = f"unique({faces})", f"the person {phrase.who}"
        wordings = (f"Is {person} a man or a woman?", f"What is the gender of {person}?")
        yield "group", f"query(gender, {of})", wordings
        if attribute not in ("hair_color", "bald"):
            yield "group", f"query(hair_color, {of})", (f"What color is the hair of {person}?",)
        if attribute not in ("smiling", "mouth_open"):
            yield "group", _is("smiling", "yes", of), (f"Is {person} smiling?",)
    for one, other in _COMPARED:
        for function, wordings in (
            ("greater", (f"Are there more {one} than {other}?",)),
            ("less", (f"Are there fewer {one} than {other}?",)),
            ("equal", (f"Are there as many {one} as {other}?", f"Is the number of {one} and of {other} the same?")),
        ):
            yield "group", f"{function}(count({_CROWDS[one]}), count({_CROWDS[other]}))", wordings
    for side in ("left", "right"):
        face, person = f"{side}(scene())", f"the person on the {side}"
        wordings = (f"Is {person} a man or a woman?", f"What is the gender of {person}?")
        yield "group", f"query(gender, {face})", wordings
        yield "group", f"query(hair_color, {face})", (f"What color is the hair of {person}?",)
        for attribute in ("smiling", "eyeglasses", "hat", "earrings", "lipstick"):
            yield "group", _is(attribute, "yes", face), (f"Is {person} {_PHRASES[attribute, 'yes'].be}?",)
    for attribute, wordings in _SAME.items():
        yield "two", f"same({attribute}, scene())", wordings


@functools.cache
def templates() -> tuple[Template, ...]:
    """Every template, in a fixed order."""
    return tuple(
        Template(people, programs.parse(program), tuple(wordings))
        for people, program, wordings in itertools.chain(_one_person(), _several_people())
    )


# The official list for pictures of MS COCO (QuestionTypes/mscoco_question_types.txt).
QUESTION_TYPES = tuple(
    """how many|is the|what|what color is the|what is the|is this|is this a|what is|are the|what kind of|is there a|
what type of|is it|what are the|where is the|is there|does the|what color are the|are these|are there|which|is|
what is the man|is the man|are|how|does this|what is on the|what does the|how many people are|what is in the|
what is this|do|what are|are they|what time|what sport is|are there any|is he|what color is|why|where are the|
what color|who is|what animal is|is the woman|is this an|do you|how many people are in|what room is|has|
is this person|what is the woman|can you|why is the|is the person|what is the color of the|what is the person|could|
was|is that a|what number is|what is the name|what brand""".replace("\n", "").split("|")
)


def question_type(question: str) -> str:
    """The longest official beginning of a question; "none of the above" if it has none."""
    words = question.lower().rstrip("?").split()
    beginnings = (" ".join(words[:length]) for length in range(len(words), 0, -1))
    return next((beginning for beginning in beginnings if beginning in QUESTION_TYPES), "none of the above")
