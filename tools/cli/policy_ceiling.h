/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_POLICY_CEILING_H
#define CLI_POLICY_CEILING_H

/* `bailiff policy ceiling`: checks the ceiling of this host, or makes the image that the supervisor asks for. */
int policy_ceiling(int argc, char **argv);

#endif
