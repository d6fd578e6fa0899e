"""A project that is up takes no orders from strangers: other web pages, other names for 127.0.0.1.

Tried by raw requests, and by a real browser on a page of another origin.
"""

from __future__ import annotations

import json
import signal
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import psutil
import pytest
from browser import browser
from command_line import wait_until
from prefect_client import prefect_client
from served import PAGES, free_ports, serving
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from oddwire.cli.servers import processes

pytestmark = pytest.mark.slow
FOREIGN = [
    {"Host": "evil.example"},
    {"Host": "10.evil.example"},  # which MLflow by itself takes for a private network
    {"Origin": "http://evil.example"},
    {"Origin": "http://127.0.0.1:9"},
    {"Origin": "null"},
    {"Host": "evil.example", "Origin": "http://evil.example"},
]
READS = {
    "prefect": "/api/health", "mlflow": "/version", "evidently": "/api/projects",
    "incidents": "/healthz",
}  # fmt: skip
ORDERS = {
    "mlflow": ("/api/2.0/mlflow/experiments/create", {"name": "theirs"}),
    "evidently": ("/api/projects", {"name": "theirs"}),
    "incidents": ("/api/incidents", {"name": "theirs"}),
}
EVERYWHERE = "MAP evil.example 127.0.0.1"  # as the owner of a name may answer

# What a page can try without asking anybody: plain requests, a form, a beacon, a socket.
TRIES = """<!doctype html><title>trying</title><form method="post" enctype="text/plain"
target="inside"><input name='{"name":"theirs","x":"' value='"}'></form><iframe name="inside">
</iframe><script>
const attempt = async (address, body, options) => {
  try { return (await fetch(address, {method: "POST", body: body, ...options})).status; }
  catch (error) { return "" + error; }
};
const listen = (address) => new Promise((done) => {
  const socket = new WebSocket(address);
  socket.onopen = () => done("open");
  socket.onerror = () => done("refused");
});
(async () => {
  const said = [];
  for (const [address, body] of ORDERS) {
    const as = (type) => ({headers: {"Content-Type": type}});
    said.push(await attempt(address, body, as("application/json")));
    said.push(await attempt(address, body, {mode: "no-cors", ...as("text/plain")}));
    said.push(await attempt(address, body, {mode: "no-cors", credentials: "include"}));
    navigator.sendBeacon(address, new Blob([body], {type: "text/plain"}));
    document.forms[0].action = address;
    document.forms[0].submit();
    await new Promise((done) => setTimeout(done, 500));
  }
  for (const address of SOCKETS) said.push(await listen(address));
  document.title = JSON.stringify(said);
})();
</script>"""


@pytest.fixture(scope="module")
def served(trained, tmp_path_factory):
    folder = tmp_path_factory.mktemp("strangers")
    with serving(trained[0], folder / "prefect", free_ports()) as up:
        yield up


@pytest.fixture(scope="module")
def api(served):
    with prefect_client(f"{served.page('prefect')}/api") as client:
        yield client


@pytest.fixture(scope="module")
def orders(served, api):
    """Addresses that do something, and what they are told, of each server."""

    def scoring():
        found = api.get("/deployments/name/scoring/scoring")
        return found.json()["id"] if found.is_success else None

    flow_run = f"/api/deployments/{wait_until(scoring, 90, 'the deployments')}/create_flow_run"
    told = {"prefect": (flow_run, {"name": "theirs", "parameters": {"file": "x"}}), **ORDERS}
    return {name: (served.page(name) + path, body) for name, (path, body) in told.items()}


@pytest.fixture
def untouched(served, api):
    """Nothing is made in the three stores while a test runs."""

    def there():
        runs = api.post("/flow_runs/filter", json={}).json()
        experiments = httpx.get(
            f"{served.page('mlflow')}/api/2.0/mlflow/experiments/search?max_results=99", timeout=30
        ).json()
        projects = httpx.get(f"{served.page('evidently')}/api/projects", timeout=30).json()
        return [
            sorted(each["id"] for each in runs if not each["auto_scheduled"]),
            sorted(each["experiment_id"] for each in experiments["experiments"]),
            sorted(each["id"] for each in projects),
        ]

    before = there()
    yield
    assert there() == before


