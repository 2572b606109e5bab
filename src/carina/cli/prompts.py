"""``carina prompts``."""

from cyclopts import App

from carina.adaptors import bank_names, load_bank
from carina.cli.terminal import print_table

__all__ = ["app", "prompts"]


def prompts(bank: str = "", *, finding: str = "Pleural Effusion") -> None:
    """List prompt banks, or the prompts a bank makes for a finding.

    Args:
        bank: Name of a bank, or path of your own, with a slash; without one, all are listed.
        finding: For which finding.
    """
    if not bank:
        rows = [
            [
                each.name,
                str(each.version),
                str(each.a_side),
                ", ".join(each.style_names),
                each.fingerprint,
            ]
            for each in map(load_bank, bank_names())
        ]
        print_table(
            "prompt banks",
            ["name", "version", "prompts a side", "styles", "fingerprint"],
            rows,
            words=(3, 4),
        )
        return
    texts = load_bank(bank).texts(finding)
    sides = {"present": texts.positive, "absent": texts.negative, "uncertain": texts.uncertain}
    print_table(
        f"{bank}: {finding}",
        ["says", "style", "text"],
        [
            [says, style, text]
            for says, side in sides.items()
            for style, text in zip(texts.styles, side, strict=bool(side))
        ],
        words=(1, 2),
    )


app = App(name="prompts")
app.default(prompts)
app.command(
    "carina.cli.prompt_lint:lint",
    name="lint",
    help="Look a bank over, also as an encoder reads it.",
)
app.command(
    "carina.cli.prompt_trial:trial",
    name="test",
    help="Tell whether style matters to an encoder, and whether it reads 'no'.",
)
