from django.apps import AppConfig


class IssuesConfig(AppConfig):
    name = "newsletter.issues"
    label = "issues"
