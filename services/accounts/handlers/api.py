"""HTTP: API keys for admins, preferences for owners."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TypeVar

import boto3
from aws_lambda_powertools.event_handler import Response

from kit.etags import expected_revision, strong_tag
from kit.http_api import HttpApi, json_response
from kit.problems import ApiProblem, field_error, invalid
from kit.secrets import CachedKeyring
from kit.telemetry import logger, measure
from kit.trail import Action, Operator, recorded
from kit.trail_table import TrailTable
from services.accounts import service
from services.accounts.consent import Consent, current_versions
from services.accounts.keys import is_key_id
from services.accounts.owners import UnknownOwnerError
from services.accounts.recorded_keys import ADMIN, RecordedKeys
from services.accounts.repository.keys import KeyTable
from services.accounts.repository.owners import StaleError, preference_store
from services.accounts.routes import (
    CREATE_KEY,
    GIVE_CONSENT,
    LIST_KEYS,
    REVOKE_KEY,
    ROTATE_KEY,
    SET_PREFERENCES,
    SHOW_CONSENT,
    SHOW_ME,
    SHOW_PREFERENCES,
    WITHDRAW_CONSENT,
)
from services.accounts.schemas import (
    ConsentView,
    KeyList,
    KeyQuery,
    KeyWithText,
    Me,
    NewConsent,
    NewKey,
    Preferences,
    Rotation,
    position_of,
)
from services.accounts.settings import ApiSettings

settings = ApiSettings.load()
dynamodb = boto3.client("dynamodb")
keys = KeyTable(dynamodb, settings.table_name, timedelta(days=settings.key_retention_days))
trail = TrailTable(dynamodb, settings.audit_trail_table, timedelta(days=settings.trail_retention_days))
owners = keys.owners
preferences = preference_store(owners, settings.cache_address, settings.cache_name)
hash_secret = CachedKeyring(boto3.client("secretsmanager"), settings.hash_secret_id).current
handler = HttpApi()
Value = TypeVar("Value")


@handler.serve(CREATE_KEY)
def create() -> Response[str]:
    """Create a key."""
    now, wanted = datetime.now(UTC), handler.body(NewKey)
    key, text = service.create(_recorded(), wanted, hash_secret(), now)
    logger.info("key created", key_id=key.key_id, owner=key.owner, scopes=key.scopes, by=handler.caller.key_id)
    if ADMIN in key.scopes:
        measure("admin key created", {"admin_keys_created": 1}, {}, key_id=key.key_id, by=handler.caller.key_id)
    return json_response(201, KeyWithText.with_text(key, text, {key.owner: wanted.owner}, now))


@handler.serve(LIST_KEYS)
def list_() -> Response[str]:
    """List keys, newest first."""
    query = handler.query(KeyQuery)
    try:
        after = position_of(query.cursor) if query.cursor is not None else None
    except ValueError as error:
        raise invalid(field_error("cursor", "must be the next_cursor of a previous page")) from error
    found = keys.page(query.limit, after)
    page = KeyList.of(found, owners.names({key.owner for key in found.keys}), datetime.now(UTC))
    return json_response(200, page, handler.next_link(page.next_cursor))


@handler.serve(ROTATE_KEY)
def rotate(key_id: str) -> Response[str]:
    """Rotate the text of a key."""
    now, wanted = datetime.now(UTC), handler.body(Rotation)
    try:
        key, text = service.rotate(_recorded(), _known(key_id), wanted.grace_seconds, hash_secret(), now)
    except KeyError:
        raise _unknown() from None
    except service.NotActiveError as error:
        raise ApiProblem("key_not_active", f"The key is {error.status}. Create a new one.") from error
    logger.info("key rotated", key_id=key_id, grace_seconds=wanted.grace_seconds, by=handler.caller.key_id)
    return json_response(200, KeyWithText.with_text(key, text, owners.names({key.owner}), now))


@handler.serve(REVOKE_KEY)
def revoke(key_id: str) -> Response[str]:
    """Revoke a key. A second call changes nothing."""
    try:
        _recorded().revoke(_known(key_id), datetime.now(UTC))
    except KeyError:
        raise _unknown() from None
    logger.info("key revoked", key_id=key_id, by=handler.caller.key_id)
    return Response(204)


@handler.serve(SHOW_ME)
def show_me() -> Response[str]:
    """Return what the authorizer knows of the caller's key, with the owner's name."""
    caller = handler.caller
    me = Me(
        owner=owners.names({caller.owner}).get(caller.owner, caller.owner),
        owner_id=caller.owner,
        key_id=caller.key_id,
        scopes=sorted(caller.scopes),
        limit=caller.limit,
        window_seconds=caller.window,
        priority=caller.priority,
    )
    return json_response(200, me)


@handler.serve(SHOW_CONSENT)
def show_consent() -> Response[str]:
    """Return the consent of the caller's owner."""
    return json_response(200, _consent())


