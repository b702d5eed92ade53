"""Shared fixtures. Tests that need real photographs skip, saying so, where there are none."""

import os
import pathlib

import pytest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")


@pytest.fixture(scope="session")
def faces_root():
    """The folder with `celeba/` and `utkface/`, from ELIC_DATA."""
    root = os.environ.get("ELIC_DATA")
    if not root or not pathlib.Path(root, "celeba").is_dir():
        pytest.skip("needs the real faces: set ELIC_DATA to the folder that holds celeba/ and utkface/")
    return pathlib.Path(root)
