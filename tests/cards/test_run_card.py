"""A card says what results.json says, stands alone, and hides nothing that is undefined."""

import json
import re
import shutil
import subprocess
from collections.abc import Callable
from html import escape
from pathlib import Path
from typing import Any

import pytest

from carina.cards import write_overview, write_run_card
from carina.core import MissingFile
from carina.evaluation import DECIDED, METRICS, PROGRESS

NASTY = "</title><script>alert(1)</script>|$x$ \"q\" & 'a' _b_ `c` [d](e)"
NUMBER = re.compile(r"\d+\.\d+")


@pytest.fixture(scope="module")
def card(finished: Path) -> Path:
    return write_run_card(finished)


def plain(text: str) -> str:
    return " ".join(text.split())


def test_every_number_on_the_card_stands_in_the_results(
    card: Path,
    finished: Path,
    read_page: Callable[..., Any],
    look_up: Callable[..., Any],
    as_read: Callable[..., set[str]],
) -> None:
    page = read_page(card)
    wrong = []
    for given, text in page.told:
        value = look_up(finished, given["data-path"])
        wanted = as_read(value, given.get("data-form", ""))
        if plain(text) not in wanted and not (wanted == {"undefined"} and "undefined" in text):
            wrong.append((given["data-path"], plain(text), wanted))

    assert len(page.told) > 150
    assert wrong == []


def test_no_number_is_told_without_saying_where_it_stands(
    card: Path, read_page: Callable[..., Any]
) -> None:
    words = " ".join(read_page(card).outside)

    assert set(NUMBER.findall(words)) <= {"0.5"}  # the dark end of the heat map


def test_numbers_in_plots_stand_in_the_results(
    card: Path,
    finished: Path,
    read_page: Callable[..., Any],
    as_read: Callable[..., set[str]],
) -> None:
    scores = json.loads((finished / "results.json").read_text())["scores"]
    known = {
        text
        for metric in ("auroc", "ece")
        for estimate in scores[metric][-1].values()
        for text in as_read(estimate, "estimate")
    }
    drawn = {text for text in read_page(card).drawn if "[" in text}

    assert drawn == {text for text in known if "[" in text}


def test_the_card_tells_all_that_matters(card: Path, read_page: Callable[..., Any]) -> None:
    told = {given["data-path"] for given, _ in read_page(card).told}
    findings = ("Cardiomegaly", "Edema", "Hernia")
    shown = set(METRICS) - {"f1_at_zero"}  # its means are told, with those of other decisions
    wanted = {f"/scores/{metric}/2/{name}" for metric in shown for name in findings}
    wanted |= {f"/scores/auroc/{step}/{name}" for step in range(3) for name in findings}
    wanted |= {f"/baseline/auroc/{name}" for name in findings}
    wanted |= {f"/macro/{metric}/2 findings/{step}" for metric in shown for step in range(3)}
    wanted |= {
        f"/summary/{metric}/{name}"
        for metric in ("auroc", "auroc_authors", "average_precision")
        for name in (
            "gain_over_zero_shot",
            "backward_transfer",
            "forward_transfer",
            "forgetting",
            "forgetting_by_chance",
            "forgetting_with_last",
            "forgetting_with_last_by_chance",
            *PROGRESS,
        )
    }
    wanted |= {f"/progress/auroc/{name}/{step}" for name in PROGRESS for step in range(3)}
    wanted |= {
        f"/summary/{metric}/{mean}{name}"
        for metric in ("f1", "f1_at_zero")
        for mean in ("", "mean_")
        for name in DECIDED
    }
    wanted |= {
        f"/decisions/{metric}/{name}/{step}"
        for metric in ("f1", "f1_at_zero")
        for name in ("cf1", "of1", "exact_match")
        for step in range(3)
    }
    wanted |= {
        f"/calibration/Edema/{part}"
        for part in ("brier", "over_prevalence", "slope", "intercept", "ece", "calibrated_ece")
    }
    wanted |= {f"/over_prevalence/{step}" for step in range(3)}
    wanted |= {f"/calibration_ways/{way}/less_chosen" for way in ("own", "isotonic")}
    wanted |= {
        f"/operating/Edema/{at}/{part}"
        for at in (0, 1)
        for part in ("threshold", "chosen_sensitivity", "npv", "prevalence")
    }
    wanted |= {f"/subgroups/sex/means/auroc/{group}/2" for group in "FM"}
    wanted |= {f"/subgroups/sex/{gap}/auroc/2" for gap in ("gap", "gap_by_chance")}
    wanted |= {
        f"/experiences/{step}/lived/kept_bytes/{kind}"
        for step in range(3)
        for kind in ("head", "sums")
    }
    wanted |= {
        "/experiences/2/lived/fewest_patients",
        "/peak_memory_bytes",
        "/seconds/total",
        "/seed",
    }
    wanted |= {"/encoders/0/licence", "/encoders/0/exposed", "/set_aside/truncated PNG"}
    wanted |= {"/unseen/summary/auroc/2 findings", "/out_of_fold/summary/auroc/all 3", "/plan_id"}

    assert wanted <= told
    assert "Research use only. Not for diagnosis." in card.read_text()


