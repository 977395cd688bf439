from __future__ import annotations

import subprocess
import sys

import pytest

SCRIPT = """
from IPython.core.interactiveshell import InteractiveShell
import os
os.environ["MAILER_KEY"] = "plover-77xkT-91ab"
shell = InteractiveShell(colors="nocolor")
shell.run_cell("from modelpact.signature import parse")
shell.run_cell("parse({'inputs': {'age': 'plover-77xkT-91ab'}})")
shell.run_cell("import sys, traceback; traceback.print_exception(sys.last_value, file=sys.stdout)")
"""


@pytest.mark.slow
def test_ipython_prints_the_message_and_the_remedy_without_secrets() -> None:
    pytest.importorskip("IPython")
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True
    )
    short, _, full = done.stdout.partition("Traceback: import sys")
    assert short.startswith("SpecError: ")
    assert "[redacted]" in short
    assert "plover" not in short
    assert "File" not in short
    assert "in parse" in full
