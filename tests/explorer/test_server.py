"""Requests that are not the page's own get nothing; what the page asks for, it gets."""

from __future__ import annotations

import json

import numpy as np
import pytest
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

import isacsim.explorer.server as server_module
from isacsim.explorer.folder import Folder
from isacsim.explorer.guard import new_token
from isacsim.explorer.server import Explorer, application
from tests.explorer.test_live import values

PORT, TOKEN = 8123, new_token()
HERE = f"http://127.0.0.1:{PORT}"
OWN = {"origin": HERE, "x-isacsim-token": TOKEN, "content-type": "application/json"}


@pytest.fixture(scope="module")
def client(shown_folder):
    explorer = Explorer(Folder(shown_folder), ("live", "explore"))
    return TestClient(application(explorer, token=TOKEN, port=PORT), base_url=HERE)


def ask(client, what, status=200, **asked):
    answer = client.post(f"/api/{what}", content=json.dumps(asked), headers=OWN)
    assert answer.status_code == status, answer.text
    return answer.json()


# --- who is answered -------------------------------------------------------------------------------------------------


def test_tokens_are_long_and_differ():
    assert new_token() != new_token() and len(new_token()) >= 43  # 256 bits in base64


@pytest.mark.parametrize("host", [f"127.0.0.1:{PORT}", f"localhost:{PORT}", f"LOCALHOST:{PORT}"])
def test_the_page_and_what_it_loads_come_with_the_token(client, host):
    page = client.get("/", params={"token": TOKEN}, headers={"host": host})
    assert page.status_code == 200 and "isacsim explorer" in page.text
    # All that it names is there, under the same policy, and nothing is elsewhere.
    addresses = [part.split('"')[0] for part in page.text.split('="/')[1:]]
    assert len(addresses) == 5
    for address in addresses:
        answer = client.get(f"/{address}")
        assert answer.status_code == 200 and "default-src 'none'" in answer.headers["content-security-policy"]
        assert "http://" not in answer.text and "https://" not in answer.text
    assert "http" not in page.text.replace("http-equiv", "")


@pytest.mark.parametrize(
    "token", [None, "", "x", TOKEN[:-1], TOKEN + "x", TOKEN.lower(), "é"], ids=["none", *"abcdef"]
)
def test_without_the_token_nothing_is_answered(client, token):
    for path in ("/", "/page/style.css", "/nothing"):
        answer = client.get(path, params={} if token is None else {"token": token})
        assert answer.status_code == 403 and "token" in answer.json()["error"]
    headers = {name: value for name, value in OWN.items() if name != "x-isacsim-token"}
    answer = client.post(
        "/api/start", content="{}", params={} if token is None else {"token": token}, headers=headers
    )
    assert answer.status_code == 403


def test_a_ticket_opens_the_page_once_and_nothing_else(shown_folder):
    explorer, ticket = Explorer(Folder(shown_folder), ("live", "explore")), new_token()
    app = application(explorer, token=TOKEN, port=PORT, ticket=ticket)
    client = TestClient(app, base_url=HERE)
    assert (
        client.post("/api/start", content="{}", headers=OWN | {"x-isacsim-token": ticket}).status_code == 403
    )
    assert client.get("/page/style.css", params={"token": ticket}).status_code == 403
    page = client.get("/", params={"token": ticket})
    assert page.status_code == 200 and TOKEN in page.text and ticket not in page.text
    assert client.get("/", params={"token": ticket}).status_code == 403
    assert client.get("/", params={"token": TOKEN}).status_code == 200


