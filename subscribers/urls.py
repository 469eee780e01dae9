from django.urls import path

from subscribers.pages import link_request_views, preference_views, refusal_views, signup_views, unsubscribe_views

app_name = "subscribers"
urlpatterns = [
    path("subscribe/", signup_views.subscribe, name="subscribe"),
    path("subscribe/check-your-inbox/", signup_views.check_inbox, name="check_inbox"),
    path("privacy/", signup_views.privacy, name="privacy"),
    # A page and the links that open it share one name.
    path("not-me/<str:token>/", refusal_views.not_me, name="not_me"),
    path("confirm/", signup_views.confirm, name="confirm"),
    path("confirm/again/", signup_views.confirm_again, name="confirm_again"),
    path("confirm/<str:token>/", signup_views.open_confirm, name="confirm"),
    path("preferences/", preference_views.preferences, name="preferences"),
    path("preferences/link/", link_request_views.mail_link, name="mail_link"),
    path("preferences/link-mailed/", link_request_views.link_mailed, name="link_mailed"),
    path("preferences/address/", link_request_views.new_address, name="new_address"),
    path("preferences/data/", link_request_views.data, name="data"),
    path("preferences/end-links/", link_request_views.end_links, name="end_links"),
    path("preferences/<str:token>/", preference_views.open_preferences, name="preferences"),
    path("address/", link_request_views.address, name="address"),
    path("address/<str:token>/", link_request_views.open_address, name="address"),
    path("pause/", preference_views.pause, name="pause"),
    path("pause/<str:token>/", preference_views.open_pause, name="pause"),
    path("unsubscribe/", unsubscribe_views.unsubscribe, name="unsubscribe"),
    path("unsubscribe/pause/", unsubscribe_views.pause_instead, name="stay"),
    path("unsubscribe/reason/", unsubscribe_views.farewell, name="farewell"),
    path("unsubscribe/<str:token>/", unsubscribe_views.one_click, name="unsubscribe"),
]
