"""One page of a listing (Amazon S3 API, ListObjectsV2), from bytes that may say anything."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple
from urllib.parse import unquote_plus
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

MAX_KEYS: Final = 1000
"""Keys of one page."""

MAX_PAGE: Final = 8 * 1024 * 1024
"""Bytes of one page: 1,000 keys of 1,024 bytes, each byte escaped, with what is said about them."""


class Listed(NamedTuple):
    """An object of a listing.

    Attributes:
        key: its key.
        size: in bytes.
        etag: what the store calls its content; never taken for a digest.
        modified: when it was written, as the store says.
    """

    key: str
    size: int
    etag: str
    modified: str


@dataclass(frozen=True)
class Page:
    """One page.

    Attributes:
        objects: in the order of their keys.
        following: the token of the next page; empty on the last.
    """

    objects: tuple[Listed, ...]
    following: str


def parse_page(content: bytes) -> Page:
    """A page.

    Raises:
        ValueError: it is none; with what is wrong.
    """
    try:
        root = fromstring(content, forbid_dtd=True)
    except (ParseError, DefusedXmlException, UnicodeError, LookupError) as error:
        raise ValueError(f"It is no XML that may be read: {type(error).__name__}.") from None
    if _tag(root) != "ListBucketResult":
        raise ValueError("It is no listing.")
    said: dict[str, str] = {}
    objects: list[Listed] = []
    escaped = any(_tag(child) == "EncodingType" and child.text == "url" for child in root)
    for child in root:
        if _tag(child) == "Contents":
            objects.append(_listed(child, escaped=escaped))
        else:
            said[_tag(child)] = child.text or ""
    if len(objects) > MAX_KEYS:
        raise ValueError(f"More than {MAX_KEYS} keys on a page.")
    more = said.get("IsTruncated") == "true"
    if more and not said.get("NextContinuationToken"):
        raise ValueError("There is more, and no word of how to get it.")
    return Page(tuple(objects), said["NextContinuationToken"] if more else "")


def _listed(element: Element, *, escaped: bool) -> Listed:
    said = {_tag(child): child.text or "" for child in element}
    key, size = said.get("Key", ""), said.get("Size", "")
    if not key or not (size.isascii() and size.isdigit() and len(size) < 19):
        raise ValueError("An object without key or size.")
    return Listed(
        unquote_plus(key, errors="strict") if escaped else key,
        int(size),
        said.get("ETag", ""),
        said.get("LastModified", ""),
    )


def _tag(element: Element) -> str:
    return element.tag.rpartition("}")[2]
