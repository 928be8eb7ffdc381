"""What all pages share: layout, guard, labels, forms, lists, charts and graphs. Imports no noun."""
