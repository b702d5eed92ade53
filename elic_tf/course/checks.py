"""Is my function right? Checks that say what they got, what they should have got, and give hints step by step.

In a lesson:

    psnr = checks.checked("00.psnr", psnr)   # prints the verdict; the lesson goes on with a function that works
    checks.hint("00.psnr")                   # the next hint
    checks.score("00")                       # how many are done

A check is a function that calls the student's and raises `Wrong`, mostly by `expect`:

    @check("00.bits", "Size of a file", reference=bits, hints=("A byte has eight bits.",))
    def _(student):
        expect("bits of a file of 2 bytes", student(b"ab"), 16, unit="bits", likely={"a number of bytes": 2})

The checks of lesson NN are in `elic_tf.course.exercises.lesson_NN`, with the reference solutions.
"""

import dataclasses
import importlib
import linecache
import sysconfig
import traceback
from collections.abc import Callable

import numpy as np

from elic_tf.errors import ElicError

STATUSES = ("done", "todo", "wrong", "error", "not run")
_STANDARD = sysconfig.get_path("stdlib")
_SIGNS = {"done": "✓", "todo": "…", "wrong": "✗", "error": "✗"}


class Wrong(Exception):
    """The student's function gave something else than it should have."""


@dataclasses.dataclass
class Check:
    """name: "NN.exercise"; test: calls the student's function, raises `Wrong`; reference: a right solution.

    status, tries and hints_given are what happened in this process.
    """

    name: str
    title: str
    test: Callable
    reference: Callable
    hints: tuple[str, ...]
    points: int
    status: str = "not run"
    tries: int = 0
    hints_given: int = 0


@dataclasses.dataclass(frozen=True)
class Result:
    """status: "done"; "todo" (NotImplementedError), "wrong" or "error". function: the student's if right, else ours."""

    name: str
    status: str
    message: str
    function: Callable = dataclasses.field(repr=False)

    @property
    def passed(self) -> bool:
        return self.status == "done"


_checks: dict[str, Check] = {}


def check(name, title, *, reference, hints, points=1):
    """Decorator that registers a check; see the module."""

    def register(test):
        _checks[name] = Check(name, title, test, reference, tuple(hints), points)
        return test

    return register


def find(name) -> Check:
    """The check of that name; ElicError if there is none."""
    of_lesson(name[:2])
    if name not in _checks:
        known = ", ".join(sorted(_checks)) or "none"
        raise ElicError(f"there is no check {name!r}; there are {known}")
    return _checks[name]


def of_lesson(number) -> list[Check]:
    """The checks of a lesson ("00"), in the order of the lesson."""
    module = f"elic_tf.course.exercises.lesson_{number}"
    try:
        importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name != module:
            raise
    return [entry for name, entry in _checks.items() if name.startswith(f"{number}.")]


def judge(name, function) -> Result:
    """Run a check without printing or counting."""
    entry = find(name)
    status, message = "done", f"{entry.title}: right"
    if not callable(function):
        status = "wrong"
        message = f"give the function itself, without calling it; got {type(function).__name__}"
    else:
        try:
            entry.test(function)
        except NotImplementedError as error:
            status, message = "todo", f"not done yet: {error or entry.title}"
        except Wrong as error:
            status, message = "wrong", str(error)
        except Exception as error:
            status, message = "error", _one_line(error, entry.test)
    return Result(name, status, message, function if status == "done" else entry.reference)


def run(name, function) -> Result:
    """Run a check on the student's function and print the verdict, with one more hint at each failed try."""
    entry = find(name)
    result = judge(name, function)
    entry.status = result.status
    entry.tries += result.status != "todo"
    print(f"{_SIGNS[result.status]} {name}: {result.message}")
    if result.status in ("wrong", "error"):
        hint(name)
    return result


def checked(name, function) -> Callable:
    """Like `run`, but returns the function to go on with: the student's if it is right, ours if it is not (yet)."""
    result = run(name, function)
    if not result.passed:
        print("  (the lesson goes on with a function that works; come back and run this cell again)")
    return result.function


