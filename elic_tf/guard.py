"""How every command ends: with an exit code, and with one line for each thing that can go wrong."""

import sys
import warnings

from elic_tf.errors import ElicError


def guard(task, *arguments):
    """Run `task(*arguments)`; returns the exit code: 0, or 2 after one line on standard error."""
    try:
        with warnings.catch_warnings():
            warnings.showwarning = lambda message, *_: print(f"elic: warning: {message}", file=sys.stderr)
            warnings.simplefilter("always", UserWarning)
            warnings.simplefilter("ignore", DeprecationWarning)
            task(*arguments)
    except ElicError as error:
        print(f"elic: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        print(f"elic: {where}{error.strerror or error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("elic: stopped", file=sys.stderr)
        return 130
    return 0
