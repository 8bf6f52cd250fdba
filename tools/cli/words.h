/* SPDX-License-Identifier: Apache-2.0 */
/* The words of wire.h's numbers, for people and for JSON. Never NULL: an unknown number is
 * "unknown". */
#ifndef CLI_WORDS_H
#define CLI_WORDS_H

#include <jansson.h>
#include <stdint.h>

const char *word_status(uint32_t status);
const char *word_cause(uint32_t cause);
const char *word_network(uint32_t mode);
const char *word_workspace(uint32_t mode);
/* A string for JSON: bytes that are not UTF-8 are escaped as text_escape() does. New reference. */
json_t *word_json(const char *text);

#endif
