from pathlib import Path

import pytest

GOLDEN = Path(__file__).resolve().parents[1] / "golden"


@pytest.fixture(scope="session", params=["published_width16", "variant_leaky_avgpool"])
def golden_name(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(scope="session")
def golden() -> Path:
    return GOLDEN
