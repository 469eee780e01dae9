"""The pages of the admin that belong to no app: accounts and the audit log."""

from newsletter.account_admin import AccountAdmin as AccountAdmin
from newsletter.audit_admin import AuditLogAdmin as AuditLogAdmin
