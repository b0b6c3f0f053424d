"""Choose a file of the server: one folder after the other, with sizes and dates."""

from pathlib import Path, PurePosixPath

import streamlit as st

from deepsxt_core import settings
from deepsxt_core.workspace import data_roots
from deepsxt_core.workspace.data_folders import (
    ITEM_ORDERS,
    MOST_LOOKED_AT,
    Item,
    ItemOrder,
    list_folder,
)
from shared import texts, widgets

_ON_A_PAGE = 8
_LONGEST_NAME = 40
_ORDER_NAMES: dict[ItemOrder, str] = {
    "name": "By name",
    "newest": "Newest first",
    "largest": "Largest first",
}


def choose(key: str, label: str, icon: str) -> Path | None:
    """Let the user find a file or a folder of slices; return it once they have chosen one.

    Parameters
    ----------
    key : str
        Of this place; the names of the widgets begin with it.
    label, icon : str
        Of the button that takes what is chosen.
    """
    roots = [root for root in settings.data_roots() if root.is_dir()]
    if not roots:
        return None
    with st.container(border=True, gap="small", key=key), widgets.errors_shown():
        st.markdown("**On this server**")
        root = roots[0]
        if len(roots) > 1:
            root = st.selectbox(
                "Folder",
                roots,
                format_func=_root_name,
                key=f"{key}_root",
                on_change=_enter,
                args=(key, ""),
            )
        name = st.session_state.get(f"{key}_in", "")
        _way_up(key, root, name)
        return _list(key, root, name, label, icon)
    return None


def _root_name(root: Path) -> str:
    return root.name or str(root)


def _enter(key: str, name: str) -> None:
    st.session_state[f"{key}_in"] = name
    st.session_state[f"{key}_text"] = ""
    st.session_state.pop(f"{key}_page", None)


def _to_first_page(key: str) -> None:
    st.session_state.pop(f"{key}_page", None)


def _way_up(key: str, root: Path, name: str) -> None:
    """Show where this is, and the folders above."""
    parts = PurePosixPath(name).parts
    with st.container(horizontal=True, vertical_alignment="center", gap="xsmall"):
        for n, part in enumerate((_root_name(root), *parts)):
            above = str(PurePosixPath(*parts[:n])) if n else ""
            if n == len(parts):
                st.markdown(f"**{texts.escaped(texts.shortened(part))}**", width="content")
                return
            st.button(
                texts.escaped(texts.shortened(part, 20)) + " /",
                key=f"{key}_up_{n}",
                type="tertiary",
                on_click=_enter,
                args=(key, above),
            )


def _list(key: str, root: Path, name: str, label: str, icon: str) -> Path | None:
    row = st.container(horizontal=True, vertical_alignment="bottom")
    text = row.text_input(
        "Search in this folder and below",
        key=f"{key}_text",
        icon=":material/search:",
        placeholder="Search here and below",
        label_visibility="collapsed",
        on_change=_to_first_page,
        args=(key,),
    )
    order = row.selectbox(
        "Order",
        ITEM_ORDERS,
        format_func=_ORDER_NAMES.__getitem__,
        key=f"{key}_order",
        label_visibility="collapsed",
        width=150,
        on_change=_to_first_page,
        args=(key,),
    )
    found = list_folder(root, name, text=text, order=order)
    taken = None
    if (
        found.is_stack
        and not text
        and st.button(
            f"{label} this folder as one stack",
            key=f"{key}_stack",
            icon=":material/stacks:",
            width="stretch",
            help="It holds numbered pictures: a slice each.",
        )
    ):
        taken = name
    pages = max(1, -(-len(found.items) // _ON_A_PAGE))
    page = min(st.session_state.get(f"{key}_page", 0), pages - 1)
    for item in found.items[page * _ON_A_PAGE : (page + 1) * _ON_A_PAGE]:
        if _row(key, item, name, label, icon):
            taken = str(PurePosixPath(name, item.name))
    if not found.items:
        st.caption("Nothing matches." if text else "Nothing that could be a tomogram is here.")
    if pages > 1:
        widgets.pager(f"{key}_page", page, pages)
    if found.unreadable:
        names = ", ".join(texts.escaped(texts.shortened(each)) for each in found.unreadable[:3])
        more = f" and {len(found.unreadable) - 3} more" if len(found.unreadable) > 3 else ""
        st.caption(f":material/lock: Cannot be read: {names}{more}.")
    if not found.is_complete:
        st.caption(
            f":material/info: There is more: the first {MOST_LOOKED_AT:,} files were looked at. "
            "Go into a folder, or search there."
        )
    return None if taken is None else data_roots.find_file(root, taken)


def _row(key: str, item: Item, name: str, label: str, icon: str) -> bool:
    """Draw a line; a folder is entered by a click. Return whether a file is taken."""
    shown = texts.escaped(texts.shortened(item.name, _LONGEST_NAME))
    facts = [] if item.size_bytes is None else [texts.size_text(item.size_bytes)]
    facts.append(f"{item.changed.astimezone():%Y-%m-%d %H:%M}")
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        with st.container(gap=None, width="stretch"):
            if item.is_folder:
                st.button(
                    shown,
                    key=f"{key}_into_{item.name}",
                    icon=":material/folder:",
                    type="tertiary",
                    on_click=_enter,
                    args=(key, str(PurePosixPath(name, item.name))),
                )
            else:
                st.markdown(shown)
            st.caption(" · ".join(facts))
        return not item.is_folder and st.button(
            label, key=f"{key}_take_{item.name}", icon=icon, help=texts.escaped(item.name)
        )
