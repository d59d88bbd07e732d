#!/usr/bin/env python3
"""Writes Fixtures/tokenizers/chat-templates.json: what jinja2, as transformers sets it up, makes of templates.

Snippets try the language one rule at a time; whole templates, in the styles of well-known families, meet conversations
of all kinds. A case holds the template, its variables, and the text or the word that it fails; templates with
generation blocks also hold the bytes of those blocks.
"""

import json

import jinja2
import transformers
from transformers.utils import chat_template_utils as utils

from chat_template_cases import CONVERSATIONS, SNIPPETS, TEMPLATES, VARIABLES
from golden import write_json

SEED = 0


def rendered(source, variables):
    """The text, or the failure with its message where the template chose it."""
    try:
        template = utils._compile_jinja_template(source)
        return {"text": template.render(**variables)}
    except jinja2.exceptions.TemplateError as error:
        chosen = type(error) is jinja2.exceptions.TemplateError
        return {"error": str(error) if chosen else ""}
    except Exception:
        return {"error": ""}


def chat(source, conversation):
    """The text of a conversation, and the bytes of its generation blocks."""
    messages = utils._normalize_chat_messages(conversation["messages"])
    arguments = dict(
        chat_template=source,
        tools=conversation.get("tools"),
        documents=conversation.get("documents"),
        add_generation_prompt=conversation.get("add_generation_prompt", False),
        bos_token="<s>",
        eos_token="</s>",
        **conversation.get("extra", {}),
    )
    try:
        (text,), _ = utils.render_jinja_template([messages], **arguments)
        result = {"text": text}
        if "generation %}" in source:
            (text,), (spans,) = utils.render_jinja_template([messages], return_assistant_tokens_mask=True, **arguments)
            result["spans"] = [[len(text[:end].encode()) for end in span] for span in spans]
        return result
    except jinja2.exceptions.TemplateError as error:
        chosen = type(error) is jinja2.exceptions.TemplateError
        return {"error": str(error) if chosen else ""}
    except Exception:
        return {"error": ""}


def main():
    snippets = [{"source": source, **rendered(source, VARIABLES)} for source in SNIPPETS]
    chats = [
        {"template": name, "conversation": other, **chat(source, conversation)}
        for name, source in TEMPLATES.items()
        for other, conversation in CONVERSATIONS.items()
    ]
    document = {
        "variables": json.dumps(VARIABLES, ensure_ascii=False),
        "snippets": snippets,
        "templates": TEMPLATES,
        "conversations": json.dumps(CONVERSATIONS, ensure_ascii=False),
        "chats": chats,
    }
    write_json(
        "tokenizers/chat-templates.json",
        document,
        "chat_templates.py",
        SEED,
        transformers=transformers.__version__,
        jinja2=jinja2.__version__,
    )
    failed = sum("error" in case for case in snippets)
    print(f"{len(snippets)} snippets, {failed} of them errors; {len(chats)} chats, "
          f"{sum('error' in case for case in chats)} of them errors")


if __name__ == "__main__":
    main()
