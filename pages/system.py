"""What this installation has, what it lacks, and how to get it."""

import psutil
import streamlit as st

from deepsxt_core import settings
from deepsxt_core.workflow.checkup import Item, as_text, check_up
from shared import texts

_ICONS = {
    "ok": ":green[:material/check_circle:]",
    "notice": ":orange[:material/info:]",
    "problem": ":red[:material/error:]",
}


@st.cache_data(ttl="10m", show_spinner="Looking at this computer, which takes some seconds …")
def looked(workspace: str) -> list[Item]:  # noqa: ARG001
    """Return what was found in the last minutes; for each `workspace` anew."""
    return check_up()


def item_row(item: Item) -> None:
    """Draw one thing that was looked at."""
    topic, found = st.columns([1, 5], gap="small")
    topic.markdown(f"{_ICONS[item.level]} **{item.topic}**")
    found.markdown(texts.escaped(f"{item.found} {item.advice}"))


st.title("System")
st.caption("What computes here, what is missing, and how to get it. The same: `deepsxt doctor`.")
items = looked(str(settings.workspace_folder()))
server = psutil.Process().memory_info().rss
items = [*items, Item(topic="This server", found=f"holds {server / 1e6:.0f} MB of memory.")]
with st.container(border=True, gap="small"):
    for item in items:
        item_row(item)
if st.button("Look again", icon=":material/refresh:"):
    looked.clear()
    st.rerun()
with st.expander("As text, for the report of a fault", icon=":material/content_copy:"):
    st.code(as_text(items), language=None, wrap_lines=True)
