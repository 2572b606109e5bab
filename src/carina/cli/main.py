"""The front of the command line: verbs by import path, errors as one clear line."""

import os
import sys

from cyclopts import App, CycloptsError

from carina import __version__

__all__ = ["VERBS", "app", "main"]

VERBS: dict[str, tuple[str, str]] = {
    "check": ("carina.cli.check:check", "Look a data folder over before anything is computed."),
    "encode": ("carina.cli.encode:encode", "Compute frozen features once, into a store."),
    "run": ("carina.cli.run:run", "Run a recipe: learn step by step, judge, write a folder."),
    "pretrain": (
        "carina.cli.pretrain:pretrain",
        "Align two frozen encoders from films and reports: an Adaptor, judged by retrieval.",
    ),
    "card": (
        "carina.cli.card:card",
        "Write a run's card (HTML and Markdown), or an overview of several.",
    ),
    "results": ("carina.cli.results:results", "Print a run's numbers, each with its interval."),
    "compare": (
        "carina.cli.compare:compare",
        "Compare two runs on the same films, in the mean and by finding, paired by patient.",
    ),
    "probe": (
        "carina.cli.probe:probe",
        "Ask how well a frozen encoder tells findings apart, from ever fewer labels.",
    ),
    "bundle": ("carina.cli.bundle:bundle", "Pack all that predicting needs, and no more."),
    "predict": (
        "carina.cli.predict:predict",
        "Answer for images: a calibrated probability a finding.",
    ),
    "segment": (
        "carina.cli.segment:segment",
        "Teach a decoder over a frozen encoder to draw a structure, and judge it.",
    ),
    "update": (
        "carina.cli.update:update",
        "Let a reader in service learn on, if the new one passes the gate.",
    ),
    "rollback": (
        "carina.cli.rollback:rollback",
        "Put an earlier version of a reader in service again, to the bit.",
    ),
    "encoders": (
        "carina.cli.encoders:encoders",
        "List encoders: what they need and what they have seen.",
    ),
    "prompts": (
        "carina.cli.prompts:app",
        "List prompt banks, or the prompts of a finding; check a bank (lint, test).",
    ),
    "store": ("carina.cli.store:store", "List, verify or prune a feature store."),
    "forget": (
        "carina.cli.forget:forget",
        "Take a patient's rows out of a feature store, and keep them out.",
    ),
    "recipes": ("carina.cli.recipes:recipes", "List the named recipes."),
    "demo": ("carina.cli.demo:demo", "The whole way on drawn radiographs, in minutes."),
    "doctor": ("carina.cli.doctor:doctor", "Say what this installation can do."),
}
"""Verb to import path and help; the path is imported when the verb is used."""

app = App(
    name="carina",
    version=__version__,
    help="Adapt frozen biomedical vision-language models to chest X-rays, step by step. "
    "Research use only, not for diagnosis.",
    help_epilogue="Add --traceback to any command to see where an error came from.",
    suppress_keyboard_interrupt=False,  # `main` says that the same command goes on
)
for _verb, (_path, _help) in VERBS.items():
    app.command(_path, name=_verb, help=_help)

_BAD_INPUT, _INTERRUPTED = 2, 130


def main(tokens: list[str] | None = None) -> None:
    """Run a command; exit 0 where it worked, 2 on bad input, 130 where it was interrupted."""
    # Read when numpy and scipy are first imported. On a busy machine two threads of theirs wait for
    # each other: reducing a second moment then took forty times as long as in one.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    words = list(sys.argv[1:] if tokens is None else tokens)
    traceback = "--traceback" in words
    try:
        app(
            [word for word in words if word != "--traceback"],
            exit_on_error=False,
            print_error=False,
        )
    except BrokenPipeError:
        # Whoever read stdout has left, as `head` does: end without a word.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(_BAD_INPUT)
    except KeyboardInterrupt:
        sys.stderr.write("carina: interrupted; the same command goes on from here.\n")
        sys.exit(_INTERRUPTED)
    except Exception as error:
        if traceback or (told := _told(error)) is None:
            raise
        sys.stderr.write(f"carina: {told}\n")
        sys.exit(_BAD_INPUT)


def _told(error: Exception) -> str | None:
    """What a person is told of bad input; None for any other fault."""
    from carina.core import CarinaError  # here: numpy comes with it, and help is quick without

    if isinstance(error, CarinaError):
        return str(error)
    if isinstance(error, CycloptsError):
        words = " ".join(("carina", *(error.command_chain or ()), "--help"))
        return f"{' '.join(str(error).split())} See: {words}"
    if not isinstance(error, OSError):
        return None
    # Which file it was may tell whose it is: only a traceback names it.
    return (
        f"The system refused a file or folder: {error.strerror or type(error).__name__}. What was "
        "finished is kept; make room or mend the rights, and give the same command again. "
        "--traceback says which it was."
    )
