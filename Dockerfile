# Builds the binary from source, then leaves nothing but it in the image. It runs
# what its arguments say: `start --head --block …` for a node, `run app.ts` for a
# driver. docs/operating.md has examples.
FROM node:22-slim AS build
WORKDIR /manta
COPY . .
RUN ./scripts/build

FROM debian:stable-slim
COPY --from=build /manta/dist/manta /usr/local/bin/manta
# Tasks run any code: not as root.
RUN useradd --create-home --uid 10001 manta \
  && mkdir --mode 0700 /home/manta/.config \
  && chown manta:manta /home/manta/.config
USER manta
WORKDIR /home/manta
EXPOSE 6380
STOPSIGNAL SIGTERM
ENTRYPOINT ["manta"]
CMD ["--help"]
