#!/bin/sh
# Makes .venv-analysis with halmos and slither, which pin other versions of what the product uses. Runs in seconds; does nothing if done.
set -eu
cd "$(dirname "$0")/.."
wanted="halmos==0.3.3 slither-analyzer==0.11.6"
if [ "$(cat .venv-analysis/.installed 2>/dev/null)" = "$wanted" ]; then exit 0; fi
${PYTHON:-python3} -m venv .venv-analysis
.venv-analysis/bin/pip install --quiet $wanted
printf '%s' "$wanted" > .venv-analysis/.installed
