"""How much of each source the map of ids knows, and what it leaves out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from bandit.config.campaign import Campaign
from bandit.config.identity import OWN, ROLE
from bandit.core import sql
from bandit.core.problems import shown
from bandit.core.wording import counted
from bandit.sources import identity, identity_map
from bandit.sources.columns import key_column
from bandit.sources.connection import Database


class Coverage(NamedTuple):
    """Different ids of a kind in a source, how many are somebody's, and one that is nobody's."""

    source: str
    kind: str
    ids: int
    matched: int
    example: str | None


def of_sources(database: Database, campaign: Campaign, *, lacking: bool = False) -> list[Coverage]:
    """Of each source whose rows do not have our own keys; ``lacking``: only of those of strangers.

    Different ids are counted in memory, so that nobody counts who has no need.
    """
    if database.known is None:
        return []
    found = []
    for role, table in database.tables.items():
        section = identity.section_of(campaign, role)
        if section is None or section.id is None or section.customer not in table.columns:
            continue
        if lacking and not _strangers(database, table.view):
            continue
        ids, matched, example = database.rows(
            f"SELECT count(*), count(*) FILTER (matched), min(id) FILTER (NOT matched) FROM"
            f" (SELECT {identity.WRITTEN} AS id, bool_or({identity.OWNER} IS NOT NULL) AS matched"
            f" FROM {table.view} WHERE {identity.WRITTEN} IS NOT NULL GROUP BY 1)"
        )[0]
        found.append(Coverage(table.shown, section.id, int(ids), int(matched), example))
    return found


def _strangers(database: Database, view: str) -> bool:
    """Whether any row of a source has an id that is nobody's.

    Counted: where the map has no row that is valid, DuckDB 2.0.1 answers EXISTS with no, for it
    leaves out the limit of the one row that it compares with 1.
    """
    odd = f"{identity.WRITTEN} IS NOT NULL AND {identity.OWNER} IS NULL"
    return bool(database.rows(f"SELECT count(*) FROM {view} WHERE {odd}")[0][0])


def notes(database: Database, campaign: Campaign) -> list[str]:
    """Sentences about ids that are nobody's, customers who became others, and the map's own."""
    covered = of_sources(database, campaign, lacking=True)
    lacking = (one for one in covered if one.example is not None)
    return [*map(_sentence, lacking), *_of_map(database, campaign)]


def _sentence(one: Coverage) -> str:
    return (
        f"{one.source}: {one.matched:,} of {one.ids:,} ids {one.kind!r} are in the map"
        f" ({one.matched / one.ids:.1%}), not {shown(one.example)}: those count for nobody"
    )


_MANY = 100
"""So many keys nobody has: an id that stands for none links them."""


def _of_map(database: Database, campaign: Campaign) -> Iterator[str]:
    known = database.known
    if known is None or "customers" not in database.tables:
        return
    people = (
        f"SELECT {key_column(database, campaign)} AS id FROM {database.tables['customers'].view}"
    )
    where = database.table(ROLE).shown
    if known.people.person:
        gone, example = database.rows(
            f"SELECT count(*), min(id) FROM {identity_map.MERGED} WHERE other NOT IN"
            f" (SELECT id FROM ({people}) WHERE id IS NOT NULL)"
        )[0]
        yield (
            f"{where}: {counted(len(known.people.person), 'customer')} became others; their own"
            " rows are left out, and what is known of them counts for who they are now"
        )
        if gone:
            yield (
                f"{where}: {gone:,} of them became somebody who is not among the customers, such as"
                f" {shown(example)}: nobody decides for them"
            )
    largest = max(known.people.together, key=len, default=())
    if len(largest) > _MANY:
        yield (
            f"{where}: {len(largest):,} customers are linked as one person, such as"
            f" {shown(largest[0])}: does a row name a customer who stands for nobody? a refusal of"
            " one refuses all"
        )
    outside, example = database.rows(
        f"SELECT count(*), min(owner) FROM (SELECT DISTINCT owner FROM {identity_map.GIVEN}"
        f" WHERE folded <> {sql.text(OWN)} AND owner IS NOT NULL"
        f" AND owner NOT IN (SELECT id FROM ({people}) WHERE id IS NOT NULL)"
        f" AND owner NOT IN (SELECT id FROM {identity_map.MERGED}))"
    )[0]
    if outside:
        yield (
            f"{where}: ids of {counted(outside, 'customer who is', 'customers who are')} not among"
            f" the customers, such as {shown(example)}"
        )
    later = database.rows(
        f"SELECT count(*) FROM {identity_map.GIVEN} WHERE greatest(since, known) > {known.moment}"
    )[0][0]
    if later:
        rows = counted(later, "row is", "rows are")
        yield f"{where}: {rows} valid from later on, and counted for nothing yet"
