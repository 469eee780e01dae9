from django.urls import path

from newsletter.papers import views

app_name = "papers"
urlpatterns = [
    path("trending/<str:day>.json", views.trending_day, name="trending_day"),
]
