from django.contrib import admin
from django.urls import include, path

from . import views

urlpatterns = [
    path("", views.home),
    path("accounts/", include("django.contrib.auth.urls")),
    path("admin/", admin.site.urls),
    path("transfer/", views.transfer),
    path("transfer/<int:number>/", views.sent, name="sent"),
]
