"""A stand-in for Discord's webhooks: takes messages and edits, and holds each request against Discord's own schema and limits."""

import json
import re
from pathlib import Path

from listeners import Receiver

SCHEMAS = json.loads((Path(__file__).parent / "discord-schema.json").read_text())["schemas"]
POST, PATCH = "IncomingWebhookRequestPartial", "IncomingWebhookUpdateRequestPartial"
TYPES = {"object": dict, "array": list, "string": str, "boolean": bool, "integer": int, "number": (int, float),
         "null": type(None)}


def complaints(value, schema, where="body"):
    """What is wrong with a value by JSON Schema, as far as Discord's document uses it. A field it does not name is wrong too."""
    if "$ref" in schema:
        return complaints(value, SCHEMAS[schema["$ref"].rsplit("/", 1)[1]], where)
    for word in ("oneOf", "anyOf"):
        if word in schema:
            answers = [complaints(value, option, where) for option in schema[word]]
            return [] if [] in answers else min(answers, key=len)
    kinds = schema.get("type", [])
    kinds = kinds if isinstance(kinds, list) else [kinds]
    if kinds and not any(isinstance(value, TYPES[kind]) and not (kind != "boolean" and isinstance(value, bool))
                         for kind in kinds):
        return [f"{where}: {type(value).__name__} instead of {kinds}"]
    wrong = []
    if isinstance(value, str):
        if len(value) > schema.get("maxLength", 1 << 30) or len(value) < schema.get("minLength", 0):
            wrong.append(f"{where}: {len(value)} characters")
        if "pattern" in schema and not re.search(schema["pattern"], value):
            wrong.append(f"{where}: not as {schema['pattern']}")
        if schema.get("format") == "uri" and not re.match(r"https?://[^\s]+$", value):
            wrong.append(f"{where}: no URI")
        if "enum" in schema and value not in schema["enum"]:
            wrong.append(f"{where}: {value!r}")
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        if not schema.get("minimum", value) <= value <= schema.get("maximum", value):
            wrong.append(f"{where}: {value} out of range")
    if isinstance(value, list):
        if len(value) > schema.get("maxItems", 1 << 30):
            wrong.append(f"{where}: {len(value)} items")
        if schema.get("uniqueItems") and len({json.dumps(item) for item in value}) < len(value):
            wrong.append(f"{where}: an item twice")
        for number, item in enumerate(value):
            wrong += complaints(item, schema.get("items", {}), f"{where}[{number}]")
    if isinstance(value, dict):
        known = schema.get("properties", {})
        wrong += [f"{where}: lacks {name}" for name in schema.get("required", []) if name not in value]
        for name, item in value.items():
            wrong += complaints(item, known[name], f"{where}.{name}") if name in known else [f"{where}: has {name}"]
    return wrong


def more_complaints(body):
    """Limits that are in Discord's words only (Embed Limits; Create Message)."""
    wrong, embeds = [], body.get("embeds") or []
    texts = [text for embed in embeds for text in
             [embed.get("title"), embed.get("description"), (embed.get("footer") or {}).get("text"),
              (embed.get("author") or {}).get("name"),
              *[part for field in embed.get("fields") or [] for part in (field["name"], field["value"])]] if text]
    if sum(map(len, texts)) > 6000:
        wrong.append("the embeds have more than 6,000 characters")
    if not body.get("content") and not embeds:
        wrong.append("an empty message")
    if any(not field["name"].strip() or not field["value"].strip() for embed in embeds for field in embed.get("fields") or []):
        wrong.append("an empty field")
    if (body.get("allowed_mentions") or {"parse": ["everyone"]}).get("parse") != []:
        wrong.append("anybody may be mentioned")
    return wrong


class Discord(Receiver):
    """One webhook. `messages` has what is to be seen, by id; `wrong` what Discord would not have taken.

    `moods` are used up one a request: "429", "429-global", "500", "hang"; without one, it answers as Discord does.
    """

    def __init__(self):
        self.messages, self.order, self.wrong, self.moods, self.edits = {}, [], [], [], 0
        super().__init__(Discord.take)

    @property
    def webhook(self):
        return f"http://127.0.0.1:{self.port}/api/webhooks/1234567890/tok-en_of.the-tests"

    def take(self, handler):
        with self.lock:
            mood = self.moods.pop(0) if self.moods else None
        limits = {"X_RateLimit_Limit": "5", "X_RateLimit_Remaining": "4", "X_RateLimit_Reset_After": "0.2"}
        if mood in ("429", "429-global"):
            body = {"message": "You are being rate limited.", "retry_after": 0.3, "global": mood == "429-global"}
            return handler.answer(429, json.dumps(body).encode(), Retry_After="1", **limits)
        if mood == "500":
            return handler.answer(502, b"<html>bad gateway</html>")
        if mood == "hang":
            handler.connection.settimeout(30)
            try:
                handler.connection.recv(1)
            except OSError:
                pass
            handler.close_connection = True
            return None
        with self.lock:
            return self._take(handler, limits)

    def _take(self, handler, limits):
        path, _, query = handler.path.partition("?")
        match = re.fullmatch(r"/api/webhooks/1234567890/tok-en_of\.the-tests(?:/messages/(\d+))?", path)
        body = json.loads(handler.text)
        schema = SCHEMAS[PATCH if handler.command == "PATCH" else POST]
        wrong = complaints(body, schema) + more_complaints(body)
        if not match or (handler.command == "POST") != (match[1] is None) or handler.command == "GET":
            wrong.append(f"{handler.command} {handler.path}")
        if handler.command == "POST" and "wait=true" not in query:
            wrong.append("does not ask for the message")
        if wrong:
            self.wrong.append(wrong)
            return handler.answer(400, json.dumps({"code": 50035, "message": "Invalid Form Body"}).encode())
        if handler.command == "PATCH" and match[1] not in self.messages:
            return handler.answer(404, json.dumps({"code": 10008, "message": "Unknown Message"}).encode())
        identity = match[1] or str(9_000_000_000 + len(self.order))
        if handler.command == "POST":
            self.order.append(identity)
        else:
            self.edits += 1
        self.messages[identity] = body
        limits["X_RateLimit_Remaining"] = "0" if len(self.order) % 3 == 2 else "3"
        return handler.answer(200, json.dumps({"id": identity, "content": body.get("content") or ""}).encode(), **limits)

    @property
    def said(self):
        """The messages in order: the title, or the content."""
        with self.lock:
            return [self.messages[identity]["embeds"][0]["title"] if self.messages[identity].get("embeds")
                    else self.messages[identity]["content"] for identity in self.order]
