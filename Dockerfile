FROM denoland/deno:2.9.6@sha256:2014dc167ece617ef7e7ba40631ac2234c59e75ce693e7cc2dc2602b3c87859d AS build
WORKDIR /app
# Before the sources, so that a change of code does not fetch the packages again.
COPY deno.json deno.lock ./
RUN deno install --frozen
COPY src src
COPY tests/tools/third_party.ts tests/tools/third_party.ts
RUN deno task compile && deno task licenses

# "cc" because the binary needs glibc and libgcc; it has CA certificates, and no shell.
FROM gcr.io/distroless/cc-debian12:nonroot@sha256:9dac0a79194e45a7da0158a9c6da57b217585af0786db3845d1f0ec1a0dd182f
LABEL org.opencontainers.image.title="nomad-crashloop-detector" \
      org.opencontainers.image.description="Tells when a Nomad allocation is in a crash loop" \
      org.opencontainers.image.licenses="BSD-3-Clause"
COPY LICENSE /usr/share/doc/nomad-crashloop-detector/LICENSE
COPY --from=build /app/dist/THIRD-PARTY-LICENSES.txt /usr/share/doc/nomad-crashloop-detector/THIRD-PARTY-LICENSES.txt
COPY --from=build /app/dist/nomad-crashloop-detector /usr/local/bin/nomad-crashloop-detector
ENTRYPOINT ["/usr/local/bin/nomad-crashloop-detector"]
