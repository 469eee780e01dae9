"""Pictures of the mails. Django is set up here, so that the command's modules can import models."""

import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "newsletter.settings")
os.environ.setdefault("DEBUG", "1")
os.environ.setdefault("SITE_URL", "https://papers.example.org")
os.environ.setdefault("POSTAL_ADDRESS", "1 Example Street, Exampleton")
django.setup()