@contextmanager
def page_of_another(html):
    """Serve a page on a port of its own."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(html.encode())

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer((processes.HOST, 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


@pytest.mark.parametrize("headers", FOREIGN, ids=str)
@pytest.mark.parametrize("name", PAGES)
def test_nothing_is_read_or_ordered_by_strangers(served, orders, untouched, name, headers):
    read = httpx.get(served.page(name) + READS[name], headers=headers, timeout=30)
    address, body = orders[name]
    plain = {**headers, "Content-Type": "text/plain"}
    asked = [
        httpx.post(address, json=body, headers=headers, timeout=30),
        httpx.post(address, content=json.dumps(body), headers=plain, timeout=30),
        httpx.options(address, headers={**headers, "Access-Control-Request-Method": "POST"}),
    ]
    for answer in (read, *asked):
        assert answer.status_code == httpx.codes.FORBIDDEN
        assert "access-control-allow-origin" not in answer.headers


def test_an_order_without_prefect_s_token_is_refused(orders, untouched):
    address, body = orders["prefect"]
    answer = httpx.post(address, json=body, timeout=30)
    assert answer.status_code == httpx.codes.FORBIDDEN
    assert "CSRF" in answer.text


@pytest.mark.parametrize("path", ["/api/events/in", "/api/events/out", "/api/logs/out"])
def test_no_stranger_opens_a_websocket(served, path):
    address = f"ws://{processes.HOST}:{served.ports['prefect']}{path}"
    with pytest.raises(InvalidStatus, match="403"):
        connect(address, origin="http://evil.example")
    with pytest.raises(InvalidStatus, match="403"):
        connect(address, additional_headers={"Host": "evil.example"})
    connect(address, origin=served.page("prefect"), subprotocols=["prefect"]).close()


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "evil.example"])
def test_a_page_of_another_origin_does_nothing_in_a_real_browser(
    served, orders, untouched, tmp_path, host
):
    targets = [[address, json.dumps(body)] for address, body in orders.values()]
    socket = f"ws://{processes.HOST}:{served.ports['prefect']}/api/events/in"
    html = TRIES.replace("ORDERS", json.dumps(targets)).replace("SOCKETS", json.dumps([socket]))
    rules = f"--host-resolver-rules={EVERYWHERE}"
    with browser(tmp_path, rules) as screen, page_of_another(html) as port:
        screen.open(f"http://{host}:{port}/")
        screen.page.wait_for_function("document.title.startsWith('[')")
        said = json.loads(screen.page.title())
    assert len(said) == 3 * len(orders) + 1
    readable = [each for each in said if each not in (0, "refused")]  # 0: an opaque answer
    assert all("Failed to fetch" in str(each) for each in readable), said
    assert said[-1] == "refused"


@pytest.mark.parametrize("name", PAGES)
def test_another_name_for_this_machine_shows_no_page(served, tmp_path, name):
    """DNS rebinding: the page of evil.example and the server have one origin then."""
    with browser(tmp_path, f"--host-resolver-rules={EVERYWHERE}") as screen:
        for path in ("/", READS[name]):
            answer = screen.page.goto(f"http://evil.example:{served.ports[name]}{path}")
            assert answer.status == httpx.codes.FORBIDDEN
            assert screen.text().startswith("refused: ")


def test_a_link_from_elsewhere_leads_to_the_pages(served, tmp_path):
    links = "".join(f'<a href="{served.page(name)}">{name}</a>' for name in PAGES)
    with browser(tmp_path) as screen, page_of_another(links) as port:
        for name in PAGES:
            screen.open(f"http://localhost:{port}/")
            with screen.page.expect_navigation() as went:
                screen.page.get_by_role("link", name=name).click()
            assert went.value.ok


def test_a_killed_watchdog_takes_all_with_it(served):
    """The last one: it takes the servers away."""
    up = psutil.Process(served.process.pid)
    started = up.children(recursive=True)
    watchdog = next(each for each in up.children() if "prefect" in each.cmdline())
    watchdog.send_signal(signal.SIGKILL)
    served.process.wait(60)
    _, alive = psutil.wait_procs(started, timeout=10)
    assert not alive
    assert served.process.returncode == 2
    assert "oddwire: error: Prefect server" in served.log.read_text()
    assert all(processes.is_free(port) for port in served.ports.values())
