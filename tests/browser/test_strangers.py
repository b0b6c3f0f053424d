"""What other sites, hostile names and hostile addresses can make of the app in a browser."""

import contextlib
import http.server
import threading

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.browser

HOSTILE = "![a](http://evil.example/a.png) [b](http://evil.example/b) <img src=//evil.example/c>"
FOREIGN = "[src*='evil.example'], [href*='evil.example']"


@contextlib.contextmanager
def site(html: str):
    """Yield the address of another site on this computer, with one page."""

    class Page(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(html.encode())

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://localhost:{server.server_port}"
        server.shutdown()


def settled(page) -> None:
    """Wait until the page has run."""
    expect(page.get_by_test_id("stMain").get_by_role("heading").first).to_be_visible()
    app = page.get_by_test_id("stApp")
    expect(app).to_have_attribute("data-test-script-state", "notRunning")


def test_an_address_shows_no_foreign_picture(page, server, violations):
    page.goto(f"{server}/slices?t={HOSTILE.replace(' ', '%20').replace('#', '%23')}")
    settled(page)
    assert not page.locator(FOREIGN).count()
    assert not violations


def test_a_frame_on_another_site_stays_blank(browser, server):
    with site(f"<iframe src='{server}/' width=900 height=900></iframe>") as address:
        page = browser.new_page()
        page.goto(address)
        page.wait_for_timeout(3000)
        (frame,) = (frame for frame in page.frames if frame != page.main_frame)
        assert not frame.locator("#root, [data-testid]").count()
        page.close()


def test_another_site_gets_nothing(browser, server):
    """Not by fetching, not through Streamlit's WebSocket, and not as a picture."""
    script = """
    async (server) => {
      const got = [];
      for (const mode of ["cors", "no-cors"]) {
        for (const path of ["/_stcore/health", "/ui/viewer.js", "/"]) {
          try {
            const answer = await fetch(server + path, { mode });
            got.push(`${mode} ${path} ${answer.status} ${(await answer.text()).length}`);
          } catch {}
        }
      }
      await new Promise((done) => {
        const socket = new WebSocket(server.replace("http", "ws") + "/_stcore/stream");
        socket.onopen = () => { got.push("websocket"); done(); };
        socket.onerror = done;
      });
      return got;
    }"""
    with site("<p>another site</p>") as address:
        page = browser.new_page()
        page.goto(address)
        assert page.evaluate(script, server) == []
        page.close()


def test_a_name_that_points_here_shows_no_app(browser, server):
    page = browser.new_page()
    answer = page.goto(server.replace("localhost", "evil.example"))
    assert answer.status == 421
    assert "DEEPSXT_ALLOWED_HOSTS" in page.locator("body").inner_text()
    page.close()
