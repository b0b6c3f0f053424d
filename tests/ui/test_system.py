"""The page System shows what is found, with what to do about it."""

import pytest

from deepsxt_core.workflow.checkup import Item

from .test_pages import button, show, texts

ITEMS = [
    Item(topic="Memory", found="3 of 4 GB available."),
    Item(topic="Device", level="problem", found="<b>none</b>.", advice="Install it anew."),
]


@pytest.fixture(autouse=True)
def looks(monkeypatch):
    """Count how often the computer is looked at."""
    found = []
    monkeypatch.setattr(
        "deepsxt_core.workflow.checkup.check_up", lambda: found.append(1) or list(ITEMS)
    )
    return found


def test_all_is_shown_and_can_be_copied(app, looks):
    show(app, "system.py")
    shown = texts(app)
    assert "3 of 4 GB available" in shown
    assert "Install it anew" in shown
    assert "<b>" not in shown
    assert "‼ Device: <b>none</b>. Install it anew." in app.code[0].value
    assert "This server: holds" in app.code[0].value
    app.run()
    assert len(looks) == 1
    button(app, "Look again").click().run()
    assert len(looks) == 2
