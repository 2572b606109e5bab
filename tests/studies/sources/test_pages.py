"""The page of each published data set names what may be chosen of it."""

from pathlib import Path

import pytest

from carina.studies import SOURCES

PAGES = Path(__file__).resolve().parents[3] / "docs" / "how-to" / "data-sets"


@pytest.mark.parametrize("name", list(SOURCES))
def test_a_page_names_every_split_and_every_label_set(name: str) -> None:
    source = SOURCES[name]
    pages = {page.stem: page.read_text(encoding="utf-8") for page in PAGES.glob("*.md")}
    text = "".join(text for stem, text in pages.items() if stem == name or f"`{name}`" in text)

    assert [scheme.name for scheme in source.splits if f"`{scheme.name}`" not in text] == []
    if 1 < len(source.labels) < 6:  # versions in plenty are told by their form
        assert [labels for labels in source.labels if f"`{labels}`" not in text] == []


@pytest.mark.parametrize("name", list(SOURCES))
def test_what_is_shared_is_shared_with_something_carina_reads(name: str) -> None:
    assert set(SOURCES[name].shares) <= {*SOURCES, "covid-chestxray-subset"}
