from django.urls import path

from newsletter.mailbox import views

app_name = "mailbox"
urlpatterns = [
    path("", views.inbox, name="inbox"),
    path("<slug:name>/", views.mail, name="mail"),
    path("<slug:name>/html/", views.html_part, name="html_part"),
]
