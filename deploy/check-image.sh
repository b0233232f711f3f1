#!/bin/sh
# Proves the Dockerfile where there is no Docker: runs its own RUN step in a scratch copy of what is committed, keeps what its last stage
# copies, and starts every service of docker-compose.yml from there (the compose test). Needs Node 24, npm's registry or cache, and the
# sources compiled; about a minute.
set -eu
cd "$(dirname "$0")/.."
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
mkdir "$scratch/build" "$scratch/image"
git archive HEAD | tar -x -C "$scratch/build"
(cd "$scratch/build" && NX_DAEMON=false && export NX_DAEMON && eval "$(sed -n '/AS build/,/^FROM node.*slim$/s/^RUN //p' Dockerfile)")
sed -n 's/^COPY --from=build \/sallyport\/\([^ ]*\) .*/\1/p' Dockerfile | while read -r part; do mv "$scratch/build/$part" "$scratch/image/"; done
du -sh "$scratch/image"
SALLYPORT_IMAGE_ROOT="$scratch/image" node --experimental-vm-modules node_modules/jest/bin/jest.js -i --forceExit apps/standalone/test/compose.int.spec.ts