@handler.serve(GIVE_CONSENT)
def give_consent() -> Response[str]:
    """Record the consent of the caller's owner, with the versions, the time and the key."""
    wanted, current, caller = handler.body(NewConsent), current_versions(), handler.caller
    named = {"terms": wanted.terms, "privacy_notice": wanted.privacy_notice}
    errors = [
        field_error(name, f"must be {version}, the current version")
        for name, version in vars(current).items()
        if named[name] != version
    ]
    if errors:
        raise invalid(*errors)
    action = Action.begin(_operator(), "give consent", about={"owner": caller.owner, **named}, count=1)
    with recorded(trail, action) as outcomes:
        _of_known_owner(owners.give_consent, Consent(current, datetime.now(UTC), caller.key_id))
        outcomes["given"] += 1
    return json_response(200, _consent())


@handler.serve(WITHDRAW_CONSENT)
def withdraw_consent() -> Response[str]:
    """Withdraw the consent of the caller's owner. A second call changes nothing."""
    action = Action.begin(_operator(), "withdraw consent", about={"owner": handler.caller.owner}, count=1)
    with recorded(trail, action) as outcomes:
        _of_known_owner(owners.withdraw_consent, datetime.now(UTC))
        outcomes["withdrawn"] += 1
    return Response(204)


@handler.serve(SHOW_PREFERENCES)
def show_preferences() -> Response[str]:
    """Return the preferences of the caller's owner."""
    found, revision = preferences.preferences(handler.caller.owner)
    return handler.unless_current(strong_tag(revision), lambda: Preferences.model_validate(found))


@handler.serve(SET_PREFERENCES)
def set_preferences() -> Response[str]:
    """Replace the preferences of the caller's owner."""
    wanted = handler.body(Preferences)
    stale = ApiProblem("preferences_changed", "Read the preferences again: they are not those of If-Match.")
    try:
        expected = expected_revision(handler.header("if-match"))
    except ValueError:
        raise stale from None
    try:
        revision = preferences.replace_preferences(handler.caller.owner, wanted.model_dump(exclude_none=True), expected)
    except StaleError as error:
        raise stale from error
    except UnknownOwnerError as error:
        raise _erased() from error
    return json_response(200, wanted, {"ETag": strong_tag(revision)})


def _consent() -> ConsentView:
    owner = owners.get(handler.caller.owner)
    return ConsentView.of(owner.consent if owner else None, current_versions(), required=settings.require_consent)


def _of_known_owner(change: Callable[[str, Value], None], value: Value) -> None:
    """Change the record of the caller's owner."""
    try:
        change(handler.caller.owner, value)
    except UnknownOwnerError as error:
        raise _erased() from error


def _recorded() -> RecordedKeys:
    """Return the keys, whose changes by the caller are in the audit trail."""
    return RecordedKeys(keys, trail, _operator())


def _operator() -> Operator:
    """Return the caller as the audit trail names it."""
    return Operator.with_key(handler.caller.owner, handler.caller.key_id, handler.address)


def _known(key_id: str) -> str:
    if not is_key_id(key_id):
        raise _unknown()
    return key_id


def _erased() -> ApiProblem:
    """Return the problem of a key whose owner was erased while the authorizer had it in its cache."""
    return ApiProblem("unauthorized", "The owner of this API key was erased.")


def _unknown() -> ApiProblem:
    return ApiProblem("key_not_found", "No key has this id.")
