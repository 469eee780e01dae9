"""How dates are written that no template writes in its own way: in the admin's lists. No hour without its zone."""

DATE_FORMAT = "j M Y"
TIME_FORMAT = "H:i"
DATETIME_FORMAT = "j M Y, H:i e"
