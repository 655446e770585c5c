"""LinUCB replayed through a uniform log, row by row from the papers."""

from __future__ import annotations

import numpy as np


def lin_ucb_replay(x, actions, rewards, k, wave_rows, alpha=1.0, ridge=1.0, window=0):
    """Total reward and number of matches of each wave."""
    n, d = x.shape
    precision, shift = np.array([ridge * np.eye(d)] * k), np.zeros((k, d))
    waiting, found = [], []
    for wave, start in enumerate(range(0, n, wave_rows)):
        while waiting and waiting[0][0] + window < wave:
            for row in waiting.pop(0)[1]:
                a = actions[row]
                precision[a] += np.outer(x[row], x[row])
                shift[a] += rewards[row] * x[row]
        matched = []
        for row in range(start, min(start + wave_rows, n)):
            scores = []
            for a in range(k):
                inverse = np.linalg.inv(precision[a])
                width = np.sqrt(x[row] @ inverse @ x[row])
                scores.append(x[row] @ inverse @ shift[a] + alpha * width)
            if int(np.argmax(scores)) == actions[row]:
                matched.append(row)
        waiting.append((wave, matched))
        found.append((sum(rewards[row] for row in matched), len(matched)))
    return np.array(found)
