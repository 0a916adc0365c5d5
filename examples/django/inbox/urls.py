from django.contrib.auth.views import LoginView, LogoutView
from django.urls import path

from . import views

urlpatterns = [
    path("", views.inbox, name="inbox"),
    path("send", views.send, name="send"),
    path("answer", views.answer, name="answer"),
    path("login", LoginView.as_view(), name="login"),
    path("logout", LogoutView.as_view(next_page="login"), name="logout"),
]
