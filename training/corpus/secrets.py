"""Secrets and personal data in source, replaced by words that stand for them and leave the code as parseable as it was.

Three kinds of rule. Tokens that show what they are (a prefix, a shape) are found by their expression; what is assigned to a name such as `dbPassword`
by the name, when the value looks like one that a person would not want seen; people's addresses by their form. All expressions are tried only where
one search for words of all rules has found something, so that source without any costs next to nothing. A placeholder consists of letters and `_`:
it fits into strings, templates, comments, JSX text and URLs alike. It is the same for every secret of a kind, so nothing of the secret is left.
"""

from __future__ import annotations

import ipaddress
import math
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from ahocorasick_rs import BytesAhoCorasick

from training.corpus.settings import SecretSettings

Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Secret:
    kind: str
    start: int
    """Bytes, as `end`."""
    end: int
    placeholder: bytes


@dataclass(frozen=True, slots=True)
class _Shape:
    kind: str
    words: tuple[bytes, ...]
    expression: re.Pattern[bytes]
    """Group `secret`, or the whole, is replaced."""


def _shape(kind: str, words: str, expression: str) -> _Shape:
    return _Shape(kind, tuple(words.encode().split()), re.compile(expression.encode()))


# Repetitions are bounded where a text made for it could take long. Ends are guarded: a longer run of the same characters is something else.
_SHAPES: Final = (
    _shape("AWS_KEY", "AKIA ASIA", r"(?<![A-Za-z0-9/+])(?:AKIA|ASIA)[0-9A-Z]{16}(?![A-Za-z0-9/+])"),
    _shape("GITHUB_TOKEN", "ghp_ gho_ ghu_ ghs_ ghr_ github_pat_", r"(?<![A-Za-z0-9_])(?:gh[pousr]_[A-Za-z0-9]{30,255}|github_pat_[A-Za-z0-9_]{40,255})"),
    _shape("GITLAB_TOKEN", "glpat- gldt- glrt-", r"(?<![A-Za-z0-9_])gl(?:pat|dt|rt)-[A-Za-z0-9_-]{20,64}"),
    _shape("NPM_TOKEN", "npm_ _authToken _auth", r"(?<![A-Za-z0-9_])npm_[A-Za-z0-9]{36}(?![A-Za-z0-9])|_auth(?:Token)?\s{0,2}=\s{0,2}(?P<secret>[A-Za-z0-9+/=_-]{16,200})"),
    _shape("PYPI_TOKEN", "pypi-", r"(?<![A-Za-z0-9_])pypi-AgE[A-Za-z0-9_-]{50,300}"),
    _shape("API_KEY", "sk- sk_ rk_ whsec_", r"(?<![A-Za-z0-9_-])(?:sk-(?=[A-Za-z0-9_-]{0,60}[0-9])(?=[A-Za-z0-9_-]{0,60}[A-Z])(?:[a-z]{2,10}-){0,3}[A-Za-z0-9_-]{20,200}|[sr]k_(?:live|test)_[A-Za-z0-9]{16,100}|whsec_[A-Za-z0-9+/=]{24,80})"),
    _shape("HUB_TOKEN", "hf_", r"(?<![A-Za-z0-9_])hf_[A-Za-z]{34}(?![A-Za-z0-9])|(?<![A-Za-z0-9_])hf_(?=[A-Za-z]{0,40}[0-9])[A-Za-z0-9]{30,100}(?![A-Za-z0-9])"),
    _shape("SLACK_TOKEN", "xox xapp-", r"(?<![A-Za-z0-9_])(?:xox[abeoprs]-(?=[A-Za-z0-9-]{0,200}[0-9])[A-Za-z0-9-]{10,200}|xapp-[0-9]-[A-Za-z0-9-]{10,200})"),
    _shape("WEBHOOK_URL", "hooks.slack.com/services/ /api/webhooks/", r"hooks\.slack\.com/services/(?P<secret>T[A-Z0-9]{5,12}/B[A-Z0-9]{5,12}/[A-Za-z0-9]{16,40})"),
    _shape("WEBHOOK_URL", "/api/webhooks/", r"discord(?:app)?\.com/api/webhooks/(?P<secret>[0-9]{15,22}/[A-Za-z0-9_-]{50,90})"),
    _shape("GOOGLE_KEY", "AIza", r"(?<![A-Za-z0-9_-])AIza[0-9A-Za-z_-]{35}(?![A-Za-z0-9_-])"),
    _shape("GOOGLE_SECRET", "GOCSPX- ya29.", r"(?<![A-Za-z0-9_-])(?:GOCSPX-[A-Za-z0-9_-]{28}|ya29\.[A-Za-z0-9_-]{30,300})"),
    _shape("SENDGRID_KEY", "SG.", r"(?<![A-Za-z0-9_.-])SG\.[A-Za-z0-9_-]{20,24}\.[A-Za-z0-9_-]{39,50}"),
    _shape("TWILIO_KEY", "SK", r"(?<![A-Za-z0-9])SK[0-9a-f]{32}(?![A-Za-z0-9])"),
    _shape("MAIL_KEY", "key- -us", r"(?<![A-Za-z0-9_-])(?:key-[0-9a-f]{32}|[0-9a-f]{32}-us[0-9]{1,2})(?![A-Za-z0-9])"),
    _shape("SHOPIFY_TOKEN", "shpat_ shpss_ shpca_ shppa_", r"(?<![A-Za-z0-9_])shp(?:at|ss|ca|pa)_[0-9a-fA-F]{32}"),
    _shape("DIGITALOCEAN_TOKEN", "dop_v1_ doo_v1_ dor_v1_", r"(?<![A-Za-z0-9_])do[opr]_v1_[0-9a-f]{64}"),
    _shape("TELEGRAM_TOKEN", ":AA", r"(?<![A-Za-z0-9:])[0-9]{8,10}:AA[A-Za-z0-9_-]{33}(?![A-Za-z0-9_-])"),
    _shape("SQUARE_TOKEN", "EAAA sq0", r"(?<![A-Za-z0-9_-])(?:EAAA[A-Za-z0-9_-]{60}|sq0(?:atp|csp)-[A-Za-z0-9_-]{22,43})(?![A-Za-z0-9_-])"),
    _shape("LINEAR_KEY", "lin_api_", r"(?<![A-Za-z0-9_])lin_api_[A-Za-z0-9]{40}"),
    _shape("AZURE_KEY", "AccountKey= SharedAccessKey=", r"(?:AccountKey|SharedAccessKey)=(?P<secret>[A-Za-z0-9+/]{40,100}={0,2})"),
    _shape("JWT", "eyJ", r"(?<![A-Za-z0-9_-])eyJ[A-Za-z0-9_-]{10,2000}\.eyJ[A-Za-z0-9_-]{10,4000}\.[A-Za-z0-9_-]{10,1000}"),
    _shape("AUTHORIZATION", "earer asic", r"(?i:authorization)['\"]?\s{0,4}[:=,]\s{0,4}['\"`]?(?:[Bb]earer|[Bb]asic)\s{1,4}(?P<secret>[A-Za-z0-9._~+/-]{12,4000}={0,2})"),
    _shape("AUTHORIZATION", "earer", r"['\"`][Bb]earer\s(?P<secret>(?=[A-Za-z._~+/-]{0,40}[0-9])[A-Za-z0-9._~+/-]{20,4000}={0,2})['\"`]"),
)  # fmt: skip

