/* SPDX-License-Identifier: Apache-2.0 */
/* The generated skeletons, whose code does not keep our warnings. */
#ifndef WATCH_SKELETONS_H
#define WATCH_SKELETONS_H

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wcast-qual"
#include "gen/probe.skel.h"
#include "gen/observer.skel.h"
#pragma GCC diagnostic pop

#endif
