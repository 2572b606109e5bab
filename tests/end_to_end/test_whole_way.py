"""The main job from the command line: files to features, to a run, to a card, to answers."""

import csv
import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sklearn.metrics import roc_auc_score

from carina.core import Estimate, digest_image, load
from carina.evaluation import METRICS, Results, read_results, read_scores
from carina.features import Store
from carina.measures import PValue
from carina.phantoms import FINDINGS, write_phantoms
from carina.studies import LabelSpace, Split, read_folder

Carina = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def run(way: Any) -> Path:
    """The folder of the class-incremental run."""
    (folder,) = way["run"].iterdir()
    return Path(folder)


@pytest.fixture(scope="module")
def results(run: Path) -> Results:
    """Its numbers."""
    return read_results(run / "results.json")


def test_every_verb_of_the_way_works(way: Any) -> None:
    assert {verb: status for verb, (status, _, _) in way.said.items()} == dict.fromkeys(way.said, 0)


def test_the_store_has_every_film_once(way: Any) -> None:
    films = {digest_image(path.read_bytes()) for path in way["data/images"].iterdir()}
    held = {one.card.name: one.images for one in Store(way["store"]).holdings()}

    assert held["toy-image"] == len(films)


def test_results_for_machines_are_those_on_disk_with_the_promised_metrics(
    way: Any, results: Results, run: Path
) -> None:
    said = json.loads(way.said["results"][1])

    assert said == json.loads((run / "results.json").read_text())
    promised = {"auroc", "auroc_authors", "average_precision", "f1", "brier", "ece"}
    assert promised <= set(said["scores"])
    assert [step.visible for step in results.experiences] == [(name,) for name in FINDINGS]


def test_no_film_of_the_test_split_was_learned_from(way: Any, results: Results, run: Path) -> None:
    manifest = read_folder(way["data"])
    tables = read_scores(run / "scores.parquet", _steps(results), _space(results))
    digests = {
        name: {
            digest_image((manifest.root / manifest.image[row]).read_bytes())
            for row in manifest.rows(*splits)
        }
        for name, splits in {"test": [Split.TEST], "out-of-fold": [Split.TRAIN, Split.VAL]}.items()
    }

    assert {name: set(table.part.images) for name, table in tables.items()} == digests


def test_cards_stand_where_the_verbs_say(way: Any, run: Path) -> None:
    assert way.said["card"][2] == f"Card: {run / 'card.html'}\n"
    assert way.said["overview"][2] == f"Card: {way['overview'] / 'card.html'}\n"
    for folder in (run, way["overview"]):
        assert "small" in (folder / "card.html").read_text()
        assert "small" in (folder / "card.md").read_text()


def test_runs_are_compared_by_every_metric(way: Any) -> None:
    said = json.loads(way.said["compare"][1])

    assert set(said["means"]) == {"out-of-fold", "test"}
    assert set(said["means"]["test"]) == set(METRICS)


def test_runs_are_compared_finding_by_finding(way: Any, results: Results, run: Path) -> None:
    (joint,) = way["joint"].iterdir()
    ours, theirs = (
        read_scores(folder / "scores.parquet", _steps(found), _space(found))["test"]
        for folder, found in ((run, results), (joint, read_results(joint / "results.json")))
    )
    assert ours.part.images == theirs.part.images
    findings = json.loads(way.said["compare"][1])["findings"]
    adjusted = []

    assert tuple(findings) == results.groups[results.headline]
    for finding, tests in findings.items():
        column = results.labels.index(finding)
        known = ours.part.known[:, column]
        first, second = (
            roc_auc_score(table.part.target[known, column], table.difference[-1, known, column])
            for table in (ours, theirs)
        )
        assert set(tests) == {"resampled", "delong"}
        for test, way_of in ((tests["resampled"], "bootstrap"), (tests["delong"], "DeLong")):
            assert test["difference"]["value"] == pytest.approx(first - second, abs=1e-9)
            assert way_of in test["difference"]["method"]
            if test["p"]["value"] is not None:
                adjusted.append(test["p"]["method"])
    assert len(adjusted) >= len(findings)
    assert all("; Holm over " in method for method in adjusted)