def test_what_is_undefined_says_why(card: Path, read_page: Callable[..., Any]) -> None:
    page, html = read_page(card), card.read_text()
    undefined = [given for given, text in page.told if "undefined" in text]

    assert "/scores/auroc/2/Hernia" in {given["data-path"] for given in undefined}
    assert all(given["title"].startswith("undefined: ") for given in undefined)
    assert re.search(r"no positive image among \d+", html)
    assert any("no positive" in text for text in page.drawn)
    assert not re.search(
        r"<t[dh][^>]*>\s*</t[dh]>", html.replace('<th scope="col" class="words">', "")
    )


def test_a_run_without_zero_shot_says_so_and_why(
    make_run: Callable[..., Path], tmp_path: Path
) -> None:
    card = write_run_card(make_run(tmp_path / "run", zero_shot=False))
    html = plain(re.sub(r"<[^>]+>", "", card.read_text()))

    assert "No zero-shot: image and text share no space." in html
    assert "There is no row before the first step: image and text share no space." in html
    assert "no positive prompt in this method" in html


def test_films_an_encoder_has_seen_are_told_before_any_figure(card: Path) -> None:
    for text in (card.read_text(), card.with_suffix(".md").read_text()):
        assert text.index("up to 40 of the 60 test films") < text.index("Did it learn?")


def test_the_three_answers_come_first_in_their_order(card: Path) -> None:
    for text in (card.read_text(), card.with_suffix(".md").read_text()):
        places = [
            text.index(head)
            for head in (
                "Did it learn?",
                "Did it forget?",
                "What is kept?",
                "Step by step",
                "The matrix",
            )
        ]
        assert places == sorted(places)


def test_a_run_of_one_step_has_nothing_to_forget(
    make_run: Callable[..., Path], tmp_path: Path
) -> None:
    card = write_run_card(make_run(tmp_path / "run", steps=("all",)))

    assert "one step, so nothing to forget" in card.read_text()
    assert 'aria-label="Mean AUROC' not in card.read_text()


def test_the_page_stands_alone(card: Path, read_page: Callable[..., Any]) -> None:
    html, page = card.read_text(), read_page(card)
    loads = {tag for tag, _ in page.elements} & {
        "script",
        "link",
        "img",
        "iframe",
        "object",
        "image",
    }

    assert loads == set()
    assert "//" not in html
    assert "@import" not in html
    assert set(re.findall(r"url\((.)", html)) <= {"#"}
    for _, given in page.elements:
        assert "src" not in given
        assert given.get("href", "#").startswith("#") or given["href"] == "checklists.html"


def test_parts_of_plots_keep_apart(card: Path, read_page: Callable[..., Any]) -> None:
    page = read_page(card)
    ids = [given["id"] for _, given in page.elements if "id" in given]
    html = card.read_text()
    used = set(re.findall(r"url\(#([^)]+)\)", html)) | set(re.findall(r'href="#([^"]+)"', html))

    assert len(ids) == len(set(ids))
    assert used <= set(ids)


def test_tables_have_captions_and_pictures_have_words(
    card: Path, read_page: Callable[..., Any]
) -> None:
    elements = read_page(card).elements
    tags = [tag for tag, _ in elements]
    pictures = [given for tag, given in elements if tag == "svg"]

    assert tags.count("table") == tags.count("caption") > 8
    assert tags.count("h1") == 1
    assert len(pictures) == 6
    assert all(given["role"] == "img" and len(given["aria-label"]) > 20 for given in pictures)
    assert all("scope" in given for tag, given in elements if tag == "th")
    assert ("html", {"lang": "en"}) in elements


def test_a_name_from_outside_stays_text(
    make_run: Callable[..., Path], read_page: Callable[..., Any], tmp_path: Path
) -> None:
    names = (NASTY, "Edema", "Hernia")
    card = write_run_card(make_run(tmp_path / "run", names=names, steps=names))
    page = read_page(card)

    assert "script" not in {tag for tag, _ in page.elements}
    assert plain(NASTY) in {plain(text) for text in page.outside}
    assert any("$x$" in text for text in page.drawn)
    assert "<script" not in card.with_suffix(".md").read_text().replace("\\<script", "")


