"""Files: upload, list, retrieve, download, delete."""

from django.http import HttpRequest, HttpResponseBase, JsonResponse
from django.utils.datastructures import MultiValueDictKeyError

from chatapp.files import deletion
from chatapp.files.actions import store
from chatapp.files.models import StoredFile
from chatapp.files.responses import Content, content_response
from chatapp.openai.content_parts import file_id_of, find_file, parse_file_id
from chatapp.openai.errors import MissingParameter
from chatapp.openai.views.endpoint import Client, endpoint, with_database

PAGE_ITEMS = 1_000  # at most, newest first
PURPOSE = "user_data"  # the only one here: files go with messages


@with_database
def _create(request: HttpRequest, client: Client) -> HttpResponseBase:
    """A form with `file`. `purpose` has no effect, and neither has `expires_after`."""
    try:
        upload = request.FILES["file"]
    except MultiValueDictKeyError:
        raise MissingParameter("file is required.", "file") from None
    client.ignored += [name for name in request.POST if name != "purpose"]
    return JsonResponse(_object(store(client.user, upload, upload.name or "")))


@with_database
def _list(request: HttpRequest, client: Client) -> HttpResponseBase:
    files = [_object(file) for file in StoredFile.objects.visible_to(client.user)[:PAGE_ITEMS]]
    ends = {"first_id": files[0]["id"], "last_id": files[-1]["id"]} if files else {"first_id": None, "last_id": None}
    return JsonResponse({"object": "list", "data": files, **ends, "has_more": len(files) == PAGE_ITEMS})


@with_database
def _retrieve(request: HttpRequest, client: Client, file_id: str) -> HttpResponseBase:
    return JsonResponse(_object(_file(client, file_id)))


@with_database
def _delete(request: HttpRequest, client: Client, file_id: str) -> HttpResponseBase:
    """Raises FileInUse while a message refers to it."""
    deletion.delete(_file(client, file_id))
    return JsonResponse({"id": file_id, "object": "file", "deleted": True})


@with_database
def _content(request: HttpRequest, client: Client, file_id: str) -> HttpResponseBase:
    return content_response(request, Content.of(_file(client, file_id)))


def _file(client: Client, file_id: str) -> StoredFile:
    return find_file(client.user, parse_file_id(file_id, "file_id"), "file_id")


def _object(file: StoredFile) -> dict:
    return {
        "id": file_id_of(file.pk),
        "object": "file",
        "bytes": file.size,
        "created_at": int(file.created_at.timestamp()),
        "expires_at": int(file.kept_until.timestamp()) if file.kept_until else None,
        "filename": file.name,
        "purpose": PURPOSE,
        "status": "processed",
    }


files = endpoint(get=_list, post=_create)
file = endpoint(get=_retrieve, delete=_delete)
content = endpoint(get=_content)