_KEY_BLOCK: Final = re.compile(rb"-----BEGIN (?:[A-Z0-9]{2,12} ){0,3}PRIVATE KEY(?: BLOCK)?-----(?P<body>[\s\S]{0,20000}?)(?:-----END |\Z)")
_KEY_LINE: Final = re.compile(
    rb"(?<![A-Za-z0-9+/=])(?=[^\s'\"`,;]{16})[A-Za-z0-9+/]{16,20000}={0,2}|(?<=\\n)(?!REDACTED_)[A-Za-z0-9+/]{4,20000}={0,2}"
)
_KEY_BODY: Final = re.compile(rb"(?:\\+[nr]|[\r\n \t]){0,4}[A-Za-z0-9+/=]{2}(?:[A-Za-z0-9+/=:,. -]|\\+[nr]|[\r\n\t]){14,20000}")

_URL: Final = re.compile(
    rb"[A-Za-z][A-Za-z0-9+.-]{1,24}://(?P<user>[^\s/:@'\"`<>$}{\\]{0,80}):(?P<secret>[^\s/@'\"`<>}{\\?#]{1,200})@(?P<host>[A-Za-z0-9.\[\]_$-])"
)
_CONNECTION: Final = re.compile(rb"(?i)(?:^|[;'\"`\s])(?:password|pwd)\s?=\s?(?P<secret>[^;'\"`\s$<{}]{4,100})(?=[;'\"`])")

