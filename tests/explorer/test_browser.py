"""The page in a real browser: headless Chromium, driven by Playwright.

The last test makes the picture of the docs: with ISACSIM_PICTURES=docs/images it is written there.
"""

from __future__ import annotations

import http.server
import io
import os
import socket
import threading
import time
from pathlib import Path

import numpy as np
import pytest
import uvicorn
from PIL import Image

from isacsim.explorer.folder import Folder
from isacsim.explorer.guard import new_token
from isacsim.explorer.server import Explorer, application

_LATEST = 60_000  # ms; kernels may have to be compiled first


@pytest.fixture(scope="module")
def address(shown_folder):
    """Of a running explorer."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port, token = listener.getsockname()[1], new_token()
        app = application(Explorer(Folder(shown_folder), ("live", "explore")), token=token, port=port)
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning", ws="none"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        yield f"http://127.0.0.1:{port}/?token={token}"
        server.should_exit = True
        thread.join(timeout=30)


@pytest.fixture
def page(browser, address):
    """The page, opened; a test fails if the browser complained."""
    complaints: list[str] = []
    opened = browser.new_page(viewport={"width": 1360, "height": 820}, color_scheme="light")
    opened.set_default_timeout(_LATEST)
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    opened.on("console", lambda line: line.type == "error" and complaints.append(line.text))
    opened.complaints = complaints
    opened.goto(address)
    opened.wait_for_selector("body[data-pictures]")
    yield opened
    opened.close()
    assert not [line for line in complaints if "400" not in line], complaints


def pixels(page, name: str) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(page.locator(name).screenshot())).convert("RGB"), np.int16)


def pictures(page) -> int:
    return int(page.get_attribute("body", "data-pictures"))


def after(page, act) -> None:
    """Act, and wait for the next picture."""
    before, start = pictures(page), time.monotonic()
    act()
    while pictures(page) == before:
        assert time.monotonic() - start < _LATEST / 1000
        page.wait_for_timeout(20)


def test_sliders_change_the_pictures(page):
    spectrum, doppler = pixels(page, "#aj"), pixels(page, "#doppler")
    assert len(np.unique(spectrum.reshape(-1, 3), axis=0)) > 50  # there is a picture
    page.focus("#t0-acceleration_m_s2")
    assert page.get_attribute("#t0-acceleration_m_s2", "aria-valuetext").endswith("m/s²")
    after(page, lambda: page.keyboard.press("Home"))  # the least value: by the keyboard alone
    assert page.input_value("#t0-acceleration_m_s2") == "-8"
    for name, before in (("#aj", spectrum), ("#doppler", doppler)):
        changed = (np.abs(pixels(page, name) - before).max(axis=-1) > 30).mean()
        assert changed > 0.01, name
    assert "spectrogram" in page.inner_text("#made")
    # What is drawn only is drawn without a question.
    marked, count = pixels(page, "#aj"), pictures(page)
    page.uncheck("#show-truth")
    assert (np.abs(pixels(page, "#aj") - marked).max(axis=-1) > 30).any()
    assert pictures(page) == count


def test_what_cannot_be_is_said_and_the_next_change_mends_it(page):
    page.fill("#seed", "-1")
    page.wait_for_selector("#error:visible")
    assert "seed" in page.inner_text("#error")
    after(page, lambda: page.fill("#seed", "2"))
    assert page.is_hidden("#error")


def test_work_that_takes_time_is_marked(page):
    page.route("**/api/picture", lambda route: (time.sleep(0.6), route.continue_()))
    assert page.is_hidden("#busy")
    page.focus("#snr")
    page.keyboard.press("ArrowRight")
    page.wait_for_selector("#busy:visible")
    assert "computing" in page.inner_text("#busy")
    page.wait_for_selector("#busy", state="hidden")
    page.unroute("**/api/picture")


def test_paths_are_estimated_on_request(page):
    page.click("#estimate")
    page.wait_for_selector("#found table")
    assert "Estimated paths: 4, true targets: 4" in page.inner_text("#found")
    after(page, lambda: page.select_option("#combine", "coherent"))
    assert page.inner_text("#found") == ""  # they were those of the picture before


def test_the_export_is_what_isacsim_takes(page, tmp_path):
    page.click("#export")
    page.wait_for_selector("#export-dialog[open]")
    with page.expect_download() as download:
        page.click("#yaml-file")
    assert download.value.suggested_filename == "explore_explored.yaml"
    text = Path(download.value.path()).read_text(encoding="utf-8")
    assert text == page.input_value("#yaml") and "name: explore_explored" in text
    compile(page.input_value("#python"), "exported.py", "exec")
    page.keyboard.press("Escape")
    assert page.is_hidden("#export-dialog")


def test_a_store_is_browsed(page):
    page.focus("#tab-live")
    page.keyboard.press("ArrowRight")
    page.click("#store .files button:has-text('small.zarr')")
    page.wait_for_selector("body[data-sample='0'] #spectra canvas")
    assert page.locator("#spectra canvas").count() == 3
    first = pixels(page, "#spectra canvas >> nth=0")
    page.click("#next")
    page.wait_for_selector("body[data-sample='1']")
    assert (pixels(page, "#spectra canvas >> nth=0") != first).any()
    page.select_option("#split", "test")
    page.wait_for_selector("body[data-sample='4']")
    assert page.inner_text("#of") == "of 2" and page.is_disabled("#previous")
    page.fill("#snr-least", "99")
    page.keyboard.press("Tab")
    page.wait_for_selector("#sample-about:has-text('None of the 6 samples')")


def test_a_capture_is_shown_and_a_bad_file_gets_a_sentence(page):
    page.click("#tab-capture")
    page.click("#capture .files button:has-text('bad.dat')")
    page.wait_for_selector("#error:visible")
    assert page.inner_text("#error").startswith("bad.dat: no known capture format begins with")
    page.click("#capture .files button:has-text('walk.csv')")
    page.wait_for_selector("body[data-capture='walk.csv'] #overview img")
    assert page.is_hidden("#error") and "ESP32" in page.inner_text("#overview").upper()
    assert page.locator("#overview img").count() == 4
    page.fill("#capture-name", "../outside/secret.yaml")
    page.click("#capture-form button[type=submit]")
    page.wait_for_selector("#error:visible")
    assert "or '..'" in page.inner_text("#error")


class _Foreign(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<!doctype html><title>foreign</title><form method=post><input name=x></form>")

    def log_message(self, *_: object) -> None:
        pass


def test_foreign_pages_get_nothing(browser, address):
    """Even with the token, which they cannot know."""
    url = address.replace("/?", "/api/start?")
    with http.server.HTTPServer(("127.0.0.1", 0), _Foreign) as foreign:
        threading.Thread(target=foreign.serve_forever, daemon=True).start()
        page = browser.new_page()
        statuses: list[int] = []
        page.on("response", lambda answer: "/api/start" in answer.url and statuses.append(answer.status))
        page.goto(f"http://127.0.0.1:{foreign.server_port}/")
        asked = "([url, how]) => fetch(url, how).then((a) => a.text(), (e) => e.name)"
        json_post = {"method": "POST", "body": "{}", "headers": {"Content-Type": "application/json"}}
        assert page.evaluate(asked, [url, json_post]) == "TypeError"
        assert page.evaluate(asked, [url, {"method": "POST", "body": "{}", "mode": "no-cors"}]) == "TypeError"
        assert page.evaluate(asked, [address, {}]) == "TypeError"
        page.evaluate("(url) => { const form = document.forms[0]; form.action = url; form.submit(); }", url)
        page.wait_for_url("**/api/start*")
        assert "another site" in page.inner_text("body")
        assert statuses and set(statuses) == {403}
        # A name of theirs that leads here (DNS rebinding).
        answer = page.goto(address.replace("127.0.0.1", "evil.example"))
        assert answer.status == 403 and "localhost only" in page.inner_text("body")
        page.close()
        foreign.shutdown()


def test_the_picture_of_the_docs(page, tmp_path):
    after(page, lambda: page.fill("#seed", "7"))
    page.click("#estimate")
    page.wait_for_selector("#found table")
    file = Path(os.environ.get("ISACSIM_PICTURES", tmp_path)) / "explorer.png"
    shown = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    shown.quantize(256, kmeans=2, dither=Image.Dither.NONE).save(file, optimize=True)
    assert 20_000 < file.stat().st_size < 200_000
    assert np.median(shown) > 200
    page.emulate_media(color_scheme="dark")
    page.wait_for_timeout(200)
    assert np.median(pixels(page, "body")) < 100
