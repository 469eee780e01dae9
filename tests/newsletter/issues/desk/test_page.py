import pytest
from django.test import Client

from newsletter.issues.desk import page
from newsletter.papers.community import objections
from newsletter.papers.forecast import forecasts
from tests.factories import EntryFactory, IssueFactory, PaperFactory, SightingFactory, TopicFactory

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


def test_an_editor_sees_how_many_readers_call_a_topic_wrong(admin_client: Client) -> None:
    medicine = TopicFactory(name="Medicine")
    doubted, plain = PaperFactory(topics=[medicine]), PaperFactory(topics=[medicine])
    issue = IssueFactory()
    for place, paper in enumerate((doubted, plain), start=1):
        EntryFactory(issue=issue, paper=paper, position=place)
    for reader_id in range(2):
        objections.object_to(doubted, medicine, reader_id)
    shown = admin_client.get(f"/admin/issues/issue/{issue.pk}/change/").content.decode()
    assert shown.count("2 readers: not Medicine") == 1
    assert shown.count(": not Medicine") == 1
