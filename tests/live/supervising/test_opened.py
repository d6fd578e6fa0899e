"""Which incidents the page of a watched source shows."""

from page_visits import fill
from some_alerts import some_alert

from oddwire.live.alerts.kinds import Kind
from oddwire.live.state import store_address
from oddwire.live.supervising.opened import OpenedIncidents
from oddwire.project import Project


def test_an_old_incident_that_is_severe_is_not_crowded_out(tmp_path, monkeypatch):
    monkeypatch.delenv("ODDWIRE_ALERTS_STORE", raising=False)
    project = Project(tmp_path)
    project.live.mkdir(parents=True)
    severe = some_alert("old", unit="10.7.0.1", kind=Kind.EXFILTRATION, p=1e-12)
    ordinary = [some_alert(at, minutes=at / 10, unit=f"10.0.0.{at}") for at in range(1, 30)]
    fill(store_address(project.live), [severe, *ordinary])
    opened = OpenedIncidents(project, "office")
    found = opened.open(5)
    assert [one.unit for one in found] == [
        "10.7.0.1", "10.0.0.29", "10.0.0.28", "10.0.0.27", "10.0.0.26",
    ]  # fmt: skip
    assert len(opened.open(100)) == 30
