/* SPDX-License-Identifier: Apache-2.0 */
/* Which shipped policy fits a program. A convenience for who types the command and no security decision:
 * the caller decides, by -p or by the name that he types. Pure. */
#ifndef CLI_PRESET_H
#define CLI_PRESET_H

/* The policy for a command as it was typed, by the last component of its name; NULL when none fits. */
const char *preset_of(const char *command);

#endif
