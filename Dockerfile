# The image of the gateway: `docker build -t triphase .`, explained in docs/deployment.md.
# Two stages: the first installs from uv.lock into /opt/triphase, the second is that folder on a bare Python. The second
# runs nothing, so that what the image holds is what the steps of the first one say (`tox -e image` performs them).

# Pinned to the last number of its version. Pin the digest too where you build, which says what is really in it:
# --build-arg PYTHON_IMAGE=python:3.13.12-slim-trixie@sha256:…
ARG PYTHON_IMAGE=python:3.13.12-slim-trixie

FROM ${PYTHON_IMAGE} AS build

RUN pip install --no-cache-dir --disable-pip-version-check --root-user-action=ignore uv==0.13.9

ENV UV_COMPILE_BYTECODE=1 \
    UV_LINK_MODE=copy \
    UV_NO_CACHE=1 \
    UV_PROJECT_ENVIRONMENT=/opt/triphase \
    UV_PYTHON=/usr/local/bin/python \
    UV_PYTHON_DOWNLOADS=never

WORKDIR /src

# What others wrote, in a layer that changes only when the lock does.
COPY pyproject.toml uv.lock ./
COPY benchmark/pyproject.toml benchmark/README.md benchmark/
COPY clients/python/pyproject.toml clients/python/README.md clients/python/
COPY model/pyproject.toml model/README.md model/
COPY server/pyproject.toml server/README.md server/
RUN uv sync --locked --no-dev --no-install-workspace --package triphase-server

COPY clients/python/src clients/python/src
COPY model/src model/src
COPY server/src server/src
RUN uv sync --locked --no-dev --no-editable --package triphase-server

FROM ${PYTHON_IMAGE} AS gateway

LABEL org.opencontainers.image.title="triphase-server" \
      org.opencontainers.image.description="The Triphase gateway for reasoning models"

COPY --from=build --chown=0:0 /opt/triphase /opt/triphase

# Logs leave at once, and nothing is written beside the code. `triphase` finds this gateway, and so does the health check.
ENV PATH=/opt/triphase/bin:/usr/local/bin:/usr/bin:/bin \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    TRIPHASE_TARGET=127.0.0.1:50051

WORKDIR /

# A number, so that Kubernetes can tell that it is not root. It owns no file and needs none.
USER 10001:10001

# gRPC, and metrics where the configuration says 0.0.0.0:9464.
EXPOSE 50051 9464
STOPSIGNAL SIGTERM

# grpc.health.v1. `triphase` has exit codes of its own; Docker knows 0 and 1.
HEALTHCHECK --interval=15s --timeout=10s --start-period=60s --retries=3 \
    CMD ["sh", "-c", "triphase health || exit 1"]

ENTRYPOINT ["triphase-server"]
CMD ["serve", "--listen", "0.0.0.0:50051"]
