import pytest

from newsletter.papers.models import Source
from tests.factories import SourceFactory


@pytest.fixture
def daily() -> Source:
    return SourceFactory(kind=Source.Kind.HF_DAILY)
