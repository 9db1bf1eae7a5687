# The gateway in a container: docker build -t responses-gateway .
# docs/deployment.md has the line that runs it, with a read-only file system and without privileges.

FROM python:3.11.13-slim-bookworm AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_NO_COMPILE=1
# What builds comes from the same lock as everything else, and stays behind in this stage.
COPY requirements/run.txt requirements/service.txt /src/requirements/
RUN pip install --require-hashes -r /src/requirements/run.txt \
 && python -m venv --without-pip /opt/gateway \
 && pip --python /opt/gateway/bin/python install --require-hashes -r /src/requirements/service.txt
COPY setup.cfg pyproject.toml README.md LICENSE /src/
COPY gateway /src/gateway
RUN pip wheel --no-deps --no-build-isolation --wheel-dir /wheels /src \
 && pip --python /opt/gateway/bin/python install --no-deps /wheels/*.whl \
 && python -m compileall -q /opt/gateway/lib

FROM python:3.11.13-slim-bookworm
COPY --from=build /opt/gateway /opt/gateway
COPY config/container/gateway.toml /etc/responses-gateway/gateway.toml
# /data is for what is stored: a volume, or a tmpfs that belongs to this user.
RUN install -d -o 65532 -g 65532 -m 700 /data
USER 65532:65532
ENV PATH=/opt/gateway/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    GATEWAY_CONFIG=/etc/responses-gateway/gateway.toml \
    CREDENTIALS_DIRECTORY=/run/secrets
WORKDIR /data
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=6s --start-period=10s CMD ["responses-gateway", "health"]
ENTRYPOINT ["responses-gateway"]
CMD ["serve"]
