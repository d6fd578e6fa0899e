"""Heartbeats for Prometheus, on a port of this machine that nobody else reaches.

::

    scrape_configs:
      - job_name: oddwire
        static_configs: [{targets: ["127.0.0.1:9464"]}]
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from socketserver import ThreadingMixIn
from threading import Thread
from typing import TYPE_CHECKING, Any, Self
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from oddwire.errors import ServiceError
from oddwire.live.vitals.heartbeat import Heartbeat
from oddwire.loopback import LOOPBACK

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry
    from prometheus_client.core import Metric

HOST = "127.0.0.1"
_SECOND = 1e6  # microseconds
_POLL = 0.1  # seconds within which it ends
_APP = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]

# Name, help, and where a heartbeat has it.
_COUNTERS: tuple[tuple[str, str, Callable[[Heartbeat], float]], ...] = (
    ("oddwire_connections", "Connections scored.", lambda beat: beat.rows),
    ("oddwire_refused_lines", "Lines that were not read.", lambda beat: beat.refused),
    (
        "oddwire_late_connections",
        "Connections that ended more than ten minutes before they were known.",
        lambda beat: beat.late,
    ),
    (
        "oddwire_dropped_window_connections",
        "Connections that a cap took out of time windows before their time.",
        lambda beat: beat.dropped,
    ),
    ("oddwire_alerts", "Alerts raised.", lambda beat: beat.alerts),
    ("oddwire_incidents", "Incidents opened.", lambda beat: beat.incidents["opened"]),
)
_GAUGES: tuple[tuple[str, str, Callable[[Heartbeat], float | None]], ...] = (
    ("oddwire_incidents_open", "Incidents that are open.", lambda beat: beat.incidents["open"]),
    (
        "oddwire_suppressed_alerts",
        "Stored alerts that the allow-list keeps from being sent.",
        lambda beat: beat.suppressed,
    ),
    (
        "oddwire_lag_seconds",
        "How far the rows' clock was behind this machine's at the last heartbeat.",
        lambda beat: beat.lag_seconds,
    ),
    (
        "oddwire_last_connection_timestamp_seconds",
        "When the last connection was scored.",
        lambda beat: _seconds(beat.last_row_at),
    ),
    (
        "oddwire_heartbeat_timestamp_seconds",
        "When the last heartbeat was.",
        lambda beat: _seconds(beat.at),
    ),
)
_OF_SINKS = (
    ("oddwire_sink_delivered_messages", "Messages that a sink has taken.", "delivered", True),
    ("oddwire_sink_dropped_messages", "Messages dropped by a sink's policy.", "dropped", True),
    ("oddwire_sink_waiting_messages", "Messages that wait for a sink.", "waiting", False),
    ("oddwire_sink_dead_letters", "Messages that a sink has refused for good.", "dead", False),
)


class Metrics:
    """Serves the newest heartbeats, as a context manager.

    Counters never fall while it lives, even where a loop is started anew from an earlier state.

    Parameters
    ----------
    port
        To listen on; 0 takes a free one.

    Raises
    ------
    ServiceError
        If the port is taken, or may not be used.
    """

    def __init__(self, port: int) -> None:
        self._beats: dict[str, Heartbeat] = {}
        self._highest: dict[tuple[str, ...], float] = {}
        try:
            self._server = make_server(HOST, port, _app(self._registry()), _Server, _Quiet)
        except (OSError, OverflowError) as error:
            raise ServiceError(
                f"metrics_port must be a free port of this machine, got {port}: {error}"
            ) from None
        self._thread = Thread(
            target=self._server.serve_forever, args=[_POLL], daemon=True, name="metrics"
        )
        self._thread.start()

    @property
    def address(self) -> str:
        """Where it answers."""
        return f"http://{HOST}:{self._server.server_port}/metrics"

    def show(self, heartbeat: Heartbeat) -> None:
        """Serve a source's heartbeat from now on."""
        self._beats[heartbeat.source] = heartbeat

    def close(self) -> None:
        """Serve nothing more."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics, as prometheus_client asks for them."""
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

        beats = list(self._beats.values())
        for name, text, of in _COUNTERS:
            counter = CounterMetricFamily(name, text, labels=["source"])
            for beat in beats:
                labels = (beat.source,)
                counter.add_metric(labels, self._no_less(name, labels, of(beat)))
            yield counter
        for name, text, measured in _GAUGES:
            gauge = GaugeMetricFamily(name, text, labels=["source"])
            for beat in beats:
                if (value := measured(beat)) is not None:
                    gauge.add_metric((beat.source,), value)
            yield gauge
        for name, text, field, counts in _OF_SINKS:
            made = CounterMetricFamily if counts else GaugeMetricFamily
            family = made(name, text, labels=["source", "sink"])
            for beat in beats:
                for sink in beat.sinks:
                    labels_, value = (beat.source, sink.name), float(getattr(sink, field))
                    value = self._no_less(name, labels_, value) if counts else value
                    family.add_metric(labels_, value)
            yield family
        yield from _rates(beats)

    def _no_less(self, name: str, labels: tuple[str, ...], value: float) -> float:
        key = (name, *labels)
        self._highest[key] = max(value, self._highest.get(key, 0.0))
        return self._highest[key]

    def _registry(self) -> CollectorRegistry:
        from prometheus_client import CollectorRegistry, ProcessCollector

        registry = CollectorRegistry(auto_describe=False)
        ProcessCollector(registry=registry)  # memory, processor time and open files
        registry.register(self)
        return registry


def _rates(beats: Iterable[Heartbeat]) -> Iterator[Metric]:
    """Yield what was observed and the target, by what it is counted in, and the model."""
    from prometheus_client.core import GaugeMetricFamily

    observed = GaugeMetricFamily(
        "oddwire_observed_rate", "Alarms observed, false or not, in the target's unit.",
        labels=["source", "counted", "over"],
    )  # fmt: skip
    target = GaugeMetricFamily(
        "oddwire_target_rate", "False alarms that there may be.", labels=["source", "counted"]
    )
    model = GaugeMetricFamily(
        "oddwire_model_info", "The model that scores.", labels=["source", "name", "version"]
    )
    for beat in beats:
        for over, lately in beat.observed.items():
            if lately is not None:
                observed.add_metric((beat.source, lately.name, over), lately.value)
        for name, value in beat.target.items():
            target.add_metric((beat.source, name), value)
        if beat.model:
            names = (beat.model.get(name, "") for name in ("name", "version"))
            model.add_metric((beat.source, *names), 1.0)
    yield from (observed, target, model)


def _seconds(moment: int | None) -> float | None:
    return None if moment is None else moment / _SECOND


def _app(registry: CollectorRegistry) -> _APP:
    from prometheus_client import make_wsgi_app

    served: _APP = make_wsgi_app(registry)

    def app(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        # A page in a browser could have its own name resolved to this machine, and read along.
        if not _is_local(environ):
            start("403 Forbidden", [("Content-Type", "text/plain")])
            return [b"metrics are for this machine alone\n"]
        return served(environ, start)

    return app


def _is_local(environ: Mapping[str, Any]) -> bool:
    host = str(environ.get("HTTP_HOST", HOST)).lower()
    name = host.rpartition(":")[0] if host.rpartition(":")[2].isdigit() else host
    return name.strip("[]") in LOOPBACK


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _Quiet(WSGIRequestHandler):
    timeout = 10.0  # seconds: who connects and says nothing does not keep others waiting for good

    def log_message(self, *_: object) -> None:
        """Write no line for each scrape."""
