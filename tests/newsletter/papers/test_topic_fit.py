import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.papers.topic_fit import LEAST_FIT, WEAK, Field, Fields, Mentions, fit_of, shipped_fields
from newsletter.papers.topics.phrase_matching import TopicRule, compile_topics
from tests.benchmarks.papers.topics import shipped_rules

MEDICINE = TopicRule("medicine", categories=("q-bio.TO",), phrases=("diagnosis", "patient"))
ROBOTICS = TopicRule("robotics", phrases=("gripper",))
WORDS = Fields(
    {"medicine": Field(base=-300, words={"hospital": 400, "ward": 200, "wheel": -400}, phrases={"diagnosis": 0})}
)
FIELDS = st.floats(-20, 20)
STRENGTHS = st.integers(1, 200)


def fits(title: str, abstract: str, *categories: str, rules: tuple[TopicRule, ...] = (MEDICINE,)) -> dict[str, float]:
    found = compile_topics(rules, WORDS).match(title, abstract, categories)
    return {slug: match.fit for slug, match in found.items()}


@given(STRENGTHS, FIELDS)
def test_a_fit_lies_between_nought_and_one(strength: int, field: float) -> None:
    assert 0 < fit_of(strength, field) <= 1


@given(STRENGTHS, STRENGTHS, FIELDS)
def test_more_points_never_fit_worse(one: int, other: int, field: float) -> None:
    assert fit_of(max(one, other), field) >= fit_of(min(one, other), field)


@given(STRENGTHS, FIELDS, FIELDS)
def test_a_better_field_never_fits_worse(strength: int, one: float, other: float) -> None:
    assert fit_of(strength, max(one, other)) >= fit_of(strength, min(one, other))


@given(st.sets(st.sampled_from(["hospital", "ward", "wheel", "of", "the"])))
def test_each_word_of_a_field_counts_once(words: set[str]) -> None:
    weights = {"hospital": 4.0, "ward": 2.0, "wheel": -4.0}

    assert WORDS.weigh("medicine", words, []) == pytest.approx(-3 + sum(weights.get(word, 0) for word in words))


def test_the_most_telling_phrase_is_trusted() -> None:
    field = Field(phrases={"diagnosis": -100, "patient": 50})

    assert field.trust_in(["diagnosis", "patient"]) == 50
    assert field.trust_in(["diagnosis", "nurse"]) == 0
    assert field.trust_in([]) == 0


def test_a_doubted_category_counts_less_until_something_better_speaks_for_the_topic() -> None:
    field = Field(phrases={"game": -150, "auction": -10}, categories={"cs.GT": -150})

    assert field.trust_in([], ["cs.GT"]) == -150
    assert field.trust_in(["game"], ["cs.GT"]) == -150
    assert field.trust_in(["auction"], ["cs.GT"]) == -10
    assert field.trust_in([], ["cs.GT", "econ.TH"]) == 0


def test_a_field_that_doubts_no_category_goes_by_phrases_alone() -> None:
    assert Field(phrases={"diagnosis": -100}).trust_in(["diagnosis"], ["q-bio.TO"]) == -100


@pytest.mark.parametrize(
    ("title", "abstract"),
    [
        ("Solving infinite-state reachability games", "We verify programs by polynomial strategies of two players."),
        ("Watermarking game-playing agents", "We mark the moves of a chess engine in extensive-form games."),
        ("Offloading at the edge: a game-theoretic approach", "Servers reach a Nash equilibrium of latency."),
    ],
)
def test_games_without_people_or_markets_do_not_fit_economics_well(title: str, abstract: str) -> None:
    assert economics_fit(title, abstract) < WEAK


@pytest.mark.parametrize(
    ("title", "abstract"),
    [
        ("Auctions with a monopolist intermediary", "Buyers bid, and the seller sets a price that maximizes revenue."),
        ("Fair division of chores", "We study envy-free allocations of indivisible goods and their welfare."),
        ("Games of commitment", "A principal offers a contract, and agents' incentives decide the equilibrium."),
    ],
)
def test_markets_incentives_and_welfare_fit_economics_well(title: str, abstract: str) -> None:
    assert economics_fit(title, abstract) >= WEAK


def economics_fit(title: str, abstract: str) -> float:
    found = compile_topics(shipped_rules(), shipped_fields()).match(title, abstract, ["cs.GT"], "cs.GT")
    return found["economics"].fit if "economics" in found else 0.0


def test_much_made_of_a_phrase_counts_more() -> None:
    assert Mentions().worth() == 0
    assert Mentions(in_title=True).worth() == 2
    assert Mentions(in_title=True, in_abstract=1, is_early=True).worth() == 5
    assert Mentions(in_abstract=50).worth() == 2


def test_one_phrase_gives_no_topic_where_the_text_speaks_of_something_else() -> None:
    rules = (MEDICINE, ROBOTICS)
    assert "medicine" not in fits("Diagnosis of a gripper", "A wheel turns.", rules=rules)
    assert "medicine" in fits("Diagnosis of a gripper", "In a hospital ward.", rules=rules)


def test_a_phrase_of_an_editors_own_is_taken_at_its_word() -> None:
    found = fits("A patient", "A wheel turns.")

    assert 0 < found["medicine"] < WEAK


def test_two_phrases_give_it_all_the_same() -> None:
    assert "medicine" in fits("Diagnosis of a patient", "A wheel turns.")


def test_a_topic_that_fits_hardly_at_all_stays_only_where_no_other_fits_better() -> None:
    hardly = fits("Diagnosis of a patient", "A wheel turns.")["medicine"]

    assert hardly < LEAST_FIT
    assert "medicine" not in fits("Diagnosis of a patient gripper", "A wheel turns.", rules=(MEDICINE, ROBOTICS))


def test_one_phrase_that_the_text_does_not_bear_out_gives_no_topic_even_where_there_is_no_other() -> None:
    assert fits("Diagnosis of a robot", "A wheel turns.") == {}


def test_a_topic_without_a_field_goes_by_its_points() -> None:
    found = fits("A gripper", "It is new.", rules=(MEDICINE, ROBOTICS))

    assert found == {"robotics": fit_of(4)}
    assert found["robotics"] < WEAK < fits("A gripper", "The gripper. A gripper.", rules=(ROBOTICS,))["robotics"]


def test_a_category_is_doubted_where_the_text_speaks_of_something_else() -> None:
    by_text = fits("On wards", "A hospital.", "q-bio.TO")["medicine"]

    assert by_text > 0.8 > fits("On wheels", "A wheel.", "q-bio.TO")["medicine"]


def test_the_weakest_topics_are_dropped() -> None:
    rules = tuple(TopicRule(f"t{number}", phrases=("gripper",)) for number in range(4))

    found = fits("Gripper", "Hospital ward: diagnosis of a patient.", rules=(*rules, MEDICINE))

    assert list(found) == ["medicine", "t0", "t1", "t2"]


@given(st.text(max_size=60), st.text(max_size=300))
def test_topics_come_best_fit_first(title: str, abstract: str) -> None:
    found = fits(f"{title} gripper", f"{abstract} patient diagnosis", rules=(MEDICINE, ROBOTICS))

    assert list(found.values()) == sorted(found.values(), reverse=True)


def test_every_shipped_phrase_is_known_to_its_field() -> None:
    assert all(shipped_fields().knows(rule.slug, phrase) for rule in shipped_rules() for phrase in rule.phrases)
