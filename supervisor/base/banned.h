/* SPDX-License-Identifier: Apache-2.0 */
/* Force-included in every file of ours: pulls in libc's headers, then makes each function that
 * is easy to misuse an error that names what to use. */
#ifndef BASE_BANNED_H
#define BASE_BANNED_H

#include <linux/bpf.h> /* it names strtol and strtoul as helpers, which poison would refuse later */
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#undef strcpy
#undef strcat
#undef strncpy
#undef strncat
#undef sprintf
#undef vsprintf
#undef strtok
#undef atoi
#undef atol
#undef strtol
#undef strtoul
#undef strerror
#undef system
#undef popen
#undef execvp
#undef execlp
#undef mktemp
#undef tmpnam
#undef realpath
#undef access
#undef signal
#undef rand
#undef localtime
#undef ctime
#undef gets

#pragma GCC poison strcpy strcat strncpy strncat sprintf vsprintf strtok atoi atol strtol strtoul
#pragma GCC poison strerror system popen execvp execlp mktemp tmpnam realpath
#pragma GCC poison localtime ctime gets
/* libcrypto's headers name a parameter so; only the call is banned. */
#define rand() rand_is_banned_use_getrandom

#endif
