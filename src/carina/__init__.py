"""carina: small adaptors on frozen biomedical vision-language models, for chest X-rays.

Each room of the package has one door: import from ``carina.studies``, ``carina.streams``
and so on, never from the modules behind them. Nothing heavy is imported here.
"""

__version__ = "0.1.0"

__all__ = ["__version__"]
