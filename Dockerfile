# One image for each service: docker build --build-arg APP=policy-decision .
FROM node:24-bookworm-slim AS build
WORKDIR /sallyport
ENV NX_DAEMON=false
COPY . .
RUN npm ci --no-audit --no-fund && node tools/build.mjs && npm prune --omit=dev --omit=optional --no-audit --no-fund

FROM node:24-bookworm-slim
ARG APP
ENV NODE_ENV=production SALLYPORT_APP=${APP}
WORKDIR /sallyport
COPY --from=build /sallyport/package.json ./
COPY --from=build /sallyport/node_modules ./node_modules
COPY --from=build /sallyport/libs ./libs
COPY --from=build /sallyport/apps ./apps
# What a proxy keeps: a volume that is mounted here takes this owner.
RUN mkdir -p /var/lib/sallyport && chown node:node /var/lib/sallyport
USER node
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=5s --timeout=3s --start-period=20s CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.SALLYPORT_HTTP_PORT ?? process.env.SALLYPORT_ISSUER_PORT}/healthz`).then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
CMD ["/bin/sh", "-c", "exec node --enable-source-maps apps/$SALLYPORT_APP/dist/main.js"]
