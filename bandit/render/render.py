"""Drawing and writing pages: the only place that touches the extra `report`.

Figures are Vega-Lite specifications drawn to SVG and PNG in this process; nothing is fetched, and
no script is left in the page.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

from bandit.core.errors import DataError, UsageError
from bandit.render.style import CONFIG, Spec, narrowed

TEMPLATES = Path(__file__).parent / "templates"
VEGA_LITE = "5.20"
PNG_SCALE = 2.0
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
        (folder / "figures").mkdir(parents=True, exist_ok=True)
        drawn = [_draw(folder / "figures", figure) for figure in figures]
        page = folder / "report.html"
        page.write_text(_page(template, {**content, "figures": drawn}), encoding="utf-8")
    except OSError as e:
        raise DataError(
            f"the report could not be written to {folder}: {e.strerror or e}; name another folder"
            " with --out"
        ) from None
    return page


def _draw(folder: Path, figure: Figure) -> Drawn:
    convert: Any = import_module("vl_convert")
    svg = _svg({**figure.spec, "config": CONFIG})
    (folder / f"{figure.name}.svg").write_text(svg, encoding="utf-8")
    png: bytes = convert.svg_to_png(svg, scale=PNG_SCALE)
    (folder / f"{figure.name}.png").write_bytes(png)
    narrow = _svg(narrowed(figure.spec))
    return Drawn(figure.title, figure.caption, _data_uri(svg), _data_uri(narrow))


def _svg(spec: Spec) -> str:
    convert: Any = import_module("vl_convert")
    return str(convert.vegalite_to_svg({**spec, "background": "white"}, vl_version=VEGA_LITE))


def _data_uri(svg: str) -> str:
    return "data:image/svg+xml;base64," + base64.b64encode(svg.encode("utf-8")).decode("ascii")


def _page(template: str, content: Mapping[str, Any]) -> str:
    jinja: Any = import_module("jinja2")
    environment = jinja.Environment(
        loader=jinja.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return str(environment.get_template(template).render(**content))
