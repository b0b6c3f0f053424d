"""The documentation: chapters in the sidebar, search, one document."""

import streamlit as st

from deepsxt_core.web import manual
from shared import manual as shown
from shared import texts


def followed(key: str) -> None:
    """Go where a link leads, before the page is drawn."""
    name, _, section = st.session_state[key].followed.partition("#")
    kept = {word: st.query_params[word] for word in st.query_params if word != "section"}
    # At once, so that the way back is one step.
    st.query_params.from_dict(kept | {"doc": name} | ({"section": section} if section else {}))
    st.session_state["help_words"] = ""


name = st.query_params.get("doc", manual.INDEX)
if name not in manual.documents():
    st.warning(f"There is no document '{texts.escaped(name)}'.", icon=":material/help:")
    name = manual.INDEX
words = st.text_input(
    "Search the documentation",
    key="help_words",
    placeholder="Search the documentation",
    icon=":material/search:",
    label_visibility="collapsed",
).strip()
with st.sidebar:
    shown.document(manual.list_html(name), key="help_list", followed=followed)
if words:
    shown.document(manual.found_html(words), key="help_found", followed=followed)
else:
    section = st.query_params.get("section", "")
    html = manual.as_html(name)
    shown.document(html, key="help_document", followed=followed, name=name, section=section)
