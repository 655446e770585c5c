import numpy as np

from bandit.worlds.draws import bits, logistic, uniform

ROWS = np.arange(20_000)


def test_a_draw_depends_on_its_own_keys_only():
    alone = uniform(7, "age", np.array([41]))
    among = uniform(7, "age", ROWS)
    assert alone[0] == among[41]


def test_streams_seeds_and_keys_are_unrelated():
    base = uniform(7, "age", ROWS)
    for other in (
        uniform(8, "age", ROWS),
        uniform(7, "plan", ROWS),
        uniform(7, "age", ROWS, np.ones_like(ROWS)),
        uniform(7, "age", ROWS + 1),
    ):
        # 1/√n is the standard error of the correlation of independent draws.
        assert abs(np.corrcoef(base, other)[0, 1]) < 4 / np.sqrt(len(ROWS))


def test_moments():
    u, z = uniform(3, "u", ROWS), logistic(3, "z", ROWS)
    assert u.min() > 0
    assert u.max() < 1
    assert abs(u.mean() - 0.5) < 4 * np.sqrt(1 / 12 / len(ROWS))
    assert abs(z.mean()) < 4 / np.sqrt(len(ROWS))
    # Var of the sample variance of a logistic: (4.2 − 1)/n.
    assert abs(z.var() - 1) < 4 * np.sqrt(3.2 / len(ROWS))


def test_bits_of_a_grid_are_distinct():
    grid = bits(0, "grid", ROWS[:200, None], np.arange(50))
    assert grid.shape == (200, 50)
    assert len(np.unique(grid)) == grid.size
