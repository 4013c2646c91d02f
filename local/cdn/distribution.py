"""The distribution of the images, as the emulator has it."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Distribution:
    """What this edge needs of a distribution whose default behavior has an origin group."""

    id: str
    keys: Mapping[str, str]
    """The trusted key group: id → public key as PEM."""
    function_code: str
    """The code that runs on each request."""
    cache_seconds: int
    origins: Sequence[str]
    """The domains of the group's origins, in order."""
    failover: frozenset[int]
    """The statuses of the first origin that send a request to the second."""
    headers: Mapping[str, str]
    """The headers that every response has."""


def read_distribution(cloudfront: Any) -> Distribution | None:
    """Return the first distribution with an origin group, or None."""
    for item in cloudfront.list_distributions()["DistributionList"].get("Items", []):
        config = cloudfront.get_distribution_config(Id=item["Id"])["DistributionConfig"]
        if config.get("OriginGroups", {}).get("Quantity"):
            return _read(cloudfront, item["Id"], config)
    return None


def _read(cloudfront: Any, distribution_id: str, config: Mapping[str, Any]) -> Distribution:
    behavior = config["DefaultCacheBehavior"]
    (group,) = (each for each in config["OriginGroups"]["Items"] if each["Id"] == behavior["TargetOriginId"])
    domains = {origin["Id"]: origin["DomainName"] for origin in config["Origins"]["Items"]}
    (association,) = behavior["FunctionAssociations"]["Items"]
    code = cloudfront.get_function(Name=association["FunctionARN"].rpartition("/")[2], Stage="LIVE")["FunctionCode"]
    policy = cloudfront.get_cache_policy_config(Id=behavior["CachePolicyId"])["CachePolicyConfig"]
    headers = cloudfront.get_response_headers_policy_config(Id=behavior["ResponseHeadersPolicyId"])
    return Distribution(
        id=distribution_id,
        keys=_keys(cloudfront, behavior["TrustedKeyGroups"]["Items"]),
        function_code=code.read().decode(),
        cache_seconds=policy["MinTTL"],
        origins=[domains[member["OriginId"]] for member in group["Members"]["Items"]],
        failover=frozenset(group["FailoverCriteria"]["StatusCodes"]["Items"]),
        headers=_headers(headers["ResponseHeadersPolicyConfig"]),
    )


def _keys(cloudfront: Any, groups: Sequence[str]) -> dict[str, str]:
    ids = [
        each for group in groups for each in cloudfront.get_key_group(Id=group)["KeyGroup"]["KeyGroupConfig"]["Items"]
    ]
    found = [cloudfront.get_public_key(Id=each)["PublicKey"] for each in ids]
    return {key["Id"]: key["PublicKeyConfig"]["EncodedKey"] for key in found}


def _headers(policy: Mapping[str, Any]) -> dict[str, str]:
    """Return the headers that let pages of the app read the files. HSTS means nothing without TLS."""
    origins = policy["CorsConfig"]["AccessControlAllowOrigins"]["Items"]
    return {"Access-Control-Allow-Origin": origins[0], "X-Content-Type-Options": "nosniff"}


class Invalidations:
    """The invalidations of a distribution that this edge has not seen yet."""

    def __init__(self) -> None:
        self._seen: set[str] = set()

    def new(self, cloudfront: Any, distribution_id: str) -> list[re.Pattern[str]]:
        """Return patterns of the paths that were invalidated since the last call."""
        found: list[re.Pattern[str]] = []
        listed = cloudfront.list_invalidations(DistributionId=distribution_id)["InvalidationList"].get("Items", [])
        for invalidation_id in {each["Id"] for each in listed} - self._seen:
            self._seen.add(invalidation_id)
            batch = cloudfront.get_invalidation(DistributionId=distribution_id, Id=invalidation_id)["Invalidation"]
            paths = batch["InvalidationBatch"]["Paths"]["Items"]
            found += [re.compile(re.escape(path).replace(r"\*", ".*")) for path in paths]
        return found
