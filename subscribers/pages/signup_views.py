from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_safe

from newsletter import client_network
from subscribers import ports, tasks
from subscribers.models import Letter, SignupRequest
from subscribers.pages import link_session, signup_intake
from subscribers.pages.subscribe_forms import SubscribeForm
from subscribers.subscription import opt_in


@csrf_exempt  # other sites embed the form; a sign-up grants nothing until the address is confirmed
@require_http_methods(["GET", "HEAD", "POST"])
def subscribe(request: HttpRequest) -> HttpResponse:
    """Show or accept the sign-up form; the response is the same for every address."""
    if request.method != "POST":
        chosen = request.GET.get("topics", "").split(",")
        return render(request, "subscribers/subscribe.html", {"form": SubscribeForm(initial={"topics": chosen})})
    form = SubscribeForm(request.POST)
    if not form.is_valid():
        return render(request, "subscribers/subscribe.html", {"form": form}, status=422)
    kind = SignupRequest.Kind.SUBSCRIBE
    return signup_intake.receive(request, form, "subscribers:check_inbox", kind, form.whole_choice())


@require_safe
def check_inbox(request: HttpRequest) -> HttpResponse:
    return render(request, "subscribers/check_inbox.html", {"is_held": ports.sending().is_held()})


@require_safe
def privacy(request: HttpRequest) -> HttpResponse:
    return render(request, "subscribers/privacy.html", {"event_days": settings.EVENT_KEPT.days})


@link_session.private
@require_safe
def open_confirm(request: HttpRequest, token: str) -> HttpResponse:
    """Redirect from a confirmation link to its page, whose URL holds no token."""
    if opt_in.find_confirmation(token) is None:
        return render(request, "subscribers/confirm_over.html", status=404)
    return link_session.open_page(request, Letter.Kind.CONFIRM, token, "subscribers:confirm", confirm.with_token)


@link_session.token_page(Letter.Kind.CONFIRM)
def confirm(request: HttpRequest, token: str) -> HttpResponse:
    letter = opt_in.find_confirmation(token)
    if letter is None:
        return render(request, "subscribers/confirm_over.html", status=404)
    context = {"subscriber": letter.subscriber, **link_session.form_fields(request, token)}
    if opt_in.is_expired(letter):
        return render(request, "subscribers/confirm_expired.html", context, status=410)
    if request.method != "POST":
        return render(request, "subscribers/confirm.html", context)
    opt_in.confirm(letter, client_network.client_address(request))
    first = ports.sending().first_digest(letter.subscriber_id)
    context |= {"first_digest": first.kind, "next": first.next_at.astimezone(letter.subscriber.timezone)}
    return render(request, "subscribers/confirmed.html", context)


@link_session.token_page(Letter.Kind.CONFIRM)
def confirm_again(request: HttpRequest, token: str) -> HttpResponse:
    """Mail a new confirmation link after one expired."""
    letter = opt_in.find_confirmation(token)
    if request.method != "POST" or letter is None:
        return redirect("subscribers:confirm")
    if fresh := opt_in.resend_confirmation(letter, client_network.client_address(request)):
        tasks.wake_on_commit(tasks.send_letter, fresh.pk)
    return redirect("subscribers:check_inbox")
