"""The pages of the admin that belong to no app: accounts and the audit log."""

from newsletter.admin_site.account_admin import AccountAdmin as AccountAdmin
from newsletter.admin_site.audit_log_admin import AuditLogAdmin as AuditLogAdmin
