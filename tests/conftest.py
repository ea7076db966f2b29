"""What all tests share."""

from __future__ import annotations

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--regenerate-golden", action="store_true", help="write tests/golden anew instead of comparing with it")


@pytest.fixture
def regenerate_golden(request: pytest.FixtureRequest) -> bool:
    return request.config.getoption("--regenerate-golden")
