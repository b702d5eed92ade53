"""Programs that answer questions about records: a small language, its text forms, and a deterministic executor.

The idea, and most of the functions, are those of neural-symbolic VQA (Yi et al., "Neural-Symbolic VQA", NeurIPS 2018)
on CLEVR (Johnson et al., 2017), with faces for objects:

    count(filter(hat, yes, scene()))                          How many people are wearing a hat?
    query(hair_color, unique(filter(gender, man, scene())))   What color is the man's hair?
    and(exist(filter(smiling, yes, left(scene()))), not(...))

    program = programs.parse("exist(filter(smiling, yes, scene()))")
    programs.execute(program, [record])                       "yes"

A scene is a sequence of records (`records.FACTS`), from left to right. Every program is checked for types when it is
made, so what can still fail in `execute` lies in the scene: a fact that is not known, no one man to ask about, not
two faces to compare. Unlike ns-VQA's executor, this one never guesses.
"""

import dataclasses
import functools
import itertools
import re
from collections.abc import Mapping, Sequence

from elic_tf.errors import ElicError
from elic_tf.questions.records import FACTS

MAX_DEPTH = 40
"""Steps within steps that a program may have; questions need 6."""


class ProgramError(ElicError):
    """A program that is not well formed: an unknown function or fact, the wrong number or type of inputs."""


class ExecutionError(ProgramError):
    """A well-formed program that this scene has no answer for."""


@dataclasses.dataclass(frozen=True)
class Function:
    """What a function takes and gives. `repeat`: it takes 1 to 6 inputs of its one type."""

    literals: tuple[str, ...]
    inputs: tuple[str, ...]
    output: str
    repeat: bool = False


FUNCTIONS = {
    "scene": Function((), (), "faces"),
    "filter": Function(("attribute", "value"), ("faces",), "faces"),
    "left": Function((), ("faces",), "face"),
    "right": Function((), ("faces",), "face"),
    "unique": Function((), ("faces",), "face"),
    "exist": Function((), ("faces",), "truth"),
    "count": Function((), ("faces",), "number"),
    "query": Function(("attribute",), ("face",), "word"),
    "same": Function(("attribute",), ("faces",), "truth"),
    "greater": Function((), ("number", "number"), "truth"),
    "less": Function((), ("number", "number"), "truth"),
    "equal": Function((), ("number", "number"), "truth"),
    "and": Function((), ("truth", "truth"), "truth"),
    "or": Function((), ("truth", "truth"), "truth"),
    "not": Function((), ("truth",), "truth"),
    "tally": Function((), ("truth",), "number", repeat=True),
}
"""name -> what it takes and gives. `tally` counts the true ones among its inputs; `same` compares two faces."""


@dataclasses.dataclass(frozen=True)
class Step:
    """One call: a function, the fact it names, and the steps whose results it takes. ProgramError if it cannot be."""

    function: str
    literals: tuple[str, ...] = ()
    inputs: tuple["Step", ...] = ()
    depth: int = dataclasses.field(init=False, compare=False, repr=False)

    def __post_init__(self):
        if self.function not in FUNCTIONS:
            raise ProgramError(f"no function {self.function!r}; there are {', '.join(FUNCTIONS)}")
        signature = FUNCTIONS[self.function]
        if len(self.literals) != len(signature.literals):
            wanted = " and ".join(signature.literals) or "no fact"
            raise ProgramError(f"{self.function} names {wanted}, not {', '.join(self.literals) or 'nothing'}")
        if self.literals and self.literals[0] not in FACTS:
            raise ProgramError(f"no fact {self.literals[0]!r}; there are {', '.join(FACTS)}")
        if len(self.literals) == 2 and self.literals[1] not in FACTS[self.literals[0]]:
            known = ", ".join(FACTS[self.literals[0]])
            raise ProgramError(f"{self.literals[0]} is never {self.literals[1]!r}; it can be {known}")
        types = signature.inputs
        if signature.repeat and 1 <= len(self.inputs) <= 6:
            types = types * len(self.inputs)
        if len(self.inputs) != len(types):
            wanted = "1 to 6" if signature.repeat else len(types)
            raise ProgramError(f"{self.function} takes {wanted} steps, not {len(self.inputs)}")
        for step, wanted in zip(self.inputs, types):
            if step.output != wanted and (step.output, wanted) != ("face", "faces"):
                raise ProgramError(f"{self.function} takes a {wanted}, but {step.function} gives a {step.output}")
        object.__setattr__(self, "depth", 1 + max((step.depth for step in self.inputs), default=0))
        if self.depth > MAX_DEPTH:
            raise ProgramError(f"more than {MAX_DEPTH} steps within each other")

    @property
    def output(self) -> str:
        """The type of the result: faces, face, truth, number or word."""
        return FUNCTIONS[self.function].output

    def __str__(self):
        return f"{self.function}({', '.join([*self.literals, *map(str, self.inputs)])})"


def parse(text: str) -> Step:
    """The program written as `text`, as `str(program)` writes it; spaces are free. ProgramError if it is none."""
    tokens = re.findall(r"[(),]|[^(),]+", text)
    tokens = [" ".join(token.split()) for token in tokens if token.strip()]
    step, rest = _parse(tokens, 0, 0)
    if rest != len(tokens):
        raise ProgramError(f"{tokens[rest]!r} after the end of the program")
    return step


