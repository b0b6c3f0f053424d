"""A wrong variable of the environment is told in words on every page."""

import pytest


@pytest.mark.parametrize(
    ("variable", "value"),
    [("DEEPSXT_MAX_UPLOAD_GB", "abc"), ("DEEPSXT_DATA_ROOTS", __file__)],
)
def test_a_wrong_setting_is_told_in_words(app, monkeypatch, variable, value):
    monkeypatch.setenv(variable, value)
    app.run()
    assert not app.exception
    assert variable.replace("_", "\\_") in app.error[0].value
