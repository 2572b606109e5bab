"""``carina prompts lint``."""

import sys
from collections.abc import Sequence
from typing import Annotated

from cyclopts import Parameter

from carina.adaptors import PromptRemark, lint_prompts, load_bank
from carina.cli.terminal import note, print_json, print_table
from carina.encoders import load_text_encoder
from carina.studies import Severity

__all__ = ["lint"]


def lint(
    bank: str,
    *,
    encoder: str = "",
    as_json: Annotated[bool, Parameter(name="--json", negative="")] = False,
) -> None:
    """Look a bank over. Exit status 1 where there are errors; warnings and notes leave it at 0.

    Args:
        bank: Name of a bank, or path of your own, with a slash.
        encoder: Text encoder that shall read it; without one, texts alone are looked at.
        as_json: Print the remarks for machines.
    """
    loaded = load_bank(bank)
    reader = load_text_encoder(encoder) if encoder else None
    if reader is not None:
        count = 2 * loaded.a_side * len(loaded.findings)
        note(f"{reader.card.name} reads {count} prompts of {len(loaded.findings)} findings.")
    remarks = lint_prompts(loaded, reader)
    errors = sum(remark.severity is Severity.ERROR for remark in remarks)
    if as_json:
        print_json(remarks)
    else:
        print_table(
            f"{bank}: {errors} error(s), {len(remarks) - errors} other remark(s)",
            ["remark", "topic", "finding", "what", "first of these prompts"],
            _rows(remarks),
            words=(1, 2, 3, 4),
        )
    if errors:
        sys.exit(1)


def _rows(remarks: Sequence[PromptRemark]) -> list[list[str]]:
    """A row a remark; findings of which the same is said share one."""
    alike: dict[tuple[str, str, str], list[PromptRemark]] = {}
    for remark in remarks:
        alike.setdefault((remark.severity, remark.topic, remark.text), []).append(remark)
    return [
        [
            severity,
            topic,
            some[0].finding + (f" and {len(some) - 1} more" if len(some) > 1 else ""),
            text,
            next(iter(some[0].prompts), ""),
        ]
        for (severity, topic, text), some in alike.items()
    ]
