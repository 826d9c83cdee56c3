"""Options as a run has them."""

import pytest

from benchmarks.packing import scheduler
from benchmarks.packing.columns import COLUMNS


@pytest.fixture
def configured():
    with scheduler.configured(COLUMNS['stock']):
        yield
