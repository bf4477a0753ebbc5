"""A QR code of the page's address, for a phone's camera."""

import io
from urllib.parse import urlsplit, urlunsplit

import segno
import streamlit as st

from dashboard.widgets.markdown import escape_markdown
from pipeline.network import is_this_machine


def show_phone_code() -> None:
    """Show the page's address as a QR code, or why a phone could not open it with its camera."""
    with st.expander("Open on a phone", icon=":material/qr_code_2:"):
        address = urlsplit(st.context.url or "")
        if address.scheme != "https" or is_this_machine(address.hostname):
            st.markdown(
                "A phone opens its camera only on a page loaded over https, under a name or an "
                "address that leads to this server: docs/deploy.md says how to set that up. Open "
                "the page so, and its QR code is here."
            )
            return
        url = urlunsplit((address.scheme, address.netloc, address.path, "", ""))
        image = io.BytesIO()
        segno.make_qr(url).save(image, kind="png", scale=6, border=4)
        st.image(image.getvalue(), alt="QR code of this page's address", width=222)
        st.markdown(escape_markdown(url))
