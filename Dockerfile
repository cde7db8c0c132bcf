# syntax=docker/dockerfile:1

FROM python:3.11-slim AS build
WORKDIR /build
RUN python -m venv /opt/dcrserver
COPY requirements/run.txt requirements/run.txt
RUN /opt/dcrserver/bin/python -m pip install --no-cache-dir --require-hashes -r requirements/run.txt
COPY pyproject.toml README.md LICENSE ./
COPY migrations migrations
COPY src src
RUN /opt/dcrserver/bin/python -m pip install --no-cache-dir --no-deps --no-build-isolation .

FROM python:3.11-slim
RUN useradd --system --uid 10001 --home-dir /data dcrserver \
    && install --directory --owner=dcrserver --group=dcrserver /data
COPY --from=build /opt/dcrserver /opt/dcrserver
ENV PATH=/opt/dcrserver/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    DCR_SERVER__HOST=0.0.0.0
USER 10001
WORKDIR /data
VOLUME /data
EXPOSE 8000
# Liveness, not readiness: a database that is away is no reason to restart this container.
HEALTHCHECK --interval=10s --timeout=3s --start-period=15s \
    CMD ["python", "-c", "import http.client as h, os; c = h.HTTPConnection('127.0.0.1', int(os.environ.get('DCR_SERVER__PORT', 8000)), timeout=2); c.request('GET', '/healthz'); raise SystemExit(c.getresponse().status != 200)"]
ENTRYPOINT ["dcrserver"]
CMD ["serve"]
