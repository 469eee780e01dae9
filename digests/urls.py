from django.urls import path

from digests import personal_views, proposing_views, views, voting_views

app_name = "digests"
urlpatterns = [
    path("digest/effect/", views.effect, name="effect"),
    path("digest/last/", personal_views.last, name="last"),
    path("digest/preview/", views.preview, name="preview"),
    path("digest/", views.view, name="view"),
    path("digest/<str:token>/", views.enter_view, name="view"),
    path("vote/", voting_views.vote, name="vote"),
    path("vote/<str:token>/", voting_views.enter, name="vote"),
    path("propose/", proposing_views.propose, name="propose"),
    path("propose/<str:token>/", proposing_views.enter, name="propose"),
    path("data/", personal_views.data, name="data"),
    path("data/<str:token>/", personal_views.enter_data, name="data"),
    path("erase/", personal_views.erase, name="erase"),
    path("erase/<str:token>/", personal_views.enter_erase, name="erase"),
]