def hint(name) -> None:
    """Print the next hint; after the last one, all over again."""
    entry = find(name)
    if entry.hints:
        index = entry.hints_given % len(entry.hints)
        print(f"  hint {index + 1} of {len(entry.hints)}: {entry.hints[index]}")
        entry.hints_given += 1


def score(lesson) -> None:
    """Print the state of each exercise of a lesson, and the points."""
    entries = of_lesson(lesson)
    for entry in entries:
        print(f"{_SIGNS.get(entry.status, ' ')} {entry.name}: {entry.title}: {entry.status}")
    points = sum(entry.points for entry in entries if entry.status == "done")
    print(f"{points} of {sum(entry.points for entry in entries)} points")


def expect(what, got, wanted, *, unit="", tolerance=1e-5, likely=None) -> None:
    """Raise `Wrong` unless `got` is `wanted` (a number or an array) within an absolute or relative `tolerance`.

    likely: {what a mistake is: the value that it gives}, to name the mistake.
    """
    if got is None:
        raise Wrong(f"{what}: your function returned nothing; is a `return` missing?")
    wanted = np.asarray(wanted, float)
    try:
        array = np.asarray(got, float)
    except (TypeError, ValueError):
        raise Wrong(f"{what}: got {type(got).__name__}, should be {_kind(wanted)}") from None
    values = f"got {_show(array)}{' ' * bool(unit)}{unit}, should be {_show(wanted)}{' ' * bool(unit)}{unit}"
    if _close(array, wanted, tolerance):
        return
    for mistake, value in (likely or {}).items():
        if _close(array, np.asarray(value, float), tolerance):
            raise Wrong(f"{what}: {values}; yours is {mistake}")
    if array.shape != wanted.shape:
        raise Wrong(f"{what}: got {_kind(array)}, should be {_kind(wanted)}")
    if not np.isfinite(array).all() and np.isfinite(wanted).all():
        raise Wrong(f"{what}: {values}; there are NaN or infinite values in yours")
    raise Wrong(f"{what}: {values}")


def accepts(name, solution) -> Result:
    """For tests: the result, or an AssertionError if the check refuses the solution."""
    result = judge(name, solution)
    if not result.passed:
        raise AssertionError(f"{name} refuses a solution: {result.message}")
    return result


def rejects(name, wrong) -> Result:
    """For tests: the result, or an AssertionError unless the check finds the mistake and says something about it."""
    result = judge(name, wrong)
    if result.status not in ("wrong", "error"):
        raise AssertionError(f"{name} does not reject {getattr(wrong, '__name__', wrong)}: {result.status}")
    return result


def _close(array, wanted, tolerance) -> bool:
    if array.shape != wanted.shape:
        return False
    return bool(np.allclose(array, wanted, rtol=tolerance, atol=tolerance, equal_nan=False))


def _kind(array) -> str:
    return "one number" if array.shape == () else f"an array of shape {array.shape}"


def _show(array) -> str:
    if array.shape == ():
        return f"{float(array):.6g}"
    flat = [f"{value:.4g}" for value in array.ravel()[:6]]
    return f"[{', '.join(flat)}{', …' * (array.size > 6)}]"


def _one_line(error, test) -> str:
    """The exception of a student's function, with the line of their code it came from."""
    message = " ".join(str(error).split()) or "no message"
    frames = list(traceback.walk_tb(error.__traceback__))
    codes = [frame.f_code for frame, _ in frames]
    theirs = frames[codes.index(test.__code__) + 1 :]
    for frame, number in reversed(theirs):
        name = frame.f_code.co_filename
        if "site-packages" in name or name.startswith(_STANDARD):
            continue
        if line := linecache.getline(name, number).strip():
            return f"{type(error).__name__}: {message} (at `{line}`)"
    return f"{type(error).__name__}: {message} (when called as the exercise asks)"
