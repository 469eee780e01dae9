import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.issues.arranging import arrange, in_order
from newsletter.issues.models import IssueEntry
from tests.factories import EntryFactory, IssueFactory


@given(st.data())
def test_a_moved_paper_gets_the_place_asked_for_and_the_others_keep_their_order(data: st.DataObject) -> None:
    count = data.draw(st.integers(1, 40))
    old, new = data.draw(st.integers(1, count)), data.draw(st.integers(1, count))
    entries = [IssueEntry(pk=number, position=number) for number in range(1, count + 1)]
    entries[old - 1].position = new

    order = [entry.pk for entry in in_order(entries, {old: new - old})]

    assert order.index(old) + 1 == new
    assert [pk for pk in order if pk != old] == [pk for pk in range(1, count + 1) if pk != old]


@pytest.mark.django_db
def test_places_count_from_one_on_the_front_and_leave_the_shelf_alone() -> None:
    issue = IssueFactory()
    first, second, third = (EntryFactory(issue=issue, position=place) for place in (0, 4, 9))
    shelved = EntryFactory(issue=issue, position=7, shelf=IssueEntry.Shelf.SHELF)
    third.position = 0
    third.save(update_fields=["position"])

    arrange(issue, {third.pk: -9})

    places = dict(issue.entries.values_list("pk", "position"))
    assert places == {third.pk: 1, first.pk: 2, second.pk: 3, shelved.pk: 7}
