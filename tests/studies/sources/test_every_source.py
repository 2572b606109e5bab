"""What holds of every published data set, whatever is chosen of it."""

import gzip
import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from carina.core import CarinaError, ConfigError, UnknownName
from carina.studies import FINDINGS, SOURCES, Reading, Source, canonical, read_data

NAME = "Plantagenet^Edward"
PATIENTS_UNTOLD = ("siim-acr",)  # its table names films alone, so any split of it may leak


def readings(source: Source) -> Iterator[Reading]:
    """Every split of the first label set, every other label set with the first split."""
    for split in source.splits:
        yield Reading(reader=source.name, split=split.name)
    yield from (Reading(reader=source.name, labels=labels) for labels in list(source.labels)[1:])


def offered(source: Source, root: Path) -> Iterator[Reading]:
    """The readings a miniature has the files of."""
    for choice in readings(source):
        if source.name != "covidx" or choice.labels in ("", "9A"):
            yield choice


def test_every_source_has_a_miniature(minis: dict[str, Path]) -> None:
    assert set(minis) == set(SOURCES)


def test_a_folder_of_it_is_recognised_and_no_other_source_claims_it(
    source: str, minis: dict[str, Path]
) -> None:
    assert read_data(minis[source]).source == source
    assert [name for name in SOURCES if SOURCES[name].recognises(minis[source])] == [source]


def test_patients_cross_splits_only_where_the_split_says_that_it_leaks(
    source: str, minis: dict[str, Path]
) -> None:
    for choice in offered(SOURCES[source], minis[source]):
        manifest = SOURCES[source].manifest(minis[source], choice)

        assert bool(manifest.leaks) == (
            source in PATIENTS_UNTOLD or bool(SOURCES[source].scheme(choice.split).leaks)
        )
        assert manifest.leaks or not manifest.patients_in_two_splits()


def test_a_split_that_leaks_is_neither_the_first_nor_hashed(source: str) -> None:
    schemes = SOURCES[source].splits

    assert not schemes[0].leaks
    assert "hashed" in [scheme.name for scheme in schemes]
    assert all(scheme.name.startswith("legacy-") for scheme in schemes if scheme.leaks)


def test_images_lie_where_the_manifest_says(source: str, minis: dict[str, Path]) -> None:
    for choice in offered(SOURCES[source], minis[source]):
        manifest = SOURCES[source].manifest(minis[source], choice)

        assert all((manifest.root / image).is_file() for image in manifest.image)
        assert max(Counter(manifest.image).values()) == 1


def test_labels_go_by_the_registry_and_views_by_three_words(
    source: str, minis: dict[str, Path]
) -> None:
    manifest = read_data(minis[source])

    assert set(manifest.space.names) <= {finding.name for finding in FINDINGS}
    assert all(canonical(name) == name for name in manifest.space.names)
    assert set(manifest.view) <= {"PA", "AP", "LATERAL", ""}
    assert set(manifest.sex) <= {"F", "M", ""}


def test_reading_twice_gives_the_same_digest_wherever_the_folder_lies(
    source: str, minis: dict[str, Path], tmp_path: Path
) -> None:
    shutil.copytree(minis[source], tmp_path / "elsewhere")

    assert read_data(minis[source]).digest == read_data(tmp_path / "elsewhere").digest


def test_the_hashed_split_follows_its_salt_and_shares(source: str, minis: dict[str, Path]) -> None:
    alone = SOURCES[source].manifest(
        minis[source], Reading(reader=source, split="hashed", fractions={"test": 1.0})
    )

    assert set(alone.split) == {"test"}


def test_an_unknown_choice_is_told_its_neighbours(source: str, minis: dict[str, Path]) -> None:
    for choice in (Reading(reader=source, split="oficial"), Reading(reader=source, labels="?")):
        with pytest.raises(UnknownName, match="Known: "):
            SOURCES[source].manifest(minis[source], choice)


def test_a_name_in_any_cell_of_any_table_is_in_no_message(
    source: str, minis: dict[str, Path], tmp_path: Path
) -> None:
    if not columns(minis[source]):
        pytest.skip("it has no tables; its own tests plant the name")
    refused = 0
    for at, (path, column) in enumerate(columns(minis[source])):
        root = tmp_path / str(at)
        shutil.copytree(minis[source], root)
        plant(root / path, column)
        for choice in (Reading(reader=source), *list(readings(SOURCES[source]))[-1:]):
            message = said(SOURCES[source], root, choice)
            refused += bool(message)
            assert NAME[:4] not in message
            assert NAME[-4:] not in message
            assert str(root) not in message
        shutil.rmtree(root)

    assert refused


def said(source: Source, root: Path, choice: Reading) -> str:
    """The message a folder is refused with; "" where it is read."""
    try:
        source.manifest(root, choice)
    except CarinaError as error:
        return str(error)
    return ""


def columns(root: Path) -> list[tuple[Path, int]]:
    """Every column of every CSV file, packed or not."""
    files = [path for path in sorted(root.rglob("*")) if ".csv" in path.suffixes]
    files += sorted(root.glob("*.txt"))
    return [
        (path.relative_to(root), column)
        for path in files
        for column in range(len(lines(path)[0].replace(" ", ",").split(",")))
    ]


def lines(path: Path) -> list[str]:
    data = path.read_bytes()
    return (gzip.decompress(data) if path.suffix == ".gz" else data).decode().splitlines()


def plant(path: Path, column: int) -> None:
    """A name into a column of the last line, which stands within no quotes in a miniature."""
    mark = " " if path.suffix == ".txt" else ","
    *before, last = lines(path)
    cells = last.split(mark)
    cells[min(column, len(cells) - 1)] = NAME
    text = "\n".join([*before, mark.join(cells)]) + "\n"
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())


def test_a_missing_column_is_told_with_the_columns_there(
    source: str, minis: dict[str, Path], tmp_path: Path
) -> None:
    first = next(iter(columns(minis[source])), None)
    if first is None or first[0].suffix == ".txt":
        pytest.skip("its tables have no header")
    root = tmp_path / "copy"
    shutil.copytree(minis[source], root)
    told = 0
    for path in {path for path, _ in columns(minis[source])}:
        head, *rest = lines(root / path)
        text = "\n".join(["x" + head.replace(",", ",x"), *rest]) + "\n"
        packed = gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode()
        (root / path).write_bytes(packed)
    for choice in readings(SOURCES[source]):
        with pytest.raises(ConfigError, match="Its columns"):
            SOURCES[source].manifest(root, choice)
        told += 1

    assert told
