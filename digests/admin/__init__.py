"""The admin pages of issues, deliveries, provider events, sending and a reader's digests."""

from digests.admin import deliveries as deliveries
from digests.admin import issue as issue
from digests.admin import provider_events as provider_events
from digests.admin import reader as reader
from digests.admin import sending_switch as sending_switch
