#!/usr/bin/env bash
# The browser tests drive Debian's Chromium; install it once if it is not there.
set -euo pipefail
command -v chromium >/dev/null && exit 0
if ! command -v apt-get >/dev/null; then
  echo "The browser tests need the command 'chromium': install it with your system's package manager." >&2
  exit 1
fi
sudo=""; [ "$(id -u)" = 0 ] || sudo=sudo
$sudo apt-get update -qq
DEBIAN_FRONTEND=noninteractive $sudo apt-get install -y -qq chromium >/dev/null
