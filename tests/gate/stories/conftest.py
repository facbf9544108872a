"""Every story begins on a Monday at five to nine, with everything switched on."""

from __future__ import annotations

import pytest

from tests.gate.stories.story import Story


@pytest.fixture
def story() -> Story:
    """The server has said that there is room for everybody; nobody has booked yet."""
    return Story().caps()


@pytest.fixture
def blank() -> Story:
    """The server has said nothing yet."""
    return Story()