def test_the_terminal_shows_what_machines_are_told_of_each_finding(
    way: Any, carina: Carina
) -> None:
    findings = json.loads(way.said["compare"][1])["findings"]

    status, out, _ = carina("compare", way["run"], way["joint"])

    assert status == 0
    rows = {row.split("│")[0].strip(): row for row in out.splitlines()}
    for finding, tests in findings.items():
        for test in tests.values():
            estimate, p = load(test["difference"], Estimate), load(test["p"], PValue)
            assert str(estimate) in rows[finding]
            assert str(p) in rows[finding]


def test_a_run_does_not_differ_from_itself(way: Any, carina: Carina) -> None:
    status, out, _ = carina("compare", way["run"], way["run"], "--json")

    assert status == 0
    for tests in json.loads(out)["findings"].values():
        assert [test["difference"]["value"] for test in tests.values()] == [0.0, 0.0]
        assert [test["p"]["value"] for test in tests.values()] == [1.0, 1.0]


@pytest.mark.parametrize(("ran", "verb"), [("run", "predict"), ("over", "predict over")])
def test_a_prediction_is_what_the_run_answered(way: Any, ran: str, verb: str) -> None:
    (folder,) = way[ran].iterdir()
    results = read_results(folder / "results.json")
    tables = read_scores(folder / "scores.parquet", _steps(results), _space(results))
    test = tables["test"]
    answers = {
        digest_image(Path(one["image"]).read_bytes()): one["findings"]
        for one in json.loads(way.said[verb][1])["images"]
    }
    may_leave = [name for name in results.labels if name in next(iter(answers.values()))]
    compared = 0
    for place, image in enumerate(test.part.images):
        for finding in may_leave:
            column = results.labels.index(finding)
            answer = answers[image][finding]
            assert answer["score"] == test.difference[-1, place, column]
            compared += 1
            if answer["probability"] is not None:
                assert 0 <= answer["probability"] <= 1
                assert answer["probability"] == test.probability[-1, place, column]
                assert answer["present"] == bool(test.decision[-1, place, column])

    assert compared == len(test.part.images) * len(may_leave) > 0
    assert verb == "predict over" or may_leave == list(results.labels)


def test_a_bundle_needs_no_folder_of_an_adaptor_and_is_refused_with_a_changed_one(
    way: Any, carina: Carina, tmp_path: Path
) -> None:
    bundle = shutil.copytree(way["bundle-over"], tmp_path / "bundle")
    film = min(way["data/images"].iterdir())
    hidden = way["pretrained"].rename(tmp_path / "hidden")
    try:
        status, out, _ = carina("predict", bundle, film, "--json")
    finally:
        hidden.rename(way["pretrained"])
    whole = json.loads(way.said["predict over"][1])["images"]

    assert status == 0
    assert json.loads(out)["images"][0]["findings"] == whole[0]["findings"]

    inside = bytearray((bundle / "pretrained.safetensors").read_bytes())
    inside[-1] ^= 1
    (bundle / "pretrained.safetensors").write_bytes(inside)
    status, out, err = carina("predict", bundle, film)

    assert status != 0
    assert out == ""
    assert "pretrained.safetensors is not as it was written" in err


def test_a_reader_over_an_adaptor_learns_on(way: Any, carina: Carina, tmp_path: Path) -> None:
    bundle = shutil.copytree(way["bundle-over"], tmp_path / "bundle")
    shutil.copytree(way["bundle-over.history"], tmp_path / "bundle.history")
    for _ in write_phantoms(tmp_path / "new", patients=30, seed=5, size=64):
        pass
    (tmp_path / "lax.toml").write_text(
        'learn_from = 1\nmargin = 0.4\nmargin_of_answers = 0.4\nundecided = "replace"\n'
    )
    before = (bundle / "pretrained.safetensors").read_bytes()

    status, _, err = carina(
        *("update", bundle, "--data", tmp_path / "new", "--protocol", tmp_path / "lax.toml")
    )
    assert status == 0
    assert "Version 2 is in service" in err
    said, answers, _ = carina("predict", bundle, min(way["data/images"].iterdir()), "--json")

    assert said == 0
    assert (bundle / "pretrained.safetensors").read_bytes() == before
    whole = json.loads(way.said["predict over"][1])["images"]
    assert json.loads(answers)["images"][0]["findings"] != whole[0]["findings"]


