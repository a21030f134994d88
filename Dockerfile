# Builds the binary from source, then leaves nothing but it in the image.
FROM node:22-slim AS build
WORKDIR /manta
COPY . .
RUN ./scripts/build

FROM debian:stable-slim
COPY --from=build /manta/dist/manta /usr/local/bin/manta
WORKDIR /app
ENTRYPOINT ["manta"]
CMD ["--help"]
