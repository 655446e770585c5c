"""`python -m tests.docs [--update] [PAGE...]`: every command of the manual, run and compared."""

from __future__ import annotations

import argparse
import difflib
import sys
import tempfile
from pathlib import Path

from tests.docs import blocks


def main() -> int:
    """Run the pages; the number of commands that print something else than their page says."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument(
        "--update", action="store_true", help="write what is printed into the page"
    )
    options.add_argument("pages", nargs="*", type=Path)
    given = options.parse_args()
    wrong = count = 0
    for page in given.pages or blocks.pages():
        with tempfile.TemporaryDirectory() as made:
            folder = blocks.prepare(Path(made).resolve())
            if given.update:
                page.write_text(blocks.updated(page, folder), encoding="utf-8")
                continue
            for command in blocks.commands(page):
                if blocks.lacks_data(command.text):
                    sys.stdout.write(f"{page}: not run, the real data lack: $ {command.text}\n")
                    continue
                printed = blocks.run(command.text, folder)
                count += 1
                if not blocks.agrees(command.expected, printed):
                    wrong += 1
                    told = difflib.unified_diff(
                        command.expected, printed, "page", "printed", n=1, lineterm=""
                    )
                    sys.stdout.write(f"{page}: $ {command.text}\n" + "\n".join(told) + "\n")
    sys.stdout.write(f"{count} commands of the manual run, {wrong} print something else\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
