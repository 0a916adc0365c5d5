"""Where tenant and user come from: the signed-in user, and nothing that the request says."""

from functools import wraps

from django.contrib.auth.decorators import login_required
from django.db import connection, transaction
from django.http import HttpResponse

from skill_messages import SkillMessageError, SkillMessages


def as_signed_in_user(view):
    """Run a view in a transaction that acts for the signed-in user; give it the client.

    A decorator and not a middleware: a middleware sees an error of a view only as a response, and
    would commit. The view must not return a response that still queries when it is sent.
    """

    @login_required
    @wraps(view)
    def wrapper(request, *args, **kwargs):
        tenant_id, user_id = request.user.tenant_id, request.user.pk
        try:
            with transaction.atomic():
                with connection.cursor() as cursor:  # for the models; the client does it by itself
                    cursor.execute("SELECT set_skill_message_context(%s, %s)", [tenant_id, user_id])
                # The psycopg connection below Django's.
                client = SkillMessages(connection.connection, tenant_id=tenant_id, user_id=user_id)
                return view(request, client, *args, **kwargs)
        except SkillMessageError as error:
            return HttpResponse(error.user_message, "text/plain", status=error.http_status)

    return wrapper