_NAMES: Final = (
    "passw", "Passw", "PASSW", "passphrase", "Passphrase", "PASSPHRASE", "pwd", "Pwd", "PWD", "secret", "Secret", "SECRET", "token", "Token", "TOKEN",
    "apikey", "apiKey", "ApiKey", "APIKEY", "APIKey", "api_key", "API_KEY", "Api_Key", "api-key", "Api-Key", "API-KEY", "accessKey", "AccessKey",
    "access_key", "ACCESS_KEY", "privateKey", "PrivateKey", "private_key", "PRIVATE_KEY", "authKey", "auth_key", "AUTH_KEY", "signingKey",
    "signing_key", "SIGNING_KEY", "encryptionKey", "encryption_key", "ENCRYPTION_KEY", "masterKey", "master_key", "MASTER_KEY", "accountKey",
    "account_key", "ACCOUNT_KEY", "credential", "Credential", "CREDENTIAL", "mnemonic", "MNEMONIC", "pass:", "Pass:", "PASS:", "pass =", "Pass =", "PASS =", "pass=", "PASS=", "pass\":", "pass':",
)  # fmt: skip
_ASSIGNED: Final = re.compile(
    rb"(?P<name>[A-Za-z0-9_$.-]{0,60})(?P<close>['\"]?\]?)(?P<type>[?!]?\s{0,4}:\s{0,4}(?:string|any)\s{0,4}=)?"
    rb"\s{0,8}(?:(?<==)|=>|:|!?={1,3}|,|\?\?|\|\||\()\s{0,40}(?:process\.env(?:\.\w{1,60}|\[['\"]\w{1,60}['\"]\])\s{0,8}(?:\|\||\?\?)\s{0,40})?"
    rb"(?P<quote>['\"`])(?P<secret>[^\r\n]{4,300}?)(?P=quote)"
)
_BARE: Final = re.compile(
    rb"(?P<name>[A-Za-z0-9_.-]{0,60})[ \t]{0,4}(?:=|:[ \t])[ \t]{0,8}(?P<secret>[^\s'\"#`]{4,300})[ \t]*(?:#[^\r\n]*)?(?=[\r\n]|\Z)"
)
_NAME_PART: Final = re.compile(rb"[A-Za-z0-9_$.-]{0,60}$")
_PASSWORD_NAME: Final = re.compile(rb"(?i)(?:passw(?:or)?d|passphrase|pwd|pass)$")
_KEY_NAME: Final = re.compile(
    rb"(?i)(?:secret|(?:api|access|private|auth|signing|encryption|master|account|secret)[_-]?key|credentials?|token)(?:[_-]?(?:id|base64|hex|value))?$"
)
_MNEMONIC_NAME: Final = re.compile(rb"(?i)mnemonic$")
_PUBLIC_NAME: Final = re.compile(
    rb"(?i)public|csrf|xsrf|cancel|syntax|design|token[_-]?(?:type|name|id|kind)$|next[_-]?(?:page)?[_-]?token$|page[_-]?token$|sync[_-]?token$|continuation"
)
_NO_VALUE: Final = re.compile(
    rb"(?i)example|placeholder|change[_-]?(?:me|it|this)|your[_-]?|my[_-]?(?:secret|password|token|api|super)|dummy|fake|mock|redacted|insert|replace|todo|"
    rb"^(?:test|foo|bar|baz)|sample|default|x{4}|^x+$|\*\*\*|\.\.\.|<[^>]*>|\$\{|\{\{|%[sd]|^[$%@#]|\bprocess\.env|undefined|invalid|expired|wrong|bogus|"
    rb"\b(?:password|passwd|token|secret)s?\d{0,4}$|^(?:password|passwd|token|secret|pass|pwd|qwerty|abc|asdf)\d{0,4}[!]?$|^env[.:]|^vault:|^arn:|^ssm:|^op://|^secret://"
)
_UUID: Final = re.compile(rb"(?i)^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$")
_HEX: Final = re.compile(rb"(?i)^(?:0x)?[0-9a-f]+$")
_WORDS: Final = re.compile(rb"^[A-Z]?[a-z]+(?:[-_./: ]?[A-Z]?[a-z]+)*\d?$|^[A-Z]+(?:[-_./: ][A-Z0-9]+)*$|^[a-z]+(?:[._:/-][a-z0-9]{1,8})+$")
_NAMED: Final = re.compile(rb"^(?=[a-z]*[A-Z])[A-Za-z]+\d$")
"""`Winter5`: a word that is no word of code, for a password."""
_CODE: Final = re.compile(rb"[(){}\[\];<>|]|=>|\\u|^[.@~]|^/[a-z0-9._/:-]*$|^[a-z]+://[^:@]*$")
_EMAIL: Final = re.compile(
    rb"(?<![A-Za-z0-9._%+/=-])[A-Za-z0-9][A-Za-z0-9._%+-]{0,63}@(?:[A-Za-z0-9-]{1,63}\.){1,4}[A-Za-z]{2,12}(?![A-Za-z0-9_@-]|\.[A-Za-z0-9]|[:/][A-Za-z0-9~_.-]+/)"
)
_BEFORE_AT: Final = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._%+-")
_NOT_A_PERSON: Final = re.compile(
    rb"(?i)^(?:git|hg|svn|no-?reply|info|support|hello|contact|security|admin|user(?:name)?|foo|bar|test\w*|someone|you|name|email|me|a|b|x|jane\.?(?:doe)?|john\.?(?:doe)?)@|"
    rb"@(?:[a-z0-9-]+\.)*(?:example|test|invalid|localhost|local)(?:\.[a-z]{2,5})?$|@(?:users\.noreply|noreply)\.|"
    rb"@(?:foo|bar|baz|domain|email|mail|company|acme|site|host|test|x|b)\.[a-z]{2,4}$|\.(?:png|jpe?g|gif|svg|webp|ts|js|tsx|jsx|css|json|md|html)$"
)  # fmt: skip
_IN_URL: Final = re.compile(rb"://[^\s'\"`<>()]{0,90}$")
_ADDRESS: Final = re.compile(rb"(?<=[\"'`/@])(?:[0-9]{1,3}\.){3}[0-9]{1,3}(?=[\"'`/:])")
_WELL_KNOWN: Final = frozenset(
    {"8.8.8.8", "8.8.4.4", "1.1.1.1", "1.0.0.1", "9.9.9.9", "208.67.222.222", "1.2.3.4", "4.3.2.1", "5.6.7.8", "1.1.1.2", "2.2.2.2"}
)
_ADDRESS_WORDS: Final = tuple(f"{mark}{digit}".encode() for mark in "\"'`/@" for digit in range(1, 10))


