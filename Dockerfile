# Lineup in two stages: build with the Swift toolchain, run without it. The steps and the package list are those of
# scripts/run: both ask scripts/packages.
FROM swift:6.3-bookworm AS build
WORKDIR /src
COPY scripts/packages scripts/packages
RUN apt-get update -q \
    && scripts/packages build | xargs apt-get install -y -q --no-install-recommends \
    && rm -rf /var/lib/apt/lists/*
# Dependencies first: they change seldom, so this layer is kept while our own sources change.
COPY Package.swift ./
RUN swift package resolve
COPY Sources Sources
COPY Tests Tests
RUN swift build -c release --product lineup --static-swift-stdlib \
    && install -D "$(swift build -c release --product lineup --static-swift-stdlib --show-bin-path)/lineup" /out/lineup

FROM debian:bookworm-slim
COPY scripts/packages /tmp/packages
RUN apt-get update -q \
    && bash /tmp/packages run | xargs apt-get install -y -q --no-install-recommends \
    && rm -rf /var/lib/apt/lists/* /tmp/packages \
    && useradd --system --uid 10001 --create-home --home-dir /var/lib/lineup lineup \
    && install -d -o lineup -g lineup -m 0700 /var/lib/lineup/data
COPY --from=build /out/lineup /usr/bin/lineup
COPY web /usr/share/lineup/web
COPY migrations /usr/share/lineup/migrations
USER lineup
WORKDIR /var/lib/lineup
ENV LINEUP_DATA_DIR=/var/lib/lineup/data \
    LINEUP_BIND_ADDRESS=0.0.0.0 \
    LINEUP_WEB_ROOT=/usr/share/lineup/web \
    LINEUP_MIGRATIONS_DIR=/usr/share/lineup/migrations
EXPOSE 8080 1935
VOLUME /var/lib/lineup/data
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s CMD curl -fsS http://127.0.0.1:8080/healthz || exit 1
STOPSIGNAL SIGTERM
ENTRYPOINT ["lineup"]
CMD ["serve"]