def test_tokens_are_compared_in_constant_time(client, monkeypatch):
    compared = []
    monkeypatch.setattr(
        "isacsim.explorer.guard.secrets.compare_digest", lambda a, b: compared.append((a, b)) or a == b
    )
    client.get("/", params={"token": "wrong"})
    assert compared == [(b"wrong", TOKEN.encode())]


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        f"evil.example:{PORT}",
        "127.0.0.1",
        f"127.0.0.1:{PORT + 1}",
        f"127.0.0.1.evil.example:{PORT}",
        "",
    ],
)
def test_foreign_names_of_this_machine_are_refused(client, host):
    """DNS rebinding: the browser believes that it talks to the foreign page's own server."""
    for answer in (
        client.get("/", params={"token": TOKEN}, headers={"host": host}),
        client.post("/api/start", content="{}", headers=OWN | {"host": host}),
    ):
        assert answer.status_code == 403 and "127.0.0.1 and localhost only" in answer.json()["error"]


@pytest.mark.parametrize(
    "origin",
    [
        "http://evil.example",
        "null",
        f"https://127.0.0.1:{PORT}",
        f"http://127.0.0.1:{PORT + 1}",
        "http://127.0.0.1",
    ],
)
def test_foreign_origins_are_refused(client, origin):
    for answer in (
        client.get("/", params={"token": TOKEN}, headers={"origin": origin}),
        client.post("/api/start", content="{}", headers=OWN | {"origin": origin}),
        client.options("/api/start", headers={"origin": origin, "access-control-request-method": "POST"}),
    ):
        assert answer.status_code == 403 and "another site" in answer.json()["error"]
        assert not [name for name in answer.headers if name.startswith("access-control")]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"x-isacsim-token": TOKEN, "content-type": "application/json"}, 403),  # no Origin
        ({"x-isacsim-token": TOKEN, "content-type": "application/x-www-form-urlencoded"}, 403),
        (OWN | {"content-type": "text/plain"}, 415),
        (OWN | {"content-type": "multipart/form-data; boundary=x"}, 415),
        ({name: value for name, value in OWN.items() if name != "content-type"}, 415),
        (OWN | {"sec-fetch-site": "cross-site"}, 403),
        (OWN | {"sec-fetch-site": "same-site"}, 403),
    ],
)
def test_what_a_form_can_send_is_refused(client, headers, status):
    answer = client.post("/api/start", content="{}", headers=headers)
    assert answer.status_code == status and answer.json()["error"]


def test_other_methods_and_addresses_lead_nowhere(client):
    for method in ("PUT", "DELETE", "PATCH", "OPTIONS"):
        assert client.request(method, "/api/start", headers=OWN).status_code == 405
    for path in (
        "/api/nothing",
        "/page/nothing.js",
        "/page/..%2fserver.py",
        "/page/index.html",
        "/etc/passwd",
    ):
        answer = client.get(path, params={"token": TOKEN})
        assert answer.status_code in (404, 405) and "nothing at this address" in answer.json()["error"]
    with (
        pytest.raises(WebSocketDisconnect),
        client.websocket_connect(f"/?token={TOKEN}", headers={"host": HERE.removeprefix("http://")}),
    ):
        pass


@pytest.mark.parametrize(
    ("content", "status"),
    [(b"{", 400), (b"[]", 400), (b"\xff", 400), (b"[" * 60_000, 400), (b" " * 70_000, 413), (b"", 200)],
)
def test_questions_are_short_json(client, content, status):
    answer = client.post("/api/start", content=content, headers=OWN)
    assert answer.status_code == status


def test_faults_of_ours_do_not_show_their_inside(client, monkeypatch, capsys):
    def broken(*_, **__):
        raise KeyError("inside")

    monkeypatch.setattr(server_module, "initial", broken)
    answer = ask(client, "scenario", status=500, scenario="explore")
    assert "inside" not in answer["error"] and "terminal" in answer["error"]
    assert "KeyError" in capsys.readouterr().err


# --- what it answers -------------------------------------------------------------------------------------------------


