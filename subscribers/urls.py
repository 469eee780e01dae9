from django.urls import path

from subscribers.pages import reader_views, signup_views

app_name = "subscribers"
urlpatterns = [
    path("subscribe/", signup_views.subscribe, name="subscribe"),
    path("subscribe/check-your-inbox/", signup_views.check_inbox, name="check_inbox"),
    path("privacy/", signup_views.privacy, name="privacy"),
    # A page and the links that lead to it bear one name.
    path("confirm/", signup_views.confirm, name="confirm"),
    path("confirm/again/", signup_views.confirm_again, name="confirm_again"),
    path("confirm/<str:token>/", signup_views.enter_confirm, name="confirm"),
    path("preferences/", reader_views.preferences, name="preferences"),
    path("preferences/link/", reader_views.mail_link, name="mail_link"),
    path("preferences/link-mailed/", reader_views.link_mailed, name="link_mailed"),
    path("preferences/address/", reader_views.new_address, name="new_address"),
    path("preferences/data/", reader_views.data, name="data"),
    path("preferences/end-links/", reader_views.end_links, name="end_links"),
    path("preferences/<str:token>/", reader_views.enter_preferences, name="preferences"),
    path("address/", reader_views.address, name="address"),
    path("address/<str:token>/", reader_views.enter_address, name="address"),
    path("pause/", reader_views.pause, name="pause"),
    path("pause/<str:token>/", reader_views.enter_pause, name="pause"),
    path("unsubscribe/", reader_views.unsubscribe, name="unsubscribe"),
    path("unsubscribe/pause/", reader_views.stay, name="stay"),
    path("unsubscribe/reason/", reader_views.farewell, name="farewell"),
    path("unsubscribe/<str:token>/", reader_views.one_click, name="unsubscribe"),
]
