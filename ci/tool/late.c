// SPDX-License-Identifier: BSD-2-Clause
/* How late this machine is; the theory of operation is in the header. */

#include "ci/tool/late.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <time.h>

#define EVERY_US 5000

static _Atomic uint64_t longest_us;

static int64_t now_us(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void *watch(void *unused)
{
	(void)unused;
	for (int64_t due = now_us() + EVERY_US;; due = now_us() + EVERY_US) {
		struct timespec until = {due / 1000000, due % 1000000 * 1000};
		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
		int64_t late = now_us() - due;
		if (late > (int64_t)longest_us)
			longest_us = (uint64_t)late;
	}
	return NULL;
}

void late_watch(void)
{
	pthread_t thread;
	sigset_t all, before;
	/* Signals are for the program's own thread. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	if (pthread_create(&thread, NULL, watch, NULL) == 0)
		pthread_detach(thread);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
}

uint64_t late_ms(void)
{
	return longest_us / 1000;
}
