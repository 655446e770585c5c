"""What the server counts, in Prometheus' format; no customer is in any label."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter as Counts
from collections.abc import Iterator
from itertools import accumulate

from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest
from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector

from bandit.workflows.live.frames import Paced

_SECONDS = (0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.064, 0.128, 0.256, 0.512, 1.0, 4.0)


class _Answers(Collector):
    """Answers by route and status, and how long they took.

    Each answer is counted, so what is counted is put into Prometheus' form when it is asked for.
    """

    def __init__(self) -> None:
        self._by = Counts[tuple[str, int]]()
        self._times: dict[str, list[int]] = {}
        self._sums: dict[str, float] = {}

    def add(self, route: str, status: int, seconds: float) -> None:
        self._by[route, status] += 1
        times = self._times.get(route)
        if times is None:
            times = self._times[route] = [0] * (len(_SECONDS) + 1)
            self._sums[route] = 0.0
        times[bisect_left(_SECONDS, seconds)] += 1
        self._sums[route] += seconds

    def collect(self) -> Iterator[CounterMetricFamily | HistogramMetricFamily]:
        told = "Requests by route and status"
        requests = CounterMetricFamily("bandit_requests", told, labels=["route", "status"])
        for (route, status), count in self._by.items():
            requests.add_metric([route, str(status)], count)
        yield requests
        told = "From a request's last byte to its answer"
        spent = HistogramMetricFamily("bandit_request_seconds", told, labels=["route"])
        bounds = [*(str(bound) for bound in _SECONDS), "+Inf"]
        for route, times in self._times.items():
            buckets = list(zip(bounds, accumulate(times), strict=True))
            spent.add_metric([route], buckets, self._sums[route])
        yield spent


class Metrics:
    """One server's figures."""

    def __init__(self) -> None:
        registry = self._registry = CollectorRegistry()
        self._answers = _Answers()
        registry.register(self._answers)
        self.events = Counter(
            "bandit_events", "Events of triggers by what they came to", ["fate"],
            registry=registry,
        )  # fmt: skip
        self.sent = Counter(
            "bandit_webhook", "Contacts by channel and what became of them",
            ["channel", "fate"], registry=registry,
        )  # fmt: skip
        self.commits = Gauge("bandit_commits", "Group commits so far", registry=registry)
        self.ready = Gauge("bandit_ready", "1 while decisions are made", registry=registry)
        self.customers = Gauge("bandit_customers", "Customers known today", registry=registry)

        self.shadow = Gauge(
            "bandit_shadow",
            "Of the shadow policy: slots compared, mean probability that it gives to what was done,"
            " mean expected worth of its picks over the served ones",
            ["figure"], registry=registry,
        )  # fmt: skip

        self.price = Gauge(
            "bandit_price", "What a unit of a limit is charged now, in the reward's unit",
            ["limit", "whose"], registry=registry,
        )  # fmt: skip
        self.price_epoch = Gauge(
            "bandit_price_epoch", "How often prices have moved today", registry=registry
        )

    def priced(self, paced: Paced | None) -> None:
        """Tell of the prices, if they move."""
        if paced is None:
            return
        self.price_epoch.set(paced.priced.epoch)
        for whose, prices in zip(paced.whose, paced.priced.prices, strict=True):
            for limit, price in zip(paced.limits, prices, strict=True):
                self.price.labels(limit, whose).set(price)

    def beside(self, decisions: int, agreed: float, lift: float) -> None:
        """Tell of the shadow, by sums over ``decisions``."""
        if decisions:
            figures = (decisions, agreed / decisions, lift / decisions)
            for name, value in zip(("decisions", "agreement", "lift"), figures, strict=True):
                self.shadow.labels(name).set(value)

    def answered(self, route: str, status: int, seconds: float) -> None:
        """Count an answer."""
        self._answers.add(route, status, seconds)

    def text(self) -> bytes:
        """All of them."""
        return generate_latest(self._registry)
