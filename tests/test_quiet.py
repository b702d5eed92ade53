"""What a compiled library writes to standard error stays off the terminal; what comes after is seen again."""

import subprocess
import sys

SCRIPT = """
import os
from elic_tf.quiet import quiet
with quiet():
    os.write(2, b"note")
os.write(2, b"error")
"""


def test_only_what_is_written_meanwhile_is_silenced():
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True)
    assert done.stderr == "error"


def test_a_closed_standard_error_is_no_problem():
    script = "import os; os.close(2)\nfrom elic_tf.quiet import quiet\nwith quiet(): print('done')"
    done = subprocess.run([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, check=True)
    assert done.stdout == "done\n"
