"""The whole network that frozen encoders are measured against, small: a few films, a few steps."""

import json
import shutil
import sys
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from carina.core import Estimate, fingerprint, write_json
from carina.encoders import ENCODERS, FrozenImages
from carina.measures import auroc
from carina.recipes.passes import Pass, walked
from carina.streams import AllAtOnce, ByClass, Labelled, Stream, lay_out
from carina.studies import LabelSpace

sys.path.insert(0, str(Path(__file__).parents[2]))

from benchmarks import fine_tuning, fine_tuning_measure, fine_tuning_trials
from benchmarks.fine_tuning import HEADER, table
from benchmarks.fine_tuning_measure import Films, Outcome, measure, measure_films
from benchmarks.fine_tuning_trials import WEIGHTS, Trial, line, reached
from benchmarks.whole_network import ENCODER, Norm, Tuning, put_norm_back, trunk_of
from benchmarks.whole_walk import born, walk_whole
from tests.benchmarks.hospital import hospital

FILMS = 24
SPACE = LabelSpace(names=("Edema", "Mass", "Nodule"))
QUICK = Tuning(rate=3e-3, steps=2, batch=4, carry=True, moved=True)


@pytest.fixture(scope="session")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network of two small blocks in the form the published one has."""
    path = tmp_path_factory.mktemp("data") / "weights" / "mbv3_cxr14.safetensors"
    path.parent.mkdir()
    blocks = [
        {"kernel": 3, "inp": 4, "exp": 8, "out": 8, "stride": 4, "act": "relu", "se": True}
        | {"residual": False, "shortcut_conv": False},
        {"kernel": 3, "inp": 8, "exp": 8, "out": 12, "stride": 4, "act": "hardswish", "se": False}
        | {"residual": False, "shortcut_conv": False},
    ]
    layers = {
        "input": "",
        "stem": {"out": 4, "kernel": 3, "stride": 4, "act": "hardswish"},
        "blocks": blocks,
        "head_conv": {"out": 576, "act": "hardswish"},
        "pool": "",
        "mlp": [],
        "se": "",
        "note": "",
        "classes": [],
    }
    shapes = {"conv1": (4, 1, 3, 3), "conv2": (576, 12, 1, 1)}
    for place, (inp, exp, out) in enumerate(((4, 8, 8), (8, 8, 12))):
        shapes |= {
            f"bneck.{place}.conv1": (exp, inp, 1, 1),
            f"bneck.{place}.conv2": (exp, 1, 3, 3),
            f"bneck.{place}.conv3": (out, exp, 1, 1),
        }
    shapes |= {"bneck.0.se.1": (2, 8, 1, 1), "bneck.0.se.4": (8, 2, 1, 1)}
    drawn = torch.Generator().manual_seed(5)
    tensors = {}
    for name, shape in shapes.items():
        scale = (2 / np.prod(shape[1:])) ** 0.5
        tensors[f"{name}.weight"] = torch.randn(shape, generator=drawn) * scale
        tensors[f"{name}.bias"] = torch.randn(shape[0], generator=drawn) / 10
    save_file(tensors, path)
    path.with_suffix(".json").write_text(json.dumps(layers))
    return path


@pytest.fixture(scope="session")
def films() -> np.ndarray:
    """Films of noise: brighter, striped across, striped along where a finding is present."""
    pixels = np.random.default_rng(1).normal(0, 0.3, (FILMS, 1, 224, 224)).astype(np.float32)
    stripes = np.where(np.arange(224) // 16 % 2, 1.5, -1.5).astype(np.float32)
    signs = (np.ones((224, 224), dtype=np.float32), stripes[:, None], stripes[None, :])
    for row, present in enumerate(target()):
        for here, sign in zip(present, signs, strict=True):
            pixels[row, 0] += here * sign
    return pixels


def target() -> np.ndarray:
    """Every combination of three findings, three times."""
    return np.array([[bool(row >> at & 1) for at in range(3)] for row in range(FILMS)])


def labelled(truth: np.ndarray | None = None) -> Labelled:
    """A patient a film."""
    rows = np.arange(FILMS, dtype=np.int64)
    return Labelled(
        space=SPACE,
        features=torch.arange(FILMS, dtype=torch.float32)[:, None],
        target=target() if truth is None else truth,
        known=np.ones((FILMS, 3), dtype=bool),
        patients=rows,
        images=rows,
    )


HALF = Pass(name="fold-0", learn=np.arange(16), score=np.arange(16, FILMS))


def laid(what: Labelled, plan: ByClass | AllAtOnce) -> Stream:
    rows = np.arange(FILMS, dtype=np.int64)
    return lay_out(plan, what.ground(rows=rows, validation=rows[:0], digest=""))


def followed(
    weights: Path,
    films: np.ndarray,
    folder: Path,
    *,
    tuning: Tuning = QUICK,
    plan: ByClass | AllAtOnce | None = None,
    truth: np.ndarray | None = None,
    until: int | None = None,
) -> np.ndarray:
    """Scores by step of a pass, taken up from where its folder stands; or none, if it is broken off."""
    what = labelled(truth)
    stream = laid(what, plan or ByClass())
    network = born(weights, tuning, films=films, learn_from=HALF.learn, findings=3)
    walking = walk_whole(
        HALF,
        network,
        stream=stream,
        labelled=what,
        films=films,
        tuning=tuning,
        seed=1,
        folder=folder,
    )
    for _ in islice(walking, until):
        pass
    if until is not None:
        return np.empty(0)
    return walked(folder, len(stream.experiences) + 1).difference


def test_batch_norm_put_back_answers_as_before_on_the_films_it_was_measured_on(
    weights: Path, films: np.ndarray
) -> None:
    _, trunk = trunk_of(weights)
    seen = torch.from_numpy(films[:8])
    before = trunk(seen).pooled.detach()

    put_norm_back(trunk, seen)

    assert sum(isinstance(module, torch.nn.BatchNorm2d) for module in trunk.modules()) == 8
    for training in (False, True):
        after = trunk.train(training)(seen).pooled
        torch.testing.assert_close(after, before, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("norm", list(Norm))
def test_it_learns_what_the_films_show(
    norm: Norm, weights: Path, films: np.ndarray, tmp_path: Path
) -> None:
    tuning = replace(QUICK, norm=norm, rate=1e-2, steps=20, batch=8, moved=False)

    scores = followed(weights, films, tmp_path, tuning=tuning, plan=AllAtOnce())[-1]

    held = target()[HALF.score]
    assert np.mean([auroc(scores[:, column], held[:, column]) for column in range(3)]) > 0.9


@pytest.mark.parametrize("carry", [True, False])
def test_a_pass_that_was_killed_goes_on_to_the_same_bits(
    carry: bool, weights: Path, films: np.ndarray, tmp_path: Path
) -> None:
    tuning = replace(QUICK, norm=Norm.BATCH, carry=carry)
    whole = followed(weights, films, tmp_path / "whole", tuning=tuning)

    followed(
        weights, films, tmp_path / "killed", tuning=tuning, until=2
    )  # in the second experience
    taken_up = followed(weights, films, tmp_path / "killed", tuning=tuning)

    np.testing.assert_array_equal(taken_up, whole)
    assert len(list((tmp_path / "killed").glob("standing-*"))) == 1


def test_a_finding_has_no_score_before_it_is_met_and_its_labels_move_nothing(
    weights: Path, films: np.ndarray, tmp_path: Path
) -> None:
    other = target()
    other[:, 2] = ~other[:, 2]

    scores = followed(weights, films, tmp_path / "one")
    changed = followed(weights, films, tmp_path / "other", truth=other)

    for step in range(4):
        assert np.isnan(scores[step]).all(axis=0).tolist() == [step <= at for at in range(3)]
    np.testing.assert_array_equal(scores[:3], changed[:3])
    assert (scores[3] != changed[3]).any()


@pytest.fixture
def data(weights: Path, tmp_path: Path) -> Path:
    """Films and weights, as the benchmark wants them."""
    (tmp_path / "data" / "nih").mkdir(parents=True)
    hospital(tmp_path / "data" / "nih")
    shutil.copytree(weights.parent, tmp_path / "data" / "weights")
    return tmp_path / "data"


def test_the_table_pairs_a_whole_network_with_a_frozen_one(
    data: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The parts as the benchmark's processes do them, here in one, and the table read from disk."""
    work, trial = tmp_path / "work", Trial(plan="joint", tuning=QUICK, reads=2)
    monkeypatch.setattr(fine_tuning_measure, "DRAWS", 20)
    monkeypatch.setattr(fine_tuning_measure, "PROBED", 4)
    monkeypatch.setattr(fine_tuning_trials, "FOLDS", 2)
    monkeypatch.setattr(fine_tuning_trials, "SCORED", (0,))
    monkeypatch.setitem(fine_tuning_trials.CHOSEN, "joint", trial)
    assert table(work) == ["Not run: see `python benchmarks/fine_tuning.py --help`."]

    write_json(work / "films.json", measure_films(data, work))
    outcomes = {}
    for method in ("whole", "ridge"):
        outcomes[method] = measure(method, "joint", data, work)
        write_json(work / f"outcome-{method}-joint.json", outcomes[method])
    whole, ridge = outcomes.values()

    assert whole.auroc.value is not None
    assert ridge.auroc.value is not None
    assert ridge.less_whole.value == pytest.approx(ridge.auroc.value - whole.auroc.value)
    assert not whole.less_whole.defined
    assert (whole.steps, ridge.steps) == (4, 0)
    assert whole.carried_bytes > 2.9 * whole.update_bytes  # Adam's two moments beside it
    assert whole.backward_transfer.why_undefined == "one step"
    _, prepared, kept = fine_tuning_trials.ground(data, work)
    found = reached(trial, prepared, work)
    assert found is not None
    assert len(found) == 2
    assert found[-1] == pytest.approx(whole.auroc.value)
    assert f"| 2, 4 | {found[0]:.3f}, {found[1]:.3f} |" in line(trial, found)
    seen = FrozenImages(card=ENCODERS[ENCODER].card, module=trunk_of(data / WEIGHTS)[1])
    torch.testing.assert_close(  # films are prepared as the frozen encoder has them
        seen.encode(torch.from_numpy(np.array(kept))).pooled, prepared.labelled.features
    )


