#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Random pairs of policy and command: `bailiff policy explain` answers what the exec gate does.
. "$(dirname "$0")/lib.sh"

start_supervisor || { not_ok "the supervisor starts"; finish; }
SUDO_UID=$(id -u "$RUN_USER") SUDO_GID=$(id -g "$RUN_USER")
export SUDO_UID SUDO_GID
/usr/bin/python3 "$(dirname "$0")/explain_agrees.py" "$BAILIFF" "$WORK" "$T" "$STATE" "$RUNTIME" "$(whole_default)"