class SecretFinder:
    def __init__(self, settings: SecretSettings) -> None:
        self._settings = settings
        needles: dict[bytes, list[tuple[str, int]]] = {}
        for place, shape in enumerate(_SHAPES):
            for word in shape.words:
                needles.setdefault(word, []).append(("shape", place))
        for name in _NAMES:
            needles.setdefault(name.encode(), []).append(("name", 0))
        needles.setdefault(b"PRIVATE KEY", []).append(("block", 0))
        needles.setdefault(b"://", []).append(("url", 0))
        for spelling in ("Password", "password", "PASSWORD", "Pwd", "pwd", "PWD"):
            for sign in ("=", " ="):
                needles.setdefault(f"{spelling}{sign}".encode(), []).append(("connection", 0))
        if settings.emails:
            needles.setdefault(b"@", []).append(("email", 0))
        if settings.addresses:
            for word in _ADDRESS_WORDS:
                needles.setdefault(word, []).append(("address", 0))
        self._needles = list(needles.values())
        self._automaton = BytesAhoCorasick(list(needles))

    def find(self, content: bytes, *, bare: bool = False) -> list[Secret]:
        """In order, none over another. `bare`: values may stand without quotes, as in .env and YAML files."""
        if not self._settings.remove:
            return []
        shapes: set[int] = set()
        places: dict[str, list[int]] = {}
        for needle, start, _ in self._automaton.find_matches_as_indexes(content, overlapping=True):
            for kind, which in self._needles[needle]:
                if kind == "shape":
                    shapes.add(which)
                elif kind != "email" or (start and content[start - 1] in _BEFORE_AT):  # most @ begin a decorator or a word of a comment
                    places.setdefault(kind, []).append(start)
        found = [secret for which in shapes for secret in _of_shape(_SHAPES[which], content)]
        if "block" in places:
            found += _key_blocks(content)
        if "url" in places:
            found += _each(content, places["url"], _in_url)
        if "name" in places:
            found += _each(content, places["name"], _assigned)
            if bare:
                found += _each(content, places["name"], _bare)
        if "connection" in places:
            found += _matches("PASSWORD", _CONNECTION, content, _is_password)
        # What looks like a person's address may be a part of a URL with a password.
        personal = list(_each(content, places["email"], _email)) if "email" in places else []
        if "address" in places:
            personal += _each(content, places["address"], _address)
        return _apart(found + [each for each in personal if not any(each.start < other.end and other.start < each.end for other in found)])

    def replace(self, content: bytes, *, bare: bool = False) -> tuple[bytes, Counter[str]]:
        """The text without them, and how many of each kind there were."""
        secrets = self.find(content, bare=bare)
        if not secrets:
            return content, Counter()
        pieces = []
        at = 0
        for secret in secrets:
            pieces += [content[at : secret.start], secret.placeholder]
            at = secret.end
        return b"".join([*pieces, content[at:]]), Counter(secret.kind for secret in secrets)


