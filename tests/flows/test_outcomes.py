"""Flow runs end in states that say what came of them, against a real Prefect server."""

from __future__ import annotations

import pytest
from prefect import flow, task
from prefect.logging.handlers import APILogWorker
from prefect_client import prefect_client

from flows.outcomes import Outcome, ended
from oddwire.errors import DataError

pytestmark = pytest.mark.slow


def newest(server, flow_name):
    """The newest run of a flow, and its log."""
    api = prefect_client(server)
    runs = api.post(
        "/flow_runs/filter",
        json={"flows": {"name": {"any_": [flow_name]}}, "sort": "START_TIME_DESC", "limit": 1},
    ).json()
    APILogWorker.drain_all(timeout=10, at_exit=False)
    lines = api.post(
        "/logs/filter",
        json={"logs": {"flow_run_id": {"any_": [runs[0]["id"]]}}, "sort": "TIMESTAMP_ASC"},
    ).json()
    return runs[0], [line["message"] for line in lines]


def told(count):
    return Outcome(name="Counted", sentence=f"{count} rows", links={"report": "r.html"})


def test_the_state_is_named_for_the_result_and_the_log_ends_with_it(prefect_server):
    @flow(name="counts")
    def counts() -> int:
        return ended(lambda: 3, told)

    assert counts() == 3
    run, log = newest(prefect_server, "counts")
    assert run["state"]["type"] == "COMPLETED"
    assert run["state"]["name"] == "Counted"
    assert run["state"]["message"] == "3 rows"
    assert "Counted: 3 rows\nreport: r.html" in log[-2:]


def test_a_mistake_of_the_users_is_one_line_without_a_traceback(prefect_server):
    @task
    def read() -> int:
        raise DataError("rows.csv does not exist")

    @flow(name="reads")
    def reads() -> int:
        return ended(read, told)

    with pytest.raises(DataError, match=r"rows\.csv does not exist"):
        reads()
    run, log = newest(prefect_server, "reads")
    assert run["state"]["type"] == "FAILED"
    assert run["state"]["message"] == "rows.csv does not exist"
    assert "rows.csv does not exist" in log
    assert not [line for line in log if "Traceback" in line]


def test_names_from_a_file_are_harmless_in_states_and_logs(prefect_server):
    hostile = "column \x1b[31m\nred" + "x" * 5000

    @task
    def read() -> int:
        raise DataError(hostile)

    @flow(name="reads-hostile")
    def reads() -> int:
        return ended(read, told)

    with pytest.raises(DataError):
        reads()
    run, log = newest(prefect_server, "reads-hostile")
    ours = [line for line in log if line.startswith("column")]
    assert len(ours) == 2, "the task's line and the flow's"
    for text in (run["state"]["message"], *ours):
        assert text.startswith("column \N{REPLACEMENT CHARACTER}[31m redx")
        assert len(text) == 2000
    assert not [line for line in log if "\x1b" in line]


def test_a_fault_of_ours_keeps_its_traceback(prefect_server):
    @task
    def divide() -> float:
        return 1 / 0

    @flow(name="divides")
    def divides() -> float:
        return ended(divide, told)

    with pytest.raises(ZeroDivisionError):
        divides()
    _, log = newest(prefect_server, "divides")
    assert [line for line in log if "Traceback" in line]


def test_a_fault_of_ours_tells_no_password_and_a_file_no_escape_code(prefect_server):
    @task
    def connect() -> None:
        raise RuntimeError("no answer from http://joe:SEcretONE@host")

    @flow(name="connects")
    def connects() -> None:
        return ended(connect, told)

    with pytest.raises(RuntimeError, match=r"http://\*\*\*@host"):
        connects()
    run, log = newest(prefect_server, "connects")
    assert "SEcret" not in "".join([run["state"]["message"], *log])

    @flow(name="reads a name")
    def reads() -> None:
        def read() -> None:
            raise DataError("to\x1b[31mday.csv does not exist")

        return ended(read, told)

    with pytest.raises(DataError):
        reads()
    run, log = newest(prefect_server, "reads a name")
    assert run["state"]["message"] == "to\N{REPLACEMENT CHARACTER}[31mday.csv does not exist"
    assert "\x1b" not in "".join(log)
