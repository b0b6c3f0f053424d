"""Print, as JSON, what computes here: ``python -m deepsxt_core.inference.survey``.

It loads the software of the network, so it is a process of its own.
"""

import json
import platform
import sys
from typing import Any


def survey() -> dict[str, Any]:
    """Return the backend of Keras, the device it takes, and the processor's name."""
    import keras

    backend = keras.config.backend()
    if backend == "tensorflow":
        from deepsxt_core.inference.tensorflow_runtime import device_name
    else:
        from deepsxt_core.inference.keras_runtime import device_name
    return {"backend": backend, "device": device_name(), "processor": _processor()}


def _processor() -> str:
    try:
        from deepsxt_core.inference.openvino_runtime import processor_name
    except ImportError:
        return platform.processor() or platform.machine()
    return processor_name()


if __name__ == "__main__":
    sys.stdout.write(json.dumps(survey()))
