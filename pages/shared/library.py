"""All tomograms of the workspace: to find, open, rename, tag, delete and restore."""

from textwrap import shorten

import streamlit as st

from deepsxt_core import jobs
from deepsxt_core.web.glances import glance_address
from deepsxt_core.workspace import Workspace, trash
from deepsxt_core.workspace.catalogue import (
    ORDERS,
    STATES,
    Entry,
    EntryState,
    Order,
    catalogue,
    known_tags,
    matching,
    ordered,
    with_facts,
)
from deepsxt_core.workspace.remarks import write_remarks
from deepsxt_core.workspace.trash import Deleted
from shared import state, texts, widgets

_ON_A_PAGE = 20
_LONGEST_NAME = 70
_LONGEST_NOTES = 140
_STATE_NAMES: dict[EntryState, str] = {
    "unscored": "Not segmented",
    "scored": "Segmented",
    "surfaces": "With surfaces",
    "annotated": "Annotated",
}
_ORDER_NAMES: dict[Order, str] = {
    "newest": "Newest first",
    "name": "By name",
    "largest": "Largest first",
}
_EDITED = "library_edited"
_PAGE = "library_page"


def show() -> None:
    """Draw the library; nothing where the workspace is empty."""
    entries, deleted = catalogue(Workspace()), trash.discarded(Workspace())
    if entries:
        with st.container(border=True, key="library"):
            st.markdown(f"**Library** :gray[· {_count(len(entries))}]")
            found = _chosen(entries)
            if found:
                _rows(found)
            else:
                st.caption("Nothing matches. Change the search or the filters.")
    if deleted:
        _trash(deleted)
    edited = next((each for each in entries if each.tomogram.id == _edited_id()), None)
    if edited is not None:
        _edit(edited, known_tags(entries))


def _count(number: int) -> str:
    return f"{number} tomogram{'' if number == 1 else 's'}"


def _chosen(entries: list[Entry]) -> list[Entry]:
    """Let the user search, filter and sort; return what is left."""
    text, tags, states = "", list[str](), list[EntryState]()
    order: Order = "newest"
    if len(entries) > 1:
        row = st.container(horizontal=True, vertical_alignment="bottom", key="library_filters")
        text = row.text_input(
            "Search",
            key="library_text",
            placeholder="Name, tag or note",
            icon=":material/search:",
            width=260,
            on_change=_to_first_page,
        )
        used = known_tags(entries)
        if used:
            tags = row.multiselect(
                "Tags",
                used,
                key="library_tags",
                placeholder="Any",
                width=200,
                on_change=_to_first_page,
            )
        states = row.multiselect(
            "State",
            STATES,
            format_func=_STATE_NAMES.__getitem__,
            key="library_states",
            placeholder="Any",
            width=200,
            on_change=_to_first_page,
        )
        order = row.selectbox(
            "Order",
            ORDERS,
            format_func=_ORDER_NAMES.__getitem__,
            key="library_order",
            width=160,
            on_change=_to_first_page,
        )
    found = matching(entries, text=text, tags=tags, states=states)
    if order == "largest":
        found = with_facts(found)
    if len(found) < len(entries):
        st.caption(f"{len(found)} of {_count(len(entries))}")
    return ordered(found, order)


def _to_first_page() -> None:
    st.session_state.pop(_PAGE, None)


