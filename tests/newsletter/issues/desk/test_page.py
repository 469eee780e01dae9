import pytest
from django.test import Client

from newsletter.issues.desk import page
from newsletter.papers.forecast import forecasts
from tests.factories import EntryFactory, IssueFactory, PaperFactory, SightingFactory

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("set_clock")]


def test_an_editor_sees_the_forecast_of_each_paper_that_has_one(admin_client: Client) -> None:
    issue = IssueFactory()
    foreseen, plain = PaperFactory(), PaperFactory()
    SightingFactory(paper=foreseen, source=forecasts.forecast_source(), votes=None, forecast=123_400)
    for place, paper in enumerate((foreseen, plain), start=1):
        EntryFactory(issue=issue, paper=paper, position=place)
    assert [card.forecast_percent for card in page.front_of(issue).kept] == [12.34, None]
    shown = admin_client.get(f"/admin/issues/issue/{issue.pk}/change/").content.decode()
    assert shown.count("gets votes with a probability of 12.3 %") == 1
    assert shown.count("gets votes with a probability") == 1
