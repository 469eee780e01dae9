"""The accounts page: an account is created with a role in one step, and deactivated rather than deleted."""

import copy
from collections.abc import Iterable
from typing import Any

import django_otp.plugins.otp_static.admin
import django_otp.plugins.otp_totp.admin
from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.models import Group, Permission, User
from django.db.models import Exists, OuterRef, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django_otp.plugins.otp_totp.models import TOTPDevice
from unfold.decorators import display
from unfold.forms import AdminPasswordChangeForm, UserChangeForm
from unfold.widgets import UnfoldAdminEmailInputWidget, UnfoldAdminTextInputWidget

from newsletter.accounts import second_factor, staff_accounts
from newsletter.accounts.roles import ROLES
from newsletter.admin_site.audited_admin import AuditedAdmin

admin.site.unregister(User)
admin.site.unregister(Group)
# Their pages would show the secret keys.
admin.site.unregister(django_otp.plugins.otp_totp.admin.TOTPDevice)
admin.site.unregister(django_otp.plugins.otp_static.admin.StaticDevice)

SUPERUSER_FIELDS = ("is_superuser", "user_permissions")
HELP = {
    "username": "What the person logs in with, and what the audit log shows. Letters, digits and @ . + - _",
    "email": "Receives test mails, drafts and reports of trouble. Needed for “Send a test”.",
    "groups": "The rights of several roles add up.",
    "is_active": "Deactivate an account instead of deleting it: it cannot log in, its sessions end at once, "
    "and what it did stays in the audit log.",
    "is_superuser": "May do everything, whatever the roles say.",
    "user_permissions": "Single rights in addition to those of the roles.",
}


class RolesField(forms.ModelMultipleChoiceField[Group]):
    def label_from_instance(self, obj: Any) -> str:
        role = ROLES.get(obj.name)
        return f"{obj.name.capitalize()}: {role.words}" if role else obj.name


class NewAccountForm(forms.ModelForm[User]):
    groups = RolesField(
        Group.objects.order_by("name"),
        label="Role",
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": "Choose at least one: an account without a role may do nothing."},
    )

    class Meta:
        model = User
        fields = ("username", "email", "groups")
        widgets = {"username": UnfoldAdminTextInputWidget, "email": UnfoldAdminEmailInputWidget}
        help_texts = HELP

    def save(self, commit: bool = True) -> User:
        self.instance.is_staff = True
        self.instance.first_password = staff_accounts.set_random_password(self.instance)  # type: ignore[attr-defined]
        return super().save(commit)


class AccountForm(UserChangeForm):  # type: ignore[misc]
    groups = RolesField(
        Group.objects.order_by("name"), label="Roles", widget=forms.CheckboxSelectMultiple, required=False
    )

    class Meta(UserChangeForm.Meta):  # type: ignore[misc]
        help_texts = HELP