def _each(content: bytes, places: list[int], look: Callable[[bytes, int], Secret | None]) -> Iterator[Secret]:
    done = -1
    for place in places:
        if place >= done and (secret := look(content, place)) is not None:
            yield secret
            done = secret.end


def _secret(kind: str, span: Span) -> Secret:
    return Secret(kind, *span, b"REDACTED_" + kind.encode())


def _of_shape(shape: _Shape, content: bytes) -> Iterator[Secret]:
    yield from _matches(shape.kind, shape.expression, content, _is_random)


def _matches(kind: str, expression: re.Pattern[bytes], content: bytes, fits: Callable[[bytes], bool]) -> Iterator[Secret]:
    for match in expression.finditer(content):
        group = "secret" if "secret" in expression.groupindex and match["secret"] is not None else 0
        if fits(match[group]) and (kind != "AUTHORIZATION" or re.search(rb"[A-Z0-9]", match[group])):
            yield _secret(kind, match.span(group))


def _is_random(value: bytes) -> bool:
    """Not one of the strings of one repeated or counted character that documentation shows, nor one that says it is none."""
    return entropy(value) >= 2.6 and re.search(rb"(?i)x{6}|example|your[_-]|0{8}|1234567890|abcdefgh|placeholder|REDACTED_", value) is None


def _key_blocks(content: bytes) -> Iterator[Secret]:
    for block in _KEY_BLOCK.finditer(content):
        start, end = block.span("body")
        whole = _KEY_BODY.match(content, start, end)
        if whole is not None and whole.end() == end:
            body = content[start:end]
            leading = len(body) - len(re.sub(rb"^(?:\\+[nr]|\s)+", b"", body))
            trailing = len(body) - len(re.sub(rb"(?:\\+[nr]|\s)+$", b"", body))
            if end - trailing > start + leading and _is_key_body(body):
                yield _secret("PRIVATE_KEY", (start + leading, end - trailing))
        else:  # in pieces, such as strings that are added up: each is replaced, and what stands between them stays
            for line in _KEY_LINE.finditer(content, start, end):
                yield _secret("PRIVATE_KEY", line.span())


def _is_key_body(body: bytes) -> bool:
    return entropy(body) >= 3.5 and b"..." not in body


def _in_url(content: bytes, place: int) -> Secret | None:
    start = place
    while start > 0 and place - start < 24 and (content[start - 1 : start].isalnum() or content[start - 1 : start] in b"+.-"):
        start -= 1
    match = _URL.match(content, start, place + 320)
    if match is None:
        return None
    value, user = match["secret"], match["user"]
    if value.startswith((b"$", b"%", b"<", b"{")) or re.fullmatch(
        rb"(?i)(?:user(?:name)?:)?(?:\*+|x+|\.+|:?\w{0,9}port|[0-9]{2,5})", value
    ):
        return None
    if value.lower() in (b"password", b"pass", b"pwd", b"passwd", b"secret", b"p", b"pw", b"token") or _SAYS_NONE.search(value):
        return None
    if value == user and len(value) < 8 and match["host"].isalpha() and value in (b"user", b"root", b"foo", b"a", b"u"):
        return None
    return _secret("PASSWORD", match.span("secret"))


_SAYS_NONE: Final = re.compile(rb"(?i)placeholder|your[_-]|change[_-]?me|redacted_|\bexample\b|\*\*\*|<|\$\{")


def _assigned(content: bytes, place: int) -> Secret | None:
    before = _NAME_PART.search(content, max(0, place - 60), place)
    match = _ASSIGNED.match(content, place)
    if match is None:
        return None
    name = (before[0] if before else b"") + match["name"]
    return _judged(name.rsplit(b".", 1)[-1] if not match["close"] else name, match["secret"], match.span("secret"))


def _bare(content: bytes, place: int) -> Secret | None:
    before = _NAME_PART.search(content, max(0, place - 60), place)
    match = _BARE.match(content, place)
    return _judged((before[0] if before else b"") + match["name"], match["secret"], match.span("secret")) if match else None


