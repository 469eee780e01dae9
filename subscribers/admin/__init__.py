"""The admin's pages of subscribers, suppressions, imports, topics and reasons for leaving."""

from subscribers.admin import farewells as farewells
from subscribers.admin import imports as imports
from subscribers.admin import subscribers as subscribers
from subscribers.admin import suppressions as suppressions
from subscribers.admin import topics as topics
