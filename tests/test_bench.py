"""The page of costs, and what counts as slower; nothing is timed here."""

from benchmarks.suite.__main__ import fallen
from benchmarks.suite.measuring import Cost, Row, Section
from benchmarks.suite.tables import written


def test_a_ratio_that_falls_by_more_than_a_fifth_is_told():
    known = {"surfaces": 10.0, "slices": 2.0, "gone": 1.0, "not measured": 3.0}
    now = {"surfaces": 8.1, "slices": 1.59, "not measured": float("nan"), "new": 1.0}
    told = fallen(known, now)
    assert [line.partition(":")[0] for line in told] == ["slices", "gone", "not measured"]


def test_the_page_shows_each_section_of_each_machine():
    rows = [
        Row("ours", Cost(0.12345, 0.5, 310.4), "a note"),
        Row("peak", Cost(1, *[float("nan")] * 2)),
    ]
    section = Section(rows, {"ours, against theirs": 12.345}).plain()
    kept = {"Chip, avx2, 2 cores": {"machine": {}, "sections": {"start": section}}}
    page = written(kept, ["reading", "start"])
    assert "| ours | 0.123 | 0.5 | 310 | a note |" in page
    assert "| peak | 1 |  |  |  |" in page
    assert "| ours, against theirs | **12.3** |" in page
    assert page.index("## Chip, avx2, 2 cores") < page.index("### start")
    assert "### reading" not in page