def _parse(tokens, at, depth):
    def expect(wanted):
        found = tokens[at] if at < len(tokens) else "the end"
        if found != wanted:
            raise ProgramError(f"{wanted!r} expected in a program, found {found!r}")

    if depth >= MAX_DEPTH:
        raise ProgramError(f"more than {MAX_DEPTH} steps within each other")
    function = tokens[at] if at < len(tokens) else "nothing"
    if function not in FUNCTIONS:
        raise ProgramError(f"no function {function!r}; there are {', '.join(FUNCTIONS)}")
    at += 1
    expect("(")
    at += 1
    literals, inputs, wanted = [], [], len(FUNCTIONS[function].literals)
    while at < len(tokens) and tokens[at] != ")":
        if literals or inputs:
            expect(",")
            at += 1
        if len(literals) < wanted and at < len(tokens) and tokens[at] not in ("(", ")", ","):
            literals.append(tokens[at])
            at += 1
        else:
            step, at = _parse(tokens, at, depth + 1)
            inputs.append(step)
    expect(")")
    return Step(function, tuple(literals), tuple(inputs)), at + 1


def to_tokens(program: Step) -> list[str]:
    """The program in prefix order, one word of `token_vocabulary` a step: what a sequence network reads and writes."""
    word = program.function
    if FUNCTIONS[word].repeat:
        word += str(len(program.inputs))
    if program.literals:
        word += ":" + "=".join(program.literals)
    return [word, *itertools.chain.from_iterable(to_tokens(step) for step in program.inputs)]


def from_tokens(tokens: Sequence[str]) -> Step:
    """The program of a sequence of tokens; ProgramError if it is too short, too long or not a program."""
    known = {word: (function, literals, inputs) for word, function, literals, inputs in _words()}

    def read(at, depth):
        if at >= len(tokens):
            raise ProgramError("the tokens end before the program does")
        if tokens[at] not in known:
            raise ProgramError(f"no token {tokens[at]!r} in a program")
        if depth >= MAX_DEPTH:
            raise ProgramError(f"more than {MAX_DEPTH} steps within each other")
        function, literals, count = known[tokens[at]]
        at, inputs = at + 1, []
        for _ in range(count):
            step, at = read(at, depth + 1)
            inputs.append(step)
        return Step(function, literals, tuple(inputs)), at

    program, end = read(0, 0)
    if end != len(tokens):
        raise ProgramError(f"{len(tokens) - end} tokens after the end of the program")
    return program


def token_vocabulary() -> list[str]:
    """Every token a program can have, in a fixed order."""
    return [word for word, *_ in _words()]


@functools.cache
def _words():
    words = []
    for name, function in FUNCTIONS.items():
        if function.repeat:
            words += [(f"{name}{count}", name, (), count) for count in range(1, 7)]
            continue
        facts = [()]
        if function.literals == ("attribute",):
            facts = [(attribute,) for attribute in FACTS]
        elif function.literals:
            facts = [(attribute, value) for attribute, values in FACTS.items() for value in values]
        for literals in facts:
            word = name + (":" + "=".join(literals) if literals else "")
            words.append((word, name, literals, len(function.inputs)))
    return tuple(words)


def execute(program: Step, scene: Sequence[Mapping[str, str]] | Mapping[str, str]) -> str:
    """The answer as text: "yes" or "no", a number, or a value of `FACTS`.

    scene: records from left to right, or one record.
    ExecutionError if the scene has no answer; ProgramError if the program ends in faces instead of an answer.
    """
    if isinstance(scene, Mapping):
        scene = [scene]
    if program.output in ("face", "faces"):
        raise ProgramError(f"a program ends in an answer; {program.function} gives faces")
    result = _run(program, scene)
    if isinstance(result, bool):
        return "yes" if result else "no"
    return str(result)


def _run(step, scene):
    inputs = [_run(each, scene) for each in step.inputs]
    return _RUN[step.function](scene, *step.literals, *inputs)


def _fact(attribute, face):
    if attribute not in face:
        raise ExecutionError(f"{attribute} is not known of every face that the question is about")
    return face[attribute]


def _one(faces, index):
    if not faces:
        raise ExecutionError("there is no face to ask about")
    return [faces[index]]


def _unique(scene, faces):
    if len(faces) != 1:
        raise ExecutionError(f"the question is about one face, but {len(faces)} fit")
    return faces


def _same(scene, attribute, faces):
    if len(faces) != 2:
        raise ExecutionError(f"{attribute} is compared between two faces, not {len(faces)}")
    return _fact(attribute, faces[0]) == _fact(attribute, faces[1])


# Faces are lists of records, also where there is one; each function gets the scene, its literals and its inputs.
_RUN = {
    "scene": lambda scene: list(scene),
    "filter": lambda scene, attribute, value, faces: [face for face in faces if _fact(attribute, face) == value],
    "left": lambda scene, faces: _one(faces, 0),
    "right": lambda scene, faces: _one(faces, -1),
    "unique": _unique,
    "exist": lambda scene, faces: bool(faces),
    "count": lambda scene, faces: len(faces),
    "query": lambda scene, attribute, faces: _fact(attribute, faces[0]),
    "same": _same,
    "greater": lambda scene, first, second: first > second,
    "less": lambda scene, first, second: first < second,
    "equal": lambda scene, first, second: first == second,
    "and": lambda scene, first, second: first and second,
    "or": lambda scene, first, second: first or second,
    "not": lambda scene, truth: not truth,
    "tally": lambda scene, *truths: sum(truths),
}
