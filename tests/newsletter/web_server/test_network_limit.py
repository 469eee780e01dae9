from hypothesis import given
from hypothesis import strategies as st

from newsletter.client_network import UNKNOWN
from newsletter.web_server.network_limit import NetworkLimit


class Guest:
    def __init__(self, is_waiting: bool = True) -> None:
        self.is_waiting = is_waiting
        self.is_displaced = False

    def displace(self) -> bool:
        self.is_displaced = self.is_waiting
        return self.is_waiting


def test_a_newcomer_displaces_the_oldest_that_waits_of_its_own_network() -> None:
    limit = NetworkLimit(2)
    other, busy, waiting, newcomer = Guest(), Guest(is_waiting=False), Guest(), Guest()
    assert limit.admit("b", other)
    assert all(limit.admit("a", guest) for guest in (busy, waiting, newcomer))
    assert [guest.is_displaced for guest in (other, busy, waiting, newcomer)] == [False, False, True, False]


def test_a_newcomer_is_refused_where_all_of_its_network_are_answered() -> None:
    limit = NetworkLimit(1)
    assert limit.admit("a", Guest(is_waiting=False))
    assert not limit.admit("a", Guest())
    assert limit.admit("b", Guest())


@given(st.lists(st.tuples(st.sampled_from(["a", "b", UNKNOWN]), st.booleans())))
def test_no_limit_is_exceeded_and_nothing_is_kept_of_those_who_leave(guests: list[tuple[str, bool]]) -> None:
    limit, inside = NetworkLimit(3, total=5), []
    for network, is_waiting in guests:
        guest = Guest(is_waiting)
        if limit.admit(network, guest):
            inside.append(guest)
        assert len(limit.entries) <= 5
        assert all(len(own) <= 3 for name, own in limit.of_network.items() if name != UNKNOWN)
    for guest in inside:
        limit.leave(guest)
    assert not limit.entries
    assert not limit.of_network