def _rows(found: list[Entry]) -> None:
    """Draw the entries of one page of the list, and the way to the others."""
    pages = -(-len(found) // _ON_A_PAGE)
    page = min(st.session_state.get(_PAGE, 0), pages - 1)
    for entry in with_facts(found[page * _ON_A_PAGE : (page + 1) * _ON_A_PAGE]):
        _row(entry)
    if pages == 1:
        return
    widgets.pager(_PAGE, page, pages)


def _row(entry: Entry) -> None:
    tomogram = entry.tomogram
    row = st.container(
        horizontal=True,
        vertical_alignment="center",
        gap="small",
        key=f"library_row_{tomogram.id}",
    )
    with row:
        _picture(entry)
        with st.container(gap=None, width="stretch", key=f"library_text_{tomogram.id}"):
            if st.button(
                texts.escaped(texts.shortened(tomogram.name, _LONGEST_NAME)),
                key=f"open_{tomogram.id}",
                type="tertiary",
                help=texts.escaped(tomogram.name) if len(tomogram.name) > _LONGEST_NAME else None,
            ):
                state.open_tomogram(tomogram.id)
                st.rerun()
            st.caption(" · ".join(_facts(entry)))
            badges = " ".join(_badges(entry))
            if badges:
                st.markdown(badges)
            if entry.remarks.notes:
                st.caption(
                    texts.escaped(shorten(entry.remarks.notes, _LONGEST_NOTES, placeholder=" …"))
                )
        st.button(
            "Edit",
            key=f"edit_{tomogram.id}",
            icon=":material/edit:",
            help="Name, tags, notes; delete",
            on_click=lambda: st.session_state.update({_EDITED: tomogram.id}),
        )


def _picture(entry: Entry) -> None:
    """Draw the picture; the server makes it when the browser asks, and the page does not wait."""
    facts, inside = entry.facts, ""
    if facts is not None and facts.shape is not None:
        address = glance_address(entry.tomogram, facts.version)
        inside = f'<img src="{address}" alt="" loading="lazy">'
    st.html(f'<div class="glance">{inside}</div>', width="content")


def _facts(entry: Entry) -> list[str]:
    parts, facts = [], entry.facts
    if facts is not None and facts.shape is not None:
        parts.append(f"{texts.shape_text(facts.shape)} voxels")
        size = entry.voxel_size_nm
        parts.append(texts.sides_text(facts.shape, size) if size else "voxel size not known")
    elif facts is not None:
        parts.append(texts.escaped(texts.shortened(facts.problem, _LONGEST_NOTES)))
    parts.append(f"added {texts.ago_text(entry.tomogram.created)}")
    return parts


def _badges(entry: Entry) -> list[str]:
    found = []
    if entry.scored is not None:
        first, end = entry.scored
        whole = end - first >= entry.slices
        found.append(":green-badge[Segmented]" if whole else _partly(first, end))
    if entry.surfaces:
        found.append(f":blue-badge[{_many(entry.surfaces, 'surface')}]")
    if entry.annotations:
        found.append(f":violet-badge[{_many(entry.annotations, 'annotation')}]")
    return [*found, *(f":gray-badge[{texts.escaped(tag)}]" for tag in entry.remarks.tags)]


def _partly(first: int, end: int) -> str:
    return f":orange-badge[Segmented: slices {first + 1} to {end}]"


def _many(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"


def _edited_id() -> str | None:
    return st.session_state.get(_EDITED)


def _close() -> None:
    st.session_state.pop(_EDITED, None)


@st.dialog("Edit tomogram", on_dismiss=_close)
def _edit(entry: Entry, used: list[str]) -> None:
    """Ask for name, tags and notes, or whether to delete."""
    tomogram, remarks = entry.tomogram, entry.remarks
    key = f"library_{tomogram.id}"
    name = st.text_input("Name", tomogram.name, max_chars=200, key=f"{key}_name")
    tags = st.multiselect(
        "Tags",
        used,
        default=remarks.tags,
        accept_new_options=True,
        placeholder="Choose or type",
        key=f"{key}_tags",
    )
    notes = st.text_area("Notes", remarks.notes, max_chars=5000, key=f"{key}_notes")
    with st.container(horizontal=True), widgets.errors_shown():
        if st.button("Save", type="primary", icon=":material/check:", key=f"{key}_save"):
            Workspace().rename(tomogram.id, name)
            write_remarks(tomogram.folder, tags, notes)
            _done()
        if st.button(
            "Delete",
            icon=":material/delete:",
            key=f"{key}_delete",
            help="With all that was made of it. It can be restored for "
            f"{trash.KEPT_FOR.days} days. A file on the server stays.",
        ):
            jobs.discard_tomogram(Workspace(), tomogram.id)
            _done()


def _done() -> None:
    _close()
    st.rerun()


def _trash(deleted: list[Deleted]) -> None:
    """Offer what was deleted of late."""
    with st.expander(f"Trash ({len(deleted)})", icon=":material/delete:", key="trash"):
        st.caption(
            f"What is deleted can be restored for {trash.KEPT_FOR.days} days. After that, the next "
            "*Clean up* on the page *Jobs*, or `deepsxt jobs clean`, deletes it for good."
        )
        for each in deleted[:_ON_A_PAGE]:
            with st.container(horizontal=True, vertical_alignment="center"), widgets.errors_shown():
                name = texts.escaped(texts.shortened(each.name, _LONGEST_NAME))
                st.markdown(
                    f"{name} :gray[· deleted {texts.ago_text(each.deleted)}]", width="stretch"
                )
                if st.button("Restore", icon=":material/undo:", key=f"restore_{each.token}"):
                    trash.restore(Workspace(), each.token)
                    st.rerun()
                if st.button(
                    "Delete for good", icon=":material/delete_forever:", key=f"erase_{each.token}"
                ):
                    trash.erase(Workspace(), each.token)
                    st.rerun()
        if len(deleted) > _ON_A_PAGE:
            st.caption(f"and {len(deleted) - _ON_A_PAGE} deleted earlier")
