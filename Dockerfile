FROM python:3.11-slim

# libgl1 and friends: VTK renders the fallback picture of the 3D view off screen.
RUN apt-get update \
    && apt-get install -y --no-install-recommends libgl1 libegl1 libxrender1 libgomp1 \
    && rm -rf /var/lib/apt/lists/*

WORKDIR /opt/deepsxt
COPY requirements.txt .
RUN pip install --no-cache-dir --require-hashes -r requirements.txt

COPY . .
RUN pip install --no-cache-dir --no-deps --no-build-isolation --editable . \
    && useradd --create-home deepsxt \
    && install --directory --owner deepsxt /workspace

USER deepsxt
ENV DEEPSXT_HOME=/workspace
VOLUME /workspace
EXPOSE 8501
# The app ends on it, and gives its port back, as the first process too.
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s \
    CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://localhost:8501/_stcore/health', timeout=4)"]
CMD ["deepsxt", "app", "--address", "0.0.0.0"]
