FROM denoland/deno:2.9.6 AS build
WORKDIR /app
# Before the sources, so that a change of code does not fetch the packages again.
COPY deno.json deno.lock ./
RUN deno install --frozen
COPY src src
RUN deno task compile

# "cc" because the binary needs glibc and libgcc; it has CA certificates, and no shell.
FROM gcr.io/distroless/cc-debian12:nonroot
LABEL org.opencontainers.image.title="nomad-crashloop-detector" \
      org.opencontainers.image.description="Tells when a Nomad allocation is in a crash loop" \
      org.opencontainers.image.licenses="BSD-3-Clause"
COPY --from=build /app/dist/nomad-crashloop-detector /usr/local/bin/nomad-crashloop-detector
ENTRYPOINT ["/usr/local/bin/nomad-crashloop-detector"]
