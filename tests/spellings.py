"""How users write refusals: channels, answers and the keys of people."""

from __future__ import annotations

import unicodedata

CHANNELS = [
    "email", "Email", "EMAIL", " email", "email ", "\temail", "email\n", "\u00a0email\u00a0",
    "e\u200bmail", "\ufeffemail", "em\u00adail", "\u200eemail", "e\u2060mail", "E-Mail", "e-mail",
    "mail", "e mail", "newsletter", "all", "ALL", "*", "", "  ", None, "any", "\uff45mail",
    "e_mail", "ema\u0456l", "email;sms", "everything",
]  # fmt: skip
EXACT = 13
"""So many of them, from the first, mean e-mail and no other channel; the rest mean all."""
ANSWERS = ["false", "no", "0", "False ", "NO", "perhaps", "", None, "f", "2"]
SPELLINGS = {
    "text": (
        lambda k: k, lambda k: f"{k} ", lambda k: f"\t{k}", lambda k: k.upper(),
        lambda k: unicodedata.normalize("NFD", k), lambda k: f"{k[:2]}\u200b{k[2:]}",
        lambda k: f"\u00a0{k.lower()}", lambda k: f"\ufeff{k}",
    ),
    "integer": (
        str, lambda k: f" {k}", lambda k: f"0{k}", lambda k: f"{k}.0", lambda k: f"+{k}",
        lambda k: f"{k}\u200b", lambda k: f"\u00a0{k}",
    ),
}  # fmt: skip
