from django.urls import path

from digests import views

app_name = "digests"
urlpatterns = [
    path("digest/preview/", views.preview, name="preview"),
    path("digest/<str:token>/", views.view, name="view"),
    path("digest/effect/<str:token>/", views.effect, name="effect"),
]
