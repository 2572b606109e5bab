"""Sentences say no more than the intervals do."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from carina.cards.content import finding_table, mean_table, step_table
from carina.cards.heat import heat_map
from carina.cards.language import steered
from carina.cards.progress import transfer_table
from carina.cards.tables import Sentence
from carina.cards.verdict import answers, notices, verdict, why_two_scores
from carina.core import Estimate
from carina.evaluation import ExperienceResult, Language, Results, read_results


@pytest.fixture(scope="module")
def results(finished: Path) -> Results:
    return read_results(finished / "results.json")


def said(sentence: Sentence) -> str:
    return "".join(piece if isinstance(piece, str) else piece.text for piece in sentence)


def between(low: float, high: float) -> Estimate:
    return Estimate(value=(low + high) / 2, low=low, high=high)


def with_summary(results: Results, **estimates: Estimate) -> Results:
    auroc = {**results.summary["auroc"], **estimates}
    return replace(results, summary={**results.summary, "auroc": auroc})


@pytest.mark.parametrize(
    ("gain", "begins"),
    [
        (between(0.01, 0.1), "It learned: "),
        (between(-0.01, 0.1), "No clear gain over zero-shot: "),
        (between(-0.1, -0.01), "It fell below zero-shot: "),
        (between(0.0, 0.0), "Nothing was learned, the answers are zero-shot's: "),
    ],
)
def test_learning_is_measured_against_zero_shot(
    gain: Estimate, begins: str, results: Results
) -> None:
    assert said(verdict(with_summary(results, gain_over_zero_shot=gain))).startswith(begins)


@pytest.mark.parametrize(
    ("value", "begins"),
    [
        (between(0.6, 0.7), "It learned: AUROC 0.650 [0.600, 0.700]"),
        (between(0.45, 0.7), "It is not shown to have learned"),
        (Estimate.undefined("no film"), "There is no AUROC to judge it by (no film)"),
    ],
)
def test_without_zero_shot_learning_is_measured_against_chance(
    value: Estimate, begins: str, results: Results
) -> None:
    none = Estimate.undefined("no finding has both")
    changed = with_summary(results, gain_over_zero_shot=none, **{results.headline: value})

    assert said(verdict(changed)).startswith(begins)


@pytest.mark.parametrize(
    ("transfer", "answer"),
    [
        (between(-0.1, -0.01), "it forgot, backward transfer"),
        (between(-0.1, 0.01), "no forgetting is shown, backward transfer"),
        (between(0.01, 0.1), "later steps helped earlier findings"),
        (between(0.0, 0.0), "it forgot nothing, backward transfer 0.000"),
        (Estimate.undefined("too few"), "whether it forgot is undefined (too few)"),
    ],
)
def test_forgetting_is_said_where_the_interval_shows_it(
    transfer: Estimate, answer: str, results: Results
) -> None:
    assert answer in said(verdict(with_summary(results, backward_transfer=transfer)))


def after_last(results: Results, **changed: Any) -> ExperienceResult:
    """The last experience, with something else left behind."""
    last = results.experiences[-1]
    return replace(last, lived=replace(last.lived, **changed))


def test_what_stems_from_single_patients_is_said(results: Results) -> None:
    last = after_last(results, single_patients=True)
    changed = replace(results, experiences=(*results.experiences[:-1], last))

    assert said(verdict(results)).endswith("it keeps 7.3 MB, no class of under five patients.")
    assert said(verdict(changed)).endswith("it keeps 7.3 MB, some of it of single patients.")


def test_rows_of_patients_are_called_patients_data(results: Results) -> None:
    last = after_last(results, single_patients=True, patient_rows=40)
    changed = replace(results, experiences=(*results.experiences[:-1], last))

    assert said(verdict(changed)).endswith("it keeps 7.3 MB, patients' data among it.")
    assert any(
        said(line).startswith("It keeps patients' data: 40 rows")
        for line in answers(changed)[2].said
    )


def test_an_encoder_that_has_seen_films_is_told_with_the_unseen_ones(
    results: Results, make_run: Callable[..., Path], tmp_path: Path
) -> None:
    assert results.unseen is not None
    unseen = results.unseen.summary["auroc"][results.headline]
    clean = read_results(make_run(tmp_path / "run") / "results.json")

    assert f"on the 20 test films that are surely unseen, AUROC is {unseen}." in said(
        notices(results)[0]
    )
    assert "No test film is surely unseen." in said(notices(replace(results, unseen=None))[0])
    assert notices(clean) == ()


def test_a_method_without_prompts_has_one_score_and_the_reason(results: Results) -> None:
    none = {results.headline: Estimate.undefined("no positive prompt in this method")}
    changed = replace(results, summary={**results.summary, "auroc_authors": none})

    assert "undefined" not in said(why_two_scores(results))
    assert said(why_two_scores(changed)).endswith("undefined: no positive prompt in this method.")


def test_a_split_that_leaks_is_told_before_the_numbers_and_marks_the_verdict(
    results: Results,
) -> None:
    leaking = replace(results, leaks="rows were drawn, not patients")
    first = said(notices(leaking)[0])

    assert first.startswith("‡")
    assert "rows were drawn, not patients" in first
    assert "‡;" in said(verdict(leaking))
    assert "‡" not in said(verdict(results))
    assert notices(leaking)[1:] == notices(results)


def test_a_split_that_leaks_marks_every_table_of_figures(results: Results) -> None:
    leaking = replace(results, leaks="rows were drawn, not patients")
    for table in (step_table, finding_table, mean_table, transfer_table, heat_map):
        assert table(leaking).caption == f"{table(results).caption} ‡"


def confounded(results: Results, **estimates: Estimate) -> Results:
    first, *others = results.experiences
    return replace(results, experiences=(replace(first, confounding=estimates), *others))


def test_a_site_that_tells_a_finding_is_told_before_the_numbers(results: Results) -> None:
    one = confounded(results, Edema=between(0.88, 0.98), Cardiomegaly=between(0.45, 0.9))
    (told,) = [said(s) for s in notices(one) if "Site and finding" in said(s)]

    assert "the site alone tells Edema with AUROC 0.930 [0.880, 0.980]" in told
    assert results.experiences[0].name in told


@pytest.mark.parametrize(
    "harmless", [between(0.4, 0.6), between(0.59, 0.99), Estimate.undefined("one patient")]
)
def test_a_site_that_hardly_tells_a_finding_is_not(results: Results, harmless: Estimate) -> None:
    assert notices(confounded(results, Edema=harmless)) == notices(results)


def test_a_finding_is_told_once_by_the_step_where_the_site_tells_most(results: Results) -> None:
    steps = [
        replace(step, confounding={"Edema": between(0.7 + 0.05 * at, 0.99)})
        for at, step in enumerate(results.experiences)
    ]
    (told,) = [
        said(s)
        for s in notices(replace(results, experiences=tuple(steps)))
        if "Site and finding" in said(s)
    ]

    assert results.experiences[-1].name in told


@pytest.mark.parametrize(
    ("lost", "begins"),
    [
        (between(0.01, 0.1), "Language gave 0.055 [0.010, 0.100] of the AUROC"),
        (between(-0.1, 0.1), "Nothing is shown to come from language, which gave 0.000"),
        (between(-0.1, -0.01), "Language cost: it gave -0.055"),
        (Estimate.undefined("no film"), "How much comes from language is undefined"),
    ],
)
def test_what_came_from_language_is_what_random_vectors_lose(
    lost: Estimate, begins: str, results: Results
) -> None:
    with_control = replace(results, language={"random": Language(auroc=lost, lost=lost)})
    apart = replace(with_control, zero_shot=False)

    assert said(steered(with_control)[0]).startswith(begins)
    assert steered(replace(results, language={})) == ()
    assert lost.value is None or "anchors, not language" in said(steered(apart)[0])
