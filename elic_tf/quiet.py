"""Keeping the start-up notes of compiled libraries off the terminal."""

import contextlib
import os


@contextlib.contextmanager
def quiet():
    """Silence file descriptor 2 for a while.

    TensorFlow and LiteRT write their notes there directly, TensorFlow before its own log level counts. What goes wrong
    they raise, so nothing is lost.
    """
    try:
        saved = os.dup(2)
    except OSError:  # no standard error at all: nothing to keep quiet
        yield
        return
    try:
        with open(os.devnull, "wb") as nowhere:
            os.dup2(nowhere.fileno(), 2)
        yield
    finally:
        os.dup2(saved, 2)
        os.close(saved)
