"""Sealed segments without the people in them: their numbers stay taken, and so does their room."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import msgspec

from bandit.core import files
from bandit.core.framed import Frames, framed
from bandit.record import streams
from bandit.workflows.live import frames
from bandit.workflows.live.frames import Decided, Head, Paced, Priced, Used


def empty_sealed(campaign_folder: Path) -> None:
    """Leave in each sealed segment what its day used of the limits, its prices, and nobody.

    A segment that is gone would give its number, and so the name of its wave, to the next one of
    the day, and its contacts would count for no cap.
    """
    for segment in streams.segments(campaign_folder):
        if segment.sealed:
            used, paced = Counter[str](), None
            for _, content in Frames(segment.path):
                frame = frames.decoded(content)
                match frame:
                    case Decided(used=amounts) | Used(amounts):
                        used.update(amounts)
                match frame:
                    case Head(paced=Paced() as known) | Used(paced=Paced() as known):
                        paced = known
                    case Priced() if paced is not None:
                        paced = msgspec.structs.replace(paced, priced=frame)
            files.write_bytes(segment.path, framed(frames.encoded(Used(dict(used), paced))))