def test_the_same_run_gives_the_same_bytes(make_run: Callable[..., Path], tmp_path: Path) -> None:
    first, second = (write_run_card(make_run(tmp_path / side / "run")) for side in "ab")

    assert first.read_bytes() == second.read_bytes()
    assert first.with_suffix(".md").read_bytes() == second.with_suffix(".md").read_bytes()
    assert write_run_card(first.parent).read_bytes() == second.read_bytes()


@pytest.mark.parametrize("names", [("Cardiomegaly", "Edema", "Hernia"), (NASTY, "Edema", "Hernia")])
def test_tables_in_markdown_are_whole(
    names: tuple[str, ...], make_run: Callable[..., Path], tmp_path: Path
) -> None:
    card = write_run_card(make_run(tmp_path / "run", names=names, steps=names))
    text = card.with_suffix(".md").read_text()
    tables = re.findall(r"(?:^\|.*\n)+", text, flags=re.MULTILINE)

    assert len(tables) > 8
    for table in tables:
        lines = [re.sub(r"\\\|", "", line) for line in table.splitlines()]
        assert len({line.count("|") for line in lines}) == 1
        assert set(lines[1]) <= set("|:- ")
        assert len(lines) > 2
    assert text.count("\n\n\n") == 0


def test_markdown_tells_the_numbers_of_the_page(
    card: Path, finished: Path, as_read: Callable[..., set[str]]
) -> None:
    text = card.with_suffix(".md").read_text()
    plain_results = json.loads((finished / "results.json").read_text())
    verdict = re.findall(r'<p class="verdict">(.*?)</p>', card.read_text())[0]

    assert plain(re.sub(r"<[^>]+>", "", verdict)) in text
    for metric in set(METRICS) - {"f1_at_zero"}:
        for estimate in plain_results["scores"][metric][-1].values():
            assert as_read(estimate, "estimate").pop() in text
    known = {f"{end:.3f}" for end in _numbers(plain_results)}

    assert set(re.findall(r"-?\d+\.\d{3}", text)) <= known


def _numbers(value: Any) -> list[float]:
    if isinstance(value, dict | list):
        inner = value.values() if isinstance(value, dict) else value
        return [number for one in inner for number in _numbers(one)]
    return [value] if isinstance(value, float) else []


def test_a_folder_without_a_finished_run_is_told_apart(
    make_run: Callable[..., Path], tmp_path: Path
) -> None:
    run = make_run(tmp_path / "run")
    (run / "scores.parquet").unlink()

    with pytest.raises(MissingFile, match=r"no scores\.parquet.*run the recipe again"):
        write_run_card(run)
    with pytest.raises(MissingFile, match=r"results\.json"):
        write_run_card(tmp_path)
    assert not (run / "card.html").exists()


def test_nothing_runs_over_the_edge(make_run: Callable[..., Path], tmp_path: Path) -> None:
    """On a screen of 1280 px, and with the rules of print on the width that A4 leaves, upright or across."""
    browser = shutil.which("chromium")
    if browser is None:
        pytest.skip("there is no chromium to lay the page out")
    names = tuple(f"Pleural Thickening {number}" for number in range(15))
    run = make_run(tmp_path / "run", names=names, steps=names, exposed="40 films")
    upright, across = write_run_card(run), write_overview([run], tmp_path)
    frames = "".join(
        f'<iframe width="{width}" height="900" srcdoc="{escape(html)}"></iframe>'
        for card, paper in ((upright.read_text(), 703), (across.read_text(), 1032))
        for width, html in ((1280, card), (paper, card.replace("@media print", "@media all")))
    )
    probe = """<script>onload = () => { document.title = [...document.querySelectorAll("iframe")]
        .map(frame => [...frame.contentDocument.querySelectorAll("html, .table, figure, p, td, th")]
        .filter(e => e.scrollWidth > e.clientWidth + 1).map(e => e.outerHTML.slice(0, 60))
        .concat([frame.contentWindow.innerWidth])).join(" ") }</script>"""
    page = tmp_path / "page.html"
    page.write_text(f"<!doctype html><title></title>{frames}{probe}")
    flags = "--headless --no-sandbox --disable-gpu --no-first-run --disable-background-networking"
    profile = f"--user-data-dir={tmp_path / 'profile'}"
    done = subprocess.run(
        [browser, *flags.split(), profile, "--dump-dom", page.as_uri()],
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    )

    assert re.findall("<title>(.*?)</title>", done.stdout, re.DOTALL) == ["1280 703 1280 1032"]
