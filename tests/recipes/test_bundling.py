"""From a run's folder to a bundle that answers as the run did."""

import shutil
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
import torch

from carina.adaptors import Linear, RidgeAlignment, Sides
from carina.bundles import read_bundle, read_state, write_bundle
from carina.core import InvalidValue, MissingFile
from carina.evaluation import read_scores
from carina.features import Store
from carina.learning import (
    Heads,
    RETune,
    Ridge,
    StrategyConfig,
    TipAdapter,
    leaving,
    load_learner,
    load_setting,
    save_learner,
    sums_in,
)
from carina.recipes import Continual, Finished, Prepared, bundle_of, run
from carina.serving import load_predictor
from carina.studies import LabelSpace, Manifest
from tests.recipes.finished_run import Ran, finished

QUICK = RETune(sides=Sides(adaptor=Linear(out=8)), rate=1e-2, batch=32, steps=5, epochs=None)


@pytest.fixture(scope="module")
def ran(
    request: pytest.FixtureRequest,
    recipe: Continual,
    manifest: Manifest,
    store: Store,
    tmp_path_factory: pytest.TempPathFactory,
) -> Ran:
    """A run of the strategy asked for."""
    chosen = replace(recipe, strategy=request.param)
    return finished(chosen, manifest, store, tmp_path_factory.mktemp("runs"))


EVERY: list[StrategyConfig] = [Ridge(), Heads(), QUICK]
each = pytest.mark.parametrize("ran", EVERY, ids=lambda s: type(s).__name__, indirect=True)
ridge = pytest.mark.parametrize("ran", EVERY[:1], ids=["Ridge"], indirect=True)


@each
def test_a_bundle_answers_with_the_bits_of_the_run(ran: Ran, tmp_path: Path) -> None:
    bundle, state = bundle_of(ran.folder)
    write_bundle(tmp_path / "bundle", bundle, state=state)
    space = LabelSpace(names=ran.results.labels)
    names = tuple(experience.name for experience in ran.results.experiences)
    test = read_scores(ran.folder / "scores.parquet", names, space)["test"]
    films = [ran.films[digest] for digest in test.part.images]
    found = load_predictor(tmp_path / "bundle", check_input=False).predict_all(films)

    assert state is None
    assert bundle.lineage[0].after == 3
    assert [one.image for one in found.images] == films
    for column, label in enumerate(space.names):
        answers = [one.findings[label] for one in found.images]
        yes = (test.decision[-1, :, column] == 1).tolist()

        assert [a.score for a in answers] == test.difference[-1, :, column].tolist()
        assert [a.probability for a in answers] == test.probability[-1, :, column].tolist()
        assert [a.present for a in answers] == yes


@each
def test_an_earlier_step_answers_for_what_it_had_met(ran: Ran) -> None:
    bundle, _ = bundle_of(ran.folder, after=2)

    assert bundle.labels == ("Cardiomegaly", "Edema")
    assert {rule.label for rule in bundle.rules} == {"Cardiomegaly", "Edema"}
    assert bundle.lineage[0].experiences == tuple(e.name for e in ran.results.experiences[:2])
    assert bundle.auroc == {label: ran.results.scores["auroc"][1][label] for label in bundle.labels}


@each
def test_the_cards_are_whole_and_those_of_the_run(ran: Ran) -> None:
    bundle, _ = bundle_of(ran.folder)
    used = [encoder.fingerprint for encoder in ran.results.encoders]

    assert [card.fingerprint for card in bundle.encoders] == used[:1]
    assert bundle.text_encoder is not None
    assert bundle.text_encoder.fingerprint == used[1]


@each
def test_update_state_is_all_that_may_leave_of_what_the_learner_carries(
    ran: Ran, tmp_path: Path
) -> None:
    bundle, state = bundle_of(ran.folder, updatable=True)
    assert state is not None
    write_bundle(tmp_path / "bundle", bundle, state=state)
    back = read_state(tmp_path / "bundle")
    learner = load_learner(
        ran.folder / "learners" / "003", setting=load_setting(ran.folder / "setting")
    )
    out = leaving(learner)

    assert back is not None
    assert back.tensors.keys() == out.learner.carried.keys()
    assert all(torch.equal(back.tensors[n], tensor) for n, tensor in out.learner.carried.items())
    assert back.notes["learner"] == out.learner.notes
    assert back.withheld == out.withheld
    assert bundle.labels == out.learner.labels.names
    assert bundle.single_patients == back.single_patients == out.learner.single_patients
    assert back.fewest_patients == out.learner.fewest_patients
    if "sums" in state.bytes:
        assert back.fewest_patients is not None
        assert back.fewest_patients >= 10


