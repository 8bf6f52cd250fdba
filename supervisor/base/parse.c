/* SPDX-License-Identifier: Apache-2.0 */
#include "base/parse.h"

#include <errno.h>

int parse_u64(struct slice text, uint64_t min, uint64_t max, uint64_t *ret_value)
{
	uint64_t value = 0;

	if (text.len == 0 || (text.len > 1 && text.data[0] == '0'))
		return -EINVAL;
	for (size_t i = 0; i < text.len; i++) {
		uint8_t digit = (uint8_t)(text.data[i] - '0');

		if (digit > 9)
			return -EINVAL;
		if (__builtin_mul_overflow(value, (uint64_t)10, &value) ||
		    __builtin_add_overflow(value, (uint64_t)digit, &value))
			return -ERANGE;
	}
	if (value < min || value > max)
		return -ERANGE;
	*ret_value = value;
	return 0;
}

int parse_u32(struct slice text, uint32_t min, uint32_t max, uint32_t *ret_value)
{
	uint64_t value;
	int r = parse_u64(text, min, max, &value);

	if (r < 0)
		return r;
	*ret_value = (uint32_t)value;
	return 0;
}

int parse_uid(struct slice text, uid_t *ret_uid)
{
	return parse_u32(text, 0, UINT32_MAX - 1, ret_uid);
}

struct unit {
	const char *name;
	uint64_t factor;
};

static int parse_with_unit(struct slice text, const struct unit *units, size_t unit_count,
			   uint64_t *ret_value)
{
	struct slice digits = { .data = text.data };
	struct slice name;
	uint64_t value;
	int r;

	while (digits.len < text.len && (uint8_t)(text.data[digits.len] - '0') <= 9)
		digits.len++;
	r = parse_u64(digits, 0, UINT64_MAX, &value);
	if (r < 0)
		return r;
	name = slice_new(text.data + digits.len, text.len - digits.len);
	if (name.len == 0 && value == 0) {
		*ret_value = 0;
		return 0;
	}
	for (size_t i = 0; i < unit_count; i++) {
		if (!slice_is(name, units[i].name))
			continue;
		if (__builtin_mul_overflow(value, units[i].factor, &value))
			return -ERANGE;
		*ret_value = value;
		return 0;
	}
	return -EINVAL;
}

int parse_duration(struct slice text, uint64_t *ret_ns)
{
	static const struct unit units[] = {
		{ "ms", 1000000U },         { "s", 1000000000U },       { "m", 60000000000U },
		{ "h", 3600000000000U },    { "d", 86400000000000U },
	};

	return parse_with_unit(text, units, COUNT(units), ret_ns);
}

int parse_size(struct slice text, uint64_t *ret_bytes)
{
	static const struct unit units[] = {
		{ "B", 1 },
		{ "K", 1U << 10 },   { "M", 1U << 20 },   { "G", 1U << 30 },   { "T", 1ULL << 40 },
		{ "KiB", 1U << 10 }, { "MiB", 1U << 20 }, { "GiB", 1U << 30 }, { "TiB", 1ULL << 40 },
	};

	return parse_with_unit(text, units, COUNT(units), ret_bytes);
}
