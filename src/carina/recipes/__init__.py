"""One experiment as a value, and what running it leaves behind."""

from carina.recipes.bundling import bundle_of as bundle_of
from carina.recipes.demo import demo_recipes as demo_recipes
from carina.recipes.named import NAMED as NAMED
from carina.recipes.named import NIH_FINDINGS as NIH_FINDINGS
from carina.recipes.named import with_encoders as with_encoders
from carina.recipes.named import with_seed as with_seed
from carina.recipes.paper import PAPER_FINDINGS as PAPER_FINDINGS
from carina.recipes.paper import retune_paper as retune_paper
from carina.recipes.passes import Progress as Progress
from carina.recipes.preparation import Prepared as Prepared
from carina.recipes.preparation import prepare as prepare
from carina.recipes.recipe import Align as Align
from carina.recipes.recipe import Continual as Continual
from carina.recipes.recipe import Recipe as Recipe
from carina.recipes.recipe import find_recipe as find_recipe
from carina.recipes.running import Finished as Finished
from carina.recipes.running import run as run
from carina.recipes.running import run_name as run_name
