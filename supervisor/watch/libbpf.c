// SPDX-License-Identifier: Apache-2.0
#include "watch/libbpf.h"

#include <bpf/libbpf.h>
#include <stdarg.h>

#include "watch/probe.h"

static bool verbose;

PRINTF_LIKE(2, 0) static int print(enum libbpf_print_level level, const char *format, va_list args)
{
	if (!verbose || level == LIBBPF_DEBUG)
		return 0;
	return vfprintf(stderr, format, args);
}

void watch_verbose(bool on)
{
	verbose = on;
}

void watch_libbpf_init(void)
{
	libbpf_set_print(print);
}
