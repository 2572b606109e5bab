"""A run over a pre-trained Adaptor keeps it, and its bundle answers and learns on without the run."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from carina.adaptors import Linear, Sides
from carina.bundles import read_bundle, write_bundle
from carina.core import MissingFile, UnreadableFile
from carina.evaluation import read_scores
from carina.features import Store
from carina.learning import RETune, Ridge, StrategyConfig, ZeroShot, load_adaptor, save_adaptor
from carina.recipes import Align, Continual, Finished, bundle_of, home_of, prepare, run
from carina.serving import load_predictor
from carina.studies import LabelSpace, Manifest
from tests.recipes.finished_run import Ran, finished
from tests.recipes.over_an_adaptor import adaptor

QUICK = RETune(sides=Sides(adaptor=Linear(out=8)), rate=1e-2, batch=32, steps=5, epochs=None)


@pytest.fixture(scope="module")
def ran(
    request: pytest.FixtureRequest,
    recipe: Continual,
    manifest: Manifest,
    store: Store,
    tmp_path_factory: pytest.TempPathFactory,
) -> Ran:
    """A run of the strategy asked for, whose Adaptor's folder is gone."""
    place = tmp_path_factory.mktemp("somebodys") / "adaptor"
    save_adaptor(place, adaptor())
    over = replace(
        recipe,
        text_encoder="minilm-l6",
        strategy=request.param,
        align=Align(adaptor=str(place)),
    )
    over_it = finished(over, manifest, store, tmp_path_factory.mktemp("runs"))
    shutil.rmtree(place)
    return over_it


EVERY: list[StrategyConfig] = [ZeroShot(), Ridge(), QUICK]
each = pytest.mark.parametrize("ran", EVERY, ids=lambda s: type(s).__name__, indirect=True)
ridge = pytest.mark.parametrize("ran", [EVERY[1]], ids=["Ridge"], indirect=True)


@each
def test_a_bundle_answers_with_the_bits_of_the_runs_last_reader(ran: Ran, tmp_path: Path) -> None:
    bundle, _ = bundle_of(ran.folder)
    write_bundle(tmp_path / "bundle", bundle)
    names = tuple(experience.name for experience in ran.results.experiences)
    space = LabelSpace(names=ran.results.labels)
    test = read_scores(ran.folder / "scores.parquet", names, space)["test"]
    films = [ran.films[digest] for digest in test.part.images]
    found = load_predictor(tmp_path / "bundle", check_input=False).predict_all(films)

    assert len(found.images) == len(films) > 10
    for column, label in enumerate(space.names):
        answers = [one.findings[label] for one in found.images]
        yes = (test.decision[-1, :, column] == 1).tolist()

        assert len({answer.score for answer in answers}) > len(films) / 2
        assert [answer.score for answer in answers] == test.difference[-1, :, column].tolist()
        assert [answer.probability for answer in answers] == (
            test.probability[-1, :, column].tolist()
        )
        assert [answer.present for answer in answers] == yes


@ridge
def test_the_run_and_its_bundles_hold_the_adaptor_it_stood_on(ran: Ran, tmp_path: Path) -> None:
    bundle, state = bundle_of(ran.folder, updatable=True)
    write_bundle(tmp_path / "bundle", bundle, state=state)
    back = read_bundle(tmp_path / "bundle").pretrained
    home = home_of(ran.folder)

    assert load_adaptor(ran.folder / "adaptor").fingerprint == adaptor().fingerprint
    assert back is not None
    assert back.fingerprint == adaptor().fingerprint
    assert home is None or home[0].pretrained is not None
    inside = b"".join(path.read_bytes() for path in (tmp_path / "bundle").iterdir())
    assert b"somebodys" not in inside


@ridge
def test_what_is_kept_counts_the_adaptor_apart_in_the_run_as_in_its_bundle(ran: Ran) -> None:
    bundle, _ = bundle_of(ran.folder)
    told = [experience.lived.kept_bytes for experience in ran.results.experiences]

    assert {kept["pretrained"] for kept in told} == {bundle.bytes["pretrained"]}
    assert bundle.bytes["pretrained"] == sum(
        each.nbytes for each in adaptor().module.state_dict().values()
    )
    assert told[-1]["head"] == bundle.bytes["head"]


@ridge
def test_a_run_whose_adaptor_was_changed_makes_no_bundle(ran: Ran, tmp_path: Path) -> None:
    shutil.copytree(ran.folder, tmp_path / "run")
    place = tmp_path / "run" / "adaptor" / "adaptor.safetensors"
    torn = bytearray(place.read_bytes())
    torn[-1] ^= 1
    place.write_bytes(torn)

    with pytest.raises(UnreadableFile, match=r"adaptor\.safetensors is not the file"):
        bundle_of(tmp_path / "run")


@ridge
def test_a_run_from_before_runs_kept_their_adaptor_says_the_next_step(
    ran: Ran, tmp_path: Path
) -> None:
    shutil.copytree(ran.folder, tmp_path / "run")
    shutil.rmtree(tmp_path / "run" / "adaptor")

    with pytest.raises(MissingFile, match=r"no 'adaptor'.*run the recipe again"):
        bundle_of(tmp_path / "run")


def test_encoders_of_one_space_have_no_adaptor_over_them(
    recipe: Continual, manifest: Manifest, store: Store, tmp_path: Path
) -> None:
    over = replace(recipe, align=Align(adaptor="nowhere"))
    *_, last = run(over, prepare(over, manifest, store), tmp_path / "runs")
    assert isinstance(last, Finished)

    assert not (last.folder / "adaptor").exists()
    assert bundle_of(last.folder)[0].pretrained is None