@admin.register(User)
class AccountAdmin(AuditedAdmin, UserAdmin):  # type: ignore[type-arg, misc]
    form = AccountForm
    add_form = NewAccountForm
    add_form_template = None
    change_password_form = AdminPasswordChangeForm
    list_display = ("username", "email", "roles", "is_active", "has_second_factor", "last_login")
    list_filter = ("is_active", "groups")
    search_fields = ("username", "email")
    fieldsets = (
        (None, {"fields": ("username", "password", "email", "is_active")}),
        ("What this account may do", {"fields": ("groups", *SUPERUSER_FIELDS)}),
        ("Dates", {"fields": ("last_login", "date_joined")}),
    )
    add_fieldsets = ((None, {"fields": ("username", "email", "groups")}),)
    readonly_fields = ("last_login", "date_joined")
    actions = ("reset_second_factor",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        with_factor = TOTPDevice.objects.filter(user=OuterRef("pk"), confirmed=True)
        accounts = super().get_queryset(request).prefetch_related("groups")
        return accounts.annotate(has_factor=Exists(with_factor))  # type: ignore[no-any-return]

    @display(description="Roles")
    def roles(self, account: User) -> str:
        names = [group.name for group in account.groups.all()]
        return ", ".join(["superuser"] * account.is_superuser + names) or "none"

    @display(description="Second factor", boolean=True)
    def has_second_factor(self, account: User) -> bool:
        return bool(getattr(account, "has_factor", False))

    def has_reset_permission(self, request: HttpRequest) -> bool:
        return super().has_change_permission(request)

    @admin.action(description="Reset the second factor (lost phone)", permissions=["reset"])
    def reset_second_factor(self, request: HttpRequest, chosen: QuerySet[User]) -> None:
        allowed = [account for account in chosen if self.has_change_permission(request, account)]
        done = [account.username for account in allowed if second_factor.reset(account, request.user)]
        if done:
            words = f"Reset for {', '.join(done)}: the next login sets up another. Change a leaked password, too."
            self.message_user(request, words, messages.SUCCESS)
        else:
            self.message_user(request, "None of these has a second factor that you may reset.", messages.WARNING)

    def get_fieldsets(self, request: HttpRequest, obj: User | None = None) -> Any:
        """Show only superusers the fields that only superusers may set."""
        fieldsets = super().get_fieldsets(request, obj)
        if obj is None or request.user.is_superuser:
            return fieldsets
        return [(title, {"fields": exclude_names(part["fields"], SUPERUSER_FIELDS)}) for title, part in fieldsets]

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> tuple[str, ...]:
        """Let nobody change their own rights or deactivate themselves."""
        own = ("is_active", "groups", *SUPERUSER_FIELDS) if obj is not None and obj.pk == request.user.pk else ()
        return (*self.readonly_fields, *own)

    def get_form(self, request: HttpRequest, obj: User | None = None, change: bool = False, **kwargs: Any) -> Any:
        """Offer only the roles that this user may assign."""
        form = super().get_form(request, obj, change=change, **kwargs)
        if "groups" in form.base_fields:
            field: Any = copy.deepcopy(form.base_fields["groups"])
            field.queryset = staff_accounts.roles_within(account_of(request))
            form.base_fields["groups"] = field
        return form

    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        """Let nobody change an account that has more rights than they have."""
        may: bool = super().has_change_permission(request, obj)
        return may and (obj is None or not staff_accounts.has_more_rights(obj, account_of(request)))

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        return False

    def user_change_password(self, request: HttpRequest, id: str, form_url: str = "") -> HttpResponse:
        """Send people who change their own password to the page that asks for the old one."""
        if self.get_object(request, unquote(id)) == request.user:
            return redirect("admin:password_change")
        return super().user_change_password(request, id, form_url)

    def response_add(self, request: HttpRequest, obj: User, post_url_continue: str | None = None) -> HttpResponse:
        """Show the first password, once."""
        context = {
            **self.admin_site.each_context(request),
            "title": f"{obj.get_username()} has an account",
            "opts": self.opts,
            "account": obj,
            "needs_factor": settings.TWO_FACTOR,
        }
        response = TemplateResponse(request, "admin/accounts/made.html", context)
        response["Cache-Control"] = "no-store"
        return response


def account_of(request: HttpRequest) -> User:
    assert isinstance(request.user, User)
    return request.user


def exclude_names(names: Iterable[Any], hidden: Iterable[Any]) -> list[Any]:
    return [name for name in names if name not in hidden]


@admin.register(Group)
class RoleAdmin(AuditedAdmin):
    """The groups behind the roles: superusers may add rights to a role, or create other groups."""

    search_fields = ("name",)
    ordering = ("name",)
    filter_horizontal = ("permissions",)

    def formfield_for_manytomany(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "permissions":
            kwargs["queryset"] = Permission.objects.select_related("content_type")
        return super().formfield_for_manytomany(db_field, request, **kwargs)

    def has_delete_permission(self, request: HttpRequest, obj: Group | None = None) -> bool:
        return (obj is None or obj.name not in ROLES) and super().has_delete_permission(request, obj)