def _judged(name: bytes, value: bytes, span: Span) -> Secret | None:
    if _PUBLIC_NAME.search(name):
        return None
    if _PASSWORD_NAME.search(name):
        return _secret("PASSWORD", span) if _is_password(value) else None
    if _MNEMONIC_NAME.search(name):
        words = value.split()
        return (
            _secret("MNEMONIC", span)
            if len(words) in (12, 15, 18, 21, 24) and all(word.isalpha() and word.islower() for word in words)
            else None
        )
    if _KEY_NAME.search(name):
        return _secret("SECRET", span) if _is_key(value, strong=b"token" not in name.lower()) else None
    return None


def _is_password(value: bytes) -> bool:
    """Letters with digits or signs among them, without spaces; not a word, a placeholder or code."""
    if not 6 <= len(value) <= 100 or re.search(rb"\s", value) or _NO_VALUE.search(value) or _CODE.search(value):
        return False
    if _WORDS.match(value) and not _NAMED.match(value):
        return False
    kinds = sum(bool(re.search(kind, value)) for kind in (rb"[a-z]", rb"[A-Z]", rb"[0-9]", rb"[^A-Za-z0-9]"))
    return kinds >= 2 and bool(re.search(rb"[0-9]", value) or re.search(rb"[!@#$%^&*?+~]", value)) and len(set(value)) >= 5


def _is_key(value: bytes, *, strong: bool) -> bool:
    """Long and without a pattern. `strong`: the name leaves no doubt that it is secret, so that a UUID or a bare number in hex is taken for one."""
    if re.search(rb"\s", value) or not 12 <= len(value) <= 300 or _NO_VALUE.search(value) or _CODE.search(value) or _WORDS.match(value):
        return False
    if re.search(rb"(?i)1234567|abcdef[g0]|0{8}|([a-z0-9])\1{5}", value):
        return False
    if _UUID.match(value):
        return strong
    if _HEX.match(value):
        return (
            len(value) >= 16
            and entropy(value) >= 2.5
            and (strong or not (value[:2] == b"0x" and len(value) == 42))
            and len(value) not in (42,)
        )
    digits = sum(each in b"0123456789" for each in value)
    if strong and 12 <= len(value) < 20:
        return (
            digits >= 1
            and entropy(value) >= 3.0
            and sum(bool(re.search(kind, value)) for kind in (rb"[a-z]", rb"[A-Z]", rb"[0-9]", rb"[^A-Za-z0-9]")) >= 2
        )
    if digits >= 2:
        return len(value) >= 16 and entropy(value) >= 3.2
    # A name in camel case has far fewer changes of case, and no digits.
    return len(value) >= 24 and entropy(value) >= 4 and len(re.findall(rb"[a-z][A-Z]", value)) * 5.5 >= len(value)


def _email(content: bytes, place: int) -> Secret | None:
    start = place
    while start > 0 and place - start < 65 and (content[start - 1 : start].isalnum() or content[start - 1 : start] in b"._%+-"):
        start -= 1
    match = _EMAIL.match(content, start, place + 260) if start < place else None
    if match is None or _NOT_A_PERSON.search(match[0]) or _IN_URL.search(content, max(0, start - 100), start):
        return None
    return Secret("EMAIL", *match.span(), b"person@example.com")


def _address(content: bytes, place: int) -> Secret | None:
    match = _ADDRESS.match(content, place + 1, place + 18)
    if match is None or match[0].decode() in _WELL_KNOWN or re.search(rb"(?i)version[^\n]{0,40}$", content[max(0, place - 60) : place]):
        return None
    try:
        address = ipaddress.IPv4Address(match[0].decode())
    except ValueError:
        return None
    return (
        Secret("ADDRESS", *match.span(), b"192.0.2.1")
        if address.is_global and not address.is_multicast and match[0][-2:] != b".0"
        else None
    )


def entropy(value: bytes) -> float:
    """Shannon's, in bits a byte."""
    counts = Counter(value)
    return -sum(count / len(value) * math.log2(count / len(value)) for count in counts.values()) if value else 0.0


def _apart(found: list[Secret]) -> list[Secret]:
    """Of those that overlap the one that begins first and is longest."""
    kept: list[Secret] = []
    for secret in sorted(found, key=lambda each: (each.start, -each.end)):
        if not kept or secret.start >= kept[-1].end:
            kept.append(secret)
    return kept
