"""Ways to learn, one a file."""

from carina.learning.strategies.heads import Heads as Heads
from carina.learning.strategies.retune import Optimiser as Optimiser
from carina.learning.strategies.retune import RETune as RETune
from carina.learning.strategies.retune import Schedule as Schedule
from carina.learning.strategies.ridge import Ridge as Ridge
from carina.learning.strategies.zero_shot import ZeroShot as ZeroShot

StrategyConfig = ZeroShot | RETune | Heads | Ridge
"""Every built-in strategy; its class name is its ``kind`` in JSON and TOML."""
