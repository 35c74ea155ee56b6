"""What all tests share: the folder of real data, and numbers that repeat."""

from pathlib import Path

import pytest
import torch
from hypothesis import settings

REPOSITORY = Path(__file__).resolve().parents[1]

settings.register_profile("repeatable", derandomize=True, deadline=None, database=None)
settings.load_profile("repeatable")


@pytest.fixture(scope="session")
def repository() -> Path:
    """The checkout this test runs in."""
    return REPOSITORY


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of measured data and papers beside the checkout; without it the test is skipped."""
    folder = REPOSITORY.parent / "shared"
    if not (folder / "data").is_dir():
        pytest.skip("no ../shared/data beside the checkout: measured data and reference numbers are there")
    return folder


@pytest.fixture(autouse=True)
def _repeatable_torch() -> None:
    """Start every test from the same torch seed."""
    torch.manual_seed(0)


def pytest_configure() -> None:
    """Use one thread: sums then run in one order, on any machine."""
    torch.set_num_threads(1)
