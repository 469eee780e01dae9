"""Pages that mail a reader a link: to the preferences, to a new address, to the reader's data or its erasure."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_safe

from newsletter import client_network
from subscribers import tasks, tokens
from subscribers.models import Letter, SignupRequest, Subscriber
from subscribers.pages import link_session, signup_intake
from subscribers.pages.link_forms import AddressForm, DataForm, LinkForm
from subscribers.pages.link_pages import letter_page, open_letter_page, reader_page
from subscribers.subscription import link_requests, requests
from subscribers.tokens import Purpose

NO_NETWORK = "own page"  # stored instead of a network: the reader has shown a link, so no limit per network applies


@csrf_exempt  # asking for a link grants nothing: it goes to the reader's own inbox
@link_session.private
@require_http_methods(["GET", "HEAD", "POST"])
def mail_link(request: HttpRequest) -> HttpResponse:
    """Mail a link to the preferences; the response is the same for every address."""
    if request.method != "POST":
        return redirect("subscribers:preferences")
    form = LinkForm(request.POST)
    if not form.is_valid():
        return render(request, "subscribers/link_needed.html", {"form": form}, status=422)
    return signup_intake.receive(request, form, "subscribers:link_mailed", SignupRequest.Kind.LINK, {})


@link_session.private
@require_safe
def link_mailed(request: HttpRequest) -> HttpResponse:
    return render(request, "subscribers/link_mailed.html")


@reader_page(Purpose.PREFERENCES)
def new_address(request: HttpRequest, reader: Subscriber, token: str) -> HttpResponse:
    """Ask for a new address, and mail a link there."""
    if reader.status != Subscriber.Status.ACTIVE:
        return redirect("subscribers:preferences")
    form = AddressForm(request.POST if request.method == "POST" else None, own=reader.canonical)
    context = {"subscriber": reader, "form": form, **link_session.form_fields(request, token)}
    if not form.is_valid():
        return render(request, "subscribers/new_address.html", context, status=422 if form.errors else 200)
    # A worker checks whether the address is subscribed already, so that the page takes equally long for all.
    origin = {"ip": client_network.client_address(request), "network": NO_NETWORK}
    choice = {"reader": reader.pk}
    stored = requests.store_request(SignupRequest.Kind.MOVE, form.cleaned_data["email"], choice, **origin)
    assert stored is not None  # only a repeated proof of work is refused, and none is needed here
    tasks.wake_on_commit(tasks.answer_signup, stored.pk)
    return render(request, "subscribers/new_address_mailed.html", context)


@link_session.private
@require_safe
def open_address(request: HttpRequest, token: str) -> HttpResponse:
    return open_letter_page(request, Letter.Kind.ADDRESS, token, "subscribers:address", address)


@letter_page(Letter.Kind.ADDRESS)
def address(request: HttpRequest, letter: Letter, token: str) -> HttpResponse:
    """Move a reader to the address whose link was opened, and notify the old address."""
    context = {"letter": letter, "subscriber": letter.subscriber, **link_session.form_fields(request, token)}
    if request.method != "POST":
        return render(request, "subscribers/move.html", context)
    notice = link_requests.move_reader(letter, client_network.client_address(request))
    if notice is not None:
        tasks.wake_on_commit(tasks.send_letter, notice.pk)
    return render(request, "subscribers/moved.html", context | {"is_moved": notice is not None})


@reader_page(Purpose.PREFERENCES)
def data(request: HttpRequest, reader: Subscriber, token: str) -> HttpResponse:
    """Mail a link to the reader's data, or to its erasure."""
    form = DataForm(request.POST)
    if not form.is_valid():
        return redirect("subscribers:preferences")
    if letter := link_requests.plan_letter(reader, Letter.Kind(form.cleaned_data["what"])):
        tasks.wake_on_commit(tasks.send_letter, letter.pk)
    return render(request, "subscribers/data_mailed.html", {"subscriber": reader, **form.cleaned_data})


@reader_page(Purpose.PREFERENCES)
def end_links(request: HttpRequest, reader: Subscriber, token: str) -> HttpResponse:
    """End all of the reader's links except those that unsubscribe, and mail a new one."""
    if request.method != "POST":
        return redirect("subscribers:preferences")
    tasks.wake_on_commit(tasks.send_letter, link_requests.end_links(reader).pk)
    response = render(request, "subscribers/links_ended.html", {"subscriber": reader})
    for purpose in tokens.OF_AN_EPOCH:
        link_session.forget_token(response, purpose)
    return response
