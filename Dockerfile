# Two images from one file: `--target server` (without a browser) and `--target worker` (with Chromium).

FROM python:3.11-slim-bookworm AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
RUN python -m venv /opt/panel
WORKDIR /src
COPY setup.cfg pyproject.toml constraints.txt README.md LICENSE ./
COPY common common
COPY scraper scraper
COPY server server
# The dependencies come from here; the project itself runs from its folder, beside its templates and migrations.
RUN /opt/panel/bin/pip install -c constraints.txt . && /opt/panel/bin/pip uninstall -y mhc-control-panel

FROM python:3.11-slim-bookworm AS base
ENV PATH=/opt/panel/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=/app \
    MHC_DATA_DIR=/data MHC_LOG_FORMAT=json
RUN useradd --system --uid 10001 --home-dir /data --shell /usr/sbin/nologin panel \
    && install -d -o panel -g panel -m 0700 /data
COPY --from=build /opt/panel /opt/panel
WORKDIR /app
COPY common common
COPY scraper scraper
COPY server server
COPY migrations migrations
COPY templates templates
COPY static static
VOLUME /data

FROM base AS worker
RUN apt-get update \
    && apt-get install -y --no-install-recommends chromium tini \
    && rm -rf /var/lib/apt/lists/*
ENV MHC_BROWSER=/usr/bin/chromium
USER panel
# tini ends what a killed browser leaves behind.
ENTRYPOINT ["tini", "--"]
CMD ["python", "-m", "scraper", "run"]

FROM base AS server
ENV MHC_HOST=0.0.0.0 MHC_PORT=3000
USER panel
EXPOSE 3000
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as u; u.urlopen('http://127.0.0.1:' + os.environ['MHC_PORT'] + '/healthz', timeout=4)"]
CMD ["python", "-m", "server", "--upgrade"]
