"""What the server counts, in Prometheus' format; no customer is in any label."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

_SECONDS = (0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.064, 0.128, 0.256, 0.512, 1.0, 4.0)


class Metrics:
    """One server's figures."""

    def __init__(self) -> None:
        registry = self._registry = CollectorRegistry()
        self._children: dict[tuple[str, int], tuple[Counter, Histogram]] = {}
        self._requests = Counter(
            "bandit_requests", "Requests by route and status", ["route", "status"],
            registry=registry,
        )  # fmt: skip
        self._seconds = Histogram(
            "bandit_request_seconds", "From a request's last byte to its answer", ["route"],
            buckets=_SECONDS, registry=registry,
        )  # fmt: skip
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

    def beside(self, decisions: int, agreed: float, lift: float) -> None:
        """Tell of the shadow, by sums over ``decisions``."""
        if decisions:
            figures = (decisions, agreed / decisions, lift / decisions)
            for name, value in zip(("decisions", "agreement", "lift"), figures, strict=True):
                self.shadow.labels(name).set(value)

    def answered(self, route: str, status: int, seconds: float) -> None:
        """Count an answer."""
        found = self._children.get((route, status))
        if found is None:
            found = self._requests.labels(route, status), self._seconds.labels(route)
            self._children[route, status] = found
        count, spent = found
        count.inc()
        spent.observe(seconds)

    def text(self) -> bytes:
        """All of them."""
        return generate_latest(self._registry)