def outcome(auroc: float) -> Outcome:
    nothing = Estimate.undefined("one step")
    return Outcome(
        key="",
        auroc=Estimate(value=auroc),
        less_whole=nothing,
        unseen=nothing,
        less_whole_unseen=nothing,
        backward_transfer=nothing,
        forgetting=nothing,
        seconds=1.5,
        steps=0,
        peak_bytes=3 * 10**8,
        update_bytes=10**6,
        carried_bytes=2 * 10**6,
    )


def test_the_table_says_what_was_not_run(tmp_path: Path) -> None:
    films = Films(
        key="",
        scored=9,
        patients=5,
        unseen=2,
        exposed="seen before",
        prepare_seconds=0.01,
        encode_seconds=0.02,
        before_bytes=10**8,
    )
    write_json(tmp_path / "films.json", films)
    write_json(tmp_path / "outcome-ridge-joint.json", outcome(0.75))

    lines = table(tmp_path)

    joint = lines.index("### Joint")
    rows = lines[joint + 4 : joint + 8]
    assert [said.count("|") for said in rows] == [len(HEADER) + 1] * 4
    assert [said for said in rows if "not run" not in said] == [
        (
            "| masked ridge head, frozen encoder † | 0.750 | undefined | undefined | undefined "
            "| undefined | undefined | 1.50 | 0 | 300 | 1.00 | 2.00 |"
        )
    ]
    assert any(said.startswith("† seen before.") for said in lines)


def test_every_chosen_setting_was_tried_and_no_trial_is_told_twice() -> None:
    all_of_them = list(fine_tuning_trials.trials())

    assert len(set(map(fingerprint, all_of_them))) == len(all_of_them)
    assert set(fine_tuning_trials.CHOSEN) == set(fine_tuning.PLANS)
    for plan, trial in fine_tuning_trials.CHOSEN.items():
        assert trial.plan == plan
        assert trial in all_of_them
