from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST

from skill_messages import AlreadyDecidedError

from .acting import as_signed_in_user
from .models import Skill, SkillMessage, User


@as_signed_in_user
def inbox(request, client):
    mine = {"tenant": request.user.tenant_id}
    context = {
        "received": client.get_named_messages_for_user(
            max_messages=20, before=request.GET.get("before")
        ),
        "waiting": SkillMessage.objects.filter(from_user_id=request.user.pk, status="pending"),
        "people": User.objects.filter(**mine),
        "skills": Skill.objects.filter(**mine),
    }
    return render(request, "inbox.html", context)


@require_POST
@as_signed_in_user
def send(request, client):
    client.send_skill_message(
        from_user_id=request.user.pk,
        to_user_id=request.POST.get("to_user_id"),
        subject_skill_id=request.POST.get("subject_skill_id"),
        message=request.POST.get("message"),
        proposed_parent_skill_id=request.POST.get("proposed_parent_skill_id") or None,
    )
    return redirect("inbox")


@require_POST
@as_signed_in_user
def answer(request, client):
    message_id, status = request.POST.get("message_id"), request.POST.get("status")
    try:
        # An atomic() within the transaction is a savepoint: after an error the transaction goes on.
        with transaction.atomic():
            decided = client.update_message_status(message_id, status)
            if status == "accepted":
                subject = Skill.objects.filter(pk=decided.subject_skill_id)
                subject.update(parent=decided.proposed_parent_skill_id)
    except AlreadyDecidedError as error:
        now = client.get_skill_message(message_id).status
        text = f"{error.user_message} It is {now}."
        return HttpResponse(text, "text/plain", status=error.http_status)
    return redirect("inbox")
