/* SPDX-License-Identifier: Apache-2.0 */
#include "run/heartbeat.h"

void heartbeat_start(struct heartbeat *heartbeat, const struct plan_heartbeat *config,
		     uint64_t now_ns)
{
	*heartbeat = (struct heartbeat){
		.config = *config, .start_ns = now_ns, .beat_ns = now_ns, .activity_ns = now_ns,
	};
}

void heartbeat_beat(struct heartbeat *heartbeat, uint64_t now_ns)
{
	if (heartbeat->paused_ns) {
		heartbeat->rejected++;
		return;
	}
	heartbeat->beat_ns = MAX(heartbeat->beat_ns, now_ns);
	heartbeat->extend_ns = 0;
}

void heartbeat_extend(struct heartbeat *heartbeat, uint64_t extend_ns)
{
	heartbeat->extend_ns = MIN(extend_ns, heartbeat->config.max_extend_ns);
}

void heartbeat_activity(struct heartbeat *heartbeat, uint64_t last_boot_ns, uint64_t boot_now_ns,
			uint64_t now_ns)
{
	uint64_t age;

	if (last_boot_ns <= heartbeat->seen_boot_ns)
		return;
	heartbeat->seen_boot_ns = last_boot_ns;
	age = boot_now_ns > last_boot_ns ? boot_now_ns - last_boot_ns : 0;
	/* An age above what this clock has counted since the start includes a suspend. */
	if (age > now_ns - MIN(now_ns, heartbeat->start_ns))
		age = 0;
	heartbeat->activity_ns = MAX(heartbeat->activity_ns, now_ns - age);
	heartbeat->extend_ns = 0;
}

void heartbeat_pause(struct heartbeat *heartbeat, uint64_t now_ns)
{
	if (!heartbeat->paused_ns)
		heartbeat->paused_ns = now_ns;
}

void heartbeat_resume(struct heartbeat *heartbeat, uint64_t now_ns)
{
	uint64_t slept;

	if (!heartbeat->paused_ns)
		return;
	slept = now_ns > heartbeat->paused_ns ? now_ns - heartbeat->paused_ns : 0;
	heartbeat->start_ns += slept;
	heartbeat->beat_ns += slept;
	heartbeat->activity_ns += slept;
	heartbeat->paused_ns = 0;
}

static uint64_t later(uint64_t from_ns, uint64_t by_ns)
{
	uint64_t sum;

	return __builtin_add_overflow(from_ns, by_ns, &sum) ? HEARTBEAT_NEVER : sum;
}

static uint64_t last_sign(const struct heartbeat *heartbeat)
{
	switch ((enum heartbeat_mode)heartbeat->config.mode) {
	case HEARTBEAT_EXPLICIT:
		return heartbeat->beat_ns;
	case HEARTBEAT_ACTIVITY:
		return heartbeat->activity_ns;
	case HEARTBEAT_EITHER:
		return MAX(heartbeat->beat_ns, heartbeat->activity_ns);
	case HEARTBEAT_BOTH:
		return MIN(heartbeat->beat_ns, heartbeat->activity_ns);
	case HEARTBEAT_OFF:
		return HEARTBEAT_NEVER;
	}
	return 0;
}

uint64_t heartbeat_deadline(const struct heartbeat *heartbeat)
{
	uint64_t grace, silence;

	if (heartbeat->paused_ns || heartbeat->config.mode == HEARTBEAT_OFF ||
	    heartbeat->config.ttl_ns == 0)
		return HEARTBEAT_NEVER;
	grace = later(heartbeat->start_ns, heartbeat->config.grace_start_ns);
	silence = later(later(last_sign(heartbeat), heartbeat->config.ttl_ns), heartbeat->extend_ns);
	return MAX(grace, silence);
}
