"""Many texts in order, as rows of JSON lines: ``lines`` reads them, ``batch`` screens them."""
