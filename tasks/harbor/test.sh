#!/bin/bash
# Grades a task that was exported: the hidden tests are applied last, then verify.mjs writes the reward.
mkdir -p /logs/verifier
echo 0 > /logs/verifier/reward.txt
cd "${HARNESS_REPOSITORY:-/workspace/repo}" || exit 0
node "$(dirname "$0")/verify.mjs" "$(dirname "$0")" && echo 1 > /logs/verifier/reward.txt
exit 0
