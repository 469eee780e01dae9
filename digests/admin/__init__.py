"""The admin pages of issues, deliveries, batches, provider events, sending and readers, and the home page.

In: requests of staff. Out: pages, and calls to publication, sending, monitoring and previews; no logic of its own.
May import everything else in digests, tasks included; nothing imports it but the theme, by name.
"""

from digests.admin import batches as batches
from digests.admin import deliveries as deliveries
from digests.admin import issue as issue
from digests.admin import provider_events as provider_events
from digests.admin import reader as reader
from digests.admin import returned_mail as returned_mail
from digests.admin import sending_switch as sending_switch
