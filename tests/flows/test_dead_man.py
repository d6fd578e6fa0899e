"""Prefect's server misses the heartbeats of a watcher, and a webhook hears of it."""

from __future__ import annotations

import datetime as dt
import json
import time

import httpx
import pytest
from command_line import wait_until
from prefect.settings import PREFECT_API_URL, temporary_settings
from prefect_client import prefect_client
from sink_servers import Hook, free_port, webhook

from flows.dead_man import DeadMan, payload_of, return_notice, silence_notice
from flows.notifications import tell
from oddwire.cli.servers.processes import drain_prefect
from oddwire.live.vitals.vitals import Vitals

SILENT = dt.timedelta(seconds=10)  # Prefect takes nothing shorter


def test_a_heartbeat_s_event_has_no_text_of_the_wire():
    vitals = Vitals("office", {"name": "isolation_forest", "version": "3"})
    vitals.notice("<script>of a log")
    told = payload_of(vitals.heartbeat())
    assert told["model"] == {"name": "isolation_forest", "version": "3"}
    assert "script" not in json.dumps(told)


def test_where_the_server_is_gone_a_run_begins_all_the_same():
    with temporary_settings({PREFECT_API_URL: f"http://127.0.0.1:{free_port()}/api"}):
        dead_man = DeadMan("office")
        with pytest.raises(httpx.ConnectError):  # which the page of the run takes
            dead_man.beat(heartbeat("office"))


def heartbeat(source):
    return Vitals(source).heartbeat()


@pytest.fixture
def hook(prefect_server):
    """A webhook that is told of watchers."""
    with webhook(Hook(free_port())) as served:
        tell(served.address, silence_notice(SILENT), return_notice())
        yield served
        tell(None, return_notice())
        with prefect_client(prefect_server) as client:
            for one in client.post("/automations/filter", json={}).json():
                client.delete(f"/automations/{one['id']}")


def sent(hook):
    """What the webhook was told, and of which source."""
    bodies = [json.loads(body) for _, body in hook.got]
    return [(body["told"], body["source"]) for body in bodies]


@pytest.mark.slow
def test_a_silence_is_told_once_and_so_is_its_end(hook):
    lively, silent, stopped = (DeadMan(name, SILENT) for name in ("lively", "silent", "stopped"))
    silent.beat(heartbeat("silent"))
    stopped.beat(heartbeat("stopped"))
    stopped.stopped(heartbeat("stopped"))

    def told(count):
        lively.beat(heartbeat("lively"))
        drain_prefect()
        return len(hook.got) >= count

    wait_until(lambda: time.sleep(1) or told(1), 60, "word of the silence")
    assert sent(hook) == [("oddwire.watch.silent", "silent")]
    ((_, body),) = hook.got
    assert json.loads(body)["last_heartbeat"]["state"] == "running"
    assert "silent is not watched any more" in json.loads(body)["text"]
    # Not a second time, however long it lasts.
    until = time.monotonic() + 25
    while time.monotonic() < until:
        told(2)
        time.sleep(1)
    assert len(hook.got) == 1
    again = DeadMan("silent", SILENT)  # another process: it knows from Prefect's events alone
    again.beat(heartbeat("silent"))
    wait_until(lambda: time.sleep(1) or again.beat(heartbeat("silent")) or told(2), 30, "the end")
    assert sent(hook)[1:] == [("oddwire.watch.back", "silent")]


@pytest.mark.slow
def test_who_was_stopped_is_not_back(hook):
    first = DeadMan("quiet", dt.timedelta(0))

    def last_heard():
        return DeadMan("quiet", dt.timedelta(0))._last_heartbeat()

    first.beat(heartbeat("quiet"))
    wait_until(last_heard, 30, "the heartbeat to be kept")
    first.stopped(heartbeat("quiet"))
    wait_until(lambda: last_heard() is None, 30, "the end to be kept")
    DeadMan("quiet", dt.timedelta(0)).beat(heartbeat("quiet"))
    drain_prefect()
    time.sleep(3)
    assert hook.got == []


@pytest.mark.slow
def test_without_a_webhook_the_silence_is_an_event_all_the_same(prefect_server):
    def kept():
        with prefect_client(prefect_server) as client:
            found = client.post("/automations/filter", json={}).json()
        return {one["name"]: [each["type"] for each in one["actions"]] for one in found}

    tell(None, silence_notice(), return_notice())
    assert kept() == {silence_notice().name: ["do-nothing"]}
    tell("http://127.0.0.1:9/T0KEN", silence_notice(), return_notice())
    assert kept() == {
        silence_notice().name: ["call-webhook"], return_notice().name: ["call-webhook"]
    }  # fmt: skip
    tell(None, silence_notice(), return_notice())
    assert kept() == {silence_notice().name: ["do-nothing"]}