def test_whom_a_reader_forgets_its_adaptor_does_not_and_the_next_step_is_told(
    way: Any, carina: Carina, tmp_path: Path
) -> None:
    bundle = shutil.copytree(way["bundle-over"], tmp_path / "bundle")
    shutil.copytree(way["bundle-over.history"], tmp_path / "bundle.history")
    store = shutil.copytree(way["store"], tmp_path / "store")
    with (way["data"] / "phantoms.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    patient = next(row["patient"] for row in rows if row["split"] == "train")
    words = ("forget", "--patient", patient, "--store", store)
    over = ("--bundle", bundle, "--data", way["data"])
    before = (bundle / "pretrained.safetensors").read_bytes()

    first, again = carina(*words, *over), carina(*words, *over)

    for said in (first, again):
        assert said[0] == 0
        assert "stands on a frozen Adaptor, pre-trained on pairs of" in said[2]
        assert "Next: pre-train again" in said[2]
        assert patient not in said[2]
    assert "was taken back from version(s) 1" in first[2]
    assert "Pre-trained Adaptors are as they were, too" in first[2]
    assert "carina pretrain DATA --recipe RECIPE" in first[2]
    assert (bundle / "pretrained.safetensors").read_bytes() == before

    recipe = way["pretraining.toml"].read_text()
    (tmp_path / "again.toml").write_text(f'learn = ["pretrain", "train"]\n{recipe}')
    status, _, err = carina(
        *("pretrain", way["data"], "--recipe", tmp_path / "again.toml"),
        *("--store", store, "--out", tmp_path / "out"),
    )
    theirs = sum(row["patient"] == patient for row in rows)
    assert status == 0
    assert f"Left out: {theirs} film(s) of a patient whom the store forgot." in err


def test_every_film_is_answered_for_and_films_of_a_study_together(way: Any) -> None:
    said = json.loads(way.said["predict"][1])

    assert [Path(one["image"]).name for one in said["images"]] == sorted(
        path.name for path in way["data/images"].iterdir()
    )
    assert said["set_aside"] == []
    assert len({one["study"] for one in said["images"]}) == len(said["images"])


def test_encoding_and_running_again_does_no_work_twice(way: Any, carina: Carina, run: Path) -> None:
    written = (run / "results.json").stat().st_mtime_ns
    store = ("--store", way["store"])

    _, _, err = carina("encode", way["data"], "--encoder", "toy-image", *store)
    status, out, _ = carina(
        "run", way["by-class.toml"], "--data", way["data"], *store, "--out", way["run"]
    )

    assert err.startswith("toy-image: 0 of ")
    assert (status, out) == (0, way.said["run"][1])
    assert (run / "results.json").stat().st_mtime_ns == written


@pytest.mark.parametrize(("recipe", "ran"), [("by-class.toml", "run"), ("over.toml", "over")])
def test_features_on_disk_give_the_same_scores_and_leave_nothing_there(
    recipe: str, ran: str, way: Any, carina: Carina, tmp_path: Path
) -> None:
    status, _, _ = carina(
        *("run", way[recipe], "--data", way["data"], "--store", way["store"]),
        *("--out", tmp_path, "--on-disk"),
    )
    (here,), (before,) = tmp_path.iterdir(), way[ran].iterdir()

    assert status == 0
    assert (here / "scores.parquet").read_bytes() == (before / "scores.parquet").read_bytes()


def test_a_recipe_may_be_a_function_in_the_folder_one_stands_in(
    way: Any, carina: Carina, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "recipes_of_mine.py").write_text(
        "from pathlib import Path\nfrom carina.core import read_toml\n"
        "from carina.recipes import Recipe\n"
        f"def small():\n    return read_toml(Path({str(way['by-class.toml'])!r}), Recipe)\n"
    )
    monkeypatch.setattr(sys, "path", [path for path in sys.path if path])
    monkeypatch.chdir(tmp_path)

    status, out, _ = carina(
        *("run", "recipes_of_mine:small", "--data", way["data"]),
        *("--store", way["store"], "--out", way["run"]),
    )

    assert (status, out) == (0, way.said["run"][1])


def _steps(results: Results) -> tuple[str, ...]:
    return tuple(step.name for step in results.experiences)


def _space(results: Results) -> LabelSpace:
    return LabelSpace(names=results.labels)
