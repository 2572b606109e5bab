"""The command line: thin verbs over the library. Nothing heavy is imported to show help."""

from carina.cli.main import main as main