@ridge
def test_a_finding_whose_sums_may_not_leave_is_left_out_of_an_updatable_bundle(
    ran: Ran, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More patients are wanted than the hospital has of the rarest finding."""
    learner = load_learner(
        ran.folder / "learners" / "003", setting=load_setting(ran.folder / "setting")
    )
    known = sums_in(learner).findings
    counts = {
        label: int(torch.stack([own.positive_patients, own.negative_patients]).sum(dim=1).min())
        for label, own in known.items()
    }
    rarest = min(counts, key=lambda label: counts[label])
    assert sorted(counts.values())[1] > counts[rarest]
    more = partial(leaving, enough=counts[rarest] + 1)
    monkeypatch.setattr("carina.recipes.bundling.leaving", more)
    bundle, state = bundle_of(ran.folder, updatable=True)
    assert state is not None

    assert rarest not in bundle.labels
    assert set(state.withheld) == {rarest}
    assert {rule.label for rule in bundle.rules} == set(bundle.labels)
    assert f"sums/positive/{rarest}" not in state.tensors
    monkeypatch.setattr("carina.recipes.bundling.leaving", partial(leaving, enough=1000))
    with pytest.raises(InvalidValue, match=r"No finding of the run .* Leave --updatable out"):
        bundle_of(ran.folder, updatable=True)


@each
def test_nothing_in_a_bundle_names_a_patient_or_a_film(ran: Ran, tmp_path: Path) -> None:
    bundle, state = bundle_of(ran.folder, updatable=True)
    write_bundle(tmp_path / "bundle", bundle, state=state)
    inside = b"".join(path.read_bytes() for path in (tmp_path / "bundle").iterdir())

    assert b"Plantagenet" not in inside
    assert b"film-" not in inside
    assert not any(digest.encode() in inside for digest in ran.films)
    assert str(ran.folder.parent).encode() not in inside


@ridge
@pytest.mark.parametrize("after", [0, 4, -1])
def test_a_step_the_run_has_not_is_refused(ran: Ran, after: int) -> None:
    with pytest.raises(InvalidValue, match=f"steps 1 to 3; got {after}"):
        bundle_of(ran.folder, after=after)


@ridge
def test_rows_of_patients_leave_no_house(ran: Ran, tmp_path: Path) -> None:
    folder = tmp_path / ran.folder.name
    shutil.copytree(ran.folder, folder)
    last = folder / "learners" / f"{len(ran.results.experiences):03}"
    setting = load_setting(folder / "setting")
    save_learner(last, replace(load_learner(last, setting=setting), patient_rows=3))

    assert bundle_of(folder)[1] is None
    with pytest.raises(InvalidValue, match="3 rows of single patients"):
        bundle_of(folder, updatable=True)


@pytest.mark.parametrize("ran", [TipAdapter(shots=2)], ids=["TipAdapter"], indirect=True)
def test_a_run_that_predicts_with_patients_rows_makes_no_bundle(ran: Ran) -> None:
    assert ran.results.experiences[-1].lived.patient_rows > 0
    for after in (1, None):
        with pytest.raises(InvalidValue, match=r"patients' rows .* leave no house"):
            bundle_of(ran.folder, after=after)


@ridge
def test_an_earlier_step_has_nothing_to_learn_on_from(ran: Ran) -> None:
    with pytest.raises(InvalidValue, match="--after or --updatable"):
        bundle_of(ran.folder, after=1, updatable=True)


@ridge
def test_a_run_of_an_earlier_carina_says_the_next_step(ran: Ran, tmp_path: Path) -> None:
    shutil.copytree(ran.folder, tmp_path / "old")
    (tmp_path / "old" / "encoders.json").unlink()
    with pytest.raises(MissingFile, match=r"no 'encoders.json'.*run the recipe again"):
        bundle_of(tmp_path / "old")
    with pytest.raises(MissingFile):
        bundle_of(tmp_path)


@pytest.mark.parametrize("strategy", [Ridge(), QUICK])
def test_an_alignment_comes_along_where_it_is_needed(
    strategy: StrategyConfig, recipe: Continual, prepared: Prepared, tmp_path: Path
) -> None:
    rng = torch.Generator().manual_seed(0)
    alignment = RidgeAlignment(
        weight=torch.randn(32, 32, generator=rng),
        image_mean=torch.randn(32, generator=rng),
        text_mean=torch.randn(32, generator=rng),
        penalty=0.1,
        explained=0.2,
        pairs=9,
        patients=8,
        image_encoder="image",
        text_encoder="text",
        data="data",
    )
    setting = replace(prepared.setting, shared_space=False, alignment=alignment)
    *_, last = run(
        replace(recipe, strategy=strategy), replace(prepared, setting=setting), tmp_path / "runs"
    )
    assert isinstance(last, Finished)
    bundle, state = bundle_of(last.folder, updatable=True)
    write_bundle(tmp_path / "bundle", bundle)

    assert load_setting(last.folder / "setting").alignment is not None
    assert state is not None
    assert torch.equal(state.tensors["alignment/weight"], alignment.weight)
    assert ("alignment" in bundle.bytes) == isinstance(strategy, RETune)
    assert read_bundle(tmp_path / "bundle").fingerprint == bundle.fingerprint
