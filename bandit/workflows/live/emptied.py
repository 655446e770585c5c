"""Sealed segments without the people in them: their numbers stay taken, and so does their room."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from bandit.core import files
from bandit.core.framed import Frames, framed
from bandit.record import streams
from bandit.workflows.live import frames
from bandit.workflows.live.frames import Decided, Head, Paced, Priced, Used
from bandit.workflows.live.paces import Paces


def empty_sealed(campaign_folder: Path) -> None:
    """Leave in each sealed segment what its day used of the limits, its prices, and nobody.

    A segment that is gone would give its number, and so the name of its wave, to the next one of
    the day, and its contacts would count for no cap.
    """
    for segment in streams.segments(campaign_folder):
        if segment.sealed:
            used, paces = Counter[str](), Paces()
            for _, content in Frames(segment.path):
                match frames.decoded(content):
                    case Head(paced=Paced() as paced):
                        paces.begun(segment, paced)
                    case Priced() as priced:
                        paces.moved(segment, priced)
                    case Decided() as one:
                        used.update(one.used)
                        paces.uses(segment.day, one)
                    case Used() as erased:
                        used.update(erased.amounts)
                        paces.erased(segment, erased)
            day = segment.day
            left = Used(dict(used), paces.of(day), paces.paid(day))
            files.write_bytes(segment.path, framed(frames.encoded(left)))
