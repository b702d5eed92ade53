"""What a stranger installs: the two lists of requirements agree, and the package carries its weights."""

import pathlib
import re
import subprocess
import sys
import tomllib

import pytest

import elic_tf
from elic_tf import weights

ROOT = pathlib.Path(__file__).parent.parent


@pytest.fixture(scope="module")
def project():
    return tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def requirement(text):
    """Name and sorted bounds of a requirement."""
    name, bounds = re.fullmatch(r"([A-Za-z0-9_-]+)\s*([<>=!~.,0-9 ]*)", text.strip()).groups()
    return name.lower().replace("_", "-"), tuple(sorted(bounds.replace(" ", "").split(",")))


def test_environment_yml_has_the_bounds_of_pyproject(project):
    lines = (ROOT / "environment.yml").read_text().splitlines()
    listed = {requirement(line.split("- ", 1)[1]) for line in lines if re.match(r"\s+- [a-z].*[<>=]", line)}
    extras = project["optional-dependencies"]
    wanted = {requirement(line) for line in project["dependencies"]}
    wanted |= {
        requirement(line)
        for name in ("photos", "judge", "bench", "identity", "qr", "notebooks")
        for line in extras[name]
    }
    wanted.add(requirement(f"python{project['requires-python']}"))
    assert listed == wanted


def test_version_is_said_once_only_by_the_package(project):
    assert project["version"] == elic_tf.__version__


def test_every_model_has_weights_a_card_and_its_own_number():
    numbers = [entry.number for entry in weights.MODELS.values()]
    assert len(set(numbers)) == len(numbers) and all(0 <= number < 15 for number in numbers)
    for name, entry in weights.MODELS.items():
        assert weights.path(name).is_file()
        card = weights.path(name).with_suffix(".md").read_text()
        for word in ("Data", "Split", "Recipe", "Results", "Licence", entry.file):
            assert word in card, f"the card of {name} does not say: {word}"


def test_shipped_weights_are_small():
    assert sum(path.stat().st_size for path in (ROOT / "elic_tf" / "weights").iterdir() if path.is_file()) < 20e6


def test_names_resolve_lazily_and_wrong_ones_say_what_there_is():
    assert elic_tf.Codec.default() in elic_tf.Codec.available()
    with pytest.raises(AttributeError, match="Codec"):
        elic_tf.Codek  # noqa: B018


def test_make_without_a_target_lists_the_targets():
    done = subprocess.run(["make", f"PYTHON={sys.executable}"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0
    assert "make demo" in done.stdout and "make test" in done.stdout
