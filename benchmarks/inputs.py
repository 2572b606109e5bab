"""What is known of the ways in: encoders, reports, films, damaged files. Writes its part of a page.

``make inputs`` runs every measurement below and puts what each prints under its own heading into
docs/results.md, after the line that `MARK` is; ``make results`` leaves that part alone.
"""

import argparse
import shlex
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from carina.core import CarinaError, write_text

MARK = "<!-- what follows is written by make inputs -->"


@dataclass(frozen=True, kw_only=True)
class Measurement:
    """One command and what it is about.

    Attributes:
        title: Its heading.
        about: What the numbers are, in a sentence or two.
        command: What is run, from the repository's root; {python}, {data}, {extras},
            {pictures} are filled in.
        keep: Beginnings of the lines to show; all where empty.
    """

    title: str
    about: str
    command: str
    keep: tuple[str, ...] = ()


MEASUREMENTS = (
    Measurement(
        title="Encoders against upstream's own code, in the core environment",
        about="Weights drawn by the names of upstream's tensors; the difference is the largest "
        "one in units of the standard deviation of upstream's output, 1e-4 is a match.",
        command="{python} -m pytest -q -s -n 0 tests/encoders/test_upstream_goldens.py "
        "tests/encoders/hub/test_parity.py",
        keep=("parity: ",),
    ),
    Measurement(
        title="Encoders of other packages against those packages",
        about="The same in an environment with the newest torch and torchvision (`make extras`). "
        "*prepared* compares the way from a film to the input, where filters for shrinking "
        "differ; it is shown and not judged.",
        command="{extras} benchmarks/extras_parity.py",
        keep=("timm:", "open-clip", "biomedclip", "xrv:", "chexzero", "resnet-ae", "biovil"),
    ),
    Measurement(
        title="Encoders in other types and in onnxruntime",
        about="Against float32 in torch, on real films and sentences; one thread.",
        command="{python} benchmarks/encoder_types.py --data {data}",
    ),
    Measurement(
        title="Input guard",
        about="Shares of films and pictures of the test splits. They were read for three versions: the "
        "first met every rate; margins with markers and enlarged parts, found on val, were mended; "
        "and what looks more lateral than foreign is told as lateral, chosen by patients left out "
        "of train and val.",
        command="{python} benchmarks/guard.py --data {data} {pictures}",
    ),
    Measurement(
        title="Report labeller against the manual MeSH findings",
        about="The half of the Indiana reports the rules were not written on.",
        command="{python} benchmarks/labeller.py --half B",
    ),
    Measurement(
        title="Duplicates and leakage",
        about="Copies of films that were scaled, compressed or brightened, and pairs of others.",
        command="{python} benchmarks/leakage.py --data {data}",
    ),
    Measurement(
        title="Damaged files",
        about="Files of every form, damaged at random, each read in a child process with 1 GiB of "
        "address space and 5 seconds.",
        command="{python} tests/fuzz/campaign.py --cases 20000 --seed 1",
    ),
    Measurement(
        title="Kills while encoding",
        about="SIGKILL at random moments; every store that came to its end holds the same bytes.",
        command="make kills KILLS=1000",
        keep=("seed", "1000 kills"),
    ),
)


def measured(one: Measurement, words: dict[str, str]) -> str:
    """The part of the page about one measurement."""
    command = one.command.format(**words)
    began = time.monotonic()
    done = subprocess.run(shlex.split(command), capture_output=True, text=True, check=False)
    lines = list(
        dict.fromkeys(
            line.rstrip()
            for line in done.stdout.splitlines()
            if not one.keep or line.startswith(one.keep)
        )
    )
    if done.returncode or not lines:
        raise CarinaError(f"{command} ended with {done.returncode}: {done.stderr[-2000:]}")
    shown = one.command.format(python="python", data="DATA", extras="python", pictures="")
    table = all(line.startswith("|") or not line for line in lines)
    body = lines if table else ["```", *lines, "```"]
    seconds = time.monotonic() - began
    return "\n".join(
        [f"## {one.title}", "", f"{one.about} `{shown}`, {seconds:.0f} s.", "", *body, ""]
    )


def main() -> None:
    """Measure, and write the part of the page."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--data", type=Path, required=True, help="folder that holds nih/ and others")
    asked.add_argument("--extras", default="", help="Python of the environment with other packages")
    asked.add_argument("--skimage-data", default="", help="the folder skimage/data, for the guard")
    asked.add_argument("--page", type=Path, required=True, help="the page to write into")
    given = asked.parse_args()
    words = {
        "python": sys.executable,
        "data": str(given.data),
        "extras": given.extras,
        "pictures": f"--skimage-data {given.skimage_data}" if given.skimage_data else "",
    }
    wanted = [one for one in MEASUREMENTS if given.extras or "{extras}" not in one.command]
    parts = [measured(one, words) for one in wanted]
    above = given.page.read_text(encoding="utf-8").split(MARK)[0].rstrip()
    write_text(given.page, "\n".join([above, "", MARK, "", "# The ways in", "", *parts]))


if __name__ == "__main__":
    main()
