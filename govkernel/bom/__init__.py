"""Bills of materials of AI artifacts: a lineage and the evidence about it, as CycloneDX 1.6 and SPDX 3.0.

The writers need the extra ``bom``; importing this package does not. ADR 0017.
"""

from govkernel.bom.inventory import MAX_FILES, Inventory, Item, Metric, inventory_of
from govkernel.bom.write import FORMATS, write

__all__ = ["FORMATS", "MAX_FILES", "Inventory", "Item", "Metric", "inventory_of", "write"]
