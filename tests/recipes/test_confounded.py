"""A site made to look like a finding: the reader is taken in, and the card is not."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from carina.cards import write_run_card
from carina.evaluation import read_scores
from carina.learning import Ridge, Setting
from carina.measures import auroc
from carina.recipes import Continual, Finished, Prepared, run
from carina.streams import AllAtOnce, ByClass, Confounded, StreamPlan
from carina.studies import LabelSpace

PLAN = Confounded(of=ByClass(), finding="Edema", site="site 0")
TOLD = "Site and finding go together"


@pytest.fixture(scope="module")
def hospitals(prepared: Prepared) -> Prepared:
    """Films of three hospitals: site 0 develops them its own way, and Edema is hard to see."""
    rng = np.random.default_rng(0)
    patients, rows = 300, 600
    target = rng.random((rows, 3)) < 0.35
    site = np.repeat(rng.integers(0, 3, patients), 2)
    features = rng.normal(size=(rows, 8))
    features[:, 0] += 5.0 * (site == 0)
    features[:, 1:4] += np.array([2.0, 0.6, 2.0]) * target
    codes = np.repeat(10**9 + rng.permutation(patients), 2)
    test = codes % 3 == 0
    return replace(
        prepared,
        labelled=replace(
            prepared.labelled,
            features=torch.from_numpy(features).float(),
            target=target,
            known=np.ones_like(target),
            patients=codes,
            images=np.arange(rows) + 10**6,
            prompts=None,
            sites=tuple(f"site {number}" for number in site),
        ),
        certain=np.ones_like(target),
        setting=Setting(image_dim=8),
        groups={},
        digests=tuple(f"{row:040x}" for row in range(rows)),
        learn=np.flatnonzero(~test),
        test=np.flatnonzero(test),
        why_no_zero_shot="drawn numbers",
    )


def done(plan: StreamPlan, recipe: Continual, hospitals: Prepared, out: Path) -> Finished:
    chosen = replace(recipe, plan=plan, strategy=Ridge(betas=(0.0,)), text_encoder="")
    *_, last = run(chosen, hospitals, out)
    assert isinstance(last, Finished)
    write_run_card(last.folder)
    return last


def on(done: Finished, hospitals: Prepared) -> tuple[float, float]:
    """AUROC for Edema on test films that go along with site 0, and on those of other sites."""
    steps = tuple(one.name for one in done.results.experiences)
    space = LabelSpace(names=done.results.labels)
    scores = read_scores(done.folder / "scores.parquet", steps, space)["test"]
    said, there = scores.difference[-1][:, 1], scores.part.target[:, 1]
    here = np.array([hospitals.labelled.sites[row] == "site 0" for row in hospitals.test])
    along = there == here
    return auroc(said[along], there[along]), auroc(said[~here], there[~here])


def test_a_reader_is_good_where_they_go_together_and_falls_on_other_sites(
    recipe: Continual, hospitals: Prepared, tmp_path: Path
) -> None:
    taken_in = on(done(PLAN, recipe, hospitals, tmp_path), hospitals)
    honest = on(done(ByClass(), recipe, hospitals, tmp_path), hospitals)

    assert taken_in[0] > 0.9
    assert taken_in[0] - taken_in[1] > 0.25
    assert honest[1] > taken_in[1] + 0.05
    assert abs(honest[0] - honest[1]) < 0.15


def test_its_card_says_so_before_the_numbers(
    recipe: Continual, hospitals: Prepared, tmp_path: Path
) -> None:
    folder = done(PLAN, recipe, hospitals, tmp_path).folder
    for card in ("card.md", "card.html"):
        text = (folder / card).read_text()
        assert text.count(TOLD) == 1
        assert "the site alone tells Edema with AUROC" in text
    assert "the site tells Edema" in (folder / "card.md").read_text()  # among the marks


@pytest.mark.parametrize("plan", [ByClass(), AllAtOnce()], ids=lambda plan: plan.kind)
def test_an_ordinary_card_says_nothing_of_sites(
    plan: StreamPlan, recipe: Continual, hospitals: Prepared, tmp_path: Path
) -> None:
    ordinary = done(plan, recipe, hospitals, tmp_path)

    assert TOLD not in (ordinary.folder / "card.md").read_text()
    assert all(one.confounding for one in ordinary.results.experiences)
