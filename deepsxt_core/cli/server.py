"""``deepsxt app``."""

from deepsxt_core import settings


def start(*, port: int = 8501, address: str = "localhost") -> None:
    """Start the web app.

    Parameters
    ----------
    port
        Where it listens.
    address
        0.0.0.0 opens it to the network: see DEEPSXT_ALLOWED_HOSTS.
    """
    from deepsxt_core.web.server import serve

    settings.check()
    settings.login_file()
    serve(port, address, print)
