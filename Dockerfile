# One image; what a container of it is, the command says (docs/operations.md has all of them):
#   dagster-webserver …    the UI (this is the default)
#   dagster-daemon run     schedules, automation and the runs themselves
#   nrr run, nrr show …    the same from a terminal
FROM python:3.11-slim

ENV PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_NO_CACHE_DIR=1 \
    NRR_HOME=/var/lib/nrr \
    DAGSTER_HOME=/var/lib/nrr/dagster

WORKDIR /app

COPY requirements.lock ./
RUN pip install --require-hashes --only-binary :all: --requirement requirements.lock

COPY pyproject.toml README.md LICENSE ./
COPY nrr_pipeline nrr_pipeline
RUN pip install --no-deps --no-build-isolation . \
    && rm -rf build nrr_pipeline nrr_pipeline.egg-info

COPY workspace.yaml ./
COPY dagster.yaml /var/lib/nrr/dagster/dagster.yaml
RUN useradd --system --uid 10001 --home-dir /var/lib/nrr --shell /usr/sbin/nologin nrr \
    && chown -R nrr /var/lib/nrr

USER nrr
VOLUME /var/lib/nrr
EXPOSE 3000

HEALTHCHECK --interval=30s --timeout=10s --start-period=60s \
    CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:3000/server_info', timeout=8)"]

CMD ["dagster-webserver", "--host", "0.0.0.0", "--port", "3000", "--workspace", "/app/workspace.yaml"]
