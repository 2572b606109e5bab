"""What a person reads of a run: cards in HTML and Markdown, and the tables they are made of."""

from carina.cards.content import finding_rows as finding_rows
from carina.cards.content import macro_rows as macro_rows
from carina.cards.mask_card import mask_rows as mask_rows
from carina.cards.mask_card import write_mask_card as write_mask_card
from carina.cards.outlines import outline_picture as outline_picture
from carina.cards.overview import overview_tables as overview_tables
from carina.cards.overview import write_overview as write_overview
from carina.cards.pretraining_card import write_pretraining_card as write_pretraining_card
from carina.cards.probe_card import probe_rows as probe_rows
from carina.cards.probe_card import write_probe_card as write_probe_card
from carina.cards.run_card import write_run_card as write_run_card
from carina.cards.tables import Cell as Cell
from carina.cards.tables import Table as Table
from carina.cards.tables import number as number
from carina.cards.tables import plain as plain
from carina.cards.tables import size as size
