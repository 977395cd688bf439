"""How long the command line takes before any work: `python benchmarks/startup.py`."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from turns import NAIVE, OURS, in_turn, row, seconds

BARE = "import hydra\nhydra.main(version_base='1.3', config_path=None)(lambda cfg: None)()\n"


def main() -> None:
    with tempfile.TemporaryDirectory() as cache:
        bare = Path(cache) / "bare.py"
        bare.write_text(BARE, encoding="utf-8")
        for what, arguments in {
            "--help": ["--help"],
            "composing (--cfg job)": ["--cfg", "job"],
        }.items():
            commands = [
                [*NAIVE, *arguments],
                [*OURS, *arguments],
                [sys.executable, str(bare), *arguments],
            ]
            measures = [
                lambda folder, command=command: seconds(command, folder, Path(cache))
                for command in commands
            ]
            naive, ours, floor = in_turn(9, *measures)
            print(row(what, naive, ours, 5))
            print(row("  the floor: a bare Hydra program", naive, floor, 1))


if __name__ == "__main__":
    main()
