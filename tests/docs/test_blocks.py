"""The harness that holds the manual to what the program prints tells a page that is wrong."""

from __future__ import annotations

import pytest

from tests.docs import blocks

PAGE = """# A page
```sh
never run
```
```console
$ echo one; echo two
one
two
$ echo a \\
> b
a b
```
"""


@pytest.fixture
def page(tmp_path):
    path = tmp_path / "page.md"
    path.write_text(PAGE, encoding="utf-8")
    return path


def test_commands_and_their_lines_are_found(page):
    first, second = blocks.commands(page)
    assert (first.text, first.expected) == ("echo one; echo two", ["one", "two"])
    assert (second.text, second.expected) == ("echo a b", ["a b"])


def test_what_is_printed_is_compared(page, tmp_path):
    first = blocks.commands(page)[0]
    printed = blocks.run(first.text, tmp_path)
    assert blocks.agrees(first.expected, printed)
    assert not blocks.agrees(["one", "three"], printed)


def test_an_update_writes_what_is_printed_and_only_there(page, tmp_path):
    page.write_text(PAGE.replace("two\n$", "three\n$"), encoding="utf-8")
    assert blocks.updated(page, tmp_path) == PAGE


@pytest.mark.parametrize(
    ("expected", "agrees"),
    [
        (["a 1", "b"], True),
        (["a ...", "b"], True),
        (["...", "b"], True),
        (["a 1"], False),
        (["a 1", "b", "c"], False),
        (["a.1", "b"], False),
    ],
)
def test_dots_stand_for_any_text(expected, agrees):
    assert blocks.agrees(expected, ["a 1", "b"]) is agrees


def test_the_campaign_folder_is_not_part_of_the_output(tmp_path):
    assert blocks.run("pwd; echo $PWD/x", tmp_path) == [".", "x"]


def test_a_block_starts_with_a_command(page):
    page.write_text("```console\necho\n```\n", encoding="utf-8")
    with pytest.raises(AssertionError, match="starts with"):
        blocks.commands(page)
