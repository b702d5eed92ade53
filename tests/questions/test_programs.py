import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from elic_tf.errors import ElicError
from elic_tf.questions import programs
from elic_tf.questions.programs import ExecutionError, ProgramError, Step
from elic_tf.questions.records import FACTS

MAN = {"gender": "man", "smiling": "yes", "hat": "yes", "hair_color": "black"}
WOMAN = {"gender": "woman", "smiling": "no", "hat": "no", "hair_color": "red"}
GIRL = {"gender": "woman", "smiling": "yes", "hat": "no"}
ROW = [MAN, WOMAN, GIRL]


# What ends a program that is deep enough.
SHORTEST = {"faces": "scene", "face": "unique", "truth": "exist", "number": "count", "word": "query"}


def made(kind, depth):
    """A strategy for well-typed programs that give `kind`."""
    fitting = [name for name, function in programs.FUNCTIONS.items() if function.output == kind]
    return st.sampled_from(fitting if depth > 0 else [SHORTEST[kind]]).flatmap(lambda name: _call(name, depth))


def _call(name, depth):
    function = programs.FUNCTIONS[name]
    literals = st.just(())
    if function.literals:
        facts = st.sampled_from([(attribute, value) for attribute in FACTS for value in FACTS[attribute]])
        literals = facts.map(lambda fact: fact[: len(function.literals)])
    if function.repeat:
        inputs = st.lists(made(function.inputs[0], depth - 1), min_size=1, max_size=6).map(tuple)
    else:
        inputs = st.tuples(*(made(each, depth - 1) for each in function.inputs))
    return st.builds(Step, st.just(name), literals, inputs)


answering = st.sampled_from(["truth", "number", "word"]).flatmap(lambda kind: made(kind, 3))
faces = st.fixed_dictionaries({attribute: st.sampled_from(values) for attribute, values in FACTS.items()})


@given(answering)
def test_text_and_tokens_round_trip(program):
    assert programs.parse(str(program)) == program
    assert programs.parse(str(program).replace(" ", "  ").replace("(", " ( ")) == program
    tokens = programs.to_tokens(program)
    assert programs.from_tokens(tokens) == program
    assert set(tokens) <= set(programs.token_vocabulary())


@given(answering, st.lists(faces, max_size=4))
def test_an_answer_or_a_typed_error_and_always_the_same(program, scene):
    def run():
        try:
            return programs.execute(program, scene)
        except ExecutionError as error:
            return error.args

    assert run() == run()


@settings(max_examples=300)
@given(st.text(alphabet="(),= aehnorsctuif", max_size=40) | st.lists(st.sampled_from(
    ["count", "(", ")", ",", "filter", "hat", "yes", "scene", "tally", "and", "query"])).map("".join))  # fmt: skip
def test_any_text_is_a_program_or_a_program_error(text):
    try:
        program = programs.parse(text)
    except ProgramError:
        return
    assert programs.parse(str(program)) == program


@given(st.lists(st.sampled_from(programs.token_vocabulary()), max_size=12))
def test_any_tokens_are_a_program_or_a_program_error(tokens):
    try:
        program = programs.from_tokens(tokens)
    except ProgramError:
        return
    assert programs.to_tokens(program) == tokens


@pytest.mark.parametrize(
    "text, answer",
    [
        ("count(scene())", "3"),
        ("count(filter(gender, woman, scene()))", "2"),
        ("exist(filter(hat, yes, filter(gender, woman, scene())))", "no"),
        ("query(hair_color, unique(filter(hat, yes, scene())))", "black"),
        ("query(gender, left(scene()))", "man"),
        ("exist(filter(smiling, yes, right(scene())))", "yes"),
        ("query(smiling, left(filter(gender, woman, scene())))", "no"),
        ("greater(count(filter(gender, man, scene())), count(filter(gender, woman, scene())))", "no"),
        ("less(count(filter(gender, man, scene())), count(filter(gender, woman, scene())))", "yes"),
        ("equal(count(filter(hat, yes, scene())), count(filter(smiling, no, scene())))", "yes"),
        ("same(gender, filter(gender, woman, scene()))", "yes"),
        ("same(hat, filter(smiling, yes, scene()))", "no"),
        ("and(exist(scene()), not(exist(scene())))", "no"),
        ("or(exist(scene()), not(exist(scene())))", "yes"),
        ("tally(exist(scene()), exist(filter(hat, yes, scene())), exist(filter(bald, yes, filter(hat, yes, left("
         "filter(gender, man, filter(hat, no, filter(gender, woman, scene()))))))))", None),
        ("tally(exist(scene()), exist(filter(hat, yes, scene())), not(exist(scene())))", "2"),
    ],
)  # fmt: skip
def test_answers(text, answer):
    if answer is None:  # nobody is left to take the leftmost of
        with pytest.raises(ExecutionError, match="no face"):
            programs.execute(programs.parse(text), ROW)
    else:
        assert programs.execute(programs.parse(text), ROW) == answer


def test_one_record_is_a_scene_of_one():
    program = programs.parse("query(gender, unique(scene()))")
    assert programs.execute(program, MAN) == programs.execute(program, [MAN]) == "man"


@pytest.mark.parametrize(
    "text, message",
    [
        ("query(hair_color, unique(filter(gender, woman, scene())))", "2 fit"),
        ("query(hair_color, right(scene()))", "hair_color is not known"),
        ("count(filter(hair_color, red, scene()))", "hair_color is not known"),
        ("same(gender, scene())", "between two faces, not 3"),
    ],
)
def test_scenes_without_an_answer(text, message):
    with pytest.raises(ExecutionError, match=message):
        programs.execute(programs.parse(text), ROW)


@pytest.mark.parametrize(
    "text, message",
    [
        ("", "no function 'nothing'"),
        ("fly(scene())", "no function 'fly'"),
        ("count(scene()", "'\\)' expected"),
        ("count scene()", "no function|expected"),
        ("count(scene()) count(scene())", "after the end|expected"),
        ("count(scene(),)", "no function"),
        ("count()", "takes 1 steps, not 0"),
        ("count(scene(), scene())", "takes 1 steps, not 2"),
        ("filter(hat, scene())", "expected|names"),
        ("filter(hat, maybe, scene())", "hat is never 'maybe'"),
        ("query(mood, unique(scene()))", "no fact 'mood'"),
        ("query(hat, scene())", "takes a face, but scene gives a faces"),
        ("and(exist(scene()), count(scene()))", "takes a truth, but count gives a number"),
        ("tally()", "1 to 6"),
        ("not(" * 5000 + "exist(scene())" + ")" * 5000, "more than 40"),
    ],
)
def test_malformed_programs(text, message):
    with pytest.raises(ProgramError, match=message):
        programs.parse(text)
    assert issubclass(ProgramError, ElicError)


def test_a_program_ends_in_an_answer():
    with pytest.raises(ProgramError, match="ends in an answer"):
        programs.execute(programs.parse("scene()"), ROW)


@pytest.mark.parametrize("tokens", [[], ["count"], ["scene", "scene"], ["count", "count", "scene"], ["fly"]])
def test_malformed_tokens(tokens):
    with pytest.raises(ProgramError):
        programs.from_tokens(tokens)
