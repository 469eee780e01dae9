"""The pages of the admin that belong to no app: the audit log."""

from newsletter.audit_admin import AuditLogAdmin as AuditLogAdmin
