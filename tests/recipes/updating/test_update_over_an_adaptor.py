"""A reader over a pre-trained Adaptor learns on through it, and the Adaptor stays as it is."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from carina.adaptors import Linear, Sides
from carina.bundles import history_folder, read_bundle, read_state
from carina.core import read_json
from carina.features import Store
from carina.learning import (
    RETune,
    Ridge,
    StrategyConfig,
    leaving,
    load_learner,
    load_setting,
    save_adaptor,
    save_learner,
)
from carina.recipes import (
    Align,
    Continual,
    Dossier,
    Outcome,
    Undecided,
    UpdateProtocol,
    bundle_of,
    home_of,
    prepare,
    restored,
    roll_back,
    take_out,
)
from carina.recipes.updating.films import films_in_store
from carina.recipes.updating.prompting import prompts_of
from carina.serving import Prediction, load_predictor
from carina.studies import Manifest
from tests.recipes.over_an_adaptor import adaptor

Draw = Callable[..., Manifest]
Learn = Callable[..., Dossier]
QUICK = RETune(sides=Sides(adaptor=Linear(out=8)), rate=1e-2, batch=32, steps=5, epochs=None)
FINDINGS = ("Cardiomegaly", "Edema", "Pneumothorax")
LAX = UpdateProtocol(margin=0.4, margin_of_answers=0.4, undecided=Undecided.REPLACE, learn_from=1)


@pytest.fixture(scope="module")
def over(tmp_path_factory: pytest.TempPathFactory) -> Align:
    """Through a drawn Adaptor."""
    folder = tmp_path_factory.mktemp("drawn") / "adaptor"
    save_adaptor(folder, adaptor())
    return Align(adaptor=str(folder))


def whole(reader: Path) -> str:
    """Fingerprint of the Adaptor of a bundle."""
    over = read_bundle(reader).pretrained
    assert over is not None
    return over.fingerprint


@pytest.mark.parametrize("strategy", [Ridge(), QUICK], ids=lambda one: type(one).__name__)
def test_a_learner_comes_back_and_is_shown_what_the_run_would_show_it(
    strategy: StrategyConfig,
    taught: Callable[..., Path],
    over: Align,
    hospital_data: Manifest,
    tmp_path: Path,
) -> None:
    folder = taught(strategy, text="minilm-l6", align=over)
    bundle, state = home_of(folder) or bundle_of(folder, updatable=True)
    assert bundle.pretrained is not None
    back, setting = restored(bundle, state), load_setting(folder / "setting")
    own = leaving(load_learner(folder / "learners" / "003", setting=setting)).home
    store = Store(folder.parents[1] / "store")
    prepared = prepare(read_json(folder / "recipe.json", Continual), hospital_data, store)
    films = films_in_store(hospital_data, store, bundle)
    prompts = prompts_of(bundle, back.recipe.prompts, FINDINGS)

    assert back.recipe.align == Align(adaptor="adaptor")
    assert back.learner.setting == setting
    for name, learner in (("back", back.learner), ("own", own)):
        save_learner(tmp_path / name, learner)
    for path in (tmp_path / "own").iterdir():
        assert path.read_bytes() == (tmp_path / "back" / path.name).read_bytes()
    assert films.digests == prepared.digests
    assert torch.equal(films.features, prepared.labelled.features)
    assert prompts is not None
    assert prepared.labelled.prompts is not None
    assert torch.equal(prompts.positive, prepared.labelled.prompts.positive)
    assert torch.equal(prompts.negative, prepared.labelled.prompts.negative)


def test_new_films_and_a_new_finding_are_learned_through_it(
    served: Callable[..., Path], over: Align, drawn: Draw, learn: Learn
) -> None:
    reader = served(Ridge(), text="minilm-l6", align=over)
    labels = (*FINDINGS, "Nodule")
    new = drawn("new", range(300, 400), findings=labels)
    dossier = learn(reader, new, protocol=LAX)
    after = read_bundle(reader)
    films = [new.root / name for name in new.image]
    said = [
        one
        for one in load_predictor(reader, check_input=False).predict(films)
        if isinstance(one, Prediction)
    ]
    nodule = torch.tensor([one.findings["Nodule"].score for one in said])
    present = torch.from_numpy(new.labels[:, labels.index("Nodule")] == 1)

    assert (dossier.replaced, dossier.version, after.labels) == (True, 2, labels)
    assert dossier.kept_bytes["pretrained"] == after.bytes["pretrained"] > 0
    assert whole(reader) == adaptor().fingerprint
    assert len(said) == 100
    assert nodule[present].mean() > nodule[~present].mean()


def test_an_update_that_fails_leaves_the_reader(
    served: Callable[..., Path], over: Align, drawn: Draw, learn: Learn
) -> None:
    reader = served(Ridge(), text="minilm-l6", align=over)
    before = read_bundle(reader).fingerprint
    wrong = drawn("wrong", range(300, 500), wrong=("Edema",))
    dossier = learn(reader, wrong, locked=drawn("locked", range(600, 800)))

    assert dossier.outcome is Outcome.FAILED
    assert read_bundle(reader).fingerprint == before


def test_a_patient_leaves_every_version_and_the_adaptor_stays(
    served: Callable[..., Path], over: Align, drawn: Draw, learn: Learn, tmp_path: Path
) -> None:
    reader = served(Ridge(), text="minilm-l6", align=over)
    may = drawn("may", range(300, 360))
    learn(reader, may, protocol=LAX)
    out = take_out(reader, "Plantagenet-310", may, Store(tmp_path / "store"))
    versions = history_folder(reader) / "versions"

    assert (out.freed, out.removed) == ((2,), ())
    assert whole(versions / "002" / "bundle") == whole(reader) == adaptor().fingerprint
    assert roll_back(reader) == 1
    assert whole(reader) == adaptor().fingerprint
    assert read_state(reader) is not None
