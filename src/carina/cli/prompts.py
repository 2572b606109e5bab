"""``carina prompts``."""

from carina.adaptors import bank_names, load_bank
from carina.cli.terminal import print_table

__all__ = ["prompts"]


def prompts(bank: str = "", *, finding: str = "Pleural Effusion") -> None:
    """List prompt banks, or the prompts a bank makes for a finding.

    Args:
        bank: Name of a bank; without one, all are listed.
        finding: For which finding.
    """
    if not bank:
        rows = [[name, load_bank(name).fingerprint] for name in bank_names()]
        print_table("prompt banks", ["name", "fingerprint"], rows)
        return
    wording = load_bank(bank).texts(finding)
    print_table(
        f"{bank}: {finding}",
        ["says", "text"],
        [
            *(["present", text] for text in wording.positive),
            *(["absent", text] for text in wording.negative),
        ],
    )
