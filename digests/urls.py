from django.urls import path

from digests.reader_pages import data_views, digest_views, proposal_views, vote_views

app_name = "digests"
urlpatterns = [
    path("digest/effect/", digest_views.effect, name="effect"),
    path("digest/last/", data_views.last, name="last"),
    path("digest/preview/", digest_views.preview, name="preview"),
    path("digest/", digest_views.view, name="view"),
    path("digest/<str:token>/", digest_views.enter_view, name="view"),
    path("vote/", vote_views.vote, name="vote"),
    path("vote/<str:token>/", vote_views.enter, name="vote"),
    path("propose/", proposal_views.propose, name="propose"),
    path("propose/<str:token>/", proposal_views.enter, name="propose"),
    path("data/", data_views.data, name="data"),
    path("data/<str:token>/", data_views.enter_data, name="data"),
    path("erase/", data_views.erase, name="erase"),
    path("erase/<str:token>/", data_views.enter_erase, name="erase"),
]
