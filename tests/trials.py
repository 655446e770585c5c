"""Experiments of campaigns in tests: their files, and where they lie."""

from __future__ import annotations

from pathlib import Path

NET = '[[metric]]\nname = "net"\nrole = "primary"\nvalue = "net"\nminimum_effect = 0.5\n'
SPRING = """
hypothesis = "the learner earns more than silence"
population = "age > 25"
layer = "offers"
share = 0.5
start = 2026-11-09
waves = 3
cooldown_days = 28
[[arm]]
name = "peace"
share = 0.2
policy = "no_contact"
[[arm]]
name = "rules"
share = 0.4
policy = "rules"
[[arm]]
name = "only"
share = 0.1
policy = ["music/email", "fibre/sms"]
[[arm]]
name = "learned"
share = 0.3
policy = "learned"
[[metric]]
name = "net"
role = "primary"
value = "net"
covariate = "spend"
minimum_effect = 0.5
[[metric]]
name = "refusals"
role = "guardrail"
value = "events.refusal"
margin = 0.05
harm = "higher"
[[metric]]
name = "bought"
role = "secondary"
value = "responded"
"""
"""Four arms, three metrics, among those over 25."""
PINNED = 'policy = "snapshot"\nsnapshot = "000001"'
LEARNED = 'policy = "learned"'


def declared(
    arms: dict[str, tuple[float, str]],
    *,
    start: str,
    share: float,
    waves: int = 3,
    more: str = "",
    metrics: str = NET,
) -> str:
    """``arms``: share and policy by name, either a policy's name or lines of TOML."""
    parts = [
        'hypothesis = "one arm earns more than another"\n'
        f'layer = "offers"\nshare = {share}\nstart = {start}\nwaves = {waves}\n'
        f"cooldown_days = 28\n{more}"
    ]
    for name, (part, policy) in arms.items():
        lines = policy if "=" in policy else f'policy = "{policy}"'
        parts.append(f'[[arm]]\nname = "{name}"\nshare = {part}\n{lines}\n')
    return "".join(parts) + metrics


def written(folder: Path, text: str = SPRING, name: str = "spring") -> None:
    (folder / "experiments").mkdir(exist_ok=True)
    (folder / "experiments" / f"{name}.toml").write_text(text)
