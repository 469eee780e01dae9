"""The admin of subscribers, suppressions, imports, topics and reasons for leaving.

In: requests of operators with their permissions.
Out: pages, calls into subscription and imports, and an audit record of every change.
May import: everything in subscribers, and the admin of papers, whose topics it extends.
"""

from subscribers.admin import farewells as farewells
from subscribers.admin import imports as imports
from subscribers.admin import subscribers as subscribers
from subscribers.admin import suppressions as suppressions
from subscribers.admin import topics as topics
