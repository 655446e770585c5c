"""Drawing and writing pages: the only place that touches the extra `report`.

Figures are Vega-Lite specifications drawn to SVG and PNG in this process; nothing is fetched, and
no script is left in the page.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

from bandit.core import files
from bandit.core.errors import DataError, UsageError
from bandit.render.style import CONFIG, Spec, narrowed

TEMPLATES = Path(__file__).parent / "templates"
VEGA_LITE = "5.20"
PNG_SCALE = 2.0
_NOT_XML = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
REMEDY = 'pip install "offer-bandit[report]"'


class MissingExtraError(UsageError):
    """The libraries that draw are not installed."""


class Figure(NamedTuple):
    """``name`` of its files; ``title`` and ``caption`` stand in the page, not in the picture."""

    name: str
    title: str
    caption: str
    spec: Spec


class Drawn(NamedTuple):
    """A figure as the page has it, wide and for a telephone.

    Images are data URIs, so that they can carry no script.
    """

    title: str
    caption: str
    image: str
    narrow: str


def need() -> None:
    """Fail early, and by name, where the extra is not installed."""
    for module in ("vl_convert", "jinja2"):
        try:
            import_module(module)
        except ImportError:
            raise MissingExtraError(
                f"reports are drawn with {module}, which is not installed: {REMEDY}"
            ) from None


def write(folder: Path, template: str, figures: list[Figure], content: Mapping[str, Any]) -> Path:
    """Draw the figures into ``folder/figures`` and write ``folder/report.html``; its path."""
    need()
    try:
        files.hold_no_link(folder, folder / "figures")
        (folder / "figures").mkdir(parents=True, exist_ok=True)
        drawn = [_draw(folder / "figures", figure) for figure in figures]
        path = folder / "report.html"
        text = page(template, {**content, "figures": drawn})
        files.write_bytes(path, text.encode(), files.SHARED_FILE)
    except OSError as e:
        raise DataError(
            f"the report could not be written to {folder}: {e.strerror or e}; name another folder"
            " with --out"
        ) from None
    except DataError as e:
        raise DataError(f"{e}; or name another folder with --out") from None
    return path


def _draw(folder: Path, figure: Figure) -> Drawn:
    convert: Any = import_module("vl_convert")
    svg = _svg({**figure.spec, "config": CONFIG})
    files.write_bytes(folder / f"{figure.name}.svg", svg.encode(), files.SHARED_FILE)
    png: bytes = convert.svg_to_png(svg, scale=PNG_SCALE)
    files.write_bytes(folder / f"{figure.name}.png", png, files.SHARED_FILE)
    narrow = _svg(narrowed(figure.spec))
    return Drawn(figure.title, figure.caption, _data_uri(svg), _data_uri(narrow))


def _svg(spec: Spec) -> str:
    convert: Any = import_module("vl_convert")
    drawable = _drawable({**spec, "background": "white"})
    return str(convert.vegalite_to_svg(drawable, vl_version=VEGA_LITE))


def _drawable(value: Any) -> Any:
    """The same with a question mark for what XML cannot hold: what draws would abort on it."""
    if isinstance(value, str):
        return _NOT_XML.sub("?", value)
    if isinstance(value, Mapping):
        return {_drawable(key): _drawable(one) for key, one in value.items()}
    return [_drawable(one) for one in value] if isinstance(value, list | tuple) else value


def _data_uri(svg: str) -> str:
    return "data:image/svg+xml;base64," + base64.b64encode(svg.encode("utf-8")).decode("ascii")


def page(template: str, content: Mapping[str, Any]) -> str:
    """The text of a page; everything that ``content`` holds is escaped."""
    jinja: Any = import_module("jinja2")
    environment = jinja.Environment(
        loader=jinja.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return str(environment.get_template(template).render(**content))
