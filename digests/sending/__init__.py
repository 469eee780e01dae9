"""Takes batches of deliveries that assembly wrote, and what people and events say of deliveries of unknown outcome.

Hands mails to a provider and leaves each delivery's outcome in the database, with the switch that stops sending. May
import mail, selection, statistics, models and providers; assembly beside it, and everything above, is out of bounds.
"""
