"""Every benchmark of speed, each in a process of its own: ``make bench``.

What they found is kept in the work folder, one JSON file each, and written as a table into
docs/explanation/speed.md.
"""

import json
import subprocess
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from carina.core import write_text

NAMES = (
    "startup",
    "retune_epoch",
    "retune_stream",
    "ridge_stream",
    "update_cost",
    "frozen_or_whole",
    "patient_bootstrap",
    "encode_files",
    "encode_resume",
    "store_gather",
    "memory",
    "adaptor_epoch",
    "predict",
)
BEGIN, END = "<!-- what follows is written by make bench -->", "<!-- end of it -->"


def ran(name: str, *extra: str) -> list[dict[str, Any]]:
    """What one benchmark says."""
    script = Path(__file__).with_name(f"{name}.py")
    told = subprocess.run(
        [sys.executable, str(script), "--json", *extra], check=True, capture_output=True, text=True
    )
    return [json.loads(line) for line in told.stdout.splitlines()]


def table(found: list[dict[str, Any]]) -> str:
    """As Markdown."""
    lines = [
        "| benchmark | ours | reference | against | ratio | reach | met |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for row in found:
        reach = "" if row["reach"] is None else f"{row['reach']:g}"
        met = {None: "", True: "yes", False: "**no**"}[row["met"]]
        ours, reference = (
            said(row["ours"], row["quantity"]),
            said(row["reference"], row["quantity"]),
        )
        lines.append(
            f"| {row['name']} | {ours} | {reference} | {row['against']} | {row['ratio']:.3g} "
            f"| {reach} | {met} |"
        )
    return "\n".join(lines)


def said(value: float, quantity: str) -> str:
    """With its unit."""
    if quantity == "bytes":
        return f"{value / 1e6:.3g} MB"
    return f"{value:.3g} s" if value >= 1 else f"{1000 * value:.3g} ms"


def main() -> None:
    """Run them and write the table."""
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help=f"which; else all of {', '.join(NAMES)}")
    parser.add_argument("--data", type=Path, help="folder that holds nih/")
    parser.add_argument("--work", type=Path, required=True, help="where their figures are kept")
    parser.add_argument("--page", type=Path, required=True, help="the page with the table")
    given = parser.parse_args()
    extra = ("--data", str(given.data)) if given.data else ()
    for name in given.names or NAMES:
        found = ran(name, *extra)
        write_text(given.work / f"{name}.json", json.dumps(found, indent=1) + "\n")
        print(table(found), flush=True)
    kept = [given.work / f"{name}.json" for name in NAMES]
    rows = [row for file in kept if file.is_file() for row in json.loads(file.read_text())]
    page = given.page.read_text(encoding="utf-8")
    above, _, rest = page.partition(BEGIN)
    _, _, below = rest.partition(END)
    write_text(given.page, f"{above}{BEGIN}\n\n{table(rows)}\n\n{END}{below}")


if __name__ == "__main__":
    main()