def test_from_start_to_export(client):
    start = ask(client, "start")
    assert (start["tab"], start["given"]) == ("live", "explore") and "lab" in start["scenarios"]
    begun = ask(client, "scenario", scenario="explore")
    asked = {"scenario": "explore", "controls": begun["controls"]}
    picture = ask(client, "picture", **asked)
    assert len(picture["truth"]) == len(begun["controls"]["points"]) == 4
    assert values(picture["spectrum"]["values"]).shape == (64, 64)
    assert np.isfinite(values(picture["doppler"]["values"])).all()
    assert len(ask(client, "estimate", **asked)["paths"]) >= 3
    assert ask(client, "export", **asked)["python"].startswith('"""')
    assert ask(client, "stage") == {"stage": ""}


def test_scenarios_of_the_folder_are_taken_and_others_not(client):
    assert ask(client, "scenario", scenario="rooms/mine.yaml")["controls"]["snr_db"] == 10
    for name, why in (
        ("wrong.yaml", "wrong.yaml, line 2: radio is 3; it must be a mapping"),
        ("way_out.yaml", "leads out"),
        ("../outside/secret.yaml", "or '..'"),
        ("no_such", "scenario must be one of"),
        (3, "scenario must be a text"),
        (None, "scenario must be a text"),
    ):
        assert why in ask(client, "scenario", status=400, scenario=name)["error"]


def test_a_scenario_is_read_once_until_its_file_changes(shown_folder, tmp_path, monkeypatch):
    read: list[str] = []
    of_yaml = server_module.Scenario.from_yaml
    monkeypatch.setattr(
        server_module.Scenario, "from_yaml", lambda text, file: read.append(file) or of_yaml(text, file=file)
    )
    file = tmp_path / "mine.yaml"
    text = (shown_folder / "rooms" / "mine.yaml").read_text(encoding="utf-8")
    file.write_text(text, encoding="utf-8")
    explorer = Explorer(Folder(tmp_path), ("live", "mine.yaml"))
    for _ in range(3):
        controls = explorer.scenario({"scenario": "mine.yaml"})["controls"]
        explorer.picture({"scenario": "mine.yaml", "controls": controls})
    assert (controls["snr_db"], read) == (10, ["mine.yaml"])
    file.write_text(text.replace("snr_db: 10.0", "snr_db: 11.5"), encoding="utf-8")
    assert explorer.scenario({"scenario": "mine.yaml"})["controls"]["snr_db"] == 11.5
    assert read == ["mine.yaml"] * 2


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"snr_db": float("nan")}, "snr_db"),
        ({"snr_db": "loud"}, "snr_db"),
        ({"packets": 3}, "radio.packets is 3"),
        ({"combine": "magic"}, "combine"),
        ({"points": [{}] * 9}, "points"),
        ({"points": [{"velocity_m_s": 1.0}]}, "points.0.path_length_m"),
        ({"more": 1}, "more"),
        ({"antennas": [0, 1]}, "antennas"),
        ({"antennas": [1, 2, 3]}, "antennas"),
    ],
)
def test_controls_that_cannot_be_get_a_sentence(client, change, why):
    controls = ask(client, "scenario", scenario="explore")["controls"] | change
    assert why in ask(client, "picture", status=400, scenario="explore", controls=controls)["error"]


def test_files_samples_and_captures(client, shown_folder):
    assert "small.zarr" in [one["name"] for one in ask(client, "files")["entries"]]
    assert ask(client, "files", folder="rooms")["above"] == ""
    assert ask(client, "sample", store="small.zarr", position=2)["sample"] == 2
    assert ask(client, "capture", file="walk.csv")["facts"]
    for what, asked, why in (
        ("files", {"folder": ".hidden"}, "hidden"),
        ("files", {"folder": 3}, "folder must be a text"),
        ("sample", {"store": "way_out"}, "leads out"),
        ("sample", {"store": "rooms"}, "no zarr group"),
        ("capture", {"file": "bad.dat"}, "bad.dat: no known capture format"),
        ("capture", {"file": "walk.dat"}, "carrier"),
        ("capture", {"file": "/etc/passwd"}, "or '..'"),
        ("capture", {"file": "small.zarr"}, "this is a folder"),
    ):
        error = ask(client, what, status=400, **asked)["error"]
        assert why in error and "\n" not in error
