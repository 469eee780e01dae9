from django.urls import path

from digests.reader_pages import data_views, digest_views, proposal_views, vote_views

app_name = "digests"
urlpatterns = [
    path("digest/effect/", digest_views.effect, name="effect"),
    path("digest/last/", data_views.last, name="last"),
    path("digest/preview/", digest_views.preview, name="preview"),
    path("digest/<str:token>/", digest_views.view, name="view"),
    path("vote/", vote_views.vote, name="vote"),
    path("vote/<str:token>/", vote_views.open_vote, name="vote"),
    path("propose/", proposal_views.propose, name="propose"),
    path("propose/<str:token>/", proposal_views.open_propose, name="propose"),
    path("data/", data_views.data, name="data"),
    path("data/<str:token>/", data_views.open_data, name="data"),
    path("erase/", data_views.erase, name="erase"),
    path("erase/<str:token>/", data_views.open_erase, name="erase"),
]
